//! The objects of a cluster that rules refer to: looked up or asked one by one, kept up to date or built at once, rules say
//! the same of them.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use kpol_tests::{compile_text, evaluator_on, library_evaluator};
use kpol_vm::{
    evaluate::{Engine, Evaluator, Inventory, Review},
    fact::Fact,
    interp::{Ask, ClusterView, Subject},
    ir::RootId,
    json::Json,
};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Conditions on `o`, another Ingress, that an index helps with: plain, inside of loops, from the other side, by
/// defaults, absence and canonical text, behind names, in chains.
const INDEXED: &[&str] = &[
    "o.spec.ingressClassName == object.spec.ingressClassName",
    "object.metadata.name == o.spec.ingressClassName",
    "(o.spec.ingressClassName ?? \"a\") == (object.spec.ingressClassName ?? \"b\")",
    "o.metadata.labels[\"a\"] == object.metadata.labels[\"b\"]",
    "o.metadata.labels == object.metadata.labels",
    "any x in o.spec.rules { x.host == object.metadata.name }",
    "any x in o.spec.rules { any y in object.spec.rules { x.host == y.host } }",
    "any y in object.spec.rules { any x in o.spec.rules { x.host == y.host and has x.host } }",
    "any t in o.spec.tls { any h in t.hosts { h in object.metadata.finalizers } }",
    "any t in o.spec.tls { object.metadata.name in t.hosts }",
    "any h in object.metadata.finalizers { any t in o.spec.tls { h in t.hosts } }",
    "o.metadata.name in object.metadata.finalizers",
    "o.metadata.namespace == object.metadata.namespace and o.metadata.labels[\"a\"] == \"x\"",
    "o.spec.defaultBackend.service.port.number == object.spec.defaultBackend.service.port.number",
    "same(o.spec.ingressClassName, object.spec.ingressClassName)",
    "o.metadata.annotations[\"cpu\"] == object.metadata.annotations[\"cpu\"] or false",
];

/// Of these, the ones that the planner must not find anything in.
const PLAIN: &[&str] = &[
    "o.metadata.name != object.metadata.name",
    "int(o.metadata.name) < int(object.metadata.name)",
    "o.metadata.name == o.spec.ingressClassName",
    "o.metadata.name == object.metadata.name or has o.spec.ingressClassName",
    "not (o.metadata.name == object.metadata.name)",
    "none x in o.spec.rules { x.host == object.metadata.name }",
];

/// One rule with every way to loop for each condition.
fn policy(conditions: &[&str]) -> String {
    let mut text = "package p\ndefine same(a: string, b: string) = a == b\n".to_owned();
    for (number, condition) in conditions.iter().enumerate() {
        text.push_str(&format!(
            r#"rule r{number} on Ingress {{
  let found = [o.id for o in cluster.others(Ingress) where {condition}]
  deny unless empty(found) message "found {{found}}"
  deny when any o in cluster.all(Ingress) {{ {condition} }} message "any"
  deny when none o in cluster.others(Ingress) {{ {condition} }} message "none"
  deny when all o in cluster.others(Ingress) {{ not ({condition}) }} message "all"
  deny when (count o in cluster.all(Ingress) {{ {condition} }}) >= 2 message "two"
}}
"#
        ));
    }
    text
}

fn made(engine: Engine, conditions: &[&str]) -> Evaluator {
    evaluator_on(engine, &compile_text(&policy(conditions)), (1, 34), Vec::new()).unwrap()
}

/// A cluster without any index.
struct Scan<'i>(&'i Inventory);

impl ClusterView for Scan<'_> {
    fn facts(&self, root: RootId, except: Option<Subject<'_>>) -> Vec<Arc<Fact>> {
        self.0.facts(root, except)
    }
}

fn findings(evaluator: &Evaluator, object: &Json, cluster: &dyn ClusterView) -> Vec<String> {
    let outcome = evaluator.review(&Review::create(object).unwrap(), cluster).unwrap();
    let findings = outcome.findings.iter();
    findings
        .map(|finding| format!("{}: {} {:?}", finding.rule_name, finding.message, finding.blames))
        .collect()
}

