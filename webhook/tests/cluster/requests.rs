//! Every sort of request: operations, subresources, kinds of CRDs, mutation before validation.

use kpol::Compiler;
use kpol_admission::webhook_config::FailurePolicy;
use serde_json::{Value, json};

use crate::{
    Law,
    world::{World, eventually, kubectl, pod},
};

pub(crate) const LAWS: &[Law] = &[
    ("create_update_and_delete_are_judged_by_what_they_do", operations),
    ("exec_is_judged_before_it_begins", exec),
    ("scaling_is_judged_by_a_rule_on_the_subresource", scale),
    ("a_container_that_is_added_to_a_running_pod_is_caught", ephemeral),
    ("kinds_of_crds_are_judged_in_every_version", crd),
    ("rules_see_what_mutations_made_and_nothing_changes_twice", mutation),
    ("a_host_is_taken_by_one_ingress_and_its_own_update_is_no_clash", referential),
];

fn operations() {
    let world = World::new();
    let policy = r#"package acme
rule created on ConfigMap (create) { deny when object.metadata.name == "bad" message "not created" }
rule frozen on ConfigMap (update) { deny when object.data["a"] != old.data["a"] message "a stays" }
rule kept on ConfigMap (delete) { deny when object.metadata.name == "kept" message "kept stays" }
"#;
    let _webhook = world.webhook(policy, "--default-mode deny");
    let map = |name: &str, a: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": a}});
    eventually("a denial", || (!world.dry_run(&map("bad", "1")).ok).then_some(()));
    world.apply(&map("bad", "1")).refused("[acme.created] not created");
    world.apply(&map("kept", "1")).good();
    world.apply(&map("kept", "2")).refused("[acme.frozen] a stays");
    world.kubectl("label configmap kept x=y", "").good();
    world.kubectl("delete configmap kept", "").refused("[acme.kept] kept stays");
    world.apply(&map("other", "1")).good();
    world.kubectl("delete configmap other", "").good();
}

fn exec() {
    let world = World::new();
    let policy = r#"package acme
rule no_exec on Pod/exec (connect) { deny when object.stdin or not ("ls" in object.command) message "no shells here" }
"#;
    let _webhook = world.webhook(policy, "--default-mode deny");
    world.apply(&pod("a", json!({}))).good();
    eventually("a denial", || {
        world.kubectl("exec a -- sh", "").err.contains("[acme.no_exec] no shells here").then_some(())
    });
    // Allowed: it goes on, and fails for want of a node.
    world.kubectl("exec a -- ls", "").refused("does not have a host assigned");
}

fn scale() {
    let world = World::new();
    let policy = r#"package acme
rule small on Deployment/scale (update) { deny when object.spec.replicas > 5 message "at most 5" }
"#;
    let _webhook = world.webhook(policy, "--default-mode deny");
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "replicas": 1, "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a", "image": "b"}]}},
        },
    });
    world.apply(&deployment).good();
    eventually("a denial", || (!world.kubectl("scale deployment web --replicas 6", "").ok).then_some(()));
    world.kubectl("scale deployment web --replicas 6", "").refused("[acme.small] at most 5");
    world.kubectl("scale deployment web --replicas 5", "").good();
}

fn ephemeral() {
    let world = World::new();
    let policy = r#"package acme
rule privileged on Pod {
  for c in pod.spec.all_containers { deny when c.securityContext.privileged message "{c.role} {c.name} is privileged" }
}
"#;
    let _webhook = world.webhook(policy, "--default-mode deny");
    world.apply(&pod("a", json!({}))).good();
    let add = |privileged: bool| {
        let patch = json!({"spec": {"ephemeralContainers": [{
            "name": "debug", "image": "busybox", "securityContext": {"privileged": privileged}}]}});
        let path = world.path("patch.json");
        std::fs::write(&path, patch.to_string()).unwrap();
        world.kubectl(
            &format!("patch pod a --subresource ephemeralcontainers --patch-file {}", path.display()),
            "",
        )
    };
    eventually("a denial", || (!add(true).ok).then_some(()));
    add(true).refused("[acme.privileged] ephemeral container debug is privileged");
    add(false).good();
    // What people type. The profile `sysadmin` is a privileged container.
    let debug = |profile: &str| world.kubectl(&format!("debug a --image busybox --profile {profile}"), "");
    debug("sysadmin").refused("is privileged");
    debug("general").good();
}

