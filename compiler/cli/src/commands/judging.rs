//! What `eval` and `audit` share: from flags to verdicts.
//!
//! ```text
//! flags ──load──▶ policies ─┐
//! paths ──▶ manifests ──────┼─judge──▶ verdicts ──▶ Context: findings with their places
//! --param, --mode, .. ──────┘
//! ```

mod context;

use std::path::PathBuf;

use kpol_compiler::param_value;
use kpol_manifest::{JsonPath, Limits};
use kpol_vm::{
    evaluate::{self, Evaluator},
    ir::Const,
    json::Json,
};

use crate::{
    CliError, Io,
    args::{CompileArgs, Global, JudgeArgs, Mode},
    judge::{self, Settings, Verdicts},
    load::{LoadOptions, Loaded, load},
    manifests::{self, InputError, ManifestFile, Object},
    report::{Problem, Report},
};

pub(super) use context::Context;

/// Objects judged between two steps of the progress bar.
const PROGRESS_STEP: usize = 64;
/// Fewer objects than this are judged before a bar would be seen.
const PROGRESS_FROM: usize = 500;

/// What is to be judged, and by what.
pub(super) struct Job<'a> {
    /// `eval`.
    pub(super) command: &'static str,
    /// Files, directories, packages.
    pub(super) policies: Vec<String>,
    /// Files, directories, `-`.
    pub(super) inputs: Vec<String>,
    /// The flags about judging.
    pub(super) args: &'a JudgeArgs,
    /// The flags about compiling.
    pub(super) compile: &'a CompileArgs,
    /// Keep decision trees.
    pub(super) why: bool,
    /// Apply mutations first.
    pub(super) mutate: bool,
}

impl Job<'_> {
    /// That its paths can be meant.
    fn check(&self) -> Result<(), CliError> {
        let Job { command, policies, inputs, args, .. } = self;
        let all = || policies.iter().chain(inputs).chain(&args.cluster);
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
                format!("kpolc {command} -p POLICY MANIFEST..."),
            ));
        }
        Ok(())
    }

    /// Compiles the policies; mistakes in them are diagnostics.
    pub(super) fn load(&self, io: &mut Io) -> Result<Loaded, CliError> {
        self.check()?;
        let options = LoadOptions {
            kubernetes: self.args.kubernetes.map(|minor| crate::version::MinorRange(minor, minor)),
            crds: self.args.crd.clone(),
            bundles: true,
            ..LoadOptions::of(self.compile)
        };
        load(&self.policies, &options, io)
    }

    /// Judges the manifests by policies without errors. What cannot be read or judged is in `report`.
    pub(super) fn judge<T>(
        &self,
        loaded: &mut Loaded,
        report: &mut Report,
        global: &Global,
        io: &mut Io,
        then: impl FnOnce(&Context<'_>, &Verdicts, &mut Report, &mut Io) -> T,
    ) -> Result<T, CliError> {
        let evaluator = prepare(self, loaded, io)?;
        report.notes.extend(newer(self.args, loaded));
        let limits = Limits { bytes: self.args.max_bytes, ..Limits::default() };
        let mut files = read_all(&self.inputs, &limits, io, report);
        let judged_files = files.len();
        files.extend(read_all(&self.args.cluster, &limits, io, report));
        let objects = manifests::all_objects(&files);
        let judged = objects.iter().filter(|object| object.file < judged_files).count();
        add_crds(loaded, &objects, &files, report);
        let settings =
            Settings { skip_unknown_kinds: self.args.skip_unknown_kinds, why: self.why, mutate: self.mutate };
        let bar = progress(judged, global, io);
        let verdicts = judge::judge(&loaded.compiled, &evaluator, &objects, judged, settings, |index| {
            if index.is_multiple_of(PROGRESS_STEP) {
                bar.set_position(index as u64);
            }
        });
        bar.finish_and_clear();
        let context = Context { loaded, evaluator: &evaluator, files: &files, objects: &objects };
        context.problems(&verdicts, report);
        Ok(then(&context, &verdicts, report, io))
    }
}

/// That the version which is asked for is newer than any that is known here.
fn newer(args: &JudgeArgs, loaded: &Loaded) -> Option<Problem> {
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

fn prepare(job: &Job<'_>, loaded: &Loaded, io: &Io) -> Result<Evaluator, CliError> {
    let Some(module) = loaded.compiled.module.clone() else {
        return Err(CliError::usage("the policies hold nothing to judge by", None));
    };
    let newest = loaded.compiled.catalog.schema().minors().1;
    let options = evaluate::Options {
        params: params(job.args, loaded)?,
        default_mode: job.args.mode.or(loaded.project.mode).unwrap_or(Mode::Deny).into(),
        max_mode: kpol_vm::ir::Mode::Deny,
        today: job.compile.today.unwrap_or(io.today),
        kubernetes: (1, job.args.kubernetes.map_or(newest, |minor| minor.0)),
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

fn params(args: &JudgeArgs, loaded: &Loaded) -> Result<Vec<(String, Const)>, CliError> {
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
            if let Some(place) = context::place(files, object, &path) {
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
