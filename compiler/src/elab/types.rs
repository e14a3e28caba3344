//! Types as authors write and read them, and when a value of one fits where another is wanted.

use kpol_grammar::ast;
use kpol_vm::{
    ir::{Const, Op, RootId, Ty},
    types::{SIMPLE, Type},
};

use crate::{
    diagnostics as d,
    elab::{Elab, Typed},
};

impl Elab<'_, '_> {
    /// A type as messages call it.
    pub(crate) fn show(&self, ty: &Ty) -> String {
        match ty {
            Ty::Scalar(scalar) => scalar.to_string(),
            Ty::Record(root, record) => self
                .module
                .record(*root, *record)
                .map_or_else(|| "record".into(), |record| record.name.clone()),
            Ty::List(element) => format!("list<{}>", self.show(element)),
            Ty::Set(element) => format!("set<{}>", self.show(element)),
            Ty::Map(value) => format!("map<string, {}>", self.show(value)),
        }
    }

    /// The type that an author wrote, and whether it ends in `?`. Records (`c: Container`) only where `records`
    /// names the root that they are part of.
    pub(crate) fn type_expr(
        &mut self,
        written: &ast::TypeExpr,
        records: Option<RootId>,
    ) -> Option<(Ty, bool)> {
        let name = crate::program::path_text(&written.name);
        let arg = |index: usize| written.args.get(index);
        let ty = match (name.as_str(), written.args.len()) {
            ("list", 1) => Ty::List(Box::new(self.inner_type(arg(0)?, records)?)),
            ("set", 1) => {
                let inner = self.inner_type(arg(0)?, records)?;
                if has_record(&inner) {
                    let shown = self.show(&inner);
                    self.report(d::set_of_records(arg(0)?.span, &shown));
                    return None;
                }
                Ty::Set(Box::new(inner))
            }
            ("map", 2) => {
                let (key, _) = self.type_expr(arg(0)?, records)?;
                if key != Ty::STR {
                    let shown = self.show(&key);
                    self.report(d::map_key(arg(0)?.span, &shown));
                    return None;
                }
                Ty::Map(Box::new(self.inner_type(arg(1)?, records)?))
            }
            ("list" | "set" | "map", given) => {
                self.report(d::type_args(written.span, &name, given));
                return None;
            }
            (simple, 0) => match SIMPLE.iter().find(|(word, _)| *word == simple) {
                Some((_, ty)) => Ty::Scalar(ty.clone()),
                None => return self.record_type(written, &name, records).map(|ty| (ty, written.optional)),
            },
            (_, given) => {
                self.report(d::type_args(written.span, &name, given));
                return None;
            }
        };
        Some((ty, written.optional))
    }

    fn inner_type(&mut self, written: &ast::TypeExpr, records: Option<RootId>) -> Option<Ty> {
        let (ty, optional) = self.type_expr(written, records)?;
        if optional {
            self.report(d::optional_element(written.span));
        }
        Some(ty)
    }

    fn record_type(&mut self, written: &ast::TypeExpr, name: &str, records: Option<RootId>) -> Option<Ty> {
        let known = self.ctx.catalog.record(name).is_some();
        match records {
            Some(root) if known => {
                Some(self.module.ty(self.ctx.catalog, root, &Type::Record(name.to_owned())))
            }
            Some(_) | None => {
                let catalog = self.ctx.catalog;
                let names = SIMPLE.iter().map(|(word, _)| *word).chain(["list", "set", "map"]);
                let diagnostic = if known {
                    d::record_type_here(written.span, name)
                } else {
                    d::unknown_type(written.span, name, names.chain(catalog.schema().record_names()))
                };
                self.report(diagnostic);
                None
            }
        }
    }

    /// A value as JSON; a constant stays one.
    pub(crate) fn make_dyn(&mut self, value: Typed, span: kpol_grammar::span::Span) -> Option<Typed> {
        match self.constant(&value).map(const_json) {
            Some(json) => self.push_const(Const::Dyn(json.to_string()), Ty::DYN, span),
            None => self.push(Op::ToDyn(value.id), Ty::DYN, value.opt, span),
        }
    }

