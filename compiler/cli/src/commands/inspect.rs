//! `kpolc inspect`: what a bundle holds.

use std::fmt::Write;

use kpol_vm::{
    bundle::{Bundle, FORMAT, IR},
    evaluate::operation_word,
    ir::{Bind, Const, Exception, Meta, Mode, Param, Root, Rule, RuleId, Severity, SlotTy, Target, Ty, Verb},
    json::Json,
    print::{module_text, ty_text},
    value::Value,
};
use serde::Serialize;

use crate::{
    CliError, Exit, Io,
    args::{Global, InspectArgs, InspectFormat},
    bundles,
    render::{self, Paint, Role},
};

pub(crate) fn run(args: &InspectArgs, global: &Global, io: &mut Io) -> Result<Exit, CliError> {
    let bytes = bundles::read(&args.bundle, io)?;
    let bundle = bundles::open(&args.bundle, &bytes)?;
    if args.ir {
        io.out(&render::safe_lines(&module_text(bundle.module())));
        return Ok(Exit::Clean);
    }
    let shown = Shown::of(args.bundle.display().to_string(), bytes.len(), &bundle);
    match args.format {
        InspectFormat::Json => {
            io.out(&(serde_json::to_string_pretty(&shown).map_err(CliError::Encode)? + "\n"));
        }
        InspectFormat::Text => {
            let paint = Paint::new(io.colored_stdout(global.color));
            io.out(&shown.text(paint));
        }
    }
    Ok(Exit::Clean)
}

/// Everything that is shown; the form of `--format json`.
#[derive(Serialize)]
struct Shown<'b> {
    file: String,
    bytes: usize,
    digest: String,
    format: u16,
    ir: u16,
    producer: &'b str,
    signature: Option<SignatureShown>,
    sections: Vec<SectionShown>,
    rules: Vec<RuleShown<'b>>,
    mutations: Vec<RuleShown<'b>>,
    params: Vec<ParamShown<'b>>,
    binds: Vec<BindShown<'b>>,
    exceptions: Vec<ExceptionShown<'b>>,
    demand: Vec<DemandShown<'b>>,
    watches: Vec<String>,
    builtins: &'b [String],
    correlations: &'b [String],
}

#[derive(Serialize)]
struct SignatureShown {
    key: String,
    /// `inspect` knows no key: only `kpolc verify` checks.
    checked: bool,
}

#[derive(Serialize)]
struct SectionShown {
    name: &'static str,
    bytes: usize,
    digest: String,
}

#[derive(Serialize)]
struct RuleShown<'b> {
    name: &'b str,
    #[serde(flatten)]
    meta: &'b Meta,
    verbs: Vec<Verb>,
    targets: Vec<String>,
    cost: Option<u64>,
}

#[derive(Serialize)]
struct ParamShown<'b> {
    name: &'b str,
    #[serde(rename = "type")]
    ty: String,
    doc: &'b str,
    required: bool,
    default: Option<serde_json::Value>,
}

#[derive(Serialize)]
struct BindShown<'b> {
    rules: Vec<&'b str>,
    mode: Option<Mode>,
    conditional: bool,
    with: Vec<(&'b str, serde_json::Value)>,
}

#[derive(Serialize)]
struct ExceptionShown<'b> {
    name: &'b str,
    rules: Vec<&'b str>,
    conditional: bool,
    reason: &'b str,
    owner: &'b str,
    until: Option<&'b str>,
}

#[derive(Serialize)]
struct DemandShown<'b> {
    root: &'b str,
    records: Vec<RecordShown<'b>>,
}

#[derive(Serialize)]
struct RecordShown<'b> {
    record: &'b str,
    fields: Vec<String>,
}

