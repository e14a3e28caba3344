//! For GitHub Actions: a workflow command per result, which becomes an annotation, and a job summary in Markdown.

use std::{fmt::Write as _, io::Write as _};

use kpol_grammar::diagnostic::Severity as Level;

use super::problems_and_notes;
use crate::{
    CliError, Io,
    report::{Outcome, Place, Report, TestOutcome},
};

/// What the file that `GITHUB_STEP_SUMMARY` names may grow to; GitHub refuses more than a MiB.
const MAX_SUMMARY_ROWS: usize = 500;

/// One annotation.
struct Annotation<'r> {
    level: &'static str,
    place: Option<Place>,
    file: Option<&'r str>,
    title: String,
    message: String,
}

pub(crate) fn annotations(report: &Report) -> String {
    let mut out = String::new();
    each(report, &mut |annotation| {
        let mut properties = Vec::new();
        let file = annotation.place.as_ref().map(|place| place.text.name.as_str()).or(annotation.file);
        if let Some(file) = file.filter(|file| !file.starts_with('<')) {
            properties.push(format!("file={}", property(file)));
        }
        if let Some(place) = &annotation.place {
            let ((line, column), (end_line, end_column)) = (place.start(), place.end());
            properties.push(format!("line={line},endLine={end_line}"));
            // GitHub takes columns only of one line.
            if line == end_line {
                properties.push(format!("col={column},endColumn={end_column}"));
            }
        }
        properties.push(format!("title={}", property(&annotation.title)));
        let _ =
            writeln!(out, "::{} {}::{}", annotation.level, properties.join(","), data(&annotation.message));
    });
    out
}

/// Appends to the job summary, if there is one.
pub(crate) fn summary(report: &Report, io: &Io) -> Result<(), CliError> {
    let Some(path) = io.env("GITHUB_STEP_SUMMARY") else { return Ok(()) };
    let path = io.at(std::path::Path::new(&path));
    let failed = |error| CliError::Write { path: path.clone(), error };
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(&path).map_err(failed)?;
    file.write_all(markdown(report).as_bytes()).map_err(failed)
}

fn markdown(report: &Report) -> String {
    let mut out = format!("### kpolc {}\n\n{}\n", report.command, report.summary);
    let (mut rows, mut more) = (String::new(), 0_usize);
    let mut count = 0;
    each(report, &mut |annotation| {
        count += 1;
        if count > MAX_SUMMARY_ROWS {
            more += 1;
            return;
        }
        let place = annotation
            .place
            .as_ref()
            .map(ToString::to_string)
            .or(annotation.file.map(str::to_owned))
            .unwrap_or_default();
        let message = annotation.message.lines().next().unwrap_or_default();
        let cells = [annotation.level, &annotation.title, message, &place].map(cell);
        let _ = writeln!(rows, "| {} |", cells.join(" | "));
    });
    if !rows.is_empty() {
        let _ = write!(out, "\n| level | what | message | where |\n| --- | --- | --- | --- |\n{rows}");
    }
    if more > 0 {
        let _ = write!(out, "\n{more} more are not shown.\n");
    }
    out.push('\n');
    out
}

fn each<'r>(report: &'r Report, give: &mut dyn FnMut(Annotation<'r>)) {
    for (problem, level) in problems_and_notes(report) {
        let message = with_lines(&problem.message, problem.help.iter().map(|help| format!("help: {help}")));
        let (place, file) = (problem.place.clone(), problem.file.as_deref());
        give(Annotation { level, place, file, title: "kpolc".to_owned(), message });
    }
    for diagnostic in &report.diagnostics {
        let helps = diagnostic.helps.iter().map(|help| format!("help: {help}"));
        let notes = diagnostic.notes.iter().map(|note| format!("note: {note}"));
        let level = match diagnostic.severity {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Note => "notice",
        };
        let label = diagnostic.labels.first().map(|label| label.text.clone()).filter(|text| !text.is_empty());
        let message = with_lines(&diagnostic.message, label.into_iter().chain(helps).chain(notes));
        let place = report.place_of(diagnostic);
        give(Annotation { level, place, file: None, title: diagnostic.code.to_owned(), message });
    }
    for finding in &report.findings {
        let level = match finding.outcome {
            Outcome::Denied => "error",
            Outcome::Warned => "warning",
            Outcome::Recorded | Outcome::Excepted => "notice",
        };
        let head = format!("{}: {}", finding.object, finding.message);
        let fix = finding.fix.iter().map(|fix| format!("fix: {fix}"));
        let exception = finding.exception.iter().cloned();
        let message = with_lines(&head, fix.chain(exception));
        let (place, file) = (finding.place.clone(), Some(finding.file.as_str()));
        give(Annotation { level, place, file, title: finding.rule.clone(), message });
    }
    for test in &report.tests {
        let TestOutcome::Failed(failures) = &test.outcome else { continue };
        for failure in failures {
            let message = with_lines(&failure.message, failure.notes.iter().cloned());
            let title = format!("{} \"{}\"", test.subject, test.name);
            give(Annotation {
                level: "error",
                place: Some(failure.place.clone()),
                file: None,
                title,
                message,
            });
        }
    }
}

fn with_lines(first: &str, rest: impl Iterator<Item = String>) -> String {
    std::iter::once(first.to_owned()).chain(rest).collect::<Vec<_>>().join("\n")
}

/// The message of a workflow command.
fn data(text: &str) -> String {
    super::plain::lines(&text.replace('\r', "")).replace('%', "%25").replace('\n', "%0A")
}

/// A property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// A cell of a Markdown table: what a manifest says is text there, never markup.
fn cell(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\n' | '\r' => out.push(' '),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '#' | '!' | '@' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{cell, data, property};

    #[test]
    fn what_a_manifest_says_cannot_begin_a_command() {
        assert_eq!(data("50%\r\n::error::x\u{1b}[0m"), "50%25%0A::error::x␛[0m");
        assert_eq!(property("a:b,c%\n"), "a%3Ab%2Cc%25%0A");
    }

    #[test]
    fn what_a_manifest_says_is_no_markup() {
        assert_eq!(cell("a|b <img> `x`\n[y](z)"), "a\\|b &lt;img> \\`x\\` \\[y\\](z)");
    }
}
