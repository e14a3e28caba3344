//! `interp` against `jit`: fact to hits, for the nine policies of `std.workload`, on pods of about 2, 8 and 60 KB.
//!
//! `cargo bench -p kpol-tests --bench engines`. Facts are built once, outside of what is measured.
#![allow(missing_docs, reason = "criterion's macros have no docs to give")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark that cannot go on stops"
)]

use std::{fmt::Write as _, sync::Arc};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use kpol_compiler::{NoFiles, Options, Role, compile, library};
use kpol_tests::yaml;
use kpol_vm::{
    fact::Fact,
    interp::{Env, NoCluster, Roots, hits},
    ir::Slot,
    jit::{Frame, Jit, Sources},
    layout::Layout,
    value::Value,
    verify::verify,
};

/// A pod that breaks no rule, with `containers` containers and about `filler` bytes of managed fields.
fn pod(containers: usize, filler: usize) -> String {
    let mut text = String::from(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  namespace: shop\n  labels: {app: web, team: a}\n",
    );
    text.push_str("  managedFields:\n");
    for index in 0..filler / 60 {
        writeln!(text, "  - manager: kubectl\n    fieldsV1: {{\"f:field{index}\": {{\"f:x\": {{}}}}}}")
            .unwrap();
    }
    text.push_str("spec:\n  serviceAccountName: web\n  containers:\n");
    for index in 0..containers {
        writeln!(
            text,
            "  - name: c{index}
    image: ghcr.io/acme/app-{index}@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
    ports: [{{containerPort: {}}}]
    env: [{{name: A, value: some text of usual length}}, {{name: B, value: another}}]
    resources:
      limits: {{cpu: 500m, memory: 256Mi}}
      requests: {{cpu: 100m, memory: 128Mi}}
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      runAsNonRoot: true
      runAsUser: 1000
      seccompProfile: {{type: RuntimeDefault}}
      capabilities: {{drop: [ALL], add: [NET_BIND_SERVICE]}}
    volumeMounts: [{{name: tmp, mountPath: /tmp}}]
    readinessProbe: {{httpGet: {{path: /ready, port: 8080}}, periodSeconds: 5}}",
            8080 + index
        )
        .unwrap();
    }
    text.push_str("  volumes: [{name: tmp, emptyDir: {}}]\n");
    text
}

fn engines(c: &mut Criterion) {
    let compiled = compile(library("std.workload", Role::Entry), &NoFiles, &Options::default());
    let module = compiled.module.unwrap();
    let builtins = verify(&module, compiled.catalog.builtins()).unwrap();
    let layouts: Vec<Arc<Layout>> =
        module.roots.iter().map(|root| Arc::new(Layout::new(root).unwrap())).collect();
    let params: Vec<Value> =
        module.params.iter().map(|p| Value::from_const(p.default.as_ref().unwrap(), &p.ty)).collect();
    let sources = Sources {
        module: &module,
        builtins: &builtins,
        layouts: &layouts,
        params: &params,
        bind_params: &[],
        fixed: &Roots::default(),
        classes: &[],
    };
    let jit = Jit::new(sources).unwrap();
    for coverage in jit.coverage() {
        eprintln!("{}: {coverage:?}", module.rules.get(coverage.rule).map_or("", |rule| &rule.name));
    }
    c.bench_function("load", |b| b.iter(|| Jit::new(sources).unwrap()));
    let mut group = c.benchmark_group("nine policies, fact to hits");
    for (name, containers, filler) in [("2 KB", 1, 0), ("8 KB", 3, 4_000), ("60 KB", 20, 30_000)] {
        let json = yaml(&pod(containers, filler)).unwrap();
        eprintln!("{name}: {} bytes", json.to_string().len());
        let mut roots = Roots::default();
        for rule in &module.rules {
            for expr in &rule.code.exprs {
                if let kpol_vm::ir::Op::Root(slot @ (Slot::Object | Slot::Pod), root) = expr.op {
                    let layout = layouts.get(root.index()).unwrap();
                    roots.insert(slot, root, Fact::build(layout, &json, &[]).unwrap());
                }
            }
        }
        let env = Env {
            module: &module,
            builtins: &builtins,
            params: &params,
            roots: &roots,
            pod_keys: &[],
            cluster: &NoCluster,
            subject: None,
            fuel: kpol_vm::evaluate::DEFAULT_FUEL,
        };
        let by_interp = || module.rules.iter().map(|rule| hits(rule, &env).unwrap().len()).sum::<usize>();
        let mut frame = Frame::default();
        let mut by_jit = || {
            let mut run = jit.run(&mut frame, env);
            (0..module.rules.len()).map(|rule| run.hits(rule, None).unwrap().len()).sum::<usize>()
        };
        assert_eq!(by_interp(), by_jit());
        eprintln!("{name}: {} hits", by_jit());
        group.bench_function(BenchmarkId::new("interp", name), |b| b.iter(by_interp));
        group.bench_function(BenchmarkId::new("jit", name), |b| b.iter(&mut by_jit));
    }
    group.finish();
}

criterion_group!(benches, engines);
criterion_main!(benches);
