//! Which files the paths of a command line mean.

use std::{
    collections::BTreeSet,
    path::{Component, Path, PathBuf},
};

use ignore::WalkBuilder;

use crate::{CliError, Io};

/// Files below one directory, at most.
const MAX_FILES: usize = 20_000;
/// Directories inside each other, at most.
const MAX_DEPTH: usize = 64;

/// Something that policies are read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// A file.
    File {
        /// As messages call it: relative if it was named so.
        name: String,
        /// Where it is.
        path: PathBuf,
    },
    /// Standard input.
    Stdin,
    /// Packages of the library.
    Library(String),
}

/// What `paths` mean, in their order; a file that is named twice comes once. No path is the current directory.
pub(crate) fn find(paths: &[String], io: &Io) -> Result<Vec<Entry>, CliError> {
    let here = [".".to_owned()];
    let paths = if paths.is_empty() { &here } else { paths };
    let mut entries = Vec::new();
    for path in paths {
        match path.as_str() {
            "-" => entries.push(Entry::Stdin),
            name if is_library_name(name) && !io.at(Path::new(name)).exists() => entries.push(library(name)?),
            path => entries.extend(on_disk(Path::new(path), io)?),
        }
    }
    let mut seen = BTreeSet::new();
    entries.retain(|entry| match entry {
        Entry::File { path, .. } => seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone())),
        Entry::Stdin | Entry::Library(_) => true,
    });
    Ok(entries)
}

/// Whether it is written as a package of the library: `std`, `std.pss.restricted`.
fn is_library_name(name: &str) -> bool {
    (name == "std" || name.starts_with("std.")) && !name.ends_with(".kpol") && !name.contains(['/', '\\'])
}

fn library(name: &str) -> Result<Entry, CliError> {
    let known = kpol_compiler::library_names();
    let below = format!("{name}.");
    if known.iter().any(|package| package == name || package.starts_with(&below)) {
        return Ok(Entry::Library(name.to_owned()));
    }
    let nearest = kpol_compiler::nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
    Err(CliError::UnknownLibrary { name: name.to_owned(), nearest, known })
}

fn on_disk(path: &Path, io: &Io) -> Result<Vec<Entry>, CliError> {
    let at = io.at(path);
    let shown = path.display().to_string();
    let metadata = std::fs::metadata(&at).map_err(|error| CliError::Read { path: shown.clone(), error })?;
    if !metadata.is_dir() {
        return Ok(vec![Entry::File { name: display_name(path), path: at }]);
    }
    let found = policies_below(&at, &shown)?;
    if found.is_empty() {
        return Err(CliError::NoPolicies { path: shown });
    }
    let name = |below: &Path| display_name(&path.join(below.strip_prefix(&at).unwrap_or(below)));
    Ok(found.into_iter().map(|file| Entry::File { name: name(&file), path: file }).collect())
}

/// The `.kpol` files below `dir`, sorted. Hidden and ignored ones (`.gitignore`, `target`) are left out; links are
/// followed, but never round in a circle.
pub(crate) fn policies_below(dir: &Path, shown: &str) -> Result<Vec<PathBuf>, CliError> {
    let walk = WalkBuilder::new(dir)
        .follow_links(true)
        .max_depth(Some(MAX_DEPTH))
        .require_git(false)
        .git_global(false)
        .filter_entry(|entry| entry.depth() == 0 || entry.file_name() != "target")
        .build();
    let mut found = Vec::new();
    for (seen, entry) in walk.enumerate() {
        if seen > MAX_FILES {
            return Err(CliError::TooManyFiles { path: shown.to_owned(), limit: MAX_FILES });
        }
        match entry {
            Ok(entry) => {
                let is_file = entry.file_type().is_some_and(|ty| ty.is_file());
                if is_file && entry.path().extension().is_some_and(|ext| ext == "kpol") {
                    found.push(entry.into_path());
                }
            }
            // A link back up, or one to nowhere: what it stands for is read where it is, or is not there.
            Err(error) if is_loop(&error) || is_gone(&error) || is_dead_link(&error) => {}
            Err(error) => {
                let error =
                    error.into_io_error().unwrap_or_else(|| std::io::Error::other("it cannot be listed"));
                return Err(CliError::Read { path: shown.to_owned(), error });
            }
        }
    }
    found.sort();
    Ok(found)
}

fn is_loop(error: &ignore::Error) -> bool {
    if let ignore::Error::WithDepth { err, .. } | ignore::Error::WithPath { err, .. } = error {
        is_loop(err)
    } else {
        matches!(error, ignore::Error::Loop { .. })
    }
}

fn is_gone(error: &ignore::Error) -> bool {
    error.io_error().is_some_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

/// Links that only lead to each other.
fn is_dead_link(error: &ignore::Error) -> bool {
    if let ignore::Error::WithDepth { err, .. } = error {
        return is_dead_link(err);
    }
    matches!(error, ignore::Error::WithPath { path, .. } if path.is_symlink() && path.metadata().is_err())
}

/// The path as messages show it: without a leading `./`, unless it would look like the library's `std/..`.
pub(crate) fn display_name(path: &Path) -> String {
    let clean: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
    let text = clean.display().to_string();
    if text.starts_with("std/") { format!("./{text}") } else { text }
}
