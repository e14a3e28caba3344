//! Where policies and certificates come from, and what happens when the webhook is away.

use std::{
    net::TcpListener,
    sync::atomic::{AtomicU32, Ordering},
};

use kpol_admission::webhook_config::{FailurePolicy, policy_bundle};
use serde_json::{Value, json};

use crate::{
    Law,
    world::{Webhook, World, cluster, eventually, kubectl, pod, with_files},
};

pub(crate) const LAWS: &[Law] = &[
    ("while_the_webhook_is_away_its_failure_policy_decides", away),
    ("a_policy_bundle_comes_into_use_and_a_bad_one_says_why_it_does_not", policy_bundles),
    ("two_replicas_share_one_ca_and_renew_its_certificate", self_signed),
    ("only_the_api_server_is_answered_when_its_certificate_is_asked_for", client_certificate),
];

const RULE: &str = r#"package acme
rule no_host_pid on Pod { deny when object.spec.hostPID message "hostPID is not allowed" }
bind no_host_pid { mode deny }
"#;

/// A port that is free, and stays so until it is used: below those that Linux gives away by itself, above those of the cluster.
fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        // Test programs that run side by side begin at different ones.
        let n = std::process::id().wrapping_mul(97).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(30_000 + n % 2_700).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

fn away() {
    for (policy, passes) in [(FailurePolicy::Fail, false), (FailurePolicy::Ignore, true)] {
        let world = World::new();
        let compiled = kpol::compile(RULE).unwrap();
        let bundle = world.write("p.kpolb", compiled.bytes());
        let args = with_files(&format!("--bundle {}", bundle.display()));
        let address = format!("127.0.0.1:{}", free_port());
        let webhook = Webhook::start(&args, &address);
        world.configure(&webhook, compiled.bundle(), policy);
        let (good, bad) = (pod("a", json!({})), pod("b", json!({"hostPID": true})));
        eventually("a denial", || (!world.dry_run(&bad).ok).then_some(()));
        drop(webhook);
        let said = world.dry_run(&good);
        assert_eq!(said.ok, passes, "{policy:?}: {}", said.err);
        assert_eq!(world.dry_run(&bad).ok, passes);
        let _webhook = Webhook::start(&args, &address);
        eventually("it is back", || (world.dry_run(&good).ok && !world.dry_run(&bad).ok).then_some(()));
        world.dry_run(&bad).refused("hostPID is not allowed");
    }
}

fn policy_bundles() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/crds");
    kubectl(&format!("apply -f {path}"), "").good();
    eventually("the kind is served", || kubectl("get policybundles", "").ok.then_some(()));
    let world = World::new();
    let name = world.namespace.clone();
    let put = |bytes: &[u8]| kubectl("apply -f -", &policy_bundle(&name, bytes).to_string()).good();
    let get = || -> Value {
        serde_json::from_str(&kubectl(&format!("get policybundle {name} -o json"), "").good().out).unwrap()
    };
    let compiled = kpol::compile(RULE).unwrap();
    put(compiled.bytes());
    let webhook = Webhook::start(&with_files("--policy-bundles"), "127.0.0.1:0");
    world.configure(&webhook, compiled.bundle(), FailurePolicy::Fail);
    let bad = pod("a", json!({"hostPID": true}));
    eventually("a denial", || (!world.dry_run(&bad).ok).then_some(()));
    let loaded = eventually("a status", || Some(get()["status"].clone()).filter(|status| !status.is_null()));
    assert_eq!(loaded["conditions"][0]["status"], "True");
    assert_eq!(loaded["digest"], compiled.bundle().digest().to_string());

    put(b"this is no bundle");
    let refused = eventually("it is refused", || {
        Some(get()["status"].clone()).filter(|status| status["conditions"][0]["status"] == "False")
    });
    assert!(refused["conditions"][0]["message"].as_str().unwrap().ends_with("stays in use"), "{refused}");
    world.dry_run(&bad).refused("hostPID is not allowed");
    let (code, said) = webhook.get("/readyz");
    assert_eq!(code, 200, "what is in use goes on being asked");
    assert!(said.contains(&name), "{said}");
    eventually("an Event", || {
        let events = kubectl("get events -A -o json", "").good().out;
        (events.contains("Refused") && events.contains(&name)).then_some(())
    });
    assert!(webhook.metric("kpol_webhook_bundles_refused_total", &[&name]) > 0.0);

    kubectl(&format!("delete policybundle {name}"), "").good();
    eventually("its rules are gone", || world.dry_run(&bad).ok.then_some(()));
    eventually("nothing is missing", || (webhook.get("/readyz").1 == "ok\n").then_some(()));
}

fn self_signed() {
    let world = World::new();
    let bundle = world.write("p.kpolb", kpol::compile(RULE).unwrap().bytes());
    let port = free_port();
    // The first replica is the one that the API server calls; the second keeps the same Secret.
    let args = |configure: &str| {
        format!(
            "--bundle {} --self-signed --service-namespace {} --secret cert --cert-validity 40s --renew-before 25s \
             --configuration-name {} --webhook-url https://127.0.0.1:{port} {configure}",
            bundle.display(),
            world.namespace,
            world.namespace,
        )
    };
    let exempt: String = ["default", "kube-public", "kube-node-lease", "kpol-system"]
        .iter()
        .map(|name| format!(" --exempt-namespace {name}"))
        .collect();
    let first = Webhook::start(&args(&format!("--configure{exempt}")), &format!("127.0.0.1:{port}"));
    let second = Webhook::start(&args(&format!("--configure{exempt}")), "127.0.0.1:0");
    let bad = pod("a", json!({"hostPID": true}));
    let denies = || world.dry_run(&bad).err.contains("hostPID is not allowed").then_some(());
    eventually("a denial", denies);
    let secret = || -> Value {
        let found = world.kubectl("get secret cert -o json", "").good();
        serde_json::from_str::<Value>(&found.out).unwrap()["data"].clone()
    };
    let before = secret();
    eventually("the certificate is renewed", || (secret()["tls.crt"] != before["tls.crt"]).then_some(()));
    eventually("it goes on", denies);
    let (code, _) = first.get("/readyz");
    assert_eq!((code, second.get("/readyz").0), (200, 200));
    let ends = |webhook: &Webhook| webhook.metric("kpol_webhook_certificate_end", &[]);
    eventually("both serve the same one", || {
        (ends(&first) == ends(&second) && ends(&first) > 0.0).then_some(())
    });
}

fn client_certificate() {
    let world = World::new();
    let ca = cluster().join("webhook-client-ca.crt");
    let args = format!("--default-mode deny --client-ca {} --client-name kube-apiserver", ca.display());
    let webhook = world.webhook(RULE, &args);
    eventually("a denial", || {
        world
            .dry_run(&pod("a", json!({"hostPID": true})))
            .err
            .contains("hostPID is not allowed")
            .then_some(())
    });
    let other = world
        .webhook(RULE, &format!("--default-mode deny --client-ca {} --client-name somebody", ca.display()));
    eventually("the API server is not answered", || {
        world.dry_run(&pod("a", json!({}))).err.contains("failed calling webhook").then_some(())
    });
    assert!(other.metric("kpol_webhook_rejected_total", &["handshake"]) > 0.0);
    drop(webhook);
}
