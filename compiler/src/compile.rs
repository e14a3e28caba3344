//! The whole way from sources to a module.

use std::collections::BTreeMap;

use kpol_grammar::{
    Allow,
    ast::{self, ItemKind},
    diagnostic::{Diagnostic, Severity},
    parse,
    span::{FileId, Span},
};
use kpol_stdlib::catalog::{self, Catalog};
use kpol_vm::{
    ir::{ExprId, Module, Op, RootId, RuleId, Watch},
    json::Json,
};

use crate::{
    check::{compact, unused},
    debug::{CodeDebug, Debug},
    diagnostics as d,
    elab::Ctx,
    items::{
        bind::{self, Bindable},
        correlate, decl, mutate, rule,
        test::{self, TestCase},
    },
    module::ModuleBuilder,
    program::{DefId, PRELUDE, Program, path_text},
    source::{Loader, Role, Source, library, library_package},
};

/// What a compilation is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// The range of Kubernetes minors that the policy is for; fields outside of it are errors. `None`: any.
    pub kubernetes: Option<(u32, u32)>,
    /// Bound on the length of lists in one object, for the static cost.
    pub max_items: u64,
    /// Bound on the number of objects of one kind in the cluster, for the static cost.
    pub max_objects: u64,
    /// The worst-case cost that a rule may have.
    pub max_cost: u64,
    /// Today, `2026-11-23`: expired exceptions are reported. `None`: not checked.
    pub today: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            kubernetes: None,
            max_items: 100,
            max_objects: 5_000,
            max_cost: 100_000_000_000,
            today: None,
        }
    }
}

/// What came out.
pub struct Compiled {
    /// The sources, in the order of their [`FileId`]s; library packages that were taken in come last.
    pub sources: Vec<Source>,
    /// The parsed files.
    pub files: Vec<ast::File>,
    /// Everything that there is to say, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
    /// The module. Only if there is no error.
    pub module: Option<Module>,
    /// Where its parts stand.
    pub debug: Debug,
    /// The tests of the entry files.
    pub tests: Vec<TestCase>,
    /// The catalog with the kinds that the policies brought.
    pub catalog: Catalog,
    /// The names of correlations, which are checked and not run yet.
    pub correlations: Vec<String>,
}