impl<'b> Shown<'b> {
    fn of(file: String, bytes: usize, bundle: &'b Bundle) -> Shown<'b> {
        let module = bundle.module();
        let names = |ids: &[RuleId]| -> Vec<&'b str> {
            ids.iter().filter_map(|id| module.rules.get(id.index())).map(|rule| rule.name.as_str()).collect()
        };
        let bind = |bind: &'b Bind| BindShown {
            rules: names(&bind.rules),
            mode: bind.mode,
            conditional: bind.conditions.iter().any(|condition| condition.cond.is_some()),
            with: bind
                .with
                .iter()
                .filter_map(|(id, value)| Some((module.params.get(id.index())?, value)))
                .map(|(param, value)| (param.name.as_str(), json(value, &param.ty)))
                .collect(),
        };
        let exception = |exception: &'b Exception| ExceptionShown {
            name: &exception.name,
            rules: names(&exception.rules),
            conditional: exception.conditions.iter().any(|condition| condition.cond.is_some()),
            reason: &exception.reason,
            owner: &exception.owner,
            until: exception.until.as_deref(),
        };
        let param = |param: &'b Param| ParamShown {
            name: &param.name,
            ty: ty_text(module, &param.ty),
            doc: &param.doc,
            required: param.default.is_none(),
            default: param.default.as_ref().map(|value| json(value, &param.ty)),
        };
        let mutations = module.mutations.iter().map(|mutation| RuleShown {
            name: &mutation.name,
            meta: &mutation.meta,
            verbs: Vec::new(),
            targets: mutation.targets.iter().map(target).collect(),
            cost: None,
        });
        let sections = bundle.sections().iter().map(|section| SectionShown {
            name: section.name,
            bytes: section.bytes,
            digest: section.digest.to_string(),
        });
        Shown {
            file,
            bytes,
            digest: bundle.digest().to_string(),
            // Bundles of other versions are not opened.
            format: FORMAT,
            ir: IR,
            producer: &bundle.about().producer,
            signature: bundle.signer().map(|key| SignatureShown { key: key.to_string(), checked: false }),
            sections: sections.collect(),
            rules: module.rules.iter().map(rule).collect(),
            mutations: mutations.collect(),
            params: module.params.iter().map(param).collect(),
            binds: module.binds.iter().map(bind).collect(),
            exceptions: module.exceptions.iter().map(exception).collect(),
            demand: module.roots.iter().map(demand).collect(),
            watches: module
                .watches
                .iter()
                .map(|watch| format!("{} {}", api(&watch.group, &watch.version), watch.kind))
                .collect(),
            builtins: &module.builtins,
            correlations: &bundle.about().correlations,
        }
    }

    fn text(&self, paint: Paint) -> String {
        let mut out = Text { out: String::new(), paint };
        out.head(&self.file);
        let signature = match &self.signature {
            Some(signature) => format!("by the key {}, not checked here (kpolc verify)", signature.key),
            None => "none".to_owned(),
        };
        out.table(&[
            ["digest".to_owned(), self.digest.clone()],
            ["format".to_owned(), format!("{}, IR version {}", self.format, self.ir)],
            ["built by".to_owned(), self.producer.to_owned()],
            ["signature".to_owned(), signature],
            ["size".to_owned(), format!("{} bytes", self.bytes)],
        ]);
        out.section("sections", &self.sections, |section| {
            [section.name.to_owned(), format!("{:>8}", section.bytes), String::new(), String::new()]
        });
        out.section("rules", &self.rules, RuleShown::row);
        out.section("mutations", &self.mutations, RuleShown::row);
        out.section("params", &self.params, |param| {
            let default =
                param.default.as_ref().map_or("must be given".to_owned(), |value| format!("= {value}"));
            [param.name.to_owned(), param.ty.clone(), default, String::new()]
        });
        out.section("binds", &self.binds, |bind| {
            let with: Vec<String> =
                bind.with.iter().map(|(name, value)| format!("{name} = {value}")).collect();
            let mode = bind.mode.map_or("the host's mode", mode_word);
            let when = if bind.conditional { "under conditions" } else { "" };
            [bind.rules.join(", "), mode.to_owned(), when.to_owned(), with.join(", ")]
        });
        out.section("exceptions", &self.exceptions, |exception| {
            let until = exception.until.map_or(String::new(), |day| format!("until {day}"));
            let words = format!("{} ({})", exception.reason, exception.owner);
            [exception.name.to_owned(), exception.rules.join(", "), until, words]
        });
        for demand in &self.demand {
            let name = format!("reads of {}", demand.root);
            let records: Vec<_> = demand.records.iter().filter(|record| !record.fields.is_empty()).collect();
            out.section(&name, &records, |record| {
                [record.record.to_owned(), record.fields.join(", "), String::new(), String::new()]
            });
        }
        let word = |word: &String| [word.clone(), String::new(), String::new(), String::new()];
        out.section("watches in the cluster", &self.watches, word);
        out.section("builtins", self.builtins, word);
        out.section("correlations, which nothing runs yet", self.correlations, word);
        out.out
    }
}

