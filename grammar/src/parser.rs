//! Tokens to a tree, whatever the tokens are.
//!
//! A file without a mistake is parsed in one go. After a mistake it is cut into declarations, a broken declaration into
//! clauses, and each piece is parsed by itself: what is sound stays, what is not gives one diagnostic each. No piece is
//! read more often than there are blocks around it (and these are bounded), so the time is linear in the text.

mod expected;
mod recover;
mod repair;
mod split;

use lalrpop_util::ParseError;

use crate::allow::{self, Allow};
use crate::ast::{Expr, File};
use crate::diagnostic::Diagnostic;
use crate::diagnostics::FileTooLarge;
use crate::grammar::RootParser;
use crate::lexer::{Comment, Lexeme, Scan, scan};
use crate::make::{Ctx, Root};
use crate::span::FileId;
use crate::token::Token;

/// The largest file that is read.
pub const MAX_FILE_SIZE: usize = 4 << 20;

/// How many diagnostics one file gives at most.
const MAX_DIAGNOSTICS: usize = 100;

/// What a file gave.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Parsed {
    /// The tree: everything that is sound, and [`crate::ast::ItemKind::Error`] for declarations that are not.
    pub file: File,
    /// What is wrong, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
    /// The `// remarks`.
    pub comments: Vec<Comment>,
    /// The remarks that silence a diagnostic.
    pub allows: Vec<Allow>,
}

/// Parses a file. It never fails: what is wrong is in the diagnostics.
#[must_use]
pub fn parse(file: FileId, text: &str) -> Parsed {
    let ctx = Ctx { file, text };
    if text.len() > MAX_FILE_SIZE {
        let span = ctx.span(0, 0);
        let too_large = FileTooLarge { span, size: text.len(), limit: MAX_FILE_SIZE };
        return Parsed { diagnostics: vec![too_large.into()], ..Parsed::default() };
    }
    let Scan { tokens, comments, mut diagnostics } = scan(&ctx);
    let file = match run(&ctx, Token::StartFile, &tokens) {
        Ok(Root::File(file)) => file,
        _ => recover::file(&ctx, &tokens, &mut diagnostics),
    };
    let allows = allow::collect(&ctx, &file, &tokens, &comments);
    Parsed { file, diagnostics: in_order(diagnostics), comments, allows }
}

/// Parses one expression, as for a value given on the command line.
///
/// # Errors
/// What is wrong with it.
pub fn parse_expr(file: FileId, text: &str) -> Result<Expr, Vec<Diagnostic>> {
    let ctx = Ctx { file, text };
    if text.len() > MAX_FILE_SIZE {
        let too_large = FileTooLarge { span: ctx.span(0, 0), size: text.len(), limit: MAX_FILE_SIZE };
        return Err(vec![too_large.into()]);
    }
    let Scan { tokens, mut diagnostics, .. } = scan(&ctx);
    let root = recover::piece(&ctx, Token::StartExpr, &tokens, &mut diagnostics);
    match root {
        Some(Root::Expr(expr)) if diagnostics.is_empty() => Ok(expr),
        _ => Err(in_order(diagnostics)),
    }
}

/// By place, and not more than anybody reads.
fn in_order(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    diagnostics.sort_by_key(|diagnostic| diagnostic.primary().map_or(0, |span| span.start));
    let more = diagnostics.len().saturating_sub(MAX_DIAGNOSTICS);
    diagnostics.truncate(MAX_DIAGNOSTICS);
    if let Some(last) = diagnostics.last_mut().filter(|_| more > 0) {
        last.notes.push(format!("{more} more mistakes in this file are not shown"));
    }
    diagnostics
}

/// Why a piece did not parse.
enum Failure {
    /// The token at `index` does not fit; behind the last one: more was expected.
    At { index: usize, expected: Vec<Token> },
    /// A diagnostic of its own.
    Other(Box<Diagnostic>),
}

/// Parses a piece of a file.
fn run(ctx: &Ctx<'_>, start: Token, tokens: &[Lexeme]) -> Result<Root, Failure> {
    let at = tokens.first().map_or(0, |first| first.start);
    let stream = std::iter::once((at, start, at))
        .chain(tokens.iter().map(|lexeme| (lexeme.start, lexeme.token, lexeme.end)))
        .map(Ok::<_, Box<Diagnostic>>);
    let index = |(start, token, end): (u32, Token, u32)| {
        tokens.iter().position(|lexeme| *lexeme == Lexeme { token, start, end }).unwrap_or(tokens.len())
    };
    let known = |names: Vec<String>| names.iter().filter_map(|name| expected::token(name)).collect();
    RootParser::new().parse(ctx, stream).map_err(|error| match error {
        ParseError::UnrecognizedToken { token, expected } => {
            Failure::At { index: index(token), expected: known(expected) }
        }
        ParseError::UnrecognizedEof { expected, .. } => {
            Failure::At { index: tokens.len(), expected: known(expected) }
        }
        ParseError::ExtraToken { token } => Failure::At { index: index(token), expected: Vec::new() },
        ParseError::InvalidToken { .. } => Failure::At { index: tokens.len(), expected: Vec::new() },
        ParseError::User { error } => Failure::Other(error),
    })
}
