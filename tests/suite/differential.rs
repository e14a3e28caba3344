//! Both engines on the whole library and the examples: the same outcomes and patches, by parsed review and by its bytes,
//! on the objects and events of every test of every package, on the examples' manifests, on Kubernetes' own test data, on
//! the samples of the gatekeeper library and on the fields of Falco's expected outcomes.
//!
//! Generated programs are in [`crate::agreement`]. A disagreement becomes a case of `kpol_vm::jit`'s own tests.

use std::path::{Path, PathBuf};

use kpol_compiler::{
    Compiled, Given, Loader, NoFiles, Options, Role, Source, Subject, TestCase, compile, library,
};
use kpol_manifest::{Limits, Syntax, parse};
use kpol_stdlib::catalog::Catalog;
use kpol_tests::{
    engines::{Engines, options},
    root, shared, yaml,
};
use kpol_vm::{
    evaluate::{Review, User},
    ir::{Const, Module, Operation, Target},
    json::Json,
};

fn engines(compiled: &Compiled, kubernetes: (u32, u32)) -> Engines {
    engines_of(compiled, compiled.module.as_ref().unwrap(), kubernetes, &[])
}

fn engines_of(
    compiled: &Compiled,
    module: &Module,
    kubernetes: (u32, u32),
    params: &[(String, Const)],
) -> Engines {
    Engines::new(module, compiled.catalog.builtins(), &options(kubernetes, params)).unwrap()
}

/// What was judged.
#[derive(Clone, Copy, Debug, Default)]
struct Judged {
    inputs: usize,
    findings: usize,
    patched: usize,
}

impl Judged {
    /// Judges a request, and mutates its object, in every way.
    fn review(&mut self, engines: &Engines, review: &Review<'_>, cluster: &[Json]) {
        let outcome = engines.review(review, cluster).unwrap_or_else(|difference| panic!("{difference}"));
        let mutated = engines.mutate(review, cluster).unwrap_or_else(|difference| panic!("{difference}"));
        self.inputs += 1;
        self.findings += outcome.map_or(0, |outcome| outcome.findings.len());
        self.patched += usize::from(mutated.is_ok_and(|mutated| !mutated.patch.is_empty()));
    }

    fn event(&mut self, engines: &Engines, name: &str, event: &Json) {
        let outcome = engines.event(name, event).unwrap_or_else(|difference| panic!("{difference}"));
        self.inputs += 1;
        self.findings += outcome.map_or(0, |outcome| outcome.findings.len());
    }

    /// Each object created, updated from the one before it, and deleted, among all of them.
    fn objects(&mut self, engines: &Engines, objects: &[Json], user: &User) {
        for index in 0..objects.len() {
            for review in requests(objects, index, user) {
                self.review(engines, &review, objects);
            }
        }
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
            Given::Manifest { path, .. } => {
                let path = root().join("examples/language").join(path);
                objects.extend(std::fs::read_to_string(path).ok().and_then(|text| yaml(&text).ok()));
            }
        }
    }
    (objects, events)
}

fn user_of(test: &TestCase) -> User {
    let text = |key| test.user.as_ref().and_then(|user| user.get(key)).and_then(Json::as_str);
    let groups = test.user.as_ref().and_then(|user| user.get("groups")).map_or(&[][..], Json::elements);
    User {
        name: text("name").unwrap_or_default().to_owned(),
        uid: text("uid").unwrap_or_default().to_owned(),
        groups: groups.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
        extra: Vec::new(),
    }
}

/// An object created, updated from the one before it, and deleted. The first Namespace among them is everybody's.
fn requests<'a>(objects: &'a [Json], index: usize, user: &User) -> Vec<Review<'a>> {
    let Some(mut create) = Review::create(&objects[index]) else { return Vec::new() };
    create.user = user.clone();
    create.namespace =
        objects.iter().find(|json| json.get("kind").and_then(Json::as_str) == Some("Namespace"));
    if create.namespace.is_some() && create.request.namespace.is_empty() {
        create.request.namespace = "some".to_owned();
    }
    let old = index.checked_sub(1).and_then(|before| objects.get(before));
    let update = Review { operation: Operation::Update, old, ..create.clone() };
    let delete = Review { operation: Operation::Delete, old: create.object, object: None, ..create.clone() };
    vec![create, update, delete]
}

/// The same request as one to a subresource that a rule is about.
fn to_subresource<'a>(review: &Review<'a>, target: &'a Target) -> Option<Review<'a>> {
    let Target::Kind { group, version, kind, plural, subresource: Some(subresource), operations, .. } =
        target
    else {
        return None;
    };
    let operation = operations.first().copied().unwrap_or(Operation::Connect);
    let mut review =
        Review { group, version, kind, subresource: Some(subresource), operation, ..review.clone() };
    review.request.resource.clone_from(plural);
    Some(review)
}

fn whole_library() -> Compiled {
    let compiled = compile(library("std", Role::Entry), &NoFiles, &Options::default());
    assert!(compiled.module.is_some(), "{:#?}", compiled.diagnostics);
    compiled
}

/// All tests of what was compiled, each with its params and version.
fn judge_tests(compiled: &Compiled) -> Judged {
    let newest = (1, compiled.catalog.schema().minors().1);
    let common = engines(compiled, newest);
    let mut judged = Judged::default();
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
                engines_of(compiled, &module, test.kubernetes.unwrap_or(newest), &params)
            });
        let engines = special.as_ref().unwrap_or(&common);
        let user = user_of(test);
        judged.objects(engines, &objects, &user);
        if let Subject::Rule(rule) = test.subject {
            let targets = &compiled.module.as_ref().unwrap().rules[rule.index()].targets;
            for review in objects.iter().filter_map(Review::create) {
                for review in targets.iter().filter_map(|target| to_subresource(&review, target)) {
                    judged.review(engines, &Review { user: user.clone(), ..review }, &objects);
                }
            }
        }
        for (name, event) in &events {
            judged.event(engines, name, event);
        }
    }
    judged
}

