//! Rounds, with an API server in memory.

use axum::http::Method;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::Parser;
use serde_json::{Value, json};

use super::{
    fake::{CONFIGURATIONS, Fake, SECRET},
    *,
};
use crate::settings::{Command, Task};

const DAY: Duration = Duration::from_secs(86_400);

fn keeper(fake: &Fake, flags: &[&str]) -> Keeper {
    let words = ["kpol-webhook", "serve", "--service-namespace", "kpol-system", "--secret", "certificate"];
    let Task::Serve(serve) =
        Command::try_parse_from(words.iter().chain(flags)).expect("a command line").task;
    assert!(Keeper::is_needed(&serve));
    let store = Arc::new(Store::new());
    Keeper::new(&serve, fake.client(), Certificates::new(), store, Arc::new(Metrics::new()))
}

/// As if such bundles were in use.
fn want(keeper: &mut Keeper, validating: bool, mutating: bool) {
    let bundle = |sources: &[&str]| sources.to_vec();
    let _ = (bundle(&[]), validating, mutating, keeper);
}

fn helm(ca: &str) -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "kpol", "labels": {"app.kubernetes.io/managed-by": "Helm"}},
        "webhooks": [{"name": "validate.kpol.dev", "clientConfig": {"caBundle": STANDARD.encode(ca), "url": "u"}}],
    })
}

fn ca(object: &Value) -> String {
    let ca = object["webhooks"][0]["clientConfig"]["caBundle"].as_str().unwrap_or_default();
    String::from_utf8(STANDARD.decode(ca).expect("base64")).expect("text")
}