fn word() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "x", "y", "A.io", "a.io", "a.io.", "1", "1000m"])
}

/// An Ingress, or something that is almost one.
fn ingress() -> impl Strategy<Value = Value> {
    let words = || prop::collection::vec(word(), 0..3);
    let labels = || {
        prop::option::of(prop::collection::btree_map(
            prop::sample::select(vec!["a", "b", "cpu"]),
            word(),
            0..3,
        ))
    };
    let metadata = (prop::option::of(word()), 0..6_usize, labels(), labels(), words());
    let rules = prop::option::of(prop::collection::vec(prop::option::of(word()), 0..3));
    let spec =
        (prop::option::of(word()), rules, prop::collection::vec(words(), 0..2), prop::option::of(0..3));
    (metadata, spec, prop::bool::weighted(0.05)).prop_map(|(metadata, spec, misfit)| {
        let (namespace, name, labels, annotations, finalizers) = metadata;
        let (class, rules, tls, port) = spec;
        let name = ["a", "b", "x", "y", "1", "long-name"][name];
        let rules: Option<Vec<Value>> = rules.map(|hosts| hosts.into_iter().map(|host| json!({ "host": host })).collect());
        let tls: Vec<Value> = tls.into_iter().map(|hosts| json!({ "hosts": hosts })).collect();
        let class = if misfit { json!(7) } else { json!(class) };
        let backend = port.map(|port| json!({"service": {"name": "s", "port": {"number": port}}}));
        json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"namespace": namespace, "name": name, "labels": labels, "annotations": annotations, "finalizers": finalizers},
            "spec": {"ingressClassName": class, "rules": rules, "tls": tls, "defaultBackend": backend},
        })
    })
}

#[derive(Clone, Debug)]
enum Change {
    Put(Value),
    Remove(Value),
    Replace(Vec<Value>),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        12 => ingress().prop_map(Change::Put),
        4 => ingress().prop_map(Change::Remove),
        1 => prop::collection::vec(ingress(), 0..30).prop_map(Change::Replace),
    ]
}

fn name(object: &Value) -> (String, String) {
    let text = |key| object["metadata"][key].as_str().unwrap_or_default().to_owned();
    (text("namespace"), text("name"))
}

fn is_misfit(object: &Value) -> bool {
    object["spec"]["ingressClassName"].is_number()
}

