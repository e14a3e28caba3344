//! From a compilation to a catalogue: the module says what holds, the syntax tree how its author put it.

use std::collections::BTreeSet;

use kpol_compiler::{Compiled, Role, Subject};
use kpol_grammar::{
    ast::{self, BlockClause, ChangeKind, CorrelateClause, ItemKind, MutateClause, RuleClause},
    print_expr,
    span::Span,
};
use kpol_stdlib::mitre;
use kpol_vm::{
    ir::{self, Code, Meta, Module, Op, ParamId, Severity, Target},
    print::ty_text,
};

use super::{
    coverage,
    model::{Bind, Catalogue, Exception, Mutation, Package, Param, Rule, Verdict, World},
    text, words,
};

/// The catalogue of a module. Empty if there is none.
pub(crate) fn catalogue(compiled: &Compiled) -> Catalogue {
    let Some(module) = &compiled.module else { return Catalogue::default() };
    let builder = Builder { compiled, module, read: read_params(module) };
    let packages = builder.packages();
    let rules: Vec<&Rule> = packages.iter().flat_map(|package| &package.rules).collect();
    let (tactics, open_tactics) = coverage::tactics(&rules);
    Catalogue {
        title: title(&packages),
        kubernetes: compiled.catalog.schema().minors(),
        frameworks: coverage::frameworks(&rules),
        params: builder.params(),
        mutations: builder.mutations(),
        tactics,
        open_tactics,
        binds: module.binds.iter().any(says_something),
        packages,
    }
}

/// The package, or what the names of all packages begin with.
fn title(packages: &[Package]) -> String {
    let mut names = packages.iter().map(|package| package.name.split('.').collect::<Vec<_>>());
    let Some(first) = names.next() else { return String::new() };
    let common = names.fold(first, |common, name| {
        let same = common.iter().zip(&name).take_while(|(a, b)| a == b).count();
        common.into_iter().take(same).collect()
    });
    common.join(".")
}

/// The params that some rule or mutation reads, in the order of the module.
fn read_params(module: &Module) -> Vec<ParamId> {
    let codes =
        module.rules.iter().map(|rule| &rule.code).chain(module.mutations.iter().map(|one| &one.code));
    codes.flat_map(params_of).collect::<BTreeSet<_>>().into_iter().collect()
}

fn params_of(code: &Code) -> BTreeSet<ParamId> {
    code.exprs.iter().filter_map(|expr| if let Op::Param(id) = expr.op { Some(id) } else { None }).collect()
}

struct Builder<'c> {
    compiled: &'c Compiled,
    module: &'c Module,
    /// What [`Catalogue::params`] holds.
    read: Vec<ParamId>,
}

/// A declaration with its file.
type Found<'c> = (&'c ast::Item, &'c ast::File, usize);

impl<'c> Builder<'c> {
    /// Every declaration of the sources.
    fn items(&self) -> impl Iterator<Item = Found<'c>> + use<'c> {
        let files = self.compiled.files.iter().enumerate();
        files.flat_map(|(at, file)| file.items.iter().map(move |item| (item, file, at)))
    }

    /// Those of the files that were asked for.
    fn entries(&self) -> impl Iterator<Item = Found<'c>> + use<'c> {
        let sources = &self.compiled.sources;
        self.items().filter(|(_, _, at)| sources.get(*at).is_some_and(|source| source.role == Role::Entry))
    }

    fn packages(&self) -> Vec<Package> {
        let mut packages: Vec<Package> = Vec::new();
        let lowered = self.module.rules.iter().zip(&self.compiled.debug.rules).enumerate();
        for (index, (rule, debug)) in lowered {
            let found = self
                .items()
                .find(|(item, _, _)| matches!(&item.kind, ItemKind::Rule(r) if r.name.span == debug.name));
            self.place_in(&mut packages, self.rule(index, rule, found));
        }
        for found in self.entries() {
            if let ItemKind::Correlate(correlate) = &found.0.kind {
                self.place_in(&mut packages, self.correlation(correlate, found));
            }
        }
        packages
    }

    fn place_in(&self, packages: &mut Vec<Package>, rule: Rule) {
        let package = rule.split_name().0.trim_end_matches('.').to_owned();
        if let Some(known) = packages.iter_mut().find(|known| known.name == package) {
            known.rules.push(rule);
            return;
        }
        let of_package = self.compiled.files.iter().filter(|file| package_name(file) == package);
        let docs: Vec<String> =
            of_package.map(|file| doc_lines(&file.docs)).filter(|doc| !doc.is_empty()).collect();
        packages.push(Package { name: package, docs: text::blocks(&docs.join("\n\n")), rules: vec![rule] });
    }

