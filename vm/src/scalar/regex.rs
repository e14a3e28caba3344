//! Regular expressions for `matches`, by the regex crate (<https://docs.rs/regex/latest/regex/#syntax>): linear
//! time, so without look-around and back-references.
//!
//! A pattern is found **anywhere** in a text unless `^` and `$` tie it. The crate's defaults stand: patterns are
//! Unicode (`\d`, `\w`, `\s` and `(?i)` too; `(?-u:\d)` or `[0-9]` is ASCII), `.` is not a line break, `^` and `$`
//! are the ends of the text. A pattern is at most [`MAX_LEN`] bytes and [`MAX_NESTING`] groups deep, and compiles
//! to at most 1 MiB.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use regex::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;

use super::ScalarError;

/// The longest pattern, in bytes.
pub const MAX_LEN: usize = 4096;

/// The deepest nesting of groups and repetitions.
pub const MAX_NESTING: u32 = 64;

/// The most memory of a compiled pattern, and of the states that matching caches, in bytes.
const MAX_SIZE: usize = 1 << 20;

/// A compiled pattern. Equality, order and hash see its text.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: Arc<str>,
    regex: Regex,
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// With the place inside the pattern where its syntax is wrong; with all of it when it is too large.
    pub fn new(pattern: &str) -> Result<Self, ScalarError> {
        if pattern.len() > MAX_LEN {
            return Err(ScalarError::whole(pattern, format!("a pattern has at most {MAX_LEN} bytes")));
        }
        // The regex crate tells the place in its message's drawing only, so its parser is asked first.
        ParserBuilder::new()
            .nest_limit(MAX_NESTING)
            .build()
            .parse(pattern)
            .map_err(|error| located(pattern, &error))?;
        let regex = RegexBuilder::new(pattern)
            .nest_limit(MAX_NESTING)
            .size_limit(MAX_SIZE)
            .dfa_size_limit(MAX_SIZE)
            .build()
            .map_err(|error| too_large(pattern, &error))?;
        Ok(Pattern { text: pattern.into(), regex })
    }

    /// The same as [`Pattern::new`].
    ///
    /// # Errors
    /// As [`Pattern::new`].
    pub fn parse(pattern: &str) -> Result<Self, ScalarError> {
        Pattern::new(pattern)
    }

    /// The pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the pattern is found in `text`.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

fn located(pattern: &str, error: &regex_syntax::Error) -> ScalarError {
    let (span, message) = match error {
        regex_syntax::Error::Parse(e) => (e.span(), e.kind().to_string()),
        regex_syntax::Error::Translate(e) => (e.span(), e.kind().to_string()),
        _ => return ScalarError::whole(pattern, "this regular expression is wrong"),
    };
    let at = span.start.offset..span.end.offset;
    let at = if pattern.get(at.clone()).is_some() { at } else { 0..pattern.len() };
    let error = ScalarError::new(at, message);
    if error.message.contains("look-around") || error.message.contains("backreferences") {
        error.with_help(
            "matching takes linear time, so these do not exist; use two conditions with `and`, `not matches`",
        )
    } else {
        error
    }
}

fn too_large(pattern: &str, error: &regex::Error) -> ScalarError {
    let message = match error {
        regex::Error::CompiledTooBig(_) => "this regular expression is too large once compiled".to_owned(),
        regex::Error::Syntax(_) | _ => error.to_string(),
    };
    ScalarError::whole(pattern, message)
        .with_help("repeat less, or use `[a-z]` in place of Unicode classes like `\\w`")
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl Hash for Pattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl PartialOrd for Pattern {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Pattern {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_pattern_is_found_anywhere_unless_tied() {
        let found = |pattern: &str, text: &str| Pattern::new(pattern).unwrap().is_match(text);
        assert!(found("b", "abc"));
        assert!(!found("^b", "abc"));
        assert!(!found("^a$", "a\n"));
        assert!(found(r"^\d$", "٣"));
        assert!(!found(r"^[0-9]$", "٣"));
    }

    #[test]
    fn errors_point_inside_the_pattern() {
        for (text, at) in
            [("a(b", 1..2), ("[z-a]", 1..4), (r"x\q", 1..3), ("a**b{", 4..5), (r"\pX", 0..3), ("(?=a)", 0..3)]
        {
            let e = Pattern::new(text).unwrap_err();
            assert_eq!(e.at, at, "{text}: {e}");
        }
        assert!(Pattern::new("(?=a)").unwrap_err().help.is_some());
    }

    #[test]
    fn size_is_bounded() {
        assert!(Pattern::new(r"\w{1000}{1000}").is_err());
        assert!(Pattern::new(&"(".repeat(200)).is_err());
        assert!(Pattern::new(&format!("{}a{}", "(".repeat(200), ")".repeat(200))).is_err());
        assert!(Pattern::new(&"a".repeat(MAX_LEN + 1)).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_handled(pattern in ".*", text in ".*") {
            let _ = Pattern::new(&pattern).map(|pattern| pattern.is_match(&text));
        }
    }
}
