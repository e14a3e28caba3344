//! Expressions whose type comes from their parts.

use kpol_grammar::{
    ast::{self, BinaryOp, ExprKind},
    span::Span,
};
use kpol_vm::{
    ir::{Op, Quant, Ty},
    types::Type,
};

use crate::{
    diagnostics as d,
    elab::{Elab, Typed, types::common},
};

impl Elab<'_, '_> {
    /// An expression whose type nobody has told.
    pub(crate) fn infer(&mut self, expr: &ast::Expr) -> Option<Typed> {
        self.descend(expr.span, |elab| elab.infer_here(expr))
    }

    fn infer_here(&mut self, expr: &ast::Expr) -> Option<Typed> {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Paren(inner) => self.infer(inner),
            ExprKind::Literal(literal) => self.literal(literal, span, None),
            ExprKind::Var(name) => self.name(name),
            ExprKind::Field { base, name } => match self.module_member(base, name) {
                Some(found) => found,
                None => {
                    let base = self.infer(base)?;
                    self.field(base, name, span)
                }
            },
            ExprKind::Index { base, index } => self.index(base, index, span),
            ExprKind::Call { callee, args } => self.call(callee, args, span),
            ExprKind::Not(inner) => {
                let inner = self.cond(inner)?;
                self.push(Op::Not(inner.id), Ty::BOOL, false, span)
            }
            ExprKind::Has(inner) => self.has(inner, span),
            ExprKind::Neg(inner) => self.negative(inner, span, None),
            ExprKind::List(items) => self.infer_list(items, span),
            ExprKind::If { cond, then, otherwise } => {
                let cond = self.cond(cond);
                let (then, otherwise) = self.pair(then, otherwise);
                self.choose(cond?, then?, otherwise?, span)
            }
            ExprKind::Binary { op, op_span, lhs, rhs } => self.binary(*op, *op_span, lhs, rhs, span),
            ExprKind::Quantified { quant, var, range, body } => {
                self.quantified(*quant, var, range, body, span)
            }
            ExprKind::Comprehension { head, var, range, filter } => {
                self.comprehension(head, var, range, filter.as_deref(), span)
            }
            ExprKind::Error => None,
        }
    }

    fn binary(
        &mut self,
        op: BinaryOp,
        op_span: Span,
        lhs: &ast::Expr,
        rhs: &ast::Expr,
        span: Span,
    ) -> Option<Typed> {
        match op {
            BinaryOp::And | BinaryOp::Or => {
                let floor = self.floor;
                let left = self.cond(lhs);
                if op == BinaryOp::And {
                    self.raise_floor(lhs);
                }
                let right = self.cond(rhs);
                self.floor = floor;
                let (left, right) = (left?, right?);
                let op =
                    if op == BinaryOp::And { Op::And(left.id, right.id) } else { Op::Or(left.id, right.id) };
                self.push(op, Ty::BOOL, false, span)
            }
            BinaryOp::Default => {
                let left = self.infer(lhs)?;
                let right = self.check(rhs, &left.ty)?;
                if !left.opt {
                    let defaulted = self.default_of(&left);
                    self.report(d::needless_default(op_span, lhs.span, rhs.span, defaulted.as_deref()));
                }
                self.push(Op::Coalesce(left.id, right.id), left.ty, left.opt && right.opt, span)
            }
            BinaryOp::Add | BinaryOp::Sub => {
                let (left, right) = self.operands(op, lhs, rhs);
                self.arithmetic(op, op_span, left?, right?, span)
            }
            BinaryOp::Eq
            | BinaryOp::Ne
            | BinaryOp::Lt
            | BinaryOp::Le
            | BinaryOp::Gt
            | BinaryOp::Ge
            | BinaryOp::In
            | BinaryOp::NotIn
            | BinaryOp::Under
            | BinaryOp::NotUnder
            | BinaryOp::Like
            | BinaryOp::NotLike
            | BinaryOp::Matches
            | BinaryOp::NotMatches
            | BinaryOp::StartsWith
            | BinaryOp::EndsWith
            | BinaryOp::Contains => self.comparison(op, op_span, lhs, rhs, span),
        }
    }

    /// Two operands of one type: whichever knows its type tells the other.
    pub(crate) fn pair(&mut self, lhs: &ast::Expr, rhs: &ast::Expr) -> (Option<Typed>, Option<Typed>) {
        match (self.is_flexible(lhs), self.is_flexible(rhs)) {
            (true, false) => {
                let right = self.infer(rhs);
                let left = right.as_ref().and_then(|right| self.check(lhs, &right.ty.clone()));
                (left, right)
            }
            (_, true) => {
                let left = self.infer(lhs);
                let right = left.as_ref().and_then(|left| self.check(rhs, &left.ty.clone()));
                (left, right)
            }
            (false, false) => (self.infer(lhs), self.infer(rhs)),
        }
    }

    /// `then` or `otherwise`.
    pub(crate) fn choose(&mut self, cond: Typed, then: Typed, otherwise: Typed, span: Span) -> Option<Typed> {
        let Some(ty) = common(&then.ty, &otherwise.ty).or_else(|| same_record(&then.ty, &otherwise.ty))
        else {
            let (a, b) = (self.show(&then.ty), self.show(&otherwise.ty));
            self.report(d::branches_differ(span, &a, &b));
            return None;
        };
        let then = self.as_dyn_if(then, &ty, span)?;
        let otherwise = self.as_dyn_if(otherwise, &ty, span)?;
        let opt = then.opt || otherwise.opt;
        self.push(Op::If { cond: cond.id, then: then.id, otherwise: otherwise.id }, ty, opt, span)
    }

    /// `value` as `dyn` where `ty` is that.
    pub(crate) fn as_dyn_if(&mut self, value: Typed, ty: &Ty, span: Span) -> Option<Typed> {
        if *ty == Ty::DYN && value.ty != Ty::DYN {
            return self.fit(value, &Ty::DYN, span);
        }
        Some(value)
    }

    fn infer_list(&mut self, items: &[ast::Expr], span: Span) -> Option<Typed> {
        // The element type comes from the first item that knows one.
        let Some(guide) = items.iter().find(|item| !self.is_flexible(item)).or(items.first()) else {
            return self.make_list(&[], Ty::List(Box::new(Ty::STR)), span);
        };
        let known = self.infer(guide)?;
        let element = known.ty.clone();
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            // Elaborated once only, or lists in lists would take twice as long at every level.
            values.push(if std::ptr::eq(item, guide) {
                Some(known.clone())
            } else {
                self.check(item, &element)
            });
        }
        let values: Vec<Typed> = values.into_iter().collect::<Option<_>>()?;
        self.make_list(&values, Ty::List(Box::new(element)), span)
    }

    fn quantified(
        &mut self,
        quant: ast::Quant,
        var: &ast::Name,
        range: &ast::Expr,
        body: &ast::Expr,
        span: Span,
    ) -> Option<Typed> {
        let (list, element) = self.range(range)?;
        let depth = self.scope.len();
        let local = self.bind(var, element, false, false)?;
        let body = self.cond(body);
        self.unbind(depth);
        let (quant, ty) = match quant {
            ast::Quant::Any => (Quant::Any, Ty::BOOL),
            ast::Quant::All => (Quant::All, Ty::BOOL),
            ast::Quant::None => (Quant::None, Ty::BOOL),
            ast::Quant::Count => (Quant::Count, Ty::INT),
        };
        self.push(Op::Quantified { quant, local, list: list.id, body: body?.id }, ty, false, span)
    }

    fn comprehension(
        &mut self,
        head: &ast::Expr,
        var: &ast::Name,
        range: &ast::Expr,
        filter: Option<&ast::Expr>,
        span: Span,
    ) -> Option<Typed> {
        let (list, element) = self.range(range)?;
        let depth = self.scope.len();
        let local = self.bind(var, element, false, false)?;
        let filter = filter.map(|filter| self.cond(filter));
        let head = self.infer(head);
        self.unbind(depth);
        let head = head?;
        let filter = match filter {
            Some(filter) => Some(filter?.id),
            None => None,
        };
        let ty = Ty::List(Box::new(head.ty));
        self.push(Op::Comprehension { local, list: list.id, filter, head: head.id }, ty, false, span)
    }

    /// What stands behind `in` of a loop, and the type of its elements.
    pub(crate) fn range(&mut self, expr: &ast::Expr) -> Option<(Typed, Ty)> {
        let value = self.infer(expr)?;
        match value.ty.clone() {
            Ty::List(element) | Ty::Set(element) => Some((value, *element)),
            Ty::Scalar(Type::Dyn) => {
                let items = self.ctx.catalog.builtin("items")?;
                let list = self.call_builtin(items, vec![value], expr.span)?;
                Some((list, Ty::DYN))
            }
            other @ (Ty::Scalar(_) | Ty::Map(_) | Ty::Record(..)) => {
                let is_map = matches!(other, Ty::Map(_));
                let shown = self.show(&other);
                self.report(d::not_iterable(expr.span, &shown, is_map));
                None
            }
        }
    }

    /// `cluster.version >= "1.33" and ..`: what stands behind it is reached only from that minor on.
    pub(crate) fn raise_floor(&mut self, guard: &ast::Expr) {
        match &super::field::strip(guard).kind {
            ExprKind::Binary { op: BinaryOp::And, lhs, rhs, .. } => {
                self.raise_floor(lhs);
                self.raise_floor(rhs);
            }
            ExprKind::Binary { op: op @ (BinaryOp::Ge | BinaryOp::Gt), lhs, rhs, .. } => {
                let is_version = matches!(&lhs.kind, ExprKind::Field { base, name }
                    if name.text == "version" && matches!(&base.kind, ExprKind::Var(v) if v.text == "cluster"));
                let ExprKind::Literal(ast::Literal::Str(text)) = &rhs.kind else { return };
                let Ok(version) = kpol_vm::scalar::semver::Version::parse(&text.text) else { return };
                if is_version && version.major() == 1 {
                    let minor = u32::try_from(version.minor()).unwrap_or(u32::MAX);
                    let minor = if *op == BinaryOp::Gt { minor.saturating_add(1) } else { minor };
                    self.floor = Some(self.floor.unwrap_or(0).max(minor));
                }
            }
            _ => {}
        }
    }

    /// The documented default of a field, as text.
    fn default_of(&self, value: &Typed) -> Option<String> {
        let Some(Op::Field { base, field }) = self.op(value) else { return None };
        let Ty::Record(root, id) = self.code.expr(*base)?.ty.clone() else { return None };
        let default = self.module.demanded(root, id, *field)?.default.clone()?;
        Some(literal_text(&default))
    }
}

fn same_record(a: &Ty, b: &Ty) -> Option<Ty> {
    (a == b).then(|| a.clone())
}

/// A simple constant as an author would write it.
pub(crate) fn literal_text(value: &kpol_vm::ir::Const) -> String {
    use kpol_vm::ir::Const;
    match value {
        Const::Bool(value) => value.to_string(),
        Const::Int(value) => value.to_string(),
        Const::Text(value) => format!("\"{value}\""),
        Const::Quantity(value) => value.to_string(),
        Const::Duration(value) => value.to_string(),
        Const::Time(value) => value.to_string(),
        Const::Version(value) => format!("\"{value}\""),
        Const::Ip(value) => format!("\"{value}\""),
        Const::Cidr(value) => format!("\"{value}\""),
        Const::Absent => "(not set)".to_owned(),
        Const::Dyn(text) => text.clone(),
        Const::List(items) => format!("[{}]", items.iter().map(literal_text).collect::<Vec<_>>().join(", ")),
        Const::Map(entries) => format!(
            "{{{}}}",
            entries.iter().map(|(k, v)| format!("{k}: {}", literal_text(v))).collect::<Vec<_>>().join(", ")
        ),
    }
}
