//! Certificates that end every few seconds, and configurations that are written: no request fails, and nothing is written twice.
//!
//! Its webhooks are called for namespaces of others, too: these laws run alone.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use clap::Parser;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use k8s_openapi::api::{
    admissionregistration::v1::{MutatingWebhookConfiguration, ValidatingWebhookConfiguration},
    core::v1::{ConfigMap, Secret, Service},
};
use kpol_webhook::{
    admission::Manner,
    certs::{Certificates, tls::Acceptor},
    configure::Keeper,
    metrics::Metrics,
    policies::{Maker, Store},
    router::{App, router},
    settings::{Command, Serve, Task},
};
use kube::{
    Api, Client,
    api::{ApiResource, DeleteParams, DynamicObject, PostParams},
};
use serde_json::json;
use tokio::net::TcpListener;

use crate::{
    Law,
    world::{client, client_of, cluster, kubeconfig_of},
};
use tokio_rustls::TlsAcceptor;

const POLICY: &str = "package acme\nrule r on ConfigMap {\n  deny when object.metadata.name == \"refused\" message \"not this\"\n}\n";

pub(crate) const LAWS: &[Law] = &[
    ("no_request_fails_while_certificates_and_cas_are_renewed", || {
        run(no_request_fails_while_certificates_and_cas_are_renewed());
    }),
    ("a_real_api_server_takes_what_is_written", || run(a_real_api_server_takes_what_is_written())),
];

fn run(law: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(law);
}

fn serve() -> Serve {
    serve_with("--configure")
}

fn serve_with(more: &str) -> Serve {
    let words = "kpol-webhook serve --self-signed --service-namespace default \
                 --configuration-name renewal --secret renewal --exempt-namespace kube-system --exempt-namespace kube-public \
                 --cert-validity 8s --ca-validity 24s --default-mode deny";
    let words = words.split_whitespace().chain(more.split_whitespace());
    match Command::try_parse_from(words).unwrap().task {
        Task::Serve(serve) => *serve,
        Task::Audit(_) => unreachable!("it says serve"),
    }
}

/// Stores with the policy.
fn store(metrics: &Metrics) -> Arc<Store> {
    let store = Arc::new(Store::new());
    use_policy(&store, metrics, kpol::compile(POLICY).unwrap().bytes());
    store
}

fn use_policy(store: &Store, metrics: &Metrics, bundle: &[u8]) {
    let maker = Maker::new(&serve().policies, kpol::Loader::new(), 100_000);
    let ready = maker.make("a", bundle).unwrap();
    store.update("files", vec![Arc::new(ready)], Vec::new(), metrics);
}

/// One replica's keeper, on its own.
fn replica(client: &Client, port: u16) -> (Certificates, Arc<Store>, Arc<Metrics>) {
    let (certificates, metrics) = (Certificates::new(), Arc::new(Metrics::new()));
    let store = store(&metrics);
    let serve = serve_with(&format!("--configure --service-port {port}"));
    let keeper = Keeper::new(&serve, client.clone(), certificates.clone(), store.clone(), metrics.clone());
    tokio::spawn(keeper.run());
    (certificates, store, metrics)
}

