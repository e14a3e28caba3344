//! The worked examples of the language's reference, as files that a newcomer reads: they check, and stand formatted.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests read fixtures and fail by panicking"
)]

mod common;

use common::{Disk, entry, render, root};
use kpol_compiler::{Compiled, Options, compile};
use kpol_grammar::format;

fn examples() -> Vec<(String, String)> {
    let mut files: Vec<_> = std::fs::read_dir(root().join("examples/language"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "kpol"))
        .map(|path| (path.display().to_string(), std::fs::read_to_string(&path).unwrap()))
        .collect();
    files.sort();
    assert_eq!(files.len(), 6);
    files
}

fn compiled() -> Compiled {
    let options = Options { today: Some("2026-11-23".to_owned()), ..Options::default() };
    compile(examples().iter().map(|(name, text)| entry(name, text)).collect(), &Disk, &options)
}

#[test]
fn the_examples_check_without_errors_and_warnings() {
    let compiled = compiled();
    let short = render(&compiled).replace(&format!("{}/examples/language/", root().display()), "");
    insta::assert_snapshot!(short);
    let module = compiled.module.unwrap();
    assert_eq!((module.rules.len(), module.mutations.len(), module.binds.len()), (17, 2, 1));
    assert_eq!((module.exceptions.len(), compiled.tests.len(), compiled.correlations.len()), (2, 6, 2));
    kpol_vm::verify::verify(&module, compiled.catalog.builtins()).unwrap();
}

#[test]
fn what_the_examples_can_cost() {
    let module = compiled().module.unwrap();
    let costs: String = module
        .rules
        .iter()
        .map(|rule| format!("{}: {} = {}\n", rule.name, rule.cost.formula, rule.cost.worst))
        .collect();
    insta::assert_snapshot!(costs);
}

#[test]
fn the_examples_are_formatted() {
    for (name, text) in examples() {
        let formatted = format(&text).unwrap();
        if std::env::var_os("KPOL_FORMAT").is_some() {
            std::fs::write(&name, &formatted).unwrap();
        }
        assert!(formatted == text, "`kpolc fmt {name}` changes it");
    }
}
