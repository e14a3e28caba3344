//! Reports for programs: one JSON object, or a line for each finding.

use std::io::{self, Write};

use kpol_vm::ir::Severity;
use serde::Serialize;

use super::{
    About, Control, ControlRow, Failure, Finding, NamespaceRow, Report, Rule, RuleRow, SEVERITIES,
    Severities, Summary, severity_word,
};

/// The form of both.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'r> {
    version: u32,
    about: &'r About,
    totals: Totals,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Since<'r>>,
    controls: Vec<ControlRow<'r>>,
    namespaces: Vec<Named<'r>>,
    rules: Vec<&'r RuleRow>,
    failures: &'r [Failure],
    findings: Vec<Line<'r>>,
}

#[derive(Serialize)]
struct Totals {
    ended: jiff::Timestamp,
    objects: u64,
    clean: u64,
    errors: u64,
    skipped: u64,
    omitted: u64,
    left_out: u64,
    counts: super::Counts,
    severities: Severities,
}

/// What has changed since the last run: more violations are positive.
#[derive(Serialize)]
struct Since<'r> {
    ended: &'r jiff::Timestamp,
    objects: i128,
    violations: i128,
    severities: std::collections::BTreeMap<&'static str, i128>,
}

#[derive(Serialize)]
struct Named<'r> {
    namespace: &'r str,
    #[serde(flatten)]
    row: &'r NamespaceRow,
}

/// A finding with what its rule says.
#[derive(Serialize)]
struct Line<'r> {
    #[serde(flatten)]
    finding: &'r Finding,
    severity: Option<Severity>,
    controls: &'r [Control],
}

impl<'r> Line<'r> {
    fn new((rule, finding): (&'r Rule, &'r Finding)) -> Line<'r> {
        Line { finding, severity: rule.severity, controls: &rule.controls }
    }
}

/// The last line.
#[derive(Serialize)]
struct Last<'r> {
    version: u32,
    about: &'r About,
    totals: Totals,
    summary: Summary,
}

impl Totals {
    fn of(report: &Report) -> Totals {
        Totals {
            ended: report.ended(),
            objects: report.objects(),
            clean: report.clean(),
            errors: report.errors(),
            skipped: report.skipped(),
            omitted: report.omitted(),
            left_out: report.left_out(),
            counts: report.counts(),
            severities: report.severities(),
        }
    }
}

impl<'r> Since<'r> {
    fn of(report: &'r Report) -> Option<Since<'r>> {
        let before = report.previous.as_ref()?;
        let by = |now: u64, before: u64| i128::from(now) - i128::from(before);
        let severities = SEVERITIES.map(|severity| {
            let change = by(report.severities().with(severity), before.severities.with(severity));
            (severity_word(severity), change)
        });
        Some(Since {
            ended: &before.ended,
            objects: by(report.objects(), before.objects),
            violations: by(report.counts().violations(), before.counts.violations()),
            severities: severities.into_iter().collect(),
        })
    }
}

/// Everything in one object, indented.
///
/// # Errors
/// When the writer says no.
pub fn json(report: &Report, to: impl Write) -> io::Result<()> {
    let document = Document {
        version: VERSION,
        about: &report.about,
        totals: Totals::of(report),
        since: Since::of(report),
        controls: report.controls(),
        namespaces: report.namespaces().map(|(namespace, row)| Named { namespace, row }).collect(),
        rules: report.rules().collect(),
        failures: report.failures(),
        findings: report.findings().map(Line::new).collect(),
    };
    let mut to = to;
    serde_json::to_writer_pretty(&mut to, &document)?;
    to.write_all(b"\n")
}

/// One line for each finding that is kept, and a last one with the totals and the [`Summary`].
///
/// # Errors
/// When the writer says no.
pub fn json_lines(report: &Report, mut to: impl Write) -> io::Result<()> {
    for line in report.findings().map(Line::new) {
        serde_json::to_writer(&mut to, &line)?;
        to.write_all(b"\n")?;
    }
    let last = Last {
        version: VERSION,
        about: &report.about,
        totals: Totals::of(report),
        summary: Summary::of(report),
    };
    serde_json::to_writer(&mut to, &last)?;
    to.write_all(b"\n")
}
