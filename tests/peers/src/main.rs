//! kpol beside other engines and hand-written code, on the same reviews, in one run; `docs/performance.md` has the tables.
//!
//! ```text
//!   field ──check──▶ contestants ──timing──▶ Workload ─┐
//!                        kpol ──▶ growth, load ────────┴──▶ report (Markdown) ──▶ stdout, docs/performance.md
//! ```

mod cel;
mod contestant;
mod field;
mod growth;
mod hand;
mod kpol;
mod load;
mod machine;
mod rego;
mod report;
mod targets;
mod timing;

use std::{path::Path, process::ExitCode};

use kpol_tests::reviews::{Size, review};

use contestant::Contestant;
use growth::Growth;
use load::Load;
use report::{Run, Workload};

const USAGE: &str = "usage: kpol-peers [--write | --check]
  --write  put the tables into docs/performance.md as well
  --check  only see that every contestant decides right";
/// Samples per contestant and review.
const ROUNDS: usize = 101;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match *args.as_slice() {
        [] => run().map(|tables| println!("{tables}")),
        ["--write"] => run().and_then(|tables| write(&tables)),
        ["--check"] => check(),
        [load::CHILD, bundle] => load::child(Path::new(bundle)),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn check() -> Result<(), String> {
    for contestant in field::of_the_nine()?.iter().chain(&field::of_the_restricted()?) {
        println!("right: {}", contestant.id.name());
    }
    Ok(())
}

fn run() -> Result<String, String> {
    let nine = measure("the nine policies", field::of_the_nine()?)?;
    let restricted = measure("the restricted standard", field::of_the_restricted()?)?;
    let growth = Growth::measure(ROUNDS)?;
    let loads = Load::all()?;
    Ok(Run { nine, restricted, growth, loads }.markdown())
}

fn measure(what: &str, mut field: Vec<Contestant>) -> Result<Workload, String> {
    let mut workload =
        Workload { ids: field.iter().map(|one| one.id).collect(), bytes: Vec::new(), times: Vec::new() };
    for size in Size::ALL {
        eprintln!("measuring {what}, {}", size.name());
        let body = review(&size.pod());
        workload.bytes.push(body.len());
        workload.times.push(timing::measure(&mut field, body.as_bytes(), ROUNDS)?);
    }
    Ok(workload)
}

fn write(tables: &str) -> Result<(), String> {
    println!("{tables}");
    let path = kpol_tests::root().join("docs/performance.md");
    let page = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    std::fs::write(&path, report::replace(&page, tables)?).map_err(|error| error.to_string())
}
