//! `kpolc fmt`: not built yet.

use crate::{CliError, Exit, Io, args::{Global, FmtArgs}};

pub(crate) fn run(_args: &FmtArgs, _global: &Global, _io: &mut Io) -> Result<Exit, CliError> {
    Err(CliError::NotBuilt("fmt"))
}
