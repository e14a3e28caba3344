//! `kpolc audit`: a compliance report of manifests.
//!
//! ```text
//! manifests ──judging──▶ verdicts ──▶ kpol_admission::Report ──▶ text (here), html, json, jsonl, PolicyReports
//!                                       ▲            └──▶ --summary
//!                          --previous ──┘
//! ```
//!
//! Judging is `eval`'s; the report and its forms are the admission webhook's, too.

mod text;

use std::collections::BTreeMap;

use kpol_admission::report::{
    self, About, BundleInfo, Checked, Effect, Finding, Limits, Report, ReportApi, Resource, Rule, Source,
    Summary,
};
use kpol_vm::json::Json;

use super::judging::{Context, Job};
use crate::{
    CliError, Exit, Io,
    args::{AuditArgs, AuditFormat, Global},
    bundles,
    judge::{Judged, Verdicts},
    load::{Loaded, read_text},
    manifests::Object,
    render::{self, Paint, Role},
    report as run_report,
    report::count,
};

/// What is judged by where no policy is given: every benchmark that the library has.
const DEFAULT_POLICIES: [&str; 3] = ["std.cis", "std.nsa", "std.pss"];

pub(crate) fn run(args: &AuditArgs, global: &Global, io: &mut Io) -> Result<Exit, CliError> {
    let previous = previous(args, io)?;
    let started = (io.clock)();
    let policies = match args.judge.policies.as_slice() {
        [] => DEFAULT_POLICIES.map(str::to_owned).to_vec(),
        given => given.to_vec(),
    };
    let job = Job {
        command: "audit",
        policies,
        inputs: args.paths.clone(),
        args: &args.judge,
        compile: &args.compile,
        why: false,
        mutate: false,
    };
    let mut loaded = job.load(io)?;
    let mut beside = run_report::Report::of("audit", &loaded.compiled);
    if loaded.compiled.has_errors() {
        io.err(&render::on_stderr(&beside, global, io));
        say("nothing was judged: the policies have errors", Role::Error, global, io);
        return Ok(beside.exit(args.compile.deny_warnings).zero_if(args.exit_zero));
    }
    // What `check` says about a policy is not repeated with every audit.
    beside.diagnostics.clear();
    let about = about(args, &job, &loaded, started);
    let mut report = job.judge(&mut loaded, &mut beside, global, io, |context, verdicts, beside, _| {
        filled(about, args.max_findings, context, verdicts, beside)
    })?;
    report.finish((io.clock)());
    report.previous = previous;
    write(&report, args, global, io)?;
    if let Some(path) = &args.summary {
        let summary = serde_json::to_string_pretty(&Summary::of(&report)).map_err(CliError::Encode)?;
        bundles::write(path, (summary + "\n").as_bytes(), io)?;
    }
    io.err(&render::on_stderr(&beside, global, io));
    conclude(&report, args, global, io);
    Ok(exit(&report, &beside, args).zero_if(args.exit_zero))
}

