//! `kpolc eval`: which objects break which rule, where and why.

use std::{path::PathBuf, sync::Arc};

use kpol_compiler::{Role, param_value};
use kpol_manifest::{JsonPath, Limits};
use kpol_vm::{
    evaluate::{self, Evaluator},
    ir::{Const, Rule},
    json::Json,
};

use crate::{
    CliError, Exit, Io,
    args::{EvalArgs, Global, Mode, MutateOutput},
    judge::{self, Judged, Settings, Verdicts},
    load::{LoadOptions, Loaded, load},
    manifests::{self, InputError, Located, ManifestFile, Object},
    render,
    report::{Finding, Outcome, Place, Problem, Report, count},
    why,
};

/// Objects judged between two steps of the progress bar.
const PROGRESS_STEP: usize = 64;
/// Fewer objects than this are judged before a bar would be seen.
const PROGRESS_FROM: usize = 500;

pub(crate) fn run(args: &EvalArgs, global: &Global, io: &mut Io) -> Result<Exit, CliError> {
    let (policies, inputs) = split(args)?;
    let options = LoadOptions {
        kubernetes: args.kubernetes.map(|minor| crate::version::MinorRange(minor, minor)),
        crds: args.crd.clone(),
        bundles: true,
        ..LoadOptions::of(&args.compile)
    };
    let mut loaded = load(&policies, &options, io)?;
    let mut report = Report::of("eval", &loaded.compiled);
    if loaded.compiled.has_errors() {
        report.summary = "nothing was judged: the policies have errors".to_owned();
        return finish(&report, args, global, io);
    }
    // What `check` says about a policy is not repeated with every manifest.
    report.diagnostics.clear();
    let evaluator = prepare(args, &loaded, io)?;
    report.notes.extend(newer(args, &loaded));
    let limits = Limits { bytes: args.max_bytes, ..Limits::default() };
    let mut files = read_all(&inputs, &limits, io, &mut report);
    let judged_files = files.len();
    files.extend(read_all(&args.cluster, &limits, io, &mut report));
    let objects = manifests::all_objects(&files);
    let judged = objects.iter().filter(|object| object.file < judged_files).count();
    add_crds(&mut loaded, &objects, &files, &mut report);
    let settings = Settings {
        skip_unknown_kinds: args.skip_unknown_kinds,
        why: args.why,
        mutate: args.mutate.is_some(),
    };
    let bar = progress(judged, global, io);
    let verdicts = judge::judge(&loaded.compiled, &evaluator, &objects, judged, settings, |index| {
        if index.is_multiple_of(PROGRESS_STEP) {
            bar.set_position(index as u64);
        }
    });
    bar.finish_and_clear();
    let context = Context { loaded: &loaded, evaluator: &evaluator, files: &files, objects: &objects };
    context.fill(&verdicts, args.why, &mut report);
    if let Some(what) = args.mutate {
        return Ok(context
            .print_mutated(&verdicts, what, &report, global, io)
            .zero_if(args.output.exit_zero));
    }
    finish(&report, args, global, io)
}

fn finish(report: &Report, args: &EvalArgs, global: &Global, io: &mut Io) -> Result<Exit, CliError> {
    render::write(report, args.output.format, global, io)?;
    Ok(report.exit(args.compile.deny_warnings).zero_if(args.output.exit_zero))
}

/// Which of the arguments are policies and which are manifests.
fn split(args: &EvalArgs) -> Result<(Vec<String>, Vec<String>), CliError> {
    let mut inputs = args.inputs.clone();
    let policies = if args.policies.is_empty() {
        let mut paths = args.paths.iter();
        let policy = paths.next().cloned();
        inputs.extend(paths.cloned());
        policy.into_iter().collect()
    } else {
        inputs.extend(args.paths.iter().cloned());
        args.policies.clone()
    };
    if policies.is_empty() {
        return Err(CliError::usage(
            "no policy is given",
            "kpolc eval -p POLICY MANIFEST..., for example `kpolc eval -p std.pss.restricted pod.yaml`"
                .to_owned(),
        ));
    }
    if inputs.is_empty() {
        return Err(CliError::usage(
            "no manifest is given",
            "name files or directories behind the policy, or `-` for standard input".to_owned(),
        ));
    }
    let all = || policies.iter().chain(&inputs).chain(&args.cluster);
    if all().filter(|path| *path == "-").count() > 1 {
        return Err(CliError::usage(
            "standard input is asked for twice",
            "it can be read once: name a file in place of one `-`".to_owned(),
        ));
    }
    if let Some(empty) = all().find(|path| path.is_empty()) {
        return Err(CliError::usage(format!("`{empty}` is no path"), None));
    }
    if let Some(path) = policies.iter().find(|path| manifests::is_manifest(path.as_ref())) {
        return Err(CliError::usage(
            format!("{path} is a manifest, and is given as a policy"),
            "kpolc eval -p POLICY MANIFEST...".to_owned(),
        ));
    }
    Ok((policies, inputs))
}

