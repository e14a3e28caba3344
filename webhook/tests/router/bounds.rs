//! What does not fit is turned away at once, and what fits goes on.

use axum::{body::Body, http::StatusCode};
use futures_util::stream;
use serde_json::json;

use crate::{LONG, World, pod, post, review};

const RULE: &str = r#"package acme
rule no_host_pid on Pod { deny when object.spec.hostPID message "hostPID is not allowed" }"#;

/// A body that never ends.
fn endless() -> Body {
    Body::from_stream(stream::pending::<Result<Vec<u8>, std::io::Error>>())
}

#[tokio::test]
async fn more_requests_than_allowed_are_turned_away_and_room_comes_back() {
    let world = World::new(RULE, &["--max-in-flight", "1", "--client-timeout", "0.5"]);
    let router = world.router.clone();
    let slow = tokio::spawn(tower::ServiceExt::oneshot(router, post("/validate", endless())));
    while world.metric("kpol_webhook_in_flight").as_deref() != Some("1") {
        tokio::task::yield_now().await;
    }
    let body = review(pod(json!({}))).to_string();
    let said = world.post("/validate", body.clone()).await;
    assert_eq!(said.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(said.text(), "too many requests at the same time\n");
    let slow = tokio::time::timeout(LONG, slow).await.unwrap().unwrap().unwrap();
    assert_eq!(slow.status(), StatusCode::REQUEST_TIMEOUT);
    assert_eq!(world.metric("kpol_webhook_in_flight").as_deref(), Some("0"));
    assert_eq!(world.post("/validate", body).await.status, StatusCode::OK);
    assert_eq!(world.metric(r#"kpol_webhook_rejected_total{reason="in_flight"}"#).as_deref(), Some("1"));
    assert_eq!(world.metric(r#"kpol_webhook_rejected_total{reason="slow_body"}"#).as_deref(), Some("1"));
}

#[tokio::test]
async fn the_bytes_that_are_held_are_bounded_whoever_holds_them() {
    // Two bodies of unknown length do not fit beside each other.
    let world =
        World::new(RULE, &["--max-body", "100000", "--max-held", "150000", "--client-timeout", "0.5"]);
    let router = world.router.clone();
    let slow = tokio::spawn(tower::ServiceExt::oneshot(router, post("/validate", endless())));
    while world.metric("kpol_webhook_in_flight").as_deref() != Some("1") {
        tokio::task::yield_now().await;
    }
    let said = world.post("/validate", endless()).await;
    assert_eq!(said.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(said.text(), "too many bytes of requests at the same time\n");
    // A small one that says its length does.
    assert_eq!(world.post("/validate", review(pod(json!({}))).to_string()).await.status, StatusCode::OK);
    tokio::time::timeout(LONG, slow).await.unwrap().unwrap().unwrap();
}
