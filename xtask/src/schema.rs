//! `xtask schema`: the typed Kubernetes API of all supported minors as one file, `stdlib/schema/kubernetes.jsonl`.
//!
//!   k8s-openapi × minor ──dump──▶ JSON Schema + kinds ──merge──▶ union with since/until ──write──▶ one line each
//!
//! k8s-openapi holds one Kubernetes minor per build, so each minor is dumped by a throw-away program in a temporary
//! directory. A dump is kept there and reused until its minor is named on the command line.

mod dump;
mod merge;
mod names;
mod subresources;
mod write;

use std::path::{Path, PathBuf};

/// The newest k8s-openapi that has each minor. A new minor is a new line here; then run the task.
const SOURCES: &[(u32, &str)] = &[
    (24, "0.22.0"),
    (25, "0.22.0"),
    (26, "0.23.0"),
    (27, "0.23.0"),
    (28, "0.24.0"),
    (29, "0.24.0"),
    (30, "0.26.1"),
    (31, "0.27.1"),
    (32, "0.28.0"),
    (33, "0.29.0"),
    (34, "0.29.0"),
    (35, "0.29.0"),
    (36, "0.29.0"),
    (37, "0.29.0"),
];

/// Dumps every minor that is missing or named in `args`, merges all and writes the file.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let again: Vec<u32> = args
        .iter()
        .map(|arg| arg.parse().map_err(|_| format!("`{arg}` is no minor: write 37 for Kubernetes 1.37")))
        .collect::<Result<_, _>>()?;
    let work = std::env::temp_dir().join("kpol-xtask-schema");
    let mut dumps = Vec::new();
    for (minor, version) in SOURCES {
        let file = work.join(format!("{minor}.json"));
        if again.contains(minor) || !file.exists() {
            eprintln!("dumping Kubernetes 1.{minor} from k8s-openapi {version}");
            dump::dump(&work, *minor, version, &file)?;
        }
        dumps.push((*minor, read_json(&file)?));
    }
    let union = merge::merge(&dumps)?;
    let out = root()?.join("stdlib/schema/kubernetes.jsonl");
    let text = write::text(&union);
    std::fs::write(&out, &text).map_err(|e| format!("{}: {e}", out.display()))?;
    eprintln!(
        "{} kinds, {} records, {} bytes in stdlib/schema/kubernetes.jsonl",
        union.kinds.len(),
        union.records.len(),
        text.len()
    );
    Ok(())
}

fn read_json(file: &Path) -> Result<serde_json::Value, String> {
    let text = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    serde_json::from_str(&text).map_err(|e| format!("{}: {e}", file.display()))
}

/// The workspace's root: the parent of this crate.
fn root() -> Result<PathBuf, String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().map(Path::to_path_buf).ok_or_else(|| "xtask has no parent directory".to_owned())
}
