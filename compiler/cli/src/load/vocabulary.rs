//! The packages that policies `use` from files that were not named: those of the project, or of the same directory.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use kpol_compiler::{Role, Source};
use kpol_grammar::{
    ast::{self, ItemKind, Use},
    parse,
    span::FileId,
};

use super::{
    Entry, Project,
    files::read_text,
    find::{display_name, policies_below},
};
use crate::{CliError, Io};

/// Every source, not among `entries`, of a package that they name, of what those name, and so on.
pub(crate) fn sources(
    loaded: &[Source],
    entries: &[Entry],
    project: &Project,
    io: &Io,
) -> Result<Vec<Source>, CliError> {
    let (mut packages, mut wanted) = (BTreeSet::new(), Vec::new());
    for source in loaded {
        let file = parse(FileId(0), &source.text).file;
        packages.extend(package(&file));
        wanted.extend(mentions(&file));
    }
    wanted.retain(|name| !is_covered(name, &packages));
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let mut others = others(entries, project, io)?;
    let mut found = Vec::new();
    while let Some(name) = wanted.pop() {
        let parent = name.rsplit_once('.').map(|(parent, _)| parent);
        for package in [Some(name.as_str()), parent].into_iter().flatten() {
            for (file, source) in others.remove(package).into_iter().flatten() {
                wanted.extend(mentions(&file));
                found.push(source);
            }
        }
    }
    found.sort_by(|a: &Source, b: &Source| a.name.cmp(&b.name));
    Ok(found)
}

/// Whether a package, or a name in a package, is there already.
fn is_covered(name: &str, packages: &BTreeSet<String>) -> bool {
    packages.contains(name) || name.rsplit_once('.').is_some_and(|(parent, _)| packages.contains(parent))
}

type ByPackage = BTreeMap<String, Vec<(ast::File, Source)>>;

/// The policies around the entries that are not entries themselves, by package.
fn others(entries: &[Entry], project: &Project, io: &Io) -> Result<ByPackage, CliError> {
    let files = entries.iter().filter_map(|entry| match entry {
        Entry::File { path, .. } => Some(path.as_path()),
        Entry::Stdin | Entry::Library(_) => None,
    });
    let known: BTreeSet<PathBuf> = files.clone().filter_map(|path| path.canonicalize().ok()).collect();
    let dirs: BTreeSet<PathBuf> = match &project.file {
        Some(_) => BTreeSet::from([project.dir.clone()]),
        None => files.filter_map(Path::parent).map(Path::to_owned).collect(),
    };
    let here = io.at(Path::new(".")).canonicalize().unwrap_or_default();
    let mut found = ByPackage::new();
    for dir in dirs {
        let dir = if dir.as_os_str().is_empty() { PathBuf::from(".") } else { dir };
        for path in policies_below(&dir, &dir.display().to_string())? {
            let Ok(canonical) = path.canonicalize() else { continue };
            if known.contains(&canonical) {
                continue;
            }
            let name = display_name(canonical.strip_prefix(&here).unwrap_or(&canonical));
            // A file that nobody asked for and that cannot be read is nobody's mistake here.
            let Ok(text) = read_text(&name, &path) else { continue };
            let file = parse(FileId(0), &text).file;
            if let Some(package) = package(&file) {
                found.entry(package).or_default().push((file, Source { name, text, role: Role::Vocabulary }));
            }
        }
    }
    Ok(found)
}

fn package(file: &ast::File) -> Option<String> {
    file.package.as_ref().map(text)
}

/// The dotted names that a file takes from elsewhere, the library's left out.
fn mentions(file: &ast::File) -> Vec<String> {
    let mut paths: Vec<&ast::Path> = Vec::new();
    for used in &file.uses {
        if let Use::Module { path, .. } | Use::Names { path, .. } = used {
            paths.push(path);
        }
    }
    for item in &file.items {
        match &item.kind {
            ItemKind::Bind(bind) => paths.extend(&bind.rules),
            ItemKind::Exception(exception) => paths.extend(&exception.rules),
            ItemKind::Test(test) => paths.push(&test.rule),
            ItemKind::Param { .. }
            | ItemKind::Let { .. }
            | ItemKind::Define { .. }
            | ItemKind::Rule(_)
            | ItemKind::Mutate(_)
            | ItemKind::Correlate(_)
            | ItemKind::Error => {}
        }
    }
    paths.into_iter().map(text).filter(|name| !name.starts_with("std.")).collect()
}

fn text(path: &ast::Path) -> String {
    path.names.iter().map(|name| name.text.as_str()).collect::<Vec<_>>().join(".")
}
