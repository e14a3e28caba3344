//! The webhook over real sockets on loopback: TLS, both versions of HTTP, clients that misbehave, and its end.
//!
//! Each test has a process of its own. What a process should do by itself is asked for until it does; nothing is timed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails; these lints know #[test] functions but not what they call"
)]

mod authority;
mod bounds;
mod certificates;
mod client;
mod drain;
mod garbage;
#[path = "../shared/process.rs"]
mod process;
mod slow;

use authority::Authority;
use process::Webhook;
use serde_json::{Value, json};

const RULE: &str = r#"package acme
rule no_host_pid on Pod { deny when object.spec.hostPID message "hostPID is not allowed" }
bind no_host_pid { mode deny }
"#;

/// A webhook with one rule.
struct World {
    webhook: Webhook,
    /// Who vouches for it.
    authority: Authority,
    dir: tempfile::TempDir,
}

impl World {
    fn new(args: &str) -> World {
        World::with(args, |_| String::new())
    }

    /// With arguments that name files in its folder.
    fn with(args: &str, more: impl FnOnce(&std::path::Path) -> String) -> World {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path();
        std::fs::write(path.join("p.kpolb"), kpol::compile(RULE).unwrap().bytes()).unwrap();
        let authority = Authority::new();
        authority.server().write(path);
        let args = format!(
            "--bundle {0}/p.kpolb --tls-cert {0}/tls.crt --tls-key {0}/tls.key --no-watch --kubernetes 1.37 {args} {1}",
            path.display(),
            more(path)
        );
        let webhook = Webhook::run(&mut Webhook::command("127.0.0.1:0", &args));
        World { webhook, authority, dir }
    }

    /// How often something was turned away for this.
    fn rejected(&self, reason: &str) -> f64 {
        self.webhook.metric("kpol_webhook_rejected_total", &[&format!("reason=\"{reason}\"")])
    }

    /// It answers as ever.
    async fn goes_on(&self) {
        let mut stream = self.http1().await;
        assert_eq!(client::ask(&mut stream, &review(true)).await, (200, denial()));
    }
}

/// A review of a Pod that the rule is against, or for.
fn review(host_pid: bool) -> String {
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "namespace": "shop", "operation": "CREATE",
            "userInfo": {"username": "ada"},
            "object": {
                "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"},
                "spec": {"hostPID": host_pid, "containers": []},
            },
        },
    })
    .to_string()
}

/// What is said of `review(true)`.
fn denial() -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "response": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "allowed": false,
            "status": {"code": 403, "reason": "Forbidden", "message": "[acme.no_host_pid] hostPID is not allowed"},
            "auditAnnotations": {"denied": "acme.no_host_pid"},
        },
    })
}
