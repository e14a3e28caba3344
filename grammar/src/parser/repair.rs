//! One mistake: its words, and what was probably meant.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a match on one of a hundred tokens names those it is about"
)]

use super::expected::{self, COMPARISONS, VALUES};
use crate::diagnostic::Diagnostic;
use crate::diagnostics::{
    AssignForEquals, BadDate, ChainedComparison, ElseIf, EqualsForAssign, ForeignRegex, KeywordAsName,
    MissingMessage, Unclosed, Unexpected, Unmatched, WrongUnit,
};
use crate::lexer::Lexeme;
use crate::make::Ctx;
use crate::span::Span;
use crate::token::Token;

/// How to go on behind a mistake as if it had not been made.
pub(super) enum Repair {
    /// The token is another one.
    Replace(Vec<Token>),
    /// Tokens were forgotten before it.
    Insert(Vec<Token>),
    /// The token is too much.
    Remove,
    /// Nobody knows.
    Give,
}

/// Where a piece did not parse.
pub(super) struct Mistake<'a> {
    pub(super) ctx: &'a Ctx<'a>,
    pub(super) tokens: &'a [Lexeme],
    /// The token that does not fit; the number of tokens when more was expected.
    pub(super) index: usize,
    pub(super) expected: &'a [Token],
}

type Answer = Option<(Diagnostic, Repair)>;

