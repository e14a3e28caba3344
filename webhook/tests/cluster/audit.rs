//! An audit of ten thousand objects.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::PostParams};
use serde_json::{Value, json};

use crate::{
    Law,
    process::program,
    world::{World, client, cluster, eventually, kubectl, pod},
};

pub(crate) const LAWS: &[Law] = &[
    ("an_audit_of_ten_thousand_objects_finds_what_admission_would_say_in_flat_memory", audit),
    ("of_two_replicas_with_a_lease_one_audits_and_the_other_follows", lease),
];

/// How many objects there are.
const OBJECTS: usize = 10_000;
/// The most memory that an audit takes, in KiB: some times what it takes for none, whatever there is.
const MOST_KIB: u64 = 128 << 10;

const RULES: &str = r#"package acme
/// No process of the node is seen.
rule no_host_pid on Pod { severity high cis "5.2.3" deny when object.spec.hostPID message "hostPID is not allowed" }
rule privileged on Pod {
  severity critical
  cis "5.2.2"
  for c in pod.spec.all_containers { deny when c.securityContext.privileged message "{c.name} is privileged" }
}
"#;

fn spec(n: usize) -> Value {
    json!({
        "hostPID": n.is_multiple_of(10),
        "containers": [{"name": "a", "image": "b", "securityContext": {"privileged": n.is_multiple_of(4)}}],
    })
}

fn fill(namespace: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = client().await;
        let next = AtomicUsize::new(0);
        let worker = |_| async {
            let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= OBJECTS {
                    return;
                }
                let pod: Pod = serde_json::from_value(pod(&format!("p-{n}"), spec(n))).unwrap();
                api.create(&PostParams::default(), &pod).await.unwrap();
            }
        };
        futures_util::future::join_all((0..16).map(worker)).await;
    });
}

/// Runs an audit: its exit code, and the most memory that it took, in KiB.
fn run(args: &str) -> (i32, u64) {
    let mut child = program()
        .args(["audit", "--default-mode", "deny"])
        .args(args.split_whitespace())
        .env("KUBECONFIG", cluster().join("kubeconfig"))
        .env("RUST_LOG", "error")
        .spawn()
        .unwrap();
    let mut most = 0;
    let code = eventually("the audit ends", || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        most = most.max(line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0));
        child.try_wait().unwrap().map(|status| status.code().unwrap())
    });
    (code, most)
}

/// A CRD of the form that reports have; the project's own say more, and are not ours to ship.
fn report_crd(kind: &str, plural: &str, scope: &str) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.wgpolicyk8s.io"),
            "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"}},
        "spec": {
            "group": "wgpolicyk8s.io", "scope": scope,
            "names": {"kind": kind, "plural": plural, "singular": kind.to_lowercase()},
            "versions": [{"name": "v1alpha2", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object",
                "properties": {
                    "summary": {"type": "object", "properties": {
                        "pass": {"type": "integer"}, "fail": {"type": "integer"}, "warn": {"type": "integer"},
                        "error": {"type": "integer"}, "skip": {"type": "integer"}}},
                    "results": {"type": "array", "items": {
                        "type": "object", "required": ["policy"], "x-kubernetes-preserve-unknown-fields": true,
                        "properties": {
                            "policy": {"type": "string"}, "rule": {"type": "string"},
                            "result": {"type": "string", "enum": ["pass", "fail", "warn", "error", "skip"]},
                            "severity": {"type": "string", "enum": ["critical", "high", "low", "medium", "info"]},
                        }}},
                },
            }}}],
        },
    })
}

