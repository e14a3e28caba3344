//! Comparisons: which pairs of types each operator takes, and what it is in IR.
//!
//! A negated operator is exactly `not` of the other one (law 2).

use kpol_grammar::{
    ast::{self, BinaryOp, ExprKind, Literal},
    span::Span,
};
use kpol_vm::{
    ir::{CompareOp, Op, TextOp, Ty},
    types::Type,
};

use crate::{
    diagnostics as d,
    elab::{Elab, Typed, types::common},
};

impl Elab<'_, '_> {
    pub(crate) fn comparison(
        &mut self,
        op: BinaryOp,
        op_span: Span,
        lhs: &ast::Expr,
        rhs: &ast::Expr,
        span: Span,
    ) -> Option<Typed> {
        let plain = match op {
            BinaryOp::Ne => BinaryOp::Eq,
            BinaryOp::NotIn => BinaryOp::In,
            BinaryOp::NotUnder => BinaryOp::Under,
            BinaryOp::NotLike => BinaryOp::Like,
            BinaryOp::NotMatches => BinaryOp::Matches,
            other => other,
        };
        let result = match plain {
            BinaryOp::Eq => self.equality(op_span, lhs, rhs, span),
            BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => {
                self.order(plain, op_span, lhs, rhs, span)
            }
            BinaryOp::In => self.membership(op_span, lhs, rhs, span),
            BinaryOp::Under => self.under(lhs, rhs, span),
            BinaryOp::Like => self.pattern(lhs, rhs, span),
            BinaryOp::Matches => self.regex(lhs, rhs, span),
            _ => self.text(plain, op_span, lhs, rhs, span),
        }?;
        if plain == op { Some(result) } else { self.push(Op::Not(result.id), Ty::BOOL, false, span) }
    }

    fn equality(&mut self, op_span: Span, lhs: &ast::Expr, rhs: &ast::Expr, span: Span) -> Option<Typed> {
        let (left, right) = self.compared(lhs, rhs);
        let (left, right) = (left?, right?);
        let Some(ty) = common(&left.ty, &right.ty) else {
            let (a, b) = (self.show(&left.ty), self.show(&right.ty));
            let diagnostic = d::incomparable(op_span, (lhs.span, &a), (rhs.span, &b));
            let quoted = |expr: &ast::Expr, other: &Typed| match &super::field::strip(expr).kind {
                ExprKind::Literal(Literal::Str(text)) if other.ty == Ty::BOOL => {
                    matches!(text.text.as_str(), "true" | "false").then(|| (expr.span, text.text.clone()))
                }
                _ => None,
            };
            self.report(match quoted(rhs, &left).or_else(|| quoted(lhs, &right)) {
                Some((span, word)) => diagnostic.fix(span, word),
                None => diagnostic,
            });
            return None;
        };
        let left = self.as_dyn_if(left, &ty, lhs.span)?;
        let right = self.as_dyn_if(right, &ty, rhs.span)?;
        self.push(Op::Eq(left.id, right.id), Ty::BOOL, false, span)
    }

    fn order(
        &mut self,
        op: BinaryOp,
        op_span: Span,
        lhs: &ast::Expr,
        rhs: &ast::Expr,
        span: Span,
    ) -> Option<Typed> {
        let (left, right) = self.compared(lhs, rhs);
        let (left, right) = (left?, right?);
        let ordered = |ty: &Ty| {
            matches!(
                ty,
                Ty::Scalar(
                    Type::Int
                        | Type::Port
                        | Type::Quantity
                        | Type::Duration
                        | Type::Time
                        | Type::Semver
                        | Type::Dyn
                )
            )
        };
        let ty = common(&left.ty, &right.ty);
        let Some(ty) = ty.filter(ordered) else {
            let (a, b) = (self.show(&left.ty), self.show(&right.ty));
            self.report(d::not_ordered(op_span, (lhs.span, &a), (rhs.span, &b)));
            return None;
        };
        let left = self.as_dyn_if(left, &ty, lhs.span)?;
        let right = self.as_dyn_if(right, &ty, rhs.span)?;
        let op = match op {
            BinaryOp::Lt => CompareOp::Lt,
            BinaryOp::Le => CompareOp::Le,
            BinaryOp::Gt => CompareOp::Gt,
            _ => CompareOp::Ge,
        };
        self.push(Op::Compare(op, left.id, right.id), Ty::BOOL, false, span)
    }

