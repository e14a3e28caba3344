//! Diagnostics as data: what is wrong, where, and what to do. Rendering is somebody else's (`kpolc`'s `render`).

use crate::span::Span;

/// How bad a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Worth a look; never fails a run.
    Note,
    /// Probably a mistake; fails a run only when asked to.
    Warning,
    /// The policy cannot be used.
    Error,
}

/// One finding about a source text.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    /// The stable code, `E0203` or `W0107`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// One sentence, lower case, no full stop.
    pub message: String,
    /// Where; the first label is the place, the others explain.
    pub labels: Vec<Label>,
    /// What to do.
    pub helps: Vec<String>,
    /// What else is worth knowing.
    pub notes: Vec<String>,
    /// A change that mends it, when it is safe to apply by machine.
    pub fix: Option<Fix>,
}

/// A place with a word on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// May be empty.
    pub text: String,
}

/// A machine-applicable change.
#[derive(Clone, Debug, PartialEq)]
pub struct Fix {
    /// What is replaced.
    pub span: Span,
    /// By what.
    pub replacement: String,
}

impl Diagnostic {
    /// An error without labels yet.
    #[must_use]
    pub fn error(code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Error, code, message)
    }

    /// A warning without labels yet.
    #[must_use]
    pub fn warning(code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Warning, code, message)
    }

    fn new(severity: Severity, code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code,
            severity,
            message: message.into(),
            labels: Vec::new(),
            helps: Vec::new(),
            notes: Vec::new(),
            fix: None,
        }
    }

    /// Adds a label; the first one is the place.
    #[must_use]
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Adds a help line.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Diagnostic {
        self.helps.push(text.into());
        self
    }

    /// Adds a note line.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Diagnostic {
        self.notes.push(text.into());
        self
    }

    /// Adds a change that mends it.
    #[must_use]
    pub fn fix(mut self, span: Span, replacement: impl Into<String>) -> Diagnostic {
        self.fix = Some(Fix { span, replacement: replacement.into() });
        self
    }

    /// The place, if there is one.
    #[must_use]
    pub fn primary(&self) -> Option<Span> {
        self.labels.first().map(|label| label.span)
    }
}

/// What there is to know about a code; each crate that reports has a table of its own codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeInfo {
    /// `E0203`.
    pub code: &'static str,
    /// A few words, without a full stop.
    pub title: &'static str,
    /// The page in Markdown: what it means, and examples in blocks marked `kpol bad` and `kpol good`.
    pub page: &'static str,
}

impl CodeInfo {
    /// The examples of the page that are marked with `word` (`bad` or `good`).
    pub fn examples(&self, word: &str) -> impl Iterator<Item = &'static str> {
        let fence = format!("```kpol {word}\n");
        let mut rest = self.page;
        std::iter::from_fn(move || {
            let (_, block) = rest.split_once(fence.as_str())?;
            let (example, behind) = block.split_once("```")?;
            rest = behind;
            Some(example)
        })
    }
}
