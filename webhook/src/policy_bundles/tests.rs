//! PolicyBundles without a cluster: what is held after which events, and what is said of it.

use clap::Parser as _;
use kpol::Loader;
use kube::core::CustomResourceExt as _;

use super::*;
use crate::settings::{Command, Task};

fn maker() -> Maker {
    let serve = match Command::parse_from(["kpol-webhook", "serve"]).task {
        Task::Serve(serve) => serve,
    };
    Maker::new(&serve.policies, Loader::new(), serve.bounds.max_steps)
}

fn bundle(name: &str, generation: i64, content: &[u8]) -> PolicyBundle {
    let spec = PolicyBundleSpec { bundle: base64::engine::general_purpose::STANDARD.encode(content) };
    let mut bundle = PolicyBundle::new(name, spec);
    bundle.meta_mut().generation = Some(generation);
    bundle.meta_mut().uid = Some(format!("uid-{name}"));
    bundle
}

fn compiled(rule: &str) -> Vec<u8> {
    let text =
        format!("package acme\nrule {rule} on Pod {{ deny when object.spec.hostPID message \"m\" }}\n");
    kpol::compile(&text).unwrap().bytes().to_vec()
}

fn made(bundle: &PolicyBundle) -> Made {
    make(&bundle.name_any(), &bundle.spec, &maker()).map(Arc::new).map_err(|refused| refused.to_string())
}

fn rules(store: &Store) -> Vec<String> {
    let policies = store.get();
    let rules = policies.bundles.iter().flat_map(|ready| ready.bundle.rules());
    rules.map(|rule| rule.name().to_owned()).collect()
}

#[test]
fn a_bad_bundle_is_refused_and_the_one_before_it_stays() {
    let (store, metrics) = (Store::new(), Metrics::new());
    let mut bundles = Bundles::default();
    let good = bundle("p", 1, &compiled("one"));
    bundles.put(&good, made(&good));
    bundles.publish(&store, &metrics);
    assert_eq!(rules(&store), ["acme.one"]);

    let bad = bundle("p", 2, b"no bundle");
    let refused = made(&bad);
    bundles.put(&bad, refused.clone());
    bundles.publish(&store, &metrics);
    assert_eq!(rules(&store), ["acme.one"]);
    assert!(store.get().missing[0].starts_with("PolicyBundle p: "), "{:?}", store.get().missing);

    let in_use = bundles.held["p"].ready.as_ref();
    let said = status(&bad, &refused, in_use, "2026-11-25T00:00:00Z".into());
    assert_eq!(said.conditions[0].status, "False");
    assert!(said.conditions[0].message.ends_with("the bundle before it stays in use"));
    assert_eq!(said.digest, Some(in_use.unwrap().bundle.digest().to_string()));

    let mended = bundle("p", 3, &compiled("two"));
    bundles.put(&mended, made(&mended));
    bundles.publish(&store, &metrics);
    assert_eq!((rules(&store), store.get().missing.len()), (vec!["acme.two".to_owned()], 0));
}

#[test]
fn a_generation_is_looked_at_once_and_a_new_object_of_the_name_again() {
    let mut bundles = Bundles::default();
    let one = bundle("p", 1, &compiled("one"));
    assert!(!bundles.knows(&one));
    bundles.put(&one, made(&one));
    assert!(bundles.knows(&one));
    assert!(!bundles.knows(&bundle("p", 2, b"")));
    let mut other = one.clone();
    other.meta_mut().uid = Some("another".into());
    assert!(!bundles.knows(&other));
}

#[test]
fn what_a_new_list_does_not_name_is_gone() {
    let mut bundles = Bundles::default();
    for name in ["a", "b"] {
        let bundle = bundle(name, 1, &compiled(name));
        bundles.put(&bundle, made(&bundle));
    }
    bundles.list_begins();
    bundles.is_listed("b".into());
    assert_eq!(bundles.held.len(), 2, "until the list is whole, all stay");
    bundles.list_ends();
    assert_eq!(bundles.held.keys().collect::<Vec<_>>(), ["b"]);
}

#[test]
fn a_status_is_written_again_only_if_it_says_something_else() {
    let good = bundle("p", 1, &compiled("one"));
    let ready = made(&good);
    let at = |now: &str| status(&good, &ready, ready.as_ref().ok(), now.into());
    assert!(!differs(&at("a"), &at("b")));
    let mut told = good.clone();
    told.status = Some(at("a"));
    let again = status(&told, &ready, ready.as_ref().ok(), "b".into());
    assert_eq!(again.conditions[0].last_transition_time, "a", "the time is that of the change");
    let refused: Made = Err("no".into());
    assert!(differs(&at("a"), &status(&told, &refused, None, "b".into())));
}

#[test]
fn what_is_no_base64_or_no_bundle_says_so() {
    let not_base64 = PolicyBundle::new("p", PolicyBundleSpec { bundle: "*".into() });
    let error = make("p", &not_base64.spec, &maker()).unwrap_err().to_string();
    assert!(error.starts_with("spec.bundle is no base64"), "{error}");
    let wrapped = base64::engine::general_purpose::STANDARD.encode(compiled("one"));
    let lines: Vec<String> =
        wrapped.as_bytes().chunks(60).map(|l| String::from_utf8_lossy(l).into()).collect();
    assert!(make("p", &PolicyBundleSpec { bundle: lines.join("\n") }, &maker()).is_ok(), "lines are joined");
}

/// The file that clusters are given is this type's.
#[test]
fn the_crd_in_deploy_is_that_of_the_type() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/crds/policybundles.kpol.dev.json");
    let expected = format!("{:#}\n", serde_json::to_value(PolicyBundle::crd()).unwrap());
    if std::env::var_os("KPOL_UPDATE").is_some() {
        std::fs::create_dir_all(std::path::Path::new(path).parent().unwrap()).unwrap();
        std::fs::write(path, &expected).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(found == expected, "run KPOL_UPDATE=1 cargo test -p kpol-webhook the_crd_in_deploy");
}