    /// Two operands of one type, as [`Elab::pair`]; a literal that is none of the other side's type keeps its own, so
    /// that the comparison is what is reported.
    fn compared(&mut self, lhs: &ast::Expr, rhs: &ast::Expr) -> (Option<Typed>, Option<Typed>) {
        let flexible = (self.is_flexible(lhs), self.is_flexible(rhs));
        let (known, other) = if flexible.0 && !flexible.1 { (rhs, lhs) } else { (lhs, rhs) };
        let Some(known) = self.infer(known) else {
            // The other side may have mistakes of its own, unless its type depends on this one.
            return (if flexible.0 || flexible.1 { None } else { self.infer(other) }, None);
        };
        let other = if (flexible.0 || flexible.1) && could_be(other, &known.ty) {
            let ty = known.ty.clone();
            self.check(other, &ty)
        } else {
            self.infer(other)
        };
        if flexible.0 && !flexible.1 { (other, Some(known)) } else { (Some(known), other) }
    }

    fn membership(&mut self, op_span: Span, lhs: &ast::Expr, rhs: &ast::Expr, span: Span) -> Option<Typed> {
        let (value, set) = if self.is_flexible(lhs) && !self.is_flexible(rhs) {
            let set = self.infer(rhs)?;
            let value = match &set.ty {
                Ty::List(element) | Ty::Set(element) => self.check(lhs, &member_type(lhs, element)),
                Ty::Map(_) => self.check(lhs, &Ty::STR),
                Ty::Scalar(_) | Ty::Record(..) => self.infer(lhs),
            };
            (value?, set)
        } else {
            let value = self.infer(lhs)?;
            let element = match &value.ty {
                Ty::Scalar(Type::Ip) => Ty::Scalar(Type::Cidr),
                Ty::Scalar(Type::Host) => Ty::Scalar(Type::HostPattern),
                other => other.clone(),
            };
            let set = if self.is_flexible(rhs) && self.is_list(rhs) {
                self.check(rhs, &Ty::List(Box::new(element)))?
            } else {
                self.infer(rhs)?
            };
            (value, set)
        };
        let allowed = match &set.ty {
            Ty::List(element) | Ty::Set(element) => {
                common(&value.ty, element).is_some()
                    || matches!(
                        (&value.ty, element.as_ref()),
                        (Ty::Scalar(Type::Ip), Ty::Scalar(Type::Cidr))
                            | (Ty::Scalar(Type::Host | Type::Str), Ty::Scalar(Type::HostPattern))
                    )
            }
            Ty::Map(_) => value.ty == Ty::STR,
            Ty::Scalar(Type::Dyn) => true,
            Ty::Scalar(_) | Ty::Record(..) => false,
        };
        if !allowed {
            let (a, b) = (self.show(&value.ty), self.show(&set.ty));
            self.report(d::never_a_member(op_span, (lhs.span, &a), (rhs.span, &b)));
            return None;
        }
        // A `dyn` on one side makes a dynamic comparison of both.
        let value = match &set.ty {
            Ty::List(element) | Ty::Set(element) if **element == Ty::DYN => {
                self.fit(value, &Ty::DYN, lhs.span)?
            }
            Ty::Scalar(Type::Dyn) => self.fit(value, &Ty::DYN, lhs.span)?,
            Ty::List(_) | Ty::Set(_) | Ty::Map(_) | Ty::Scalar(_) | Ty::Record(..) => value,
        };
        let set = match (&value.ty, &set.ty) {
            (Ty::Scalar(Type::Dyn), Ty::List(element) | Ty::Set(element)) if **element != Ty::DYN => {
                self.fit(set, &Ty::DYN, rhs.span)?
            }
            _ => set,
        };
        self.push(Op::In { value: value.id, set: set.id }, Ty::BOOL, false, span)
    }

