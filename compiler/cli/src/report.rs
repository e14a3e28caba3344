//! What a run found, as data: the same for every command and every format.
//!
//! ```text
//! check ─▶ diagnostics ─┐
//! eval  ─▶ findings    ─┼─▶ Report ──▶ render::{human, short, json, sarif, github, junit}
//! test  ─▶ tests       ─┘
//! ```

use std::{
    fmt,
    ops::Range,
    sync::{Arc, OnceLock},
    time::Duration,
};

use kpol_compiler::{Compiled, Role};
use kpol_grammar::{
    ast::{Item, ItemKind},
    diagnostic::{Diagnostic, Severity as Level},
    span::Span,
};
use kpol_manifest::ManifestError;
use kpol_vm::{
    evaluate::Effect,
    ir::{Mode, Severity, Verb},
};

use crate::Exit;

/// A text that results point into.
#[derive(Debug)]
pub(crate) struct Text {
    /// The path as the user knows it, or `<stdin>`.
    pub(crate) name: String,
    /// All of it.
    pub(crate) text: String,
    /// Where its lines start; found when the first place is asked for.
    lines: OnceLock<Vec<usize>>,
}

impl Text {
    pub(crate) fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Text> {
        Arc::new(Text { name: name.into(), text: text.into(), lines: OnceLock::new() })
    }

    /// Line and column of a byte offset, as [`kpol_manifest::line_col`] has them, for texts with many places.
    pub(crate) fn line_col(&self, offset: usize) -> (usize, usize) {
        let offset = self.text.floor_char_boundary(offset);
        let lines = self.lines.get_or_init(|| line_starts(&self.text));
        let line = lines.partition_point(|start| *start <= offset).max(1);
        let start = lines.get(line - 1).copied().unwrap_or_default();
        let before = self.text.get(start..offset).unwrap_or_default();
        (line, before.strip_prefix('\u{feff}').unwrap_or(before).chars().count() + 1)
    }

    /// Where a line's bytes are, without its end; lines count from 1.
    pub(crate) fn line(&self, line: usize) -> Range<usize> {
        let lines = self.lines.get_or_init(|| line_starts(&self.text));
        let start =
            line.checked_sub(1).and_then(|index| lines.get(index)).copied().unwrap_or(self.text.len());
        let end = lines.get(line).copied().unwrap_or(self.text.len());
        let text = self.text.get(start..end).unwrap_or_default();
        start..start + text.trim_end_matches(['\n', '\r']).len()
    }
}

/// `\n`, `\r\n` and a lone `\r` end lines.
fn line_starts(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let ends = bytes.iter().enumerate().filter(|(index, byte)| match byte {
        b'\n' => true,
        b'\r' => bytes.get(index + 1) != Some(&b'\n'),
        _ => false,
    });
    std::iter::once(0).chain(ends.map(|(index, _)| index + 1)).collect()
}

/// A range of bytes in a text.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) text: Arc<Text>,
    pub(crate) range: Range<usize>,
}

impl Place {
    /// Line and column of its start, from 1.
    pub(crate) fn start(&self) -> (usize, usize) {
        self.text.line_col(self.range.start)
    }

    /// The line that its last byte is on, from 1.
    pub(crate) fn last_line(&self) -> usize {
        self.text.line_col(self.range.end.saturating_sub(1).max(self.range.start)).0
    }

    /// Line and column behind its end, from 1.
    pub(crate) fn end(&self) -> (usize, usize) {
        self.text.line_col(self.range.end.max(self.range.start))
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Place) -> bool {
        Arc::ptr_eq(&self.text, &other.text) && self.range == other.range
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.start();
        write!(f, "{}:{line}:{column}", self.text.name)
    }
}

/// Everything that a run found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// `check`, `eval` or `test`.
    pub(crate) command: &'static str,
    /// The policies, by [`kpol_grammar::span::FileId`].
    pub(crate) sources: Vec<Arc<Text>>,
    /// The declarations of the policies that were asked for: name and place.
    pub(crate) items: Vec<(String, Place)>,
    /// The objects that were judged and their files, for formats that list what is clean too.
    pub(crate) objects: Vec<(String, String)>,
    /// About the policies.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// What could not be read or judged: exit code 2.
    pub(crate) problems: Vec<Problem>,
    /// What is odd about inputs, and judged all the same.
    pub(crate) notes: Vec<Problem>,
    /// About manifests.
    pub(crate) findings: Vec<Finding>,
    /// Tests that ran.
    pub(crate) tests: Vec<TestResult>,
    /// Why rules did not hit, when that was asked for; only for people.
    pub(crate) traces: Vec<String>,
    /// One line for people, without a full stop.
    pub(crate) summary: String,
}

