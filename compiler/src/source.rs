//! The texts that a compilation reads, and where they come from.

use kpol_stdlib::library as embedded;
use kpol_vm::json::Json;

/// What a source is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Its rules are part of the module.
    Entry,
    /// Others take names from it; its rules count only where a `bind` names them.
    Vocabulary,
}

/// One `.kpol` text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The name shown in diagnostics: a file path, `<stdin>`, or `std/pss/baseline.kpol`.
    pub name: String,
    /// The text.
    pub text: String,
    /// What it is there for.
    pub role: Role,
}

/// Gives the files that a policy names, so that the compiler itself reads none.
pub trait Loader {
    /// The documents in the YAML or JSON file `path`, named in the source `from`. The error is a sentence.
    fn documents(&self, from: &Source, path: &str) -> Result<Vec<Json>, String>;
}

/// A [`Loader`] that has no files.
pub struct NoFiles;

impl Loader for NoFiles {
    fn documents(&self, _from: &Source, _path: &str) -> Result<Vec<Json>, String> {
        Err("no files can be read here".to_owned())
    }
}

/// The library's sources whose package is `name` or lies below it: `std.pss` gives `std.pss.baseline` and
/// `std.pss.restricted`. Empty if there is none.
#[must_use]
pub fn library(name: &str, role: Role) -> Vec<Source> {
    embedded::files()
        .iter()
        .filter(|file| {
            let package = package_of(file.path);
            package == name || package.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'))
        })
        .map(|file| Source { name: display_name(file.path), text: file.text.to_owned(), role })
        .collect()
}

/// The packages of the library, sorted.
#[must_use]
pub fn library_names() -> Vec<String> {
    let mut names: Vec<String> = embedded::files().iter().map(|file| package_of(file.path)).collect();
    names.sort();
    names
}

/// The package of a source that [`library`] gave.
pub(crate) fn library_package(source: &Source) -> String {
    package_of(&source.name.replacen("std/", "library/", 1))
}

/// `library/pss/baseline.kpol` holds the package `std.pss.baseline`.
fn package_of(path: &str) -> String {
    let stem = path.trim_start_matches("library/").trim_end_matches(".kpol");
    format!("std.{}", stem.replace('/', "."))
}

fn display_name(path: &str) -> String {
    format!("std/{}", path.trim_start_matches("library/"))
}
