//! The process on loopback sockets: TLS, HTTP/1.1 and 2, clients that are slow or mean, and its end.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails; these lints know #[test] functions but not what they call"
)]

mod bounds;
mod process;

use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::{Request, StatusCode, body::Bytes};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};

use process::Process;

/// Long enough for everything that ends, in a test.
const LONG: Duration = Duration::from_secs(20);

fn review() -> String {
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "u-1", "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "resource": {"group": "", "version": "v1", "resource": "pods"}, "operation": "CREATE",
            "object": {"metadata": {"name": "web"}, "spec": {"hostPID": true}},
        },
    })
    .to_string()
}

fn request(path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::post(format!("https://127.0.0.1{path}"))
        .header("host", "127.0.0.1")
        .header("content-type", "application/json")
        .body(Full::new(body.into()))
        .unwrap()
}

/// Asks once by HTTP/1.1 or 2.
async fn ask(process: &Process, protocol: &str, request: Request<Full<Bytes>>) -> (StatusCode, String) {
    try_ask(process, protocol, request).await.unwrap()
}

async fn try_ask(
    process: &Process,
    protocol: &str,
    request: Request<Full<Bytes>>,
) -> hyper::Result<(StatusCode, String)> {
    let io = TokioIo::new(process.connect(protocol).await.unwrap());
    let response = if protocol == "h2" {
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await?;
        tokio::spawn(connection);
        sender.send_request(request).await?
    } else {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await?;
        tokio::spawn(connection);
        sender.send_request(request).await?
    };
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}

#[tokio::test]
async fn both_protocols_get_the_same_answer() {
    let process = Process::start("");
    for protocol in ["http/1.1", "h2"] {
        let (status, body) = ask(&process, protocol, request("/validate", review())).await;
        assert_eq!(status, StatusCode::OK, "{protocol}: {body}");
        let answer: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(answer["response"]["uid"], "u-1");
        assert_eq!(answer["response"]["status"]["message"], "[acme.no_host_pid] hostPID is not allowed");
    }
    // What was asked twice was logged twice, and no more.
    assert_eq!(process.logged("\"rule\":\"acme.no_host_pid\"", 2).await, 2);
}
