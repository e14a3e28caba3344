//! The process around [`kpolc::run`].

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(kpolc::run(std::env::args_os(), &mut kpolc::Io::process()))
}
