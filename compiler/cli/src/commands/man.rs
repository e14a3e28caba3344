//! `kpolc man`: man pages, from the definition of the command line.

use std::path::Path;

use clap::CommandFactory;

use crate::{
    CliError, Exit, Io,
    args::{Cli, Global, ManArgs},
};

pub(crate) fn run(args: &ManArgs, global: &Global, io: &mut Io) -> Result<Exit, CliError> {
    let mut command = Cli::command();
    command.build();
    let Some(dir) = &args.out else {
        io.out(&page(command)?);
        return Ok(Exit::Clean);
    };
    let dir = io.at(dir);
    std::fs::create_dir_all(&dir).map_err(|error| CliError::Write { path: dir.clone(), error })?;
    let subcommands: Vec<clap::Command> =
        command.get_subcommands().filter(|sub| sub.get_name() != "help").cloned().collect();
    write(&dir, "kpolc.1", &page(command)?)?;
    for sub in &subcommands {
        let file = format!("kpolc-{}.1", sub.get_name());
        write(&dir, &file, &page(sub.clone())?)?;
    }
    if !global.quiet {
        io.err(&format!("{} pages written to {}\n", subcommands.len() + 1, dir.display()));
    }
    Ok(Exit::Clean)
}

fn page(command: clap::Command) -> Result<String, CliError> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut page)
        .map_err(|error| CliError::Write { path: "the man page".into(), error })?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

fn write(dir: &Path, name: &str, text: &str) -> Result<(), CliError> {
    let path = dir.join(name);
    std::fs::write(&path, text).map_err(|error| CliError::Write { path, error })
}
