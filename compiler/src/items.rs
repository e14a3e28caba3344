//! Declarations: each file lowers one sort.

pub(crate) mod bind;
pub(crate) mod block;
pub(crate) mod correlate;
pub(crate) mod decl;
pub(crate) mod meta;
pub(crate) mod mutate;
pub(crate) mod rule;
pub(crate) mod target;
pub(crate) mod test;
