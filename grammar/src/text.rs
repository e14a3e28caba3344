//! What stands between quotes: escapes to characters and back.

use std::ops::Range;

use crate::ast::Escape;

/// What is wrong with an escape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EscapeError {
    /// `\q`
    Unknown(char),
    /// `\u` without `{hex}`.
    Shape,
    /// `\u{d800}`: no character has this number.
    NoCharacter,
    /// A backslash and nothing behind it.
    Nothing,
}

/// The quotes that open a string, with those that an editor may have put there.
pub(crate) const QUOTES: [char; 7] = ['"', '\'', '“', '”', '„', '‘', '’'];

/// The part of a literal between its quotes, and whether these were three. A missing closing quote is no matter.
pub(crate) fn body(raw: &str) -> (Range<usize>, bool) {
    if raw.starts_with("\"\"\"") {
        let end = if raw.len() >= 6 && raw.ends_with("\"\"\"") { raw.len() - 3 } else { raw.len() };
        return (3..end, true);
    }
    let Some(quote) = raw.chars().next().filter(|c| QUOTES.contains(c)) else { return (0..raw.len(), false) };
    let start = quote.len_utf8();
    let closing = raw.get(start..).and_then(|rest| rest.chars().next_back()).filter(|c| QUOTES.contains(c));
    (start..raw.len() - closing.filter(|_| is_closed(raw)).map_or(0, char::len_utf8), false)
}

/// Whether the closing quote is there (and is not behind a backslash).
pub(crate) fn is_closed(raw: &str) -> bool {
    if raw.starts_with("\"\"\"") {
        return raw.len() >= 6 && raw.ends_with("\"\"\"");
    }
    let mut chars = raw.chars();
    let opening = chars.next();
    let mut last_is_quote = false;
    while let Some(c) = chars.next() {
        last_is_quote = QUOTES.contains(&c) && (opening != Some('"') || c == '"');
        if c == '\\' {
            chars.next();
        }
    }
    last_is_quote
}

/// The characters of a text with escapes, each with the bytes that wrote it.
pub(crate) fn unescape(text: &str) -> impl Iterator<Item = (Result<char, EscapeError>, Range<usize>)> + '_ {
    let mut chars = text.char_indices().peekable();
    std::iter::from_fn(move || {
        let (start, c) = chars.next()?;
        if c != '\\' {
            return Some((Ok(c), start..start + c.len_utf8()));
        }
        let Some((at, letter)) = chars.next() else {
            return Some((Err(EscapeError::Nothing), start..text.len()));
        };
        let mut end = at + letter.len_utf8();
        let value = match letter {
            '"' | '\\' => Ok(letter),
            'n' => Ok('\n'),
            't' => Ok('\t'),
            'r' => Ok('\r'),
            'u' => {
                let digits = text.get(end..).and_then(|rest| rest.strip_prefix('{')).and_then(|rest| {
                    let close = rest.find('}')?;
                    rest.get(..close)
                });
                match digits {
                    Some(hex)
                        if (1..=6).contains(&hex.len()) && hex.bytes().all(|b| b.is_ascii_hexdigit()) =>
                    {
                        end += hex.len() + 2;
                        while chars.peek().is_some_and(|(at, _)| *at < end) {
                            chars.next();
                        }
                        u32::from_str_radix(hex, 16)
                            .ok()
                            .and_then(char::from_u32)
                            .ok_or(EscapeError::NoCharacter)
                    }
                    _ => Err(EscapeError::Shape),
                }
            }
            other => Err(EscapeError::Unknown(other)),
        };
        Some((value, start..end))
    })
}

/// The value of a string literal, whether it had three quotes, and where its source is longer than its value.
/// A bad escape stands for itself: the lexer has reported it.
pub(crate) fn string_value(raw: &str) -> (String, bool, Vec<Escape>) {
    let (range, triple) = body(raw);
    let inner = raw.get(range).unwrap_or_default();
    if triple || !inner.contains('\\') {
        return (inner.to_owned(), triple, Vec::new());
    }
    let mut value = String::with_capacity(inner.len());
    let mut escapes = Vec::new();
    for (c, range) in unescape(inner) {
        let source = u32::try_from(range.len()).unwrap_or(u32::MAX);
        let at = u32::try_from(value.len()).unwrap_or(u32::MAX);
        match c {
            Ok(c) => value.push(c),
            Err(_) => value.push_str(inner.get(range).unwrap_or_default()),
        }
        let length = u32::try_from(value.len()).unwrap_or(u32::MAX) - at;
        if source != length {
            escapes.push(Escape { at, length, source });
        }
    }
    (value, false, escapes)
}

/// The pattern between the quotes of `re".."`, as written.
pub(crate) fn regex_pattern(raw: &str) -> &str {
    let quoted = raw.find('"').and_then(|at| raw.get(at..)).unwrap_or_default();
    quoted.get(body(quoted).0).unwrap_or_default()
}

/// The literal of a text: escapes for what cannot be seen or would end the literal.
pub(crate) fn escape(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('"');
    for c in text.chars() {
        match c {
            '"' => literal.push_str("\\\""),
            '\\' => literal.push_str("\\\\"),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            '\'' => literal.push('\''),
            // `\0` is no escape of the language.
            '\0' => literal.push_str("\\u{0}"),
            c => literal.extend(c.escape_debug()),
        }
    }
    literal.push('"');
    literal
}
