//! Binds and exceptions: conditions that are checked in the world of every rule that they name.

use std::collections::BTreeMap;

use kpol_grammar::{
    ast::{self, BinaryOp, BindClause, ExceptionClause, ExprKind},
    span::{FileId, Span},
};
use kpol_vm::ir::{Bind, Condition, Const, Exception, Mode, ParamId, RuleId};

use crate::{
    diagnostics as d,
    elab::{Ctx, Elab, World, field::strip},
    items::decl,
    module::ModuleBuilder,
    program::{DefId, path_text},
};

/// A rule as binds and exceptions see it.
pub(crate) struct Bindable {
    pub(crate) id: RuleId,
    pub(crate) world: World,
    pub(crate) exceptions_need: Vec<String>,
}

/// The rules that `paths` name; unknown names are reported.
pub(crate) fn rules(
    ctx: &mut Ctx<'_>,
    known: &BTreeMap<DefId, Bindable>,
    file: FileId,
    paths: &[ast::Path],
) -> Vec<DefId> {
    let mut all = Vec::new();
    for path in paths {
        let found: Vec<DefId> = ctx
            .program
            .resolve_path(file, path)
            .into_iter()
            .filter(|def| {
                matches!(
                    ctx.program.item(*def).map(|i| &i.kind),
                    Some(ast::ItemKind::Rule(_) | ast::ItemKind::Correlate(_))
                )
            })
            .collect();
        if found.is_empty() {
            let names = decl::rule_names(ctx.program, file);
            ctx.diagnostics.push(d::unknown_rule(
                path.span,
                &path_text(path),
                names.iter().map(String::as_str),
            ));
        }
        for def in &found {
            ctx.used.insert(*def);
            if let Some(name) = path.names.first() {
                ctx.used_imports.insert((file, name.text.clone()));
            }
        }
        // A rule with errors of its own has no entry; they are reported.
        all.extend(found.into_iter().filter(|def| known.contains_key(def)));
    }
    all
}

pub(crate) fn bind(
    ctx: &mut Ctx<'_>,
    module: &mut ModuleBuilder,
    known: &BTreeMap<DefId, Bindable>,
    file: FileId,
    bind: &ast::Bind,
) -> Bind {
    let defs = rules(ctx, known, file, &bind.rules);
    let mut out = Bind { rules: Vec::new(), mode: None, conditions: Vec::new(), with: Vec::new() };
    let mut conditions: Vec<&ast::Expr> = Vec::new();
    let mut withs: Vec<&ast::With> = Vec::new();
    for clause in &bind.clauses {
        match clause {
            BindClause::Where { cond, .. } => conditions.push(cond),
            BindClause::Mode { mode, span } => {
                if out.mode.is_some() {
                    ctx.diagnostics.push(d::said_twice(*span, "mode"));
                }
                out.mode = mode_of(ctx, mode, known, &defs);
            }
            BindClause::With(with) => withs.push(with),
        }
    }
    for with in withs {
        if let Some(bound) = with_param(ctx, module, file, with) {
            if out.with.iter().any(|(id, _)| *id == bound.0) {
                ctx.diagnostics.push(d::with_twice(with.name.span, &with.name.text));
            }
            out.with.push(bound);
        }
    }
    for def in defs {
        let Some(rule) = known.get(&def) else { continue };
        out.rules.push(rule.id);
        out.conditions.push(condition(ctx, module, file, &rule.world, &conditions));
    }
    out
}

/// `with NAME = EXPR`: the value of a param, a constant of its type.
pub(crate) fn with_param(
    ctx: &mut Ctx<'_>,
    module: &mut ModuleBuilder,
    file: FileId,
    with: &ast::With,
) -> Option<(ParamId, Const)> {
    let found = match ctx.program.lookup(file, &with.name.text) {
        Some(crate::program::Found::Def(def)) => module.params.get(&def).cloned().map(|param| (def, param)),
        // A bind may set the params of the package whose rules it binds.
        Some(crate::program::Found::Module(_)) | None => {
            let name = &with.name.text;
            let mut same = module.params.iter().filter(|(def, _)| {
                ctx.program.item(**def).and_then(crate::program::item_name).is_some_and(|n| n.text == *name)
            });
            match (same.next(), same.next()) {
                (Some((def, param)), None) => Some((*def, param.clone())),
                _ => None,
            }
        }
    };
    let Some((def, (id, ty, _))) = found else {
        let names = decl::param_names(ctx.program);
        ctx.diagnostics.push(d::unknown_param(&with.name, names.iter().map(String::as_str)));
        return None;
    };
    ctx.used.insert(def);
    ctx.used_imports.insert((file, with.name.text.clone()));
    decl::constant(ctx, module, file, &with.value, &ty).map(|value| (id, value))
}

/// The conjunction of `conditions` in the world of one rule.
fn condition(
    ctx: &mut Ctx<'_>,
    module: &mut ModuleBuilder,
    file: FileId,
    world: &World,
    conditions: &[&ast::Expr],
) -> Condition {
    let mut elab = Elab::new(ctx, module, world.clone(), file);
    let mut all: Option<kpol_vm::ir::ExprId> = None;
    for expr in conditions {
        let Some(next) = elab.cond(expr) else { continue };
        all = match all {
            None => Some(next.id),
            Some(before) => elab
                .push(kpol_vm::ir::Op::And(before, next.id), kpol_vm::ir::Ty::BOOL, false, expr.span)
                .map(|both| both.id),
        };
    }
    Condition { code: elab.code, cond: all }
}