/// Every fact, with what names it.
fn dump(inventory: &Inventory) -> Vec<(Vec<u8>, Vec<Arc<Json>>)> {
    let facts = (0..8).flat_map(|root| inventory.facts(RootId(root), None));
    facts.map(|fact| (fact.bytes().to_vec(), fact.dyns().to_vec())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_index_finds_what_a_scan_finds_and_changes_lead_where_a_fresh_start_does(
        changes in prop::collection::vec(change(), 0..80),
        subjects in prop::collection::vec(ingress().prop_filter("judged", |it| !is_misfit(it)), 3),
    ) {
        thread_local! {
            static EVALUATORS: [Evaluator; 2] = [made(Engine::Interp, INDEXED), made(Engine::Jit, INDEXED)];
        }
        EVALUATORS.with(|[interp, jit]| {
            let live = interp.live_inventory();
            let mut alive: BTreeMap<(String, String), Value> = BTreeMap::new();
            let mut pinned = Vec::new();
            for change in changes {
                match change {
                    Change::Put(object) => {
                        let kept = live.put(&Json::from(object.clone()));
                        prop_assert_eq!(kept.is_err(), is_misfit(&object));
                        alive.remove(&name(&object));
                        if !is_misfit(&object) {
                            alive.insert(name(&object), object);
                        }
                    }
                    Change::Remove(object) => {
                        let (namespace, name) = name(&object);
                        let there = live.remove("networking.k8s.io", "Ingress", &namespace, &name);
                        prop_assert_eq!(there, alive.remove(&(namespace, name)).is_some());
                    }
                    Change::Replace(objects) => {
                        let mut filling = live.fill("networking.k8s.io", "v1", "Ingress");
                        alive.clear();
                        for object in objects {
                            if filling.put(&Json::from(object.clone())).is_ok() {
                                alive.insert(name(&object), object);
                            }
                        }
                        filling.done();
                    }
                }
                // What somebody holds does not change under him.
                let now = live.now();
                pinned.push((dump(&now), now));
                if pinned.len() > 3 {
                    let (before, pinned) = pinned.remove(0);
                    prop_assert!(before == dump(&pinned));
                }
            }
            let objects: Vec<Json> = alive.into_values().map(Json::from).collect();
            let (fresh, errors) = interp.inventory(&objects);
            prop_assert!(errors.is_empty());
            let now = live.now();
            prop_assert!(dump(&now) == dump(&fresh));
            let size = live.sizes().remove(0);
            prop_assert_eq!(size.objects, objects.len());
            prop_assert_eq!(size.bytes == 0, objects.is_empty());
            for subject in subjects {
                let subject = Json::from(subject);
                let scanned = findings(interp, &subject, &Scan(&fresh));
                for evaluator in [interp, jit] {
                    prop_assert_eq!(&findings(evaluator, &subject, &now), &scanned);
                    prop_assert_eq!(&findings(evaluator, &subject, &fresh), &scanned);
                }
            }
            Ok(())
        })?;
    }
}

#[test]
fn every_condition_that_an_index_helps_with_has_one_and_no_other() {
    for (conditions, helped) in [(INDEXED, true), (PLAIN, false)] {
        for condition in conditions {
            let evaluator = made(Engine::Interp, &[condition]);
            let probes = evaluator.module().rules[0].code.probes.len();
            // `or false` is no chain of `and`.
            let helped = helped && !condition.contains(" or ");
            assert!(if helped { probes >= 5 } else { probes == 0 }, "{condition}: {probes} probes");
        }
    }
}

/// What an API server holds of an Ingress or Service with a usual amount of metadata.
fn stored(kind: &str, number: usize, spec: &Value) -> Value {
    let (group, plural) =
        if kind == "Ingress" { ("networking.k8s.io/v1", "ingresses") } else { ("v1", "services") };
    let fields = json!({"f:metadata": {"f:annotations": {".": {}, "f:kubectl.kubernetes.io/last-applied-configuration": {}},
        "f:labels": {".": {}, "f:app.kubernetes.io/name": {}, "f:app.kubernetes.io/part-of": {}}},
        "f:spec": {"f:ingressClassName": {}, "f:rules": {}, "f:selector": {}, "f:ports": {".": {}, "k:{\"port\":80}": {".": {}}}}});
    let applied = json!({"apiVersion": group, "kind": kind, "metadata": {"name": format!("{plural}-{number}")}, "spec": spec});
    json!({
        "apiVersion": group, "kind": kind,
        "metadata": {
            "name": format!("{plural}-{number}"), "namespace": format!("team-{}", number % 200),
            "uid": format!("3f8c1d0a-7a53-4f2e-9d0b-{number:012}"), "resourceVersion": format!("{}", 1_000_000 + number),
            "generation": 3, "creationTimestamp": "2026-03-04T12:00:00Z",
            "labels": {"app.kubernetes.io/name": format!("app-{number}"), "app.kubernetes.io/part-of": "shop"},
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": applied.to_string()},
            "managedFields": [{"manager": "kubectl-client-side-apply", "operation": "Update", "apiVersion": group,
                "time": "2026-03-04T12:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": fields}],
        },
        "spec": spec, "status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.7"}]}},
    })
}

