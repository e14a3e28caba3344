//! `kpolc test`: the tests that policies hold, on the reference engine.

use std::{collections::BTreeSet, path::Path, time::Instant};

use kpol_compiler::{Compiled, Expect, Given, Subject, TestCase, Verdict};
use kpol_grammar::span::Span;
use kpol_manifest::{Document, Limits, Syntax, objects, parse};
use kpol_vm::{
    evaluate::{self, Evaluator, Finding, Inventory, Mutated, Review, User},
    ir::{Const, Mode, Module, Operation, RuleId, Target},
    json::Json,
};

use crate::{
    CliError, Exit, Io,
    args::{Global, TestArgs},
    coverage::Coverage,
    load::{LoadOptions, Loaded, load},
    manifests::{self, InputError},
    render,
    report::{Report, TestFailure, TestOutcome, TestResult, count},
    validate::validate,
};

pub(crate) fn run(args: &TestArgs, global: &Global, io: &mut Io) -> Result<Exit, CliError> {
    let loaded = load(&args.paths, &LoadOptions::of(&args.compile), io)?;
    let mut report = Report::of("test", &loaded.compiled);
    if loaded.compiled.has_errors() {
        report.summary = "no tests ran: the policies have errors".to_owned();
        render::write(&report, args.output.format, global, io)?;
        return Ok(report.exit(args.compile.deny_warnings).zero_if(args.output.exit_zero));
    }
    // Warnings are `check`'s business; a test run speaks of tests.
    report.diagnostics.clear();
    let mut coverage = Coverage::new(&loaded.compiled);
    let chosen: Vec<&TestCase> = loaded.compiled.tests.iter().filter(|test| is_chosen(test, args)).collect();
    for test in &chosen {
        let result = Run::new(&loaded, args, io).test(test, &mut coverage, &report);
        report.tests.extend(result);
    }
    let counts = report.counts();
    report.summary = format!(
        "{}: {} passed, {} failed, {} skipped",
        count(chosen.len(), "test"),
        counts.passed,
        counts.failed,
        counts.skipped
    );
    render::write(&report, args.output.format, global, io)?;
    let mut exit = report.exit(args.compile.deny_warnings);
    if let Some(form) = args.coverage {
        io.out(&coverage.render(form, &loaded.compiled));
    }
    if let Some(threshold) = args.threshold {
        let percent = coverage.percent();
        if percent < f64::from(threshold) && exit == Exit::Clean {
            io.err(&format!(
                "error: the tests reach {percent:.1} % of the clauses; --threshold asks for {threshold} %\n"
            ));
            exit = Exit::No;
        }
    }
    if chosen.is_empty() && args.filter.is_some() {
        return Err(CliError::usage("no test has this in its rule or name", None));
    }
    Ok(exit.zero_if(args.output.exit_zero))
}

fn is_chosen(test: &TestCase, args: &TestArgs) -> bool {
    let Some(filter) = &args.filter else { return true };
    test.subject_name.contains(filter.as_str()) || test.name.contains(filter.as_str())
}

struct Run<'r> {
    loaded: &'r Loaded,
    today: jiff::civil::Date,
    dir: std::path::PathBuf,
}

/// What one test gave.
#[derive(Default)]
struct Gave {
    findings: Vec<Finding>,
    mutated: Option<Mutated>,
}