    fn under(&mut self, lhs: &ast::Expr, rhs: &ast::Expr, span: Span) -> Option<Typed> {
        if self.is_flexible(lhs) && !self.is_flexible(rhs) {
            return self.literal_under(lhs, rhs, span);
        }
        let value = self.infer(lhs)?;
        let prefix = match &value.ty {
            Ty::Scalar(Type::Path) => Type::Path,
            Ty::Scalar(Type::Image) => Type::ImagePrefix,
            Ty::Scalar(Type::Ip | Type::Cidr) => Type::Cidr,
            other => {
                let shown = self.show(other);
                let help = match other {
                    Ty::Scalar(Type::Str | Type::Dyn) => {
                        "say what the text is: `path(x) under ..`, `image(x) under ..`; for plain text use starts_with"
                    }
                    _ => "`under` takes a path, an image, an ip or a cidr on its left",
                };
                self.report(
                    d::bad_operand(lhs.span, "under", &shown, false, "a path, an image, an ip or a cidr")
                        .help(help),
                );
                return None;
            }
        };
        let prefix = self.one_or_many(rhs, &Ty::Scalar(prefix), "under")?;
        self.push(Op::Under { value: value.id, prefix: prefix.id }, Ty::BOOL, false, span)
    }

    /// `"10.1.2.3" under block`: the prefix says what the literal is.
    fn literal_under(&mut self, lhs: &ast::Expr, rhs: &ast::Expr, span: Span) -> Option<Typed> {
        let prefix = self.infer(rhs)?;
        let one = prefix.ty.element().unwrap_or(&prefix.ty);
        let wanted = match one {
            Ty::Scalar(Type::Path) => Type::Path,
            Ty::Scalar(Type::ImagePrefix) => Type::Image,
            Ty::Scalar(Type::Cidr) => Type::Cidr,
            _ => {
                let shown = self.show(&prefix.ty);
                self.report(d::bad_operand(
                    rhs.span,
                    "under",
                    &shown,
                    false,
                    "a path, an image_prefix or a cidr",
                ));
                return None;
            }
        };
        let value = self.check(lhs, &member_type(lhs, &Ty::Scalar(wanted)))?;
        self.push(Op::Under { value: value.id, prefix: prefix.id }, Ty::BOOL, false, span)
    }

    fn pattern(&mut self, lhs: &ast::Expr, rhs: &ast::Expr, span: Span) -> Option<Typed> {
        let value = self.text_operand(lhs, "like")?;
        let pattern = self.one_or_many(rhs, &Ty::Scalar(Type::Glob), "like")?;
        self.push(Op::Like { value: value.id, pattern: pattern.id }, Ty::BOOL, false, span)
    }

    fn regex(&mut self, lhs: &ast::Expr, rhs: &ast::Expr, span: Span) -> Option<Typed> {
        let value = self.text_operand(lhs, "matches")?;
        if matches!(super::field::strip(rhs).kind, ast::ExprKind::Literal(ast::Literal::Str(_))) {
            self.report(d::regex_as_string(rhs.span));
            return None;
        }
        let pattern = self.one_or_many(rhs, &Ty::Scalar(Type::Regex), "matches")?;
        self.push(Op::Matches { value: value.id, pattern: pattern.id }, Ty::BOOL, false, span)
    }

    /// One value of type `ty`, or a list or set of them.
    fn one_or_many(&mut self, expr: &ast::Expr, ty: &Ty, op: &str) -> Option<Typed> {
        let many = Ty::List(Box::new(ty.clone()));
        if self.is_flexible(expr) {
            let is_list = self.is_list(expr);
            return self.check(expr, if is_list { &many } else { ty });
        }
        let value = self.infer(expr)?;
        let element = value.ty.element().unwrap_or(&value.ty);
        let fits = element == ty
            || matches!((element, ty), (Ty::Scalar(Type::Str), Ty::Scalar(text)) if text.is_text() && *text != Type::Regex);
        if !fits {
            let shown = self.show(&value.ty);
            let wanted = self.show(ty);
            self.report(d::bad_operand(
                expr.span,
                op,
                &shown,
                false,
                &format!("`{wanted}` or a set of them"),
            ));
            return None;
        }
        Some(value)
    }

