//! The table of enforcement: what verbs, modes and exceptions come to.

use axum::http::StatusCode;
use serde_json::json;

use crate::{World, pod};

const RULES: &str = r#"package acme
rule no_host_pid on Pod {
  severity high
  deny when object.spec.hostPID message "hostPID is not allowed" fix "remove it"
}
rule no_host_ipc on Pod {
  deny when object.spec.hostIPC message "hostIPC is not allowed"
  warn when object.metadata.name == "web" message "web is a poor name"
}
"#;

#[tokio::test]
async fn dryrun_never_blocks_and_is_counted() {
    let world = World::new(RULES, &[]);
    let response = world.ask("/validate", pod(json!({"hostPID": true, "hostIPC": true}))).await;
    insta::assert_snapshot!(format!("{response:#}"), @r#"
    {
      "allowed": true,
      "auditAnnotations": {
        "recorded": "acme.no_host_pid, acme.no_host_ipc"
      },
      "uid": "705ab4f5-6393-11e8-b7cc-42010a800002"
    }
    "#);
    let line = r#"kpol_webhook_hits_total{rule="acme.no_host_pid",mode="dryrun",effect="record",kind="Pod",operation="CREATE"}"#;
    assert_eq!(world.metric(line).as_deref(), Some("1"), "{}", world.app.metrics.text());
}

#[tokio::test]
async fn warn_passes_with_a_warning_per_hit() {
    let world = World::new(RULES, &["--default-mode", "warn"]);
    let response = world.ask("/validate", pod(json!({"hostPID": true, "hostIPC": true}))).await;
    insta::assert_snapshot!(format!("{response:#}"), @r#"
    {
      "allowed": true,
      "auditAnnotations": {
        "warned": "acme.no_host_pid, acme.no_host_ipc"
      },
      "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
      "warnings": [
        "[acme.no_host_pid] hostPID is not allowed",
        "[acme.no_host_ipc] hostIPC is not allowed",
        "[acme.no_host_ipc] web is a poor name"
      ]
    }
    "#);
}

#[tokio::test]
async fn deny_answers_403_with_every_violation_and_the_warnings() {
    let world = World::new(RULES, &["--default-mode", "deny"]);
    let response = world.ask("/validate", pod(json!({"hostPID": true, "hostIPC": true}))).await;
    insta::assert_snapshot!(format!("{response:#}"), @r#"
    {
      "allowed": false,
      "auditAnnotations": {
        "denied": "acme.no_host_pid, acme.no_host_ipc",
        "warned": "acme.no_host_ipc"
      },
      "status": {
        "code": 403,
        "message": "[acme.no_host_pid] hostPID is not allowed\n[acme.no_host_ipc] hostIPC is not allowed",
        "reason": "Forbidden"
      },
      "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
      "warnings": [
        "[acme.no_host_ipc] web is a poor name"
      ]
    }
    "#);
    let line =
        r#"kpol_webhook_requests_total{webhook="validate",operation="CREATE",kind="Pod",decision="denied"}"#;
    assert_eq!(world.metric(line).as_deref(), Some("1"));
}

#[tokio::test]
async fn max_mode_weakens_what_binds_say() {
    let bound = format!("{RULES}bind no_host_pid {{ mode deny }}\nbind no_host_ipc {{ mode dryrun }}\n");
    let object = || pod(json!({"hostPID": true, "hostIPC": true}));
    let denies = World::new(&bound, &[]).ask("/validate", object()).await;
    assert_eq!(denies["status"]["message"], "[acme.no_host_pid] hostPID is not allowed");
    let warns = World::new(&bound, &["--max-mode", "warn"]).ask("/validate", object()).await;
    assert_eq!(warns["allowed"], true);
    assert_eq!(warns["warnings"], json!(["[acme.no_host_pid] hostPID is not allowed"]));
}

#[tokio::test]
async fn an_exception_excuses_until_its_last_day() {
    let with = |until: &str| {
        format!(
            r#"{RULES}
exception migration to no_host_pid {{
  where object.metadata.name == "web"
  reason "moves out"
  owner "team"
  until {until}
}}"#
        )
    };
    let object = || pod(json!({"hostPID": true}));
    let world = World::new(&with("2999-12-31"), &["--default-mode", "deny"]);
    let response = world.ask("/validate", object()).await;
    assert_eq!(response["allowed"], true);
    assert_eq!(response["auditAnnotations"]["excepted"], "acme.no_host_pid by acme.migration");
    let world = World::new(&with("2020-01-01"), &["--default-mode", "deny"]);
    assert_eq!(world.ask("/validate", object()).await["allowed"], false);
}

#[tokio::test]
async fn all_bundles_are_asked() {
    let other = r#"package other
rule no_host_network on Pod { deny when object.spec.hostNetwork message "hostNetwork is not allowed" }"#;
    let world = World::of(&[RULES, other], &["--default-mode", "deny"]);
    let response = world.ask("/validate", pod(json!({"hostPID": true, "hostNetwork": true}))).await;
    assert_eq!(
        response["status"]["message"],
        "[acme.no_host_pid] hostPID is not allowed\n[other.no_host_network] hostNetwork is not allowed"
    );
}

#[tokio::test]
async fn without_a_bundle_everything_passes_and_nothing_is_ready() {
    let world = World::of(&[], &[]);
    let response = world.ask("/validate", pod(json!({"hostPID": true}))).await;
    assert_eq!(response, json!({"uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "allowed": true}));
    assert_eq!(ready(&world).await, (503, "no bundle has been looked at yet\n".into()));
    let missing = vec!["policies.kpolb: refused: this is no bundle".into()];
    world.app.store.update("test", Vec::new(), missing, &world.app.metrics);
    assert_eq!(ready(&world).await, (503, "policies.kpolb: refused: this is no bundle\n".into()));
    assert_eq!(world.send(get("/healthz")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_bundle_that_is_bad_later_does_not_take_a_webhook_out_of_service() {
    let world = World::new(RULES, &[]);
    assert_eq!(ready(&world).await, (200, "ok\n".into()));
    let used = world.app.store.get().bundles.clone();
    world.app.store.update("test", used, vec!["a.kpolb: this is no bundle".into()], &world.app.metrics);
    let said = "ok, but not everything is in use:\na.kpolb: this is no bundle\n";
    assert_eq!(ready(&world).await, (200, said.into()));
    world.app.stop();
    assert_eq!(ready(&world).await.0, 503);
}

fn get(path: &str) -> axum::http::Request<axum::body::Body> {
    axum::http::Request::get(path).body(axum::body::Body::empty()).unwrap()
}

async fn ready(world: &World) -> (u16, String) {
    let said = world.send(get("/readyz")).await;
    (said.status.as_u16(), said.text())
}