impl<'r> Run<'r> {
    fn new(loaded: &'r Loaded, args: &TestArgs, io: &Io) -> Run<'r> {
        Run { loaded, today: args.compile.today.unwrap_or(io.today), dir: io.dir.clone() }
    }

    fn compiled(&self) -> &Compiled {
        &self.loaded.compiled
    }

    fn test(&self, test: &TestCase, coverage: &mut Coverage, report: &Report) -> Option<TestResult> {
        let place = report.place(test.span)?;
        let start = Instant::now();
        let outcome = match self.outcome(test, coverage) {
            Ok(gave) => self.compare(test, &gave, report),
            Err(Stop::Skipped(why)) => TestOutcome::Skipped(why),
            Err(Stop::Broken(message)) => {
                TestOutcome::Failed(vec![TestFailure { message, place: place.clone(), notes: Vec::new() }])
            }
            Err(Stop::Given { span, message }) => {
                let place = report.place(span).unwrap_or_else(|| place.clone());
                TestOutcome::Failed(vec![TestFailure { message, place, notes: Vec::new() }])
            }
        };
        Some(TestResult {
            subject: test.subject_name.clone(),
            name: test.name.clone(),
            place,
            outcome,
            took: start.elapsed(),
        })
    }

    fn outcome(&self, test: &TestCase, coverage: &mut Coverage) -> Result<Gave, Stop> {
        let module = self.module_for(test)?;
        match test.subject {
            Subject::Correlation => {
                Err(Stop::Skipped("nothing runs correlations yet: that needs the node sensor".to_owned()))
            }
            Subject::Rule(rule) => self.rule(test, rule, module, coverage),
            Subject::Mutation(_) => self.mutation(test, module),
        }
    }

    /// The module with nothing but the subject: a test is of one rule, whatever else the policies hold. Exceptions to
    /// the rule stay, binds do not: whether a rule is right does not depend on where it is switched on.
    fn module_for(&self, test: &TestCase) -> Result<Module, Stop> {
        let mut module = self
            .compiled()
            .module
            .clone()
            .ok_or_else(|| Stop::Broken("the policies did not compile".to_owned()))?;
        module.binds.clear();
        match test.subject {
            Subject::Mutation(index) => {
                module.mutations = module.mutations.into_iter().skip(index).take(1).collect();
            }
            Subject::Rule(_) | Subject::Correlation => module.mutations.clear(),
        }
        Ok(module)
    }

    fn evaluator(&self, module: Module, test: &TestCase) -> Result<Evaluator, Stop> {
        let params: Vec<(String, Const)> = test
            .with
            .iter()
            .filter_map(|(id, value)| Some((module.params.get(id.index())?.name.clone(), value.clone())))
            .collect();
        let options = evaluate::Options {
            params,
            default_mode: Mode::Deny,
            max_mode: Mode::Deny,
            today: self.today,
            kubernetes: test.kubernetes.unwrap_or((1, self.compiled().catalog.schema().minors().1)),
            fuel: evaluate::DEFAULT_FUEL,
            engine: evaluate::Engine::default(),
        };
        Evaluator::new(module, self.compiled().catalog.builtins(), options)
            .map_err(|e| Stop::Broken(e.to_string()))
    }

    fn rule(
        &self,
        test: &TestCase,
        rule: RuleId,
        module: Module,
        coverage: &mut Coverage,
    ) -> Result<Gave, Stop> {
        let targets = module.rules.get(rule.index()).map(|rule| rule.targets.clone()).unwrap_or_default();
        let evaluator = self.evaluator(module, test)?;
        let mut gave = Gave::default();
        let (objects, events) = self.inputs(test)?;
        for (name, json) in events {
            let outcome =
                evaluator.event_why(&name, &json).map_err(|error| Stop::Broken(error.to_string()))?;
            coverage.add(rule, &outcome);
            gave.findings.extend(outcome.findings.into_iter().filter(|finding| finding.rule == rule));
        }
        let (inventory, namespaces) = self.cluster(&evaluator, test, &objects)?;
        for (old, object) in pairs(&targets, &objects) {
            if let Some(mut review) = self.request(&targets, object, old) {
                review.namespace = namespaces.iter().find(|json| name_of(json) == review.request.namespace);
                review.user = test.user.as_ref().map_or_else(User::default, user);
                let outcome = evaluator
                    .review_why(&review, &inventory)
                    .map_err(|error| Stop::Broken(error.to_string()))?;
                if outcome.other_versions.contains(&rule) {
                    return Err(Stop::Broken(format!(
                        "the rule is for another API version of {}",
                        review.kind
                    )));
                }
                if !outcome.applied.contains(&rule) {
                    return Err(Stop::Broken(format!(
                        "the rule does not apply to {}: it is on {}",
                        manifests::title(object),
                        target_words(&targets)
                    )));
                }
                coverage.add(rule, &outcome);
                gave.findings.extend(outcome.findings.into_iter().filter(|finding| finding.rule == rule));
            }
        }
        Ok(gave)
    }

    fn mutation(&self, test: &TestCase, module: Module) -> Result<Gave, Stop> {
        let evaluator = self.evaluator(module, test)?;
        let (objects, _) = self.inputs(test)?;
        let (inventory, namespaces) = self.cluster(&evaluator, test, &objects)?;
        let mut gave = Gave::default();
        for object in &objects {
            let Some(mut review) = Review::create(object) else { continue };
            review.namespace = namespaces.iter().find(|json| name_of(json) == review.request.namespace);
            review.user = test.user.as_ref().map_or_else(User::default, user);
            let mutated =
                evaluator.mutate(&review, &inventory).map_err(|error| Stop::Broken(error.to_string()))?;
            let mut again = review.clone();
            again.object = Some(&mutated.object);
            let twice =
                evaluator.mutate(&again, &inventory).map_err(|error| Stop::Broken(error.to_string()))?;
            if !twice.patch.is_empty() {
                return Err(Stop::Broken(
                    "applied a second time, the mutation changes the object again".to_owned(),
                ));
            }
            gave.mutated = Some(mutated);
        }
        Ok(gave)
    }

    /// What a test gives: objects in order, and events.
    #[expect(clippy::type_complexity, reason = "two lists that belong together for three lines")]
    fn inputs(&self, test: &TestCase) -> Result<(Vec<Json>, Vec<(String, Json)>), Stop> {
        let mut all = Vec::new();
        let mut events = Vec::new();
        for given in &test.given {
            match given {
                Given::Object { json, .. } => all.push(json.clone()),
                Given::Event { name, json, .. } => events.push((name.clone(), json.clone())),
                Given::Yaml { text, span } => {
                    let documents = parse(text, Syntax::Auto, &Limits::default())
                        .map_err(|error| broken(*span, format!("the YAML of this test: {error}")))?;
                    all.extend(self.sound(&documents, *span)?);
                }
                Given::Manifest { path, span } => {
                    let source = self.compiled().sources.get(span.file.0 as usize);
                    let beside = source.map(|s| Path::new(&s.name)).and_then(Path::parent);
                    let file = self.dir.join(beside.unwrap_or(Path::new(""))).join(path);
                    let read =
                        manifests::read(&file, path.clone(), &mut std::io::empty(), &Limits::default());
                    let read = read.map_err(|error| broken(*span, unreadable(path, &error)))?;
                    all.extend(self.sound(&read.documents, *span)?);
                }
            }
        }
        Ok((all, events))
    }

    /// The objects of documents. What is no object, or has not the form of its kind, would be judged as something
    /// that never exists.
    fn sound(&self, documents: &[Document], span: Span) -> Result<Vec<Json>, Stop> {
        let catalog = &self.compiled().catalog;
        let mut sound = Vec::new();
        for (_, json) in documents.iter().flat_map(objects) {
            let Some(review) = Review::create(json) else {
                return Err(broken(span, "there is something without `apiVersion` and `kind`".to_owned()));
            };
            let info = catalog.schema().kind_of(review.group, review.version, review.kind);
            if let Some(record) = info.and_then(|info| catalog.record(&info.record))
                && let Some(problem) =
                    validate(catalog, &record, json).into_iter().find(|problem| problem.is_error)
            {
                let title = manifests::title(json);
                return Err(broken(span, format!("{title}: `{}`: {}", problem.path, problem.message)));
            }
            sound.push(json.clone());
        }
        if sound.is_empty() {
            return Err(broken(span, "there is no object in this".to_owned()));
        }
        Ok(sound)
    }

    fn cluster(
        &self,
        evaluator: &Evaluator,
        test: &TestCase,
        objects: &[Json],
    ) -> Result<(Inventory, Vec<Json>), Stop> {
        let everything: Vec<Json> = test.objects.iter().chain(objects).cloned().collect();
        let (inventory, misfits) = evaluator.inventory(&everything);
        if let Some((index, errors)) = misfits.first() {
            let title = everything.get(*index).map(manifests::title).unwrap_or_default();
            let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
            return Err(Stop::Broken(format!("{title}: {}", errors.join("; "))));
        }
        let is_namespace = |json: &&Json| json.get("kind").and_then(Json::as_str) == Some("Namespace");
        Ok((inventory, everything.iter().filter(is_namespace).cloned().collect()))
    }

    /// The request that an object stands for: of the first operation that the rule is for.
    fn request<'a>(
        &self,
        targets: &'a [Target],
        object: &'a Json,
        old: Option<&'a Json>,
    ) -> Option<Review<'a>> {
        let mut review = Review::create(object)?;
        let of_kind = targets.iter().find(
            |target| matches!(target, Target::Kind { kind, subresource: None, .. } if kind == review.kind),
        );
        let subresource = || targets.iter().find(|t| matches!(t, Target::Kind { subresource: Some(_), .. }));
        if let Some(Target::Kind { group, version, kind, subresource, operations, .. }) =
            of_kind.or_else(subresource)
        {
            // What is sent to a subresource (`PodExecOptions`) is of another kind than the target.
            if subresource.is_some() {
                (review.group, review.version, review.kind) = (group, version, kind);
                review.subresource = subresource.as_deref();
            }
            if !operations.is_empty() && !operations.contains(&Operation::Create) {
                review.operation = operations.first().copied().unwrap_or(Operation::Create);
            }
        }
        if old.is_some() {
            review.operation = Operation::Update;
        }
        review.old = if review.operation == Operation::Delete { Some(object) } else { old };
        Some(review)
    }

    fn compare(&self, test: &TestCase, gave: &Gave, report: &Report) -> TestOutcome {
        let failures: Vec<TestFailure> = test
            .expects
            .iter()
            .filter_map(|expect| Some((mismatch(expect, gave)?, report.place(expect.span)?)))
            .map(|(message, place)| TestFailure { message, place, notes: came(gave) })
            .collect();
        if failures.is_empty() { TestOutcome::Passed } else { TestOutcome::Failed(failures) }
    }
}

