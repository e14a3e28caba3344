//! Params, lets and defines: checked once where they stand, whoever uses them.

use kpol_grammar::{
    ast::{self, ItemKind},
    span::FileId,
};
use kpol_vm::ir::{Const, Param, ParamId, Ty};

use crate::{
    diagnostics as d,
    elab::{Ctx, Elab, World},
    items::target,
    module::ModuleBuilder,
    program::{DefId, Program, doc_text, item_name},
};

/// Declares a param, so that expressions can name it.
pub(crate) fn param(
    ctx: &mut Ctx<'_>,
    module: &mut ModuleBuilder,
    def: DefId,
    item: &ast::Item,
    params: &mut Vec<Param>,
) {
    let ItemKind::Param { name, ty, default } = &item.kind else { return };
    let written = {
        let mut elab = Elab::new(ctx, module, World::default(), def.file);
        elab.type_expr(ty, None)
    };
    let Some((ty, optional)) = written else { return };
    let value = match default {
        Some(expr) => constant(ctx, module, def.file, expr, &ty),
        None if optional => Some(Const::Absent),
        None => None,
    };
    if default.is_some() && value.is_none() {
        return;
    }
    let id = ParamId(params.len() as u32);
    module.params.insert(def, (id, ty.clone(), optional));
    params.push(Param { name: ctx.program.qualified(def), doc: doc_text(&item.docs), ty, default: value });
    let _ = name;
}

/// A constant of type `ty`; anything that is not constant is reported.
pub(crate) fn constant(
    ctx: &mut Ctx<'_>,
    module: &mut ModuleBuilder,
    file: FileId,
    expr: &ast::Expr,
    ty: &Ty,
) -> Option<Const> {
    let mut elab = Elab::new(ctx, module, World { bare: true, ..World::default() }, file);
    let value = elab.check(expr, ty)?;
    match elab.constant(&value) {
        Some(constant) => Some(constant.clone()),
        None => {
            elab.report(d::not_constant(expr.span));
            None
        }
    }
}

/// Checks a `let` for its own sake.
pub(crate) fn let_decl(ctx: &mut Ctx<'_>, file: FileId, item: &ast::Item, params: &ModuleBuilder) {
    let ItemKind::Let { ty, value, .. } = &item.kind else { return };
    let mut scratch = params.scratch();
    let world = World { bare: true, title: "let".into(), ..World::default() };
    let mut elab = Elab::new(ctx, &mut scratch, world, file);
    match ty {
        Some(written) => {
            if let Some((ty, _)) = elab.type_expr(written, None) {
                elab.check(value, &ty);
            }
        }
        None => {
            elab.infer(value);
        }
    }
}

/// Checks a define for its own sake: its parameters stand for any value of their types.
pub(crate) fn define(ctx: &mut Ctx<'_>, file: FileId, item: &ast::Item, params: &ModuleBuilder) {
    let ItemKind::Define { name, params: parameters, on, body } = &item.kind else { return };
    let mut scratch = params.scratch();
    let world = match on {
        Some(on) => match target::world(ctx, &mut scratch, on) {
            Some(world) => world,
            None => return,
        },
        None => target::bare_world(&mut scratch, &name.text),
    };
    let root = world.event.or_else(|| world.roots.first().map(|(_, _, root)| *root));
    let mut elab = Elab::new(ctx, &mut scratch, world, file);
    let mut sound = true;
    for parameter in parameters.iter().flatten() {
        match elab.type_expr(&parameter.ty, root) {
            // A parameter may be absent: every argument may.
            Some((ty, _)) => {
                elab.bind(&parameter.name, ty, true, false);
            }
            None => {
                elab.poison(&parameter.name);
                sound = false;
            }
        }
    }
    elab.infer_cond(body);
    let unused: Vec<(String, kpol_grammar::span::Span)> =
        elab.scope.iter().filter(|local| !local.used).map(|local| (local.name.clone(), local.span)).collect();
    if !sound || elab.ctx.is_broken(file) {
        return;
    }
    for (parameter, span) in unused {
        elab.report(d::unused_parameter(span, &parameter));
    }
}

/// Reports lets and defines that need themselves.
pub(crate) fn cycles(ctx: &mut Ctx<'_>) {
    let program = ctx.program;
    let mut edges = Edges::new();
    for names in program.packages.values() {
        edges.extend(names.values().map(|def| (*def, uses(program, *def))));
    }
    only_cyclic(&mut edges);
    let mut reported = std::collections::BTreeSet::new();
    for def in edges.keys() {
        if reported.contains(def) {
            continue;
        }
        if let Some(path) = cycle_from(&edges, *def) {
            reported.extend(path.iter().copied());
            let names: Vec<&ast::Name> =
                path.iter().filter_map(|def| program.item(*def)).filter_map(item_name).collect();
            ctx.diagnostics.push(d::cyclic_definition(&names));
        }
    }
}

/// What each declaration uses.
type Edges = std::collections::BTreeMap<DefId, std::collections::BTreeSet<DefId>>;