impl Compiled {
    /// Whether there is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

/// Compiles `sources`. Packages of the library that they name are taken in by themselves.
#[must_use]
pub fn compile(sources: Vec<Source>, loader: &dyn Loader, options: &Options) -> Compiled {
    compile_with(Catalog::new(), sources, loader, options)
}

/// The same for authors who can name what is in `catalog`: the builtins and kinds of a host.
#[must_use]
pub fn compile_with(
    mut catalog: Catalog,
    sources: Vec<Source>,
    loader: &dyn Loader,
    options: &Options,
) -> Compiled {
    let Parsed { sources, files, allows, mut diagnostics } = parse_all(sources);
    load_kinds(&mut catalog, &sources, &files, loader, &mut diagnostics);
    let program = Program::new(&files, &mut diagnostics);
    let mut ctx = Ctx {
        program: &program,
        catalog: &catalog,
        options,
        diagnostics,
        used: Default::default(),
        used_imports: Default::default(),
        lost: None,
    };
    let built = Build::run(&mut ctx, &sources);
    let lost = ctx.lost;
    let mut diagnostics = std::mem::take(&mut ctx.diagnostics);
    drop(ctx);
    drop(program);
    let sound = !diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    if sound {
        diagnostics.extend(unrunnable(lost, &built, &catalog));
    }
    finish_diagnostics(&mut diagnostics, &allows, &sources);
    let failed = diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    let Build { module, debug, tests, correlations } = built;
    Compiled {
        sources,
        files,
        diagnostics,
        module: (!failed).then_some(module),
        debug,
        tests,
        catalog,
        correlations,
    }
}

/// The last line of defense: what has a hole that nobody reported, or no engine would load, is no module.
fn unrunnable(lost: Option<Span>, built: &Build, catalog: &Catalog) -> Option<Diagnostic> {
    if let Some(span) = lost {
        return Some(d::internal(span, "an expression has no value"));
    }
    let error = kpol_vm::verify::verify(&built.module, catalog.builtins()).err()?;
    let rule = built.module.rules.iter().position(|rule| error.place.ends_with(&rule.name));
    let span = rule.and_then(|index| built.debug.rules.get(index)).map(|debug| debug.name);
    Some(d::internal(span.unwrap_or_default(), &error.to_string()))
}

struct Parsed {
    sources: Vec<Source>,
    files: Vec<ast::File>,
    allows: Vec<Allow>,
    diagnostics: Vec<Diagnostic>,
}

/// Parses the sources and, as they name them, packages of the library.
fn parse_all(sources: Vec<Source>) -> Parsed {
    let mut out = Parsed { sources, files: Vec::new(), allows: Vec::new(), diagnostics: Vec::new() };
    out.sources.push(Source {
        name: "std/prelude.kpol".to_owned(),
        text: catalog::PRELUDE.to_owned(),
        role: Role::Vocabulary,
    });
    let mut asked = std::collections::BTreeSet::from([PRELUDE.to_owned()]);
    let mut wanted: Vec<String> = Vec::new();
    loop {
        while let Some(source) = out.sources.get(out.files.len()) {
            let parsed = parse(FileId(out.files.len() as u32), &source.text);
            out.diagnostics.extend(parsed.diagnostics);
            out.allows.extend(parsed.allows);
            wanted.extend(library_mentions(&parsed.file));
            out.files.push(parsed.file);
        }
        // A file that is given stands for the library's own text of its package.
        let packages: Vec<String> =
            out.files.iter().filter_map(|file| file.package.as_ref().map(path_text)).collect();
        let mut new: Vec<Source> = Vec::new();
        for source in wanted
            .drain(..)
            .filter(|name| asked.insert(name.clone()))
            .flat_map(|name| library(&name, Role::Vocabulary))
        {
            if !packages.contains(&library_package(&source)) && !new.contains(&source) {
                new.push(source);
            }
        }
        if new.is_empty() {
            break;
        }
        out.sources.extend(new);
    }
    out
}

/// Dotted names below `std.` that a file names, with every parent package that they could mean.
fn library_mentions(file: &ast::File) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    for used in &file.uses {
        if let ast::Use::Module { path, .. } | ast::Use::Names { path, .. } = used {
            paths.push(path_text(path));
        }
    }
    for item in &file.items {
        match &item.kind {
            ItemKind::Bind(bind) => paths.extend(bind.rules.iter().map(path_text)),
            ItemKind::Exception(exception) => paths.extend(exception.rules.iter().map(path_text)),
            ItemKind::Test(test) => paths.push(path_text(&test.rule)),
            _ => {}
        }
    }
    let mut names = Vec::new();
    for path in paths.into_iter().filter(|path| path.starts_with("std.")) {
        if let Some((parent, _)) = path.rsplit_once('.').filter(|(parent, _)| *parent != "std") {
            names.push(parent.to_owned());
        }
        names.push(path);
    }
    names
}

fn load_kinds(
    catalog: &mut Catalog,
    sources: &[Source],
    files: &[ast::File],
    loader: &dyn Loader,
    diagnostics: &mut Vec<Diagnostic>,
) {
    for (source, file) in sources.iter().zip(files) {
        for used in &file.uses {
            let ast::Use::Kind { name, from, .. } = used else { continue };
            let documents = match loader.documents(source, &from.text) {
                Ok(documents) => documents,
                Err(why) => {
                    diagnostics.push(d::kind_file(from.span, &from.text, &why));
                    continue;
                }
            };
            let kind =
                |crd: &Json| crd.at(&["spec", "names", "kind"]).and_then(Json::as_str).map(str::to_owned);
            let found: Vec<String> = documents.iter().filter_map(kind).collect();
            let Some(crd) = documents.iter().find(|crd| kind(crd).as_deref() == Some(name.text.as_str()))
            else {
                diagnostics.push(d::kind_not_in_file(name, &found));
                continue;
            };
            if let Err(errors) = catalog.schema_mut().add_crd(&name.text, crd) {
                for error in errors {
                    diagnostics.push(d::kind_file(from.span, &from.text, &error.to_string()));
                }
            }
        }
    }
}