impl RuleShown<'_> {
    fn row(&self) -> [String; 4] {
        let mut tags = self.meta.mitre.clone();
        tags.extend(self.meta.cis.iter().map(|number| format!("CIS {number}")));
        let severity = self.meta.severity.map_or("", severity_word);
        [self.name.to_owned(), severity.to_owned(), self.targets.join("; "), tags.join(", ")]
    }
}

/// Blocks of lines. What a bundle says may be anybody's, so nothing of it moves the terminal.
struct Text {
    out: String,
    paint: Paint,
}

impl Text {
    fn head(&mut self, text: &str) {
        // Writing into a string does not fail.
        let _ = writeln!(self.out, "{}", self.paint.on(Role::Strong, render::safe_lines(text)));
    }

    fn table<const N: usize>(&mut self, rows: &[[String; N]]) {
        let safe = |cell: &String| render::safe_lines(cell).replace(['\n', '\t'], " ");
        let rows: Vec<[String; N]> = rows.iter().map(|row| row.each_ref().map(safe)).collect();
        for line in render::table(&rows).lines() {
            let _ = writeln!(self.out, "  {line}");
        }
    }

    /// Nothing where there is nothing.
    fn section<T>(&mut self, name: &str, items: &[T], row: impl Fn(&T) -> [String; 4]) {
        if !items.is_empty() {
            self.out.push('\n');
            self.head(name);
            self.table(&items.iter().map(row).collect::<Vec<_>>());
        }
    }
}

fn rule(rule: &Rule) -> RuleShown<'_> {
    let mut verbs: Vec<Verb> = Vec::new();
    for clause in &rule.clauses {
        if !verbs.contains(&clause.verb) {
            verbs.push(clause.verb);
        }
    }
    RuleShown {
        name: &rule.name,
        meta: &rule.meta,
        verbs,
        targets: rule.targets.iter().map(target).collect(),
        cost: Some(rule.cost.worst),
    }
}

fn demand(root: &Root) -> DemandShown<'_> {
    let records = root.records.iter().map(|record| RecordShown {
        record: &record.name,
        fields: record
            .fields
            .iter()
            .map(|field| match &field.slot {
                SlotTy::Map { keys, whole: false, .. } => format!("{}[{}]", field.name, keys.join(", ")),
                SlotTy::Map { whole: true, .. } | SlotTy::Scalar(_) | SlotTy::Record(_) | SlotTy::List(_) => {
                    field.name.clone()
                }
            })
            .collect(),
    });
    DemandShown { root: &root.name, records: records.collect() }
}

/// `apps/v1 Deployment (create, update)`.
fn target(target: &Target) -> String {
    match target {
        Target::Kind { group, version, kind, subresource, operations, .. } => {
            let mut text = format!("{} {kind}", api(group, version));
            if let Some(subresource) = subresource {
                text.push_str(&format!("/{subresource}"));
            }
            if !operations.is_empty() {
                let words: Vec<&str> =
                    operations.iter().map(|operation| operation_word(*operation)).collect();
                text.push_str(&format!(" ({})", words.join(", ")));
            }
            text
        }
        Target::Event { name, .. } => format!("event {name}"),
    }
}

fn api(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

fn json(value: &Const, ty: &Ty) -> serde_json::Value {
    Value::from_const(value, ty).to_json().map_or(serde_json::Value::Null, |json: Json| (&json).into())
}

fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

fn mode_word(mode: Mode) -> &'static str {
    match mode {
        Mode::Dryrun => "dryrun",
        Mode::Warn => "warn",
        Mode::Deny => "deny",
        Mode::Alert => "alert",
        Mode::Enforce => "enforce",
    }
}
