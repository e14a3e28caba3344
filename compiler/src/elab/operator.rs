//! `+` and `-`: numbers, quantities, times; lists and sets. Absence in arithmetic is an error (law 5).

use kpol_grammar::{
    ast::{self, BinaryOp},
    span::Span,
};
use kpol_vm::{
    ir::{Const, Op, Ty},
    types::Type,
};

use crate::{
    diagnostics as d,
    elab::{Elab, Typed, types::common},
};

impl Elab<'_, '_> {
    /// The operands of `+` or `-`.
    pub(crate) fn operands(
        &mut self,
        op: BinaryOp,
        lhs: &ast::Expr,
        rhs: &ast::Expr,
    ) -> (Option<Typed>, Option<Typed>) {
        // A point in time takes a duration on its right, and gives one for another point.
        if (!self.is_flexible(lhs) || self.is_date(lhs)) && self.is_flexible(rhs) {
            let left = self.infer(lhs);
            let right = left.as_ref().and_then(|left| {
                let ty = match &left.ty {
                    Ty::Scalar(Type::Time) if !self.is_date(rhs) => Ty::Scalar(Type::Duration),
                    other => other.clone(),
                };
                self.check(rhs, &ty)
            });
            return (left, right);
        }
        let _ = op;
        self.pair(lhs, rhs)
    }

    /// Whether a flexible expression is a point in time by its form.
    pub(crate) fn is_date(&self, expr: &ast::Expr) -> bool {
        match &super::field::strip(expr).kind {
            ast::ExprKind::Literal(ast::Literal::Date(_)) => true,
            ast::ExprKind::Var(name) => {
                let local =
                    self.scope.iter().any(|local| local.name == name.text) || self.is_root(&name.text);
                !local && self.flexible_let(&name.text).is_some_and(|value| self.is_date(value))
            }
            _ => false,
        }
    }

    pub(crate) fn arithmetic(
        &mut self,
        op: BinaryOp,
        op_span: Span,
        left: Typed,
        right: Typed,
        span: Span,
    ) -> Option<Typed> {
        let minus = op == BinaryOp::Sub;
        let word = if minus { "-" } else { "+" };
        if let (Ty::List(_) | Ty::Set(_), Ty::List(_) | Ty::Set(_)) = (&left.ty, &right.ty) {
            return self.set_operation(minus, op_span, left, right, span);
        }
        let ty = match (&left.ty, &right.ty) {
            (Ty::Scalar(Type::Int | Type::Port), Ty::Scalar(Type::Int | Type::Port)) => Ty::INT,
            (Ty::Scalar(Type::Quantity), Ty::Scalar(Type::Quantity)) => left.ty.clone(),
            (Ty::Scalar(Type::Duration), Ty::Scalar(Type::Duration)) => left.ty.clone(),
            (Ty::Scalar(Type::Time), Ty::Scalar(Type::Duration)) => left.ty.clone(),
            (Ty::Scalar(Type::Time), Ty::Scalar(Type::Time)) if minus => Ty::Scalar(Type::Duration),
            (a, b) => {
                let (a, b) = (self.show(a), self.show(b));
                self.report(d::no_arithmetic(op_span, word, &a, &b));
                return None;
            }
        };
        if left.opt || right.opt {
            let at = |id: kpol_vm::ir::ExprId| self.spans.get(id.index()).copied().unwrap_or(span);
            let place = if left.opt { at(left.id) } else { at(right.id) };
            self.report(d::optional_arithmetic(place, word));
            return None;
        }
        let op = if minus { Op::Sub(left.id, right.id) } else { Op::Add(left.id, right.id) };
        self.push(op, ty, false, span)
    }

    fn set_operation(
        &mut self,
        minus: bool,
        op_span: Span,
        left: Typed,
        right: Typed,
        span: Span,
    ) -> Option<Typed> {
        let (Some(a), Some(b)) = (left.ty.element(), right.ty.element()) else { return None };
        let element = common(a, b).or_else(|| (a == b).then(|| a.clone()));
        let Some(element) = element else {
            let (a, b) = (self.show(&left.ty), self.show(&right.ty));
            let mixed_roots = matches!((&left.ty, &right.ty), _ if a == b);
            self.report(if mixed_roots {
                d::lists_of_different_objects(op_span)
            } else {
                d::no_arithmetic(op_span, if minus { "-" } else { "+" }, &a, &b)
            });
            return None;
        };
        if minus {
            if matches!(element, Ty::Record(..)) {
                let shown = self.show(&left.ty);
                self.report(d::no_arithmetic(op_span, "-", &shown, &shown));
                return None;
            }
            return self.push(Op::Difference(left.id, right.id), Ty::Set(Box::new(element)), false, span);
        }
        let ty = match (&left.ty, &right.ty) {
            (Ty::Set(_), _) | (_, Ty::Set(_)) => Ty::Set(Box::new(element)),
            _ => Ty::List(Box::new(element)),
        };
        if let (Some(Const::List(a)), Some(Const::List(b))) = (self.constant(&left), self.constant(&right)) {
            let mut joined = a.clone();
            joined.extend(b.iter().cloned());
            if matches!(ty, Ty::Set(_)) {
                let mut seen = std::collections::BTreeSet::new();
                joined.retain(|item| seen.insert(item.clone()));
            }
            return self.push_const(Const::List(joined), ty, span);
        }
        self.push(Op::Concat(left.id, right.id), ty, false, span)
    }
}
