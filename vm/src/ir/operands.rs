//! The operands of operations: the one place that knows them, for every walk over code.

use super::{Code, ExprId, Op};

impl Op {
    /// The operands, in the order in which they are evaluated.
    #[must_use]
    pub fn operands(&self) -> Vec<ExprId> {
        match self {
            Op::Const(_) | Op::Param(_) | Op::Local(_) | Op::Root(..) | Op::Cluster { .. } => Vec::new(),
            Op::Field { base, .. }
            | Op::Written { base, .. }
            | Op::MapKey { base, .. }
            | Op::DynField { base, .. } => {
                vec![*base]
            }
            Op::ToDyn(operand) | Op::Present(operand) | Op::Not(operand) | Op::Neg(operand) => vec![*operand],
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
            | Op::Let { value: a, body: b, .. } => vec![*a, *b],
            Op::If { cond, then, otherwise } => vec![*cond, *then, *otherwise],
            Op::MakeList(items) => items.clone(),
            Op::Comprehension { list, filter, head, .. } => {
                let mut operands = vec![*list];
                operands.extend(*filter);
                operands.push(*head);
                operands
            }
            Op::Call { args, .. } => args.clone(),
        }
    }

    /// Calls `visit` with every operand, to read or replace it.
    pub fn each_operand(&mut self, mut visit: impl FnMut(&mut ExprId)) {
        match self {
            Op::Const(_) | Op::Param(_) | Op::Local(_) | Op::Root(..) | Op::Cluster { .. } => {}
            Op::Field { base, .. }
            | Op::Written { base, .. }
            | Op::MapKey { base, .. }
            | Op::DynField { base, .. } => {
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
}

impl Code {
    /// The operands of a chain of `and` (or of `or`), from left to right. The chain may be long, so no recursion.
    #[must_use]
    pub fn links(&self, id: ExprId, or: bool) -> Vec<ExprId> {
        let mut links = Vec::new();
        let mut at = id;
        loop {
            match self.expr(at).map(|expr| &expr.op) {
                Some(Op::And(left, right)) if !or && left.0 < at.0 => {
                    links.push(*right);
                    at = *left;
                }
                Some(Op::Or(left, right)) if or && left.0 < at.0 => {
                    links.push(*right);
                    at = *left;
                }
                _ => break,
            }
        }
        links.push(at);
        links.reverse();
        links
    }
}
