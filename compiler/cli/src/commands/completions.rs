//! `kpolc completions`: completion scripts, from the definition of the command line.

use clap::CommandFactory;

use crate::{
    CliError, Exit, Io,
    args::{Cli, CompletionsArgs},
};

pub(crate) fn run(args: &CompletionsArgs, io: &mut Io) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "kpolc", &mut script);
    io.out(&String::from_utf8_lossy(&script));
    Ok(Exit::Clean)
}
