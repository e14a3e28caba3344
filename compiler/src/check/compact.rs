//! Drops expressions that nothing uses, and completes the demand with the maps that are read as a whole.
//!
//! Elaboration leaves some behind: a map field whose key was named right after it is read by key alone, and must not
//! make the projector copy the map.

use kpol_vm::ir::{Code, ExprId, MutStmt, Op, Stmt, Template, TemplatePart, Ty};

use crate::{debug::CodeDebug, module::ModuleBuilder};

/// Keeps what `roots` reach, renumbers it, and gives the new numbers through `roots`.
pub(crate) fn compact(
    module: &mut ModuleBuilder,
    code: &mut Code,
    debug: &mut CodeDebug,
    roots: &mut [&mut ExprId],
) {
    let mut live = vec![false; code.exprs.len()];
    let mut pending: Vec<ExprId> = roots.iter().map(|id| **id).collect();
    while let Some(id) = pending.pop() {
        match live.get_mut(id.index()) {
            Some(seen) if !*seen => *seen = true,
            _ => continue,
        }
        if let Some(expr) = code.expr(id) {
            pending.extend(expr.op.operands());
        }
    }
    let mut new_ids = Vec::with_capacity(live.len());
    let mut next = 0_u32;
    for alive in &live {
        new_ids.push(ExprId(next));
        next += u32::from(*alive);
    }
    let renumber = |id: &mut ExprId| {
        if let Some(new) = new_ids.get(id.index()) {
            *id = *new;
        }
    };
    let mut keep = live.iter();
    code.exprs.retain(|_| keep.next().copied().unwrap_or(false));
    for spans in [&mut debug.exprs, &mut debug.origins] {
        let mut keep = live.iter();
        spans.retain(|_| keep.next().copied().unwrap_or(false));
    }
    for expr in &mut code.exprs {
        expr.op.each_operand(renumber);
    }
    for root in roots {
        renumber(root);
    }
    demand_maps(module, code);
}

fn demand_maps(module: &mut ModuleBuilder, code: &Code) {
    for expr in &code.exprs {
        if let Op::Field { base, field } = &expr.op
            && matches!(expr.ty, Ty::Map(_))
            && let Some(Ty::Record(root, record)) = code.expr(*base).map(|expr| expr.ty.clone())
        {
            module.demand_whole(root, record, *field);
        }
    }
}

/// The expressions that statements name.
pub(crate) fn stmt_roots<'s>(body: &'s mut [Stmt], out: &mut Vec<&'s mut ExprId>) {
    for stmt in body {
        match stmt {
            Stmt::Where(id) | Stmt::Let(_, id) => out.push(id),
            Stmt::Verdict { cond, .. } => out.extend(cond),
            Stmt::For { list, body, .. } => {
                out.push(list);
                stmt_roots(body, out);
            }
        }
    }
}

/// The expressions that a mutation's statements name.
pub(crate) fn mut_roots<'s>(body: &'s mut [MutStmt], out: &mut Vec<&'s mut ExprId>) {
    for stmt in body {
        match stmt {
            MutStmt::Where(id) | MutStmt::Let(_, id) => out.push(id),
            MutStmt::Change { value, .. } => out.extend(value),
            MutStmt::For { list, body, .. } => {
                out.push(list);
                mut_roots(body, out);
            }
        }
    }
}

/// The expressions in a message.
pub(crate) fn template_roots<'s>(template: &'s mut Template, out: &mut Vec<&'s mut ExprId>) {
    for part in &mut template.parts {
        if let TemplatePart::Hole(id) = part {
            out.push(id);
        }
    }
}
