use super::tokens;
use crate::token::Token;

fn kinds(text: &str) -> Vec<Token> {
    tokens(text).iter().map(|lexeme| lexeme.token).filter(|token| !token.is_trivia()).collect()
}

#[test]
fn a_number_takes_its_unit_only_when_nothing_follows() {
    assert_eq!(kinds("4Gi 90d 500m 1.5h 10ms"), [Token::UnitNum; 5]);
    assert_eq!(kinds("4GiB 90days 1.5 0x1f 2027-03-311"), [Token::BadNumber; 5]);
    assert_eq!(kinds("12 2027-03-31"), [Token::Int, Token::Date]);
    assert_eq!(kinds("5-3-2"), [Token::Int, Token::Minus, Token::Int, Token::Minus, Token::Int]);
}

#[test]
fn keywords_are_whole_words() {
    assert_eq!(kinds("on once _in in"), [Token::On, Token::Ident, Token::Ident, Token::In]);
}

#[test]
fn four_slashes_are_a_remark_and_three_a_doc() {
    assert_eq!(kinds("/// a\n//! b\n// c\n//// d\n///"), [Token::Doc, Token::FileDoc, Token::Doc]);
}

#[test]
fn texts_end_at_their_quote_or_their_line() {
    assert_eq!(kinds(r#""" "a\"b" "c"#), [Token::Str; 3]);
    assert_eq!(
        kinds("\"a\nb \"\"\"x\ny\"\"\" re\"\\\"\""),
        [Token::Str, Token::Ident, Token::Str, Token::Regex]
    );
}

#[test]
fn tokens_cover_every_byte_once() {
    for text in ["", "a é ü€ “x” ‘y", "\u{feff}rule x\r\n", "\"\\", "\"\"\"", "/* x", "!@#$%^&*()", "'a\\'"]
    {
        let mut at = 0;
        for lexeme in tokens(text) {
            assert_eq!(lexeme.start, at, "{text:?}");
            assert!(lexeme.end > at, "{text:?}");
            at = lexeme.end;
        }
        assert_eq!(at as usize, text.len(), "{text:?}");
    }
}
