//! Events, and an API server that is a function: no sockets.

mod server;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use clap::Parser as _;
use kpol::{Json, Loader, Session};
use kube::{
    api::DynamicObject,
    runtime::{
        utils::Backoff,
        watcher::{DefaultBackoff, Event},
    },
};
use serde_json::{Value, json};
use tokio::{sync::Notify, sync::watch};

use super::{Follower, Live, follow, service::tell};
use crate::{
    metrics::Metrics,
    policies::{Maker, Ready, Store},
    settings::{Command, Task},
};
use server::{Server, Watch};

/// A rule that refers to Ingresses and to the namespace of the object.
const POLICY: &str = r#"package acme
rule host on Ingress {
  deny when any o in cluster.others(Ingress) { any x in o.spec.rules { x.host == object.metadata.name } }
    message "taken"
  deny when namespace.metadata.labels["env"] == "prod" message "prod"
}
"#;

fn maker(args: &[&str]) -> Maker {
    let args = ["kpol-webhook", "serve", "--default-mode", "deny"].iter().chain(args);
    let Task::Serve(serve) = Command::try_parse_from(args).unwrap().task else { panic!("serve") };
    Maker::new(&serve.policies, Loader::new(), serve.bounds.max_steps)
}

fn ready(policy: &str) -> Arc<Ready> {
    Arc::new(maker(&[]).make("test", kpol::compile(policy).unwrap().bytes()).unwrap())
}

fn live(ready: &Ready) -> Arc<Live> {
    Arc::clone(ready.live.as_ref().unwrap())
}

/// As lists have them: without a type.
fn ingress(name: &str, host: &str) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "shop", "resourceVersion": "7", "managedFields": [{"manager": "m"}]},
        "spec": {"rules": [{"host": host}]},
    })
}

fn namespace(env: &str) -> Value {
    json!({"metadata": {"name": "shop", "resourceVersion": "7", "labels": {"env": env, "other": "x"}}})
}

fn object(value: Value) -> DynamicObject {
    serde_json::from_value(value).unwrap()
}

/// What is found in an Ingress of the name `a.io`.
fn found(ready: &Ready) -> Vec<String> {
    let mine = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "a.io", "namespace": "shop"}, "spec": {"rules": []},
    });
    let mut session = Session::new();
    let answer = ready.evaluator.object(&Json::from(mine), &ready.cluster, &mut session).unwrap();
    answer.hits().map(|hit| hit.message().to_owned()).collect()
}

fn apply(live: &Live, at: usize, events: impl IntoIterator<Item = Event<DynamicObject>>) -> Metrics {
    let metrics = Metrics::new();
    let mut follower = Follower::new(live, at).unwrap();
    for event in events {
        follower.apply(event, &metrics);
    }
    metrics
}

/// The positions of the kinds.
const NAMESPACE: usize = 0;
const INGRESS: usize = 1;

#[test]
fn only_what_the_rules_ask_for_is_watched() {
    let kinds = |policy: &str| {
        let ready = ready(policy);
        ready.live.as_ref().map(|live| live.kinds().iter().map(super::Kind::name).collect::<Vec<_>>())
    };
    assert_eq!(kinds(POLICY).unwrap(), ["v1 Namespace", "networking.k8s.io/v1 Ingress"]);
    assert_eq!(kinds("package p\nrule r on Pod { deny when object.spec.hostPID message \"m\" }\n"), None);
    let bound = "package p\nrule r on Pod { deny when object.spec.hostPID message \"m\" }\n\
        bind r { where namespace.metadata.labels[\"env\"] == \"prod\" }\n";
    assert_eq!(kinds(bound).unwrap(), ["v1 Namespace"]);
    let both = "package p\nrule r on Pod { deny when any n in cluster.all(Namespace) { n.metadata.name == \"x\" } message \"m\"\n\
        deny when namespace.metadata.name == \"x\" message \"m\" }\n";
    assert_eq!(kinds(both).unwrap(), ["v1 Namespace"], "once");
    let ready = maker(&["--no-watch"]).make("test", kpol::compile(POLICY).unwrap().bytes()).unwrap();
    assert!(ready.live.is_none() && found(&ready).is_empty());
}

#[test]
fn a_list_takes_the_place_of_what_was_known_when_it_is_whole() {
    let ready = ready(POLICY);
    let live = live(&ready);
    assert_eq!(
        live.missing(),
        ["v1 Namespace: not listed yet", "networking.k8s.io/v1 Ingress: not listed yet"]
    );
    apply(&live, INGRESS, [Event::Init, Event::InitApply(object(ingress("x", "a.io")))]);
    assert!(found(&ready).is_empty(), "half a list is none");
    apply(&live, INGRESS, [Event::Init, Event::InitApply(object(ingress("x", "a.io"))), Event::InitDone]);
    assert_eq!(found(&ready), ["taken"]);
    assert_eq!(live.missing(), ["v1 Namespace: not listed yet"]);
    // The server has forgotten what happened since, and the list begins anew; until it ends the old one counts.
    let again = || [Event::Init, Event::InitApply(object(ingress("y", "b.io")))];
    apply(&live, INGRESS, again());
    assert_eq!(found(&ready), ["taken"]);
    apply(&live, INGRESS, again().into_iter().chain([Event::InitDone]));
    assert!(found(&ready).is_empty());
}