    fn rule(&self, index: usize, rule: &ir::Rule, found: Option<Found<'c>>) -> Rule {
        let mut verdicts = Vec::new();
        let mut targets = String::new();
        if let Some((ast::Item { kind: ItemKind::Rule(written), .. }, ..)) = found {
            targets = words::targets(&written.on, &rule.targets, &self.compiled.catalog);
            let blocks = written.clauses.iter().filter_map(|clause| match clause {
                RuleClause::Block(block) => Some(block),
                RuleClause::Meta(_)
                | RuleClause::ExceptionsNeed { .. }
                | RuleClause::VerifyAtRuntime { .. } => None,
            });
            verdicts_of(blocks, &mut Vec::new(), &mut verdicts);
        }
        let runtime = rule.targets.iter().any(|target| matches!(target, Target::Event { .. }));
        Rule {
            world: if runtime { World::Runtime } else { World::Admission },
            targets: text::inlines(&targets),
            verdicts,
            params: self.indices(&rule.code),
            exceptions_need: rule.exceptions_need.clone(),
            exceptions: self.exceptions(index),
            binds: self.binds(index),
            cost: Some((rule.cost.formula.clone(), rule.cost.worst)),
            laws: self.laws(|subject, _| *subject == Subject::Rule(ir::RuleId(index as u32))),
            ..self.described(rule.name.clone(), &rule.meta, found)
        }
    }

    /// A rule with what its metadata and its text say.
    fn described(&self, name: String, meta: &Meta, found: Option<Found<'_>>) -> Rule {
        let (lead, docs) = text::lead(&meta.doc);
        let (source, place) = found.map(|(item, _, _)| self.source(item.span)).unwrap_or_default();
        Rule {
            name,
            world: World::Runtime,
            severity: meta.severity,
            lead,
            docs,
            targets: Vec::new(),
            steps: Vec::new(),
            verdicts: Vec::new(),
            params: Vec::new(),
            techniques: meta.mitre.iter().filter_map(|id| mitre::technique(id)).collect(),
            controls: kpol_stdlib::controls::of(meta),
            cis: meta.cis.clone(),
            tags: meta
                .tags
                .iter()
                .filter(|tag| kpol_stdlib::controls::control(tag).is_none())
                .cloned()
                .collect(),
            refs: meta.refs.clone(),
            owner: meta.owner.clone(),
            exceptions_need: Vec::new(),
            exceptions: Vec::new(),
            binds: Vec::new(),
            cost: None,
            laws: Vec::new(),
            source,
            place,
        }
    }

    fn correlation(&self, correlate: &ast::Correlate, found: Found<'_>) -> Rule {
        let name = qualified(found.1, &correlate.name.text);
        let mut meta = Meta { doc: doc_lines(&found.0.docs), ..Meta::default() };
        let mut steps = Vec::new();
        let mut verdicts = Vec::new();
        let mut events: Vec<String> = Vec::new();
        let mut window = String::new();
        for clause in &correlate.clauses {
            match clause {
                CorrelateClause::Meta(written) => add_meta(&mut meta, written),
                CorrelateClause::Within { duration, by, .. } => {
                    let keys: Vec<String> = by.iter().map(|key| format!("`{}`", words::path(key))).collect();
                    window = format!("within {} for the same {}", duration.text, words::and(&keys));
                }
                CorrelateClause::Step(step) => {
                    let names: Vec<String> = step
                        .on
                        .targets
                        .iter()
                        .map(|target| format!("`{}`", words::path(&target.path)))
                        .collect();
                    events.extend(
                        names.iter().filter(|name| !events.contains(name)).cloned().collect::<Vec<_>>(),
                    );
                    steps.push(text::inlines(&step_words(step, &names)));
                }
                CorrelateClause::Reset { on, when, .. } => {
                    let names: Vec<String> =
                        on.targets.iter().map(|target| format!("`{}`", words::path(&target.path))).collect();
                    let when =
                        when.as_ref().map_or(String::new(), |when| format!(" when `{}`", print_expr(when)));
                    steps.push(text::inlines(&format!("begins anew on {}{when}", words::and(&names))));
                }
                CorrelateClause::Verdict(verdict) => verdicts.push(verdict_of(verdict, &[])),
            }
        }
        Rule {
            targets: text::inlines(&format!(
                "{} {}, {window}",
                if events.len() == 1 { "Event" } else { "Events" },
                words::and(&events)
            )),
            steps,
            verdicts,
            laws: self.laws(|subject, subject_name| *subject == Subject::Correlation && subject_name == name),
            ..self.described(name.clone(), &meta, Some(found))
        }
    }

