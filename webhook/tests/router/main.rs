//! The webhook without sockets: requests go into the router as they would come from an API server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails; these lints know #[test] functions but not what they call"
)]

mod audit;
mod bounds;
mod input;
mod modes;
mod mutation;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
};
use clap::Parser;
use http_body_util::BodyExt;
use kpol::Loader;
use kpol_webhook::{
    admission::Manner,
    metrics::Metrics,
    policies::{Maker, Store},
    router::{App, router},
    settings::{Command, Serve, Task},
};
use serde_json::{Value, json};
use tower::ServiceExt;

/// A webhook with bundles.
struct World {
    router: Router,
    app: Arc<App>,
}

/// What it answered.
struct Said {
    status: StatusCode,
    body: Vec<u8>,
}

/// The settings of `serve` with more arguments.
fn settings(args: &[&str]) -> Serve {
    let all = ["kpol-webhook", "serve"].iter().chain(args).copied();
    match Command::try_parse_from(all).unwrap().task {
        Task::Serve(serve) => *serve,
        Task::Audit(_) => panic!("serve"),
    }
}

impl World {
    fn new(policy: &str, args: &[&str]) -> World {
        World::of(&[policy], args)
    }

    fn of(policies: &[&str], args: &[&str]) -> World {
        let serve = settings(args);
        let metrics = Arc::new(Metrics::new());
        let store = Arc::new(Store::new());
        let maker = Maker::new(&serve.policies, Loader::new(), serve.bounds.max_steps);
        let ready = policies.iter().enumerate().map(|(n, text)| {
            let compiled = kpol::compile(text).unwrap_or_else(|error| panic!("{error}"));
            Arc::new(maker.make(&format!("{n}.kpolb"), compiled.bytes()).unwrap())
        });
        let ready: Vec<_> = ready.collect();
        if !ready.is_empty() {
            store.update("test", ready, Vec::new(), &metrics);
        }
        let manner = Manner {
            failure_policy: serve.policies.failure_policy,
            validate_mutated: serve.validate_mutated,
        };
        let app = Arc::new(App::new(store, metrics, manner, &serve.bounds));
        World { router: router(Arc::clone(&app)), app }
    }

    async fn send(&self, request: Request<Body>) -> Said {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes().to_vec();
        Said { status, body }
    }

    async fn post(&self, path: &str, body: impl Into<Body>) -> Said {
        self.send(post(path, body)).await
    }

    /// The `response` of the answer to a review.
    async fn ask(&self, path: &str, request: Value) -> Value {
        let said = self.post(path, review(request).to_string()).await;
        assert_eq!(said.status, StatusCode::OK, "{}", said.text());
        let review: Value = serde_json::from_slice(&said.body).unwrap();
        assert_eq!(review["apiVersion"], "admission.k8s.io/v1");
        assert_eq!(review["kind"], "AdmissionReview");
        review["response"].clone()
    }

    /// The value of a metric with these labels, as its line says it.
    fn metric(&self, line: &str) -> Option<String> {
        let text = self.app.metrics.text();
        text.lines().find_map(|found| found.strip_prefix(line).map(|value| value.trim().to_owned()))
    }
}

impl Said {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn post(path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path).header("content-type", "application/json").body(body.into()).unwrap()
}

fn review(request: Value) -> Value {
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request})
}

/// The request of a Pod with this spec.
fn pod(spec: Value) -> Value {
    json!({
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "namespace": "shop",
        "operation": "CREATE",
        "userInfo": {"username": "ada", "groups": ["system:authenticated"]},
        "object": {
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "web", "namespace": "shop"},
            "spec": spec,
        },
        "oldObject": null,
        "dryRun": false,
    })
}

/// Long enough for everything that ends, in a test.
const LONG: Duration = Duration::from_secs(20);