fn mode_of(
    ctx: &mut Ctx<'_>,
    name: &ast::Name,
    known: &BTreeMap<DefId, Bindable>,
    rules: &[DefId],
) -> Option<Mode> {
    let admission = rules.iter().filter_map(|def| known.get(def)).all(|rule| rule.world.admission);
    let runtime = rules.iter().filter_map(|def| known.get(def)).all(|rule| !rule.world.admission);
    let mode = match name.text.as_str() {
        "dryrun" => Some(Mode::Dryrun),
        "warn" if admission => Some(Mode::Warn),
        "deny" if admission => Some(Mode::Deny),
        "alert" if runtime => Some(Mode::Alert),
        "enforce" if runtime => Some(Mode::Enforce),
        _ => None,
    };
    if mode.is_none() {
        let words: &[&str] =
            if admission { &["dryrun", "warn", "deny"] } else { &["dryrun", "alert", "enforce"] };
        ctx.diagnostics.push(d::unknown_word(name, "mode", words.iter().copied()));
    }
    mode
}

/// An exception in IR, and where its parts stand.
pub(crate) struct LoweredException {
    pub(crate) exception: Exception,
    pub(crate) span: Span,
    pub(crate) until: Option<Span>,
}

pub(crate) fn exception(
    ctx: &mut Ctx<'_>,
    module: &mut ModuleBuilder,
    known: &BTreeMap<DefId, Bindable>,
    file: FileId,
    exception: &ast::Exception,
    name: String,
) -> LoweredException {
    let defs = rules(ctx, known, file, &exception.rules);
    let mut out = Exception {
        name,
        rules: Vec::new(),
        conditions: Vec::new(),
        reason: String::new(),
        owner: String::new(),
        until: None,
    };
    let mut wheres = Vec::new();
    let mut until_span = None;
    for clause in &exception.clauses {
        match clause {
            ExceptionClause::Where { cond, .. } => wheres.push(cond),
            ExceptionClause::Reason { text, span } => {
                if !out.reason.is_empty() {
                    ctx.diagnostics.push(d::said_twice(*span, "reason"));
                }
                out.reason.clone_from(&text.text);
            }
            ExceptionClause::Owner { text, span } => {
                if !out.owner.is_empty() {
                    ctx.diagnostics.push(d::said_twice(*span, "owner"));
                }
                out.owner.clone_from(&text.text);
            }
            ExceptionClause::Until { date, span } => {
                if until_span.is_some() {
                    ctx.diagnostics.push(d::said_twice(*span, "until"));
                }
                until_span = Some(date.span);
                match kpol_vm::scalar::time::Time::parse(&date.text) {
                    Ok(_) => out.until = Some(date.text.clone()),
                    Err(error) => ctx.diagnostics.push(d::bad_literal(
                        date.span,
                        &date.text,
                        &kpol_vm::types::Type::Time,
                        &error,
                    )),
                }
            }
        }
    }
    let parts =
        [("where", !wheres.is_empty()), ("reason", !out.reason.is_empty()), ("owner", !out.owner.is_empty())];
    let missing: Vec<&str> = parts.iter().filter(|(_, given)| !given).map(|(part, _)| *part).collect();
    // In a broken file it may be there and could not be read.
    if !missing.is_empty() && !ctx.is_broken(file) {
        ctx.diagnostics.push(d::exception_lacks(exception.name.span, &exception.name.text, &missing));
    }
    for def in defs {
        let Some(rule) = known.get(&def) else { continue };
        let is_loose = |needed: &&str| !wheres.iter().any(|cond| pins(cond, needed));
        let loose: Vec<&str> = rule.exceptions_need.iter().map(String::as_str).filter(is_loose).collect();
        if !loose.is_empty() && !wheres.is_empty() {
            ctx.diagnostics.push(d::exception_does_not_pin(
                exception.name.span,
                &exception.name.text,
                &loose,
            ));
        }
        out.rules.push(rule.id);
        let condition = condition(ctx, module, file, &rule.world, &wheres);
        if crate::check::constant::is_never(&condition) {
            ctx.diagnostics.push(d::exception_never_matches(exception.name.span, &exception.name.text));
        }
        out.conditions.push(condition);
    }
    LoweredException { exception: out, span: exception.name.span, until: until_span }
}

/// Whether `cond` holds only for named values of `path`: one of its conjuncts compares the path positively.
fn pins(cond: &ast::Expr, path: &str) -> bool {
    match &strip(cond).kind {
        ExprKind::Binary { op: BinaryOp::And, lhs, rhs, .. } => pins(lhs, path) || pins(rhs, path),
        ExprKind::Binary { op: BinaryOp::Or, lhs, rhs, .. } => pins(lhs, path) && pins(rhs, path),
        ExprKind::Binary { op: BinaryOp::Eq, lhs, rhs, .. } => is_path(lhs, path) || is_path(rhs, path),
        ExprKind::Binary {
            op: BinaryOp::In | BinaryOp::Under | BinaryOp::Like | BinaryOp::Matches,
            lhs,
            ..
        } => is_path(lhs, path),
        _ => false,
    }
}

fn is_path(expr: &ast::Expr, path: &str) -> bool {
    fn text(expr: &ast::Expr) -> Option<String> {
        match &strip(expr).kind {
            ExprKind::Var(name) => Some(name.text.clone()),
            ExprKind::Field { base, name } => Some(format!("{}.{}", text(base)?, name.text)),
            _ => None,
        }
    }
    text(expr).as_deref() == Some(path)
}