fn stored_ingress(number: usize) -> Value {
    let backend = json!({"service": {"name": format!("app-{number}"), "port": {"number": 80}}});
    let rule = |host: String| json!({"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}});
    let hosts = [format!("app-{number}.example.com"), format!("www.app-{number}.example.com")];
    let spec = json!({"ingressClassName": "nginx", "rules": hosts.clone().map(rule),
        "tls": [{"hosts": hosts, "secretName": format!("app-{number}-tls")}]});
    stored("Ingress", number, &spec)
}

fn stored_service(number: usize) -> Value {
    let spec = json!({"clusterIP": "10.96.13.7", "clusterIPs": ["10.96.13.7"], "type": "ClusterIP", "sessionAffinity": "None",
        "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080}],
        "selector": {"app.kubernetes.io/name": format!("app-{number}"), "app.kubernetes.io/part-of": "shop"}});
    stored("Service", number, &spec)
}

/// Counts what is looked up.
struct Counting<'i>(&'i Inventory, std::cell::Cell<usize>);

impl ClusterView for Counting<'_> {
    fn facts(&self, _root: RootId, _except: Option<Subject<'_>>) -> Vec<Arc<Fact>> {
        panic!("nothing is scanned")
    }

    fn count(&self, root: RootId) -> usize {
        self.0.count(root)
    }

    fn find(&self, root: RootId, asks: &[Ask<'_>], except: Option<Subject<'_>>) -> Option<Vec<Arc<Fact>>> {
        let found = self.0.find(root, asks, except)?;
        self.1.set(self.1.get() + found.len());
        Some(found)
    }
}

#[test]
fn the_library_looks_hosts_and_selectors_up() {
    let evaluator = library_evaluator("std.general", (1, 34)).unwrap();
    let objects: Vec<Json> =
        (0..300).flat_map(|i| [stored_ingress(i), stored_service(i)]).map(Json::from).collect();
    let (inventory, errors) = evaluator.inventory(&objects);
    assert_eq!(errors, []);
    for (taken, rule) in
        [(stored_ingress(7), "unique_ingress_host"), (stored_service(7), "unique_service_selector")]
    {
        let mut twin = taken;
        twin["metadata"]["name"] = "twin".into();
        let view = Counting(&inventory, std::cell::Cell::new(0));
        let found = findings(&evaluator, &twin.into(), &view);
        assert!(found.iter().any(|found| found.contains(rule)), "{found:?}");
        assert!(view.1.get() < 50, "{} objects asked", view.1.get());
    }
}

/// Bytes of this process that are in memory.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}

/// `KPOL_LONG=1 cargo test --profile perf -p kpol-tests --test suite -- inventory::sizes_and_times --nocapture --test-threads 1`
#[test]
fn sizes_and_times_of_many_objects() {
    if std::env::var_os("KPOL_LONG").is_none() {
        return;
    }
    let evaluator = library_evaluator("std.general", (1, 34)).unwrap();
    for (kind, make) in [("Ingress", stored_ingress as fn(usize) -> Value), ("Service", stored_service)] {
        for count in [1_000, 10_000, 100_000] {
            let live = evaluator.live_inventory();
            let (before, start) = (resident(), Instant::now());
            for number in 0..count {
                live.put(&make(number).into()).unwrap();
            }
            let (filled, after) = (start.elapsed(), resident());
            let size = live.sizes().into_iter().find(|size| size.kind == kind).unwrap();
            let text = make(count / 2).to_string().len();
            let tree = Json::from(make(count / 2)).memory();
            eprintln!(
                "{count} {kind}: {} B of fact and {} B of index each ({} B resident); JSON text {text} B, tree {tree} B; \
                 {:?} per put with its JSON",
                size.bytes / count,
                size.index_bytes / count,
                after.saturating_sub(before) / count,
                filled / u32::try_from(count).unwrap(),
            );
            let now = live.now();
            for (what, hit) in [("passes", false), ("hits", true)] {
                let mut object = make(if hit { count / 2 } else { count });
                object["metadata"]["name"] = "twin".into();
                let object = Json::from(object);
                let time = |view: &dyn ClusterView, rounds: u32| {
                    let start = Instant::now();
                    for _ in 0..rounds {
                        std::hint::black_box(
                            evaluator.review(&Review::create(&object).unwrap(), view).unwrap(),
                        );
                    }
                    start.elapsed() / rounds
                };
                let (indexed, scanned) = (time(&now, 1000), time(&Scan(&now), 5));
                let ratio = scanned.as_secs_f64() / indexed.as_secs_f64();
                eprintln!(
                    "  one that {what}: {indexed:?} with the index, {scanned:?} by a scan: {ratio:.0} times"
                );
            }
        }
    }
}
