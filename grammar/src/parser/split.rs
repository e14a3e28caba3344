//! Where declarations and clauses begin, told from tokens alone, so that a broken one ends where the next begins.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a match on one of a hundred tokens names those it is about"
)]

use std::ops::Range;

use crate::lexer::Lexeme;
use crate::make::Ctx;
use crate::token::Token;

/// What stands between the braces of a declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    Rule,
    Block,
    Mutate,
    MutateBlock,
    Correlate,
    Bind,
    Exception,
    Test,
}

/// Every word that begins a clause somewhere.
pub(super) const CLAUSES: &[Token] = &[
    Token::Severity,
    Token::Mitre,
    Token::Cis,
    Token::Tags,
    Token::Refs,
    Token::Owner,
    Token::Where,
    Token::Let,
    Token::For,
    Token::Exceptions,
    Token::VerifyAtRuntime,
    Token::Deny,
    Token::Warn,
    Token::Audit,
    Token::Alert,
    Token::Kill,
    Token::Default,
    Token::Overwrite,
    Token::Add,
    Token::Remove,
    Token::Within,
    Token::Step,
    Token::Reset,
    Token::Mode,
    Token::With,
    Token::Reason,
    Token::Until,
    Token::Given,
    Token::At,
    Token::Expect,
];

impl Body {
    /// The body of the declaration that begins with `token`.
    pub(super) fn of(token: Token) -> Option<Body> {
        match token {
            Token::Rule => Some(Body::Rule),
            Token::Mutate => Some(Body::Mutate),
            Token::Correlate => Some(Body::Correlate),
            Token::Bind => Some(Body::Bind),
            Token::Exception => Some(Body::Exception),
            Token::Test => Some(Body::Test),
            _ => None,
        }
    }

    /// What a `for` block in it holds.
    pub(super) fn inner(self) -> Option<Body> {
        match self {
            Body::Rule | Body::Block => Some(Body::Block),
            Body::Mutate | Body::MutateBlock => Some(Body::MutateBlock),
            Body::Correlate | Body::Bind | Body::Exception | Body::Test => None,
        }
    }

    /// What asks the parser for one clause of it.
    pub(super) fn start(self) -> Token {
        match self {
            Body::Rule => Token::StartRule,
            Body::Block => Token::StartBlock,
            Body::Mutate => Token::StartMutate,
            Body::MutateBlock => Token::StartMutateBlock,
            Body::Correlate => Token::StartCorrelate,
            Body::Bind => Token::StartBind,
            Body::Exception => Token::StartException,
            Body::Test => Token::StartTest,
        }
    }

    fn begins(self, token: Token) -> bool {
        let meta = matches!(
            token,
            Token::Severity | Token::Mitre | Token::Cis | Token::Tags | Token::Refs | Token::Owner
        );
        let flow = matches!(token, Token::Where | Token::Let | Token::For);
        match self {
            Body::Block => flow || token.is_verb(),
            Body::Rule => {
                meta || flow || token.is_verb() || matches!(token, Token::Exceptions | Token::VerifyAtRuntime)
            }
            Body::MutateBlock | Body::Mutate => {
                (meta && self == Body::Mutate)
                    || flow
                    || matches!(token, Token::Default | Token::Overwrite | Token::Add | Token::Remove)
            }
            Body::Correlate => {
                meta || token.is_verb() || matches!(token, Token::Within | Token::Step | Token::Reset)
            }
            Body::Bind => matches!(token, Token::Mode | Token::Where | Token::With),
            Body::Exception => {
                matches!(token, Token::Where | Token::Reason | Token::Owner | Token::Until)
            }
            Body::Test => matches!(token, Token::Given | Token::At | Token::With | Token::Expect),
        }
    }
}

/// Each token with the one before it and the one behind it.
fn windows(tokens: &[Lexeme]) -> impl Iterator<Item = (usize, Option<Lexeme>, Lexeme, Option<Lexeme>)> + '_ {
    tokens.iter().enumerate().map(|(index, lexeme)| {
        let before = index.checked_sub(1).and_then(|at| tokens.get(at)).copied();
        (index, before, *lexeme, tokens.get(index + 1).copied())
    })
}

/// The token before the one at `index`, unless it is only a name: the `test` of `package acme.test` begins nothing.
fn keyword(tokens: &[Lexeme], index: usize) -> Option<Token> {
    let at = |back| index.checked_sub(back).and_then(|at| tokens.get(at)).map(|lexeme| lexeme.token);
    at(1).filter(|_| at(2) != Some(Token::Dot))
}

/// The blanks and comments before a token.
fn gap<'a>(ctx: &Ctx<'a>, before: Option<Lexeme>, lexeme: Lexeme) -> &'a str {
    let from = before.map_or(0, |before| before.end as usize);
    ctx.text.get(from..lexeme.start as usize).unwrap_or_default()
}

