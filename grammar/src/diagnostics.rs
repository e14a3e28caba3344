//! Every diagnostic of lexer and parser: one struct beside its words, one page per code.

use crate::diagnostic::Diagnostic;
use crate::span::Span;

/// E0120: nested too deeply.
pub struct TooDeep {
    pub span: Span,
    pub limit: u32,
}
impl From<TooDeep> for Diagnostic {
    fn from(e: TooDeep) -> Diagnostic {
        Diagnostic::error("E0120", "too deep").label(e.span, format!("{}", e.limit))
    }
}
