//! Nothing fails while bundles and certificates change under load.

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::PostParams};
use serde_json::json;

use crate::{
    Law,
    world::{World, client, cluster, eventually, pod},
};

pub(crate) const LAWS: &[Law] = &[
    ("no_request_fails_while_bundles_are_replaced", bundles),
    ("no_request_fails_while_certificates_are_replaced", certificates),
];

/// Requests that go on and on: each is to be allowed.
struct Load {
    stop: Arc<AtomicBool>,
    passed: Arc<AtomicU64>,
    thread: std::thread::JoinHandle<Vec<String>>,
}

impl Load {
    fn start(namespace: &str) -> Load {
        let (stop, passed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (ended, count, namespace) = (Arc::clone(&stop), Arc::clone(&passed), namespace.to_owned());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let client = client().await;
                let each = |worker: usize| {
                    let api: Api<Pod> = Api::namespaced(client.clone(), &namespace);
                    let (ended, count) = (&ended, &count);
                    async move {
                        let mut failures = Vec::new();
                        let params = PostParams { dry_run: true, ..PostParams::default() };
                        let name = format!("load-{worker}");
                        let pod: Pod = serde_json::from_value(pod(&name, json!({}))).unwrap();
                        while !ended.load(Ordering::Relaxed) {
                            match api.create(&params, &pod).await {
                                Ok(_) => {
                                    count.fetch_add(1, Ordering::Relaxed);
                                }
                                Err(error) => failures.push(error.to_string()),
                            }
                        }
                        failures
                    }
                };
                futures_util::future::join_all((0..8).map(each)).await.concat()
            })
        });
        Load { stop, passed, thread }
    }

    /// Waits for so many more requests.
    fn more(&self, count: u64) {
        let until = self.passed.load(Ordering::Relaxed) + count;
        eventually("requests pass", || (self.passed.load(Ordering::Relaxed) >= until).then_some(()));
    }

    fn end(self) -> (u64, Vec<String>) {
        self.stop.store(true, Ordering::Relaxed);
        let failures = self.thread.join().unwrap();
        (self.passed.load(Ordering::Relaxed), failures)
    }
}

fn policy(n: usize) -> String {
    format!(
        "package acme\nrule r{n} on Pod {{ deny when object.spec.hostPID message \"by r{n}\" }}\nbind r{n} {{ mode deny }}\n"
    )
}

fn bundles() {
    let world = World::new();
    let webhook = world.webhook(&policy(0), "");
    let bad = pod("bad", json!({"hostPID": true}));
    eventually("a denial", || (!world.dry_run(&bad).ok).then_some(()));
    let load = Load::start(&world.namespace);
    load.more(50);
    for n in 1..=10 {
        world.write("p.kpolb", kpol::compile(&policy(n)).unwrap().bytes());
        let said = format!("by r{n}");
        eventually("the new rule is in force", || world.dry_run(&bad).err.contains(&said).then_some(()));
        load.more(20);
    }
    // A bad one does not come into use, and what was in use stays.
    let refused = webhook.metric("kpol_webhook_bundles_refused_total", &[]);
    world.write("p.kpolb", b"half of a bun");
    eventually("it is refused", || {
        (webhook.metric("kpol_webhook_bundles_refused_total", &[]) > refused).then_some(())
    });
    assert_eq!(webhook.get("/readyz").0, 200, "the API server goes on asking");
    world.dry_run(&bad).refused("by r10");
    load.more(20);
    let (passed, failures) = load.end();
    assert!(failures.is_empty(), "{} of {passed}: {:?}", failures.len(), failures.first());
}

fn certificates() {
    let world = World::new();
    let serving = |n: usize| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/cluster/run");
        let name = format!("{}-{n}", world.namespace);
        let made =
            Command::new(script).arg("serving").arg(cluster()).args([&name, "127.0.0.1"]).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        cluster().join("tls").join(name)
    };
    let copy = |from: &std::path::Path| {
        for extension in ["crt", "key"] {
            let to = world.path("tls").with_extension(extension);
            std::fs::copy(from.with_extension(extension), to.with_extension("part")).unwrap();
            std::fs::rename(to.with_extension("part"), &to).unwrap();
            // Between the two the pair does not match; the webhook looks in between.
            std::thread::sleep(Duration::from_millis(300));
        }
    };
    copy(&serving(0));
    let compiled = kpol::compile(&policy(0)).unwrap();
    let bundle = world.write("p.kpolb", compiled.bytes());
    let args = format!(
        "--bundle {} --tls-cert {1}/tls.crt --tls-key {1}/tls.key",
        bundle.display(),
        world.dir.path().display()
    );
    let webhook = crate::world::Webhook::start(&args, "127.0.0.1:0");
    world.configure(&webhook, compiled.bundle(), kpol_admission::webhook_config::FailurePolicy::Fail);
    let bad = pod("bad", json!({"hostPID": true}));
    eventually("a denial", || world.dry_run(&bad).err.contains("by r0").then_some(()));
    let load = Load::start(&world.namespace);
    load.more(50);
    for n in 1..=5 {
        let before = webhook.logged("the certificate is in use");
        copy(&serving(n));
        eventually("the new certificate is in use", || {
            (webhook.logged("the certificate is in use") > before).then_some(())
        });
        load.more(50);
    }
    let (passed, failures) = load.end();
    assert!(failures.is_empty(), "{} of {passed}: {:?}", failures.len(), failures.first());
    webhook.terminate();
    assert_eq!(webhook.ended().0, Some(0));
}
