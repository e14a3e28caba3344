//! Bytes of a review to the facts of the nine policies of `std.workload`, beside serde reading the same fields.
//!
//! `cargo bench -p kpol-tests --bench project`. `serde visitor` is derived code that keeps those fields, borrows texts and
//! skips the rest (`IgnoredAny`); `serde value` builds `serde_json::Value`. All three read uid, kind and operation.
#![allow(missing_docs, reason = "criterion's macros have no docs to give")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark that cannot go on stops"
)]

use std::{borrow::Cow, hint::black_box, sync::Arc};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use kpol_compiler::{NoFiles, Options, Role, compile, library};
use kpol_tests::{
    evaluator_on,
    reviews::{Size, review},
};
use kpol_vm::{
    evaluate::{Engine, Inventory, Scratch},
    ir::{Op, Slot},
    layout::Layout,
    project::{Projected, Projector, Trie},
};
use serde::Deserialize;

/// The fields of the nine policies, by hand.
mod by_hand {
    use super::{Cow, Deserialize};

    #[derive(Deserialize)]
    pub(super) struct Review<'a> {
        #[serde(borrow)]
        pub(super) request: Request<'a>,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "read and kept, as the projector keeps them")]
    pub(super) struct Request<'a> {
        #[serde(borrow)]
        pub(super) uid: Cow<'a, str>,
        pub(super) kind: Kind<'a>,
        #[serde(borrow)]
        pub(super) operation: Cow<'a, str>,
        #[serde(borrow)]
        pub(super) object: Option<Pod<'a>>,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "read and kept")]
    pub(super) struct Kind<'a> {
        #[serde(borrow)]
        group: Cow<'a, str>,
        #[serde(borrow)]
        version: Cow<'a, str>,
        #[serde(borrow)]
        kind: Cow<'a, str>,
    }

    #[derive(Deserialize)]
    pub(super) struct Pod<'a> {
        #[serde(borrow)]
        pub(super) spec: Option<Spec<'a>>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    #[expect(dead_code, reason = "read and kept")]
    pub(super) struct Spec<'a> {
        #[serde(rename = "hostNetwork")]
        host_network: Option<bool>,
        #[serde(rename = "hostPID")]
        host_pid: Option<bool>,
        #[serde(rename = "hostIPC")]
        host_ipc: Option<bool>,
        #[serde(borrow)]
        os: Option<Os<'a>>,
        #[serde(borrow)]
        resources: Option<Resources<'a>>,
        #[serde(borrow, default)]
        init_containers: Vec<Container<'a>>,
        #[serde(borrow, default)]
        pub(super) containers: Vec<Container<'a>>,
        #[serde(borrow, default)]
        ephemeral_containers: Vec<Container<'a>>,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "read and kept")]
    pub(super) struct Os<'a> {
        #[serde(borrow)]
        name: Option<Cow<'a, str>>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    #[expect(dead_code, reason = "read and kept")]
    pub(super) struct Container<'a> {
        #[serde(borrow)]
        name: Cow<'a, str>,
        #[serde(borrow)]
        image: Option<Cow<'a, str>>,
        #[serde(borrow)]
        resources: Option<Resources<'a>>,
        #[serde(borrow)]
        security_context: Option<Context<'a>>,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "read and kept")]
    pub(super) struct Resources<'a> {
        #[serde(borrow)]
        limits: Option<Amounts<'a>>,
        #[serde(borrow)]
        requests: Option<Amounts<'a>>,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "read and kept")]
    pub(super) struct Amounts<'a> {
        #[serde(borrow)]
        cpu: Option<Cow<'a, str>>,
        #[serde(borrow)]
        memory: Option<Cow<'a, str>>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    #[expect(dead_code, reason = "read and kept")]
    pub(super) struct Context<'a> {
        privileged: Option<bool>,
        allow_privilege_escalation: Option<bool>,
        read_only_root_filesystem: Option<bool>,
        #[serde(borrow)]
        capabilities: Option<Capabilities<'a>>,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "read and kept")]
    pub(super) struct Capabilities<'a> {
        #[serde(borrow, default)]
        add: Vec<Cow<'a, str>>,
        #[serde(borrow, default)]
        drop: Vec<Cow<'a, str>>,
    }
}

fn project(c: &mut Criterion) {
    let compiled = compile(library("std.workload", Role::Entry), &NoFiles, &Options::default());
    let evaluator = evaluator_on(Engine::Jit, &compiled, (1, 34), Vec::new()).unwrap();
    let module = evaluator.module();
    let mut roots: Vec<(Arc<Layout>, Vec<String>)> = Vec::new();
    let keys = || vec!["request".to_owned(), "object".to_owned()];
    for op in module.rules.iter().flat_map(|rule| &rule.code.exprs).map(|expr| &expr.op) {
        if let Op::Root(Slot::Object | Slot::Pod, root) = op {
            let root = module.roots.get(root.index()).unwrap();
            if roots.iter().all(|(layout, _)| layout.root() != root) {
                roots.push((Arc::new(Layout::new(root).unwrap()), keys()));
            }
        }
    }
    let trie = Trie::new(
        &roots,
        &[
            &["request", "uid"],
            &["request", "kind", "group"],
            &["request", "kind", "version"],
            &["request", "kind", "kind"],
            &["request", "operation"],
        ],
    );
    let mut group = c.benchmark_group("project");
    for size in Size::ALL {
        let (name, containers) = (size.name(), size.pod().containers);
        let body = review(&size.pod());
        eprintln!("{name}: {} bytes", body.len());
        group.throughput(Throughput::Bytes(body.len() as u64));
        let mut projector = Projector::default();
        let mut results = Vec::new();
        group.bench_function(BenchmarkId::new("projector", name), |b| {
            b.iter(|| projector.project(&trie, black_box(body.as_bytes()), &mut results).unwrap());
        });
        assert!(results.iter().all(|result| matches!(result, Projected::Fact(_))));
        group.bench_function(BenchmarkId::new("utf-8 alone", name), |b| {
            b.iter(|| simdutf8::compat::from_utf8(black_box(body.as_bytes())).unwrap().len());
        });
        group.bench_function(BenchmarkId::new("serde visitor", name), |b| {
            b.iter(|| {
                let review: by_hand::Review<'_> = serde_json::from_slice(black_box(body.as_bytes())).unwrap();
                assert_eq!(
                    review.request.object.as_ref().unwrap().spec.as_ref().unwrap().containers.len(),
                    containers
                );
                review.request.uid.len()
            });
        });
        group.bench_function(BenchmarkId::new("serde value", name), |b| {
            b.iter(|| serde_json::from_slice::<serde_json::Value>(black_box(body.as_bytes())).unwrap());
        });
        let mut scratch = Scratch::default();
        let inventory = Inventory::empty();
        group.bench_function(BenchmarkId::new("bytes to decision", name), |b| {
            b.iter(|| {
                evaluator.review_bytes(body.as_bytes(), &mut scratch, &inventory, &|_| None).unwrap().decision
            });
        });
        evaluator.read(body.as_bytes(), &mut scratch).unwrap();
        group.bench_function(BenchmarkId::new("judge alone", name), |b| {
            b.iter(|| evaluator.judge(&mut scratch, &inventory, &|_| None).unwrap().decision);
        });
    }
    group.finish();
}

criterion_group!(benches, project);
criterion_main!(benches);
