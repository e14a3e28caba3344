//! Literals: their type comes from where they stand, and a text that is no value of it is an error at the literal.

use kpol_grammar::{
    ast::{self, ExprKind, ItemKind, Literal},
    diagnostic::Diagnostic,
    span::Span,
};
use kpol_vm::{
    ir::{Const, Op, Ty},
    scalar::{
        self, ScalarError, duration::Duration, net::Cidr, quantity::Quantity, semver::Version, time::Time,
    },
    types::Type,
};

use crate::{
    diagnostics as d,
    elab::{Elab, Typed},
    program::Found,
};

/// A text as a constant of type `ty`.
pub(crate) fn text_const(ty: &Type, text: &str) -> Result<Const, ScalarError> {
    scalar::check_literal(ty, text)?;
    Ok(match ty {
        Type::Quantity => Const::Quantity(Quantity::parse(text)?),
        Type::Duration => Const::Duration(Duration::parse(text)?),
        Type::Time => Const::Time(Time::parse(text)?),
        Type::Semver => Const::Version(Version::parse(text)?),
        Type::Ip => Const::Ip(scalar::net::Ip::parse(text)?.addr()),
        Type::Cidr => Const::Cidr(Cidr::parse(text)?),
        Type::Dyn => Const::Dyn(serde_json::Value::from(text).to_string()),
        Type::Str
        | Type::Path
        | Type::Image
        | Type::ImagePrefix
        | Type::Host
        | Type::HostPattern
        | Type::Capability
        | Type::Glob
        | Type::Regex
        | Type::Bool
        | Type::Int
        | Type::Port
        | Type::Record(_)
        | Type::List(_)
        | Type::Set(_)
        | Type::Map(_) => Const::Text(text.to_owned()),
    })
}

/// Whether texts are written for values of this type.
fn is_written_as_text(ty: &Type) -> bool {
    ty.is_text()
        || matches!(
            ty,
            Type::Quantity | Type::Duration | Type::Time | Type::Semver | Type::Ip | Type::Cidr | Type::Dyn
        )
}

/// Whether a literal of this form can be a value of type `ty`.
pub(crate) fn has_form(literal: &Literal, ty: &Type) -> bool {
    match literal {
        Literal::Str(_) => is_written_as_text(ty),
        Literal::Regex(_) => *ty == Type::Regex,
        Literal::Int(_) => matches!(ty, Type::Int | Type::Port | Type::Quantity | Type::Dyn),
        Literal::Unit(_) => matches!(ty, Type::Quantity | Type::Duration | Type::Dyn),
        Literal::Date(_) => *ty == Type::Time,
        Literal::Bool(_) => matches!(ty, Type::Bool | Type::Dyn),
    }
}

