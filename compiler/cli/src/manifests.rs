//! What `eval` judges: objects, admission reviews and events, with their places in the files they come from.

use std::{
    collections::BTreeSet,
    io::Read,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use kpol_manifest::{Document, JsonPath, Limits, ManifestError, Syntax, objects, parse_bytes};
use kpol_vm::json::Json;

use crate::report::Text;

/// Files below a directory, at most.
const MAX_FILES: usize = 100_000;
/// Directories inside each other, at most.
const MAX_DEPTH: usize = 64;

/// One file, read and parsed.
pub(crate) struct ManifestFile {
    /// Its text, with the name that messages use.
    pub(crate) text: Arc<Text>,
    /// Its documents.
    pub(crate) documents: Vec<Document>,
}

/// One object in a file.
#[derive(Clone, Debug)]
pub(crate) struct Object<'f> {
    /// Index into the files.
    pub(crate) file: usize,
    /// Index into the file's documents.
    pub(crate) document: usize,
    /// Where the object stands in its document: `items[3]` of a `List`.
    pub(crate) path: JsonPath,
    /// The object.
    pub(crate) json: &'f Json,
}

/// Where a path is in a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Located {
    /// Whether it is written there; else the rest is about its nearest parent.
    pub(crate) exact: bool,
    /// How many segments of the path are written.
    pub(crate) depth: usize,
    /// The bytes to show.
    pub(crate) range: Range<usize>,
}

/// Why a file is not read. Every one of these ends with exit code 2.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    /// The file system says no.
    #[error("this cannot be read: {why}")]
    Io {
        /// The path.
        path: String,
        /// The system's word.
        why: String,
    },
    /// The text is no manifest.
    #[error("{error}")]
    Manifest {
        /// The file's text, as far as it is text.
        text: Arc<Text>,
        /// What is wrong.
        error: Box<ManifestError>,
    },
    /// More files than anybody means.
    #[error("this directory holds more than {MAX_FILES} manifests")]
    TooManyFiles {
        /// The directory.
        path: String,
    },
    /// A directory without manifests.
    #[error("this directory holds no .yaml, .yml, .json or .ndjson files")]
    Empty {
        /// The directory.
        path: String,
    },
}

/// The paths of the manifests that `args` name, each once: files as they are, directories recursively and sorted.
/// Links are followed, but never round in a circle. What cannot be listed does not keep the rest from being read.
pub(crate) fn find(args: &[PathBuf]) -> (Vec<PathBuf>, Vec<InputError>) {
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for arg in args {
        if arg.as_os_str() == "-" || !arg.is_dir() {
            found.push(arg.clone());
        } else if let Err(error) = below(arg, &mut found, &mut errors) {
            errors.push(error);
        }
    }
    let mut seen = BTreeSet::new();
    found.retain(|path| {
        let is_stdin = path.as_os_str() == "-";
        seen.insert(path.canonicalize().ok().filter(|_| !is_stdin).unwrap_or_else(|| path.clone()))
    });
    (found, errors)
}

/// The manifests below a directory.
fn below(dir: &Path, found: &mut Vec<PathBuf>, errors: &mut Vec<InputError>) -> Result<(), InputError> {
    let mut count = 0;
    let walker = walkdir::WalkDir::new(dir).follow_links(true).max_depth(MAX_DEPTH).sort_by_file_name();
    let entries = walker.into_iter().filter_entry(|entry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0 || !name.starts_with('.')
    });
    for entry in entries {
        match entry {
            Ok(entry) if entry.file_type().is_file() && is_manifest(entry.path()) => {
                count += 1;
                found.push(entry.into_path());
            }
            Ok(_) => {}
            // A link back up: what it stands for is read where it is.
            Err(error) if error.loop_ancestor().is_some() => {}
            // A link to nowhere, of which nobody would expect a manifest.
            Err(error) if error.path().is_some_and(|path| path.is_symlink() && !is_manifest(path)) => {}
            Err(error) => errors.push(InputError::Io {
                path: error.path().unwrap_or(dir).display().to_string(),
                why: error.io_error().map_or_else(|| error.to_string(), ToString::to_string),
            }),
        }
        if count > MAX_FILES {
            return Err(InputError::TooManyFiles { path: dir.display().to_string() });
        }
    }
    if count == 0 && errors.is_empty() {
        return Err(InputError::Empty { path: dir.display().to_string() });
    }
    Ok(())
}

