//! Bad and strange input: each has the right status or answer, and nothing panics.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use serde_json::{Value, json};

use crate::{World, pod, review};

const RULES: &str = r#"package acme
rule no_host_pid on Pod { deny when object.spec.hostPID message "hostPID is not allowed" }
rule no_privileged on Pod {
  for c in pod.spec.all_containers {
    deny when c.securityContext.privileged message "{c.name} is privileged"
  }
}
rule no_deletion on Pod (delete) {
  deny when object.metadata.name == "web" message "web stays"
}
rule no_exec on Pod/exec (connect) {
  deny when object.stdin message "nobody types into {request.name}"
}
"#;

fn world() -> World {
    World::new(RULES, &["--default-mode", "deny", "--max-body", "4000000"])
}

#[tokio::test]
async fn what_is_no_review_is_a_bad_request_that_says_where() {
    let good = review(pod(json!({}))).to_string();
    let mut no_text = good.clone().into_bytes();
    let at = good.find("web").unwrap();
    no_text[at] = 0xff;
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", Vec::new()),
        ("truncated", good.as_bytes()[..good.len() / 2].to_vec()),
        ("invalid UTF-8", no_text),
        ("wrong apiVersion", good.replace("admission.k8s.io/v1", "admission.k8s.io/v1beta1").into()),
        ("wrong kind", good.replace("AdmissionReview", "SubjectAccessReview").into()),
        ("no request", br#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}"#.to_vec()),
        ("no object", b"[1, 2]".to_vec()),
        ("an operation that is none", good.replace("CREATE", "DESTROY").into()),
        ("nested too deeply", format!("{}{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000)).into()),
        ("more after it", format!("{good} {{}}").into()),
    ];
    let world = world();
    let mut shown = String::new();
    for (what, body) in cases {
        for path in ["/validate", "/mutate"] {
            let said = world.post(path, body.clone()).await;
            assert_eq!(said.status, StatusCode::BAD_REQUEST, "{what} {path}: {}", said.text());
            if path == "/validate" {
                shown.push_str(&format!("{what}: {}", said.text()));
            }
        }
    }
    insta::assert_snapshot!(shown);
}

#[tokio::test]
async fn other_methods_paths_and_content_types_are_refused() {
    let world = world();
    let said = world.send(Request::get("/validate").body(Body::empty()).unwrap()).await;
    assert_eq!(said.status, StatusCode::METHOD_NOT_ALLOWED);
    let body = review(pod(json!({}))).to_string();
    for kind in ["text/plain", "application/yaml", ""] {
        let request = Request::post("/validate").header("content-type", kind).body(body.clone().into());
        let said = world.send(request.unwrap()).await;
        assert_eq!(said.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
    }
    let request = Request::post("/validate").header("content-type", "application/json; charset=utf-8");
    assert_eq!(world.send(request.body(body.into()).unwrap()).await.status, StatusCode::OK);
    assert_eq!(world.post("/v1/admit", "{}").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_body_over_the_bound_is_too_large_whether_it_says_so_or_not() {
    let world = world();
    let said = world.post("/validate", vec![b' '; 4_000_001]).await;
    assert_eq!(said.status, StatusCode::PAYLOAD_TOO_LARGE);
    let chunks = std::iter::repeat_n((), 5).map(|()| Ok::<_, std::io::Error>(vec![b' '; 1 << 20]));
    let said = world.post("/validate", Body::from_stream(futures_util::stream::iter(chunks))).await;
    assert_eq!(said.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(world.metric(r#"kpol_webhook_rejected_total{reason="too_large"}"#).as_deref(), Some("2"));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_a_bad_request() {
    let chunks = vec![Ok("{\"apiVersion\":".to_owned()), Err(std::io::Error::other("gone"))];
    let said = world().post("/validate", Body::from_stream(futures_util::stream::iter(chunks))).await;
    assert_eq!((said.status, said.text().as_str()), (StatusCode::BAD_REQUEST, "the body broke off\n"));
}

#[tokio::test]
async fn objects_of_every_size_and_form_are_answered() {
    let world = world();
    // DELETE: the object is null, and the old one is what goes.
    let mut delete = pod(json!({"hostPID": true}));
    delete["operation"] = "DELETE".into();
    delete["oldObject"] = delete["object"].take();
    let response = world.ask("/validate", delete).await;
    assert_eq!(response["status"]["message"], "[acme.no_deletion] web stays");
    // A server that sends neither.
    let mut nothing = pod(json!({}));
    nothing["operation"] = "DELETE".into();
    nothing["object"] = Value::Null;
    assert_eq!(world.ask("/validate", nothing).await["allowed"], true);
    // CREATE of an empty object.
    let mut empty = pod(json!({}));
    empty["object"] = json!({});
    assert_eq!(world.ask("/validate", empty).await["allowed"], true);
    // CONNECT.
    let exec = json!({
        "uid": "u",
        "kind": {"group": "", "version": "v1", "kind": "PodExecOptions"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "subResource": "exec", "name": "web", "namespace": "shop", "operation": "CONNECT",
        "object": {"apiVersion": "v1", "kind": "PodExecOptions", "stdin": true, "command": ["sh"]},
    });
    assert_eq!(
        world.ask("/validate", exec).await["status"]["message"],
        "[acme.no_exec] nobody types into web"
    );
    // 10,000 containers, all of them bad: the answer is bounded, and says that there is more.
    let containers: Vec<Value> = (0..10_000)
        .map(|n| json!({"name": format!("c{n}"), "securityContext": {"privileged": true}}))
        .collect();
    let response = world.ask("/validate", pod(json!({"containers": containers}))).await;
    assert_eq!(response["allowed"], false);
    let message = response["status"]["message"].as_str().unwrap();
    assert!(message.len() <= 16 << 10 && message.starts_with("[acme.no_privileged] c0 is privileged\n"));
    assert_eq!(response["auditAnnotations"]["omitted"], "9872");
}

#[tokio::test]
async fn a_form_that_its_kind_does_not_have_follows_the_failure_policy() {
    let object = || pod(json!({"hostPID": "yes"}));
    let fails = world().ask("/validate", object()).await;
    assert_eq!((&fails["allowed"], &fails["status"]["code"]), (&json!(false), &json!(422)));
    insta::assert_snapshot!(
        fails["status"]["message"].as_str().unwrap(),
        @"kpol cannot judge this request: the object does not have the form of its kind: spec.hostPID: expected a boolean, found a string"
    );
    let world = World::new(RULES, &["--default-mode", "deny", "--failure-policy", "ignore"]);
    let ignores = world.ask("/validate", object()).await;
    assert_eq!(ignores["allowed"], true);
    assert!(ignores["warnings"][0].as_str().unwrap().starts_with("kpol cannot judge this request"));
    // What could not refuse it does not refuse it for being unable to look.
    let dryrun = World::new(RULES, &[]).ask("/validate", object()).await;
    assert_eq!(dryrun["allowed"], true);
    let line =
        r#"kpol_webhook_requests_total{webhook="validate",operation="CREATE",kind="Pod",decision="error"}"#;
    assert_eq!(world.metric(line).as_deref(), Some("1"));
}

#[tokio::test]
async fn a_rule_that_takes_too_many_steps_is_an_error_that_names_it() {
    let world = World::new(RULES, &["--default-mode", "deny", "--max-steps", "3"]);
    let response = world.ask("/validate", pod(json!({"containers": [{"name": "a"}]}))).await;
    assert_eq!(response["status"]["code"], 500);
    let message = response["status"]["message"].as_str().unwrap();
    assert!(message.contains("acme.no") && message.contains("too many steps"), "{message}");
}
