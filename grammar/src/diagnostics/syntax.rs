//! What is wrong with the order of tokens.

use crate::diagnostic::Diagnostic;
use crate::span::Span;

/// E0101: something else was expected.
pub struct Unexpected {
    /// What is there; at the end of a clause: its last token.
    pub span: Span,
    /// What it is; nothing at the end of a clause.
    pub found: Option<String>,
    /// What may stand there, in words.
    pub expected: String,
    /// The token before, as written.
    pub behind: Option<String>,
    /// What was probably meant: its words, and the change.
    pub meant: Option<(String, Span, String)>,
    /// More words.
    pub help: Option<String>,
}

impl From<Unexpected> for Diagnostic {
    fn from(e: Unexpected) -> Self {
        let mut message = format!("expected {}", e.expected);
        if let Some(behind) = e.behind {
            message.push_str(&format!(" behind `{behind}`"));
        }
        if let Some(found) = e.found {
            message.push_str(&format!(", found {found}"));
        }
        let mut diagnostic = Diagnostic::error("E0101", message);
        diagnostic = match e.meant {
            Some((words, span, replacement)) => diagnostic.label(e.span, words).fix(span, replacement),
            None => diagnostic.label(e.span, ""),
        };
        match e.help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }
}

/// E0102: a bracket that is never closed.
pub struct Unclosed {
    /// The bracket.
    pub open: Span,
    /// `{`
    pub bracket: &'static str,
    /// `}`
    pub closing: &'static str,
    /// Where it should have been closed, and by what it was not.
    pub before: Option<Span>,
}

impl From<Unclosed> for Diagnostic {
    fn from(e: Unclosed) -> Self {
        let diagnostic = Diagnostic::error("E0102", format!("this `{}` is never closed", e.bracket))
            .label(e.open, format!("needs a `{}`", e.closing));
        match e.before {
            Some(span) => diagnostic.label(span, format!("`{}` expected before this", e.closing)),
            None => diagnostic,
        }
    }
}

/// E0103: a closing bracket without its opening one.
pub struct Unmatched {
    /// The bracket.
    pub span: Span,
    /// As written.
    pub bracket: &'static str,
}

impl From<Unmatched> for Diagnostic {
    fn from(e: Unmatched) -> Self {
        Diagnostic::error("E0103", format!("this `{}` closes nothing", e.bracket)).label(e.span, "")
    }
}

/// E0109: `=` between two values.
pub struct AssignForEquals {
    /// The sign.
    pub span: Span,
}

impl From<AssignForEquals> for Diagnostic {
    fn from(e: AssignForEquals) -> Self {
        Diagnostic::error("E0109", "`=` gives a name to a value; to compare, write `==`")
            .label(e.span, "write `==`")
            .fix(e.span, "==")
    }
}

/// E0110: `==` where a value is given.
pub struct EqualsForAssign {
    /// The sign.
    pub span: Span,
}

impl From<EqualsForAssign> for Diagnostic {
    fn from(e: EqualsForAssign) -> Self {
        Diagnostic::error("E0110", "`==` compares; to give a value, write `=`")
            .label(e.span, "write `=`")
            .fix(e.span, "=")
    }
}

/// E0113: `elif`.
pub struct ElseIf {
    /// The word.
    pub span: Span,
    /// As written.
    pub word: String,
}

impl From<ElseIf> for Diagnostic {
    fn from(e: ElseIf) -> Self {
        Diagnostic::error("E0113", format!("kpol writes `{}` as `else if`", e.word))
            .label(e.span, "write `else if`")
            .fix(e.span, "else if")
    }
}

/// E0114: a verdict without its message.
pub struct MissingMessage {
    /// `deny`
    pub verb: &'static str,
    /// Where it stands.
    pub verb_span: Span,
    /// The last token before the message.
    pub last: Span,
    /// Whether there is a condition.
    pub has_condition: bool,
    /// The text that stands there without the word.
    pub text: Option<Span>,
}

