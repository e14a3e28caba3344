//! An API server in memory, as far as the tests need one: objects by their paths, with versions that conflict.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use kube::{Client, client::Body};
use serde_json::{Value, json};
use tokio::sync::Barrier;

/// Where the configurations are.
pub(crate) const CONFIGURATIONS: [&str; 2] = [
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/kpol",
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/kpol",
];
/// Where the Secret is.
pub(crate) const SECRET: &str = "/api/v1/namespaces/kpol-system/secrets/certificate";

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Value>,
    version: u64,
    /// What may not be done: the method, and how the path begins.
    forbidden: Vec<(Method, String)>,
    /// What was written: the method and the path.
    writes: Vec<String>,
    /// The next so many reads of the Secret wait for each other.
    meeting: Option<(usize, Arc<Barrier>)>,
}

/// The server. Copies share it.
#[derive(Clone, Default)]
pub(crate) struct Fake(Arc<Mutex<State>>);

impl Fake {
    pub(crate) fn client(&self) -> Client {
        let this = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let this = this.clone();
            async move { Ok::<_, std::convert::Infallible>(this.answer(request).await) }
        });
        Client::new(service, "kpol-system")
    }

    pub(crate) fn get(&self, path: &str) -> Option<Value> {
        self.0.lock().expect("a lock").objects.get(path).cloned()
    }

    pub(crate) fn put(&self, path: &str, object: Value) {
        self.0.lock().expect("a lock").store(path, object);
    }

    pub(crate) fn remove(&self, path: &str) {
        self.0.lock().expect("a lock").objects.remove(path);
    }

    pub(crate) fn forbid(&self, method: Method, prefix: &str) {
        self.0.lock().expect("a lock").forbidden.push((method, prefix.to_owned()));
    }

    pub(crate) fn allow(&self) {
        self.0.lock().expect("a lock").forbidden.clear();
    }

    /// The next so many reads of the Secret are answered only when all of them have come.
    pub(crate) fn meet(&self, count: usize) {
        self.0.lock().expect("a lock").meeting = Some((count, Arc::new(Barrier::new(count))));
    }

    /// What was written since the last time.
    pub(crate) fn writes(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("a lock").writes)
    }

    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let kind = head.headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let path = head.uri.path().to_owned();
        let (answer, meeting) = {
            let mut state = self.0.lock().expect("a lock");
            let answer = state.answer(&head.method, &path, kind, &body);
            let is_met = head.method == Method::GET && path == SECRET;
            let meeting = state.meeting.take_if(|_| is_met).map(|(left, barrier)| {
                state.meeting = (left > 1).then(|| (left - 1, barrier.clone()));
                barrier
            });
            (answer, meeting)
        };
        if let Some(barrier) = meeting {
            barrier.wait().await;
        }
        let (status, body) = match answer {
            Ok(object) => (StatusCode::OK, object),
            Err(code) => {
                let reason = if code == 404 { "NotFound" } else { "Other" };
                let message = format!("no: {code}");
                let status = json!({"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message});
                (StatusCode::from_u16(code).expect("a status"), status)
            }
        };
        let body = Body::from(body.to_string().into_bytes());
        Response::builder().status(status).body(body).expect("a response")
    }
}

impl State {
    fn store(&mut self, path: &str, mut object: Value) -> Value {
        self.version += 1;
        let uid = self
            .objects
            .get(path)
            .map_or(json!(format!("uid-{}", self.version)), |o| o["metadata"]["uid"].clone());
        object["metadata"]["uid"] = uid;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.objects.insert(path.to_owned(), object.clone());
        object
    }

    fn answer(&mut self, method: &Method, path: &str, kind: &str, body: &Value) -> Result<Value, u16> {
        let is_forbidden =
            |(what, prefix): &(Method, String)| what == method && path.starts_with(prefix.as_str());
        if self.forbidden.iter().any(is_forbidden) {
            return Err(403);
        }
        let found = self.objects.get(path).cloned();
        if *method == Method::GET {
            return found.ok_or(404);
        }
        let version =
            body.pointer("/metadata/resourceVersion").or(body.pointer("/preconditions/resourceVersion"));
        let is_late = version.is_some_and(|version| {
            found.as_ref().is_none_or(|f| f["metadata"]["resourceVersion"] != *version)
        });
        if is_late {
            return Err(409);
        }
        let stored = match (method.as_str(), found) {
            ("POST", _) => {
                let path = format!("{path}/{}", body["metadata"]["name"].as_str().expect("a name"));
                if self.objects.contains_key(&path) {
                    return Err(409);
                }
                self.store(&path, body.clone())
            }
            ("PUT" | "DELETE", None) => return Err(404),
            ("PUT", Some(_)) => self.store(path, body.clone()),
            ("DELETE", Some(_)) => {
                self.objects.remove(path);
                json!({"kind": "Status", "status": "Success"})
            }
            ("PATCH", _) if kind == "application/apply-patch+yaml" => self.store(path, body.clone()),
            ("PATCH", Some(mut found)) if kind == "application/strategic-merge-patch+json" => {
                for patch in body["webhooks"].as_array().expect("webhooks") {
                    for webhook in found["webhooks"].as_array_mut().expect("webhooks") {
                        if webhook["name"] == patch["name"] {
                            webhook["clientConfig"]["caBundle"] = patch["clientConfig"]["caBundle"].clone();
                        }
                    }
                }
                self.store(path, found)
            }
            ("PATCH", None) => return Err(404),
            _ => return Err(405),
        };
        self.writes.push(format!(
            "{method} {}",
            path.rsplit('/').nth(usize::from(*method != Method::POST)).unwrap_or_default()
        ));
        Ok(stored)
    }
}