    /// `value` where `expected` is wanted; the implicit steps are few and never lose meaning: a typed text as plain
    /// text, a port as a number, a list as a set and back, anything as `dyn`.
    pub(crate) fn fit(
        &mut self,
        value: Typed,
        expected: &Ty,
        span: kpol_grammar::span::Span,
    ) -> Option<Typed> {
        if fits(&value.ty, expected) {
            return Some(value);
        }
        if let Ty::Scalar(Type::Dyn) = expected
            && !has_record(&value.ty)
        {
            return self.make_dyn(value, span);
        }
        let (wanted, found) = (self.show(expected), self.show(&value.ty));
        self.report(d::wrong_type(span, &wanted, &found));
        None
    }
}

/// Whether a value of this type holds parts of an object, whose JSON is not at hand.
pub(crate) fn has_record(ty: &Ty) -> bool {
    match ty {
        Ty::Record(..) => true,
        Ty::Scalar(_) => false,
        Ty::List(inner) | Ty::Set(inner) | Ty::Map(inner) => has_record(inner),
    }
}

/// How many types stand inside each other.
pub(crate) fn depth(ty: &Ty) -> usize {
    match ty {
        Ty::Scalar(_) | Ty::Record(..) => 0,
        Ty::List(inner) | Ty::Set(inner) | Ty::Map(inner) => 1 + depth(inner),
    }
}

/// A constant as JSON; what is no JSON value is its text.
fn const_json(value: &Const) -> serde_json::Value {
    match value {
        Const::Absent => serde_json::Value::Null,
        Const::Bool(value) => (*value).into(),
        Const::Int(value) => (*value).into(),
        Const::Text(text) => text.as_str().into(),
        Const::Quantity(value) => value.to_string().into(),
        Const::Duration(value) => value.to_string().into(),
        Const::Time(value) => value.to_string().into(),
        Const::Version(value) => value.to_string().into(),
        Const::Ip(value) => value.to_string().into(),
        Const::Cidr(value) => value.to_string().into(),
        Const::List(items) => items.iter().map(const_json).collect::<Vec<_>>().into(),
        Const::Map(entries) => serde_json::Value::Object(
            entries.iter().map(|(key, value)| (key.clone(), const_json(value))).collect(),
        ),
        Const::Dyn(text) => serde_json::from_str(text).unwrap_or(serde_json::Value::Null),
    }
}

/// Whether a value of type `value` can stand where `expected` is wanted, as it is.
pub(crate) fn fits(value: &Ty, expected: &Ty) -> bool {
    match (value, expected) {
        (Ty::Scalar(a), Ty::Scalar(b)) => {
            a == b
                || (*b == Type::Str && a.is_text())
                || matches!((a, b), (Type::Port, Type::Int) | (Type::Int, Type::Port))
        }
        (Ty::List(a) | Ty::Set(a), Ty::List(b) | Ty::Set(b)) => fits(a, b),
        (Ty::Map(a), Ty::Map(b)) => fits(a, b),
        (Ty::Record(ra, a), Ty::Record(rb, b)) => ra == rb && a == b,
        (Ty::Scalar(_) | Ty::List(_) | Ty::Set(_) | Ty::Map(_) | Ty::Record(..), _) => false,
    }
}

/// The type under which two values are compared for equality, if they can ever be equal.
pub(crate) fn common(a: &Ty, b: &Ty) -> Option<Ty> {
    match (a, b) {
        (Ty::Scalar(Type::Dyn), other) | (other, Ty::Scalar(Type::Dyn)) => {
            (!has_record(other)).then_some(Ty::DYN)
        }
        (Ty::Scalar(x), Ty::Scalar(y)) => match (x, y) {
            _ if x == y => Some(a.clone()),
            (Type::Int, Type::Port) | (Type::Port, Type::Int) => Some(Ty::INT),
            // Plain text is read as the other side's type.
            (Type::Str, refined) if refined.is_text() => Some(b.clone()),
            (refined, Type::Str) if refined.is_text() => Some(a.clone()),
            _ => None,
        },
        (Ty::Set(x), Ty::Set(y)) | (Ty::Set(x), Ty::List(y)) | (Ty::List(x), Ty::Set(y)) => {
            Some(Ty::Set(Box::new(common(x, y)?)))
        }
        (Ty::List(x), Ty::List(y)) => Some(Ty::List(Box::new(common(x, y)?))),
        (Ty::Map(x), Ty::Map(y)) => Some(Ty::Map(Box::new(common(x, y)?))),
        (Ty::Record(..) | Ty::Scalar(_) | Ty::Set(_) | Ty::List(_) | Ty::Map(_), _) => None,
    }
}
