//! Text to tokens.
use logos::Logos;
use crate::token::Token;
/// A token and its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lexeme { /// What.
 pub token: Token, /// From.
 pub start: u32, /// To.
 pub end: u32 }
/// All tokens, blanks and comments too: they cover every byte once.
#[must_use]
pub fn tokens(text: &str) -> Vec<Lexeme> {
    let mut lexer = Token::lexer(text);
    let mut list = Vec::new();
    while let Some(token) = lexer.next() {
        let span = lexer.span();
        list.push(Lexeme { token: token.unwrap_or(Token::Unknown), start: span.start as u32, end: span.end as u32 });
    }
    list
}
