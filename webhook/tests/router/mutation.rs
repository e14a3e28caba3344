//! `/mutate`: patches as the API server takes them.

use base64::Engine;
use serde_json::{Value, json};

use crate::{World, pod};

const DEFAULTS: &str = r#"package acme
mutate no_token on Pod {
  default object.spec.automountServiceAccountToken = false
}
mutate pull_always on Pod {
  for c in pod.spec.containers { overwrite c.imagePullPolicy = "Always" }
}
rule no_host_pid on Pod { deny when object.spec.hostPID message "hostPID is not allowed" }
bind no_host_pid { mode deny }
"#;

fn patch(response: &Value) -> Value {
    assert_eq!(response["patchType"], "JSONPatch");
    let bytes =
        base64::engine::general_purpose::STANDARD.decode(response["patch"].as_str().unwrap()).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test]
async fn mutations_of_all_bundles_make_one_patch() {
    let other = r#"package other
mutate label on Pod { default object.metadata.labels["team"] = "none" }"#;
    let world = World::of(&[DEFAULTS, other], &[]);
    let response = world.ask("/mutate", pod(json!({"containers": [{"name": "a"}]}))).await;
    assert_eq!(response["allowed"], true);
    assert_eq!(response["auditAnnotations"]["mutated"], "acme.no_token, acme.pull_always, other.label");
    insta::assert_snapshot!(format!("{:#}", patch(&response)));
}

#[tokio::test]
async fn what_needs_no_change_gets_no_patch_and_a_patched_object_none() {
    let world = World::new(DEFAULTS, &[]);
    let done = json!({
        "automountServiceAccountToken": false,
        "containers": [{"name": "a", "imagePullPolicy": "Always"}],
    });
    let response = world.ask("/mutate", pod(done)).await;
    assert_eq!(response, json!({"uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "allowed": true}));
}

#[tokio::test]
async fn mutated_objects_are_judged_when_asked() {
    let object = || pod(json!({"hostPID": true, "containers": []}));
    let response = World::new(DEFAULTS, &[]).ask("/mutate", object()).await;
    assert_eq!(response["allowed"], true, "judging is /validate's");
    let response = World::new(DEFAULTS, &["--validate-mutated"]).ask("/mutate", object()).await;
    assert_eq!(response["allowed"], false);
    assert_eq!(response["status"]["message"], "[acme.no_host_pid] hostPID is not allowed");
    assert_eq!(response.get("patch"), None);
}

#[tokio::test]
async fn mutations_that_undo_each_other_follow_the_failure_policy() {
    // Within a bundle the compiler refuses them.
    let quarrel = |value: &str| {
        format!(
            "package {value}\nmutate x on Pod {{ overwrite object.metadata.labels[\"x\"] = \"{value}\" }}"
        )
    };
    let (a, b) = (quarrel("a"), quarrel("b"));
    let response = World::of(&[&a, &b], &[]).ask("/mutate", pod(json!({}))).await;
    assert_eq!((&response["allowed"], &response["status"]["code"]), (&json!(false), &json!(500)));
    let message = response["status"]["message"].as_str().unwrap();
    assert!(message.ends_with("mutations of several bundles undo each other: a.x, b.x"), "{message}");
    let world = World::of(&[&a, &b], &["--failure-policy", "ignore"]);
    let response = world.ask("/mutate", pod(json!({}))).await;
    assert_eq!(response["allowed"], true);
    assert_eq!(response.get("patch"), None);
}
