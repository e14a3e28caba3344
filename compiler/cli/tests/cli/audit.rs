//! `audit`: reports of manifests, their exit codes, and the trend from run to run.

use serde_json::Value;

use crate::run::{CLEAN, World};

/// With tags, an exception, and a rule that only warns.
const POLICY: &str = r#"package acme

/// A privileged container owns its node.
/// This is not the first sentence.
rule no_privileged on Workload {
  severity critical
  mitre    "T1611"
  tags     "cis.pod.privileged", "pss.baseline.privileged"

  for c in pod.spec.all_containers {
    deny when c.securityContext.privileged
      message "{c.role} {c.name} must not be privileged"
      fix "remove securityContext.privileged"
  }
}

/// Everything has an owner.
rule owned on Workload {
  severity low
  tags     "nsa.resource_requests"
  warn unless has object.metadata.labels["team"] message "there is no label `team`"
}

/// Nothing is published by accident.
rule ingress on Ingress {
  tags "nsa.host_ports"
  deny when (object.metadata.namespace ?? "") == "kube-system" message "not here"
}

exception old_agent to acme.no_privileged {
  where  object.metadata.namespace == "legacy"
  reason "replaced in spring"
  owner  "ops"
}
"#;

const SHOP: &str = "apiVersion: v1
kind: Pod
metadata:
  name: web
  namespace: shop
spec:
  containers:
  - name: app
    securityContext:
      privileged: true
---
apiVersion: v1
kind: Pod
metadata: {name: agent, namespace: legacy, labels: {team: ops}}
spec:
  containers:
  - name: app
    securityContext: {privileged: true}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
";

fn world() -> World {
    World::with(&[("acme.kpol", POLICY), ("deploy/shop.yaml", SHOP)])
}

fn audit(args: &str) -> String {
    world().run(&format!("audit -p acme.kpol deploy {args}")).shown()
}

#[test]
fn as_text() {
    insta::assert_snapshot!(audit(""));
}

#[test]
fn as_lines() {
    insta::assert_snapshot!(audit("--format jsonl"));
}

#[test]
fn as_policy_reports() {
    insta::assert_snapshot!(audit("--format policy-report"));
    let open = world().run("audit -p acme.kpol deploy --format open-reports -q");
    let list: Value = serde_json::from_str(&open.out).unwrap();
    assert_eq!(list["items"][0]["apiVersion"], "openreports.io/v1alpha1");
}

#[test]
fn as_json() {
    let ran = world().run("audit -p acme.kpol deploy --format json --kubernetes 1.30 --title prod");
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["about"]["subject"], "prod");
    assert_eq!(report["about"]["kubernetes"], "1.30");
    assert_eq!(report["findings"][0]["resource"]["source"]["line"], 10);
    assert_eq!(report["totals"]["counts"]["excepted"], 1);
    assert_eq!(ran.code, 1);
}

#[test]
fn as_a_page_in_a_file() {
    let world = world();
    let ran = world.run("audit -p acme.kpol deploy --format html -o report.html");
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert_eq!(ran.err, "wrote report.html: judged 3 objects by 3 rules: 2 violations\n");
    let page = world.read("report.html");
    for text in ["<!DOCTYPE html>", "acme.no_privileged", "excepted by `acme.old_agent`", "deploy/"] {
        assert!(page.contains(text), "{text}");
    }
    let nowhere = world.run("audit -p acme.kpol deploy -o no/such/dir.txt");
    assert_eq!(nowhere.code, 2, "{nowhere:?}");
}

#[test]
fn without_policies_the_benchmarks_of_the_library_judge() {
    let ran = world().run("audit deploy --format json");
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let covered = report["controls"].as_array().unwrap().iter().filter(|row| row["status"] != "not-covered");
    assert!(covered.count() > 60, "{}", report["controls"]);
    assert_eq!(ran.code, 1);
}

#[test]
fn the_next_run_says_what_has_changed() {
    let world = world();
    let first = world.run("audit -p acme.kpol deploy --summary last.json --previous last.json");
    assert!(first.err.starts_with("note: last.json is not there yet"), "{first:?}");
    let same = world.run("audit -p acme.kpol deploy --previous last.json");
    assert!(
        same.out.contains("2 violations (1 denied, 1 warned, 1 excepted), as many as before;"),
        "{same:?}"
    );
    assert!(same.out.contains("nothing has changed") && same.err.contains("as many as before"), "{same:?}");
    world.write("deploy/more.yaml", SHOP.replace("shop", "more").as_bytes());
    let more = world.run("audit -p acme.kpol deploy --previous last.json --summary last.json");
    assert!(more.err.contains("4 violations, 2 more than before"), "{more:?}");
    assert!(more.out.contains("critical ▲ 1, low ▲ 1"), "{more:?}");
    world.write("deploy/more.yaml", b"");
    let less = world.run("audit -p acme.kpol deploy --previous last.json");
    assert!(less.err.contains("2 fewer than before") && less.out.contains("▼ 1"), "{less:?}");
}

