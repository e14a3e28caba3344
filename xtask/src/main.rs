//! Generators that maintainers run by hand: `cargo run -p xtask -- TASK`.
//!
//! Nothing here runs in a build or a test. A task writes files that are committed and reviewed.

#![allow(clippy::disallowed_methods, reason = "a maintainer's tool reads and writes files")]

mod schema;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo run -p xtask -- schema [MINOR..]
  schema   regenerate stdlib/schema/kubernetes.jsonl; MINOR.. builds only those dumps again";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args.split_first() {
        Some((task, rest)) if task == "schema" => schema::run(rest),
        Some(_) | None => Err(USAGE.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}
