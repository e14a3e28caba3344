//! Compiling: bytes, and diagnostics as data.

use kpol::{Compiler, Level};

const FIRST: &str = "package acme.a\nrule a on Pod {\n  deny when object.spec.hostPID message \"a\"\n}\n";
const SECOND: &str = "package acme.b\nrule b on Pod {\n  deny when object.spec.hostIPC message \"b\"\n}\n";

#[test]
fn the_same_sources_give_the_same_bytes_under_every_name() {
    let bytes = |a: &str, b: &str| {
        let compiler = Compiler::new().with_source(a, FIRST).with_source(b, SECOND);
        compiler.compile().unwrap().bytes().to_vec()
    };
    assert_eq!(bytes("a.kpol", "b.kpol"), bytes("/elsewhere/x", "y"));
}

#[test]
fn diagnostics_are_data_and_one_line_each() {
    let text = "package acme\nrule r on Pod {\n  deny when object.spec.hostPIDs message \"m\"\n  deny when 1 == \"a\" message \"m\"\n}\n";
    let error = Compiler::new().with_source("pods.kpol", text).compile().unwrap_err();
    let [first, second] = error.diagnostics() else { panic!("{error}") };
    assert_eq!((first.file(), first.line(), first.column()), (Some("pods.kpol"), Some(3), Some(25)));
    assert_eq!((first.level(), first.label()), (Level::Error, "did you mean `hostPID`?"));
    assert_eq!(second.line(), Some(4));
    let shown = error.to_string();
    assert_eq!(shown.lines().count(), 2);
    assert!(
        shown.starts_with(&format!("pods.kpol:3:25: error[{}]: {}", first.code(), first.message())),
        "{shown}"
    );
}

#[test]
fn warnings_come_with_the_bundle() {
    let text = "package acme\nrule r on Pod {\n  for c in object.spec.containers {\n    deny when c.securityContext.runAsUser == 0 message \"m\"\n  }\n}\n";
    let compiled = kpol::compile(text).unwrap();
    let warning =
        compiled.diagnostics().first().expect("a rule that lets absent values through is warned of");
    assert_eq!((warning.code(), warning.level()), ("W0203", Level::Warning));
}

#[test]
fn kinds_come_from_definitions_that_the_host_has_read() {
    let crd = kpol::json(
        br#"{"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "widgets.acme.io"},
            "spec": {"group": "acme.io", "scope": "Namespaced",
                "names": {"kind": "Widget", "plural": "widgets", "singular": "widget"},
                "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema":
                    {"type": "object", "properties": {"spec": {"type": "object", "properties":
                        {"size": {"type": "integer"}}}}}}}]}}"#,
    )
    .unwrap();
    let text = "package acme\nkind Widget from \"widgets.yaml\"\nrule r on Widget {\n  deny when object.spec.size > 3 message \"too large\"\n}\n";
    let compiler = Compiler::new().with_source("a.kpol", text);
    let error = compiler.clone().compile().unwrap_err();
    assert!(error.to_string().contains("this file was not given"), "{error}");
    let compiled = compiler.with_kinds("widgets.yaml", vec![crd]).compile().unwrap();
    let target = compiled.bundle().judges().next().unwrap();
    assert_eq!((target.group(), target.kind(), target.resource()), ("acme.io", "Widget", "widgets"));
}

#[test]
fn the_library_is_there_by_name() {
    assert!(Compiler::new().with_library("std.nothing").is_err());
    let compiled = Compiler::new().with_library("std.workload").unwrap().compile().unwrap();
    assert!(compiled.bundle().rules().count() > 5);
    assert!(compiled.bundle().producer().starts_with("kpol "));
}

#[test]
fn a_rule_may_cost_as_much_as_was_said() {
    let text = "package acme\nrule r on Pod {\n  for c in object.spec.containers {\n    deny when c.name == \"x\" message \"m\"\n  }\n}\n";
    let dear = Compiler::new().with_source("a.kpol", text).with_max_cost(10).compile().unwrap_err();
    assert_eq!(dear.diagnostics().first().map(|diagnostic| diagnostic.level()), Some(Level::Error));
}