    fn mutations(&self) -> Vec<Mutation> {
        let lowered = self.module.mutations.iter().zip(&self.compiled.debug.mutations).enumerate();
        lowered
            .map(|(index, (mutation, debug))| {
                let found = self.items().find_map(|(item, _, _)| {
                    let ItemKind::Mutate(written) = &item.kind else { return None };
                    (written.name.span == debug.name).then_some((item, written))
                });
                let (lead, docs) = text::lead(&mutation.meta.doc);
                let mut changes = Vec::new();
                let mut targets = String::new();
                let (mut source, mut place) = Default::default();
                if let Some((item, written)) = found {
                    changes_of(&written.clauses, &mut Vec::new(), &mut changes);
                    targets = words::targets(&written.on, &mutation.targets, &self.compiled.catalog);
                    (source, place) = self.source(item.span);
                }
                Mutation {
                    name: mutation.name.clone(),
                    lead,
                    docs,
                    targets: text::inlines(&targets),
                    changes,
                    params: self.indices(&mutation.code),
                    owner: mutation.meta.owner.clone(),
                    laws: self.laws(|subject, _| *subject == Subject::Mutation(index)),
                    source,
                    place,
                }
            })
            .collect()
    }

    fn params(&self) -> Vec<Param> {
        let params = self.read.iter().filter_map(|id| self.module.params.get(id.index()));
        params
            .map(|param| Param {
                name: param.name.clone(),
                ty: ty_text(self.module, &param.ty),
                default: param.default.as_ref().map(words::constant),
                docs: text::blocks(&param.doc),
            })
            .collect()
    }

    /// The params that a code reads, as places in [`Catalogue::params`].
    fn indices(&self, code: &Code) -> Vec<usize> {
        let used = params_of(code);
        self.read.iter().enumerate().filter(|(_, id)| used.contains(id)).map(|(at, _)| at).collect()
    }

    fn laws(&self, is_subject: impl Fn(&Subject, &str) -> bool) -> Vec<String> {
        let tests = self.compiled.tests.iter();
        tests
            .filter(|test| is_subject(&test.subject, &test.subject_name))
            .map(|test| test.name.clone())
            .collect()
    }

    /// The module has exceptions and binds in the order of the entry files.
    fn exceptions(&self, rule: usize) -> Vec<Exception> {
        let written = self.entries().filter_map(|(item, _, _)| {
            if let ItemKind::Exception(exception) = &item.kind { Some(exception) } else { None }
        });
        let of_rule =
            self.module.exceptions.iter().zip(written).filter(|(lowered, _)| has(&lowered.rules, rule));
        of_rule
            .map(|(lowered, written)| Exception {
                name: lowered.name.clone(),
                conditions: written
                    .clauses
                    .iter()
                    .filter_map(|clause| match clause {
                        ast::ExceptionClause::Where { cond, .. } => Some(print_expr(cond)),
                        ast::ExceptionClause::Reason { .. }
                        | ast::ExceptionClause::Owner { .. }
                        | ast::ExceptionClause::Until { .. } => None,
                    })
                    .collect(),
                reason: lowered.reason.clone(),
                owner: lowered.owner.clone(),
                until: lowered.until.clone(),
            })
            .collect()
    }

    fn binds(&self, rule: usize) -> Vec<Bind> {
        let written = self
            .entries()
            .filter_map(|(item, _, _)| if let ItemKind::Bind(bind) = &item.kind { Some(bind) } else { None });
        let of_rule = self.module.binds.iter().zip(written).filter(|(lowered, _)| has(&lowered.rules, rule));
        of_rule.map(|(lowered, written)| self.bind(rule, lowered, written)).collect()
    }

    /// Of the params that a bind sets, those that the rule reads.
    fn bind(&self, rule: usize, lowered: &ir::Bind, written: &ast::Bind) -> Bind {
        let read = self.module.rules.get(rule).map(|rule| params_of(&rule.code)).unwrap_or_default();
        let conditions = written.clauses.iter().filter_map(|clause| match clause {
            ast::BindClause::Where { cond, .. } => Some(print_expr(cond)),
            ast::BindClause::Mode { .. } | ast::BindClause::With(_) => None,
        });
        let with = lowered.with.iter().filter(|(id, _)| read.contains(id)).filter_map(|(id, value)| {
            let param = self.module.params.get(id.index())?;
            Some((param.name.clone(), words::constant(value)))
        });
        Bind { mode: lowered.mode, conditions: conditions.collect(), with: with.collect() }
    }

    /// The text at a span, and the file and line that it begins in.
    fn source(&self, span: Span) -> (String, String) {
        let Some(source) = self.compiled.sources.get(span.file.0 as usize) else { return Default::default() };
        let text = source.text.get(span.range()).unwrap_or_default().to_owned();
        let before = source.text.get(..span.start as usize).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        (text, format!("{}:{line}", source.name))
    }
}

/// A bind that only takes rules in says nothing of where and how they hold.
fn says_something(bind: &ir::Bind) -> bool {
    bind.mode.is_some()
        || !bind.with.is_empty()
        || bind.conditions.iter().any(|condition| condition.cond.is_some())
}