/// An input that could not be read or judged.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Problem {
    /// One sentence, lower case, no full stop.
    pub(crate) message: String,
    /// The file, if there is one.
    pub(crate) file: Option<String>,
    /// Where in it.
    pub(crate) place: Option<Place>,
    /// Another place, with words.
    pub(crate) secondary: Option<(Place, String)>,
    /// What to do.
    pub(crate) help: Option<String>,
}

impl Problem {
    /// A problem of a whole file.
    pub(crate) fn of_file(file: impl Into<String>, message: impl Into<String>) -> Problem {
        Problem { message: message.into(), file: Some(file.into()), place: None, secondary: None, help: None }
    }

    /// A problem at a place.
    pub(crate) fn at(place: Place, message: impl Into<String>) -> Problem {
        let file = Some(place.text.name.clone());
        Problem { message: message.into(), file, place: Some(place), secondary: None, help: None }
    }

    /// A manifest that is none.
    pub(crate) fn manifest(text: &Arc<Text>, error: &ManifestError) -> Problem {
        let at = |range: &Range<usize>| Place { text: Arc::clone(text), range: range.clone() };
        Problem {
            secondary: error.secondary.as_ref().map(|(range, words)| (at(range), words.clone())),
            help: error.help.clone(),
            ..Problem::at(at(&error.at), error.message.clone())
        }
    }
}

/// What became of a hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// An exception excuses it.
    Excepted,
    /// Written down, nothing else.
    Recorded,
    /// A warning, or an alert.
    Warned,
    /// Refused, or killed.
    Denied,
}

impl Outcome {
    /// What the engine's effect is to the reader.
    pub(crate) fn of(effect: Effect, excepted: bool) -> Outcome {
        match effect {
            _ if excepted => Outcome::Excepted,
            Effect::Record => Outcome::Recorded,
            Effect::Warn | Effect::Alert => Outcome::Warned,
            Effect::Deny | Effect::Kill => Outcome::Denied,
        }
    }

    /// `denied`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Outcome::Excepted => "excepted",
            Outcome::Recorded => "recorded",
            Outcome::Warned => "warned",
            Outcome::Denied => "denied",
        }
    }
}

/// One hit of a rule on an object.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    /// The rule with its package.
    pub(crate) rule: String,
    /// Its documentation.
    pub(crate) doc: String,
    pub(crate) severity: Option<Severity>,
    pub(crate) verb: Verb,
    pub(crate) mode: Mode,
    pub(crate) outcome: Outcome,
    pub(crate) message: String,
    /// How to mend it, in words.
    pub(crate) fix: Option<String>,
    /// `Pod shop/web`.
    pub(crate) object: String,
    /// The manifest.
    pub(crate) file: String,
    /// Where in the manifest: the first blamed path that is written there, else the object.
    pub(crate) place: Option<Place>,
    /// The JSON paths to blame, with their places.
    pub(crate) blames: Vec<(String, Option<Range<usize>>)>,
    pub(crate) mitre: Vec<String>,
    pub(crate) cis: Vec<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) refs: Vec<String>,
    /// The exception that excuses it, or one that did and has ended, in words.
    pub(crate) exception: Option<String>,
    /// The decision tree, as lines.
    pub(crate) why: Option<String>,
}

/// A test that ran.
#[derive(Clone, Debug)]
pub(crate) struct TestResult {
    /// What is tested, with its package.
    pub(crate) subject: String,
    /// The law.
    pub(crate) name: String,
    /// Where it stands.
    pub(crate) place: Place,
    pub(crate) outcome: TestOutcome,
    pub(crate) took: Duration,
}

/// What became of a test.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TestOutcome {
    Passed,
    /// What was not as expected: each with its place in the test.
    Failed(Vec<TestFailure>),
    /// Not run, and why.
    Skipped(String),
}

impl TestOutcome {
    /// `passed`.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            TestOutcome::Passed => "passed",
            TestOutcome::Failed(_) => "failed",
            TestOutcome::Skipped(_) => "skipped",
        }
    }
}

/// An expectation that was not met.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TestFailure {
    /// One sentence.
    pub(crate) message: String,
    /// What was expected there.
    pub(crate) place: Place,
    /// What came instead, and so on: a line each.
    pub(crate) notes: Vec<String>,
}

