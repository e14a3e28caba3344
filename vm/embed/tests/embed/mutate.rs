//! Mutations to patches.

use kpol::{Cluster, Session};

use crate::{evaluator, review};

const POLICY: &str = r#"package acme
mutate defaults on Pod {
  default object.spec.automountServiceAccountToken = false
}
"#;

#[test]
fn a_patch_is_what_an_api_server_takes() {
    let evaluator = evaluator(POLICY);
    let body = review("CREATE", r#""object": {"metadata": {"name": "web"}, "spec": {}}"#);
    let patch = evaluator.mutate(&body, &Cluster::empty(), &mut Session::new()).unwrap();
    assert_eq!(
        patch.to_json(),
        r#"[{"op":"add","path":"/spec/automountServiceAccountToken","value":false}]"#
    );
    let operation = patch.operations().next().unwrap();
    assert_eq!((operation.op(), operation.path().as_str()), ("add", "/spec/automountServiceAccountToken"));
    assert_eq!(operation.value(), Some(&serde_json::Value::Bool(false)));
    assert_eq!(patch.applied(), ["acme.defaults"]);
    let after = patch.object().at(&["spec", "automountServiceAccountToken"]);
    assert_eq!(after.and_then(kpol::Json::as_bool), Some(false));
}

#[test]
fn what_is_as_it_should_be_needs_no_patch() {
    let evaluator = evaluator(POLICY);
    for body in [
        review("CREATE", r#""object": {"spec": {"automountServiceAccountToken": true}}"#),
        review("DELETE", r#""oldObject": {"spec": {}}"#),
        review("CREATE", r#""object": {"spec": {}}"#).escape_other_kind(),
    ] {
        let patch = evaluator.mutate(&body, &Cluster::empty(), &mut Session::new()).unwrap();
        assert!(patch.is_empty());
        assert_eq!(patch.to_json(), "[]");
    }
}

trait OtherKind {
    fn escape_other_kind(self) -> Vec<u8>;
}

impl OtherKind for Vec<u8> {
    fn escape_other_kind(self) -> Vec<u8> {
        String::from_utf8(self).unwrap().replace("\"Pod\"", "\"Secret\"").into_bytes()
    }
}

#[test]
fn an_object_is_mutated_as_if_somebody_created_it() {
    let evaluator = evaluator(POLICY);
    let pod = kpol::json(br#"{"apiVersion": "v1", "kind": "Pod"}"#).unwrap();
    let patch = evaluator.mutate_object(&pod, &Cluster::empty()).unwrap();
    assert_eq!(patch.applied(), ["acme.defaults"]);
    assert!(evaluator.mutate_object(&kpol::Json::Null, &Cluster::empty()).unwrap_err().is_bad_input());
}

#[test]
fn a_key_that_stands_twice_is_refused_where_it_stands() {
    let evaluator = evaluator(POLICY);
    let body = review("CREATE", r#""object": {"a": 1, "a": 2}"#);
    let error = evaluator.mutate(&body, &Cluster::empty(), &mut Session::new()).unwrap_err();
    let text = String::from_utf8(body).unwrap();
    let near = text.rfind("\"a\"").unwrap();
    assert!(error.is_bad_input());
    assert!((near..near + 8).contains(&error.byte().unwrap()), "{error}: {near}, {:?}", error.byte());
}

#[test]
fn what_is_judged_and_what_is_mutated_is_read_alike() {
    let evaluator = evaluator(POLICY);
    let mut session = kpol::Session::new();
    let good = review("CREATE", r#""object": {"spec": {}}"#);
    let text = String::from_utf8(good.clone()).unwrap();
    let mut bodies: Vec<Vec<u8>> = (0..good.len()).map(|end| good[..end].to_vec()).collect();
    for (what, with) in [
        ("\"AdmissionReview\"", "\"Pod\""),
        ("\"AdmissionReview\"", "null"),
        ("\"CREATE\"", "\"DROP\""),
        ("\"CREATE\"", "7"),
        ("\"CREATE\"", "null"),
        ("\"Pod\"", "\"\""),
        ("\"Pod\"", "null"),
        ("\"request\"", "\"question\""),
        ("\"uid\"", "\"operation\""),
        ("{\"spec\"", "{\"a\": 1, \"spec\""),
        ("{\"spec\": {}}", "null"),
    ] {
        assert!(text.contains(what), "{what}");
        bodies.push(text.replacen(what, with, 1).into_bytes());
    }
    bodies.push([&good[..], b" x"].concat());
    bodies.push(good);
    for body in bodies {
        let judged = evaluator.review(&body, &Cluster::empty(), &mut session);
        let mutated = evaluator.mutate(&body, &Cluster::empty(), &mut Session::new());
        let shown = String::from_utf8_lossy(&body);
        assert!(
            judged.is_ok() == mutated.is_ok(),
            "{shown}: {:?}, {:?}",
            judged.map(|answer| answer.decision()),
            mutated.map(|patch| patch.to_json())
        );
    }
}