/// That the version which is asked for is newer than any that is known here.
fn newer(args: &EvalArgs, loaded: &Loaded) -> Option<Problem> {
    let newest = loaded.compiled.catalog.schema().minors().1;
    let asked = args.kubernetes.filter(|minor| minor.0 > newest)?;
    Some(Problem {
        message: format!("Kubernetes {asked} is newer than 1.{newest}, the newest that this kpolc knows"),
        file: None,
        place: None,
        secondary: None,
        help: Some(format!("objects are judged by the fields of 1.{newest}")),
    })
}

fn prepare(args: &EvalArgs, loaded: &Loaded, io: &Io) -> Result<Evaluator, CliError> {
    let Some(module) = loaded.compiled.module.clone() else {
        return Err(CliError::usage("the policies hold nothing to judge by", None));
    };
    let newest = loaded.compiled.catalog.schema().minors().1;
    let options = evaluate::Options {
        params: params(args, loaded)?,
        default_mode: args.mode.or(loaded.project.mode).unwrap_or(Mode::Deny).into(),
        max_mode: kpol_vm::ir::Mode::Deny,
        today: args.compile.today.unwrap_or(io.today),
        kubernetes: (1, args.kubernetes.map_or(newest, |minor| minor.0)),
        fuel: evaluate::DEFAULT_FUEL,
        engine: evaluate::Engine::default(),
    };
    if module.rules.is_empty() && module.mutations.is_empty() {
        return Err(CliError::usage(
            "the policies hold no rules",
            "a package of shared names judges nothing by itself; give the files with rules".to_owned(),
        ));
    }
    Evaluator::new(module, loaded.compiled.catalog.builtins(), options)
        .map_err(|error| CliError::usage(error.to_string(), None))
}

fn params(args: &EvalArgs, loaded: &Loaded) -> Result<Vec<(String, Const)>, CliError> {
    let mut params: Vec<(String, Const)> = Vec::new();
    for given in &args.params {
        let Some((name, text)) = given.split_once('=') else {
            return Err(CliError::usage(format!("--param {given}: expected NAME=VALUE"), None));
        };
        let value = param_value(&loaded.compiled, name.trim(), text.trim())
            .map_err(|error| CliError::usage(format!("--param {given}: {error}"), None))?;
        if params.iter().any(|(name, _)| *name == value.0) {
            let message = format!("--param {given}: {} has a value already", value.0);
            return Err(CliError::usage(message, "a list is one value: `--param names=a,b`".to_owned()));
        }
        params.push(value);
    }
    Ok(params)
}

/// Reads what `paths` name; what cannot be read is a problem, and what holds nothing is noted.
fn read_all(paths: &[String], limits: &Limits, io: &mut Io, report: &mut Report) -> Vec<ManifestFile> {
    let at = |path: &String| if path == "-" { PathBuf::from("-") } else { io.at(path.as_ref()) };
    let named: Vec<PathBuf> = paths.iter().map(at).collect();
    let (found, errors) = manifests::find(&named);
    report.problems.extend(errors.iter().map(|error| problem(error, io)));
    let mut files = Vec::new();
    for path in found {
        let name = shown(&path, io);
        match manifests::read(&path, name, &mut io.stdin, limits) {
            Ok(file) => {
                // In a directory such files are usual: templates that come to nothing.
                if file.documents.is_empty() && named.contains(&path) {
                    report
                        .notes
                        .push(Problem::of_file(file.text.name.clone(), "there is no object in this file"));
                }
                files.push(file);
            }
            Err(error) => report.problems.push(problem(&error, io)),
        }
    }
    files
}

/// A path as the user gave it: relative to the directory of the run.
fn shown(path: &std::path::Path, io: &Io) -> String {
    if path.as_os_str() == "-" {
        return "<stdin>".to_owned();
    }
    path.strip_prefix(&io.dir).unwrap_or(path).display().to_string()
}

fn problem(error: &InputError, io: &Io) -> Problem {
    match error {
        InputError::Manifest { text, error } => Problem::manifest(text, error),
        InputError::Io { path, .. } | InputError::TooManyFiles { path } | InputError::Empty { path } => {
            Problem::of_file(shown(path.as_ref(), io), error.to_string())
        }
    }
}

