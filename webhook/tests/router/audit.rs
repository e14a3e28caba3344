//! What an audit finds is what admission would say.

use std::sync::Arc;

use kpol::{Loader, Session};
use kpol_admission::report::{About, Effect, Limits, Report, Rule};
use kpol_webhook::{
    audit::judge::page,
    kind::Kind,
    policies::{Maker, Policies},
};
use serde_json::{Value, json};

use crate::{World, pod, settings};

const RULES: &str = r#"package acme
rule privileged on Pod {
  severity critical
  for c in pod.spec.all_containers { deny when c.securityContext.privileged message "{c.name} is privileged" }
}
rule host on Pod { deny when pod.spec.hostPID message "hostPID" }
rule name on Pod { warn when object.metadata.name starts_with "web" message "a poor name" }
bind privileged, host { mode deny }
bind name { mode warn where object.metadata.namespace == "shop" }
exception agent to host { where object.metadata.name == "web-3" reason "r" owner "o" until 2999-01-01 }
"#;

/// Pods that break rules in all combinations.
fn pods() -> Vec<Value> {
    let pods = (0..24).map(|n| {
        json!({
            "metadata": {"name": format!("{}-{n}", if n % 2 == 0 { "job" } else { "web" }),
                "namespace": if n % 3 == 0 { "shop" } else { "play" }, "uid": format!("u{n}")},
            "spec": {
                "hostPID": n % 4 == 3,
                "containers": [
                    {"name": "a", "securityContext": {"privileged": n % 5 == 0}},
                    {"name": "b", "securityContext": {"privileged": n % 7 == 0}},
                ],
            },
        })
    });
    pods.collect()
}

#[tokio::test]
async fn an_audit_finds_what_admission_says() {
    let serve = settings(&[]);
    let maker = Maker::new(&serve.policies, Loader::new(), serve.bounds.max_steps);
    let compiled = kpol::compile(RULES).unwrap();
    let ready = Arc::new(maker.make("p.kpolb", compiled.bytes()).unwrap());
    let about = About {
        subject: "test".into(),
        kubernetes: "1.37".into(),
        bundles: Vec::new(),
        tool: "test".into(),
        started: jiff::Timestamp::UNIX_EPOCH,
    };
    let mut report = Report::new(about, Rule::all(ready.bundle.module()), Limits::default());
    let kind = Kind { group: String::new(), version: "v1".into(), kind: "Pod".into(), plural: "pods".into() };
    // As a list of the API server has them: without what they are.
    let objects = pods().into_iter().map(|pod| serde_json::from_value(pod).unwrap()).collect();
    let bundles = [Arc::clone(&ready)];
    page(objects, &kind, &bundles, &["kube-system".into()], &mut Vec::<Session>::new(), &mut report);
    assert_eq!((report.objects(), report.errors()), (24, 0));

    let world = World::new(RULES, &[]);
    let mut total = 0;
    for object in pods() {
        let mut request = pod(json!({}));
        request["namespace"] = object["metadata"]["namespace"].clone();
        request["object"] = object.clone();
        request["object"]["apiVersion"] = "v1".into();
        request["object"]["kind"] = "Pod".into();
        let response = world.ask("/validate", request).await;
        let lines = |value: &Value| value.as_str().unwrap_or_default().lines().map(str::to_owned).collect();
        let mut said: Vec<String> = lines(&response["status"]["message"]);
        said.extend(
            response["warnings"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|w| w.as_str())
                .map(String::from),
        );
        let name = object["metadata"]["name"].as_str().unwrap();
        let mut found: Vec<String> = report
            .findings()
            .map(|(_, finding)| finding)
            .filter(|finding| finding.resource.name == name && finding.effect != Effect::Excepted)
            .map(|finding| format!("[{}] {}", finding.rule, finding.message))
            .collect();
        said.sort();
        found.sort();
        assert_eq!(found, said, "{object}");
        total += found.len();
    }
    assert!(total > 15, "{total}");
    assert_eq!(report.counts().excepted, 1);
    // What policies do not ask about is nothing to them.
    assert_eq!(Policies::new(vec![ready], Vec::new()).label("apps", "Deployment"), "other");
}
