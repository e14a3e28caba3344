//! The registry of codes: every diagnostic of the compiler, with its page. Codes are for life and never used again.
//!
//! E02xx types, E03xx names, E04xx limits; W02xx warnings; N02xx notes.

use kpol_grammar::diagnostic::CodeInfo;

macro_rules! codes {
    ($($code:literal $title:literal,)*) => {
        /// Every code of the compiler, in order.
        pub static CODES: &[CodeInfo] = &[$(CodeInfo {
            code: $code,
            title: $title,
            page: include_str!(concat!("../../docs/codes/", $code, ".md")),
        },)*];
    };
}

codes! {
    "E0201" "there is no such field",
    "E0202" "a type that does not exist or does not fit here",
    "E0203" "two types that never compare",
    "E0204" "an operator does not take this",
    "E0205" "another type is wanted",
    "E0206" "arithmetic on a value that may not be set",
    "E0207" "a literal that is no value of its type",
    "E0208" "milli or minutes",
    "E0209" "not in every version of Kubernetes that the policy is for",
    "E0210" "a root that other events have",
    "E0211" "nothing to go through",
    "E0212" "the wrong number of arguments",
    "E0213" "not a function",
    "E0214" "`has` asks about a path",
    "E0215" "a record cannot be printed",
    "E0216" "not a constant",
    "E0220" "`old` outside of updates",
    "E0221" "a verb of the other world",
    "E0222" "kinds and events do not mix here",
    "E0223" "a define that is made for another target",
    "E0224" "a rule that decides nothing",
    "E0225" "a place that a mutation cannot write",
    "E0226" "two mutations that write one place differently",
    "E0227" "a value computed from what it overwrites",
    "E0228" "an exception that lacks something",
    "E0229" "an exception that does not pin what its rule asks for",
    "E0230" "a correlation that lacks something",
    "E0231" "a test that cannot fail",
    "E0232" "a file that defines another kind",
    "E0233" "a suppression without a reason",
    "E0301" "nothing is called that",
    "E0302" "said twice",
    "E0303" "no such package, or not in it",
    "E0304" "a name that would hide another",
    "E0305" "a definition that needs itself",
    "E0306" "packages that use each other",
    "E0307" "a file with kinds that cannot be used",
    "E0308" "no such kind, event or subresource",
    "E0309" "no such rule",
    "E0310" "no such param",
    "E0311" "a name that nothing uses",
    "E0312" "a word that is not on the list",
    "E0313" "no such technique or control",
    "E0401" "larger or deeper than a rule may be",
    "E0402" "too expensive in the worst case",
    "E0403" "the compiler found no runnable form",
    "W0201" "`??` on a value that is always there",
    "W0202" "a `has` that is always true",
    "W0203" "absence opens the door",
    "W0204" "a `use` of a name that the file does not need",
    "W0205" "a declaration that nothing uses",
    "W0206" "a condition that no input changes",
    "W0207" "a text prefix where parts are meant",
    "W0208" "an exception that has ended",
    "W0209" "an exception that can never match",
    "W0210" "a suppression that suppresses nothing",
    "N0201" "the node's half of a rule is not derived yet",
    "N0202" "nothing runs correlations yet",
}

/// The page of a code, of the parser's or the compiler's.
#[must_use]
pub fn code(code: &str) -> Option<&'static CodeInfo> {
    kpol_grammar::diagnostics::CODES.iter().chain(CODES).find(|info| info.code == code)
}
