//! `kpolc new`: not built yet.

use crate::{CliError, Exit, Io, args::{Global, NewArgs}};

pub(crate) fn run(_args: &NewArgs, _global: &Global, _io: &mut Io) -> Result<Exit, CliError> {
    Err(CliError::NotBuilt("new"))
}