enum Stop {
    Skipped(String),
    Broken(String),
    /// Of one of its inputs.
    Given {
        span: Span,
        message: String,
    },
}

fn broken(span: Span, message: String) -> Stop {
    Stop::Given { span, message }
}

/// Why a manifest cannot be read, with the place in it.
fn unreadable(path: &str, error: &InputError) -> String {
    match error {
        InputError::Manifest { text, error } => {
            let (line, column) = text.line_col(error.at.start);
            format!("{path}:{line}:{column}: {error}")
        }
        InputError::Io { why, .. } => format!("{path}: {why}"),
        InputError::TooManyFiles { .. } | InputError::Empty { .. } => format!("{path}: {error}"),
    }
}

/// Objects with the one before an update: of a rule on updates alone, the first of two is the old object.
fn pairs<'o>(targets: &[Target], objects: &'o [Json]) -> Vec<(Option<&'o Json>, &'o Json)> {
    let update_only = targets.iter().all(
        |target| matches!(target, Target::Kind { operations, .. } if operations.as_slice() == [Operation::Update]),
    );
    match objects {
        [old, object] if update_only => vec![(Some(old), object)],
        all => all.iter().map(|object| (None, object)).collect(),
    }
}

/// `given user { .. }` as the engine takes it.
fn user(json: &Json) -> User {
    let text = |key| json.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
    let texts = |json: &Json| json.elements().iter().filter_map(Json::as_str).map(str::to_owned).collect();
    let extra = json.get("extra").map(Json::entries).unwrap_or_default();
    User {
        name: text("name"),
        uid: text("uid"),
        groups: json.get("groups").map(texts).unwrap_or_default(),
        extra: extra.iter().map(|(key, values)| (key.clone(), texts(values))).collect(),
    }
}

