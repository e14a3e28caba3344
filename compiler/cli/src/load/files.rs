//! Reading and writing files, within bounds.

use std::{
    io::{Read, Write},
    path::{Path, PathBuf},
};

use globset::Glob;
use ignore::WalkBuilder;
use kpol_compiler::{Loader, Role, Source};
use kpol_grammar::MAX_FILE_SIZE;
use kpol_manifest::{Json, Limits, Syntax, line_col, parse_bytes};

use super::{LoadOptions, Project, find::display_name};
use crate::{CliError, Io};

/// The most bytes of a file with CustomResourceDefinitions.
const MAX_CRD_BYTES: usize = 16 << 20;

/// The text of a policy.
pub(crate) fn read_text(name: &str, path: &Path) -> Result<String, CliError> {
    let read = |error| CliError::Read { path: name.to_owned(), error };
    let file = std::fs::File::open(path).map_err(read)?;
    bounded(name, file)
}

/// The policy that stdin holds.
pub(crate) fn read_stdin(io: &mut Io) -> Result<String, CliError> {
    bounded("<stdin>", &mut io.stdin)
}

fn bounded(name: &str, from: impl Read) -> Result<String, CliError> {
    let mut bytes = Vec::new();
    let limit = MAX_FILE_SIZE as u64;
    from.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| CliError::Read { path: name.to_owned(), error })?;
    if bytes.len() as u64 > limit {
        return Err(CliError::TooLarge { path: name.to_owned(), limit });
    }
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        let good = String::from_utf8_lossy(error.as_bytes().get(..offset).unwrap_or_default()).into_owned();
        let (line, column) = line_col(&good, offset);
        CliError::NotUtf8 { path: name.to_owned(), offset, line, column }
    })
}

/// Replaces a file in one step: whoever reads it sees the old text or the new one. Permissions stay.
pub(crate) fn write_atomic(path: &Path, text: &str) -> Result<(), CliError> {
    let failed = |error| CliError::Write { path: path.to_owned(), error };
    let target = path.canonicalize().map_err(failed)?;
    let dir = target.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(dir).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    let permissions = std::fs::metadata(&target).map_err(failed)?.permissions();
    file.as_file().set_permissions(permissions).map_err(failed)?;
    file.persist(&target).map_err(|error| failed(error.error))?;
    Ok(())
}

/// The CustomResourceDefinitions that the project or the command line names, for every policy.
#[derive(Clone, Debug, Default)]
pub(crate) struct Crds {
    /// Kind and file.
    kinds: Vec<(String, String)>,
}

/// The name of the source that brings in the kinds of [`Crds`].
const CRDS: &str = "<crds>";

impl Crds {
    /// Reads which kinds the files define.
    pub(crate) fn of(project: &Project, options: &LoadOptions, io: &Io) -> Result<Crds, CliError> {
        let mut files: Vec<PathBuf> = options.crds.iter().map(|path| io.at(path)).collect();
        for pattern in &project.crds {
            files.extend(matching(&project.dir, pattern)?);
        }
        let mut crds = Crds::default();
        for file in files {
            let before = crds.kinds.len();
            for document in documents(&file).map_err(|why| CliError::usage(why, None))? {
                let kind = document.at(&["spec", "names", "kind"]).and_then(Json::as_str);
                if let Some(kind) = kind {
                    crds.kinds.push((kind.to_owned(), file.display().to_string()));
                }
            }
            if crds.kinds.len() == before {
                let message =
                    format!("{}: there is no CustomResourceDefinition in this file", display_name(&file));
                return Err(CliError::usage(message, None));
            }
        }
        Ok(crds)
    }

    /// A source that names each of the kinds; none if there are none.
    pub(crate) fn source(&self) -> Option<Source> {
        if self.kinds.is_empty() {
            return None;
        }
        let lines = self.kinds.iter().map(|(kind, file)| format!("kind {kind} from {}\n", quoted(file)));
        Some(Source { name: CRDS.to_owned(), text: lines.collect(), role: Role::Vocabulary })
    }
}

/// As a kpol literal.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The files below `dir` whose path from there matches, sorted.
fn matching(dir: &Path, pattern: &str) -> Result<Vec<PathBuf>, CliError> {
    let glob = Glob::new(pattern)
        .map_err(|error| CliError::usage(format!("kpol.toml: crds: {error}"), None))?
        .compile_matcher();
    let mut found: Vec<PathBuf> = WalkBuilder::new(dir)
        .follow_links(true)
        .max_depth(Some(16))
        .build()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_some_and(|ty| ty.is_file()))
        .map(ignore::DirEntry::into_path)
        .filter(|path| glob.is_match(path.strip_prefix(dir).unwrap_or(path)))
        .collect();
    found.sort();
    if found.is_empty() {
        let help = Some(format!("paths start at {}", dir.display()));
        return Err(CliError::usage(format!("kpol.toml: crds: no file matches `{pattern}`"), help));
    }
    Ok(found)
}

/// Reads the files that policies name, from the directory of the policy.
pub(crate) struct Files {
    dir: PathBuf,
}

impl Files {
    pub(crate) fn new(dir: PathBuf) -> Files {
        Files { dir }
    }
}

impl Loader for Files {
    fn documents(&self, from: &Source, path: &str) -> Result<Vec<Json>, String> {
        let name = from.name.as_str();
        if name.starts_with("std/") {
            return Err("the library reads no files".to_owned());
        }
        let parent = if name.starts_with('<') { None } else { Path::new(name).parent() };
        let file = self.dir.join(parent.unwrap_or(Path::new(""))).join(path);
        documents(&file)
    }
}

/// The documents of a YAML or JSON file; the error is a sentence with the place.
pub(crate) fn documents(file: &Path) -> Result<Vec<Json>, String> {
    let shown = display_name(file);
    let limits = Limits { bytes: MAX_CRD_BYTES, ..Limits::default() };
    let mut bytes = Vec::new();
    std::fs::File::open(file)
        .and_then(|open| open.take(limits.bytes as u64 + 1).read_to_end(&mut bytes))
        .map_err(|error| format!("{shown}: {error}"))?;
    let documents = parse_bytes(&bytes, Syntax::Auto, &limits).map_err(|error| {
        let (line, column) = line_col(&String::from_utf8_lossy(&bytes), error.at.start);
        format!("{shown}:{line}:{column}: {error}")
    })?;
    Ok(documents.into_iter().map(|document| document.value).collect())
}
