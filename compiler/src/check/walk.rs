//! Walking IR: operands of an operation, statements of a body.

use kpol_vm::ir::{ExprId, Op, Stmt};

/// The operands of an operation, in order of evaluation.
pub(crate) fn operands(op: &Op) -> Vec<ExprId> {
    let mut op = op.clone();
    let mut ids = Vec::new();
    each_operand(&mut op, |id| ids.push(*id));
    ids
}

/// Calls `visit` with every operand, to read or replace it.
pub(crate) fn each_operand(op: &mut Op, mut visit: impl FnMut(&mut ExprId)) {
    match op {
        Op::Const(_) | Op::Param(_) | Op::Local(_) | Op::Root(..) | Op::Cluster { .. } => {}
        Op::Field { base, .. } | Op::Written { base, .. } | Op::MapKey { base, .. } | Op::DynField { base, .. } => {
            visit(base);
        }
        Op::ToDyn(a) | Op::Present(a) | Op::Not(a) | Op::Neg(a) => visit(a),
        Op::MapGet { map: a, key: b }
        | Op::ListGet { list: a, index: b }
        | Op::DynIndex { base: a, index: b }
        | Op::And(a, b)
        | Op::Or(a, b)
        | Op::Coalesce(a, b)
        | Op::Eq(a, b)
        | Op::Compare(_, a, b)
        | Op::In { value: a, set: b }
        | Op::Under { value: a, prefix: b }
        | Op::Like { value: a, pattern: b }
        | Op::Matches { value: a, pattern: b }
        | Op::Text(_, a, b)
        | Op::Add(a, b)
        | Op::Sub(a, b)
        | Op::Concat(a, b)
        | Op::Difference(a, b)
        | Op::Quantified { list: a, body: b, .. }
        | Op::Let { value: a, body: b, .. } => {
            visit(a);
            visit(b);
        }
        Op::If { cond, then, otherwise } => {
            visit(cond);
            visit(then);
            visit(otherwise);
        }
        Op::Comprehension { list, filter, head, .. } => {
            visit(list);
            if let Some(filter) = filter {
                visit(filter);
            }
            visit(head);
        }
        Op::MakeList(items) => items.iter_mut().for_each(visit),
        Op::Call { args, .. } => args.iter_mut().for_each(visit),
    }
}

/// Calls `visit` with every statement, outer ones first.
pub(crate) fn each_stmt<'s>(body: &'s [Stmt], visit: &mut impl FnMut(&'s Stmt)) {
    for stmt in body {
        visit(stmt);
        if let Stmt::For { body, .. } = stmt {
            each_stmt(body, visit);
        }
    }
}
