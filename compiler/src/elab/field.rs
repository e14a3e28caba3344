//! Paths: `base.name`, `base["key"]`, and `has` of them.

use kpol_grammar::{
    ast::{self, ExprKind, Literal},
    span::Span,
};
use kpol_vm::{
    ir::{Op, Ty},
    types::{Presence, Type, VirtualSource},
};

use crate::{
    diagnostics as d,
    elab::{Elab, Typed},
};

impl Elab<'_, '_> {
    /// `base.name`; `span` is the whole.
    pub(crate) fn field(&mut self, base: Typed, name: &ast::Name, span: Span) -> Option<Typed> {
        match &base.ty {
            Ty::Record(root, id) => {
                let (root, id) = (*root, *id);
                let record = std::sync::Arc::clone(self.module.record(root, id)?);
                let Some(field) = record.field(&name.text) else {
                    if name.text == "name" && record.field("metadata").is_some() {
                        // What everybody calls the name of an object.
                        let metadata = ast::Name { text: "metadata".to_owned(), span: name.span };
                        let metadata = self.field(base, &metadata, span)?;
                        return self.field(metadata, name, span);
                    }
                    self.unknown_field(name, &record);
                    return None;
                };
                self.check_version(name, &record.name, field);
                let (index, ty) = self.module.demand(self.ctx.catalog, root, id, field);
                let opt = match field.presence {
                    Presence::Default(_) => {
                        matches!(ty, Ty::Record(..) | Ty::List(_) | Ty::Set(_) | Ty::Map(_))
                    }
                    Presence::Optional => true,
                    // A list that kpol computes is empty, never absent.
                    Presence::Required => {
                        base.opt && !matches!(field.virtual_source, Some(VirtualSource::Concat(_)))
                    }
                };
                self.push(Op::Field { base: base.id, field: index }, ty, opt, span)
            }
            Ty::Scalar(Type::Dyn) => {
                self.push(Op::DynField { base: base.id, name: name.text.clone() }, Ty::DYN, true, span)
            }
            Ty::Scalar(scalar) => match self.ctx.catalog.property(scalar, &name.text) {
                Some(builtin) => self.call_builtin(builtin, vec![base], span),
                None => {
                    let shown = scalar.to_string();
                    self.report(d::no_fields(name, &shown));
                    None
                }
            },
            Ty::Map(_) => {
                self.report(d::map_field(name, span));
                None
            }
            Ty::List(_) | Ty::Set(_) => {
                let shown = self.show(&base.ty);
                self.report(d::list_field(name, &shown));
                None
            }
        }
    }

    /// `base[index]`.
    pub(crate) fn index(&mut self, base: &ast::Expr, index: &ast::Expr, span: Span) -> Option<Typed> {
        let base = self.infer(base)?;
        match base.ty.clone() {
            Ty::Map(value) => {
                if let (ExprKind::Literal(Literal::Str(key)), Some((record, field))) =
                    (&index.kind, self.map_field_of(&base))
                {
                    let Ty::Record(root, id) = self.code.expr(record).map(|e| e.ty.clone())? else {
                        return None;
                    };
                    let key = self.module.demand_key(root, id, field, &key.text)?;
                    return self.push(Op::MapKey { base: record, field, key }, *value, true, span);
                }
                let key = self.check(index, &Ty::STR)?;
                self.push(Op::MapGet { map: base.id, key: key.id }, *value, true, span)
            }
            Ty::List(element) => {
                let at = self.check(index, &Ty::INT)?;
                self.push(Op::ListGet { list: base.id, index: at.id }, *element, true, span)
            }
            Ty::Scalar(Type::Dyn) => {
                let at = self.infer(index)?;
                match &at.ty {
                    Ty::Scalar(Type::Int | Type::Port | Type::Dyn) => {}
                    Ty::Scalar(text) if text.is_text() => {}
                    other => {
                        let shown = self.show(other);
                        self.report(d::wrong_type(index.span, "string or int", &shown));
                        return None;
                    }
                }
                self.push(Op::DynIndex { base: base.id, index: at.id }, Ty::DYN, true, span)
            }
            other @ (Ty::Scalar(_) | Ty::Set(_) | Ty::Record(..)) => {
                let shown = self.show(&other);
                self.report(d::cannot_index(span, &shown));
                None
            }
        }
    }

    /// The record and field index, if `map` is a field of a record (also through a `let`).
    fn map_field_of(&self, map: &Typed) -> Option<(kpol_vm::ir::ExprId, u32)> {
        match self.op(map)? {
            Op::Field { base, field } => Some((*base, *field)),
            Op::Local(local) => {
                match self.let_values.get(local).and_then(|id| self.code.expr(*id)).map(|e| &e.op) {
                    Some(Op::Field { base, field }) => Some((*base, *field)),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// `has PATH`.
    pub(crate) fn has(&mut self, inner: &ast::Expr, span: Span) -> Option<Typed> {
        let inner_expr = strip(inner);
        if !matches!(inner_expr.kind, ExprKind::Var(_) | ExprKind::Field { .. } | ExprKind::Index { .. }) {
            self.report(d::has_needs_path(inner.span));
            return None;
        }
        let value = self.infer(inner_expr)?;
        if let Some(Op::Field { base, field }) = self.op(&value) {
            let (base, field) = (*base, *field);
            let base_expr = self.code.expr(base)?;
            let (base_opt, base_ty) = (base_expr.optional, base_expr.ty.clone());
            if let Ty::Record(root, id) = base_ty {
                let defaulted = self.module.demanded(root, id, field).is_some_and(|f| f.default.is_some());
                if !value.opt && !defaulted && !base_opt {
                    self.report(d::always_there(span, false));
                }
                return self.push(Op::Written { base, field }, Ty::BOOL, false, span);
            }
        }
        // An object without a namespace has none, whatever its type says.
        let host_may_lack = matches!(self.op(&value), Some(Op::Root(kpol_vm::ir::Slot::Namespace, _)));
        if !value.opt && !host_may_lack {
            let through_let = matches!(self.op(&value), Some(Op::Local(_)));
            self.report(d::always_there(span, through_let));
        }
        self.push(Op::Present(value.id), Ty::BOOL, false, span)
    }

    fn check_version(&mut self, name: &ast::Name, record: &str, field: &kpol_vm::types::Field) {
        let Some((low, high)) = self.ctx.options.kubernetes else { return };
        if self.is_library() {
            return;
        }
        let low = self.floor.unwrap_or(low).max(low);
        if let Some(since) = field.since
            && since > low
        {
            self.report(d::field_too_new(name, record, since, low, high));
        }
        if let Some(until) = field.until
            && until < high
        {
            self.report(d::field_gone(name, record, until, low, high));
        }
    }

    /// The library holds rules for every version at once; which of them count is its own binds' business.
    fn is_library(&self) -> bool {
        let package = self.ctx.program.package(self.file);
        package == "std" || package.starts_with("std.")
    }

    fn unknown_field(&mut self, name: &ast::Name, record: &kpol_vm::types::Record) {
        let (low, high) = self.ctx.options.kubernetes.unwrap_or_else(|| self.ctx.catalog.schema().minors());
        self.report(d::unknown_field(name, record, low, high));
    }
}

/// Without the parentheses around it.
pub(crate) fn strip(expr: &ast::Expr) -> &ast::Expr {
    let mut expr = expr;
    while let ExprKind::Paren(inner) = &expr.kind {
        expr = inner;
    }
    expr
}
