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

use std::{borrow::Cow, fmt::Write as _, hint::black_box, sync::Arc};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use kpol_compiler::{NoFiles, Options, Role, compile, library};
use kpol_tests::evaluator_on;
use kpol_vm::{
    evaluate::{Engine, Inventory, Scratch},
    ir::{Op, Slot},
    layout::Layout,
    project::{Projected, Projector, Trie},
};
use serde::Deserialize;

/// A review of a pod with `containers` containers as the API server writes it; managedFields are about 45 % of it.
fn review(containers: usize, managed: bool) -> String {
    let mut specs = String::new();
    let mut owned = String::new();
    for i in 0..containers {
        let comma = if i > 0 { "," } else { "" };
        write!(
            specs,
            r#"{comma}{{"name":"c{i}","image":"ghcr.io/acme/app-{i}@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef","args":["--config=/etc/app/config.yaml","--log-level=info"],"ports":[{{"name":"http","containerPort":8080,"protocol":"TCP"}}],"env":[{{"name":"POD_NAME","valueFrom":{{"fieldRef":{{"apiVersion":"v1","fieldPath":"metadata.name"}}}}}},{{"name":"GREETING","value":"some \"quoted\" text"}}],"resources":{{"limits":{{"cpu":"500m","memory":"256Mi"}},"requests":{{"cpu":"100m","memory":"128Mi"}}}},"volumeMounts":[{{"name":"tmp","mountPath":"/tmp"}},{{"name":"kube-api-access-x7x5c","readOnly":true,"mountPath":"/var/run/secrets/kubernetes.io/serviceaccount"}}],"livenessProbe":{{"httpGet":{{"path":"/healthz","port":8080,"scheme":"HTTP"}},"timeoutSeconds":1,"periodSeconds":10,"successThreshold":1,"failureThreshold":3}},"terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File","imagePullPolicy":"IfNotPresent","securityContext":{{"capabilities":{{"drop":["ALL"]}},"privileged":false,"runAsNonRoot":true,"readOnlyRootFilesystem":true,"allowPrivilegeEscalation":false}}}}"#
        )
        .unwrap();
        write!(
            owned,
            r#"{comma}"k:{{\"name\":\"c{i}\"}}":{{".":{{}},"f:args":{{}},"f:env":{{".":{{}},"k:{{\"name\":\"GREETING\"}}":{{".":{{}},"f:name":{{}},"f:value":{{}}}},"k:{{\"name\":\"POD_NAME\"}}":{{".":{{}},"f:name":{{}},"f:valueFrom":{{".":{{}},"f:fieldRef":{{}}}}}}}},"f:image":{{}},"f:imagePullPolicy":{{}},"f:livenessProbe":{{".":{{}},"f:failureThreshold":{{}},"f:httpGet":{{".":{{}},"f:path":{{}},"f:port":{{}},"f:scheme":{{}}}},"f:periodSeconds":{{}},"f:successThreshold":{{}},"f:timeoutSeconds":{{}}}},"f:name":{{}},"f:ports":{{".":{{}},"k:{{\"containerPort\":8080,\"protocol\":\"TCP\"}}":{{".":{{}},"f:containerPort":{{}},"f:name":{{}},"f:protocol":{{}}}}}},"f:resources":{{".":{{}},"f:limits":{{".":{{}},"f:cpu":{{}},"f:memory":{{}}}},"f:requests":{{".":{{}},"f:cpu":{{}},"f:memory":{{}}}}}},"f:securityContext":{{".":{{}},"f:allowPrivilegeEscalation":{{}},"f:capabilities":{{".":{{}},"f:drop":{{}}}},"f:privileged":{{}},"f:readOnlyRootFilesystem":{{}},"f:runAsNonRoot":{{}}}},"f:terminationMessagePath":{{}},"f:terminationMessagePolicy":{{}},"f:volumeMounts":{{".":{{}},"k:{{\"mountPath\":\"/tmp\"}}":{{".":{{}},"f:mountPath":{{}},"f:name":{{}}}}}}}}"#
        )
        .unwrap();
    }
    let managed = if managed {
        format!(
            r#","managedFields":[{{"manager":"kubectl-client-side-apply","operation":"Update","apiVersion":"v1","time":"2026-11-23T09:00:00Z","fieldsType":"FieldsV1","fieldsV1":{{"f:metadata":{{"f:labels":{{".":{{}},"f:app":{{}}}}}},"f:spec":{{"f:containers":{{{owned}}},"f:dnsPolicy":{{}},"f:restartPolicy":{{}}}}}}}}]"#
        )
    } else {
        String::new()
    };
    format!(
        r#"{{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{{"uid":"705ab4f5-6393-11e8-b7cc-42010a800002","kind":{{"group":"","version":"v1","kind":"Pod"}},"resource":{{"group":"","version":"v1","resource":"pods"}},"requestKind":{{"group":"","version":"v1","kind":"Pod"}},"requestResource":{{"group":"","version":"v1","resource":"pods"}},"name":"web","namespace":"shop","operation":"CREATE","userInfo":{{"username":"system:serviceaccount:ci:deployer","uid":"0e2b8d5c","groups":["system:serviceaccounts","system:authenticated"]}},"object":{{"kind":"Pod","apiVersion":"v1","metadata":{{"name":"web","namespace":"shop","uid":"a1","creationTimestamp":"2026-11-23T09:00:00Z","labels":{{"app":"web","team":"shop"}}{managed}}},"spec":{{"volumes":[{{"name":"tmp","emptyDir":{{}}}}],"containers":[{specs}],"restartPolicy":"Always","terminationGracePeriodSeconds":30,"dnsPolicy":"ClusterFirst","serviceAccountName":"web","securityContext":{{}},"schedulerName":"default-scheduler","tolerations":[{{"key":"node.kubernetes.io/not-ready","operator":"Exists","effect":"NoExecute","tolerationSeconds":300}}]}},"status":{{}}}},"oldObject":null,"dryRun":false,"options":{{"kind":"CreateOptions","apiVersion":"meta.k8s.io/v1"}}}}}}"#
    )
}

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
    for (name, containers, managed) in [("2 KB", 1, false), ("8 KB", 3, true), ("60 KB", 25, true)] {
        let body = review(containers, managed);
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