#[derive(Default)]
struct Build {
    module: Module,
    debug: Debug,
    tests: Vec<TestCase>,
    correlations: Vec<String>,
}

impl Build {
    fn run(ctx: &mut Ctx<'_>, sources: &[Source]) -> Build {
        let mut build = Build::default();
        let mut module = ModuleBuilder::default();
        let is_entry =
            |file: FileId| sources.get(file.0 as usize).is_some_and(|source| source.role == Role::Entry);
        build.params(ctx, &mut module);
        decl::cycles(ctx);
        build.declarations(ctx, &module);
        let bound = bound_rules(ctx, &is_entry);
        let rules = build.rules(ctx, &mut module, &|def| is_entry(def.file) || bound.contains(&def));
        let mutations = build.mutations(ctx, &mut module, &is_entry);
        build.bindings(ctx, &mut module, &rules, &is_entry);
        build.tests(ctx, &mut module, &rules, &mutations, &is_entry);
        unused::names(ctx, &is_entry);
        build.module.builtins = std::mem::take(&mut module.builtins);
        build.module.roots = module.finish_roots(ctx.catalog);
        build.module.watches = watches(ctx.catalog, &build.module);
        build
    }

    fn params(&mut self, ctx: &mut Ctx<'_>, module: &mut ModuleBuilder) {
        for (def, item) in items(ctx) {
            if let ItemKind::Param { name, .. } = &item.kind {
                let before = self.module.params.len();
                decl::param(ctx, module, def, item, &mut self.module.params);
                if self.module.params.len() > before {
                    self.debug.params.push(name.span);
                }
            }
        }
    }

    fn declarations(&mut self, ctx: &mut Ctx<'_>, module: &ModuleBuilder) {
        for (def, item) in items(ctx) {
            match &item.kind {
                ItemKind::Let { .. } => decl::let_decl(ctx, def.file, item, module),
                ItemKind::Define { .. } => decl::define(ctx, def.file, item, module),
                ItemKind::Correlate(correlate) => {
                    self.correlations.push(ctx.program.qualified(def));
                    correlate::check(ctx, def.file, item, correlate, module);
                }
                _ => {}
            }
        }
    }

    /// Rules are lowered where they count; the others (of a vocabulary) are only checked.
    fn rules(
        &mut self,
        ctx: &mut Ctx<'_>,
        module: &mut ModuleBuilder,
        counts: &dyn Fn(DefId) -> bool,
    ) -> BTreeMap<DefId, Bindable> {
        let mut known = BTreeMap::new();
        for (def, item) in items(ctx) {
            let ItemKind::Rule(written) = &item.kind else { continue };
            if !counts(def) {
                continue;
            }
            let name = ctx.program.qualified(def);
            let Some(mut lowered) = rule::lower(ctx, module, def.file, item, written, name) else { continue };
            compact_rule(module, &mut lowered);
            let id = RuleId(self.module.rules.len() as u32);
            let exceptions_need = lowered.rule.exceptions_need.clone();
            known.insert(def, Bindable { id, world: lowered.world, exceptions_need });
            self.module.rules.push(lowered.rule);
            self.debug.rules.push(lowered.debug);
        }
        known
    }