#[test]
fn what_is_no_summary_is_refused() {
    let world = world();
    world.write("last.json", b"{\"version\": 1}");
    let ran = world.run("audit -p acme.kpol deploy --previous last.json");
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("last.json is no summary of an audit: missing field"), "{}", ran.err);
}

#[test]
fn exit_codes_are_those_of_eval() {
    let world = world();
    for (args, code) in [
        ("-p acme.kpol deploy", 1),
        ("-p acme.kpol deploy --exit-zero", 0),
        ("-p acme.kpol deploy --mode warn", 0),
        ("-p acme.kpol deploy --mode warn --deny-warnings", 1),
        ("-p acme.kpol nowhere", 2),
        ("-p nowhere.kpol deploy", 2),
        ("-p acme.kpol", 2),
        ("-p deploy/shop.yaml deploy", 2),
        ("-p acme.kpol - -", 2),
    ] {
        let ran = world.run(&format!("audit {args}"));
        assert_eq!(ran.code, code, "{args}: {ran:?}");
        let eval = world.run(&format!("eval {args}"));
        assert_eq!(eval.code, code, "eval {args}: {eval:?}");
    }
}

#[test]
fn policies_with_errors_judge_nothing() {
    let world = World::with(&[("bad.kpol", "rule"), ("deploy/shop.yaml", SHOP)]);
    let ran = world.run("audit -p bad.kpol deploy --format json");
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.ends_with("nothing was judged: the policies have errors\n"), "{}", ran.err);
}

#[test]
fn what_cannot_be_judged_is_in_the_report() {
    let world = world();
    world.write("deploy/odd.yaml", b"apiVersion: v1\nkind: Pot\nmetadata: {name: x, namespace: shop}\n");
    world.write("deploy/bad.yaml", b"a: [1\n");
    world.write("deploy/pod.yaml", b"apiVersion: v1\nkind: Pod\nmetadata: {name: 5, namespace: 6}\n");
    let ran = world.run("audit -p acme.kpol deploy --format json");
    assert_eq!(ran.code, 2);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let failures = report["failures"].as_array().unwrap();
    let names: Vec<&Value> = failures.iter().map(|failure| &failure["resource"]["kind"]).collect();
    assert_eq!(names, ["File", "Pot", "Pod"]);
    assert_eq!(failures[1]["message"], "the kind `Pot` of `v1` is not known");
    assert!(failures[2]["message"].as_str().unwrap().ends_with("; and 1 error more"), "{}", failures[2]);
    assert_eq!(report["totals"]["errors"], 3);
    let skipped = world.run("audit -p acme.kpol deploy --format json --skip-unknown-kinds");
    let report: Value = serde_json::from_str(&skipped.out).unwrap();
    assert_eq!((&report["totals"]["errors"], &report["totals"]["skipped"]), (&2.into(), &1.into()));
}

#[test]
fn a_review_is_about_the_object_of_its_request() {
    let review = r#"{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
      "uid": "1", "operation": "CREATE", "namespace": "shop", "name": "web",
      "kind": {"group": "", "version": "v1", "kind": "Pod"},
      "object": {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "web-"},
        "spec": {"containers": [{"name": "app", "securityContext": {"privileged": true}}]}}}}"#;
    let ran = World::with(&[("acme.kpol", CLEAN)]).stdin(review).run("audit -p acme.kpol - --format json");
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let resource = &report["findings"][0]["resource"];
    assert_eq!(
        (&resource["kind"], &resource["namespace"], &resource["name"]),
        (&"Pod".into(), &"shop".into(), &"web".into())
    );
    assert_eq!(report["about"]["subject"], "standard input");
}

#[test]
fn a_bundle_is_named_by_its_digest() {
    let world = world();
    assert_eq!(world.run("build acme.kpol -o acme.kpolb").code, 0);
    let ran = world.run("audit -p acme.kpolb deploy --format json");
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let shown: Value = serde_json::from_str(&world.run("inspect acme.kpolb --format json").out).unwrap();
    assert_eq!(report["about"]["bundles"][0]["digest"], shown["digest"]);
}

#[test]
fn findings_that_are_not_listed_are_counted() {
    let ran = world().run("audit -p acme.kpol deploy --format json --max-findings 0");
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["findings"].as_array().unwrap().len(), 0);
    assert_eq!(report["totals"]["left_out"], 3);
}

#[test]
fn no_text_moves_the_cursor() {
    let pod = SHOP.replace("namespace: shop", "namespace: \"a\\e[31m\\nb\"");
    let world = World::with(&[("acme.kpol", POLICY), ("deploy/shop.yaml", &pod)]);
    let ran = world.run("audit -p acme.kpol deploy --skip-unknown-kinds");
    assert!(!ran.out.contains('\u{1b}') && !ran.out.contains("\nb "), "{ran:?}");
    assert!(ran.out.contains("a␛[31m b"), "{ran:?}");
}
