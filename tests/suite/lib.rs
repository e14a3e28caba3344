//! What the tests share: policies to evaluators, texts to objects.

pub mod engines;
pub mod facts;
pub mod generate;
pub mod reviews;

use std::{io::Write as _, path::PathBuf};

use kpol_compiler::{Compiled, NoFiles, Options, Role, Source, compile, library};
use kpol_manifest::{Limits, Syntax, parse};
use kpol_vm::{
    evaluate::{self, Engine, Evaluator, Inventory, Outcome, Review},
    ir::{Const, Mode},
    json::Json,
};

/// The folder of the project.
#[must_use]
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, PathBuf::from)
}

/// A folder of `../shared`, or nothing with a loud word: a fresh clone elsewhere has none.
#[must_use]
pub fn shared(folder: &str) -> Option<PathBuf> {
    let path = root().parent()?.join("shared").join(folder);
    if path.is_dir() {
        return Some(path);
    }
    // Not `eprintln`: the test harness shows what that prints of failing tests only.
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED: {folder} is not in ../shared beside this clone; the project's own fixtures cover the ground"
    );
    None
}

/// Compiles one text as an entry file.
#[must_use]
pub fn compile_text(text: &str) -> Compiled {
    let source = Source { name: "test.kpol".into(), text: text.into(), role: Role::Entry };
    compile(vec![source], &NoFiles, &Options::default())
}

/// An evaluator for what compiled, in the mode `deny`; `Err` says what did not compile or load.
///
/// # Errors
/// The diagnostics, or why the module was refused.
pub fn evaluator(
    compiled: &Compiled,
    kubernetes: (u32, u32),
    params: Vec<(String, Const)>,
) -> Result<Evaluator, String> {
    evaluator_on(Engine::Interp, compiled, kubernetes, params)
}

/// The same on an engine.
///
/// # Errors
/// As [`evaluator`].
pub fn evaluator_on(
    engine: Engine,
    compiled: &Compiled,
    kubernetes: (u32, u32),
    params: Vec<(String, Const)>,
) -> Result<Evaluator, String> {
    let module = compiled.module.clone().ok_or_else(|| format!("{:#?}", compiled.diagnostics))?;
    let options = evaluate::Options {
        params,
        default_mode: Mode::Deny,
        max_mode: Mode::Deny,
        today: jiff::civil::date(2026, 11, 23),
        kubernetes,
        fuel: evaluate::DEFAULT_FUEL,
        engine,
    };
    Evaluator::new(module, compiled.catalog.builtins(), options).map_err(|error| error.to_string())
}

/// An evaluator for a package of the library.
///
/// # Errors
/// As [`evaluator`].
pub fn library_evaluator(name: &str, kubernetes: (u32, u32)) -> Result<Evaluator, String> {
    let sources = library(name, Role::Entry);
    if sources.is_empty() {
        return Err(format!("the library has no package {name}"));
    }
    let compiled = compile(sources, &NoFiles, &Options::default());
    evaluator(&compiled, kubernetes, Vec::new())
}

/// The first document of a YAML text.
///
/// # Errors
/// What the reader says.
pub fn yaml(text: &str) -> Result<Json, String> {
    let documents = parse(text, Syntax::Auto, &Limits::default()).map_err(|error| error.to_string())?;
    documents.into_iter().next().map(|document| document.value).ok_or_else(|| "no document".into())
}

/// Judges an object as if somebody created it.
///
/// # Errors
/// What the engine says.
pub fn judge(evaluator: &Evaluator, object: &Json) -> Result<Outcome, String> {
    let review = Review::create(object).ok_or("no kind")?;
    evaluator.review(&review, &Inventory::empty()).map_err(|error| error.to_string())
}
