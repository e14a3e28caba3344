//! What a run found, as data: the same for every command and every format.
//!
//! ```text
//! check ─▶ diagnostics ─┐
//! eval  ─▶ findings    ─┼─▶ Report ──▶ render::{human, short, json, sarif, github, junit}
//! test  ─▶ tests       ─┘
//! ```

use std::{fmt, ops::Range, sync::Arc, time::Duration};

use kpol_compiler::Compiled;
use kpol_grammar::{
    diagnostic::{Diagnostic, Severity as Level},
    span::Span,
};
use kpol_manifest::{ManifestError, line_col};
use kpol_vm::{
    evaluate::Effect,
    ir::{Mode, Severity, Verb},
};

use crate::Exit;

/// A text that results point into.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Text {
    /// The path as the user knows it, or `<stdin>`.
    pub(crate) name: String,
    /// All of it.
    pub(crate) text: String,
}

impl Text {
    pub(crate) fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Text> {
        Arc::new(Text { name: name.into(), text: text.into() })
    }
}

/// A range of bytes in a text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Place {
    pub(crate) text: Arc<Text>,
    pub(crate) range: Range<usize>,
}

impl Place {
    /// Line and column of its start, from 1.
    pub(crate) fn start(&self) -> (usize, usize) {
        line_col(&self.text.text, self.range.start)
    }

    /// Line and column behind its end, from 1.
    pub(crate) fn end(&self) -> (usize, usize) {
        line_col(&self.text.text, self.range.end.max(self.range.start))
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

    /// With a help line.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Problem {
        self.help = Some(help.into());
        self
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
        Report {
            command,
            sources: compiled.sources.iter().map(|s| Text::new(s.name.clone(), s.text.clone())).collect(),
            diagnostics: compiled.diagnostics.clone(),
            ..Report::default()
        }
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

/// `1 rule`, `2 rules`, `no rules`.
pub(crate) fn count(n: usize, one: &str) -> String {
    match n {
        0 => format!("no {one}s"),
        1 => format!("1 {one}"),
        n => format!("{n} {one}s"),
    }
}
