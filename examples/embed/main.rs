//! kpol in a Rust program: compiles a folder of policies and answers one AdmissionReview.
//!
//! ```sh
//! cargo run -p kpol --example embed -- examples/policies examples/embed/review.json
//! ```

use std::{error::Error, fmt::Write, fs, path::Path};

use kpol::{Cluster, Compiler, Day, Evaluator, Mode, Options, Session};

pub(crate) fn answer(policies: &Path, review: &Path) -> Result<String, Box<dyn Error>> {
    let files = fs::read_dir(policies)?.collect::<Result<Vec<_>, _>>()?.into_iter().map(|file| file.path());
    let mut files: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|name| name == "kpol")).collect();
    files.sort();
    let mut compiler = Compiler::new();
    for path in files {
        compiler = compiler.with_source(path.display().to_string(), fs::read_to_string(&path)?);
    }
    let compiled = compiler.compile()?;
    let options =
        Options::new().with_default_mode(Mode::Deny).with_day(Day::utc(std::time::SystemTime::now()));
    let evaluator = Evaluator::new(compiled.bundle(), options)?;
    let mut session = Session::new();
    let answer = evaluator.review(&fs::read(review)?, &Cluster::empty(), &mut session)?;
    let mut text = format!("{:?}\n", answer.decision());
    answer.hits().try_for_each(|hit| writeln!(text, "{hit}"))?;
    Ok(text)
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, policies, review] = args.as_slice() else { return Err("usage: embed POLICIES REVIEW".into()) };
    print!("{}", answer(Path::new(policies), Path::new(review))?);
    Ok(())
}
