//! Dumps one Kubernetes minor: writes a small program that uses k8s-openapi, builds it and keeps what it prints.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const PROBE: &str = include_str!("probe.rs.in");
const SCHEMARS_0: &str = include_str!("probe_schemars_0.rs.in");
const SCHEMARS_1: &str = include_str!("probe_schemars_1.rs.in");

/// Writes the dump of `minor`, taken from k8s-openapi `version`, to `out`. `work` is a scratch directory.
pub(super) fn dump(work: &Path, minor: u32, version: &str, out: &Path) -> Result<(), String> {
    let program = work.join("probe");
    make_dir(&program.join("src"))?;
    write(&program.join("Cargo.toml"), &manifest(minor, version))?;
    write(&program.join("src/main.rs"), "fn main() {}\n")?;
    let source = crate_source(&program)?;
    let kinds = kinds_in(&source.join(format!("src/v1_{minor}")), "k8s_openapi")?;
    let schemars = if uses_schemars_0(&source)? { SCHEMARS_0 } else { SCHEMARS_1 };
    let mut calls = String::new();
    for path in kinds {
        let _ = writeln!(calls, "    kind::<{path}>(&mut generator, &mut kinds);");
    }
    let main = format!("{}\n{schemars}", PROBE.replace("@KINDS@", calls.trim_end()));
    write(&program.join("src/main.rs"), &main)?;
    let target = work.join("target");
    let json = cargo(&program, &["run", "--quiet", "--target-dir", &target.to_string_lossy()])?;
    fs::write(out, json).map_err(|e| format!("{}: {e}", out.display()))
}

fn manifest(minor: u32, version: &str) -> String {
    format!(
        r#"[package]
name = "probe"
version = "0.0.0"
edition = "2021"

[workspace]

[dependencies]
k8s-openapi = {{ version = "={version}", features = ["v1_{minor}", "schemars"] }}
serde_json = "1"

[profile.dev]
debug = false
incremental = false
"#
    )
}

/// Where cargo has unpacked k8s-openapi.
fn crate_source(program: &Path) -> Result<PathBuf, String> {
    let json = cargo(program, &["metadata", "--format-version", "1"])?;
    let metadata: serde_json::Value =
        serde_json::from_slice(&json).map_err(|e| format!("cargo metadata: {e}"))?;
    let packages = metadata.get("packages").and_then(|p| p.as_array()).map_or(&[][..], Vec::as_slice);
    packages
        .iter()
        .find(|package| package.get("name").is_some_and(|name| name == "k8s-openapi"))
        .and_then(|package| package.get("manifest_path")?.as_str())
        .and_then(|path| Path::new(path).parent())
        .map(Path::to_path_buf)
        .ok_or_else(|| "cargo metadata does not name k8s-openapi".to_owned())
}

fn uses_schemars_0(source: &Path) -> Result<bool, String> {
    let manifest = read(&source.join("Cargo.toml"))?;
    let section = manifest.split("[dependencies.schemars]").nth(1).unwrap_or_default();
    Ok(section.lines().find(|line| line.starts_with("version")).is_some_and(|line| line.contains("\"0.")))
}

/// The Rust paths of all types below `dir` that are kinds: they have a group, version and kind, and `ObjectMeta`.
fn kinds_in(dir: &Path, module: &str) -> Result<Vec<String>, String> {
    const META: &str = "type Ty = crate::apimachinery::pkg::apis::meta::v1::ObjectMeta;";
    let mut entries: Vec<PathBuf> = fs::read_dir(dir)
        .map_err(|e| format!("{}: {e}", dir.display()))?
        .map(|entry| entry.map(|e| e.path()).map_err(|e| format!("{}: {e}", dir.display())))
        .collect::<Result<_, _>>()?;
    entries.sort();
    let mut found = Vec::new();
    for entry in entries {
        let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if entry.is_dir() {
            found.extend(kinds_in(&entry, &format!("{module}::{name}"))?);
            continue;
        }
        let text = read(&entry)?;
        let ty = text.split("impl crate::Resource for ").nth(1).and_then(|rest| rest.split(' ').next());
        if let Some(ty) = ty.filter(|_| text.contains(META)) {
            found.push(format!("{module}::{ty}"));
        }
    }
    Ok(found)
}

fn cargo(dir: &Path, args: &[&str]) -> Result<Vec<u8>, String> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(program)
        .args(args)
        .current_dir(dir)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| format!("cargo {}: {e}", args.join(" ")))?;
    if output.status.success() { Ok(output.stdout) } else { Err(format!("cargo {} failed", args.join(" "))) }
}

fn make_dir(dir: &Path) -> Result<(), String> {
    fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))
}

fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|e| format!("{}: {e}", file.display()))
}
