//! What the compiler has to say, as data with places.

use std::fmt;

use kpol_compiler::Source;
use kpol_grammar::{
    diagnostic::{self, Severity},
    span::Span,
};

/// How bad a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Level {
    /// Worth a look.
    Note,
    /// Probably a mistake.
    Warning,
    /// The policy cannot be used.
    Error,
}

/// One thing that the compiler has to say. As text it is one line: `pods.kpol:3:20: error[E0301]: there is no …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    code: &'static str,
    level: Level,
    message: String,
    label: String,
    place: Option<Place>,
    help: Vec<String>,
    notes: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    file: String,
    line: usize,
    column: usize,
}

impl Diagnostic {
    pub(crate) fn new(diagnostic: &diagnostic::Diagnostic, sources: &[Source]) -> Diagnostic {
        let label = diagnostic.labels.first();
        Diagnostic {
            code: diagnostic.code,
            level: match diagnostic.severity {
                Severity::Note => Level::Note,
                Severity::Warning => Level::Warning,
                Severity::Error => Level::Error,
            },
            message: diagnostic.message.clone(),
            label: label.map(|label| label.text.clone()).unwrap_or_default(),
            place: label.and_then(|label| place(label.span, sources)),
            help: diagnostic.helps.clone(),
            notes: diagnostic.notes.clone(),
        }
    }

    /// The stable code: `E0203`, `W0107`. `kpolc explain CODE` has its page.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// How bad it is.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// What is wrong: one sentence, lower case, no full stop.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// A word on the place; may be empty.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The name of the source that it is in.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        self.place.as_ref().map(|place| place.file.as_str())
    }

    /// The line, from 1.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.place.as_ref().map(|place| place.line)
    }

    /// The column in characters, from 1.
    #[must_use]
    pub fn column(&self) -> Option<usize> {
        self.place.as_ref().map(|place| place.column)
    }

    /// What to do.
    #[must_use]
    pub fn help(&self) -> &[String] {
        &self.help
    }

    /// What else is worth knowing.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Place { file, line, column }) = &self.place {
            write!(f, "{file}:{line}:{column}: ")?;
        }
        let level = match self.level {
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Error => "error",
        };
        write!(f, "{level}[{}]: {}", self.code, self.message)?;
        if !self.label.is_empty() {
            write!(f, " ({})", self.label)?;
        }
        self.help.iter().try_for_each(|help| write!(f, "; help: {help}"))
    }
}

fn place(span: Span, sources: &[Source]) -> Option<Place> {
    let source = sources.get(span.file.0 as usize)?;
    let end = source.text.floor_char_boundary(span.start as usize);
    let before = source.text.get(..end)?;
    let last = before.rsplit('\n').next().unwrap_or_default();
    let column = last.strip_prefix('\u{feff}').unwrap_or(last).chars().count() + 1;
    Some(Place { file: source.name.clone(), line: before.matches('\n').count() + 1, column })
}
