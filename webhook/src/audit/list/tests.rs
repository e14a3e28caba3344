//! Lists without a cluster: recorded pages, played back.

use std::sync::{Arc, Mutex};

use http::{Request, Response};
use kube::client::Body;
use serde_json::{Value, json};
use tower::service_fn;

use super::*;

/// A client whose server answers with these, in order, and what it was asked.
fn played(answers: Vec<(u16, Value)>) -> (Client, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let answers = Arc::new(Mutex::new(answers.into_iter()));
    let seen = Arc::clone(&asked);
    let service = service_fn(move |request: Request<Body>| {
        seen.lock().unwrap().push(request.uri().to_string());
        let (status, body) = answers.lock().unwrap().next().expect("one more request than recorded");
        async move {
            let response = Response::builder().status(status).body(Body::from(body.to_string().into_bytes()));
            Ok::<_, std::convert::Infallible>(response.unwrap())
        }
    });
    (Client::new(service, "default"), asked)
}

fn pods() -> Kind {
    Kind { group: String::new(), version: "v1".into(), kind: "Pod".into(), plural: "pods".into() }
}

fn page(names: &[&str], token: &str, remaining: u64) -> Value {
    let items: Vec<Value> = names
        .iter()
        .map(|name| json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {}}))
        .collect();
    json!({
        "apiVersion": "v1", "kind": "PodList",
        "metadata": {"continue": token, "remainingItemCount": remaining}, "items": items,
    })
}

fn failure(code: u16, message: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": code, "reason": "X", "message": message})
}

async fn read(pages: &mut Pages) -> (Vec<String>, End) {
    let mut names = Vec::new();
    loop {
        match pages.next().await {
            Ok(page) => names.extend(page.objects.into_iter().filter_map(|object| object.metadata.name)),
            Err(end) => return (names, end),
        }
    }
}

#[tokio::test]
async fn pages_follow_each_other_until_there_is_no_token() {
    let (client, asked) = played(vec![
        (200, page(&["a", "b"], "t1", 2)),
        (200, page(&["c"], "t2", 1)),
        (200, page(&["d"], "", 0)),
    ]);
    let mut pages = Pages::new(client, &pods(), 2);
    assert_eq!(read(&mut pages).await, (["a", "b", "c", "d"].map(String::from).to_vec(), End::Whole));
    assert_eq!(pages.next().await.unwrap_err(), End::Whole, "the end stays the end");
    let asked = asked.lock().unwrap();
    assert_eq!(asked[0], "/api/v1/pods?&limit=2");
    assert_eq!(asked[2], "/api/v1/pods?&limit=2&continue=t2");
}

#[tokio::test]
async fn what_was_read_before_a_list_broke_off_counts_and_the_reason_is_kept() {
    let (client, _) = played(vec![(200, page(&["a"], "t1", 1)), (410, failure(410, "too old"))]);
    let (names, end) = read(&mut Pages::new(client, &pods(), 1)).await;
    assert_eq!(names, ["a"]);
    assert!(matches!(end, End::Broken(why) if why.contains("too old")));
    let (client, _) = played(vec![(403, failure(403, "pods is forbidden"))]);
    let (_, end) = read(&mut Pages::new(client, &pods(), 1)).await;
    assert_eq!(end, End::Broken("pods is forbidden".into()));
}

#[tokio::test]
async fn a_kind_that_the_server_does_not_have_is_no_failure() {
    let (client, _) = played(vec![(404, failure(404, "the server could not find the requested resource"))]);
    assert_eq!(read(&mut Pages::new(client, &pods(), 1)).await, (Vec::new(), End::NotServed));
}

#[test]
fn the_kinds_of_an_audit_are_those_that_are_judged_when_created() {
    let compiled = kpol::compile(
        r#"package acme
rule a on Workload { deny when pod.spec.hostPID message "m" }
rule b on Pod (delete) { deny when object.metadata.name == "x" message "m" }
rule c on Namespace (update) { deny when object.metadata.name == "x" message "m" }
rule d on Pod/exec (connect) { deny when object.stdin message "m" }
rule e on Ingress (create) { deny when object.metadata.name == "x" message "m" }
"#,
    )
    .unwrap();
    let kinds = kinds([compiled.bundle()]);
    let names: Vec<String> = kinds.iter().map(Kind::name).collect();
    assert!(names.contains(&"v1 Pod".into()) && names.contains(&"networking.k8s.io/v1 Ingress".into()));
    assert!(!names.iter().any(|name| name.contains("Namespace") || name.contains("Exec")), "{names:?}");
}
