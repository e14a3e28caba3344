//! Configurations of small modules.

use kpol_vm::ir::{Clause, Code, Cost, Meta, Rule, Template, Verb};

use super::*;

fn target(group: &str, plural: &str, subresource: Option<&str>, operations: &[Operation]) -> Target {
    Target::Kind {
        group: group.into(),
        version: "v1".into(),
        kind: plural.to_uppercase(),
        plural: plural.into(),
        subresource: subresource.map(str::to_owned),
        operations: operations.to_vec(),
        object: kpol_vm::ir::RootId(0),
        pod: None,
    }
}

fn module(targets: Vec<Target>) -> Module {
    let rule = Rule {
        name: "acme.r".into(),
        meta: Meta::default(),
        targets,
        code: Code::default(),
        body: Vec::new(),
        clauses: vec![Clause { verb: Verb::Deny, message: Template { parts: Vec::new() }, fix: None }],
        exceptions_need: Vec::new(),
        cost: Cost::default(),
    };
    Module { rules: vec![rule], ..Module::default() }
}

fn rules_of(module: &Module) -> Value {
    validating([module], &Settings::default()).unwrap()["webhooks"][0]["rules"].clone()
}

#[test]
fn each_resource_is_asked_about_for_the_operations_that_rules_are_about() {
    use Operation::{Connect, Delete, Update};
    let module = module(vec![
        target("", "pods", None, &[]),
        target("", "pods", Some("ephemeralcontainers"), &[Update]),
        target("", "pods", Some("exec"), &[]),
        target("", "pods", Some("attach"), &[Connect]),
        target("apps", "deployments", None, &[]),
        target("apps", "deployments", Some("scale"), &[Update]),
        target("apps", "statefulsets", None, &[]),
        target("apps", "statefulsets", None, &[Delete]),
        Target::Event { name: "exec".into(), root: kpol_vm::ir::RootId(0) },
    ]);
    let rules = rules_of(&module);
    let lines: Vec<String> = rules
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| format!("{} {} {}", rule["apiGroups"], rule["operations"], rule["resources"]))
        .collect();
    assert_eq!(
        lines,
        [
            r#"[""] ["CONNECT"] ["pods/attach","pods/exec"]"#,
            r#"[""] ["CREATE","UPDATE"] ["pods"]"#,
            r#"[""] ["UPDATE"] ["pods/ephemeralcontainers"]"#,
            r#"["apps"] ["CREATE","DELETE","UPDATE"] ["statefulsets"]"#,
            r#"["apps"] ["CREATE","UPDATE"] ["deployments"]"#,
            r#"["apps"] ["UPDATE"] ["deployments/scale"]"#,
        ]
    );
}

#[test]
fn rules_on_events_alone_need_no_webhook() {
    let module = module(vec![Target::Event { name: "exec".into(), root: kpol_vm::ir::RootId(0) }]);
    assert_eq!(validating([&module], &Settings::default()), None);
    assert_eq!(mutating([&module], &Settings::default()), None);
}

#[test]
fn the_order_of_bundles_and_rules_does_not_matter() {
    let (a, b) =
        (module(vec![target("", "pods", None, &[])]), module(vec![target("", "services", None, &[])]));
    let settings = Settings::default();
    assert_eq!(validating([&a, &b], &settings), validating([&b, &a], &settings));
}

#[test]
fn a_webhook_outside_of_the_cluster_is_called_by_its_url() {
    let settings = Settings {
        address: Address::Url("https://10.0.0.1:8443/".into()),
        ca: "PEM".into(),
        exempt_namespaces: Vec::new(),
        timeout_seconds: 99,
        failure_policy: FailurePolicy::Ignore,
        ..Settings::default()
    };
    let module = module(vec![target("", "pods", None, &[])]);
    let webhook = validating([&module], &settings).unwrap()["webhooks"][0].clone();
    assert_eq!(webhook["clientConfig"], json!({"url": "https://10.0.0.1:8443/validate", "caBundle": "UEVN"}));
    assert_eq!((&webhook["timeoutSeconds"], &webhook["failurePolicy"]), (&json!(30), &json!("Ignore")));
    assert_eq!(webhook.get("namespaceSelector"), None);
}