#[test]
fn objects_come_change_and_go() {
    let ready = ready(POLICY);
    let live = live(&ready);
    apply(&live, INGRESS, [Event::Apply(object(ingress("x", "a.io")))]);
    assert_eq!(found(&ready), ["taken"]);
    apply(&live, INGRESS, [Event::Apply(object(ingress("x", "b.io")))]);
    assert!(found(&ready).is_empty());
    apply(
        &live,
        INGRESS,
        [Event::Apply(object(ingress("x", "a.io"))), Event::Delete(object(ingress("x", "a.io")))],
    );
    assert!(found(&ready).is_empty());
    apply(&live, NAMESPACE, [Event::Init, Event::InitApply(object(namespace("prod"))), Event::InitDone]);
    assert_eq!(found(&ready), ["prod"]);
    apply(&live, NAMESPACE, [Event::Apply(object(namespace("dev")))]);
    assert!(found(&ready).is_empty());
    apply(
        &live,
        NAMESPACE,
        [Event::Apply(object(namespace("prod"))), Event::Delete(object(namespace("prod")))],
    );
    assert!(found(&ready).is_empty(), "the namespace is gone");
}

#[test]
fn what_rules_would_not_understand_is_left_out_and_counted() {
    let ready = ready(POLICY);
    let live = live(&ready);
    let misfit = json!({"metadata": {"name": "x", "namespace": "shop"}, "spec": {"rules": "none"}});
    let metrics = apply(
        &live,
        INGRESS,
        [
            Event::Init,
            Event::InitApply(object(misfit.clone())),
            Event::InitApply(object(ingress("y", "a.io"))),
            Event::InitDone,
            Event::Apply(object(ingress("x", "a.io"))),
            Event::Apply(object(misfit)),
        ],
    );
    assert!(metrics.text().contains("misfits_total{kind=\"Ingress\"} 2"), "{}", metrics.text());
    assert_eq!(live.cluster.sizes()[0].objects, 1);
    // Depth that no request could have either.
    let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
    let mut odd = ingress("y", "a.io");
    odd["spec"]["deep"] = deep;
    let metrics = apply(&live, INGRESS, [Event::Apply(object(odd))]);
    assert!(metrics.text().contains("misfits_total{kind=\"Ingress\"} 1"), "{}", metrics.text());
    assert!(found(&ready).is_empty(), "what was known of it is not so any more");
}

#[test]
fn sizes_are_told_for_all_bundles_together() {
    let (one, two) = (ready(POLICY), ready(POLICY));
    for ready in [&one, &two] {
        apply(&live(ready), INGRESS, [Event::Apply(object(ingress("x", "a.io")))]);
    }
    let (metrics, mut told) = (Metrics::new(), BTreeSet::new());
    tell(&[live(&one), live(&two)], &metrics, &mut told);
    assert!(metrics.text().contains("cached_objects{kind=\"Ingress\"} 2"), "{}", metrics.text());
    assert!(metrics.text().contains("cached_objects{kind=\"Namespace\"} 0"));
    tell(&[], &metrics, &mut told);
    assert!(!metrics.text().contains("Ingress"), "{}", metrics.text());
}

#[test]
fn a_bundle_comes_into_use_when_the_cluster_is_known_and_the_one_before_it_stays_till_then() {
    let (store, metrics) = (Store::new(), Metrics::new());
    let in_use = |expected: &[&Arc<Ready>]| {
        let policies = store.get();
        assert_eq!(policies.bundles.len(), expected.len());
        assert!(policies.bundles.iter().zip(expected).all(|(a, b)| Arc::ptr_eq(a, b)));
        policies.missing.clone()
    };
    let fill = |live: &Live| {
        apply(live, INGRESS, [Event::Init, Event::InitDone]);
        apply(live, NAMESPACE, [Event::Init, Event::InitDone]);
    };
    let (plain, first, second) = (
        ready("package p\nrule r on Pod { deny when object.spec.hostPID message \"m\" }\n"),
        ready(POLICY),
        ready(POLICY),
    );
    store.update("files", vec![Arc::clone(&first)], Vec::new(), &metrics);
    assert_eq!(
        in_use(&[]),
        ["test: v1 Namespace: not listed yet", "test: networking.k8s.io/v1 Ingress: not listed yet"]
    );
    assert_eq!(store.lives().len(), 1);
    store.update("other", vec![Arc::clone(&plain)], Vec::new(), &metrics);
    assert_eq!(in_use(&[&plain]).len(), 2);
    fill(&live(&first));
    store.settle(&metrics);
    assert!(in_use(&[&first, &plain]).is_empty());
    store.update("files", vec![Arc::clone(&second)], Vec::new(), &metrics);
    assert_eq!(in_use(&[&first, &plain]).len(), 2);
    assert_eq!(store.lives().len(), 2, "the one in use is kept up to date, too");
    fill(&live(&second));
    store.settle(&metrics);
    assert!(in_use(&[&second, &plain]).is_empty());
    assert_eq!(store.lives().len(), 1);
    // The day changes, and nothing is listed anew.
    let again = Arc::new(maker(&[]).again(&second).unwrap());
    assert_eq!(again.since, second.since);
    store.update("files", vec![Arc::clone(&again)], Vec::new(), &metrics);
    assert!(in_use(&[&again, &plain]).is_empty());
}