impl Elab<'_, '_> {
    /// Whether `expr` takes its type from where it stands.
    pub(crate) fn is_flexible(&self, expr: &ast::Expr) -> bool {
        match &expr.kind {
            ExprKind::Literal(Literal::Bool(_)) => false,
            ExprKind::Literal(_) => true,
            ExprKind::Paren(inner) | ExprKind::Neg(inner) => self.is_flexible(inner),
            ExprKind::List(items) => items.iter().all(|item| self.is_flexible(item)),
            ExprKind::If { then, otherwise, .. } => self.is_flexible(then) && self.is_flexible(otherwise),
            ExprKind::Binary { op: ast::BinaryOp::Add, lhs, rhs, .. } => {
                self.is_flexible(lhs) && self.is_flexible(rhs) && !self.is_date(lhs)
            }
            ExprKind::Var(name) => {
                if self.scope.iter().any(|local| local.name == name.text) || self.is_root(&name.text) {
                    return false;
                }
                matches!(self.flexible_let(&name.text), Some(value) if self.is_flexible(value))
            }
            ExprKind::Binary { .. }
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

    /// The value of a top-level `let` without a type, whose literals take theirs from each use. A `let` cannot be
    /// flexible through itself: cycles are reported by the declarations' own check, and end here.
    pub(crate) fn flexible_let(&self, name: &str) -> Option<&ast::Expr> {
        let Some(Found::Def(def)) = self.ctx.program.lookup(self.file, name) else { return None };
        match &self.ctx.program.item(def)?.kind {
            ItemKind::Let { ty: None, value, .. } => match &value.kind {
                ExprKind::List(items) if items.iter().all(|i| matches!(i.kind, ExprKind::Literal(_))) => {
                    Some(value)
                }
                ExprKind::Literal(_) => Some(value),
                _ => None,
            },
            _ => None,
        }
    }

    /// An expression where `expected` is wanted.
    pub(crate) fn check(&mut self, expr: &ast::Expr, expected: &Ty) -> Option<Typed> {
        self.descend(expr.span, |elab| elab.check_here(expr, expected))
    }

    fn check_here(&mut self, expr: &ast::Expr, expected: &Ty) -> Option<Typed> {
        match &expr.kind {
            ExprKind::Literal(literal) => self.literal(literal, expr.span, Some(expected)),
            ExprKind::Paren(inner) => self.check(inner, expected),
            ExprKind::Neg(inner) if self.is_flexible(inner) => {
                self.negative(inner, expr.span, Some(expected))
            }
            ExprKind::List(items) => match expected {
                Ty::List(element) | Ty::Set(element) => self.list(items, element, expected, expr.span),
                Ty::Scalar(Type::Dyn) => self
                    .list(items, &Ty::DYN, &Ty::List(Box::new(Ty::DYN)), expr.span)
                    .and_then(|list| self.make_dyn(list, expr.span)),
                Ty::Scalar(_) | Ty::Map(_) | Ty::Record(..) => {
                    let wanted = self.show(expected);
                    self.report(d::wrong_type(expr.span, &wanted, "list"));
                    None
                }
            },
            ExprKind::If { cond, then, otherwise } => {
                let cond = self.cond(cond);
                let then = self.check(then, expected);
                let otherwise = self.check(otherwise, expected);
                self.choose(cond?, then?, otherwise?, expr.span)
            }
            ExprKind::Var(name) if self.is_flexible(expr) => {
                let found = self.ctx.program.lookup(self.file, &name.text);
                let Some(Found::Def(def)) = found else { return None };
                self.mark_used(def, &name.text);
                let Some(ItemKind::Let { value, .. }) = self.ctx.program.item(def).map(|item| &item.kind)
                else {
                    return None;
                };
                // A literal that does not fit here is this use's mistake: it is reported at the literal all the same.
                let mark = self.ctx.diagnostics.len();
                let typed =
                    self.inline(def, name.span, |elab| elab.unquiet(|elab| elab.check(value, expected)));
                if self.errors_since(mark) {
                    let shown = self.show(expected);
                    for diagnostic in self.ctx.diagnostics.iter_mut().skip(mark) {
                        *diagnostic = diagnostic.clone().label(name.span, format!("used here as `{shown}`"));
                    }
                }
                typed
            }
            ExprKind::Binary { op: ast::BinaryOp::Add, op_span, lhs, rhs } if self.is_flexible(expr) => {
                let lhs = self.check(lhs, expected);
                let rhs = self.check(rhs, expected);
                self.arithmetic(ast::BinaryOp::Add, *op_span, lhs?, rhs?, expr.span)
            }
            ExprKind::Binary { .. }
            | ExprKind::Neg(_)
            | ExprKind::Not(_)
            | ExprKind::Has(_)
            | ExprKind::Field { .. }
            | ExprKind::Index { .. }
            | ExprKind::Call { .. }
            | ExprKind::Var(_)
            | ExprKind::Comprehension { .. }
            | ExprKind::Quantified { .. }
            | ExprKind::Error => {
                let value = self.infer(expr)?;
                self.fit(value, expected, expr.span)
            }
        }
    }

    /// A literal; without `expected`, by its form alone.
    pub(crate) fn literal(&mut self, literal: &Literal, span: Span, expected: Option<&Ty>) -> Option<Typed> {
        let wanted = match expected {
            None => None,
            Some(Ty::Scalar(ty)) => Some(ty.clone()),
            Some(other @ (Ty::List(_) | Ty::Set(_) | Ty::Map(_) | Ty::Record(..))) => {
                let (wanted, found) = (self.show(other), form(literal));
                self.report(d::wrong_literal(span, &wanted, found));
                return None;
            }
        };
        let (value, ty) = match self.literal_const(literal, span, wanted.as_ref()) {
            Ok(result) => result,
            Err(diagnostic) => {
                self.report(*diagnostic);
                return None;
            }
        };
        self.push_const(value, Ty::Scalar(ty), span)
    }

    fn literal_const(
        &self,
        literal: &Literal,
        span: Span,
        wanted: Option<&Type>,
    ) -> Result<(Const, Type), Box<Diagnostic>> {
        let mismatch = |ty: &Type| Box::new(d::wrong_literal(span, &ty.to_string(), form(literal)));
        let text = |ty: &Type, text: &str| {
            text_const(ty, text)
                .map(|c| (c, ty.clone()))
                .map_err(|e| Box::new(d::bad_literal(span, text, ty, &e)))
        };
        match (literal, wanted) {
            (Literal::Str(lit), None) => Ok((Const::Text(lit.text.clone()), Type::Str)),
            (Literal::Str(lit), Some(ty)) if is_written_as_text(ty) => text(ty, &lit.text),
            (Literal::Regex(lit), None | Some(Type::Regex)) => text(&Type::Regex, &lit.text),
            (Literal::Int(value), None | Some(Type::Int)) => Ok((Const::Int(*value), Type::Int)),
            (Literal::Int(value), Some(Type::Port)) => match u16::try_from(*value) {
                Ok(_) => Ok((Const::Int(*value), Type::Port)),
                Err(_) => Err(Box::new(d::bad_port(span, *value))),
            },
            (Literal::Int(value), Some(Type::Quantity)) => {
                Ok((Const::Quantity(Quantity::from_int(*value)), Type::Quantity))
            }
            (Literal::Int(value), Some(Type::Dyn)) => Ok((Const::Dyn(value.to_string()), Type::Dyn)),
            (Literal::Unit(unit), Some(ty @ (Type::Quantity | Type::Duration))) => text(ty, &unit.text),
            (Literal::Unit(unit), Some(Type::Dyn)) => text(&Type::Dyn, &unit.text),
            (Literal::Unit(unit), None) => {
                match unit.text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.') {
                    "m" => Err(Box::new(d::ambiguous_unit(span, &unit.text))),
                    "ms" | "s" | "h" | "d" => text(&Type::Duration, &unit.text),
                    _ => text(&Type::Quantity, &unit.text),
                }
            }
            (Literal::Date(date), None | Some(Type::Time)) => text(&Type::Time, &date.text),
            (Literal::Bool(value), None | Some(Type::Bool)) => Ok((Const::Bool(*value), Type::Bool)),
            (Literal::Bool(value), Some(Type::Dyn)) => Ok((Const::Dyn(value.to_string()), Type::Dyn)),
            (
                Literal::Str(_)
                | Literal::Regex(_)
                | Literal::Int(_)
                | Literal::Unit(_)
                | Literal::Date(_)
                | Literal::Bool(_),
                Some(ty),
            ) => Err(mismatch(ty)),
        }
    }

    /// `[a, b]` with a known element type; all constants make one constant.
    pub(crate) fn list(&mut self, items: &[ast::Expr], element: &Ty, ty: &Ty, span: Span) -> Option<Typed> {
        let values: Vec<Option<Typed>> = items.iter().map(|item| self.check(item, element)).collect();
        let values: Vec<Typed> = values.into_iter().collect::<Option<_>>()?;
        self.make_list(&values, ty.clone(), span)
    }

    pub(crate) fn make_list(&mut self, values: &[Typed], ty: Ty, span: Span) -> Option<Typed> {
        let constants: Option<Vec<Const>> =
            values.iter().map(|value| self.constant(value).cloned()).collect();
        match constants {
            Some(mut constants) => {
                if matches!(ty, Ty::Set(_)) {
                    let mut seen = std::collections::BTreeSet::new();
                    constants.retain(|constant| seen.insert(constant.clone()));
                }
                self.push_const(Const::List(constants), ty, span)
            }
            None => self.push(Op::MakeList(values.iter().map(|v| v.id).collect()), ty, false, span),
        }
    }

    /// `-3`, `-90d`.
    pub(crate) fn negative(&mut self, inner: &ast::Expr, span: Span, expected: Option<&Ty>) -> Option<Typed> {
        let value = match expected {
            Some(expected) => self.check(inner, expected)?,
            None => self.infer(inner)?,
        };
        let negated = match (self.constant(&value), &value.ty) {
            (Some(Const::Int(number)), Ty::Scalar(Type::Port)) if *number != 0 => {
                let number = number.wrapping_neg();
                self.report(d::bad_port(span, number));
                return None;
            }
            (Some(Const::Int(number)), _) => Some(Const::Int(number.wrapping_neg())),
            (Some(Const::Quantity(value)), _) => {
                Some(Const::Quantity(Quantity::from_nanos(value.nanos().saturating_neg())))
            }
            (Some(Const::Duration(value)), _) => {
                Some(Const::Duration(Duration::from_nanos(value.nanos().saturating_neg())))
            }
            (Some(Const::Dyn(text)), _) if text.starts_with(|c: char| c.is_ascii_digit()) && text != "0" => {
                Some(Const::Dyn(format!("-{text}")))
            }
            _ => None,
        };
        if let Some(negated) = negated {
            return self.push_const(negated, value.ty, span);
        }
        match &value.ty {
            Ty::Scalar(Type::Int | Type::Quantity | Type::Duration) if !value.opt => {
                self.push(Op::Neg(value.id), value.ty, false, span)
            }
            other => {
                let shown = self.show(other);
                self.report(d::bad_operand(span, "-", &shown, value.opt, "an int, a quantity or a duration"));
                None
            }
        }
    }

    /// Runs `body` with diagnostics on, although an inlined body is being elaborated.
    fn unquiet<T>(&mut self, body: impl FnOnce(&mut Self) -> T) -> T {
        let quiet = std::mem::take(&mut self.quiet);
        // Only one level: mistakes inside a define that is inlined around this are that define's.
        self.quiet = quiet.saturating_sub(1);
        let result = body(self);
        self.quiet = quiet;
        result
    }
}

/// What a literal looks like, for messages.
pub(crate) fn form(literal: &Literal) -> &'static str {
    match literal {
        Literal::Str(_) => "string",
        Literal::Regex(_) => "regex",
        Literal::Int(_) => "int",
        Literal::Unit(_) => "number with a unit",
        Literal::Date(_) => "date",
        Literal::Bool(_) => "bool",
    }
}
