//! Text that others wrote, made safe to print: a manifest must not move the cursor, name the window or turn the line round.

use std::borrow::Cow;

/// On one line, with nothing that a terminal obeys.
pub(super) fn line(text: &str) -> Cow<'_, str> {
    replaced(text, |c| c != '\t' && is_unsafe(c))
}

/// The same for text of several lines.
pub(crate) fn lines(text: &str) -> Cow<'_, str> {
    replaced(text, |c| !matches!(c, '\t' | '\n') && is_unsafe(c))
}

fn replaced(text: &str, is_out: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_out) {
        return Cow::Borrowed(text);
    }
    text.chars().map(|c| if is_out(c) { shown(c) } else { c }).collect::<String>().into()
}

/// What stands for `c` where it is shown: itself, or a picture of it.
pub(super) fn shown(c: char) -> char {
    match c {
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        c if is_unsafe(c) => '\u{fffd}',
        c => c,
    }
}

/// Control characters, line breaks of Unicode, and what changes the direction of a line.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::{line, lines};

    #[test]
    fn what_a_terminal_would_obey_is_shown_instead() {
        assert_eq!(line("a\u{1b}[31mb\u{7}\r\nc\u{9b}1m\u{202e}"), "a␛[31mb␇␍␊c\u{fffd}1m\u{fffd}");
        assert_eq!(lines("a\n\tb\u{1b}"), "a\n\tb␛");
        assert_eq!(line("plain é 日本"), "plain é 日本");
    }
}
