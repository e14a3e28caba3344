//! Every diagnostic of lexer and parser: one struct beside its words, one page per code.
//!
//! A code is for life. Codes: E01xx text to tree (here), E02xx types, E03xx names, E04xx limits (the compiler's table).

mod lexical;
mod syntax;

pub use lexical::*;
pub use syntax::*;

use crate::diagnostic::CodeInfo;

macro_rules! codes {
    ($($code:literal $title:literal,)*) => {
        /// Every code of this crate, in order.
        pub static CODES: &[CodeInfo] = &[$(CodeInfo {
            code: $code,
            title: $title,
            page: include_str!(concat!("diagnostics/pages/", $code, ".md")),
        },)*];
    };
}

codes! {
    "E0101" "something else was expected",
    "E0102" "a bracket is never closed",
    "E0103" "a closing bracket closes nothing",
    "E0104" "a text is not closed",
    "E0105" "a backslash that is no escape",
    "E0106" "a character has no meaning here",
    "E0107" "an operator of another language",
    "E0108" "wrong quotes",
    "E0109" "`=` where `==` is meant",
    "E0110" "`==` where `=` is meant",
    "E0111" "there is no null",
    "E0112" "there are no semicolons",
    "E0113" "`elif` where `else if` is meant",
    "E0114" "a verdict without a message",
    "E0115" "a number is too large",
    "E0116" "a wrong or missing unit",
    "E0117" "a fraction without a unit",
    "E0118" "something like a date",
    "E0119" "a regular expression in another notation",
    "E0120" "nested too deeply",
    "E0121" "a file is too large",
    "E0122" "a hole of a message that holds no path",
    "E0123" "something stands in the wrong place",
    "E0124" "a word of the language as a name",
    "E0125" "an invisible character that changes directions",
    "E0126" "a comparison of a comparison",
}
