//! The registry of codes: every diagnostic of the compiler, with its page. Codes are never used again.

use kpol_grammar::diagnostic::CodeInfo;

/// Every code of the compiler, in order.
pub static CODES: &[CodeInfo] = &[];

/// The page of a code, of the parser's or the compiler's.
#[must_use]
pub fn code(code: &str) -> Option<&'static CodeInfo> {
    kpol_grammar::diagnostics::CODES.iter().chain(CODES).find(|info| info.code == code)
}