fn has(rules: &[ir::RuleId], rule: usize) -> bool {
    rules.iter().any(|id| id.index() == rule)
}

fn package_name(file: &ast::File) -> String {
    file.package.as_ref().map(words::path).unwrap_or_default()
}

fn qualified(file: &ast::File, name: &str) -> String {
    match package_name(file) {
        package if package.is_empty() => name.to_owned(),
        package => format!("{package}.{name}"),
    }
}

fn doc_lines(docs: &[ast::Doc]) -> String {
    docs.iter().map(|doc| doc.text.as_str()).collect::<Vec<_>>().join("\n")
}

/// Verdicts in the order of the text, each with the loops and conditions that it stands in.
fn verdicts_of<'a>(
    clauses: impl Iterator<Item = &'a BlockClause>,
    scope: &mut Vec<String>,
    out: &mut Vec<Verdict>,
) {
    let depth = scope.len();
    for clause in clauses {
        match clause {
            BlockClause::Where { cond, .. } => scope.push(format!("where {}", print_expr(cond))),
            BlockClause::Let(_) => {}
            BlockClause::For(block) => {
                scope.push(for_words(&block.var, &block.range));
                verdicts_of(block.body.iter(), scope, out);
                scope.pop();
            }
            BlockClause::Verdict(verdict) => out.push(verdict_of(verdict, scope)),
        }
    }
    scope.truncate(depth);
}

fn verdict_of(verdict: &ast::Verdict, scope: &[String]) -> Verdict {
    let condition = verdict.cond.as_ref().map(|condition| {
        format!("{} {}", if condition.unless { "unless" } else { "when" }, print_expr(&condition.expr))
    });
    Verdict {
        scope: scope.to_vec(),
        verb: words::verb_of(verdict.verb),
        condition,
        message: text::message(&verdict.message),
        fix: verdict.fix.as_ref().map(text::message),
    }
}

fn for_words(var: &ast::Name, range: &ast::Expr) -> String {
    format!("for {} in {}", var.text, print_expr(range))
}

fn changes_of(clauses: &[MutateClause], scope: &mut Vec<String>, out: &mut Vec<(Vec<String>, String)>) {
    let depth = scope.len();
    for clause in clauses {
        match clause {
            MutateClause::Meta(_) | MutateClause::Let(_) => {}
            MutateClause::Where { cond, .. } => scope.push(format!("where {}", print_expr(cond))),
            MutateClause::For(block) => {
                scope.push(for_words(&block.var, &block.range));
                changes_of(&block.body, scope, out);
                scope.pop();
            }
            MutateClause::Change(change) => out.push((scope.clone(), change_words(&change.kind))),
        }
    }
    scope.truncate(depth);
}

fn change_words(change: &ChangeKind) -> String {
    match change {
        ChangeKind::Default { place, value } => {
            format!("default {} = {}", print_expr(place), print_expr(value))
        }
        ChangeKind::Overwrite { place, value } => {
            format!("overwrite {} = {}", print_expr(place), print_expr(value))
        }
        ChangeKind::Add { value, place } => format!("add {} to {}", print_expr(value), print_expr(place)),
        ChangeKind::Remove { place } => format!("remove {}", print_expr(place)),
    }
}

fn step_words(step: &ast::Step, events: &[String]) -> String {
    let mut out = format!("`{}`: ", step.name.text);
    if let Some(count) = &step.count {
        out.push_str(&format!("at least {} ", count.at_least));
    }
    out.push_str(&words::and(events));
    if let Some(when) = &step.when {
        out.push_str(&format!(" when `{}`", print_expr(when)));
    }
    if let Some(distinct) = step.count.as_ref().and_then(|count| count.distinct.as_ref()) {
        out.push_str(&format!(", each with another `{}`", words::path(distinct)));
    }
    out
}

/// The module has no correlations yet, so their metadata comes from the tree; the compiler has checked it.
fn add_meta(meta: &mut Meta, written: &ast::Meta) {
    let texts = |all: &[ast::StrLit]| all.iter().map(|one| one.text.clone()).collect::<Vec<_>>();
    match &written.kind {
        ast::MetaKind::Severity(name) => {
            meta.severity = match name.text.as_str() {
                "low" => Some(Severity::Low),
                "medium" => Some(Severity::Medium),
                "high" => Some(Severity::High),
                "critical" => Some(Severity::Critical),
                _ => None,
            };
        }
        ast::MetaKind::Mitre(ids) => meta.mitre.extend(texts(ids)),
        ast::MetaKind::Cis(ids) => meta.cis.extend(texts(ids)),
        ast::MetaKind::Tags(tags) => meta.tags.extend(texts(tags)),
        ast::MetaKind::Refs(refs) => meta.refs.extend(texts(refs)),
        ast::MetaKind::Owner(owner) => meta.owner = Some(owner.text.clone()),
    }
}