#[test]
fn both_engines_find_the_same_in_every_test_of_the_library() {
    let judged = judge_tests(&whole_library());
    assert!(judged.inputs > 500 && judged.findings > 500, "{judged:?}");
}

/// Reads files beside the source that names them.
struct Disk;

impl Loader for Disk {
    fn documents(&self, from: &Source, path: &str) -> Result<Vec<Json>, String> {
        documents(&Path::new(&from.name).parent().unwrap().join(path))
    }
}

/// Every document of a YAML file.
fn documents(path: &Path) -> Result<Vec<Json>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let documents = parse(&text, Syntax::Auto, &Limits::default()).map_err(|error| error.to_string())?;
    Ok(documents.into_iter().map(|document| document.value).collect())
}

/// The `.kpol` files of an example, compiled together.
fn example(folder: &str) -> Compiled {
    let paths =
        files(&root().join(folder)).into_iter().filter(|path| path.extension().is_some_and(|e| e == "kpol"));
    let sources = paths.map(|path| Source {
        name: path.display().to_string(),
        text: std::fs::read_to_string(&path).unwrap(),
        role: Role::Entry,
    });
    let compiled = compile(sources.collect(), &Disk, &Options::default());
    assert!(compiled.module.is_some(), "{folder}: {:#?}", compiled.diagnostics);
    compiled
}

const EXAMPLES: [&str; 2] = ["examples/policies", "examples/language"];

/// The library and the examples.
fn all_engines() -> Vec<Engines> {
    let examples = EXAMPLES.into_iter().map(example);
    std::iter::once(whole_library()).chain(examples).map(|compiled| engines(&compiled, (1, 37))).collect()
}

/// Every object in the YAML below a folder, file by file; what is no manifest is left out.
fn manifests(folder: &Path) -> Vec<Vec<Json>> {
    let yaml =
        files(folder).into_iter().filter(|path| path.extension().is_some_and(|e| e == "yaml" || e == "json"));
    yaml.filter_map(|path| documents(&path).ok()).collect()
}

#[test]
fn both_engines_find_the_same_in_the_tests_of_the_examples() {
    let judged = EXAMPLES.map(|folder| judge_tests(&example(folder)));
    assert!(judged.iter().all(|judged| judged.findings > 10), "{judged:?}");
}

#[test]
fn both_engines_find_the_same_in_the_manifests_of_the_examples() {
    let mut judged = Judged::default();
    for engines in all_engines() {
        for objects in manifests(&root().join("examples")) {
            judged.objects(&engines, &objects, &User::default());
        }
    }
    assert!(judged.findings > 50 && judged.patched > 5, "{judged:?}");
}

#[test]
fn both_engines_find_the_same_in_the_samples_of_the_gatekeeper_library() {
    let Some(folder) = shared("corpora/gatekeeper-library") else { return };
    let mut judged = Judged::default();
    for engines in all_engines() {
        for objects in manifests(&folder) {
            judged.objects(&engines, &objects, &User::default());
        }
    }
    assert!(judged.inputs > 1000 && judged.findings > 1000, "{judged:?}");
}

/// Falco's suite says what must happen on a machine, and which fields its alert has: the latter are an event here.
#[test]
fn both_engines_find_the_same_in_the_fields_of_falcos_suite() {
    let Some(folder) = shared("corpora/falco-events") else { return };
    let catalog = Catalog::new();
    let all = all_engines();
    let mut judged = Judged::default();
    for suite in manifests(&folder).into_iter().flatten() {
        for test in suite.get("tests").map_or(&[][..], Json::elements) {
            let outcome = test.at(&["expectedOutcome", "outputFields"]).map_or(&[][..], Json::entries);
            let known = outcome.iter().flat_map(|(name, value)| {
                catalog.falco_fields(name.as_str()).map(move |field| (field, value))
            });
            let known: Vec<_> = known.collect();
            for info in catalog.events() {
                let mut event = Json::Object(Vec::new());
                let here =
                    known.iter().filter(|(field, _)| field.event.is_none_or(|event| event == info.name));
                here.for_each(|(field, value)| put(&mut event, field.path, value));
                put(&mut event, "container.id", &Json::Str("0123456789ab".to_owned()));
                all.iter().for_each(|engines| judged.event(engines, info.name, &event));
            }
        }
    }
    assert!(judged.inputs > 1000 && judged.findings > 50, "{judged:?}");
}

/// Writes a value at a dotted path.
fn put(json: &mut Json, path: &str, value: &Json) {
    let Json::Object(entries) = json else { return };
    let (key, rest) = path.split_once('.').unwrap_or((path, ""));
    if entries.iter().all(|(known, _)| known != key) {
        let empty = if rest.is_empty() { value.clone() } else { Json::Object(Vec::new()) };
        entries.push((key.to_owned(), empty));
    }
    if let Some((_, inner)) = entries.iter_mut().find(|(known, _)| known == key).filter(|_| !rest.is_empty())
    {
        put(inner, rest, value);
    }
}

#[test]
fn every_rule_of_the_library_has_machine_code() {
    let compiled = whole_library();
    let engines = engines(&compiled, (1, 37));
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
fn files(folder: &Path) -> Vec<PathBuf> {
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
    let mut judged = Judged::default();
    for version in [(1, 5), (1, 24), (1, 37)] {
        let engines = engines(&compiled, version);
        for objects in manifests(&root) {
            judged.objects(&engines, &objects, &User::default());
        }
    }
    assert!(judged.findings > 500, "{judged:?}");
}