    /// Whether a flexible expression is a list.
    fn is_list(&self, expr: &ast::Expr) -> bool {
        match &expr.kind {
            ExprKind::List(_) => true,
            ExprKind::Paren(inner) => self.is_list(inner),
            ExprKind::If { then, .. } => self.is_list(then),
            ExprKind::Binary { lhs, .. } => self.is_list(lhs),
            ExprKind::Var(name) => self.flexible_let(&name.text).is_some_and(|value| self.is_list(value)),
            ExprKind::Literal(_)
            | ExprKind::Neg(_)
            | ExprKind::Not(_)
            | ExprKind::Has(_)
            | ExprKind::Field { .. }
            | ExprKind::Index { .. }
            | ExprKind::Call { .. }
            | ExprKind::Comprehension { .. }
            | ExprKind::Quantified { .. }
            | ExprKind::Error => false,
        }
    }

    fn text_operand(&mut self, expr: &ast::Expr, op: &str) -> Option<Typed> {
        let value = self.infer(expr)?;
        self.text_value(value, expr, op)
    }

    fn text_value(&mut self, value: Typed, expr: &ast::Expr, op: &str) -> Option<Typed> {
        match &value.ty {
            Ty::Scalar(ty) if ty.is_text() => Some(value),
            Ty::Scalar(Type::Dyn) => {
                let string = self.ctx.catalog.builtin("string")?;
                self.call_builtin(string, vec![value], expr.span)
            }
            other => {
                let shown = self.show(other);
                self.report(d::bad_operand(expr.span, op, &shown, false, "text"));
                None
            }
        }
    }

    fn text(
        &mut self,
        op: BinaryOp,
        op_span: Span,
        lhs: &ast::Expr,
        rhs: &ast::Expr,
        span: Span,
    ) -> Option<Typed> {
        let (word, text_op) = match op {
            BinaryOp::StartsWith => ("starts_with", TextOp::StartsWith),
            BinaryOp::EndsWith => ("ends_with", TextOp::EndsWith),
            _ => ("contains", TextOp::Contains),
        };
        let left = self.infer(lhs)?;
        if let Ty::List(element) | Ty::Set(element) = left.ty.clone()
            && text_op == TextOp::Contains
        {
            let value = self.check(rhs, &member_type(rhs, &element))?;
            return self.push(Op::In { value: value.id, set: left.id }, Ty::BOOL, false, span);
        }
        let left = self.text_value(left, lhs, word)?;
        let right =
            if self.is_flexible(rhs) { self.check(rhs, &Ty::STR)? } else { self.text_operand(rhs, word)? };
        match &left.ty {
            Ty::Scalar(Type::Image) if text_op == TextOp::StartsWith => {
                self.report(d::prefix_on_image(op_span, rhs.span));
            }
            Ty::Scalar(Type::Path) if text_op == TextOp::StartsWith => {
                self.report(d::prefix_on_path(op_span, rhs.span));
            }
            _ => {}
        }
        self.push(Op::Text(text_op, left.id, right.id), Ty::BOOL, false, span)
    }
}

/// Whether a flexible expression can be a value of type `ty`, by its form.
fn could_be(expr: &ast::Expr, ty: &Ty) -> bool {
    match (&super::field::strip(expr).kind, ty) {
        (ExprKind::Literal(literal), Ty::Scalar(scalar)) => super::literal::has_form(literal, scalar),
        (ExprKind::Neg(inner), Ty::Scalar(_)) => could_be(inner, ty),
        (ExprKind::List(_), Ty::List(_) | Ty::Set(_) | Ty::Scalar(Type::Dyn)) => true,
        (ExprKind::Literal(_) | ExprKind::Neg(_) | ExprKind::List(_), _) => false,
        _ => true,
    }
}

/// What a literal is that is looked for among elements of a type: an address among blocks, a name among patterns.
fn member_type(value: &ast::Expr, element: &Ty) -> Ty {
    let text = match &super::field::strip(value).kind {
        ExprKind::Literal(Literal::Str(literal)) => literal.text.as_str(),
        _ => return element.clone(),
    };
    match element {
        Ty::Scalar(Type::Cidr) if !text.contains('/') => Ty::Scalar(Type::Ip),
        Ty::Scalar(Type::HostPattern) if !text.contains('*') => Ty::Scalar(Type::Host),
        other => other.clone(),
    }
}
