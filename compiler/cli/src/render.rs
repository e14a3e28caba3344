//! Reports as text, in six formats.

mod excerpt;
mod github;
mod human;
mod json;
mod junit;
mod page;
mod paint;
mod plain;
mod sarif;
mod short;
mod snippet;
mod table;

pub(crate) use human::error;
pub(crate) use json::SCHEMA;
pub(crate) use page::page;
pub(crate) use paint::{Paint, Role};
pub(crate) use plain::lines as safe_lines;
pub(crate) use table::table;

use kpol_grammar::diagnostic::{Diagnostic, Severity};
use serde::Serialize;

use crate::{
    CliError, Io,
    args::{Format, Global},
    report::{Problem, Report},
};

/// Writes a report in the format that was asked for, or that suits the place.
pub(crate) fn write(
    report: &Report,
    format: Option<Format>,
    global: &Global,
    io: &mut Io,
) -> Result<(), CliError> {
    let format = format.unwrap_or_else(|| fitting(io));
    match format {
        Format::Human => {
            let paint = Paint::new(io.colored_stdout(global.color));
            io.out(&human::report(report, &paint));
        }
        Format::Short => io.out(&short::report(report)),
        Format::Json => io.out(&json::report(report)?),
        Format::Sarif => io.out(&sarif::report(report)?),
        Format::Junit => io.out(&junit::report(report)?),
        Format::Github => {
            io.out(&github::annotations(report));
            github::summary(report, io)?;
        }
    }
    let has_why = !report.traces.is_empty() || report.findings.iter().any(|finding| finding.why.is_some());
    if has_why && !matches!(format, Format::Human | Format::Json) && !global.quiet {
        io.err("note: this format has no place for --why; `human` and `json` have\n");
    }
    if matches!(format, Format::Human | Format::Short | Format::Github) && !global.quiet {
        let paint = Paint::new(io.colored_stderr(global.color));
        io.err(&human::summary(report, &paint));
    }
    Ok(())
}

/// A report for people, for stderr.
pub(crate) fn on_stderr(report: &Report, global: &Global, io: &Io) -> String {
    human::report(report, &Paint::new(io.colored_stderr(global.color)))
}

/// Problems as errors, notes as warnings.
fn problems_and_notes(report: &Report) -> impl Iterator<Item = (&Problem, &'static str)> {
    let problems = report.problems.iter().map(|problem| (problem, "error"));
    problems.chain(report.notes.iter().map(|note| (note, "warning")))
}

/// Annotations where GitHub reads along, and says so; else for people.
fn fitting(io: &mut Io) -> Format {
    if io.env("GITHUB_ACTIONS").as_deref() == Some("true") && !io.stdout_terminal {
        io.err("note: writing annotations for GitHub Actions; `--format human` writes for people\n");
        Format::Github
    } else {
        Format::Human
    }
}

/// `error`, `warning`, `note`.
fn level_word(level: Severity) -> &'static str {
    match level {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// The message with what its first mark says: enough where there is no text to mark.
fn headline(diagnostic: &Diagnostic) -> String {
    match diagnostic.labels.first().filter(|label| !label.text.is_empty()) {
        Some(label) => format!("{}: {}", diagnostic.message, label.text),
        None => diagnostic.message.clone(),
    }
}

/// JSON, indented, with a line break at its end.
fn to_json(value: &impl Serialize) -> Result<String, CliError> {
    serde_json::to_string_pretty(value).map(|text| text + "\n").map_err(CliError::Encode)
}

/// `critical`.
fn severity_word(severity: kpol_vm::ir::Severity) -> &'static str {
    use kpol_vm::ir::Severity;
    match severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}