/// Answers each request on a connection of its own, so that each meets the certificate of the moment.
async fn answer(listener: TcpListener, acceptor: Acceptor, store: Arc<Store>, metrics: Arc<Metrics>) {
    let serve = serve();
    let manner = Manner { failure_policy: serve.policies.failure_policy, validate_mutated: false };
    let router = router(Arc::new(App::new(store, metrics, manner, &serve.bounds)));
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (tls, router) = (TlsAcceptor::from(acceptor.current()), router.clone());
        tokio::spawn(async move {
            let Ok(stream) = tls.accept(stream).await else { return };
            let service = TowerToHyperService::new(router);
            let mut http = hyper::server::conn::http1::Builder::new();
            let _ = http.keep_alive(false).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// Validating and mutating.
fn configurations(client: &Client) -> [Api<DynamicObject>; 2] {
    let resources = [
        ApiResource::erase::<ValidatingWebhookConfiguration>(&()),
        ApiResource::erase::<MutatingWebhookConfiguration>(&()),
    ];
    resources.map(|resource| Api::all_with(client.clone(), &resource))
}

async fn clean(client: &Client) {
    for api in configurations(client) {
        let _ = api.delete("renewal", &DeleteParams::default()).await;
    }
    let _ = Api::<Secret>::namespaced(client.clone(), "default")
        .delete("renewal", &DeleteParams::default())
        .await;
    let services = Api::<Service>::namespaced(client.clone(), "default");
    let _ = services.delete("kpol-webhook", &DeleteParams::default()).await;
}

async fn no_request_fails_while_certificates_and_cas_are_renewed() {
    // Nothing of `default` is exempt but what is exempt anyway: the webhook's namespace. So requests go to another one.
    let cluster = cluster();
    let client = client().await;
    clean(&client).await;
    // Loopback is shared by all clusters of this machine: the port is nobody else's.
    let listener = TcpListener::bind("127.77.0.77:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let service = json!({
        "metadata": {"name": "kpol-webhook"},
        "spec": {"clusterIP": "127.77.0.77", "ports": [{"port": port}]},
    });
    let services = Api::<Service>::namespaced(client.clone(), "default");
    services.create(&PostParams::default(), &serde_json::from_value(service).unwrap()).await.unwrap();

    let replicas = [0; 3].map(|_| replica(&client, port));
    let (certificates, store, metrics) = replicas[0].clone();
    let names = vec!["kube-apiserver".to_owned()];
    let ca = cluster.join("webhook-client-ca.crt");
    let acceptor = Acceptor::new(certificates.clone(), Some(ca), names).unwrap();
    tokio::spawn(answer(listener, acceptor, store, metrics));

    let maps = Api::<ConfigMap>::namespaced(client.clone(), "kube-node-lease");
    let map =
        |name: &str| -> ConfigMap { serde_json::from_value(json!({"metadata": {"name": name}})).unwrap() };
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    let start = Instant::now();
    // The first certificate has to find its way.
    while maps.create(&dry, &map("refused")).await.is_ok() || certificates.end().is_none() {
        assert!(start.elapsed() < Duration::from_secs(10), "the webhook is not asked");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (mut asked, mut ends, mut cas) =
        (0, std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
    let secrets = Api::<Secret>::namespaced(client.clone(), "default");
    while start.elapsed() < Duration::from_secs(60) {
        let error = maps.create(&dry, &map("refused")).await.expect_err("it is refused").to_string();
        assert!(error.contains("not this"), "{:?} after {asked}: {error}", start.elapsed());
        maps.create(&dry, &map("good")).await.unwrap();
        asked += 2;
        ends.insert(certificates.end().unwrap());
        if asked % 20 == 0 {
            let secret = secrets.get("renewal").await.unwrap();
            cas.insert(secret.data.unwrap()["ca.key"].0.clone());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(certificates.end().unwrap() > SystemTime::now());
    println!("{asked} requests, {} certificates, {} CAs", ends.len(), cas.len());
    for (_, _, metrics) in &replicas {
        for line in metrics.text().lines().filter(|line| line.contains("configure_errors_total{")) {
            println!("{line}");
        }
    }
    assert!(ends.len() > 4 && cas.len() > 2);
    clean(&client).await;
}

/// The CA of the only webhook of a configuration.
fn ca(object: &DynamicObject) -> &str {
    object.data["webhooks"][0]["clientConfig"]["caBundle"].as_str().unwrap_or_default()
}

async fn a_real_api_server_takes_what_is_written() {
    let client = client().await;
    clean(&client).await;
    let [validating, mutating] = configurations(&client);
    let rule = json!({"apiGroups": ["a.example"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["a"]});
    let webhook = |name: &str| {
        json!({
            "name": name, "clientConfig": {"url": "https://127.0.0.1:1/a"}, "failurePolicy": "Ignore",
            "sideEffects": "None", "admissionReviewVersions": ["v1"], "rules": [rule],
        })
    };
    let helm = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "renewal", "labels": {"app.kubernetes.io/managed-by": "Helm"}},
        "webhooks": [webhook("a.kpol.dev"), webhook("b.kpol.dev")],
    });
    validating.create(&PostParams::default(), &serde_json::from_value(helm).unwrap()).await.unwrap();
    let metrics = Arc::new(Metrics::new());
    let store = store(&metrics);
    let keeper = |more: &str| {
        let serve = serve_with(more);
        Keeper::new(&serve, client.clone(), Certificates::new(), store.clone(), metrics.clone())
    };

    // Of others: only the CA.
    let mut theirs = keeper("");
    theirs.step(SystemTime::now()).await;
    let found = validating.get("renewal").await.unwrap();
    let webhooks = found.data["webhooks"].as_array().unwrap();
    assert!(webhooks.len() == 2 && !ca(&found).is_empty());
    assert_eq!(webhooks[0]["clientConfig"]["caBundle"], webhooks[1]["clientConfig"]["caBundle"]);
    assert_eq!(webhooks[1]["clientConfig"]["url"], "https://127.0.0.1:1/a");
    assert_eq!(found.metadata.labels.as_ref().unwrap()["app.kubernetes.io/managed-by"], "Helm");
    validating.delete("renewal", &DeleteParams::default()).await.unwrap();

    // Ours: all of it, and no more writes than needed.
    let mutations =
        kpol::Compiler::new().with_source("a.kpol", POLICY).with_library("std.mutate.defaults").unwrap();
    use_policy(&store, &metrics, mutations.compile().unwrap().bytes());
    let (mut one, mut two) = (keeper("--configure"), keeper("--configure"));
    one.step(SystemTime::now()).await;
    let first = [validating.get("renewal").await.unwrap(), mutating.get("renewal").await.unwrap()];
    assert_eq!(ca(&first[0]), ca(&first[1]));
    two.step(SystemTime::now()).await;
    one.step(SystemTime::now()).await;
    let again = [validating.get("renewal").await.unwrap(), mutating.get("renewal").await.unwrap()];
    assert_eq!(first, again, "what the API server adds is no difference");
    use_policy(&store, &metrics, kpol::compile(POLICY).unwrap().bytes());
    one.step(SystemTime::now()).await;
    assert!(mutating.get_opt("renewal").await.unwrap().is_none());
    assert!(!metrics.text().contains("configure_errors_total{"), "{}", metrics.text());

    // Who may nothing says so, and goes on.
    let nobody = client_of(&kubeconfig_of("nobody")).await;
    let mut keeper = Keeper::new(&serve(), nobody, Certificates::new(), store, metrics.clone());
    keeper.step(SystemTime::now()).await;
    for (reason, count) in [("secret-forbidden", 1), ("configuration-forbidden", 2)] {
        let line = format!("configure_errors_total{{reason=\"{reason}\"}} {count}");
        assert!(metrics.text().contains(&line), "{}", metrics.text());
    }
    clean(&client).await;
}