impl From<MissingMessage> for Diagnostic {
    fn from(e: MissingMessage) -> Self {
        let place = if e.has_condition { "the condition of " } else { "" };
        let message = format!("expected `message` and a text behind {place}`{}`", e.verb);
        let diagnostic = Diagnostic::error("E0114", message);
        if let Some(text) = e.text {
            let before = Span::new(text.file, text.start, text.start);
            return diagnostic
                .label(text, "write `message` before the text")
                .label(e.verb_span, "of this verdict")
                .fix(before, "message ");
        }
        let behind = Span::new(e.last.file, e.last.end, e.last.end);
        diagnostic
            .label(e.last, "the message is missing behind this")
            .label(e.verb_span, "of this verdict")
            .help("say who does what wrong: message \"{c.name} must not be privileged\"")
            .fix(behind, " message \"not allowed\"")
    }
}

/// E0120: a tree that is too deep.
pub struct TooDeep {
    /// What got too deep.
    pub span: Span,
    /// The deepest that is allowed.
    pub limit: u32,
}

impl From<TooDeep> for Diagnostic {
    fn from(e: TooDeep) -> Self {
        Diagnostic::error("E0120", format!("this is nested more than {} levels deep", e.limit))
            .label(e.span, "brackets, prefixes and the operators of a chain count one level each")
            .help("compare with a list, `x in [..]`, or give parts of it a name with `let` or `define`")
    }
}

/// E0121: a file that is too large.
pub struct FileTooLarge {
    /// Its first byte.
    pub span: Span,
    /// Its size.
    pub size: usize,
    /// The largest that is read.
    pub limit: usize,
}

impl From<FileTooLarge> for Diagnostic {
    fn from(e: FileTooLarge) -> Self {
        let message = format!("this file has {} bytes; at most {} are read", e.size, e.limit);
        Diagnostic::error("E0121", message).label(e.span, "").help("split it: a package may have many files")
    }
}

/// E0122: a hole of a message that holds no path.
pub struct BadHole {
    /// The hole.
    pub span: Span,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: &'static str,
}

impl From<BadHole> for Diagnostic {
    fn from(e: BadHole) -> Self {
        Diagnostic::error("E0122", e.message).label(e.span, "").help(e.help)
    }
}

/// E0123: a declaration or a doc comment in the wrong place.
pub struct Misplaced {
    /// What.
    pub span: Span,
    /// What is wrong.
    pub message: String,
    /// Where it belongs.
    pub help: &'static str,
    /// A remark in the place of a doc comment.
    pub fix: Option<(Span, &'static str)>,
}

impl From<Misplaced> for Diagnostic {
    fn from(e: Misplaced) -> Self {
        let diagnostic = Diagnostic::error("E0123", e.message).label(e.span, "").help(e.help);
        match e.fix {
            Some((span, replacement)) => diagnostic.fix(span, replacement),
            None => diagnostic,
        }
    }
}

/// E0124: a word of the language as a name.
pub struct KeywordAsName {
    /// The word.
    pub span: Span,
    /// As written.
    pub word: &'static str,
}

impl From<KeywordAsName> for Diagnostic {
    fn from(e: KeywordAsName) -> Self {
        Diagnostic::error(
            "E0124",
            format!("`{}` is a word of the language and cannot be a name here", e.word),
        )
        .label(e.span, "choose another name")
        .help("behind a dot and as a key of an object any word may stand")
    }
}

/// E0126: a comparison of a comparison.
pub struct ChainedComparison {
    /// The second operator.
    pub span: Span,
    /// As written.
    pub operator: String,
}

impl From<ChainedComparison> for Diagnostic {
    fn from(e: ChainedComparison) -> Self {
        Diagnostic::error("E0126", "comparisons do not chain")
            .label(e.span, format!("a second comparison by `{}`", e.operator))
            .help("write `a < b and b < c`, or put one of them in parentheses")
    }
}
