//! The texts of messages: `"{c.name} must not be privileged"`.

use crate::ast::{Expr, ExprKind, Name, StrLit};
use crate::diagnostic::Diagnostic;
use crate::diagnostics::BadHole;
use crate::span::Span;
use crate::token::Token;

/// One part of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum TemplatePart {
    /// Text, with `{{` and `}}` as single braces.
    Text(String),
    /// `{c.name}`: names and fields only.
    Hole(Expr),
}

const PATHS_ONLY: &str = "a hole holds names joined by dots; give anything else a name with `let` first";
const BRACES: &str = "a brace that is meant as such is written twice: `{{` or `}}`";

/// Splits a message into text and holes.
///
/// # Errors
/// E0122 for the first hole that is no path.
#[expect(clippy::result_large_err, reason = "the one error of a message, made once")]
pub fn template(text: &StrLit) -> Result<Vec<TemplatePart>, Diagnostic> {
    let mut parts = Vec::new();
    let mut plain = String::new();
    let mut chars = text.text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '{' | '}' if chars.peek().is_some_and(|(_, next)| *next == c) => {
                chars.next();
                plain.push(c);
            }
            '{' => {
                let rest = text.text.get(at + 1..).unwrap_or_default();
                let Some(length) =
                    rest.find(['{', '}']).filter(|end| rest.as_bytes().get(*end) == Some(&b'}'))
                else {
                    let message = "this `{` of the message is never closed".to_owned();
                    return Err(BadHole { span: source(text, at, at + 1), message, help: BRACES }.into());
                };
                if !plain.is_empty() {
                    parts.push(TemplatePart::Text(std::mem::take(&mut plain)));
                }
                parts.push(TemplatePart::Hole(hole(text, at + 1, rest.get(..length).unwrap_or_default())?));
                while chars.next_if(|(next, _)| *next <= at + 1 + length).is_some() {}
            }
            '}' => {
                let message = "this `}` of the message closes nothing".to_owned();
                return Err(BadHole { span: source(text, at, at + 1), message, help: BRACES }.into());
            }
            other => plain.push(other),
        }
    }
    if !plain.is_empty() {
        parts.push(TemplatePart::Text(plain));
    }
    Ok(parts)
}

#[expect(clippy::result_large_err, reason = "the one error of a message, made once")]
fn hole(text: &StrLit, start: usize, path: &str) -> Result<Expr, Diagnostic> {
    let end = start + path.len();
    let bad = |message: String| -> Diagnostic {
        BadHole { span: source(text, start - 1, end + 1), message, help: PATHS_ONLY }.into()
    };
    if path.trim().is_empty() {
        return Err(bad("this hole of the message is empty".to_owned()));
    }
    let mut at = start;
    let mut expr: Option<Expr> = None;
    for (index, word) in path.split('.').enumerate() {
        let first = word.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        if !first || !word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(bad(format!("`{{{path}}}` is no path")));
        }
        if index >= 64 {
            return Err(bad("this path has too many parts".to_owned()));
        }
        let name = Name { text: word.to_owned(), span: source(text, at, at + word.len()) };
        at += word.len() + 1;
        expr = Some(match expr {
            None if Token::KEYWORDS.iter().any(|keyword| keyword.fixed_text() == Some(word)) => {
                return Err(bad(format!("`{word}` is a word of the language and no value")));
            }
            None => Expr { span: name.span, kind: ExprKind::Var(name) },
            Some(base) => {
                Expr { span: base.span.to(name.span), kind: ExprKind::Field { base: Box::new(base), name } }
            }
        });
    }
    expr.ok_or_else(|| bad("this hole of the message is empty".to_owned()))
}

/// Where bytes of the text stand in the source.
fn source(text: &StrLit, start: usize, end: usize) -> Span {
    let quotes = if text.triple { 3 } else { 1 };
    let place = |at: usize| {
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        let longer: i64 = text
            .escapes
            .iter()
            .take_while(|escape| escape.at < at)
            .map(|escape| i64::from(escape.source) - i64::from(escape.length))
            .sum();
        let source = i64::from(text.span.start) + quotes + i64::from(at) + longer;
        u32::try_from(source).unwrap_or(text.span.end).min(text.span.end)
    };
    Span::new(text.span.file, place(start), place(end))
}
