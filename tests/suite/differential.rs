//! Both engines on the whole library: the same outcomes on the objects and events of every test of every package, and
//! on Kubernetes' own test data.
//!
//! Generated programs on both engines are in `kpol_vm::jit`'s own tests. A disagreement becomes a case there.

use std::path::Path;

use kpol_compiler::{Compiled, Given, NoFiles, Options, Role, Subject, TestCase, compile, library};
use kpol_tests::{shared, yaml};
use kpol_vm::{
    evaluate::{self, Engine, Evaluator, Review},
    ir::{Const, Mode, Module, Operation},
    json::Json,
};

/// One module on both engines.
struct Engines {
    interp: Evaluator,
    jit: Evaluator,
}

impl Engines {
    fn new(compiled: &Compiled, kubernetes: (u32, u32), params: &[(String, Const)]) -> Engines {
        Engines::of(compiled, compiled.module.clone().unwrap(), kubernetes, params)
    }

    fn of(
        compiled: &Compiled,
        module: Module,
        kubernetes: (u32, u32),
        params: &[(String, Const)],
    ) -> Engines {
        let new = |engine| {
            let options = evaluate::Options {
                params: params.to_vec(),
                default_mode: Mode::Deny,
                max_mode: Mode::Deny,
                today: jiff::civil::date(2026, 11, 23),
                kubernetes,
                fuel: evaluate::DEFAULT_FUEL,
                engine,
            };
            Evaluator::new(module.clone(), compiled.catalog.builtins(), options).unwrap()
        };
        Engines { interp: new(Engine::Interp), jit: new(Engine::Jit) }
    }

    /// Judges a request with both; how many findings there are.
    fn review(&self, review: &Review<'_>, cluster: &[Json]) -> usize {
        let judge = |evaluator: &Evaluator| {
            let (inventory, _) = evaluator.inventory(cluster);
            evaluator.review(review, &inventory)
        };
        let (interp, jit) = (judge(&self.interp), judge(&self.jit));
        assert_eq!(interp, jit, "{:?}", review.object);
        interp.map_or(0, |outcome| outcome.findings.len())
    }

    fn event(&self, name: &str, event: &Json) -> usize {
        let interp = self.interp.event(name, event);
        assert_eq!(interp, self.jit.event(name, event), "{event:?}");
        interp.map_or(0, |outcome| outcome.findings.len())
    }
}

/// What a test gives: objects and events.
fn given(test: &TestCase) -> (Vec<Json>, Vec<(String, Json)>) {
    let (mut objects, mut events) = (test.objects.clone(), Vec::new());
    for given in &test.given {
        match given {
            Given::Object { json, .. } => objects.push(json.clone()),
            Given::Event { name, json, .. } => events.push((name.clone(), json.clone())),
            Given::Yaml { text, .. } => objects.extend(yaml(text)),
            Given::Manifest { .. } => {}
        }
    }
    (objects, events)
}

/// Each object created, updated from the one before it, and deleted.
fn requests<'a>(objects: &'a [Json], index: usize, namespaces: &'a [Json]) -> Vec<Review<'a>> {
    let Some(mut create) = Review::create(&objects[index]) else { return Vec::new() };
    create.namespace = namespaces.first();
    let old = index.checked_sub(1).and_then(|before| objects.get(before));
    let update = Review { operation: Operation::Update, old, ..create.clone() };
    let delete = Review { operation: Operation::Delete, old: create.object, object: None, ..create.clone() };
    vec![create, update, delete]
}

fn whole_library() -> Compiled {
    let compiled = compile(library("std", Role::Entry), &NoFiles, &Options::default());
    assert!(compiled.module.is_some(), "{:#?}", compiled.diagnostics);
    compiled
}

#[test]
fn both_engines_find_the_same_in_every_test_of_the_library() {
    let compiled = whole_library();
    let newest = (1, compiled.catalog.schema().minors().1);
    let common = Engines::new(&compiled, newest, &[]);
    let (mut findings, mut judged) = (0, 0);
    for test in &compiled.tests {
        let (objects, events) = given(test);
        let special = (!test.with.is_empty() || test.kubernetes.is_some_and(|version| version != newest))
            .then(|| {
                let mut module = compiled.module.clone().unwrap();
                let name = |id: kpol_vm::ir::ParamId| module.params[id.index()].name.clone();
                let params: Vec<_> = test.with.iter().map(|(id, value)| (name(*id), value.clone())).collect();
                // Many modules are loaded here: each with the one rule that the test is of.
                module.binds.clear();
                module.exceptions.clear();
                if let Subject::Rule(rule) = test.subject {
                    module.rules = vec![module.rules.swap_remove(rule.index())];
                }
                Engines::of(&compiled, module, test.kubernetes.unwrap_or(newest), &params)
            });
        let engines = special.as_ref().unwrap_or(&common);
        let namespaces: Vec<Json> = objects
            .iter()
            .filter(|json| json.get("kind").and_then(Json::as_str) == Some("Namespace"))
            .cloned()
            .collect();
        for index in 0..objects.len() {
            for review in requests(&objects, index, &namespaces) {
                findings += engines.review(&review, &objects);
                judged += 1;
            }
        }
        for (name, event) in &events {
            findings += engines.event(name, event);
            judged += 1;
        }
    }
    assert!(judged > 500 && findings > 500, "{findings} findings in {judged} inputs");
}

#[test]
fn every_rule_of_the_library_has_machine_code() {
    let compiled = whole_library();
    let engines = Engines::new(&compiled, (1, 37), &[]);
    let module = engines.jit.module();
    let coverage = engines.jit.jit().unwrap().coverage();
    let name = |rule: usize| module.rules[rule].name.as_str();
    let without: Vec<&str> = coverage.iter().filter(|c| !c.compiled).map(|c| name(c.rule)).collect();
    let partly: Vec<String> = coverage
        .iter()
        .filter(|c| c.compiled && !c.sites.is_empty())
        .map(|c| {
            let code = &module.rules[c.rule].code;
            let ops: Vec<String> =
                c.sites.iter().map(|id| format!("{:?}", code.expr(*id).unwrap().op)).collect();
            let words = ops.iter().map(|op| op.split(['(', ' ']).next().unwrap_or_default());
            format!("{}: {}", name(c.rule), words.collect::<Vec<_>>().join(" "))
        })
        .collect();
    eprintln!(
        "{} rules, {} without machine code: {without:?}; {} with expressions that interp evaluates:\n  {}",
        coverage.len(),
        without.len(),
        partly.len(),
        partly.join("\n  ")
    );
    assert_eq!(without, [""; 0]);
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

#[test]
fn both_engines_find_the_same_in_the_test_data_of_kubernetes() {
    let Some(root) = shared("corpora/pod-security-standards") else { return };
    let compiled = whole_library();
    let engines: Vec<_> =
        [(1, 5), (1, 24), (1, 37)].into_iter().map(|version| Engines::new(&compiled, version, &[])).collect();
    let mut findings = 0;
    for file in files(&root) {
        let Ok(object) = yaml(&std::fs::read_to_string(&file).unwrap()) else { continue };
        let Some(review) = Review::create(&object) else { continue };
        for engines in &engines {
            findings += engines.review(&review, &[]);
        }
    }
    assert!(findings > 500, "{findings}");
}
