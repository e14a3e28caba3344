//! What `eval` judges: objects, admission reviews and events, with their places in the files they come from.

use std::{
    io::Read,
    ops::Range,
    path::{Path, PathBuf},
};

use kpol_manifest::{Document, JsonPath, Limits, ManifestError, Syntax, objects, parse_bytes};
use kpol_vm::json::Json;

/// Files below a directory, at most.
const MAX_FILES: usize = 100_000;
/// Directories inside each other, at most.
const MAX_DEPTH: usize = 64;

/// One file, read and parsed.
pub struct ManifestFile {
    /// As messages call it.
    pub name: String,
    /// Its text.
    pub text: String,
    /// Its documents.
    pub documents: Vec<Document>,
}

/// One object in a file.
#[derive(Clone, Debug)]
pub struct Object {
    /// Index into the files.
    pub file: usize,
    /// Index into the file's documents.
    pub document: usize,
    /// Where the object stands in its document: `items[3]` of a `List`.
    pub path: JsonPath,
    /// The object.
    pub json: Json,
}

/// Where a path is in a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// Whether it is written there; else the rest is about its nearest parent.
    pub exact: bool,
    /// How many segments of the path are written.
    pub depth: usize,
    /// The bytes to show.
    pub range: Range<usize>,
}

/// Why a file is not read. Every one of these ends with exit code 2.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The file system says no.
    #[error("cannot read {path}: {why}")]
    Io {
        /// The path.
        path: String,
        /// The system's word.
        why: String,
    },
    /// The text is no manifest.
    #[error("{name}: {error}")]
    Manifest {
        /// The file.
        name: String,
        /// Its text, as far as it is text.
        text: String,
        /// What is wrong.
        error: Box<ManifestError>,
    },
    /// More files than anybody means.
    #[error("{path} holds more than {MAX_FILES} manifests")]
    TooManyFiles {
        /// The directory.
        path: String,
    },
    /// A directory without manifests.
    #[error("{path} holds no .yaml, .yml, .json or .ndjson files")]
    Empty {
        /// The directory.
        path: String,
    },
}

/// The paths of the manifests that `args` name: files as they are, directories recursively and sorted.
///
/// # Errors
/// When a path cannot be read, or a directory holds no manifests.
pub fn find(args: &[PathBuf]) -> Result<Vec<PathBuf>, InputError> {
    let mut found = Vec::new();
    for arg in args {
        if arg.as_os_str() == "-" || !arg.is_dir() {
            found.push(arg.clone());
            continue;
        }
        let before = found.len();
        let walker = walkdir::WalkDir::new(arg).follow_links(false).max_depth(MAX_DEPTH).sort_by_file_name();
        let entries = walker.into_iter().filter_entry(|entry| {
            let name = entry.file_name().to_string_lossy();
            entry.depth() == 0 || !name.starts_with('.')
        });
        for entry in entries {
            let entry = entry.map_err(|error| InputError::Io {
                path: error.path().unwrap_or(arg).display().to_string(),
                why: error.io_error().map_or_else(|| error.to_string(), ToString::to_string),
            })?;
            if entry.path().is_file() && is_manifest(entry.path()) {
                found.push(entry.into_path());
            }
            if found.len() > MAX_FILES {
                return Err(InputError::TooManyFiles { path: arg.display().to_string() });
            }
        }
        if found.len() == before {
            return Err(InputError::Empty { path: arg.display().to_string() });
        }
    }
    Ok(found)
}

fn is_manifest(path: &Path) -> bool {
    path.extension()
        .and_then(|extension| extension.to_str())
        .is_some_and(|extension| matches!(extension, "yaml" | "yml" | "json" | "ndjson"))
}

/// Reads and parses one file, or standard input for `-`.
///
/// # Errors
/// When it cannot be read, is too large, or is no manifest.
pub fn read(path: &Path, stdin: &mut dyn Read, limits: &Limits) -> Result<ManifestFile, InputError> {
    let (name, bytes) = if path.as_os_str() == "-" {
        ("<stdin>".to_owned(), read_bounded(stdin, limits.bytes))
    } else {
        let bytes = std::fs::File::open(path).and_then(|mut file| {
            let metadata = file.metadata()?;
            if metadata.is_dir() {
                return Err(std::io::Error::other("this is a directory"));
            }
            read_bounded(&mut file, limits.bytes)
        });
        // A directory was expanded before; here it is what the system says about it.
        (path.display().to_string(), bytes)
    };
    let bytes = bytes.map_err(|error| InputError::Io { path: name.clone(), why: error.to_string() })?;
    let syntax = match path.extension().and_then(|extension| extension.to_str()) {
        Some("json" | "ndjson") => Syntax::Json,
        Some("yaml" | "yml") => Syntax::Yaml,
        _ => Syntax::Auto,
    };
    // kubectl reads YAML from files called .json, too; only what is surely JSON is read strictly.
    let syntax = if matches!(syntax, Syntax::Yaml) { Syntax::Auto } else { syntax };
    match parse_bytes(&bytes, syntax, limits) {
        Ok(documents) => {
            Ok(ManifestFile { name, text: String::from_utf8_lossy(&bytes).into_owned(), documents })
        }
        Err(error) => Err(InputError::Manifest {
            name,
            text: String::from_utf8_lossy(&bytes).into_owned(),
            error: Box::new(error),
        }),
    }
}

/// One byte more than the limit is enough to know that there is too much.
fn read_bounded(reader: &mut dyn Read, limit: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The objects of parsed files, `List`s opened.
#[must_use]
pub fn all_objects(files: &[ManifestFile]) -> Vec<Object> {
    let mut all = Vec::new();
    for (file, parsed) in files.iter().enumerate() {
        for (document, parsed) in parsed.documents.iter().enumerate() {
            for (path, json) in objects(parsed) {
                all.push(Object { file, document, path, json: json.clone() });
            }
        }
    }
    all
}

impl Object {
    /// What stands for `path` inside this object: key and value of a short value, the key of a long one; of what is not
    /// written, the same of its nearest parent.
    #[must_use]
    pub fn locate(&self, files: &[ManifestFile], path: &JsonPath) -> Located {
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
            file.text.get(range.clone()).is_some_and(|text| !text.trim_end().contains('\n'))
        };
        let range = match document.key_span_of(&at) {
            Some(key) if key.start <= value.start && lines(&(key.start..value.end)) => key.start..value.end,
            Some(key) => key,
            None => value,
        };
        let end = file
            .text
            .get(range.clone())
            .and_then(|text| text.find('\n'))
            .map_or(range.end, |n| range.start + n);
        Located { range: range.start..end, exact, depth: at.0.len() }
    }

    /// `Pod shop/web`, for messages.
    #[must_use]
    pub fn title(&self) -> String {
        title(&self.json)
    }
}

/// `Pod shop/web`.
#[must_use]
pub fn title(json: &Json) -> String {
    let text = |keys: &[&str]| json.at(keys).and_then(Json::as_str);
    let kind = text(&["kind"]).unwrap_or("object");
    let name =
        text(&["metadata", "name"]).or_else(|| text(&["metadata", "generateName"])).unwrap_or("(no name)");
    match text(&["metadata", "namespace"]) {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    }
}
