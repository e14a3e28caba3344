//! A cluster that changes while reviews read it.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use kpol::{Cluster, Evaluator, Json, LiveCluster, Session};

use crate::evaluator;

/// The hosts of others, one rule by another index than the other; and the environment of the namespace.
const POLICY: &str = r#"package acme
rule host on Ingress {
  for r in object.spec.rules {
    where has r.host
    let taken_by = [o.id for o in cluster.others(Ingress) where any x in o.spec.rules { x.host == r.host }]
    deny unless empty(taken_by) message "{r.host} is at {taken_by}"
  }
}
rule prod on Ingress {
  deny when namespace.metadata.labels["env"] == "prod" message "in {namespace.metadata.name}"
}
"#;

fn ingress(namespace: &str, name: &str, host: &str) -> Json {
    let text = format!(
        r#"{{"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {{"namespace": "{namespace}",
            "name": "{name}", "uid": "c0ffee", "annotations": {{"a": "long and of no interest"}}}},
            "spec": {{"rules": [{{"host": "{host}"}}]}}}}"#
    );
    kpol::json(text.as_bytes()).unwrap()
}

fn namespace(name: &str, env: &str) -> Json {
    let text = format!(
        r#"{{"apiVersion": "v1", "kind": "Namespace", "metadata": {{"name": "{name}", "labels": {{"env": "{env}",
            "kubernetes.io/metadata.name": "{name}"}}, "managedFields": [{{"manager": "kubectl"}}]}}}}"#
    );
    kpol::json(text.as_bytes()).unwrap()
}

fn messages(evaluator: &Evaluator, object: &Json, cluster: &Cluster) -> Vec<String> {
    let mut session = Session::new();
    let answer = evaluator.object(object, cluster, &mut session).unwrap();
    answer.hits().map(|hit| hit.message().to_owned()).collect()
}

fn sizes(live: &LiveCluster) -> Vec<(String, usize)> {
    live.sizes().into_iter().map(|size| (size.kind, size.objects)).collect()
}

#[test]
fn reviews_see_what_was_put_in_and_not_what_was_taken_out() {
    let evaluator = evaluator(POLICY);
    let live = evaluator.live_cluster();
    let cluster = live.cluster();
    let mine = ingress("shop", "web", "a.io");
    assert!(messages(&evaluator, &mine, &cluster).is_empty());
    // Many enough that they are looked up, in an order that is not theirs.
    for number in (0..40).rev() {
        let host = if number % 20 == 7 { "a.io".to_owned() } else { format!("{number}.io") };
        assert!(live.put(&ingress("test", &format!("web-{number:02}"), &host)).unwrap());
    }
    assert!(live.put(&mine).unwrap(), "the object itself is never among the others");
    assert_eq!(messages(&evaluator, &mine, &cluster), ["a.io is at [test/web-07, test/web-27]"]);
    live.put(&ingress("test", "web-07", "b.io")).unwrap();
    assert_eq!(messages(&evaluator, &mine, &cluster), ["a.io is at [test/web-27]"]);
    assert!(live.remove("networking.k8s.io", "Ingress", "test", "web-27"));
    assert!(!live.remove("networking.k8s.io", "Ingress", "test", "web-27"));
    assert!(messages(&evaluator, &mine, &cluster).is_empty());
    assert_eq!(sizes(&live), [("Ingress".to_owned(), 40), ("Namespace".to_owned(), 0)]);
}

#[test]
fn what_is_of_no_use_is_not_kept() {
    let live = evaluator(POLICY).live_cluster();
    let secret = kpol::json(br#"{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}"#).unwrap();
    assert!(!live.put(&secret).unwrap());
    assert!(live.replace("", "v1", "Secret", &[secret]).is_empty());
    assert_eq!(sizes(&live), [("Ingress".to_owned(), 0), ("Namespace".to_owned(), 0)]);
    let none = evaluator("package acme\nrule r on Pod { deny when object.spec.hostPID message \"m\" }\n");
    let none = none.live_cluster();
    assert!(!none.reads_namespaces() && none.sizes().is_empty());
    assert!(!none.put(&namespace("shop", "prod")).unwrap());
}

#[test]
fn a_misfit_takes_the_place_of_what_was_there() {
    let evaluator = evaluator(POLICY);
    let (live, mine) = (evaluator.live_cluster(), ingress("shop", "web", "a.io"));
    live.put(&ingress("test", "other", "a.io")).unwrap();
    assert_eq!(messages(&evaluator, &mine, &live.cluster()), ["a.io is at [test/other]"]);
    let text = r#"{"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"namespace": "test",
        "name": "other"}, "spec": {"rules": [{"host": 3}]}}"#;
    let misfit = live.put(&kpol::json(text.as_bytes()).unwrap()).unwrap_err().to_string();
    assert_eq!(misfit, "Ingress test/other: spec.rules[0].host: expected a string, found an integer");
    assert!(messages(&evaluator, &mine, &live.cluster()).is_empty());
}

