//! What is wrong with a single token.

use crate::diagnostic::Diagnostic;
use crate::span::Span;

/// E0104: a text that does not end on its line.
pub struct UnterminatedText {
    /// Its opening quote.
    pub quote: Span,
    /// From the quote to where the text was given up.
    pub text: Span,
    /// Whether it was opened with three quotes.
    pub triple: bool,
}

impl From<UnterminatedText> for Diagnostic {
    fn from(e: UnterminatedText) -> Self {
        let (message, help) = if e.triple {
            ("this text is never closed", "close it with `\"\"\"`")
        } else {
            (
                "this text is not closed on its line",
                "close it with `\"`, or write `\"\"\"` on both ends of a text of several lines",
            )
        };
        Diagnostic::error("E0104", message).label(e.quote, "opened here").help(help)
    }
}

/// E0105: a backslash and something that is no escape.
pub struct BadEscape {
    /// The escape.
    pub span: Span,
    /// Why it is none.
    pub why: String,
    /// What was probably meant.
    pub replacement: Option<String>,
}

impl From<BadEscape> for Diagnostic {
    fn from(e: BadEscape) -> Self {
        let diagnostic = Diagnostic::error("E0105", "this is not an escape")
            .label(e.span, e.why)
            .help("escapes are `\\\"`, `\\\\`, `\\n`, `\\t`, `\\r` and `\\u{1f6a7}`");
        match e.replacement {
            Some(replacement) => diagnostic.fix(e.span, replacement),
            None => diagnostic,
        }
    }
}

/// E0106: characters that mean nothing outside of texts and comments.
pub struct UnknownCharacters {
    /// All of them in a row.
    pub span: Span,
    /// What they are.
    pub what: String,
    /// What to write.
    pub help: Option<&'static str>,
    /// What to put there.
    pub replacement: Option<String>,
}

impl From<UnknownCharacters> for Diagnostic {
    fn from(e: UnknownCharacters) -> Self {
        let mut diagnostic =
            Diagnostic::error("E0106", format!("{} has no meaning here", e.what)).label(e.span, "");
        if let Some(help) = e.help {
            diagnostic = diagnostic.help(help);
        }
        match e.replacement {
            Some(replacement) => diagnostic.fix(e.span, replacement),
            None => diagnostic,
        }
    }
}

/// E0107: the operator of another language.
pub struct ForeignOperator {
    /// Where.
    pub span: Span,
    /// `&&`
    pub written: &'static str,
    /// `and`
    pub word: &'static str,
    /// What to put there, with the blanks that a word needs.
    pub replacement: String,
}

impl From<ForeignOperator> for Diagnostic {
    fn from(e: ForeignOperator) -> Self {
        Diagnostic::error("E0107", format!("kpol writes `{}` as `{}`", e.written, e.word))
            .label(e.span, format!("write `{}`", e.word))
            .fix(e.span, e.replacement)
    }
}

/// E0108: a text in quotes of another kind.
pub struct WrongQuotes {
    /// The text with its quotes.
    pub span: Span,
    /// Which quotes.
    pub quotes: &'static str,
    /// The text in the right ones.
    pub replacement: String,
}

impl From<WrongQuotes> for Diagnostic {
    fn from(e: WrongQuotes) -> Self {
        Diagnostic::error("E0108", format!("texts stand in double quotes, not in {}", e.quotes))
            .label(e.span, format!("write `{}`", e.replacement))
            .fix(e.span, e.replacement)
    }
}

/// E0111: `null` and its like.
pub struct Null {
    /// The word.
    pub span: Span,
    /// As written.
    pub word: String,
}

impl From<Null> for Diagnostic {
    fn from(e: Null) -> Self {
        Diagnostic::error("E0111", format!("kpol has no `{}`", e.word))
            .label(e.span, "a value is there or it is absent")
            .help("`has x` asks whether `x` is there, `x ?? d` gives `d` when it is not")
            .help("in the object of a test, leave the field out")
    }
}

/// E0112: a semicolon.
pub struct Semicolon {
    /// Where.
    pub span: Span,
}

