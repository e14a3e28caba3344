//! `kpolc explain`: not built yet.

use crate::{CliError, Exit, Io, args::{Global, ExplainArgs}};

pub(crate) fn run(_args: &ExplainArgs, _global: &Global, _io: &mut Io) -> Result<Exit, CliError> {
    Ok(Exit::Clean)
}
