//! Replicas and a Secret, with an API server in memory.

use axum::http::Method;
use serde_json::json;

use super::*;
use crate::configure::fake::{Fake, SECRET};

const DAY: Duration = Duration::from_secs(86_400);

fn replica(fake: &Fake) -> Managed {
    let terms = Terms::new(365 * DAY, 3650 * DAY, None);
    let names = vec!["kpol-webhook.kpol-system.svc".to_owned()];
    Managed::new(fake.client(), "kpol-system".into(), "certificate".into(), names, terms)
}

async fn step(replica: &mut Managed, now: SystemTime) -> Result<Material, ManagedError> {
    replica.step(|_| false, now).await
}

#[tokio::test]
async fn replicas_that_start_at_once_share_what_the_fastest_made() {
    let (fake, now) = (Fake::default(), SystemTime::now());
    let (mut one, mut two, mut three) = (replica(&fake), replica(&fake), replica(&fake));
    fake.meet(3);
    let (a, b, c) = tokio::join!(step(&mut one, now), step(&mut two, now), step(&mut three, now));
    let (a, b, c) = (a.expect("a certificate"), b.expect("a certificate"), c.expect("a certificate"));
    assert!(a == b && b == c && a.pair(now).is_ok());
    assert_eq!(fake.writes(), ["POST secrets"]);
    let secret = fake.get(SECRET).expect("a Secret");
    assert_eq!(secret["type"], "kubernetes.io/tls");
    assert_eq!(secret["data"].as_object().map(|data| data.len()), Some(4));
}

#[tokio::test]
async fn replicas_that_renew_at_once_share_what_the_fastest_made() {
    let (fake, now) = (Fake::default(), SystemTime::now());
    let (mut one, mut two) = (replica(&fake), replica(&fake));
    let first = step(&mut one, now).await.expect("a certificate");
    assert_eq!(step(&mut two, now).await.expect("a certificate"), first);
    fake.writes();
    let later = now + 300 * DAY;
    fake.meet(2);
    let (a, b) = tokio::join!(step(&mut one, later), step(&mut two, later));
    let (a, b) = (a.expect("a certificate"), b.expect("a certificate"));
    assert!(a == b && a != first);
    assert_eq!(fake.writes(), ["PUT secrets"]);
}

#[tokio::test]
async fn a_secret_that_was_deleted_is_written_again() {
    let (fake, now) = (Fake::default(), SystemTime::now());
    let (mut one, mut new) = (replica(&fake), replica(&fake));
    let first = step(&mut one, now).await.expect("a certificate");
    fake.remove(SECRET);
    assert_eq!(step(&mut one, now).await.expect("a certificate"), first);
    assert_eq!(step(&mut new, now).await.expect("a certificate"), first);
}

#[tokio::test]
async fn a_secret_of_somebody_else_is_not_touched_and_an_empty_one_is_used() {
    let (fake, now) = (Fake::default(), SystemTime::now());
    let metadata = json!({"name": "certificate", "labels": {"team": "a"}});
    fake.put(
        SECRET,
        json!({"metadata": metadata, "type": "Opaque", "data": {"tls.crt": "YQ==", "more": "YQ=="}}),
    );
    let error = step(&mut replica(&fake), now).await.expect_err("it is not ours");
    assert_eq!(error.reason(), "secret-foreign");
    fake.put(SECRET, json!({"metadata": metadata, "type": "Opaque", "data": {"more": "YQ=="}}));
    assert!(step(&mut replica(&fake), now).await.is_ok());
    let secret = fake.get(SECRET).expect("a Secret");
    assert_eq!((&secret["type"], &secret["data"]["more"]), (&json!("Opaque"), &json!("YQ==")));
    assert_eq!(secret["metadata"]["labels"]["team"], "a");
}

#[tokio::test]
async fn what_is_not_allowed_is_said_and_tried_again() {
    let (fake, now) = (Fake::default(), SystemTime::now());
    let mut replica = replica(&fake);
    fake.forbid(Method::POST, "/api/v1/namespaces/kpol-system/secrets");
    let error = step(&mut replica, now).await.expect_err("it may not");
    assert_eq!(
        error.to_string(),
        "not allowed to create the Secret kpol-system/certificate; give the Role the verbs get, create and update on \
         secrets, or use --tls-cert"
    );
    fake.allow();
    assert!(step(&mut replica, now).await.is_ok());
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_not_repeated() {
    let (fake, now) = (Fake::default(), SystemTime::now());
    fake.put(SECRET, json!({"metadata": {"name": "certificate"}, "data": "a private key"}));
    let error = step(&mut replica(&fake), now).await.expect_err("it is no Secret");
    assert!(!format!("{error} {error:?}").contains("private key"));
}

#[tokio::test]
async fn a_new_ca_signs_when_it_is_known() {
    let (fake, now) = (Fake::default(), SystemTime::now());
    let mut replica = replica(&fake);
    let mut material = step(&mut replica, now).await.expect("a certificate");
    let mut later = now;
    while crate::certs::certificates(material.bundle.as_bytes()).expect("a bundle").len() == 1 {
        later += 60 * DAY;
        assert!(later < now + 3650 * DAY, "a CA is announced before its end");
        material = step(&mut replica, later).await.expect("a certificate");
    }
    assert_eq!(step(&mut replica, later).await.expect("a certificate"), material);
    let known = replica.step(|_| true, later).await.expect("a certificate");
    assert_eq!(known, material, "not at once");
    replica.terms.settle = Duration::ZERO;
    assert!(replica.step(|_| true, later).await.expect("a certificate").chain != material.chain);
}