    fn mutations(
        &mut self,
        ctx: &mut Ctx<'_>,
        module: &mut ModuleBuilder,
        is_entry: &dyn Fn(FileId) -> bool,
    ) -> BTreeMap<DefId, usize> {
        let mut known = BTreeMap::new();
        let mut all = Vec::new();
        for (def, item) in items(ctx) {
            let ItemKind::Mutate(written) = &item.kind else { continue };
            if !is_entry(def.file) {
                continue;
            }
            let name = ctx.program.qualified(def);
            let Some(lowered) = mutate::lower(ctx, module, def.file, item, written, name) else { continue };
            known.insert(def, all.len());
            all.push(lowered);
        }
        mutate::conflicts(ctx, &all);
        for mut lowered in all {
            let mut roots: Vec<&mut ExprId> = Vec::new();
            compact::mut_roots(&mut lowered.mutation.body, &mut roots);
            compact::compact(module, &mut lowered.mutation.code, &mut lowered.debug, &mut roots);
            self.module.mutations.push(lowered.mutation);
            self.debug.mutations.push(lowered.debug);
        }
        known
    }

    fn bindings(
        &mut self,
        ctx: &mut Ctx<'_>,
        module: &mut ModuleBuilder,
        rules: &BTreeMap<DefId, Bindable>,
        is_entry: &dyn Fn(FileId) -> bool,
    ) {
        for (def, item) in items(ctx) {
            if !is_entry(def.file) {
                continue;
            }
            match &item.kind {
                ItemKind::Bind(written) => {
                    let mut bind = bind::bind(ctx, module, rules, def.file, written);
                    bind.conditions.iter_mut().for_each(|condition| compact_condition(module, condition));
                    self.module.binds.push(bind);
                }
                ItemKind::Exception(written) => {
                    let name = ctx.program.qualified(def);
                    let mut lowered = bind::exception(ctx, module, rules, def.file, written, name);
                    lowered.exception.conditions.iter_mut().for_each(|c| compact_condition(module, c));
                    if let (Some(until), Some(today)) = (&lowered.exception.until, &ctx.options.today)
                        && until < today
                    {
                        let span = lowered.until.unwrap_or(lowered.span);
                        ctx.diagnostics.push(d::exception_expired(
                            span,
                            &lowered.exception.name,
                            until,
                            today,
                        ));
                    }
                    self.debug.exceptions.push(lowered.span);
                    self.module.exceptions.push(lowered.exception);
                }
                _ => {}
            }
        }
    }

    fn tests(
        &mut self,
        ctx: &mut Ctx<'_>,
        module: &mut ModuleBuilder,
        rules: &BTreeMap<DefId, Bindable>,
        mutations: &BTreeMap<DefId, usize>,
        is_entry: &dyn Fn(FileId) -> bool,
    ) {
        let subjects = test::Subjects { rules, mutations };
        let mut names = std::collections::BTreeSet::new();
        for (def, item) in items(ctx) {
            if let ItemKind::Test(written) = &item.kind
                && is_entry(def.file)
            {
                // `service_account_token` of one package is another rule than that of the next.
                let subject = (ctx.program.package(def.file), path_text(&written.rule));
                if !names.insert((subject, written.name.text.as_str())) {
                    ctx.diagnostics.push(d::test_twice(written.name.span));
                }
                self.tests.extend(test::lower(ctx, module, &subjects, def.file, item, written));
            }
        }
    }
}

/// The kinds whose objects in the cluster the code asks for.
fn watches(catalog: &Catalog, module: &Module) -> Vec<Watch> {
    let codes = module.rules.iter().map(|rule| &rule.code).chain(module.mutations.iter().map(|m| &m.code));
    let conditions = module.binds.iter().flat_map(|bind| &bind.conditions);
    let conditions = conditions.chain(module.exceptions.iter().flat_map(|exception| &exception.conditions));
    let codes = codes.chain(conditions.map(|condition| &condition.code));
    let roots: std::collections::BTreeSet<RootId> = codes
        .flat_map(|code| &code.exprs)
        .filter_map(|expr| if let Op::Cluster { root, .. } = expr.op { Some(root) } else { None })
        .collect();
    roots
        .into_iter()
        .filter_map(|root| {
            let kind = catalog.schema().kind(&module.roots.get(root.index())?.name)?;
            Some(Watch {
                root,
                group: kind.group.clone(),
                version: kind.version.clone(),
                kind: kind.kind.clone(),
                plural: kind.plural.clone(),
            })
        })
        .collect()
}