/// Kinds that the manifests themselves define are known to the rest of them.
fn add_crds(loaded: &mut Loaded, objects: &[Object<'_>], files: &[ManifestFile], report: &mut Report) {
    for object in objects {
        let is_crd = object.json.get("kind").and_then(Json::as_str) == Some("CustomResourceDefinition");
        let name = object.json.at(&["spec", "names", "kind"]).and_then(Json::as_str);
        let (true, Some(name)) = (is_crd, name) else { continue };
        let schema = loaded.compiled.catalog.schema_mut();
        if schema.kind(name).is_some() {
            continue;
        }
        for error in schema.add_crd(name, object.json).err().into_iter().flatten() {
            let path: JsonPath = error.path.parse().unwrap_or_default();
            if let Some(place) = place(files, object, &path) {
                report.problems.push(Problem::at(place, error.message));
            }
        }
    }
}

fn progress(total: usize, global: &Global, io: &Io) -> indicatif::ProgressBar {
    if total < PROGRESS_FROM || global.quiet || !io.stderr_terminal {
        return indicatif::ProgressBar::hidden();
    }
    let style = indicatif::ProgressStyle::with_template("{bar:30} {pos}/{len} objects {eta}");
    indicatif::ProgressBar::new(total as u64)
        .with_style(style.unwrap_or_else(|_| indicatif::ProgressStyle::default_bar()))
}

struct Context<'e> {
    loaded: &'e Loaded,
    evaluator: &'e Evaluator,
    files: &'e [ManifestFile],
    objects: &'e [Object<'e>],
}