fn crd() {
    let version = |name: &str, storage: bool| {
        json!({
            "name": name, "served": true, "storage": storage,
            "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object", "properties": {
                "size": {"type": "integer"}, "owner": {"type": "string"}}}}}},
        })
    };
    let crd = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.acme.io"},
        "spec": {
            "group": "acme.io", "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets", "singular": "widget"},
            "versions": [version("v1beta1", false), version("v1", true)],
        },
    });
    kubectl("apply -f -", &crd.to_string()).good();
    eventually("the kind is served", || {
        kubectl("get widgets.v1.acme.io -A", "")
            .ok
            .then(|| kubectl("get widgets.v1beta1.acme.io -A", "").ok)?
            .then_some(())
    });
    let world = World::new();
    let policy = r#"package acme
kind Widget from "crds/widget.yaml"
rule small on Widget { deny when object.spec.size > 3 message "at most 3" }
"#;
    let documents = vec![kpol::json(crd.to_string().as_bytes()).unwrap()];
    let compiler = Compiler::new().with_source("p.kpol", policy).with_kinds("crds/widget.yaml", documents);
    let _webhook = world.webhook_of(compiler, "--default-mode deny", FailurePolicy::Fail);
    let widget = |version: &str, size: u32| json!({"apiVersion": format!("acme.io/{version}"), "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": size}});
    eventually("a denial", || (!world.dry_run(&widget("v1", 4)).ok).then_some(()));
    world.apply(&widget("v1", 4)).refused("[acme.small] at most 3");
    world.apply(&widget("v1beta1", 4)).refused("[acme.small] at most 3");
    world.apply(&widget("v1beta1", 3)).good();
}

fn mutation() {
    let world = World::new();
    let policy = r#"package acme
mutate token on Pod { default object.spec.automountServiceAccountToken = false }
mutate team on Pod { default object.metadata.labels["team"] = "none" }
mutate escalation on Pod {
  for c in pod.spec.all_containers { default c.securityContext.allowPrivilegeEscalation = false }
}
rule escalation_is_off on Pod {
  for c in pod.spec.all_containers { deny when c.securityContext.allowPrivilegeEscalation message "{c.name} may escalate" }
}
rule has_team on Pod { deny unless has object.metadata.labels["team"] message "no team" }
"#;
    let _webhook = world.webhook(policy, "--default-mode deny");
    let yes: Value = json!({"containers": [{"name": "a", "image": "b", "securityContext": {"allowPrivilegeEscalation": true}}]});
    eventually("a denial", || (!world.dry_run(&pod("x", yes.clone())).ok).then_some(()));
    let plain = pod("a", json!({}));
    world.apply(&plain).good();
    let get = |path: &str| world.kubectl(&format!("get pod a -o jsonpath={path}"), "").good().out;
    assert_eq!(get("{.spec.automountServiceAccountToken}"), "false");
    assert_eq!(get("{.metadata.labels.team}"), "none");
    assert_eq!(get("{.spec.containers[0].securityContext.allowPrivilegeEscalation}"), "false");
    let version = get("{.metadata.resourceVersion}");
    world.apply(&plain).good();
    assert_eq!(get("{.metadata.resourceVersion}"), version, "nothing changes twice");
    world.apply(&pod("b", yes)).refused("[acme.escalation_is_off] a may escalate");
}

fn referential() {
    let world = World::new();
    let policy = r#"package acme
rule unique_host on Ingress {
  for r in object.spec.rules {
    where has r.host
    let taken_by = [o.id for o in cluster.others(Ingress) where any x in o.spec.rules { x.host == r.host }]
    deny unless empty(taken_by) message "{r.host} is taken by {taken_by}"
  }
}
"#;
    let webhook = world.webhook(policy, "--default-mode deny");
    eventually("ready", || (webhook.get("/readyz").0 == 200).then_some(()));
    let ingress = |name: &str, host: &str| {
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": name},
            "spec": {"rules": [{"host": host, "http": {"paths": [{
                "path": "/", "pathType": "Prefix",
                "backend": {"service": {"name": "s", "port": {"number": 80}}}}]}}]},
        })
    };
    world.apply(&ingress("a", "shop.acme.io")).good();
    eventually("the watch has seen it", || (!world.dry_run(&ingress("b", "shop.acme.io")).ok).then_some(()));
    world.apply(&ingress("b", "shop.acme.io")).refused("shop.acme.io is taken by");
    world.kubectl("label ingress a x=y", "").good();
    world.apply(&ingress("b", "other.acme.io")).good();
    world.kubectl("delete ingress a", "").good();
    eventually("the host is free", || world.dry_run(&ingress("c", "shop.acme.io")).ok.then_some(()));
    assert!(webhook.metric("kpol_webhook_cached_objects", &["Ingress"]) >= 0.0);
}