fn audit() {
    let world = World::new();
    let bundle = world.write("p.kpolb", kpol::compile(RULES).unwrap().bytes());
    for (kind, plural, scope) in [
        ("PolicyReport", "policyreports", "Namespaced"),
        ("ClusterPolicyReport", "clusterpolicyreports", "Cluster"),
    ] {
        kubectl("apply -f -", &report_crd(kind, plural, scope).to_string()).good();
        eventually("the kind is served", || kubectl(&format!("get {plural} -A"), "").ok.then_some(()));
    }
    fill(&world.namespace);
    let (report, html, summary) =
        (world.path("report.json"), world.path("report.html"), world.path("last.json"));
    let args = format!(
        "--bundle {} --json {} --html {} --summary {} --policy-reports policy-report --page-size 500 --findings-per-rule 20000",
        bundle.display(),
        report.display(),
        html.display(),
        summary.display(),
    );
    let (code, most) = run(&args);
    assert_eq!(code, 1, "there are violations");
    assert!(most < MOST_KIB, "{most} KiB");

    let report: Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let mut found: Vec<(usize, String)> = findings
        .iter()
        .filter(|finding| finding["resource"]["namespace"] == world.namespace.as_str())
        .map(|finding| {
            let name = finding["resource"]["name"].as_str().unwrap();
            let rule = finding["rule"].as_str().unwrap();
            (name.strip_prefix("p-").unwrap().parse().unwrap(), rule.to_owned())
        })
        .collect();
    found.sort();
    let mut expected = Vec::new();
    for n in 0..OBJECTS {
        if n.is_multiple_of(10) {
            expected.push((n, "acme.no_host_pid".to_owned()));
        }
        if n.is_multiple_of(4) {
            expected.push((n, "acme.privileged".to_owned()));
        }
    }
    assert_eq!(found, expected);

    // The same webhook says the same of a sample.
    let _webhook = world.webhook(RULES, "--default-mode deny");
    eventually("a denial", || (!world.dry_run(&pod("x", spec(0))).ok).then_some(()));
    for n in [0, 1, 4, 10, 20] {
        let said = world.dry_run(&pod("x", spec(n)));
        let denied: Vec<&str> = ["acme.no_host_pid", "acme.privileged"]
            .into_iter()
            .filter(|rule| said.err.contains(&format!("[{rule}]")))
            .collect();
        let audited: Vec<&str> =
            expected.iter().filter(|(of, _)| *of == n).map(|(_, rule)| rule.as_str()).collect();
        assert_eq!(denied, audited, "{n}: {}", said.err);
    }

    let told = world.kubectl("get policyreport kpol -o json", "").good();
    let told: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(told["summary"]["fail"], expected.len());
    assert_eq!(told["results"].as_array().unwrap().len(), 1_000, "an object of etcd has room for so many");
    let page = std::fs::read_to_string(&html).unwrap();
    // Long names may break at their dots.
    let page = page.replace("<wbr>", "");
    assert!(page.contains("5.2.2") && page.contains("spec.containers[0].securityContext.privileged"));
    // The second run knows the first.
    let (code, _) = run(&args);
    assert_eq!(code, 1);
    assert!(std::fs::read_to_string(&html).unwrap().contains("Compared with"));
}

/// An audit that goes on, and what it logs.
fn replica(args: &str) -> (Child, Arc<Mutex<String>>) {
    let mut child = program()
        .args(["audit", "--interval", "1"])
        .args(args.split_whitespace())
        .env("KUBECONFIG", cluster().join("kubeconfig"))
        .env("RUST_LOG", "kpol_webhook=info")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log = Arc::new(Mutex::new(String::new()));
    let (out, lines) = (Arc::clone(&log), BufReader::new(child.stderr.take().unwrap()).lines());
    std::thread::spawn(move || {
        lines.map_while(Result::ok).for_each(|line| {
            let mut log = out.lock().unwrap();
            log.push_str(&line);
            log.push('\n');
        });
    });
    (child, log)
}

fn lease() {
    let world = World::new();
    let bundle = world.write("p.kpolb", kpol::compile(RULES).unwrap().bytes());
    let args = format!("--bundle {} --lease {}/audit", bundle.display(), world.namespace);
    let audits = |log: &Arc<Mutex<String>>| log.lock().unwrap().matches("\"audited\"").count();
    let (mut first, first_log) = replica(&args);
    eventually("the first audits", || (audits(&first_log) > 0).then_some(()));
    let (mut second, second_log) = replica(&args);
    eventually("the first goes on", || (audits(&first_log) > 3).then_some(()));
    assert_eq!(audits(&second_log), 0, "the Lease is the first's");
    // It gives the Lease back when it ends; else the second would wait for its term.
    Command::new("kill").arg(first.id().to_string()).status().unwrap();
    first.wait().unwrap();
    eventually("the second takes over", || (audits(&second_log) > 0).then_some(()));
    second.kill().unwrap();
    second.wait().unwrap();
}
