//! The codes of the command itself, E06xx, and all codes together.

use kpol_grammar::diagnostic::CodeInfo;

/// Every code of the command.
pub(crate) static CODES: &[CodeInfo] = &[CodeInfo {
    code: "E0601",
    title: "a rule lacks metadata that the project asks for",
    page: include_str!("codes/E0601.md"),
}];

/// The page of a code, whoever reports it.
pub(crate) fn code(code: &str) -> Option<&'static CodeInfo> {
    kpol_compiler::codes::code(code).or_else(|| CODES.iter().find(|info| info.code == code))
}

/// Every code there is, in order.
pub(crate) fn all() -> impl Iterator<Item = &'static CodeInfo> {
    kpol_grammar::diagnostics::CODES.iter().chain(kpol_compiler::codes::CODES).chain(CODES)
}
