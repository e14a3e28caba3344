//! Why a text is no manifest, with the place. Rendering it is the caller's business.

use std::fmt;
use std::ops::Range;

/// What kind of thing is wrong; for callers that react, never for the reader of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ManifestErrorKind {
    /// The bytes are no UTF-8.
    Utf8,
    /// The text is no YAML or no JSON.
    Syntax,
    /// An object has the same key twice.
    DuplicateKey,
    /// A key that JSON cannot hold: a list, an object, `null`.
    Key,
    /// A key is longer than the limit.
    KeyTooLong,
    /// The text has more bytes than the limit.
    TooLarge,
    /// Lists and objects nest deeper than the limit.
    TooDeep,
    /// The text writes more values than the limit.
    TooManyNodes,
    /// Aliases and merges copy more than the limit.
    AnchorBomb,
    /// The text holds more documents than the limit.
    TooManyDocuments,
    /// A tag that is unknown or does not fit its value.
    Tag,
    /// An alias without its anchor, or inside it.
    Alias,
    /// `<<` with something other than an object or a list of objects.
    Merge,
    /// A number that JSON cannot hold: infinite or not a number.
    Number,
}

/// Why a text cannot be read.
#[derive(Clone, Debug, PartialEq)]
pub struct ManifestError {
    /// Bytes of the text that are at fault.
    pub at: Range<usize>,
    /// One sentence, without position or trailing full stop.
    pub message: String,
    /// Another place that explains the first, with its words.
    pub secondary: Option<(Range<usize>, String)>,
    /// What to do about it.
    pub help: Option<String>,
    /// What kind of thing is wrong.
    pub kind: ManifestErrorKind,
}

impl ManifestError {
    pub(crate) fn new(kind: ManifestErrorKind, at: Range<usize>, message: impl Into<String>) -> Self {
        ManifestError { at, message: message.into(), secondary: None, help: None, kind }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn secondary(mut self, at: Range<usize>, words: impl Into<String>) -> Self {
        self.secondary = Some((at, words.into()));
        self
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ManifestError {}