/// Keeps the declarations from which a cycle can be reached: mostly none.
fn only_cyclic(edges: &mut Edges) {
    let mut users: std::collections::BTreeMap<DefId, Vec<DefId>> = std::collections::BTreeMap::new();
    for (user, used) in edges.iter() {
        for def in used {
            users.entry(*def).or_default().push(*user);
        }
    }
    let mut pending: Vec<DefId> =
        edges.iter().filter(|(_, used)| used.is_empty()).map(|(def, _)| *def).collect();
    while let Some(done) = pending.pop() {
        edges.remove(&done);
        for user in users.get(&done).into_iter().flatten() {
            if let Some(used) = edges.get_mut(user)
                && used.remove(&done)
                && used.is_empty()
            {
                pending.push(*user);
            }
        }
    }
}

/// The declarations on a way from `start` back to itself, if there is one (breadth first).
fn cycle_from(edges: &Edges, start: DefId) -> Option<Vec<DefId>> {
    let mut before = std::collections::BTreeMap::new();
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(here) = queue.pop_front() {
        for next in edges.get(&here).into_iter().flatten().copied() {
            if next == start {
                let mut trail = vec![here];
                let mut at = here;
                while at != start {
                    at = *before.get(&at)?;
                    trail.push(at);
                }
                trail.reverse();
                return Some(trail);
            }
            if let std::collections::btree_map::Entry::Vacant(entry) = before.entry(next) {
                entry.insert(here);
                queue.push_back(next);
            }
        }
    }
    None
}

/// The lets and defines that the body of a let or define names.
fn uses(program: &Program<'_>, def: DefId) -> std::collections::BTreeSet<DefId> {
    let mut found = std::collections::BTreeSet::new();
    // Names that parameters and loops hide, each with the one around it; 0 is none.
    let mut hidden: Vec<(&str, usize)> = vec![("", 0)];
    let body = match program.item(def).map(|item| &item.kind) {
        Some(ItemKind::Let { value, .. }) => value,
        Some(ItemKind::Define { body, params, .. }) => {
            for (index, param) in params.iter().flatten().enumerate() {
                hidden.push((&param.name.text, index));
            }
            body
        }
        _ => return found,
    };
    let is_declared = |hidden: &[(&str, usize)], mut scope: usize, name: &str| {
        while let Some((known, outer)) = hidden.get(scope).filter(|_| scope > 0) {
            if *known == name {
                return false;
            }
            scope = *outer;
        }
        true
    };
    let mut pending = vec![(body, hidden.len() - 1)];
    while let Some((expr, scope)) = pending.pop() {
        let mut inside = |expr| pending.push((expr, scope));
        match &expr.kind {
            ast::ExprKind::Var(name) => {
                if let Some(crate::program::Found::Def(def)) = program.lookup(def.file, &name.text)
                    && is_declared(&hidden, scope, &name.text)
                {
                    found.insert(def);
                }
            }
            ast::ExprKind::Field { base, name } => {
                if let ast::ExprKind::Var(alias) = &base.kind
                    && let Some(package) = program.module_alias(def.file, &alias.text)
                {
                    found.extend(program.in_package(package, &name.text));
                }
                inside(base);
            }
            ast::ExprKind::If { cond, then, otherwise } => {
                [cond, then, otherwise].into_iter().for_each(|e| inside(e));
            }
            ast::ExprKind::Binary { lhs, rhs, .. } => {
                [lhs, rhs].into_iter().for_each(|e| inside(e));
            }
            ast::ExprKind::Not(inner)
            | ast::ExprKind::Has(inner)
            | ast::ExprKind::Neg(inner)
            | ast::ExprKind::Paren(inner) => inside(inner),
            ast::ExprKind::Index { base, index } => {
                [base, index].into_iter().for_each(|e| inside(e));
            }
            ast::ExprKind::Call { callee, args } => {
                inside(callee);
                args.iter().for_each(inside);
            }
            ast::ExprKind::List(items) => items.iter().for_each(inside),
            ast::ExprKind::Comprehension { head, var, range, filter } => {
                inside(range);
                hidden.push((&var.text, scope));
                let inner = hidden.len() - 1;
                pending.push((head, inner));
                pending.extend(filter.as_deref().map(|filter| (filter, inner)));
            }
            ast::ExprKind::Quantified { var, range, body, .. } => {
                inside(range);
                hidden.push((&var.text, scope));
                pending.push((body, hidden.len() - 1));
            }
            ast::ExprKind::Literal(_) | ast::ExprKind::Error => {}
        }
    }
    found
}

/// Every rule and correlation, as a file could name it.
pub(crate) fn rule_names(program: &Program<'_>, file: FileId) -> Vec<String> {
    let own = program.package(file).to_owned();
    let mut names = Vec::new();
    for (package, items) in &program.packages {
        for (name, def) in items {
            let is_rule = matches!(
                program.item(*def).map(|item| &item.kind),
                Some(ItemKind::Rule(_) | ItemKind::Correlate(_) | ItemKind::Mutate(_))
            );
            if is_rule {
                names.push(if *package == own { name.clone() } else { format!("{package}.{name}") });
            }
        }
    }
    names
}

/// Every param's plain name.
pub(crate) fn param_names(program: &Program<'_>) -> Vec<String> {
    let items = program.packages.values().flat_map(|items| items.iter());
    items
        .filter(|(_, def)| matches!(program.item(**def).map(|i| &i.kind), Some(ItemKind::Param { .. })))
        .map(|(name, _)| name.clone())
        .collect()
}