/// How many of each there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) errors: usize,
    pub(crate) warnings: usize,
    pub(crate) problems: usize,
    pub(crate) denied: usize,
    pub(crate) warned: usize,
    pub(crate) recorded: usize,
    pub(crate) excepted: usize,
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
}

impl Report {
    /// A report about compiled policies: takes their diagnostics.
    pub(crate) fn of(command: &'static str, compiled: &Compiled) -> Report {
        let mut report = Report {
            command,
            sources: compiled.sources.iter().map(|s| Text::new(s.name.clone(), s.text.clone())).collect(),
            diagnostics: compiled.diagnostics.clone(),
            ..Report::default()
        };
        let files = compiled.sources.iter().zip(&compiled.files);
        for (_, file) in files.filter(|(source, _)| source.role == Role::Entry) {
            let items = file.items.iter().filter_map(|item| Some((name(item)?, report.place(item.span)?)));
            let items: Vec<(String, Place)> = items.collect();
            report.items.extend(items);
        }
        report
    }

    /// The text and range of a span.
    pub(crate) fn place_ref(&self, span: Span) -> Option<(&Text, Range<usize>)> {
        Some((self.sources.get(span.file.0 as usize)?, span.range()))
    }

    /// The place of a diagnostic.
    pub(crate) fn place_of(&self, diagnostic: &Diagnostic) -> Option<Place> {
        diagnostic.primary().and_then(|span| self.place(span))
    }

    /// The place of a span.
    pub(crate) fn place(&self, span: Span) -> Option<Place> {
        let text = self.sources.get(span.file.0 as usize)?;
        Some(Place { text: Arc::clone(text), range: span.range() })
    }

    pub(crate) fn counts(&self) -> Counts {
        let level = |level| self.diagnostics.iter().filter(|d| d.severity == level).count();
        let outcome = |outcome| self.findings.iter().filter(|f| f.outcome == outcome).count();
        let test = |is: fn(&TestOutcome) -> bool| self.tests.iter().filter(|t| is(&t.outcome)).count();
        Counts {
            errors: level(Level::Error),
            warnings: level(Level::Warning) + self.notes.len(),
            problems: self.problems.len(),
            denied: outcome(Outcome::Denied),
            warned: outcome(Outcome::Warned),
            recorded: outcome(Outcome::Recorded),
            excepted: outcome(Outcome::Excepted),
            passed: test(|outcome| *outcome == TestOutcome::Passed),
            failed: test(|outcome| matches!(outcome, TestOutcome::Failed(_))),
            skipped: test(|outcome| matches!(outcome, TestOutcome::Skipped(_))),
        }
    }

    /// What it comes to: 2 if something could not be judged, 1 if something is wrong, else 0.
    pub(crate) fn exit(&self, deny_warnings: bool) -> Exit {
        let counts = self.counts();
        let warnings = deny_warnings && counts.warnings + counts.warned > 0;
        if counts.problems > 0 {
            Exit::Failed
        } else {
            Exit::no_if(counts.errors + counts.denied + counts.failed > 0 || warnings)
        }
    }
}

/// What a declaration that can be right or wrong is called.
fn name(item: &Item) -> Option<String> {
    match &item.kind {
        ItemKind::Rule(rule) => Some(rule.name.text.clone()),
        ItemKind::Mutate(mutate) => Some(mutate.name.text.clone()),
        ItemKind::Correlate(correlate) => Some(correlate.name.text.clone()),
        ItemKind::Exception(exception) => Some(exception.name.text.clone()),
        ItemKind::Param { .. }
        | ItemKind::Let { .. }
        | ItemKind::Define { .. }
        | ItemKind::Bind(_)
        | ItemKind::Test(_)
        | ItemKind::Error => None,
    }
}

/// `1 rule`, `2 rules`, `no rules`.
pub(crate) fn count(n: usize, one: &str) -> String {
    match n {
        0 => format!("no {one}s"),
        1 => format!("1 {one}"),
        n => format!("{n} {one}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn lines_and_columns_are_those_of_the_manifest_reader() {
        for text in ["", "a", "a\nb\r\nc\rd", "\u{feff}x: 1\n\r\n\n", "é\n→ü\r"] {
            let indexed = Text::new("t", text);
            for offset in 0..text.len() + 2 {
                assert_eq!(
                    indexed.line_col(offset),
                    kpol_manifest::line_col(text, offset),
                    "{text:?} {offset}"
                );
            }
        }
    }
}