/// Every declaration, in the order of the files.
fn items<'a>(ctx: &Ctx<'a>) -> Vec<(DefId, &'a ast::Item)> {
    let files = ctx.program.files;
    files
        .iter()
        .enumerate()
        .flat_map(|(file, parsed)| {
            let items = parsed.items.iter().enumerate();
            items.map(move |(item, node)| (DefId { file: FileId(file as u32), item }, node))
        })
        .collect()
}

/// The rules outside of the entry files that a bind, exception or test of an entry file names.
fn bound_rules(ctx: &Ctx<'_>, is_entry: &dyn Fn(FileId) -> bool) -> std::collections::BTreeSet<DefId> {
    let mut bound = std::collections::BTreeSet::new();
    for (def, item) in items(ctx) {
        let paths: Vec<&ast::Path> = match &item.kind {
            ItemKind::Bind(bind) if is_entry(def.file) => bind.rules.iter().collect(),
            ItemKind::Exception(exception) if is_entry(def.file) => exception.rules.iter().collect(),
            ItemKind::Test(test) if is_entry(def.file) => vec![&test.rule],
            _ => continue,
        };
        for path in paths {
            bound.extend(ctx.program.resolve_path(def.file, path));
        }
    }
    bound
}

fn compact_rule(module: &mut ModuleBuilder, lowered: &mut rule::Lowered) {
    let mut roots: Vec<&mut ExprId> = Vec::new();
    compact::stmt_roots(&mut lowered.rule.body, &mut roots);
    for clause in &mut lowered.rule.clauses {
        compact::template_roots(&mut clause.message, &mut roots);
        if let Some(fix) = &mut clause.fix {
            compact::template_roots(fix, &mut roots);
        }
    }
    compact::compact(module, &mut lowered.rule.code, &mut lowered.debug, &mut roots);
}

fn compact_condition(module: &mut ModuleBuilder, condition: &mut kpol_vm::ir::Condition) {
    let mut roots: Vec<&mut ExprId> = condition.cond.iter_mut().collect();
    compact::compact(module, &mut condition.code, &mut CodeDebug::default(), &mut roots);
}

/// Applies suppressions, drops what is said twice, and sorts by place.
fn finish_diagnostics(diagnostics: &mut Vec<Diagnostic>, allows: &[Allow], sources: &[Source]) {
    let mut used = vec![false; allows.len()];
    diagnostics.retain(|diagnostic| {
        let Some(place) = diagnostic.primary().filter(|_| diagnostic.severity != Severity::Error) else {
            return true;
        };
        let covering = allows.iter().position(|allow| allow.covers(diagnostic.code, place));
        match covering.and_then(|index| used.get_mut(index)) {
            Some(used) => {
                *used = true;
                false
            }
            None => true,
        }
    });
    let broken = |file: FileId| {
        let mut errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
        errors.any(|diagnostic| diagnostic.primary().is_some_and(|span| span.file == file))
    };
    // What a broken file would have been warned of is not known.
    let unused_known: Vec<bool> = allows.iter().map(|allow| !broken(allow.span.file)).collect();
    for ((allow, used), known) in allows.iter().zip(&used).zip(unused_known) {
        if allow.reason.is_none() {
            diagnostics.push(d::allow_without_reason(allow.span, &allow.code));
        } else if !used && known {
            diagnostics.push(d::unused_allow(allow.span, &allow.code));
        }
    }
    // The library is checked by its own tests; its users see only its errors, which would be bugs.
    diagnostics.retain(|diagnostic| {
        let role =
            diagnostic.primary().and_then(|span| sources.get(span.file.0 as usize)).map(|source| source.role);
        diagnostic.severity == Severity::Error || role != Some(Role::Vocabulary)
    });
    diagnostics.sort_by_key(|diagnostic| diagnostic.primary().map(|span| (span.file, span.start, span.end)));
    // A literal that is elaborated at two uses, or under two targets, is wrong once.
    diagnostics.dedup_by(|a, b| a.code == b.code && a.message == b.message && a.primary() == b.primary());
}
