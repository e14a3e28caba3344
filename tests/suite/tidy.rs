//! The lines of the architecture, read from Cargo's own files.

use std::collections::BTreeMap;

use kpol_tests::root;

/// Which of our crates each crate may use; a new edge needs a line here and in ARCHITECTURE.md.
const EDGES: &[(&str, &[&str])] = &[
    ("grammar", &[]),
    ("vm", &[]),
    ("vm/embed", &["kpol-compiler", "kpol-grammar", "kpol-stdlib", "kpol-vm"]),
    ("stdlib", &["kpol-vm"]),
    ("compiler/manifest", &["kpol-vm"]),
    ("compiler", &["kpol-grammar", "kpol-stdlib", "kpol-vm"]),
    (
        "compiler/cli",
        &["kpol-admission", "kpol-compiler", "kpol-grammar", "kpol-manifest", "kpol-stdlib", "kpol-vm"],
    ),
    ("webhook/admission", &["kpol-stdlib", "kpol-vm"]),
    ("webhook", &["kpol", "kpol-admission"]),
    ("sensor", &[]),
];

fn manifest(folder: &str) -> toml::Table {
    let path = root().join(folder).join("Cargo.toml");
    std::fs::read_to_string(path).unwrap().parse().unwrap()
}

#[test]
fn crates_use_only_what_the_architecture_allows() {
    for (folder, allowed) in EDGES {
        let manifest = manifest(folder);
        let dependencies =
            manifest.get("dependencies").and_then(|table| table.as_table()).cloned().unwrap_or_default();
        for name in dependencies.keys().filter(|name| name.starts_with("kpol")) {
            assert!(allowed.contains(&name.as_str()), "{folder} must not depend on {name}");
        }
    }
}

/// Hosts take `kpol` without its default feature, and what stays must not parse.
#[test]
fn kpol_without_its_compiler_carries_no_parser() {
    let manifest = manifest("vm/embed");
    let always = manifest["dependencies"].as_table().unwrap().iter().filter(|(name, dependency)| {
        name.starts_with("kpol")
            && dependency.get("optional").and_then(|optional| optional.as_bool()) != Some(true)
    });
    assert_eq!(always.map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["kpol-stdlib", "kpol-vm"]);
    let root: toml::Table = std::fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    let shared = &root["workspace"]["dependencies"]["kpol"];
    assert_eq!(shared["default-features"].as_bool(), Some(false));
}

#[test]
fn every_crate_inherits_the_lints() {
    for (folder, _) in EDGES {
        let inherits = manifest(folder)["lints"]["workspace"].as_bool();
        assert_eq!(inherits, Some(true), "{folder}");
    }
}

#[test]
fn every_source_file_begins_with_what_it_is_for() {
    let mut bare = Vec::new();
    let mut pending: Vec<_> = EDGES.iter().map(|(folder, _)| root().join(folder).join("src")).collect();
    while let Some(dir) = pending.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test(&path) {
                let text = std::fs::read_to_string(&path).unwrap();
                if !text.starts_with("//!") {
                    bare.push(path);
                }
            }
        }
    }
    assert!(bare.is_empty(), "without a header: {bare:#?}");
}

#[test]
fn only_one_crate_renders_reads_yaml_lexes_and_parses() {
    let mut users: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (folder, _) in EDGES {
        let manifest = manifest(folder);
        for only in ["ariadne", "saphyr-parser", "lalrpop-util", "logos"] {
            if manifest.get("dependencies").is_some_and(|table| table.get(only).is_some()) {
                users.entry(only).or_default().push(folder);
            }
        }
    }
    assert_eq!(users["ariadne"], ["compiler/cli"]);
    assert_eq!(users["saphyr-parser"], ["compiler/manifest"]);
    assert_eq!(users["lalrpop-util"], ["grammar"]);
    assert_eq!(users["logos"], ["grammar"]);
}

/// Files of unit tests are explained by the file that they stand beside.
fn is_test(path: &std::path::Path) -> bool {
    path.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs")))
}
