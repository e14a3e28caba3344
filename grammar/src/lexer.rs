//! Text to tokens, and the mistakes that one token shows by itself.
//!
//! Two layers. [`tokens`] covers every byte of a text once, and knows nothing but [`Token`]. `scan` drops blanks, sets
//! comments aside, reports what cannot be a token of the language, and puts in its place what was probably meant
//! (`&&` becomes `and`), so that the parser sees the mistakes behind it too.

mod numbers;
mod scan;
mod texts;

use logos::Logos;

use crate::span::Span;
use crate::token::Token;
pub(crate) use scan::{Scan, scan};

/// A token and its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lexeme {
    /// What it is.
    pub token: Token,
    /// Its first byte.
    pub start: u32,
    /// The byte behind its last one.
    pub end: u32,
}

/// A `// remark`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// The text behind the two slashes, without blanks at its end.
    pub text: String,
    /// With the slashes.
    pub span: Span,
    /// Whether nothing but blanks stands before it on its line.
    pub own_line: bool,
}

/// All tokens of a text, blanks and comments too: they cover every byte once.
///
/// Texts longer than 4 GiB are not for us: positions are 32 bits.
#[must_use]
pub fn tokens(text: &str) -> Vec<Lexeme> {
    let position = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let mut lexer = Token::lexer(text);
    let mut list: Vec<Lexeme> = Vec::new();
    while let Some(token) = lexer.next() {
        let token = token.unwrap_or(Token::Unknown);
        let (start, end) = (position(lexer.span().start), position(lexer.span().end));
        match list.last_mut() {
            Some(last) if token == Token::Unknown && last.token == Token::Unknown => last.end = end,
            _ => list.push(Lexeme { token, start, end }),
        }
    }
    list
}

#[cfg(test)]
mod tests;