#[test]
fn a_kind_is_replaced_as_a_whole() {
    let evaluator = evaluator(POLICY);
    let (live, mine) = (evaluator.live_cluster(), ingress("shop", "web", "a.io"));
    live.put(&ingress("test", "gone", "a.io")).unwrap();
    {
        let mut filling = live.fill("networking.k8s.io", "v1", "Ingress");
        filling.put(&ingress("test", "new", "a.io")).unwrap();
        assert_eq!(messages(&evaluator, &mine, &live.cluster()), ["a.io is at [test/gone]"], "not yet");
        filling.done();
    }
    assert_eq!(messages(&evaluator, &mine, &live.cluster()), ["a.io is at [test/new]"]);
    drop(live.fill("networking.k8s.io", "v1", "Ingress"));
    assert_eq!(
        messages(&evaluator, &mine, &live.cluster()),
        ["a.io is at [test/new]"],
        "nothing was put in place"
    );
    let two = [ingress("test", "b", "a.io"), ingress("test", "a", "a.io"), ingress("test", "b", "b.io")];
    assert!(live.replace("networking.k8s.io", "v1", "Ingress", &two).is_empty());
    assert_eq!(messages(&evaluator, &mine, &live.cluster()), ["a.io is at [test/a]"], "the last `b` counts");
    assert!(live.replace("networking.k8s.io", "v1", "Ingress", &[]).is_empty());
    assert!(messages(&evaluator, &mine, &live.cluster()).is_empty());
}

#[test]
fn namespaces_come_and_go() {
    let evaluator = evaluator(POLICY);
    let (live, mine) = (evaluator.live_cluster(), ingress("shop", "web", "a.io"));
    let found = || messages(&evaluator, &mine, &live.cluster());
    assert!(live.reads_namespaces());
    assert!(found().is_empty());
    let shop = namespace("shop", "prod");
    assert!(live.put(&shop).unwrap());
    assert_eq!(found(), ["in shop"]);
    let kept = live.sizes().into_iter().find(|size| size.kind == "Namespace").unwrap();
    assert!(kept.objects == 1 && kept.bytes < shop.memory(), "{kept:?} of {}", shop.memory());
    live.put(&namespace("shop", "dev")).unwrap();
    assert!(found().is_empty());
    live.replace("", "v1", "Namespace", &[namespace("other", "prod"), namespace("shop", "prod")]);
    assert_eq!(found(), ["in shop"]);
    assert!(live.remove("", "Namespace", "", "shop"));
    assert!(found().is_empty());
}

#[test]
fn a_review_never_sees_half_of_a_change() {
    // Both are of one object, so either both or none.
    let policy = r#"package acme
rule pair on Service {
  deny when any s in cluster.others(Service) { s.spec.type != s.spec.externalName } message "torn"
  deny when (count s in cluster.others(Service) { s.spec.type == "a" })
         != (count s in cluster.others(Service) { s.spec.externalName == "a" })
    message "two states"
}
"#;
    let service = |name: usize, word: &str| {
        let text = format!(
            r#"{{"apiVersion": "v1", "kind": "Service", "metadata": {{"namespace": "n", "name": "s-{name}"}},
                "spec": {{"type": "{word}", "externalName": "{word}"}}}}"#
        );
        kpol::json(text.as_bytes()).unwrap()
    };
    let evaluator = evaluator(policy);
    let live = evaluator.live_cluster();
    let (mine, over) = (service(1000, "x"), AtomicBool::new(false));
    thread::scope(|scope| {
        let writer = live.clone();
        let over = &over;
        scope.spawn(move || {
            let words = ["a", "b", "c"];
            for round in 0..3000_usize {
                let _ = writer.put(&service(round * 7 % 200, words[round % 3]));
                writer.remove("", "Service", "n", &format!("s-{}", round * 11 % 200));
                if round % 500 == 0 {
                    writer.replace("", "v1", "Service", &[service(0, "a"), service(1, "b")]);
                }
            }
            over.store(true, Ordering::Release);
        });
        while !over.load(Ordering::Acquire) {
            assert!(messages(&evaluator, &mine, &live.cluster()).is_empty());
        }
    });
    assert!(sizes(&live)[0].1 > 2);
}
