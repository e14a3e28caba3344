//! Texts in quotes: closed, escaped, and without tricks.

use super::{Lexeme, Scan};
use crate::diagnostic::Diagnostic;
use crate::diagnostics::{BadEscape, ForeignRegex, HiddenCharacter, UnterminatedText, WrongQuotes};
use crate::make::Ctx;
use crate::text::{self, EscapeError};
use crate::token::Token;

/// Reports what is wrong inside of a text; what the parser takes it for.
pub(super) fn check(ctx: &Ctx<'_>, lexeme: Lexeme, diagnostics: &mut Vec<Diagnostic>) -> Token {
    let Lexeme { token, start, end } = lexeme;
    let raw = ctx.slice(start, end);
    let quote_at = if token == Token::Regex { 2 } else { 0 };
    let quoted = raw.get(quote_at..).unwrap_or_default();
    let (body, triple) = text::body(quoted);
    if !text::is_closed(quoted) {
        let quote = ctx.span(start + len(quote_at), start + len(quote_at + body.start));
        diagnostics.push(UnterminatedText { quote, text: ctx.span(start, end), triple }.into());
    } else if token == Token::ForeignQuoted {
        let replacement = requoted(quoted.get(body.clone()).unwrap_or_default());
        let quotes = if raw.starts_with('\'') { "single ones" } else { "typographic ones" };
        diagnostics.push(WrongQuotes { span: ctx.span(start, end), quotes, replacement }.into());
    }
    let escapes = token != Token::Regex && !triple;
    check_directions(ctx, lexeme, escapes, diagnostics);
    if escapes {
        check_escapes(ctx, start + len(body.start), quoted.get(body).unwrap_or_default(), diagnostics);
    }
    if token == Token::Regex { Token::Regex } else { Token::Str }
}

fn len(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// A text in the right quotes.
fn requoted(inner: &str) -> String {
    format!("\"{}\"", inner.replace("\\'", "'").replace('"', "\\\""))
}

fn check_escapes(ctx: &Ctx<'_>, base: u32, inner: &str, diagnostics: &mut Vec<Diagnostic>) {
    for (c, range) in text::unescape(inner) {
        let Err(error) = c else { continue };
        let span = ctx.span(base + len(range.start), base + len(range.end));
        let (why, replacement) = match error {
            EscapeError::Unknown('\'') => ("this quote needs no escape".to_owned(), Some("'".to_owned())),
            EscapeError::Unknown('0') => {
                ("write the number of the character".to_owned(), Some("\\u{0}".to_owned()))
            }
            EscapeError::Unknown(c) => {
                (format!("`\\{}` means nothing", c.escape_debug()), Some(format!("\\\\{c}")))
            }
            EscapeError::Shape => ("`\\u` needs one to six hex digits in braces".to_owned(), None),
            EscapeError::NoCharacter => ("no character has this number".to_owned(), None),
            EscapeError::Nothing => ("nothing is escaped".to_owned(), None),
        };
        diagnostics.push(BadEscape { span, why, replacement }.into());
    }
}

/// Reports characters that reorder what a reader sees ("Trojan Source").
pub(super) fn check_directions(
    ctx: &Ctx<'_>,
    lexeme: Lexeme,
    in_text: bool,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let text = ctx.slice(lexeme.start, lexeme.end);
    if text.is_ascii() {
        return;
    }
    for (at, character) in text.char_indices() {
        if matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            let start = lexeme.start + len(at);
            let span = ctx.span(start, start + len(character.len_utf8()));
            diagnostics.push(HiddenCharacter { span, character, in_text }.into());
        }
    }
}

/// `r"..."` and its like: a name and a text that touch. Says whether it was one.
pub(super) fn foreign_regex(ctx: &Ctx<'_>, name: Lexeme, text: Lexeme, scan: &mut Scan) -> bool {
    if name.end != text.start
        || !matches!(ctx.slice(name.start, name.end), "r" | "R" | "regex" | "rx" | "regexp")
    {
        return false;
    }
    let span = ctx.span(name.start, text.end);
    let replacement = format!("re{}", ctx.slice(text.start, text.end));
    scan.diagnostics.push(ForeignRegex { span, replacement: Some(replacement) }.into());
    scan.tokens.push(Lexeme { token: Token::Regex, start: name.start, end: text.end });
    true
}