impl Mistake<'_> {
    /// The words for it.
    pub(super) fn explain(&self) -> (Diagnostic, Repair) {
        self.missing_message()
            .or_else(|| self.wrong_sign())
            .or_else(|| self.wrong_literal())
            .or_else(|| self.keyword_as_name())
            .or_else(|| self.brackets())
            .or_else(|| self.missing_comma())
            .or_else(|| self.misspelt())
            .unwrap_or_else(|| self.unexpected())
    }

    fn found(&self) -> Option<Lexeme> {
        self.tokens.get(self.index).copied()
    }

    fn token(&self) -> Option<Token> {
        self.found().map(|found| found.token)
    }

    fn before(&self) -> Option<Lexeme> {
        // Tokens without width are those that a repair has put there.
        self.tokens.iter().take(self.index).rev().find(|lexeme| lexeme.end > lexeme.start).copied()
    }

    fn span(&self, lexeme: Lexeme) -> Span {
        self.ctx.span(lexeme.start, lexeme.end)
    }

    /// The token that does not fit, or the last one.
    fn place(&self) -> Span {
        self.found().or(self.before()).map_or(self.ctx.span(0, 0), |lexeme| self.span(lexeme))
    }

    fn expects(&self, token: Token) -> bool {
        self.expected.contains(&token)
    }

    fn missing_message(&self) -> Answer {
        let verb = self.tokens.first().filter(|first| first.token.is_verb())?;
        let last = self.before()?;
        if !self.expects(Token::Message) || expected::takes_any_word(self.expected) {
            return None;
        }
        let (text, repair) = match self.found() {
            None => (None, Repair::Insert(vec![Token::Message, Token::Str])),
            Some(found) if found.token == Token::Str => {
                (Some(self.span(found)), Repair::Insert(vec![Token::Message]))
            }
            Some(found) if found.token == Token::Fix => {
                (None, Repair::Insert(vec![Token::Message, Token::Str]))
            }
            Some(_) => return None,
        };
        let missing = MissingMessage {
            verb: verb.token.fixed_text().unwrap_or_default(),
            verb_span: self.span(*verb),
            last: self.span(last),
            has_condition: self.index > 1,
            text,
        };
        Some((missing.into(), repair))
    }

    fn wrong_sign(&self) -> Answer {
        let found = self.found()?;
        let span = self.span(found);
        let word = self.ctx.slice(found.start, found.end);
        match found.token {
            Token::Assign if self.expects(Token::EqEq) => {
                Some((AssignForEquals { span }.into(), Repair::Replace(vec![Token::EqEq])))
            }
            Token::EqEq if self.expects(Token::Assign) => {
                Some((EqualsForAssign { span }.into(), Repair::Replace(vec![Token::Assign])))
            }
            Token::GreaterEq if self.expects(Token::Greater) && !self.expects(Token::EqEq) => {
                let mut unexpected = self.describe();
                unexpected.expected = "`>`".to_owned();
                unexpected.meant =
                    Some(("put a blank between the two signs".to_owned(), span, "> =".to_owned()));
                Some((unexpected.into(), Repair::Replace(vec![Token::Greater, Token::Assign])))
            }
            Token::Ident if self.expects(Token::Else) && matches!(word, "elif" | "elsif" | "elseif") => {
                let word = word.to_owned();
                Some((ElseIf { span, word }.into(), Repair::Replace(vec![Token::Else, Token::If])))
            }
            token if COMPARISONS.contains(&token) && expected::takes_operator(self.expected) => {
                let operator = word.to_owned();
                Some((ChainedComparison { span, operator }.into(), Repair::Replace(vec![Token::And])))
            }
            _ => None,
        }
    }

    fn wrong_literal(&self) -> Answer {
        let found = self.found()?;
        let span = self.span(found);
        let word = self.ctx.slice(found.start, found.end);
        if self.expected == [Token::Date] {
            let quoted = word.trim_matches('"');
            let replacement = date_of(quoted);
            return Some((BadDate { span, replacement }.into(), Repair::Give));
        }
        if self.expected == [Token::UnitNum] && found.token == Token::Int {
            let message = "a duration needs a unit".to_owned();
            let replacement = Some(format!("{word}s"));
            return Some((
                WrongUnit { span, message, replacement }.into(),
                Repair::Replace(vec![Token::UnitNum]),
            ));
        }
        if found.token == Token::Slash && expected::takes_value(self.expected) {
            return Some((ForeignRegex { span, replacement: None }.into(), Repair::Give));
        }
        None
    }

    fn keyword_as_name(&self) -> Answer {
        let is_link = |token| matches!(token, Token::In | Token::On | Token::To | Token::From | Token::As);
        let found = self.found().filter(|found| found.token.is_keyword() && !is_link(found.token))?;
        let next = self.tokens.get(self.index + 1).map(|next| next.token);
        let only_a_name = self.expects(Token::Ident) && !expected::takes_value(self.expected);
        let value = expected::takes_value(self.expected)
            && matches!(next, Some(Token::Dot | Token::EqEq | Token::NotEq | Token::LBracket));
        if !(only_a_name && !self.expects(Token::LBrace) || value) {
            return None;
        }
        let word = found.token.fixed_text().unwrap_or_default();
        Some((KeywordAsName { span: self.span(found), word }.into(), Repair::Replace(vec![Token::Ident])))
    }

    fn brackets(&self) -> Answer {
        let closers = [Token::RParen, Token::RBracket, Token::RBrace];
        let missing = closers.into_iter().find(|closer| self.expects(*closer));
        let found = self.found();
        let fits = |found: Lexeme| {
            VALUES.contains(&found.token)
                || matches!(found.token, Token::Colon | Token::Assign | Token::Comma)
        };
        if let (Some(missing), Some(open)) = (missing, self.open_bracket())
            && !found.is_some_and(fits)
            && found.is_none_or(|found| found.token != Token::Ident)
        {
            let unclosed = Unclosed {
                open: self.span(open),
                bracket: open.token.fixed_text().unwrap_or_default(),
                closing: missing.fixed_text().unwrap_or_default(),
                before: found.map(|found| self.span(found)),
            };
            return Some((unclosed.into(), Repair::Insert(vec![missing])));
        }
        let found = found.filter(|found| found.token.closes() && self.open_bracket().is_none())?;
        let bracket = found.token.fixed_text().unwrap_or_default();
        Some((Unmatched { span: self.span(found), bracket }.into(), Repair::Remove))
    }

    /// The innermost bracket that is open before the token.
    fn open_bracket(&self) -> Option<Lexeme> {
        let mut open = Vec::new();
        for lexeme in self.tokens.iter().take(self.index) {
            if lexeme.token.opens() {
                open.push(*lexeme);
            } else if lexeme.token.closes() {
                open.pop();
            }
        }
        open.pop()
    }

    fn missing_comma(&self) -> Answer {
        let found = self.found()?;
        let before = self.before()?;
        let starts = VALUES.contains(&found.token) || found.token == Token::LBrace;
        let ends = !matches!(before.token, Token::Comma) && !before.token.opens();
        if !(starts && ends && self.expects(Token::Comma)) || self.open_bracket().is_none() {
            return None;
        }
        let gap = self.ctx.span(before.end, before.end);
        let mut unexpected = self.describe();
        unexpected.expected = "`,`".to_owned();
        unexpected.meant = Some(("a `,` is missing before this".to_owned(), gap, ",".to_owned()));
        Some((unexpected.into(), Repair::Insert(vec![Token::Comma])))
    }

    /// A name that is nearly one of the words that may stand there.
    fn misspelt(&self) -> Answer {
        let found = self.found().filter(|found| found.token == Token::Ident)?;
        let written = self.ctx.slice(found.start, found.end).to_ascii_lowercase();
        if written.len() < 2 || written.len() > 40 || self.expects(Token::Ident) {
            return None;
        }
        let near = |token: &Token| {
            let word = token.fixed_text()?;
            let distance = strsim::damerau_levenshtein(&written, word);
            (token.is_keyword() && distance <= (word.len() / 3).max(1)).then_some((distance, *token, word))
        };
        let (_, token, word) = self.expected.iter().filter_map(near).min()?;
        let span = self.span(found);
        let mut unexpected = self.describe();
        unexpected.meant = Some((format!("did you mean `{word}`?"), span, word.to_owned()));
        Some((unexpected.into(), Repair::Replace(vec![token])))
    }

    fn describe(&self) -> Unexpected {
        Unexpected {
            span: self.place(),
            found: self.found().map(|found| expected::found(self.ctx, found)),
            expected: expected::words(self.expected),
            behind: self.before().map(|before| expected::shown(self.ctx, before)),
            meant: None,
            help: self.type_help().or_else(|| expected::clause_list(self.expected)),
        }
    }

    fn type_help(&self) -> Option<String> {
        let name = self.before().filter(|before| before.token == Token::Ident)?;
        let name = self.ctx.slice(name.start, name.end);
        let typed =
            matches!(self.tokens.first().map(|first| first.token), Some(Token::Param | Token::Define));
        (typed && self.expected == [Token::Colon]).then(|| format!("give its type: `{name}: int`"))
    }

    fn unexpected(&self) -> (Diagnostic, Repair) {
        let repair = if self.token() == Some(Token::Comma) { Repair::Remove } else { Repair::Give };
        (self.describe().into(), repair)
    }
}

/// `2027/3/31` as a date of the right shape.
fn date_of(text: &str) -> Option<String> {
    let parts: Vec<u32> = text.split(['-', '/', '.']).map(str::parse).collect::<Result<_, _>>().ok()?;
    match parts.as_slice() {
        [year @ 1000..=9999, month @ 1..=12, day @ 1..=31] => Some(format!("{year}-{month:02}-{day:02}")),
        [day @ 1..=31, month @ 1..=12, year @ 1000..=9999] if text.contains('.') => {
            Some(format!("{year}-{month:02}-{day:02}"))
        }
        _ => None,
    }
}
