//! Conditions that hold always or never: mostly a mistake.

use std::collections::BTreeMap;

use kpol_vm::ir::{Code, Condition, Const, ExprId, Op, Stmt};

use crate::{check::walk, diagnostics as d, elab::Ctx, items::rule::Lowered};

/// Reports verdicts and `where` clauses of a rule whose condition is constant.
pub(crate) fn rule(ctx: &mut Ctx<'_>, lowered: &Lowered) {
    let mut found = Vec::new();
    walk::each_stmt(&lowered.rule.body, &mut |stmt| match stmt {
        Stmt::Where(cond) | Stmt::Verdict { cond: Some(cond), .. } => {
            if let Some(value) = fold(&lowered.rule.code, *cond) {
                found.push((*cond, value));
            }
        }
        Stmt::Verdict { cond: None, .. } | Stmt::Let(..) | Stmt::For { .. } => {}
    });
    for (cond, value) in found {
        if let Some(span) = lowered.debug.exprs.get(cond.index()) {
            ctx.diagnostics.push(d::constant_condition(*span, value));
        }
    }
}

/// Whether a condition can never hold: it folds to false, or wants two values of one path at once.
pub(crate) fn is_never(condition: &Condition) -> bool {
    let Some(cond) = condition.cond else { return false };
    if fold(&condition.code, cond) == Some(false) {
        return true;
    }
    let firsts = firsts(&condition.code);
    let mut wanted: Vec<(ExprId, Const)> = Vec::new();
    let mut pending = vec![cond];
    while let Some(id) = pending.pop() {
        match condition.code.expr(id).map(|expr| &expr.op) {
            Some(Op::And(a, b)) => pending.extend([*a, *b]),
            Some(Op::Eq(a, b)) => {
                let op = |id: ExprId| condition.code.expr(id).map(|expr| expr.op.clone());
                if let (Some(path), Some(Op::Const(value))) = (firsts.get(a.index()), op(*b)) {
                    wanted.push((*path, value));
                }
            }
            _ => {}
        }
    }
    wanted.iter().any(|(path, value)| wanted.iter().any(|(p, v)| p == path && v != value))
}

/// For each expression the first one that is made in the same way, so that two mentions of a path are one.
fn firsts(code: &Code) -> Vec<ExprId> {
    let mut known: BTreeMap<String, ExprId> = BTreeMap::new();
    let mut firsts: Vec<ExprId> = Vec::with_capacity(code.exprs.len());
    for (index, expr) in code.exprs.iter().enumerate() {
        let mut op = expr.op.clone();
        op.each_operand(|id| *id = firsts.get(id.index()).copied().unwrap_or(*id));
        firsts.push(*known.entry(format!("{op:?}")).or_insert(ExprId(index as u32)));
    }
    firsts
}

/// The value of a condition that no input can change.
fn fold(code: &Code, id: ExprId) -> Option<bool> {
    match &code.expr(id)?.op {
        Op::Const(Const::Bool(value)) => Some(*value),
        Op::Not(a) => fold(code, *a).map(|value| !value),
        Op::And(a, b) => match (fold(code, *a), fold(code, *b)) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        },
        Op::Or(a, b) => match (fold(code, *a), fold(code, *b)) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        },
        Op::Eq(a, b) => match (&code.expr(*a)?.op, &code.expr(*b)?.op) {
            (Op::Const(x), Op::Const(y)) => Some(x == y),
            _ => None,
        },
        _ => None,
    }
}