#[test]
fn errors_are_waited_out_longer_and_longer_also_when_lists_begin_between_them() {
    let mut patient = follow::Patient::<DefaultBackoff>::default();
    let mut waits = Vec::new();
    for _ in 0..8 {
        patient.reset();
        waits.push(patient.next().unwrap());
    }
    assert!(waits[0] < Duration::from_secs(2) && waits[7] >= Duration::from_secs(25), "{waits:?}");
}

/// Hardly any time.
struct Hasty;

impl Iterator for Hasty {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(Duration::from_millis(2))
    }
}

impl Backoff for Hasty {
    fn reset(&mut self) {}
}

/// Waits for what another task brings about.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..2_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it never came to that {what}");
}

const INGRESSES: &str = "/apis/networking.k8s.io/v1/ingresses";
const NAMESPACES: &str = "/api/v1/namespaces";

#[tokio::test]
async fn a_cluster_is_followed_through_pages_changes_gaps_and_kinds_that_come_late() {
    let ready = ready(POLICY);
    let live = live(&ready);
    let server = Arc::new(Server::default());
    server.lists(
        INGRESSES,
        200,
        json!({"metadata": {"continue": "page-2", "resourceVersion": "10"}, "items": [ingress("x", "b.io")]}),
    );
    server.lists(
        INGRESSES,
        200,
        json!({"metadata": {"resourceVersion": "10"}, "items": [ingress("y", "a.io")]}),
    );
    let missing = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "not found", "reason": "NotFound", "code": 404});
    server.lists(NAMESPACES, 404, missing);

    let (metrics, changed) = (Arc::new(Metrics::new()), Arc::new(Notify::new()));
    let (stop, stopped) = watch::channel(false);
    let task = {
        let (live, metrics, changed) = (Arc::clone(&live), Arc::clone(&metrics), Arc::clone(&changed));
        let client = server.client();
        tokio::spawn(async move {
            follow::watch(client, &live, &metrics, &changed, stopped, || Hasty).await;
        })
    };
    until("both pages are there", || found(&ready) == ["taken"]).await;
    let first = server.asked(INGRESSES).into_iter().find(|query| !query.contains("watch")).unwrap();
    assert!(first.contains("limit=500"), "{first}");
    assert!(server.asked(INGRESSES).iter().any(|query| query.contains("continue=page-2")));
    until("the reason is told", || {
        live.missing() == ["v1 Namespace: the API server does not have this kind"]
    })
    .await;
    assert!(!live.is_filled());
    until("it is tried again", || server.asked(NAMESPACES).len() > 3).await;

    // The kind comes.
    server.lists(
        NAMESPACES,
        200,
        json!({"metadata": {"resourceVersion": "11"}, "items": [namespace("prod")]}),
    );
    tokio::time::timeout(Duration::from_secs(20), live.filled()).await.unwrap();
    assert_eq!(found(&ready), ["taken", "prod"]);

    server.watches(NAMESPACES, Watch::Event("DELETED", namespace("prod")));
    until("the namespace is gone", || found(&ready) == ["taken"]).await;
    server.watches(INGRESSES, Watch::Event("MODIFIED", ingress("y", "c.io")));
    until("the host is free", || found(&ready).is_empty()).await;
    server.watches(INGRESSES, Watch::Event("ADDED", ingress("z", "a.io")));
    until("it is taken again", || found(&ready) == ["taken"]).await;

    // What happened since is forgotten: the list begins anew, and `z` is not in it.
    server.lists(
        INGRESSES,
        200,
        json!({"metadata": {"resourceVersion": "90"}, "items": [ingress("y", "c.io")]}),
    );
    let gone = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "too old", "reason": "Expired", "code": 410});
    server.watches(INGRESSES, Watch::Event("ERROR", gone));
    until("it is listed anew", || found(&ready).is_empty()).await;
    assert!(live.is_filled(), "what was known stayed known");
    assert_eq!(live.cluster.sizes()[0].objects, 1);
    let text = metrics.text();
    assert!(text.contains("watch_errors_total{kind=\"Ingress\"} 1"), "{text}");

    // The connection breaks, and the watch goes on from where it was.
    server.watches(INGRESSES, Watch::End);
    server.watches(INGRESSES, Watch::Event("ADDED", ingress("z", "a.io")));
    until("the watch goes on", || found(&ready) == ["taken"]).await;

    stop.send(true).unwrap();
    tokio::time::timeout(Duration::from_secs(20), task).await.unwrap().unwrap();
}
