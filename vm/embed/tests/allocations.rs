//! A session's promise: after warm-up, a review that passes allocates nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use kpol::{Cluster, Evaluator, Mode, Options, Session};

/// The system's allocator, with a count per thread.
struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[expect(unsafe_code, reason = "an allocator is asked and answers with raw memory")]
// SAFETY: every call goes on to the system's allocator as it came; the count touches no memory of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = COUNT.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's layout.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: memory that `alloc` gave for this layout.
        unsafe { System.dealloc(at, layout) }
    }
}

#[test]
fn a_review_that_passes_allocates_nothing_after_the_first_ones() {
    let text = "package acme\nrule r on Pod {\n  deny when object.spec.hostPID message \"m\"\n  \
        for c in object.spec.containers {\n    deny when c.securityContext.privileged message \"{c.name}\"\n  }\n}\n";
    let compiled = kpol::compile(text).unwrap();
    let options = Options::new().with_default_mode(Mode::Deny);
    let evaluator = Evaluator::new(compiled.bundle(), options).unwrap();
    let body = br#"{"kind": "AdmissionReview", "request": {"uid": "1", "operation": "CREATE", "namespace": "shop",
        "kind": {"group": "", "version": "v1", "kind": "Pod"}, "userInfo": {"username": "ann", "groups": ["a", "b"]},
        "object": {"metadata": {"name": "web"}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}}}"#;
    for cluster in [Cluster::empty(), evaluator.live_cluster().cluster()] {
        let mut session = Session::new();
        let mut review = || evaluator.review(body, &cluster, &mut session).unwrap().is_allowed();
        for _ in 0..8 {
            assert!(review());
        }
        let before = COUNT.get();
        for _ in 0..100 {
            assert!(review());
        }
        assert_eq!(COUNT.get() - before, 0, "allocations in 100 reviews");
    }
}

#[test]
fn the_nine_policies_allocate_nothing_either() {
    let compiled = kpol::Compiler::new().with_library("std.workload").unwrap().compile().unwrap();
    let options = Options::new().with_default_mode(Mode::Deny);
    let evaluator = Evaluator::new(compiled.bundle(), options).unwrap();
    let container = |name: &str, image: &str| {
        format!(
            r#"{{"name": "{name}", "image": "{image}", "securityContext": {{"privileged": false,
                "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                "capabilities": {{"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}}},
                "resources": {{"limits": {{"cpu": "500m", "memory": "1Gi"}}, "requests": {{"cpu": "0.1", "memory": "5e8"}}}}}}"#
        )
    };
    // Reviews of different length and form take turns.
    let bodies: Vec<String> = [vec!["a"], vec!["b", "c", "d"], vec![]]
        .iter()
        .map(|names| {
            let containers: Vec<String> = names.iter().map(|name| container(name, "nginx:1")).collect();
            format!(
                r#"{{"kind": "AdmissionReview", "request": {{"uid": "1", "operation": "CREATE", "namespace": "shop",
                    "kind": {{"group": "", "version": "v1", "kind": "Pod"}}, "userInfo": {{"username": "ann", "groups": ["a"]}},
                    "object": {{"metadata": {{"name": "web", "managedFields": [{{"a": [1, "\"]"]}}]}},
                        "spec": {{"initContainers": [], "containers": [{}]}}}}}}}}"#,
                containers.join(",")
            )
        })
        .collect();
    let (cluster, mut session) = (Cluster::empty(), Session::new());
    let mut review =
        |body: &str| evaluator.review(body.as_bytes(), &cluster, &mut session).unwrap().is_allowed();
    for body in bodies.iter().cycle().take(12) {
        assert!(review(body), "{body}");
    }
    let before = COUNT.get();
    for body in bodies.iter().cycle().take(99) {
        assert!(review(body));
    }
    assert_eq!(COUNT.get() - before, 0, "allocations in 99 reviews");
}
