//! Bundles from files and directories, looked at again and again: mounted ConfigMaps and Secrets change by a symlink that is
//! swapped, and a file that is copied is there in part for a while.
//!
//! ```text
//!   poll ──▶ each path: stamp as before? ──yes──▶ what it was
//!                          │ no
//!                          ▼
//!                        read, check, compile ──▶ sound: in use   not: refused; what was in use stays
//! ```

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use kpol::Day;

use crate::{
    metrics::{BundleLabels, Metrics},
    policies::{Maker, Ready, Refused},
};

/// How a bundle file is named in a directory.
const EXTENSION: &str = "kpolb";
/// Bundles of one directory, at most.
const MAX_FILES: usize = 256;
/// The largest file that is read; the loader has a bound of its own, below this.
const MAX_BYTES: u64 = 64 << 20;

/// What tells a file from what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    len: u64,
    /// Where the name leads to: what a mounted ConfigMap changes.
    target: PathBuf,
}

#[derive(Debug, Default)]
struct File {
    /// Of the last look that ended with an answer.
    stamp: Option<Stamp>,
    ready: Option<Arc<Ready>>,
    /// Why the last content is not in use.
    refused: Option<String>,
}

/// Files that are bundles.
#[derive(Debug)]
pub struct Files {
    paths: Vec<PathBuf>,
    files: BTreeMap<PathBuf, File>,
}

/// What a look at the files came to.
#[derive(Debug, Default)]
pub struct Look {
    /// Whether anything is different from the last look.
    pub changed: bool,
    /// The bundles in use.
    pub ready: Vec<Arc<Ready>>,
    /// What is not in use, and why.
    pub missing: Vec<String>,
}

impl Files {
    /// Files, and directories with files that end in `.kpolb`.
    #[must_use]
    pub fn new(paths: Vec<PathBuf>) -> Files {
        Files { paths, files: BTreeMap::new() }
    }

    /// Looks at all of them. It reads files and compiles: not for an async thread.
    pub fn look(&mut self, maker: &Maker, metrics: &Metrics) -> Look {
        let mut look = Look::default();
        let (names, problems) = names(&self.paths);
        look.missing.extend(problems);
        // A file that is gone from a directory is no policy any more.
        let before = self.files.len();
        self.files.retain(|path, _| names.contains(path));
        look.changed |= self.files.len() != before;
        for path in names {
            let file = self.files.entry(path.clone()).or_default();
            look.changed |= file.look(&path, maker, metrics);
            look.ready.extend(file.ready.clone());
            if let Some(refused) = &file.refused {
                look.missing.push(format!("{}: {refused}", path.display()));
            }
        }
        look
    }
}

impl File {
    /// Whether anything is different from the last look.
    fn look(&mut self, path: &Path, maker: &Maker, metrics: &Metrics) -> bool {
        let stamp = match stamp(path) {
            Ok(stamp) => stamp,
            Err(error) => return self.refuse(path, None, &error.into(), metrics),
        };
        if self.stamp.as_ref() == Some(&stamp) {
            return self.next_day(maker);
        }
        let name = path.display().to_string();
        match read(path, &stamp).map_err(Refused::from).and_then(|bytes| maker.make(&name, &bytes)) {
            Ok(ready) => {
                tracing::info!(
                    bundle = name,
                    digest = ready.bundle.digest().to_string(),
                    producer = ready.bundle.producer(),
                    rules = ready.bundle.rules().count(),
                    "a bundle is in use"
                );
                *self = File { stamp: Some(stamp), ready: Some(Arc::new(ready)), refused: None };
                true
            }
            Err(error) => self.refuse(path, Some(stamp), &error, metrics),
        }
    }

    fn refuse(&mut self, path: &Path, stamp: Option<Stamp>, error: &Refused, metrics: &Metrics) -> bool {
        let text = error.to_string();
        self.stamp = stamp;
        // A file that stays away is said once.
        if self.refused.as_ref() == Some(&text) {
            return false;
        }
        let bundle = path.display().to_string();
        tracing::error!(bundle, error = text, stays = self.ready.is_some(), "a bundle is refused");
        metrics.refused.get_or_create(&BundleLabels { bundle }).inc();
        self.refused = Some(text);
        true
    }

    /// Makes the bundle ready anew if exceptions may have expired since.
    fn next_day(&mut self, maker: &Maker) -> bool {
        let Some(ready) = &self.ready else { return false };
        if ready.day == Day::utc(SystemTime::now()) {
            return false;
        }
        match maker.again(ready) {
            Ok(again) => {
                self.ready = Some(Arc::new(again));
                true
            }
            Err(error) => {
                tracing::error!(bundle = ready.name, error = error.to_string(), "not made ready for today");
                false
            }
        }
    }
}

/// The files that are meant, and what is wrong with the rest.
fn names(paths: &[PathBuf]) -> (Vec<PathBuf>, Vec<String>) {
    let (mut names, mut problems) = (Vec::new(), Vec::new());
    for path in paths {
        if !path.is_dir() {
            names.push(path.clone());
            continue;
        }
        let mut inside = match std::fs::read_dir(path) {
            Ok(entries) => entries
                .filter_map(|entry| Some(entry.ok()?.path()))
                .filter(|path| path.extension().is_some_and(|extension| extension == EXTENSION))
                .take(MAX_FILES + 1)
                .collect::<Vec<_>>(),
            Err(error) => {
                problems.push(format!("{}: {error}", path.display()));
                continue;
            }
        };
        if inside.is_empty() {
            problems.push(format!("{}: there is no .{EXTENSION} file in it", path.display()));
        }
        if inside.len() > MAX_FILES {
            problems.push(format!("{}: more than {MAX_FILES} bundles", path.display()));
            inside.truncate(MAX_FILES);
        }
        inside.sort();
        names.extend(inside);
    }
    names.dedup();
    (names, problems)
}

fn stamp(path: &Path) -> io::Result<Stamp> {
    let metadata = std::fs::metadata(path)?;
    let target = std::fs::canonicalize(path)?;
    Ok(Stamp { modified: metadata.modified().ok(), len: metadata.len(), target })
}

fn read(path: &Path, stamp: &Stamp) -> io::Result<Vec<u8>> {
    if stamp.len > MAX_BYTES {
        return Err(io::Error::other(format!(
            "it has {} bytes; bundles have at most {MAX_BYTES}",
            stamp.len
        )));
    }
    std::fs::read(path)
}