impl From<Semicolon> for Diagnostic {
    fn from(e: Semicolon) -> Self {
        Diagnostic::error("E0112", "kpol has no semicolons")
            .label(e.span, "remove it; every clause begins with its own word")
            .fix(e.span, "")
    }
}

/// E0115: a whole number that does not fit.
pub struct NumberTooLarge {
    /// The number.
    pub span: Span,
}

impl From<NumberTooLarge> for Diagnostic {
    fn from(e: NumberTooLarge) -> Self {
        Diagnostic::error("E0115", "this number is too large")
            .label(e.span, format!("the largest is {}", i64::MAX))
    }
}

/// E0116: a number with a unit that does not exist, or without the unit that it needs.
pub struct WrongUnit {
    /// The number with its unit.
    pub span: Span,
    /// What is wrong.
    pub message: String,
    /// What was probably meant.
    pub replacement: Option<String>,
}

impl From<WrongUnit> for Diagnostic {
    fn from(e: WrongUnit) -> Self {
        let diagnostic = Diagnostic::error("E0116", e.message);
        let diagnostic = match e.replacement {
            Some(meant) => diagnostic.label(e.span, format!("did you mean `{meant}`?")).fix(e.span, meant),
            None => diagnostic.label(e.span, ""),
        };
        diagnostic.help(
            "times: `ms` `s` `m` `h` `d`; sizes: `k` `M` `G` `T` `P`, `Ki` `Mi` `Gi` `Ti` `Pi`; CPUs: `500m`",
        )
    }
}

/// E0117: a fraction without a unit.
pub struct BareFraction {
    /// The number.
    pub span: Span,
}

impl From<BareFraction> for Diagnostic {
    fn from(e: BareFraction) -> Self {
        Diagnostic::error("E0117", "numbers without a unit are whole")
            .label(e.span, "a fraction needs a unit")
            .help("write `1.5h` or `0.5Gi`; for half a CPU write `500m`")
    }
}

/// E0118: something like a date that is none.
pub struct BadDate {
    /// Where.
    pub span: Span,
    /// A date in the right shape.
    pub replacement: Option<String>,
}

impl From<BadDate> for Diagnostic {
    fn from(e: BadDate) -> Self {
        let diagnostic = Diagnostic::error("E0118", "a date is written year-month-day, without quotes")
            .help("like `2027-03-31`: four digits, two, two");
        match e.replacement {
            Some(meant) => diagnostic.label(e.span, format!("write `{meant}`")).fix(e.span, meant),
            None => diagnostic.label(e.span, "this is no date"),
        }
    }
}

/// E0119: a regular expression in the notation of another language.
pub struct ForeignRegex {
    /// Where.
    pub span: Span,
    /// The same in kpol.
    pub replacement: Option<String>,
}

impl From<ForeignRegex> for Diagnostic {
    fn from(e: ForeignRegex) -> Self {
        let diagnostic = Diagnostic::error("E0119", "a regular expression is written `re\"..\"`")
            .help("as in: proc.cmdline matches re\"curl .*\\|\\s*sh\"");
        match e.replacement {
            Some(meant) => diagnostic.label(e.span, format!("write `{meant}`")).fix(e.span, meant),
            None => diagnostic.label(e.span, "this is no regular expression"),
        }
    }
}

/// E0125: characters that make a text look different from what it says.
pub struct HiddenCharacter {
    /// The character.
    pub span: Span,
    /// Which one.
    pub character: char,
    /// Whether it may be written as an escape.
    pub in_text: bool,
}

impl From<HiddenCharacter> for Diagnostic {
    fn from(e: HiddenCharacter) -> Self {
        let escape = format!("\\u{{{:x}}}", u32::from(e.character));
        let diagnostic =
            Diagnostic::error("E0125", "an invisible character changes the direction of the text here")
                .label(e.span, format!("U+{:04X}", u32::from(e.character)))
                .note("readers would see another policy than the one that runs");
        if e.in_text {
            diagnostic.help(format!("write it as `{escape}` where all can see it")).fix(e.span, escape)
        } else {
            diagnostic.help("remove it").fix(e.span, "")
        }
    }
}