/// The summary of the last run. That there is none yet is said, so that a wrong name is noticed.
fn previous(args: &AuditArgs, io: &mut Io) -> Result<Option<Summary>, CliError> {
    let Some(path) = &args.previous else { return Ok(None) };
    let name = path.display().to_string();
    let text = match read_text(&name, &io.at(path)) {
        Ok(text) => text,
        Err(CliError::Read { error, .. }) if error.kind() == std::io::ErrorKind::NotFound => {
            io.err(&format!("note: {name} is not there yet: this report has no trend\n"));
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let wrong = |why| {
        let help = "it is what `kpolc audit --summary FILE` writes".to_owned();
        CliError::usage(format!("{name} is no summary of an audit: {why}"), help)
    };
    Summary::from_json(&text).map(Some).map_err(wrong)
}

fn about(args: &AuditArgs, job: &Job<'_>, loaded: &Loaded, started: jiff::Timestamp) -> About {
    let shown = |path: &String| if path == "-" { "standard input".to_owned() } else { path.clone() };
    let paths = || args.paths.iter().map(shown).collect::<Vec<_>>().join(", ");
    let newest = loaded.compiled.catalog.schema().minors().1;
    let bundle = |name: &String| BundleInfo { name: name.clone(), digest: loaded.digest.clone() };
    About {
        subject: args.title.clone().unwrap_or_else(paths),
        kubernetes: format!("1.{}", args.judge.kubernetes.map_or(newest, |minor| minor.0)),
        bundles: job.policies.iter().map(bundle).collect(),
        tool: format!("kpolc {}", env!("CARGO_PKG_VERSION")),
        started,
    }
}

/// The report of what was judged, and of what could not be.
fn filled(
    about: About,
    max_findings: usize,
    context: &Context<'_>,
    verdicts: &Verdicts,
    beside: &run_report::Report,
) -> Report {
    let module = context.evaluator.module();
    let limits = Limits { findings_per_rule: max_findings, ..Limits::default() };
    let mut report = Report::new(about, Rule::all(module), limits);
    let name = |id: &kpol_vm::ir::RuleId| Some(module.rules.get(id.index())?.name.as_str());
    for judged in &verdicts.judged {
        let Some(object) = context.objects.get(judged.object) else { continue };
        let resource = resource(object, context.judged(object, judged));
        report.add(Checked {
            namespace: &resource.namespace,
            applied: judged.outcome.applied.iter().filter_map(name).collect(),
            other_versions: judged.outcome.other_versions.iter().filter_map(name).collect(),
            findings: findings(context, object, judged, &resource),
            omitted: judged.outcome.omitted,
        });
    }
    report.skip(verdicts.skipped as u64);
    fail(&mut report, context, verdicts, beside);
    report
}

fn findings(
    context: &Context<'_>,
    object: &Object<'_>,
    judged: &Judged,
    resource: &Resource,
) -> Vec<Finding> {
    let found = judged.outcome.findings.iter().map(|found| {
        let shown = context.finding(object, judged, found, false);
        let source = shown.place.map(|place| Source { line: place.start().0, file: place.text.name.clone() });
        Finding {
            rule: shown.rule,
            effect: Effect::of(found.effect, found.excepted.is_some()),
            mode: found.mode,
            message: shown.message,
            fix: shown.fix,
            exception: shown.exception,
            resource: Resource { source, ..resource.clone() },
            blames: found.blames.clone(),
        }
    });
    found.collect()
}

/// Files and objects that could not be judged, each once.
fn fail(report: &mut Report, context: &Context<'_>, verdicts: &Verdicts, beside: &run_report::Report) {
    let mut objects: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    let errors = verdicts.problems.iter().filter(|problem| problem.is_error);
    for problem in errors.clone() {
        objects.entry(problem.object).or_default().push(&problem.message);
    }
    // What is said of objects is said last.
    let of_files = beside.problems.len().saturating_sub(errors.count());
    for problem in beside.problems.iter().take(of_files) {
        let line = problem.place.as_ref().map_or(1, |place| place.start().0);
        let name = problem.file.clone().unwrap_or_default();
        let source = Some(Source { file: name.clone(), line });
        let resource = Resource { kind: "File".to_owned(), name, source, ..Resource::default() };
        report.fail(resource, problem.message.clone());
    }
    for (index, messages) in objects {
        let Some(object) = context.objects.get(index) else { continue };
        let place = context.place(object, &kpol_manifest::JsonPath::default());
        let source = place.map(|place| Source { line: place.start().0, file: place.text.name.clone() });
        let message = match messages.as_slice() {
            [one] => (*one).to_owned(),
            [one, rest @ ..] => format!("{one}; and {} more", count(rest.len(), "error")),
            [] => continue,
        };
        report.fail(Resource { source, ..resource(object, Some(object.json)) }, message);
    }
}

/// What an object is called; what it does not say of itself, its request does.
fn resource(object: &Object<'_>, judged: Option<&Json>) -> Resource {
    let own = |keys: &[&str]| judged.and_then(|json| json.at(keys)).and_then(Json::as_str);
    let asked = |key| object.json.at(&["request", key]).and_then(Json::as_str);
    let first = |texts: &[Option<&str>]| {
        texts.iter().flatten().find(|text| !text.is_empty()).copied().unwrap_or_default().to_owned()
    };
    let event = object.json.at(&["event", "name"]).and_then(Json::as_str);
    Resource {
        api_version: first(&[own(&["apiVersion"])]),
        kind: first(&[own(&["kind"]), event.map(|_| "event"), Some("object")]),
        namespace: first(&[own(&["metadata", "namespace"]), asked("namespace")]),
        name: first(&[own(&["metadata", "name"]), asked("name"), own(&["metadata", "generateName"]), event]),
        source: None,
    }
}

fn write(report: &Report, args: &AuditArgs, global: &Global, io: &mut Io) -> Result<(), CliError> {
    let mut bytes = Vec::new();
    let encoded = |error: std::io::Error| CliError::Encode(serde_json::Error::io(error));
    match args.format {
        AuditFormat::Text => {
            let paint = Paint::new(args.out.is_none() && io.colored_stdout(global.color));
            bytes.extend(text::tables(report, paint).bytes());
        }
        AuditFormat::Html => bytes.extend(report::html(report).bytes()),
        AuditFormat::Json => report::json(report, &mut bytes).map_err(encoded)?,
        AuditFormat::Jsonl => report::json_lines(report, &mut bytes).map_err(encoded)?,
        AuditFormat::PolicyReport => bytes.extend(list(report, ReportApi::PolicyReport)?.bytes()),
        AuditFormat::OpenReports => bytes.extend(list(report, ReportApi::OpenReports)?.bytes()),
    }
    match &args.out {
        Some(path) => bundles::write(path, &bytes, io),
        None => {
            io.out(&String::from_utf8_lossy(&bytes));
            Ok(())
        }
    }
}

/// What `kubectl apply --server-side -f -` takes.
fn list(report: &Report, api: ReportApi) -> Result<String, CliError> {
    let items = report::policy_reports(report, api);
    let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": items});
    Ok(serde_json::to_string_pretty(&list).map_err(CliError::Encode)? + "\n")
}

/// 2 if something could not be judged, 1 if something is denied, as for `eval`.
fn exit(report: &Report, beside: &run_report::Report, args: &AuditArgs) -> Exit {
    let counts = report.counts();
    let warnings = args.compile.deny_warnings && (counts.warn > 0 || !beside.notes.is_empty());
    if beside.problems.is_empty() { Exit::no_if(counts.deny > 0 || warnings) } else { Exit::Failed }
}

/// The line at the end.
fn conclude(report: &Report, args: &AuditArgs, global: &Global, io: &mut Io) {
    let violations = usize::try_from(report.counts().violations()).unwrap_or(usize::MAX);
    let objects = usize::try_from(report.objects()).unwrap_or(usize::MAX);
    let rules = count(report.rules().count(), "rule");
    let change = report.change().map(|change| format!(", {}", change.words())).unwrap_or_default();
    let errors = match report.errors() {
        0 => String::new(),
        1 => "; 1 could not be judged".to_owned(),
        errors => format!("; {errors} could not be judged"),
    };
    let to = args.out.as_ref().map(|path| format!("wrote {}: ", path.display())).unwrap_or_default();
    let line = format!(
        "{to}judged {} by {rules}: {}{change}{errors}",
        count(objects, "object"),
        count(violations, "violation")
    );
    let role = match (report.errors(), report.counts().deny, violations) {
        (0, 0, 0) => Role::Good,
        (0, 0, _) => Role::Warning,
        _ => Role::Error,
    };
    say(&line, role, global, io);
}

fn say(line: &str, role: Role, global: &Global, io: &mut Io) {
    if !global.quiet {
        let paint = Paint::new(io.colored_stderr(global.color));
        io.err(&format!("{}\n", paint.on(role, line)));
    }
}
