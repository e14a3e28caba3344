//! Tokens to what the parser reads.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a match on one of a hundred tokens names those it is about"
)]

use super::{Comment, Lexeme, numbers, texts, tokens};
use crate::diagnostic::Diagnostic;
use crate::diagnostics::{ForeignOperator, Null, NumberTooLarge, Semicolon, UnknownCharacters};
use crate::make::Ctx;
use crate::token::Token;

/// What the lexer hands on.
#[derive(Default)]
pub(crate) struct Scan {
    /// What the parser reads: no blanks, no comments, no foreign signs.
    pub(crate) tokens: Vec<Lexeme>,
    pub(crate) comments: Vec<Comment>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

pub(crate) fn scan(ctx: &Ctx<'_>) -> Scan {
    let all = tokens(ctx.text);
    let mut scan = Scan::default();
    let mut line_has_code = false;
    let mut index = 0;
    while let Some(lexeme) = all.get(index).copied() {
        index += 1;
        let before = scan.tokens.len();
        match lexeme.token {
            Token::Space => {
                line_has_code &= !ctx.slice(lexeme.start, lexeme.end).contains('\n');
                continue;
            }
            Token::Comment => comment(ctx, lexeme, !line_has_code, &mut scan),
            Token::Unknown => unknown(ctx, lexeme, &mut scan),
            Token::ForeignComment => foreign_comment(ctx, lexeme, &mut scan),
            token => {
                let next = all.get(index).copied();
                if let (Token::Ident, Some(text)) = (token, next.filter(|next| next.token == Token::Str))
                    && texts::foreign_regex(ctx, lexeme, text, &mut scan)
                {
                    index += 1;
                } else {
                    significant(ctx, lexeme, &all, index, &mut scan);
                }
            }
        }
        line_has_code |= scan.tokens.len() > before;
    }
    scan
}

fn significant(ctx: &Ctx<'_>, lexeme: Lexeme, all: &[Lexeme], index: usize, scan: &mut Scan) {
    let Lexeme { token, start, end } = lexeme;
    let span = ctx.span(start, end);
    let token = match token {
        Token::Str | Token::Regex | Token::ForeignQuoted => texts::check(ctx, lexeme, &mut scan.diagnostics),
        Token::Doc | Token::FileDoc => {
            texts::check_directions(ctx, lexeme, false, &mut scan.diagnostics);
            token
        }
        Token::Int => {
            if ctx.slice(start, end).parse::<i64>().is_err() {
                scan.diagnostics.push(NumberTooLarge { span }.into());
            }
            token
        }
        Token::BadNumber => numbers::bad(ctx, lexeme, &mut scan.diagnostics),
        Token::AndAnd => foreign(ctx, lexeme, all, index, ("&&", "and", Token::And), scan),
        Token::OrOr => foreign(ctx, lexeme, all, index, ("||", "or", Token::Or), scan),
        Token::Bang => foreign(ctx, lexeme, all, index, ("!", "not", Token::Not), scan),
        Token::Semicolon => {
            scan.diagnostics.push(Semicolon { span }.into());
            return;
        }
        Token::Ident if is_null(ctx, lexeme, all, index, scan) => {
            scan.diagnostics.push(Null { span, word: ctx.slice(start, end).to_owned() }.into());
            Token::Bad
        }
        other => other,
    };
    scan.tokens.push(Lexeme { token, start, end });
}

/// `null` and `nil`, unless as the name of a field.
fn is_null(ctx: &Ctx<'_>, lexeme: Lexeme, all: &[Lexeme], index: usize, scan: &Scan) -> bool {
    let is_field = scan.tokens.last().is_some_and(|last| last.token == Token::Dot);
    let next = all.iter().skip(index).find(|next| !next.token.is_trivia()).map(|next| next.token);
    matches!(ctx.slice(lexeme.start, lexeme.end), "null" | "nil")
        && !is_field
        && !matches!(next, Some(Token::Colon | Token::Dot))
}

/// Reports the operator of another language and gives ours.
fn foreign(
    ctx: &Ctx<'_>,
    lexeme: Lexeme,
    all: &[Lexeme],
    index: usize,
    (written, word, token): (&'static str, &'static str, Token),
    scan: &mut Scan,
) -> Token {
    let touches = |text: Option<char>| text.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let before = ctx.slice(0, lexeme.start).chars().next_back();
    let after = all.get(index).and_then(|next| ctx.slice(next.start, next.end).chars().next());
    let mut replacement = String::new();
    if touches(before) {
        replacement.push(' ');
    }
    replacement.push_str(word);
    if after.is_some_and(|c| !c.is_whitespace()) {
        replacement.push(' ');
    }
    let span = ctx.span(lexeme.start, lexeme.end);
    scan.diagnostics.push(ForeignOperator { span, written, word, replacement }.into());
    token
}

fn comment(ctx: &Ctx<'_>, lexeme: Lexeme, own_line: bool, scan: &mut Scan) {
    texts::check_directions(ctx, lexeme, false, &mut scan.diagnostics);
    let text = ctx.slice(lexeme.start, lexeme.end).get(2..).unwrap_or_default().trim_end().to_owned();
    scan.comments.push(Comment { text, span: ctx.span(lexeme.start, lexeme.end), own_line });
}

/// Reports characters that mean nothing.
fn unknown(ctx: &Ctx<'_>, lexeme: Lexeme, scan: &mut Scan) {
    let text = ctx.slice(lexeme.start, lexeme.end);
    let span = ctx.span(lexeme.start, lexeme.end);
    let blank = text.chars().all(|c| c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}'));
    let (what, help, replacement) = if blank {
        ("a blank that is not a plain one".to_owned(), Some("write a plain blank"), Some(" ".to_owned()))
    } else {
        let shown: String = text.chars().take(20).flat_map(char::escape_debug).collect();
        let help = match text {
            "*" | "%" => Some("there are `+`, `-` and comparisons"),
            "&" => Some("write `and`"),
            "|" => Some("write `or`"),
            "$" | "@" => Some("a name is only letters, digits and `_`"),
            _ => None,
        };
        (format!("`{shown}`"), help, None)
    };
    scan.diagnostics.push(UnknownCharacters { span, what, help, replacement }.into());
}

fn foreign_comment(ctx: &Ctx<'_>, lexeme: Lexeme, scan: &mut Scan) {
    let text = ctx.slice(lexeme.start, lexeme.end);
    let one_line = text.strip_prefix('#').or_else(|| {
        text.strip_prefix("/*").and_then(|text| text.strip_suffix("*/")).filter(|text| !text.contains('\n'))
    });
    let span = ctx.span(lexeme.start, lexeme.start + if text.starts_with('#') { 1 } else { 2 });
    let at_line_end = ctx
        .text
        .get(lexeme.end as usize..)
        .and_then(|rest| rest.split('\n').next())
        .is_some_and(|rest| rest.trim().is_empty());
    let diagnostic = Diagnostic::from(UnknownCharacters {
        span,
        what: format!("`{}`", ctx.slice(span.start, span.end)),
        help: Some("a comment begins with `//` and ends with its line"),
        replacement: None,
    });
    scan.diagnostics.push(match one_line {
        Some(inner) if at_line_end => {
            diagnostic.fix(ctx.span(lexeme.start, lexeme.end), format!("//{}", inner.trim_end()))
        }
        _ => diagnostic,
    });
}
