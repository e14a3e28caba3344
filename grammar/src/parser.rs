//! Tokens to a tree.
use crate::ast;
use crate::diagnostic::Diagnostic;
use crate::grammar::RootParser;
use crate::lexer;
use crate::make::{Ctx, Root};
use crate::span::FileId;
use crate::token::Token;

/// The largest file that is read.
pub const MAX_FILE_SIZE: usize = 4 << 20;

/// What a file gave.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Parsed {
    /// The tree.
    pub file: ast::File,
    /// What is wrong.
    pub diagnostics: Vec<Diagnostic>,
}

/// Parses a file.
#[must_use]
pub fn parse(file: FileId, text: &str) -> Parsed {
    let ctx = Ctx { file, text };
    let tokens = lexer::tokens(text);
    let stream = std::iter::once((0, Token::StartFile, 0))
        .chain(tokens.iter().filter(|t| !t.token.is_trivia()).map(|t| (t.start, t.token, t.end)))
        .map(Ok::<_, Box<Diagnostic>>);
    match RootParser::new().parse(&ctx, stream) {
        Ok(Root::File(file)) => Parsed { file, diagnostics: Vec::new() },
        Ok(_) => Parsed::default(),
        Err(e) => Parsed {
            file: ast::File::default(),
            diagnostics: vec![Diagnostic::error("E0101", format!("{e:?}"))],
        },
    }
}
