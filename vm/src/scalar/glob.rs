//! Patterns for `like`: `*` is any text (also `/`, also none), `?` is one character, `\` takes the next one as it is.
//!
//! No character classes, no braces: what needs those is a `regex`. Case matters. Matching keeps one place to go back
//! to (the last `*`), so it takes at most pattern times text steps, in constant memory.

use std::fmt;
use std::sync::Arc;

use super::ScalarError;

/// The longest pattern, in bytes.
pub const MAX_LEN: usize = 4096;

/// A checked pattern. Equality, order and hash see its text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Glob {
    text: Arc<str>,
}

/// One element of a pattern.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    /// `*`
    AnyText,
    /// `?`
    AnyChar,
    /// Any other character.
    Char(char),
}

impl Glob {
    /// Checks a pattern.
    ///
    /// # Errors
    /// When it ends in a lone `\` or is longer than [`MAX_LEN`].
    pub fn new(pattern: &str) -> Result<Self, ScalarError> {
        if pattern.len() > MAX_LEN {
            return Err(ScalarError::whole(pattern, format!("a pattern has at most {MAX_LEN} bytes")));
        }
        let mut escaped = false;
        for c in pattern.chars() {
            escaped = c == '\\' && !escaped;
        }
        if escaped {
            let end = pattern.len();
            return Err(ScalarError::new(end.saturating_sub(1)..end, "nothing follows this `\\`")
                .with_help("write `\\\\` for one backslash"));
        }
        Ok(Glob { text: pattern.into() })
    }

    /// The same as [`Glob::new`].
    ///
    /// # Errors
    /// As [`Glob::new`].
    pub fn parse(pattern: &str) -> Result<Self, ScalarError> {
        Glob::new(pattern)
    }

    /// The pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the whole of `text` follows the pattern.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        let (mut pattern, mut text) = (&*self.text, text);
        // After the last `*`: the pattern that follows it, and the text that it has not taken yet.
        let mut back: Option<(&str, &str)> = None;
        loop {
            let step = match split_token(pattern) {
                None if text.is_empty() => return true,
                None => None,
                Some((Token::AnyText, rest)) => {
                    back = Some((rest, text));
                    Some((rest, text))
                }
                Some((Token::AnyChar, rest)) => split_char(text).map(|(_, left)| (rest, left)),
                Some((Token::Char(wanted), rest)) => {
                    split_char(text).and_then(|(c, left)| (c == wanted).then_some((rest, left)))
                }
            };
            (pattern, text) = match (step, back) {
                (Some(next), _) => next,
                (None, None) => return false,
                (None, Some((rest, untaken))) => {
                    let Some((_, untaken)) = split_char(untaken) else { return false };
                    back = Some((rest, untaken));
                    (rest, untaken)
                }
            };
        }
    }
}

fn split_char(text: &str) -> Option<(char, &str)> {
    let mut chars = text.chars();
    chars.next().map(|c| (c, chars.as_str()))
}

fn split_token(pattern: &str) -> Option<(Token, &str)> {
    split_char(pattern).map(|(c, rest)| match c {
        '*' => (Token::AnyText, rest),
        '?' => (Token::AnyChar, rest),
        '\\' => split_char(rest).map_or((Token::Char('\\'), rest), |(c, rest)| (Token::Char(c), rest)),
        c => (Token::Char(c), rest),
    })
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_match(pattern: &str, text: &str) -> bool {
        Glob::new(pattern).unwrap().is_match(text)
    }

    #[test]
    fn stars_questions_and_escapes() {
        for (pattern, text) in [
            ("", ""),
            ("*", ""),
            ("**", "a/b"),
            ("a*c", "abcbc"),
            ("?", "é"),
            ("/proc/*/maps", "/proc/1/task/2/maps"),
            (r"\*\?\\", r"*?\"),
            ("*.so.?", "libc.so.6"),
            ("*a?b*", "xxaxaybz"),
        ] {
            assert!(is_match(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("", "a"), ("?", ""), ("a*c", "ab"), (r"\*", "a"), ("a", "A"), ("[a]", "a"), ("*a", "ab")]
        {
            assert!(!is_match(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_lone_backslash_is_an_error() {
        assert_eq!(Glob::new(r"a\\\").unwrap_err().at, 3..4);
        assert!(Glob::new(r"a\\").is_ok());
        assert!(Glob::new(&"a".repeat(MAX_LEN + 1)).is_err());
    }

    #[test]
    fn the_worst_case_is_quadratic() {
        assert!(!is_match(&format!("{}b", "*a".repeat(2000)), &"a".repeat(20_000)));
    }

    proptest! {
        #[test]
        fn agrees_with_the_regex_of_the_same_meaning(pattern in "[ab*?]{0,8}", text in "[ab]{0,10}") {
            let regex = pattern.replace('*', ".*").replace('?', ".");
            let regex = regex::Regex::new(&format!("^(?s:{regex})$")).unwrap();
            prop_assert_eq!(is_match(&pattern, &text), regex.is_match(&text));
        }

        #[test]
        fn an_escaped_text_matches_itself_only(text in ".*", other in ".*") {
            let escaped: String = text.chars().flat_map(|c| ['\\', c]).collect();
            prop_assert!(is_match(&escaped, &text));
            prop_assert_eq!(is_match(&escaped, &other), text == other);
        }

        #[test]
        fn any_text_is_handled(pattern in ".*", text in ".*") {
            let _ = Glob::new(&pattern).map(|glob| glob.is_match(&text));
        }
    }
}
