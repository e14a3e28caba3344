//! Many rules about the same texts: whichever the fast engine leaves out, because nothing in the input speaks for them, the
//! reference finds no hit of either; and rules under binds beside rules without.

use kpol_grammar::diagnostic::Severity;
use kpol_tests::{
    compile_text,
    engines::{Engines, options},
    yaml,
};
use kpol_vm::evaluate::{Outcome, Review};

fn engines(text: &str) -> Engines {
    let compiled = compile_text(text);
    let module = compiled.module.as_ref().unwrap_or_else(|| {
        panic!(
            "{:#?}",
            compiled.diagnostics.iter().filter(|d| d.severity == Severity::Error).collect::<Vec<_>>()
        )
    });
    Engines::new(module, compiled.catalog.builtins(), &options((1, 37), &[])).unwrap()
}

fn judge(engines: &Engines, object: &str) -> Outcome {
    let object = yaml(object).unwrap();
    let review = Review::create(&object).unwrap();
    engines.review(&review, &[]).unwrap_or_else(|difference| panic!("{difference}")).unwrap()
}

/// Conditions on a container, in every form that texts are asked in, and with what makes a rule run always.
const CONDITIONS: &[&str] = &[
    r#"c.name == "a""#,
    r#"c.name != "a""#,
    r#"c.name in ["a", "ab", "b"]"#,
    r#"c.name not in ["a", "ab"]"#,
    r#"c.name starts_with "a""#,
    r#"c.name ends_with "b""#,
    r#"c.name contains "ab""#,
    r#"c.name contains "b" and c.name starts_with "a""#,
    r#"c.name contains "zz" or c.name == "b""#,
    r#"not (c.name contains "b")"#,
    r#"c.image under ["ghcr.io/acme", "nginx"]"#,
    r#"c.image not under ["ghcr.io/acme"]"#,
    r#"c.image == "nginx""#,
    r#""SYS_ADMIN" in c.securityContext.capabilities.add"#,
    r#""CAP_net_raw" in c.securityContext.capabilities.drop"#,
    r#"any v in pod.spec.volumes { v.hostPath.path under "/etc" }"#,
    r#"any v in pod.spec.volumes { v.hostPath.path under "/" and v.name == "b" }"#,
    r#"all m in c.volumeMounts { m.name == "a" }"#,
    r#"any e in c.env { e.name == "A" and e.value starts_with "x" }"#,
    r#"(if c.name == "a" then c.image == "b" else c.name == "b")"#,
    r#"object.metadata.labels["app"] == "a""#,
    r#"object.metadata.labels[c.name] == "b""#,
    r#"(c.name ?? "b") == "b""#,
    r#"pod.spec.hostNetwork and c.name == "b""#,
    r#"empty(c.securityContext.capabilities.add - ["SYS_ADMIN"])"#,
    r#"len(c.volumeMounts) > 1"#,
];

fn rules() -> String {
    let mut text = String::from("package made\n");
    for (n, condition) in CONDITIONS.iter().enumerate() {
        text.push_str(&format!(
            "rule r{n} on Pod {{ for c in pod.spec.all_containers {{ deny when {condition} message \"{n} {{c.name}}\" }} }}\n\
             rule w{n} on Pod {{ for c in pod.spec.containers {{ where {condition} deny when c.name contains \"b\" message \"w\" }} }}\n"
        ));
    }
    text
}

#[test]
fn a_rule_that_is_left_out_has_no_hit() {
    let engines = engines(&rules());
    let mut hit = std::collections::BTreeSet::new();
    for name in ["a", "b", "ab", "abc", "xyz"] {
        for image in
            ["nginx", "ghcr.io/acme/app:1", "ghcr.io/acme-evil/app", "docker.io/library/nginx:latest"]
        {
            for rest in [
                "",
                "securityContext: {capabilities: {add: [cap_sys_admin], drop: [NET_RAW]}}",
                "volumeMounts: [{name: a}, {name: b}]\n  volumes: [{name: a, hostPath: {path: /etc/../etc/x}}, {name: b, hostPath: {path: //}}]",
                "env: [{name: A, value: xyz}, {name: B}]",
            ] {
                let object = format!(
                    "apiVersion: v1\nkind: Pod\nmetadata: {{name: web, labels: {{app: {name}, b: b}}}}\nspec:\n  hostNetwork: {}\n  \
                     initContainers: [{{name: abc, image: {image}}}]\n  containers:\n  - name: {name}\n    image: {image}\n    {rest}\n",
                    name.len() == 1
                );
                let outcome = judge(&engines, &object);
                hit.extend(outcome.findings.iter().map(|finding| finding.rule));
            }
        }
    }
    // What never hits proves nothing.
    assert!(hit.len() > 2 * CONDITIONS.len() - 6, "{} of {}", hit.len(), 2 * CONDITIONS.len());
    assert_eq!(judge(&engines, "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n").findings, []);
}

#[test]
fn a_rule_sees_the_params_of_its_own_bind_only() {
    // `len` of a param in an index is nothing that machine code has a form for.
    let engines = engines(
        r#"package made
param extra: set<string> = []
rule bound on Pod { deny unless false message "bound" }
rule free on Pod { deny when ["a", pod.spec.containers[0].name][len(extra)] ends_with "a" message "free" }
rule both on Pod { deny when pod.spec.containers[0].name in extra message "both" }
bind bound { with extra = ["b"] }
bind both { with extra = ["b"] }
"#,
    );
    let outcome = judge(&engines, "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: b}]}\n");
    let messages: Vec<&str> = outcome.findings.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(messages, ["bound", "free", "both"]);
}

#[test]
fn conditions_in_common_are_every_rules_own() {
    let engines = engines(
        r#"package made
param names: set<string> = ["a"]
rule one on Pod { where any c in pod.spec.containers { c.name == "LocalId(3)" } deny when pod.spec.hostPID message "one" }
rule two on Pod { where any c in pod.spec.containers { c.name == "LocalId(4)" } deny when pod.spec.hostPID message "two" }
rule three on Pod {
  where any c in pod.spec.containers { c.name == "LocalId(3)" }
  for c in pod.spec.containers { deny when c.name starts_with "Local" message "three {c.name}" }
}
rule four on Pod { where any c in pod.spec.containers { c.name in names } deny when pod.spec.hostIPC message "four" }
rule five on Pod { where any c in pod.spec.containers { c.name in names } deny when pod.spec.hostIPC message "five" }
bind four { where object.metadata.name == "web" and pod.spec.hostIPC with names = ["b"] }
bind five, one { mode warn where object.metadata.name == "web" and pod.spec.hostIPC }
"#,
    );
    let mut findings = 0;
    for pod in ["web", "job"] {
        for name in ["LocalId(3)", "LocalId(4)", "a", "b"] {
            for flags in ["", "hostPID: true, ", "hostIPC: true, ", "hostPID: true, hostIPC: true, "] {
                let object = format!(
                    "apiVersion: v1\nkind: Pod\nmetadata: {{name: {pod}}}\nspec: {{{flags}containers: [{{name: \"{name}\"}}]}}\n"
                );
                findings += judge(&engines, &object).findings.len();
            }
        }
    }
    assert!(findings > 10, "{findings}");
}