fn name_of(json: &Json) -> &str {
    json.at(&["metadata", "name"]).and_then(Json::as_str).unwrap_or_default()
}

fn target_words(targets: &[Target]) -> String {
    let names: BTreeSet<String> = targets
        .iter()
        .map(|target| match target {
            Target::Kind { kind, subresource: None, .. } => kind.clone(),
            Target::Kind { kind, subresource: Some(sub), .. } => format!("{kind}/{sub}"),
            Target::Event { name, .. } => name.clone(),
        })
        .collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}

/// Why an expectation is not met; `None`: it is.
fn mismatch(expect: &Expect, gave: &Gave) -> Option<String> {
    let counted: Vec<&Finding> = gave.findings.iter().filter(|finding| finding.excepted.is_none()).collect();
    match expect.verdict {
        Verdict::Pass => match &gave.mutated {
            Some(mutated) if !mutated.patch.is_empty() => Some("expected no change".to_owned()),
            Some(_) => None,
            None if counted.is_empty() => None,
            None => Some("expected pass".to_owned()),
        },
        Verdict::Patched => patched(expect, gave.mutated.as_ref()),
        Verdict::Hit(verb) => {
            let word = format!("{verb:?}").to_lowercase();
            let hits: Vec<&Finding> = counted.into_iter().filter(|finding| finding.verb == verb).collect();
            if hits.is_empty() {
                return Some(format!("expected {word}"));
            }
            let says = |finding: &&&Finding| expect.message.as_ref().is_none_or(|m| *m == finding.message);
            let with_message: Vec<&&Finding> = hits.iter().filter(says).collect();
            if with_message.is_empty() {
                return Some(format!("expected {word} with this message"));
            }
            let blames =
                |finding: &&&Finding| expect.blames.as_ref().is_none_or(|path| finding.blames.contains(path));
            (!with_message.iter().any(blames)).then(|| format!("expected {word} to blame this path"))
        }
    }
}

