//! `kpolc`, the command, as a library: [`run`] takes arguments and an [`Io`], so that tests need no process.
//!
//! ```text
//! args ──▶ load (files, kpol.toml, library) ──▶ compiler ──▶ commands/* ──▶ report ──▶ render/{human,json,sarif,..}
//! ```
//!
//! Exit codes, for every command: 0 clean, 1 the answer is no, 2 kpolc could not do its job.
#![forbid(unsafe_code)]
#![allow(clippy::disallowed_methods, reason = "files, clock and environment are this crate's part")]

mod args;
mod bundles;
mod codes;
mod commands;
mod coverage;
mod error;
mod io;
mod judge;
mod load;
mod manifests;
mod render;
mod report;
mod validate;
mod version;
mod why;

use std::ffi::OsString;

use clap::Parser;

pub use error::CliError;
pub use io::Io;

use args::{Cli, Command};

/// What a run comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Clean, allowed, done.
    Clean = 0,
    /// The answer is no: errors in policies, failing tests, denied, not formatted.
    No = 1,
    /// kpolc could not do its job.
    Failed = 2,
}

impl Exit {
    /// `No` if `no`, else `Clean`.
    #[must_use]
    pub fn no_if(no: bool) -> Exit {
        if no { Exit::No } else { Exit::Clean }
    }

    /// For reporting jobs: a "no" is no failure. A job that could not be done still is.
    #[must_use]
    pub fn zero_if(self, exit_zero: bool) -> Exit {
        if exit_zero && self == Exit::No { Exit::Clean } else { self }
    }
}

/// Runs `kpolc` with `args`, of which the first is the program's name. The answer is the exit code.
pub fn run(args: impl Iterator<Item = OsString>, io: &mut Io) -> u8 {
    let exit = match Cli::try_parse_from(args) {
        Ok(cli) => dispatch(&cli, io).unwrap_or_else(|error| fail(&error, &cli, io)),
        Err(error) => usage(&error, io),
    };
    if let Some(error) = io.write_error() {
        io.err(&format!("error: the output cannot be written: {error}\n"));
        return Exit::Failed as u8;
    }
    exit as u8
}

fn dispatch(cli: &Cli, io: &mut Io) -> Result<Exit, CliError> {
    let global = &cli.global;
    match &cli.command {
        Command::New(args) => commands::new::run(args, global, io),
        Command::Check(args) => commands::check::run(args, global, io),
        Command::Fmt(args) => commands::fmt::run(args, global, io),
        Command::Test(args) => commands::test::run(args, global, io),
        Command::Eval(args) => commands::eval::run(args, global, io),
        Command::Audit(args) => commands::audit::run(args, global, io),
        Command::Build(args) => commands::build::run(args, global, io),
        Command::Inspect(args) => commands::inspect::run(args, global, io),
        Command::Sign(args) => commands::sign::run(args, global, io),
        Command::Verify(args) => commands::verify::run(args, global, io),
        Command::Explain(args) => commands::explain::run(args, global, io),
        Command::Doc(args) => commands::doc::run(args, global, io),
        Command::Schema(args) => commands::schema::run(args, global, io),
        Command::Completions(args) => commands::completions::run(args, io),
        Command::Man(args) => commands::man::run(args, global, io),
    }
}

fn fail(error: &CliError, cli: &Cli, io: &mut Io) -> Exit {
    let paint = render::Paint::new(io.colored_stderr(cli.global.color));
    io.err(&render::error(error, &paint));
    Exit::Failed
}

/// What clap says: help and versions are answers, everything else is misuse.
fn usage(error: &clap::Error, io: &mut Io) -> Exit {
    let colored = if error.use_stderr() { io.stderr_terminal } else { io.stdout_terminal };
    let text = error.render();
    let text =
        if colored && io.env("NO_COLOR").is_none() { text.ansi().to_string() } else { text.to_string() };
    if error.use_stderr() {
        io.err(&text);
        Exit::Failed
    } else {
        io.out(&text);
        Exit::Clean
    }
}
