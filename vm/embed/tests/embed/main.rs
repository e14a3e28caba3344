//! The public API as a host uses it: nothing here names another crate of kpol.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails; these lints know #[test] functions but not what they call"
)]

mod builtins;
mod bundles;
mod compile;
#[path = "../../../../examples/embed/main.rs"]
#[allow(dead_code, reason = "its `main` is for the command line; the test calls what it prints")]
mod example;
mod judge;
mod live;
mod mutate;

use std::path::Path;

use kpol::{Evaluator, Mode, Options};

/// An evaluator in the mode `deny`.
fn evaluator(text: &str) -> Evaluator {
    evaluator_with(text, Options::new().with_default_mode(Mode::Deny))
}

fn evaluator_with(text: &str, options: Options) -> Evaluator {
    Evaluator::new(kpol::compile(text).unwrap().bundle(), options).unwrap()
}

/// A review of a request with these further fields, on a Pod.
fn review(operation: &str, rest: &str) -> Vec<u8> {
    format!(
        r#"{{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {{
            "uid": "u-1", "operation": "{operation}", "namespace": "shop",
            "kind": {{"group": "", "version": "v1", "kind": "Pod"}},
            "resource": {{"group": "", "version": "v1", "resource": "pods"}}, {rest}}}}}"#
    )
    .into_bytes()
}

#[test]
fn the_example_prints_an_answer() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let examples = root.join("examples");
    let printed = example::answer(&examples.join("policies"), &examples.join("embed/review.json")).unwrap();
    assert!(printed.starts_with("Deny\n"), "{printed}");
    assert!(
        printed.contains(
            "warning[high] acme.pods.no_host_namespaces: hostNetwork is not allowed (spec.hostNetwork)"
        ),
        "{printed}"
    );
}

#[test]
fn what_threads_share_is_send_and_sync() {
    fn shared<T: Send + Sync + 'static>() {}
    fn movable<T: Send + 'static>() {}
    shared::<Evaluator>();
    shared::<kpol::Bundle>();
    shared::<kpol::Loader>();
    shared::<kpol::Cluster>();
    shared::<kpol::LiveCluster>();
    shared::<kpol::Options>();
    shared::<kpol::Compiler>();
    shared::<kpol::Compiled>();
    shared::<kpol::builtin::Builtins>();
    shared::<kpol::LoadError>();
    shared::<kpol::PrepareError>();
    shared::<kpol::ReviewError>();
    shared::<kpol::CompileError>();
    shared::<kpol::JsonError>();
    shared::<kpol::Patch>();
    movable::<kpol::Session>();
}