/// `expect patched message "PATH: VALUE"`.
fn patched(expect: &Expect, mutated: Option<&Mutated>) -> Option<String> {
    let Some(mutated) = mutated.filter(|mutated| !mutated.patch.is_empty()) else {
        return Some("expected a change".to_owned());
    };
    let wanted = expect.message.as_ref()?;
    let Some((path, value)) = wanted.split_once(": ") else {
        return Some("a patched object is expected as \"path: value\"".to_owned());
    };
    let Ok(path) = path.trim().parse::<kpol_manifest::JsonPath>() else {
        return Some(format!("`{path}` is not a path"));
    };
    let found = path.0.iter().try_fold(&mutated.object, |json, segment| match segment {
        kpol_manifest::Segment::Key(key) => json.get(key),
        kpol_manifest::Segment::Index(index) => json.elements().get(*index),
    });
    let shown = found.map_or_else(|| "(not set)".to_owned(), plain);
    (shown != value.trim()).then(|| format!("expected `{path}` to be `{}`, it is `{shown}`", value.trim()))
}

fn plain(json: &Json) -> String {
    json.as_str().map_or_else(|| json.to_string(), str::to_owned)
}

/// What came instead, for people.
fn came(gave: &Gave) -> Vec<String> {
    if let Some(mutated) = &gave.mutated {
        let patch = serde_json::to_string(&mutated.patch).unwrap_or_default();
        return vec![if mutated.patch.is_empty() {
            "nothing changed".to_owned()
        } else {
            format!("patch: {patch}")
        }];
    }
    if gave.findings.is_empty() {
        return vec!["no verdict hit".to_owned()];
    }
    gave.findings
        .iter()
        .map(|finding| {
            let excepted =
                finding.excepted.as_ref().map_or(String::new(), |name| format!(" (excepted by {name})"));
            let blames = if finding.blames.is_empty() {
                String::new()
            } else {
                format!(" blames {:?}", finding.blames)
            };
            format!(
                "came {} {:?}{blames}{excepted}",
                format!("{:?}", finding.verb).to_lowercase(),
                finding.message
            )
        })
        .collect()
}
