//! The process around the webhook: command line, log, runtime, exit code.

use std::process::ExitCode;

use clap::Parser as _;
use kpol_webhook::{
    run,
    settings::{Command, LogFormat, Task},
};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let command = Command::parse();
    log(command.log_format);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: no threads can be started: {error}");
            return ExitCode::from(2);
        }
    };
    let done = match command.task {
        Task::Serve(args) => runtime.block_on(run::serve(*args)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// The log goes to stderr; `RUST_LOG` says what is in it, `info` if it says nothing.
fn log(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Json => log.json().flatten_event(true).with_current_span(false).init(),
        LogFormat::Text => log.init(),
    }
}
