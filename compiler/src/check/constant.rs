//! Conditions that hold always or never: mostly a mistake.

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
    let mut wanted: Vec<(Op, Const)> = Vec::new();
    let mut pending = vec![cond];
    while let Some(id) = pending.pop() {
        match condition.code.expr(id).map(|expr| &expr.op) {
            Some(Op::And(a, b)) => pending.extend([*a, *b]),
            Some(Op::Eq(a, b)) => {
                let op = |id: ExprId| condition.code.expr(id).map(|expr| expr.op.clone());
                if let (Some(path), Some(Op::Const(value))) = (op(*a), op(*b)) {
                    wanted.push((normal(&condition.code, path), value));
                }
            }
            _ => {}
        }
    }
    wanted.iter().any(|(path, value)| wanted.iter().any(|(p, v)| p == path && v != value))
}

/// The operation with equal operands made identical, so that two mentions of a path compare equal.
fn normal(code: &Code, op: Op) -> Op {
    let mut op = op;
    walk::each_operand(&mut op, |id| {
        let mut here = *id;
        for (index, other) in code.exprs.iter().enumerate().take(here.index()) {
            let same = code.expr(here).is_some_and(|expr| {
                normal_shallow(code, &expr.op, 16) == normal_shallow(code, &other.op, 16)
            });
            if same {
                here = ExprId(index as u32);
                break;
            }
        }
        *id = here;
    });
    op
}

/// An operation with its operands spelled out, down to a depth.
fn normal_shallow(code: &Code, op: &Op, depth: usize) -> String {
    let parts: Vec<String> = if depth == 0 {
        Vec::new()
    } else {
        walk::operands(op)
            .into_iter()
            .filter_map(|id| code.expr(id))
            .map(|expr| normal_shallow(code, &expr.op, depth - 1))
            .collect()
    };
    let mut bare = op.clone();
    walk::each_operand(&mut bare, |id| *id = ExprId(0));
    format!("{bare:?}({})", parts.join(","))
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
