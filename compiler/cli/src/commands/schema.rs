//! `kpolc schema`: not built yet.

use crate::{CliError, Exit, Io, args::{Global, SchemaArgs}};

pub(crate) fn run(_args: &SchemaArgs, _global: &Global, _io: &mut Io) -> Result<Exit, CliError> {
    Err(CliError::NotBuilt("schema"))
}
