//! The tokens that may stand somewhere, in words.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a match on one of a hundred tokens names those it is about"
)]

use crate::lexer::Lexeme;
use crate::make::Ctx;
use crate::token::Token;

/// The name that the generated parser gives to a token.
pub(super) fn token(name: &str) -> Option<Token> {
    Some(match name {
        "IDENT" => Token::Ident,
        "INT" => Token::Int,
        "UNITNUM" => Token::UnitNum,
        "DATE" => Token::Date,
        "STRING" => Token::Str,
        "REGEX" => Token::Regex,
        "DOC" => Token::Doc,
        "FILEDOC" => Token::FileDoc,
        fixed => {
            let text = fixed.strip_prefix('"')?.strip_suffix('"')?;
            let mut all = Token::KEYWORDS.iter().chain(Token::MARKS);
            *all.find(|token| token.fixed_text() == Some(text))?
        }
    })
}

/// Operators that join two conditions, compare, or compute.
pub(super) const OPERATORS: &[Token] = &[
    Token::Or,
    Token::And,
    Token::EqEq,
    Token::NotEq,
    Token::Less,
    Token::LessEq,
    Token::Greater,
    Token::GreaterEq,
    Token::In,
    Token::Under,
    Token::Like,
    Token::Matches,
    Token::StartsWith,
    Token::EndsWith,
    Token::Contains,
    Token::Coalesce,
    Token::Plus,
    Token::Minus,
];

/// The operators that do not chain.
pub(super) const COMPARISONS: &[Token] = &[
    Token::EqEq,
    Token::NotEq,
    Token::Less,
    Token::LessEq,
    Token::Greater,
    Token::GreaterEq,
    Token::In,
    Token::Under,
    Token::Like,
    Token::Matches,
    Token::StartsWith,
    Token::EndsWith,
    Token::Contains,
];

/// What an expression may begin with.
pub(super) const VALUES: &[Token] = &[
    Token::Ident,
    Token::Str,
    Token::Regex,
    Token::Int,
    Token::UnitNum,
    Token::Date,
    Token::True,
    Token::False,
    Token::LParen,
    Token::LBracket,
    Token::Not,
    Token::Has,
    Token::Minus,
    Token::If,
    Token::Any,
    Token::All,
    Token::None,
    Token::Count,
];

/// Whether an expression may begin here.
pub(super) fn takes_value(expected: &[Token]) -> bool {
    expected.contains(&Token::Regex)
}

/// Whether an operand stands before.
pub(super) fn takes_operator(expected: &[Token]) -> bool {
    expected.contains(&Token::And) && expected.contains(&Token::Or) && !takes_any_word(expected)
}

/// Whether every word is a name here.
pub(super) fn takes_any_word(expected: &[Token]) -> bool {
    expected.contains(&Token::Package) && expected.contains(&Token::Within)
}

/// "`message` or an operator".
pub(super) fn words(expected: &[Token]) -> String {
    let mut rest: Vec<Token> = expected.to_vec();
    let mut list: Vec<String> = Vec::new();
    let mut last: Option<&str> = None;
    if takes_any_word(&rest) {
        rest.retain(|token| !token.is_keyword() && *token != Token::Ident);
        list.push("a name".to_owned());
    }
    if takes_value(&rest) {
        rest.retain(|token| !VALUES.contains(token));
        list.push("a value".to_owned());
    }
    if takes_operator(&rest) {
        rest.retain(|token| !OPERATORS.contains(token) && *token != Token::Not);
        rest.retain(|token| !matches!(token, Token::Dot | Token::LBracket | Token::LParen));
        last = Some("an operator");
    }
    let items = rest.iter().filter(|token| token.starts_item()).count();
    if items > 4 {
        rest.retain(|token| !token.starts_item() && !matches!(token, Token::Doc | Token::FileDoc));
        rest.retain(|token| !matches!(token, Token::Use | Token::Kind | Token::Package));
        list.push("a declaration".to_owned());
    }
    let clauses = rest.iter().filter(|token| super::split::CLAUSES.contains(token)).count();
    if clauses > 3 {
        rest.retain(|token| !super::split::CLAUSES.contains(token));
        list.push("a clause".to_owned());
    }
    rest.sort_by_key(|token| token.closes());
    list.extend(rest.into_iter().map(describe));
    list.extend(last.map(str::to_owned));
    match list.as_slice() {
        [] => "nothing more".to_owned(),
        [only] => only.clone(),
        [others @ .., last] => format!("{} or {last}", others.join(", ")),
    }
}

/// The clauses that may begin here, for a help line.
pub(super) fn clause_list(expected: &[Token]) -> Option<String> {
    let any_word = takes_any_word(expected);
    let list = |pick: fn(&Token) -> bool| -> Vec<String> {
        expected.iter().filter(|token| pick(token)).copied().map(describe).collect()
    };
    let clauses = list(|token| super::split::CLAUSES.contains(token));
    let items = list(|token| token.starts_item());
    if any_word {
        None
    } else if items.len() > 4 {
        Some(format!("declarations begin with {}", items.join(", ")))
    } else if clauses.len() > 3 {
        Some(format!("clauses begin with {}", clauses.join(", ")))
    } else {
        None
    }
}

fn describe(token: Token) -> String {
    match token {
        Token::Ident => "a name".to_owned(),
        Token::Int => "a whole number".to_owned(),
        Token::UnitNum => "a number with a unit like `10s`".to_owned(),
        Token::Date => "a date like `2027-03-31`".to_owned(),
        Token::Str => "a text".to_owned(),
        Token::Regex => "a regular expression".to_owned(),
        Token::Doc | Token::FileDoc => "a doc comment".to_owned(),
        other => format!("`{}`", other.fixed_text().unwrap_or_default()),
    }
}

/// What stands there, in words.
pub(super) fn found(ctx: &Ctx<'_>, lexeme: Lexeme) -> String {
    match lexeme.token {
        Token::Str => "a text".to_owned(),
        Token::Regex => "a regular expression".to_owned(),
        Token::Doc | Token::FileDoc => "a doc comment".to_owned(),
        _ => format!("`{}`", shown(ctx, lexeme)),
    }
}

/// As written, shortened.
pub(super) fn shown(ctx: &Ctx<'_>, lexeme: Lexeme) -> String {
    let text = ctx.slice(lexeme.start, lexeme.end);
    let line = text.split('\n').next().unwrap_or_default();
    if line.chars().count() <= 40 {
        return line.to_owned();
    }
    line.chars().take(38).chain("..".chars()).collect()
}
