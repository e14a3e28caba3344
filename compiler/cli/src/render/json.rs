//! One JSON object. Its shape is version 1 and only ever grows; `report.schema.json` describes it.

use kpol_grammar::diagnostic::Fix;
use kpol_vm::ir::{Mode, Severity, Verb};
use serde::Serialize;

use super::{level_word, problems_and_notes};
use crate::{
    CliError,
    report::{Finding, Place, Report, TestOutcome, TestResult},
};

/// The schema of what [`report`] writes.
pub(crate) const SCHEMA: &str = include_str!("report.schema.json");

const VERSION: u32 = 1;

#[derive(Serialize)]
struct Out<'r> {
    version: u32,
    tool: Tool,
    command: &'r str,
    diagnostics: Vec<OutDiagnostic<'r>>,
    problems: Vec<OutProblem<'r>>,
    findings: Vec<OutFinding<'r>>,
    tests: Vec<OutTest<'r>>,
    traces: &'r [String],
    summary: OutSummary<'r>,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

/// A place: lines and columns count from 1, columns count characters; `start` and `end` are bytes.
#[derive(Serialize)]
struct OutPlace<'r> {
    file: &'r str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    start: usize,
    end: usize,
}

#[derive(Serialize)]
struct OutDiagnostic<'r> {
    code: &'r str,
    severity: &'static str,
    message: &'r str,
    place: Option<OutPlace<'r>>,
    labels: Vec<OutLabel<'r>>,
    helps: &'r [String],
    notes: &'r [String],
    fix: Option<OutFix<'r>>,
}

#[derive(Serialize)]
struct OutLabel<'r> {
    place: OutPlace<'r>,
    text: &'r str,
}

#[derive(Serialize)]
struct OutFix<'r> {
    place: OutPlace<'r>,
    replacement: &'r str,
}

#[derive(Serialize)]
struct OutProblem<'r> {
    severity: &'static str,
    message: &'r str,
    file: Option<&'r str>,
    place: Option<OutPlace<'r>>,
    help: Option<&'r str>,
}

#[derive(Serialize)]
struct OutFinding<'r> {
    rule: &'r str,
    doc: &'r str,
    severity: Option<Severity>,
    verb: Verb,
    mode: Mode,
    outcome: &'static str,
    message: &'r str,
    fix: Option<&'r str>,
    object: &'r str,
    file: &'r str,
    place: Option<OutPlace<'r>>,
    blames: Vec<&'r str>,
    mitre: &'r [String],
    cis: &'r [String],
    tags: &'r [String],
    refs: &'r [String],
    exception: Option<&'r str>,
    why: Option<&'r str>,
}

#[derive(Serialize)]
struct OutTest<'r> {
    subject: &'r str,
    name: &'r str,
    place: OutPlace<'r>,
    outcome: &'static str,
    failures: Vec<OutFailure<'r>>,
    reason: Option<&'r str>,
    seconds: f64,
}

#[derive(Serialize)]
struct OutFailure<'r> {
    message: &'r str,
    place: OutPlace<'r>,
    notes: &'r [String],
}

#[derive(Serialize)]
struct OutSummary<'r> {
    text: &'r str,
    errors: usize,
    warnings: usize,
    problems: usize,
    denied: usize,
    warned: usize,
    recorded: usize,
    excepted: usize,
    passed: usize,
    failed: usize,
    skipped: usize,
}

pub(crate) fn report(report: &Report) -> Result<String, CliError> {
    let counts = report.counts();
    let out = Out {
        version: VERSION,
        tool: Tool { name: "kpolc", version: env!("CARGO_PKG_VERSION") },
        command: report.command,
        diagnostics: report.diagnostics.iter().map(|diagnostic| of_diagnostic(diagnostic, report)).collect(),
        problems: problems_and_notes(report)
            .map(|(problem, severity)| OutProblem {
                severity,
                message: &problem.message,
                file: problem.file.as_deref(),
                place: problem.place.as_ref().map(place),
                help: problem.help.as_deref(),
            })
            .collect(),
        findings: report.findings.iter().map(of_finding).collect(),
        tests: report.tests.iter().map(of_test).collect(),
        traces: &report.traces,
        summary: OutSummary {
            text: &report.summary,
            errors: counts.errors,
            warnings: counts.warnings,
            problems: counts.problems,
            denied: counts.denied,
            warned: counts.warned,
            recorded: counts.recorded,
            excepted: counts.excepted,
            passed: counts.passed,
            failed: counts.failed,
            skipped: counts.skipped,
        },
    };
    super::to_json(&out)
}

fn place(place: &Place) -> OutPlace<'_> {
    let ((line, column), (end_line, end_column)) = (place.start(), place.end());
    let (start, end) = (place.range.start, place.range.end);
    OutPlace { file: &place.text.name, line, column, end_line, end_column, start, end }
}

fn of_diagnostic<'r>(
    diagnostic: &'r kpol_grammar::diagnostic::Diagnostic,
    report: &'r Report,
) -> OutDiagnostic<'r> {
    let at = |span| report.place_ref(span).map(|(text, range)| of_range(text, range));
    OutDiagnostic {
        code: diagnostic.code,
        severity: level_word(diagnostic.severity),
        message: &diagnostic.message,
        place: diagnostic.primary().and_then(at),
        labels: diagnostic
            .labels
            .iter()
            .filter_map(|label| Some(OutLabel { place: at(label.span)?, text: &label.text }))
            .collect(),
        helps: &diagnostic.helps,
        notes: &diagnostic.notes,
        fix: diagnostic
            .fix
            .as_ref()
            .and_then(|Fix { span, replacement }| Some(OutFix { place: at(*span)?, replacement })),
    }
}

fn of_range(text: &crate::report::Text, range: std::ops::Range<usize>) -> OutPlace<'_> {
    let (line, column) = text.line_col(range.start);
    let (end_line, end_column) = text.line_col(range.end);
    OutPlace { file: &text.name, line, column, end_line, end_column, start: range.start, end: range.end }
}

fn of_finding(finding: &Finding) -> OutFinding<'_> {
    OutFinding {
        rule: &finding.rule,
        doc: &finding.doc,
        severity: finding.severity,
        verb: finding.verb,
        mode: finding.mode,
        outcome: finding.outcome.word(),
        message: &finding.message,
        fix: finding.fix.as_deref(),
        object: &finding.object,
        file: &finding.file,
        place: finding.place.as_ref().map(place),
        blames: finding.blames.iter().map(|(path, _)| path.as_str()).collect(),
        mitre: &finding.mitre,
        cis: &finding.cis,
        tags: &finding.tags,
        refs: &finding.refs,
        exception: finding.exception.as_deref(),
        why: finding.why.as_deref(),
    }
}

fn of_test(test: &TestResult) -> OutTest<'_> {
    let failures = match &test.outcome {
        TestOutcome::Failed(failures) => failures.as_slice(),
        TestOutcome::Passed | TestOutcome::Skipped(_) => &[],
    };
    OutTest {
        subject: &test.subject,
        name: &test.name,
        place: place(&test.place),
        outcome: test.outcome.word(),
        failures: failures
            .iter()
            .map(|failure| OutFailure {
                message: &failure.message,
                place: place(&failure.place),
                notes: &failure.notes,
            })
            .collect(),
        reason: match &test.outcome {
            TestOutcome::Skipped(why) => Some(why),
            TestOutcome::Passed | TestOutcome::Failed(_) => None,
        },
        seconds: test.took.as_secs_f64(),
    }
}
