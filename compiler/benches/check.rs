//! How long the whole library takes to check: what `kpolc check` does in CI, without reading files.
//!
//! `cargo bench -p kpol-compiler`. The figure that matters is `library/check`; the others say where it goes.
#![allow(missing_docs, reason = "criterion's macros have no docs to give")]

use criterion::{Criterion, criterion_group, criterion_main};
use kpol_compiler::{NoFiles, Options, Role, compile, library};

fn check(c: &mut Criterion) {
    let mut group = c.benchmark_group("library");
    group.sample_size(20);
    group.bench_function("check", |b| {
        b.iter(|| {
            let compiled = compile(library("std", Role::Entry), &NoFiles, &Options::default());
            assert!(!compiled.has_errors());
            compiled
        });
    });
    group.bench_function("parse", |b| {
        let sources = library("std", Role::Entry);
        b.iter(|| {
            sources
                .iter()
                .map(|s| kpol_grammar::parse(kpol_grammar::span::FileId(0), &s.text))
                .collect::<Vec<_>>()
        });
    });
    group.bench_function("check one package", |b| {
        b.iter(|| compile(library("std.pss.baseline", Role::Entry), &NoFiles, &Options::default()));
    });
    group.finish();
}

criterion_group!(benches, check);
criterion_main!(benches);
