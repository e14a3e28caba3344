//! Reviews from bytes are judged as parsed reviews are, with the rules of the library.

use std::sync::Arc;

use kpol_compiler::{NoFiles, Options, Role, compile, library};
use kpol_tests::{compile_text, evaluator};
use kpol_vm::{
    evaluate::{Evaluator, Inventory, Outcome, Request, Review, ReviewError, Scratch, User},
    ir::Operation,
    json::Json,
    project::ProjectErrorKind,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn json_of(value: &Value) -> Json {
    Json::from(value.clone())
}

/// The slow way: parse, read the request, judge.
fn by_parsing(evaluator: &Evaluator, review: &Value) -> Result<Outcome, String> {
    let request = &review["request"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let given = |value: &Value| Some(json_of(value)).filter(|json| !json.is_null());
    let (object, old) = (given(&request["object"]), given(&request["oldObject"]));
    let [group, version, kind] = ["group", "version", "kind"].map(|key| text(&request["kind"][key]));
    let texts = |value: &Value| value.as_array().into_iter().flatten().map(text).collect::<Vec<_>>();
    let subresource = text(&request["subResource"]);
    let review = Review {
        operation: match text(&request["operation"]).as_str() {
            "CREATE" => Operation::Create,
            "UPDATE" => Operation::Update,
            "DELETE" => Operation::Delete,
            _ => Operation::Connect,
        },
        group: &group,
        version: &version,
        kind: &kind,
        subresource: Some(subresource.as_str()).filter(|text| !text.is_empty()),
        object: object.as_ref(),
        old: old.as_ref(),
        namespace: None,
        user: User {
            name: text(&request["userInfo"]["username"]),
            uid: text(&request["userInfo"]["uid"]),
            groups: texts(&request["userInfo"]["groups"]),
            extra: request["userInfo"]["extra"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(key, values)| (key.clone(), texts(values)))
                .collect(),
        },
        request: Request {
            uid: text(&request["uid"]),
            name: text(&request["name"]),
            namespace: text(&request["namespace"]),
            resource: text(&request["resource"]["resource"]),
            dry_run: request["dryRun"].as_bool().unwrap_or_default(),
        },
    };
    evaluator.review(&review, &Inventory::empty()).map_err(|error| error.to_string())
}

fn by_bytes(evaluator: &Evaluator, scratch: &mut Scratch, body: &[u8]) -> Result<Outcome, ReviewError> {
    evaluator.review_bytes(body, scratch, &Inventory::empty(), &|_| None).cloned()
}

const OWN: &str = r#"
package acme.test

rule all_slots on Pod(create, update, delete), Deployment(create, update, delete) {
  deny when request.dryRun message "dry run of {request.name} by {user.name}"
  deny when len(object.metadata.labels) > 2 message "labels of {object.metadata.name}"
}

rule renamed on Pod(update), Deployment(update) {
  deny when old.metadata.name != object.metadata.name message "renamed to {object.metadata.name}"
}
"#;

fn evaluators() -> Vec<Evaluator> {
    let own = compile_text(OWN);
    let mut all = vec![evaluator(&own, (1, 34), vec![]).unwrap()];
    for name in
        ["std.workload", "std.pss.restricted", "std.general.images", "std.general.metadata", "std.cis.pods"]
    {
        let compiled = compile(library(name, Role::Entry), &NoFiles, &Options::default());
        // Packages whose params must be given are not for this.
        if let Ok(evaluator) = evaluator(&compiled, (1, 34), vec![]) {
            all.push(evaluator);
        }
    }
    all
}

fn container() -> impl Strategy<Value = Value> {
    let image =
        prop::sample::select(vec!["nginx", "nginx:latest", "ghcr.io/acme/app@sha256:00", "a\\\"b\u{e9}"]);
    let context = (any::<Option<bool>>(), any::<Option<bool>>(), prop::option::of(0i64..2)).prop_map(
        |(privileged, escalation, user)| {
            json!({"privileged": privileged, "allowPrivilegeEscalation": escalation, "runAsUser": user,
                   "capabilities": {"drop": ["ALL"], "add": if user.is_some() { vec!["SYS_ADMIN"] } else { vec![] }}})
        },
    );
    let limits = prop::sample::select(vec![
        json!({"cpu": "500m", "memory": "1Gi"}),
        json!({"memory": 5}),
        json!(null),
        json!({"cpu": "much"}),
    ]);
    ("[a-z]{1,5}", image, prop::option::of(context), limits, any::<bool>()).prop_map(
        |(name, image, context, limits, env)| {
            let mut container = json!({"name": name, "image": image, "resources": {"limits": limits}, "securityContext": context,
                   "env": [{"name": "A", "value": "{[\"x\\"}]});
            if env {
                container["ports"] = json!([{"containerPort": 80, "hostPort": 80}]);
            }
            container
        },
    )
}

fn pod_spec() -> impl Strategy<Value = Value> {
    let containers = || prop::collection::vec(container(), 0..4);
    (containers(), prop::option::of(containers()), any::<Option<bool>>(), any::<bool>()).prop_map(
        |(containers, init, host, volumes)| {
            let mut spec = json!({"containers": containers, "hostNetwork": host, "securityContext": {"runAsNonRoot": host}});
            if let Some(init) = init {
                spec["initContainers"] = json!(init);
            }
            if volumes {
                spec["volumes"] = json!([{"name": "v", "hostPath": {"path": "/var/run"}}, null]);
            }
            spec
        },
    )
}

fn object() -> impl Strategy<Value = Value> {
    let labels = prop::sample::select(vec![
        json!({"app": "a", "team": "b", "z": ""}),
        json!(null),
        json!({}),
        json!({"app": 1}),
    ]);
    (prop::sample::select(vec!["Pod", "Deployment"]), pod_spec(), labels, any::<bool>()).prop_map(
        |(kind, spec, labels, named)| {
            let fields = json!([{"manager": "kubectl", "fieldsV1": {"f:metadata": {"f:labels": {".": {}, "f:app": {}}}}}]);
            let mut metadata = json!({"namespace": "shop", "labels": labels, "managedFields": fields});
            metadata[if named { "name" } else { "generateName" }] = json!("web-");
            match kind {
                "Pod" => json!({"kind": kind, "apiVersion": "v1", "metadata": metadata, "spec": spec}),
                _ => json!({"kind": kind, "apiVersion": "apps/v1", "metadata": metadata,
                            "spec": {"replicas": 1, "template": {"metadata": {"labels": labels}, "spec": spec}}}),
            }
        },
    )
}

fn review() -> impl Strategy<Value = Value> {
    let operation = prop::sample::select(vec!["CREATE", "UPDATE", "DELETE", "CONNECT"]);
    (object(), prop::option::of(object()), operation, any::<bool>(), any::<bool>()).prop_map(
        |(object, old, operation, ephemeral, dry_run)| {
            let is_pod = object["kind"] == "Pod";
            let group = if is_pod { "" } else { "apps" };
            let resource = if is_pod { "pods" } else { "deployments" };
            let mut request = json!({
                "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
                "kind": {"group": group, "version": "v1", "kind": object["kind"]},
                "resource": {"group": group, "version": "v1", "resource": resource},
                "name": "web", "namespace": "shop", "operation": operation, "dryRun": dry_run,
                "userInfo": {"username": "admin", "groups": ["a", "b"], "extra": {"k": ["v"]}},
                "object": if operation == "DELETE" { Value::Null } else { object.clone() },
                "oldObject": if operation == "DELETE" { object } else { json!(old) },
                "options": {"kind": "CreateOptions"},
            });
            if ephemeral && is_pod {
                request["subResource"] = json!("ephemeralcontainers");
            }
            json!({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request})
        },
    )
}

/// The same with the keys of the request in another order.
fn shuffled(review: &Value, order: &[usize]) -> String {
    let request = review["request"].as_object().unwrap();
    let mut entries: Vec<String> =
        request.iter().map(|(key, value)| format!("{}:{value}", json!(key))).collect();
    for (i, to) in order.iter().enumerate() {
        let (i, to) = (i % entries.len(), to % entries.len());
        entries.swap(i, to);
    }
    format!("{{\"request\":{{{}}},\"kind\":\"AdmissionReview\"}}", entries.join(","))
}

#[test]
fn reviews_from_bytes_are_judged_as_parsed_ones() {
    let evaluators = evaluators();
    assert!(evaluators.len() >= 4, "{} of the library load", evaluators.len());
    let config = ProptestConfig { cases: 128, ..ProptestConfig::default() };
    let mut findings = 0;
    let scratches =
        std::cell::RefCell::new(evaluators.iter().map(|_| Scratch::default()).collect::<Vec<_>>());
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let order = prop::collection::vec(any::<usize>(), 12);
    let counter = std::cell::Cell::new(0);
    runner
        .run(&(review(), order), |(review, order)| {
            for (evaluator, scratch) in evaluators.iter().zip(scratches.borrow_mut().iter_mut()) {
                let expected = by_parsing(evaluator, &review);
                for body in [review.to_string(), shuffled(&review, &order)] {
                    let outcome =
                        by_bytes(evaluator, scratch, body.as_bytes()).map_err(|error| error.to_string());
                    prop_assert_eq!(&outcome, &expected, "{}", body);
                    prop_assert_eq!(scratch.uid(), "705ab4f5-6393-11e8-b7cc-42010a800002");
                    counter.set(counter.get() + outcome.map_or(0, |outcome| outcome.findings.len()));
                }
            }
            Ok(())
        })
        .unwrap();
    findings += counter.get();
    assert!(findings > 100, "{findings}");
}

#[test]
fn bodies_that_are_no_review_are_refused_with_their_byte() {
    let evaluators = evaluators();
    let mut scratch = Scratch::default();
    let mut refused = |body: &[u8]| match by_bytes(&evaluators[0], &mut scratch, body).unwrap_err() {
        ReviewError::Bytes(error) => (error.at, error.kind),
        ReviewError::Eval(error) => panic!("{error}"),
    };
    use ProjectErrorKind as Kind;
    assert_eq!(refused(b""), (0, Kind::Truncated));
    assert_eq!(refused(b"{}"), (0, Kind::Review));
    assert_eq!(refused(br#"{"kind":"Pod"}"#), (8, Kind::Review));
    assert_eq!(refused(br#"{"request":{"operation":"EAT"}}"#), (24, Kind::Review));
    assert_eq!(refused(br#"{"request":{"uid":"1","uid":"2"}}"#), (23, Kind::DuplicateKey));
    assert_eq!(refused(br#"{"request":{"object":{"a":[1,2}}}"#).1, Kind::Syntax);
    assert_eq!(refused(br#"{"request":{"object":{"#).1, Kind::Truncated);
}

#[test]
fn the_namespace_is_asked_for_by_name_when_a_rule_reads_it() {
    const READS: &str = r#"
package acme.test

rule frozen on Pod {
  deny when namespace.metadata.labels["frozen"] == "yes" message "{namespace.metadata.name} is frozen"
}
"#;
    let body = json!({"kind": "AdmissionReview", "request": {
        "uid": "1", "operation": "CREATE", "namespace": "shop", "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "object": {"kind": "Pod", "apiVersion": "v1"}}});
    let body = body.to_string();
    let asks = |text: &str| {
        let evaluator = evaluator(&compile_text(text), (1, 34), vec![]).unwrap();
        let asked = std::cell::RefCell::new(Vec::new());
        let frozen = json!({"metadata": {"name": "shop", "labels": {"frozen": "yes"}}});
        let namespaces = |name: &str| {
            asked.borrow_mut().push(name.to_owned());
            Some(Arc::new(Json::from(frozen.clone())))
        };
        let mut scratch = Scratch::default();
        let outcome =
            evaluator.review_bytes(body.as_bytes(), &mut scratch, &Inventory::empty(), &namespaces).unwrap();
        let messages: Vec<_> = outcome.findings.iter().map(|finding| finding.message.clone()).collect();
        (asked.into_inner(), messages)
    };
    assert_eq!(asks(READS), (vec!["shop".to_owned()], vec!["shop is frozen".to_owned()]));
    assert_eq!(asks(OWN), (vec![], vec![]));
}
