//! For people at a terminal.

use kpol_grammar::diagnostic::{Diagnostic, Severity as Level};

use super::{
    Paint, Role, level_word, plain,
    snippet::{Snippet, Snippets},
};
use crate::{
    CliError,
    report::{Finding, Outcome, Problem, Report, TestOutcome, TestResult},
};

pub(crate) fn report(report: &Report, paint: &Paint) -> String {
    let snippets = Snippets::new(*paint);
    let mut parts: Vec<String> = Vec::new();
    parts.extend(
        report.diagnostics.iter().map(|diagnostic| snippets.draw(&of_diagnostic(diagnostic, report))),
    );
    parts.extend(report.problems.iter().map(|problem| snippets.draw(&of_problem(problem, "error"))));
    parts.extend(report.notes.iter().map(|note| snippets.draw(&of_problem(note, "warning"))));
    parts.extend(findings(report, snippets, *paint));
    parts.extend(report.traces.iter().map(|trace| format!("{}\n", plain::lines(trace.trim_end()))));
    parts.extend(report.tests.iter().filter_map(|result| test(result, snippets, *paint)));
    parts.join("\n")
}

/// The summary below everything.
pub(crate) fn summary(report: &Report, paint: &Paint) -> String {
    if report.summary.is_empty() {
        return String::new();
    }
    let counts = report.counts();
    let role = if counts.errors + counts.problems + counts.denied + counts.failed > 0 {
        Role::Error
    } else if counts.warnings + counts.warned > 0 {
        Role::Warning
    } else {
        Role::Good
    };
    format!("{}\n", paint.on(role, plain::line(&report.summary)))
}

/// What keeps the command from doing its job.
pub(crate) fn error(error: &CliError, paint: &Paint) -> String {
    let mut out = format!("{}: {}\n", paint.on(Role::Error, "error"), plain::line(&error.to_string()));
    for help in error.helps() {
        out.push_str(&format!("  {}: {help}\n", paint.on(Role::Good, "help")));
    }
    out
}

fn of_diagnostic<'d>(diagnostic: &'d Diagnostic, report: &Report) -> Snippet<'d> {
    let labels = diagnostic.labels.iter();
    let helps = diagnostic.helps.iter().map(|help| ("help", help.clone()));
    let notes = diagnostic.notes.iter().map(|note| ("note", note.clone()));
    Snippet {
        kind: format!("{}[{}]", level_word(diagnostic.severity), diagnostic.code),
        role: level_role(diagnostic.severity),
        message: &diagnostic.message,
        labels: labels.filter_map(|label| Some((report.place(label.span)?, label.text.as_str()))).collect(),
        remarks: helps.chain(notes).collect(),
        foot: Some(format!("`kpolc explain {}`", diagnostic.code)),
    }
}

fn of_problem<'p>(problem: &'p Problem, level: &str) -> Snippet<'p> {
    let first = problem.place.iter().map(|place| (place.clone(), ""));
    let second = problem.secondary.iter().map(|(place, words)| (place.clone(), words.as_str()));
    let file = problem.file.iter().filter(|_| problem.place.is_none()).map(|file| ("file", file.clone()));
    Snippet {
        kind: level.to_owned(),
        role: if level == "error" { Role::Error } else { Role::Warning },
        message: &problem.message,
        labels: first.chain(second).collect(),
        remarks: file.chain(problem.help.iter().map(|help| ("help", help.clone()))).collect(),
        foot: None,
    }
}

/// Findings, a headline for each object.
fn findings(report: &Report, snippets: Snippets, paint: Paint) -> Vec<String> {
    let mut parts = Vec::new();
    for group in report.findings.chunk_by(|a, b| a.object == b.object && a.file == b.file) {
        let Some(first) = group.first() else { continue };
        let mut part = format!(
            "{}  {}\n",
            paint.on(Role::Strong, plain::line(&first.object)),
            paint.on(Role::Dim, plain::line(&first.file))
        );
        for finding in group {
            part.push_str(&snippets.draw(&of_finding(finding)));
        }
        parts.push(part);
    }
    parts
}

fn of_finding(finding: &Finding) -> Snippet<'_> {
    let kind = match finding.severity {
        Some(severity) => format!("{}[{}]", finding.outcome.word(), super::severity_word(severity)),
        None => finding.outcome.word().to_owned(),
    };
    let fix = finding.fix.iter().map(|fix| ("fix", fix.clone()));
    let exception = finding.exception.iter().map(|exception| ("note", exception.clone()));
    let why = finding.why.iter().map(|why| ("why", why.clone()));
    Snippet {
        kind,
        role: outcome_role(finding.outcome),
        message: &finding.message,
        labels: finding.place.iter().map(|place| (place.clone(), finding.rule.as_str())).collect(),
        remarks: fix.chain(exception).chain(why).collect(),
        foot: Some(references(finding)).filter(|text| !text.is_empty()),
    }
}

/// Wider than this, references are counted instead of shown.
const MAX_REFERENCES: usize = 72;

/// What the rule stands for: techniques, benchmark numbers, controls.
fn references(finding: &Finding) -> String {
    let cis = finding.cis.iter().map(|number| format!("CIS {number}"));
    let controls = finding.tags.iter().filter(|tag| kpol_stdlib::controls::control(tag).is_some());
    let controls = controls.filter(|tag| finding.cis.is_empty() || !tag.starts_with("cis.")).cloned();
    let all: Vec<String> = finding.mitre.iter().cloned().chain(cis).chain(controls).collect();
    let mut shown = String::new();
    for (index, reference) in all.iter().enumerate() {
        if shown.len() + reference.len() > MAX_REFERENCES {
            return format!("{shown} and {} more", all.len() - index);
        }
        shown.push_str(if index == 0 { "" } else { ", " });
        shown.push_str(reference);
    }
    shown
}

/// A test that did not pass.
fn test(result: &TestResult, snippets: Snippets, paint: Paint) -> Option<String> {
    let name = format!("{} \"{}\"", result.subject, result.name);
    match &result.outcome {
        TestOutcome::Passed => None,
        TestOutcome::Skipped(why) => Some(format!(
            "{}: {}\n",
            paint.on(Role::Warning, "skipped"),
            plain::line(&format!("{name}: {why}"))
        )),
        TestOutcome::Failed(failures) => {
            let draw = |failure: &crate::report::TestFailure| {
                snippets.draw(&Snippet {
                    kind: "failed".to_owned(),
                    role: Role::Error,
                    message: &name,
                    labels: vec![(failure.place.clone(), failure.message.as_str())],
                    remarks: failure.notes.iter().map(|note| ("note", note.clone())).collect(),
                    foot: None,
                })
            };
            Some(failures.iter().map(draw).collect())
        }
    }
}

fn level_role(level: Level) -> Role {
    match level {
        Level::Error => Role::Error,
        Level::Warning => Role::Warning,
        Level::Note => Role::Note,
    }
}

fn outcome_role(outcome: Outcome) -> Role {
    match outcome {
        Outcome::Denied => Role::Error,
        Outcome::Warned => Role::Warning,
        Outcome::Recorded => Role::Note,
        Outcome::Excepted => Role::Dim,
    }
}
