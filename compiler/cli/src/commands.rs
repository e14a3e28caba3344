//! One module per subcommand.

pub(crate) mod audit;
pub(crate) mod build;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod doc;
pub(crate) mod eval;
pub(crate) mod explain;
pub(crate) mod fmt;
pub(crate) mod inspect;
mod judging;
pub(crate) mod man;
pub(crate) mod new;
pub(crate) mod schema;
pub(crate) mod sign;
pub(crate) mod test;
pub(crate) mod verify;
