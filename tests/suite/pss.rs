//! The Pod Security Standards of the library against Kubernetes' own test data.

use std::{collections::BTreeMap, path::Path};

use kpol_tests::{judge, library_evaluator, shared, yaml};
use kpol_vm::evaluate::Decision;

/// `(level, minor, must pass, file)` of every pod below a folder of the test data's shape: level/v1.N/pass|fail.
fn cases(root: &Path) -> Vec<(String, u32, bool, std::path::PathBuf)> {
    let entries = |dir: &Path| -> Vec<std::path::PathBuf> {
        let mut all: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        all.sort();
        all
    };
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let mut cases = Vec::new();
    for level in entries(root).into_iter().filter(|path| path.is_dir()) {
        for version in entries(&level) {
            let minor = name(&version).trim_start_matches("v1.").parse().unwrap();
            for answer in entries(&version) {
                for file in entries(&answer) {
                    cases.push((name(&level), minor, name(&answer) == "pass", file));
                }
            }
        }
    }
    cases
}

fn run(root: &Path) -> usize {
    let mut wrong = Vec::new();
    let mut count = 0;
    let mut evaluators = BTreeMap::new();
    for level in ["baseline", "restricted"] {
        for (_, minor, pass, file) in cases(root).into_iter().filter(|case| case.0 == level) {
            let evaluator = evaluators
                .entry((level, minor))
                .or_insert_with(|| library_evaluator(&format!("std.pss.{level}"), (1, minor)).unwrap());
            let object = yaml(&std::fs::read_to_string(&file).unwrap()).unwrap();
            let outcome = judge(evaluator, &object).unwrap();
            count += 1;
            if (outcome.decision == Decision::Allow) != pass {
                let hits: Vec<&str> =
                    outcome.findings.iter().map(|finding| finding.rule_name.as_str()).collect();
                wrong.push(format!("{}: {hits:?}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    count
}

#[test]
fn the_library_agrees_with_kubernetes_on_every_pod_of_its_test_data() {
    let Some(root) = shared("corpora/pod-security-standards") else { return };
    assert_eq!(run(&root), 148);
}