impl Context<'_> {
    fn fill(&self, verdicts: &Verdicts, why: bool, report: &mut Report) {
        for problem in &verdicts.problems {
            let Some(object) = self.objects.get(problem.object) else { continue };
            let Some(place) = self.place(object, &problem.path) else { continue };
            let mut said = Problem::at(place, format!("{}{}", subject(object), problem.message));
            said.help = problem.help.clone();
            if problem.is_error {
                report.problems.push(said);
            } else {
                report.notes.push(said);
            }
        }
        for judged in &verdicts.judged {
            let Some(object) = self.objects.get(judged.object) else { continue };
            report.objects.push((judged.title.clone(), self.file(object)));
            report.findings.extend(self.findings(object, judged, why));
            report.notes.extend(self.omitted(object, judged));
            if why {
                report.traces.extend(self.traces(judged));
            }
        }
        report.summary = self.summary(verdicts, report);
    }

    /// That an object breaks a rule more often than is listed.
    fn omitted(&self, object: &Object<'_>, judged: &Judged) -> Option<Problem> {
        let omitted = Some(judged.outcome.omitted).filter(|omitted| *omitted > 0)?;
        let message = format!("{}: {omitted} more findings are not listed", judged.title);
        Some(Problem::at(self.place(object, &judged.prefix)?, message))
    }

    fn findings(&self, object: &Object<'_>, judged: &Judged, why: bool) -> Vec<Finding> {
        judged.outcome.findings.iter().map(|finding| self.finding(object, judged, finding, why)).collect()
    }

    fn finding(&self, object: &Object<'_>, judged: &Judged, found: &evaluate::Finding, why: bool) -> Finding {
        // What a mutation has made stands nowhere in the file.
        let written = judged.mutated.is_none();
        let located: Vec<(String, Option<Located>)> = found
            .blames
            .iter()
            .map(|blame| {
                let path: JsonPath = blame.parse().unwrap_or_default();
                let located = object.locate(self.files, &judged.prefix.join(&path));
                (blame.clone(), (written && !located.range.is_empty()).then_some(located))
            })
            .collect();
        // The best place is one that is written, else the nearest to what is not.
        let mut best: Option<&Located> = None;
        for candidate in located.iter().filter_map(|(_, located)| located.as_ref()) {
            if best.is_none_or(|best| (candidate.exact, candidate.depth) > (best.exact, best.depth)) {
                best = Some(candidate);
            }
        }
        let place = match best {
            Some(best) => self
                .files
                .get(object.file)
                .map(|file| Place { text: Arc::clone(&file.text), range: best.range.clone() }),
            None => self.place(object, &judged.prefix),
        };
        let blames =
            located.into_iter().map(|(path, located)| (path, located.map(|located| located.range))).collect();
        let rule = self.evaluator.module().rules.get(found.rule.index());
        Finding {
            rule: found.rule_name.clone(),
            doc: found.meta.doc.clone(),
            severity: found.meta.severity,
            verb: found.verb,
            mode: found.mode,
            outcome: Outcome::of(found.effect, found.excepted.is_some()),
            message: found.message.clone(),
            fix: found.fix.clone(),
            object: judged.title.clone(),
            file: self.file(object),
            place,
            blames,
            mitre: found.meta.mitre.clone(),
            cis: found.meta.cis.clone(),
            tags: found.meta.tags.clone(),
            refs: found.meta.refs.clone(),
            exception: exception_words(found),
            why: match rule {
                Some(rule) if why => Some(why::tree(&self.loaded.compiled, found.rule, rule, &found.why)),
                Some(_) | None => None,
            },
        }
    }

    /// Why the rules that did not hit did not.
    fn traces(&self, judged: &Judged) -> Vec<String> {
        let mut lines = Vec::new();
        for trace in &judged.outcome.traces {
            let rule: Option<&Rule> = self.evaluator.module().rules.get(trace.rule.index());
            if let Some(rule) = rule.filter(|_| !trace.traces.iter().any(|trace| trace.hit)) {
                lines.push(why::passed(&self.loaded.compiled, trace, rule, &judged.title));
            }
        }
        lines
    }

    fn place(&self, object: &Object<'_>, path: &JsonPath) -> Option<Place> {
        place(self.files, object, path)
    }

    /// The name of an object's file.
    fn file(&self, object: &Object<'_>) -> String {
        self.files.get(object.file).map(|file| file.text.name.clone()).unwrap_or_default()
    }

    fn summary(&self, verdicts: &Verdicts, report: &Report) -> String {
        let counts = report.counts();
        let rules = self.evaluator.module().rules.len();
        let mut parts = vec![match counts.denied {
            0 => "nothing denied".to_owned(),
            denied => count(denied, "violation"),
        }];
        let omitted: usize = verdicts.judged.iter().map(|judged| judged.outcome.omitted).sum();
        if omitted > 0 {
            parts.push(format!("{omitted} not listed"));
        }
        for (number, word) in
            [(counts.warned, "warned"), (counts.recorded, "recorded"), (counts.excepted, "excepted")]
        {
            if number > 0 {
                parts.push(format!("{number} {word}"));
            }
        }
        if counts.problems > 0 {
            parts.push(format!("{} in the inputs", count(counts.problems, "error")));
        }
        if verdicts.skipped > 0 {
            parts.push(format!("{} of unknown kinds passed over", count(verdicts.skipped, "object")));
        }
        let correlations = self.correlations();
        if correlations > 0 {
            parts.push(format!("{} not run: that needs the node sensor", count(correlations, "correlation")));
        }
        format!(
            "judged {} by {}: {}",
            count(verdicts.judged.len(), "object"),
            count(rules, "rule"),
            parts.join(", ")
        )
    }

    fn correlations(&self) -> usize {
        let compiled = &self.loaded.compiled;
        if compiled.sources.iter().any(|source| source.role == Role::Entry) {
            compiled.correlations.len()
        } else {
            0
        }
    }

    /// `--mutate`: the objects, or the patches, and nothing else on standard output.
    fn print_mutated(
        &self,
        verdicts: &Verdicts,
        what: MutateOutput,
        report: &Report,
        global: &Global,
        io: &mut Io,
    ) -> Exit {
        let mut documents = Vec::new();
        for judged in &verdicts.judged {
            let Some(object) = self.objects.get(judged.object) else { continue };
            let json = match (what, &judged.mutated) {
                (MutateOutput::Objects, Some(mutated)) => serde_json::Value::from(&mutated.object),
                (MutateOutput::Objects, None) => serde_json::Value::from(object.json),
                (MutateOutput::Patch, mutated) => serde_json::json!({
                    "object": judged.title,
                    "mutations": mutated.as_ref().map_or(&[][..], |mutated| &mutated.applied),
                    "patch": mutated.as_ref().map_or(&[][..], |mutated| &mutated.patch),
                }),
            };
            documents.push(serde_json::to_string_pretty(&json).unwrap_or_default());
        }
        if !documents.is_empty() {
            io.out(&format!("{}\n", documents.join("\n---\n")));
        }
        let changed = verdicts.judged.iter().filter(|judged| judged.mutated.is_some()).count();
        let beside =
            Report { problems: report.problems.clone(), notes: report.notes.clone(), ..Report::default() };
        io.err(&render::on_stderr(&beside, global, io));
        if !global.quiet {
            let judged = count(verdicts.judged.len(), "object");
            io.err(&format!("mutated {changed} of {judged}\n"));
        }
        if report.problems.is_empty() { Exit::Clean } else { Exit::Failed }
    }
}

fn place(files: &[ManifestFile], object: &Object<'_>, path: &JsonPath) -> Option<Place> {
    let file = files.get(object.file)?;
    Some(Place { text: Arc::clone(&file.text), range: object.locate(files, path).range })
}

/// Whose problem it is; what is no object has no name.
fn subject(object: &Object<'_>) -> String {
    match object.json.get("kind").and_then(Json::as_str) {
        Some("AdmissionReview") => "AdmissionReview: ".to_owned(),
        Some(_) => format!("{}: ", object.title()),
        None => String::new(),
    }
}

fn exception_words(finding: &evaluate::Finding) -> Option<String> {
    match (&finding.excepted, &finding.expired) {
        (Some(name), _) => Some(format!("excepted by `{name}`")),
        (None, Some(name)) => Some(format!("`{name}` would have excepted it, but has ended")),
        (None, None) => None,
    }
}