/// The declarations of a file, each with the doc comments above it; the first range may hold what is none.
pub(super) fn declarations(ctx: &Ctx<'_>, tokens: &[Lexeme]) -> Vec<Range<usize>> {
    let mut starts = Vec::new();
    let mut depth = 0_u32;
    let mut braces = 0_u32;
    for (index, before, lexeme, next) in windows(tokens) {
        let token = lexeme.token;
        let is_name = keyword(tokens, index).is_some_and(|before| {
            before.starts_item()
                || matches!(before, Token::Dot | Token::Package | Token::Use | Token::Kind | Token::As)
        });
        if !is_name {
            let gap = gap(ctx, before, lexeme);
            let first_on_line = before.is_none() || gap.contains('\n');
            let at_margin = gap.is_empty() && before.is_none() || gap.ends_with('\n');
            let named = next.is_some_and(|next| next.token == Token::Ident);
            let begins = match token {
                Token::Let => depth == 0 || (at_margin && braces == 0),
                Token::Ident => depth == 0 && at_margin && named,
                token
                    if token.starts_item() || matches!(token, Token::Package | Token::Use | Token::Kind) =>
                {
                    depth == 0 || (first_on_line && named)
                }
                _ => false,
            };
            if begins {
                starts.push(with_docs(tokens, index));
                (depth, braces) = (0, 0);
            }
        }
        if token.opens() {
            depth += 1;
            braces += u32::from(token == Token::LBrace);
        } else if token.closes() {
            depth = depth.saturating_sub(1);
            braces = braces.saturating_sub(u32::from(token == Token::RBrace));
        }
    }
    ranges(starts, tokens.len())
}

/// The index of the first doc comment above the declaration at `index`.
fn with_docs(tokens: &[Lexeme], index: usize) -> usize {
    let docs = tokens.get(..index).unwrap_or_default().iter().rev();
    index - docs.take_while(|lexeme| lexeme.token == Token::Doc).count()
}

/// The clauses of a body; the first range may hold what is none.
pub(super) fn clauses(ctx: &Ctx<'_>, body: Body, tokens: &[Lexeme]) -> Vec<Range<usize>> {
    let mut starts = Vec::new();
    let (mut round, mut braces) = (0_u32, 0_u32);
    for (index, before, lexeme, next) in windows(tokens) {
        let token = lexeme.token;
        let is_name = keyword(tokens, index).is_some_and(|before| {
            matches!(before, Token::Dot | Token::Severity | Token::Mode | Token::Expect)
        }) || next.is_some_and(|next| next.token == Token::Colon);
        if CLAUSES.contains(&token) && !is_name && braces == 0 {
            let first_on_line = gap(ctx, before, lexeme).contains('\n');
            let soft = matches!(token, Token::Where | Token::For);
            if (round == 0 && (body.begins(token) || first_on_line)) || (first_on_line && !soft) {
                starts.push(index);
                round = 0;
            }
        }
        match token {
            Token::LBrace => braces += 1,
            Token::RBrace => braces = braces.saturating_sub(1),
            token if token.opens() => round += 1,
            token if token.closes() => round = round.saturating_sub(1),
            _ => {}
        }
    }
    ranges(starts, tokens.len())
}

fn ranges(mut starts: Vec<usize>, end: usize) -> Vec<Range<usize>> {
    if starts.first().is_none_or(|first| *first > 0) {
        starts.insert(0, 0);
    }
    let ends = starts.iter().skip(1).copied().chain([end]);
    starts.iter().zip(ends).map(|(start, end)| *start..end).filter(|range| !range.is_empty()).collect()
}

/// The index of the brace that closes the one at `open`.
pub(super) fn closing_brace(tokens: &[Lexeme], open: usize) -> Option<usize> {
    let mut depth = 0_u32;
    for (index, lexeme) in tokens.iter().enumerate().skip(open) {
        match lexeme.token {
            Token::LBrace => depth += 1,
            Token::RBrace if depth == 1 => return Some(index),
            Token::RBrace => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// The index of the brace that opens the body of a declaration or of a `for` block.
pub(super) fn opening_brace(tokens: &[Lexeme]) -> Option<usize> {
    let mut round = 0_u32;
    for (index, lexeme) in tokens.iter().enumerate() {
        match lexeme.token {
            Token::LBrace if round == 0 => return Some(index),
            Token::LBracket | Token::LParen => round += 1,
            Token::RBracket | Token::RParen => round = round.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// In a body that is never closed: the brace to blame, by the indentation of those that close.
pub(super) fn unclosed_brace(ctx: &Ctx<'_>, tokens: &[Lexeme]) -> Option<usize> {
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut indent = 0;
    for (index, before, lexeme, _) in windows(tokens) {
        let gap = gap(ctx, before, lexeme);
        let first_on_line = before.is_none() || gap.contains('\n');
        if first_on_line {
            indent = gap.rsplit('\n').next().unwrap_or_default().len();
        }
        match lexeme.token {
            Token::LBrace => open.push((index, indent)),
            Token::RBrace => {
                let opened = open.pop();
                if let Some((index, at)) = opened
                    && first_on_line
                    && indent < at
                {
                    return Some(index);
                }
            }
            _ => {}
        }
    }
    open.first().map(|(index, _)| *index)
}

/// The first bracket with more than `limit` others around it.
pub(super) fn too_deep(tokens: &[Lexeme], limit: u32) -> Option<Lexeme> {
    let mut depth = 0_u32;
    for lexeme in tokens {
        if lexeme.token.opens() {
            depth += 1;
            if depth > limit {
                return Some(*lexeme);
            }
        } else if lexeme.token.closes() {
            depth = depth.saturating_sub(1);
        }
    }
    None
}