/// Whether a file has the name of a manifest.
pub(crate) fn is_manifest(path: &Path) -> bool {
    path.extension()
        .and_then(|extension| extension.to_str())
        .is_some_and(|extension| matches!(extension, "yaml" | "yml" | "json" | "ndjson"))
}

/// Reads and parses one file, or standard input for `-`; messages call it `name`.
///
/// # Errors
/// When it cannot be read, is too large, or is no manifest.
pub(crate) fn read(
    path: &Path,
    name: String,
    stdin: &mut dyn Read,
    limits: &Limits,
) -> Result<ManifestFile, InputError> {
    let bytes = if path.as_os_str() == "-" {
        read_bounded(stdin, limits.bytes)
    } else {
        std::fs::File::open(path).and_then(|mut file| read_bounded(&mut file, limits.bytes))
    };
    let bytes = bytes.map_err(|error| InputError::Io { path: name.clone(), why: error.to_string() })?;
    // kubectl reads YAML from files called .json, too; but what is wrong in one is explained as JSON.
    let syntax = match path.extension().and_then(|extension| extension.to_str()) {
        Some("json" | "ndjson") => Syntax::Json,
        _ => Syntax::Auto,
    };
    let parsed = parse_bytes(&bytes, syntax, limits);
    let text = String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    let text = Text::new(name, text);
    match parsed {
        Ok(documents) => Ok(ManifestFile { text, documents }),
        Err(error) => Err(InputError::Manifest { text, error: Box::new(error) }),
    }
}

/// One byte more than the limit is enough to know that there is too much.
fn read_bounded(reader: &mut dyn Read, limit: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take((limit as u64).saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The objects of parsed files, `List`s opened.
#[must_use]
pub(crate) fn all_objects(files: &[ManifestFile]) -> Vec<Object<'_>> {
    let mut all = Vec::new();
    for (file, parsed) in files.iter().enumerate() {
        for (document, parsed) in parsed.documents.iter().enumerate() {
            for (path, json) in objects(parsed) {
                all.push(Object { file, document, path, json });
            }
        }
    }
    all
}

impl Object<'_> {
    /// What stands for `path` inside this object: key and value of a short value, the key of a long one; of what is not
    /// written, the same of its nearest parent.
    #[must_use]
    pub(crate) fn locate(&self, files: &[ManifestFile], path: &JsonPath) -> Located {
        let file = files.get(self.file);
        let Some((file, document)) = file.and_then(|file| Some((file, file.documents.get(self.document)?)))
        else {
            return Located { range: 0..0, exact: false, depth: 0 };
        };
        let mut at = self.path.join(path);
        let exact = document.span_of(&at).1;
        while !document.span_of(&at).1 && at.0.pop().is_some() {}
        let value = document.span_of(&at).0;
        let lines = |range: &Range<usize>| {
            file.text.text.get(range.clone()).is_some_and(|text| !text.trim_end().contains('\n'))
        };
        let range = match document.key_span_of(&at) {
            Some(key) if key.start <= value.start && lines(&(key.start..value.end)) => key.start..value.end,
            Some(key) => key,
            None => value,
        };
        let end = file
            .text
            .text
            .get(range.clone())
            .and_then(|text| text.find('\n'))
            .map_or(range.end, |n| range.start + n);
        Located { range: range.start..end, exact, depth: at.0.len() }
    }

    /// `Pod shop/web`, for messages.
    #[must_use]
    pub(crate) fn title(&self) -> String {
        title(self.json)
    }
}

/// `Pod shop/web`.
#[must_use]
pub(crate) fn title(json: &Json) -> String {
    let text = |keys: &[&str]| json.at(keys).and_then(Json::as_str);
    let kind = text(&["kind"]).unwrap_or("object");
    let name =
        text(&["metadata", "name"]).or_else(|| text(&["metadata", "generateName"])).unwrap_or("(no name)");
    match text(&["metadata", "namespace"]) {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    }
}
