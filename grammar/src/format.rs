//! The one style of kpol: a tree to text, and a text to the same text in order.
//!
//! ```text
//! tree ──build──▶ Doc (tokens, places where a line may break) ──render──▶ lines of at most 100 columns
//! text ──parse──▶ tree, and the comments between its tokens ─────┘
//! ```
//!
//! What decides is the tree alone, but for two things of the text: single blank lines between clauses stay, and comments
//! stay between the tokens where they stood. The n-th token of the tree is the n-th of the text (commas before a closing
//! bracket aside), so a comment has a place even where nobody would put one.

mod build;
mod clause;
mod doc;
mod expr;
mod item;
mod source;

use crate::ast::File;
use crate::diagnostic::Diagnostic;
use crate::parser::parse;
use crate::span::FileId;
use build::Builder;
use source::Source;

/// The widest line, where it can be helped.
pub const WIDTH: usize = 100;

/// The text in the one style.
///
/// # Errors
/// The diagnostics of a text with mistakes: it stays as it is until they are mended.
pub fn format(text: &str) -> Result<String, Vec<Diagnostic>> {
    let parsed = parse(FileId::default(), text);
    if !parsed.diagnostics.is_empty() {
        return Err(parsed.diagnostics);
    }
    let source = Source::new(text, &parsed.comments);
    let mut builder = Builder::new(Some(&source));
    let doc = builder.file(&parsed.file);
    if builder.token_count() != source.token_count() {
        debug_assert!(
            false,
            "the tree has {} tokens, the text {}",
            builder.token_count(),
            source.token_count()
        );
        return Ok(text.to_owned());
    }
    Ok(doc::render(&doc, Some(&source)))
}

/// The text of a tree. Parentheses that it needs and does not have are added.
#[must_use]
pub fn print(file: &File) -> String {
    let mut builder = Builder::new(None);
    let doc = builder.file(file);
    doc::render(&doc, None)
}

/// The text of one expression, on one line if it fits.
#[must_use]
pub fn print_expr(expr: &crate::ast::Expr) -> String {
    let mut builder = Builder::new(None);
    let doc = builder.expr(expr);
    doc::render(&doc, None).trim_end().to_owned()
}
