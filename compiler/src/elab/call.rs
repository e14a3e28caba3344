//! Calls: builtins, defines, `x.f(y)` for `f(x, y)`, members of used packages, and the cluster's two.

use kpol_grammar::{
    ast::{self, ExprKind, ItemKind},
    span::Span,
};
use kpol_vm::{
    builtin::{Builtin, Sig},
    ir::{Op, RecordId, Ty},
    types::Type,
};

use crate::{
    diagnostics as d,
    elab::{Elab, Typed},
    program::{DefId, Found},
};

impl Elab<'_, '_> {
    pub(crate) fn call(&mut self, callee: &ast::Expr, args: &[ast::Expr], span: Span) -> Option<Typed> {
        match &callee.kind {
            ExprKind::Var(name) => self.call_name(name, None, args, span),
            ExprKind::Field { base, name } => {
                if let ExprKind::Var(root) = &base.kind {
                    if root.text == "cluster" && self.world.admission && !self.world.bare {
                        return self.cluster(name, args, span);
                    }
                    let is_local = self.scope.iter().any(|local| local.name == root.text);
                    if !is_local && let Some(def) = self.module_def(&root.text, name) {
                        self.ctx.used_imports.insert((self.file, root.text.clone()));
                        return self.call_def(def, name, None, args, span);
                    }
                }
                let receiver = self.infer(base)?;
                self.call_name(name, Some(receiver), args, span)
            }
            _ => {
                self.report(d::not_callable(callee.span));
                None
            }
        }
    }

    fn module_def(&self, alias: &str, name: &ast::Name) -> Option<DefId> {
        let package = self.ctx.program.module_alias(self.file, alias)?;
        self.ctx.program.in_package(package, &name.text)
    }

    /// `alias.name`, if `base` is the alias of a used package: `Some` even if the name is unknown there.
    pub(crate) fn module_member(&mut self, base: &ast::Expr, name: &ast::Name) -> Option<Option<Typed>> {
        let ExprKind::Var(alias) = &base.kind else { return None };
        if self.scope.iter().any(|local| local.name == alias.text) || self.world.root(&alias.text).is_some() {
            return None;
        }
        let package = self.ctx.program.module_alias(self.file, &alias.text)?.to_owned();
        self.ctx.used_imports.insert((self.file, alias.text.clone()));
        let Some(def) = self.ctx.program.in_package(&package, &name.text) else {
            let program = self.ctx.program;
            let known: Vec<&String> =
                program.packages.get(&package).into_iter().flatten().map(|(n, _)| n).collect();
            self.report(d::unknown_name_in_package(name, &package, known.into_iter()));
            return Some(None);
        };
        Some(self.member_value(def, name))
    }

    fn member_value(&mut self, def: DefId, name: &ast::Name) -> Option<Typed> {
        // The name is resolved as if it stood in its own file.
        let file = std::mem::replace(&mut self.file, def.file);
        let scope = std::mem::take(&mut self.scope);
        let result = self.name(name);
        self.file = file;
        self.scope = scope;
        result
    }

    fn call_name(
        &mut self,
        name: &ast::Name,
        receiver: Option<Typed>,
        args: &[ast::Expr],
        span: Span,
    ) -> Option<Typed> {
        match self.ctx.program.lookup(self.file, &name.text) {
            Some(Found::Def(def)) => return self.call_def(def, name, receiver, args, span),
            Some(Found::Module(package)) => {
                let package = package.to_owned();
                self.report(d::module_is_no_value(name, &package));
                return None;
            }
            None if self.is_excused(&name.text) => return None,
            None => {}
        }
        let Some(builtin) = self.ctx.catalog.builtin(&name.text) else {
            let program = self.ctx.program;
            let known = self.ctx.catalog.builtins().iter().map(|b| b.name).chain(program.visible(self.file));
            let diagnostic = d::unknown_function(name, known);
            self.report(diagnostic);
            return None;
        };
        let given = args.len() + usize::from(receiver.is_some());
        if given != builtin.params.len() {
            self.report(d::argument_count(
                span,
                &name.text,
                &signature(builtin),
                builtin.params.len(),
                given,
            ));
            return None;
        }
        let mut values: Vec<Typed> = Vec::new();
        let mut element = None;
        let skip = usize::from(receiver.is_some());
        if let (Some(receiver), Some((_, sig))) = (receiver, builtin.params.first()) {
            let typed = self.argument_value(receiver, sig, &mut element, span)?;
            values.push(typed);
        }
        for (arg, (_, sig)) in args.iter().zip(builtin.params.iter().skip(skip)) {
            let value = self.argument(arg, sig, &mut element)?;
            values.push(value);
        }
        self.push_call(builtin, values, element, span)
    }

    /// A builtin with values at hand (properties, implied conversions).
    pub(crate) fn call_builtin(
        &mut self,
        builtin: &'static Builtin,
        values: Vec<Typed>,
        span: Span,
    ) -> Option<Typed> {
        let mut element = None;
        let mut fitted = Vec::new();
        for (value, (_, sig)) in values.into_iter().zip(builtin.params) {
            fitted.push(self.argument_value(value, sig, &mut element, span)?);
        }
        self.push_call(builtin, fitted, element, span)
    }

    fn push_call(
        &mut self,
        builtin: &'static Builtin,
        values: Vec<Typed>,
        element: Option<Ty>,
        span: Span,
    ) -> Option<Typed> {
        let ty = match &builtin.ret {
            Sig::Is(ty) => Ty::Scalar(ty.clone()),
            Sig::ListOf(ty) => Ty::List(Box::new(Ty::Scalar(ty.clone()))),
            Sig::Element => element.unwrap_or(Ty::DYN),
            Sig::ListOfElement => Ty::List(Box::new(element.unwrap_or(Ty::DYN))),
            // No builtin gives these back; the catalog's own test holds it.
            Sig::AnyList | Sig::AnyMap | Sig::Any | Sig::OneOf(_) => Ty::DYN,
        };
        let opt = builtin.partial || (is_strict(builtin) && values.iter().any(|value| value.opt));
        let args = values.iter().map(|value| value.id).collect();
        let builtin = self.module.builtin(builtin.name);
        self.push(Op::Call { builtin, args }, ty, opt, span)
    }

    fn argument(&mut self, arg: &ast::Expr, sig: &Sig, element: &mut Option<Ty>) -> Option<Typed> {
        let value = match sig {
            Sig::Is(ty) => return self.check(arg, &Ty::Scalar(ty.clone())),
            Sig::ListOf(ty) => {
                let list = self.check(arg, &Ty::List(Box::new(Ty::Scalar(ty.clone()))))?;
                *element = list.ty.element().cloned();
                return Some(list);
            }
            Sig::Element => return self.check(arg, &element.clone().unwrap_or(Ty::DYN)),
            Sig::ListOfElement => {
                return self.check(arg, &Ty::List(Box::new(element.clone().unwrap_or(Ty::DYN))));
            }
            Sig::OneOf(choices) if self.is_flexible(arg) => return self.first_fitting(arg, choices, element),
            Sig::AnyList | Sig::AnyMap | Sig::Any | Sig::OneOf(_) => self.infer(arg)?,
        };
        self.argument_value(value, sig, element, arg.span)
    }

    fn argument_value(
        &mut self,
        value: Typed,
        sig: &Sig,
        element: &mut Option<Ty>,
        span: Span,
    ) -> Option<Typed> {
        match sig {
            Sig::Is(ty) => self.fit(value, &Ty::Scalar(ty.clone()), span),
            Sig::ListOf(ty) => {
                let list = self.fit(value, &Ty::List(Box::new(Ty::Scalar(ty.clone()))), span)?;
                *element = list.ty.element().cloned();
                Some(list)
            }
            Sig::Element => self.fit(value, &element.clone().unwrap_or(Ty::DYN), span),
            Sig::ListOfElement => {
                self.fit(value, &Ty::List(Box::new(element.clone().unwrap_or(Ty::DYN))), span)
            }
            Sig::OneOf(choices) => {
                let Some(choice) = choices.iter().find(|choice| accepts(choice, &value.ty)) else {
                    let (wanted, found) = (sig_text(sig), self.show(&value.ty));
                    self.report(d::wrong_type(span, &wanted, &found));
                    return None;
                };
                self.argument_value(value, choice, element, span)
            }
            Sig::AnyList => {
                let list = match &value.ty {
                    Ty::Scalar(Type::Dyn) => {
                        let items = self.ctx.catalog.builtin("items")?;
                        self.call_builtin(items, vec![value], span)?
                    }
                    _ => value,
                };
                let Some(found) = list.ty.element().cloned() else {
                    let shown = self.show(&list.ty);
                    self.report(d::wrong_type(span, "list or set", &shown));
                    return None;
                };
                *element = Some(found);
                Some(list)
            }
            Sig::AnyMap => {
                if !matches!(value.ty, Ty::Map(_) | Ty::Scalar(Type::Dyn)) {
                    let shown = self.show(&value.ty);
                    self.report(d::wrong_type(span, "map", &shown));
                    return None;
                }
                if let Ty::Map(inner) = &value.ty {
                    *element = Some(inner.as_ref().clone());
                }
                Some(value)
            }
            Sig::Any => {
                if matches!(value.ty, Ty::Record(..)) {
                    let shown = self.show(&value.ty);
                    self.report(d::record_argument(span, &shown));
                    return None;
                }
                Some(value)
            }
        }
    }

    /// A literal as the first of several types that it is a value of.
    fn first_fitting(&mut self, arg: &ast::Expr, choices: &[Sig], element: &mut Option<Ty>) -> Option<Typed> {
        for choice in choices {
            let mark = self.ctx.diagnostics.len();
            if let Some(value) = self.argument(arg, choice, element)
                && !self.errors_since(mark)
            {
                return Some(value);
            }
            self.ctx.diagnostics.truncate(mark);
        }
        let wanted = sig_text_all(choices);
        let found = self.infer(arg)?;
        let found = self.show(&found.ty);
        self.report(d::wrong_type(arg.span, &wanted, &found));
        None
    }

    fn call_def(
        &mut self,
        def: DefId,
        name: &ast::Name,
        receiver: Option<Typed>,
        args: &[ast::Expr],
        span: Span,
    ) -> Option<Typed> {
        self.mark_used(def, &name.text);
        let program = self.ctx.program;
        let Some(ItemKind::Define { params: Some(params), on, body, .. }) =
            program.item(def).map(|i| &i.kind)
        else {
            self.report(d::not_a_function(name));
            return None;
        };
        let given = args.len() + usize::from(receiver.is_some());
        if given != params.len() {
            let shown = format!(
                "{}({})",
                name.text,
                params.iter().map(|p| p.name.text.as_str()).collect::<Vec<_>>().join(", ")
            );
            self.report(d::argument_count(span, &name.text, &shown, params.len(), given));
            return None;
        }
        let mut values = Vec::new();
        let mut left = args.iter();
        let mut receiver = receiver;
        for param in params {
            let value = match receiver.take() {
                Some(receiver) => self.parameter_value(receiver, param, def, span),
                None => left.next().and_then(|arg| self.parameter(arg, param, def)),
            };
            values.push(value);
        }
        let values: Vec<Typed> = values.into_iter().collect::<Option<_>>()?;
        self.expand(def, on.as_ref(), params, values, body, span)
    }

    /// The body with its parameters bound to the arguments.
    fn expand(
        &mut self,
        def: DefId,
        on: Option<&ast::On>,
        params: &[ast::DefineParam],
        values: Vec<Typed>,
        body: &ast::Expr,
        span: Span,
    ) -> Option<Typed> {
        let bare = std::mem::replace(&mut self.world.bare, on.is_none());
        let result = self.inline(def, span, |elab| {
            let mut bound = Vec::new();
            for (param, value) in params.iter().zip(values) {
                let local =
                    elab.bind_hidden(&param.name.text, param.name.span, value.ty.clone(), value.opt, false)?;
                elab.let_values.insert(local, value.id);
                bound.push((local, value));
            }
            let mut result = elab.infer_cond(body)?;
            for (local, value) in bound.into_iter().rev() {
                let op = Op::Let { local, value: value.id, body: result.id };
                result = elab.push(op, result.ty, result.opt, span)?;
            }
            Some(result)
        });
        self.world.bare = bare;
        result
    }

    fn parameter(&mut self, arg: &ast::Expr, param: &ast::DefineParam, def: DefId) -> Option<Typed> {
        if self.is_flexible(arg) {
            let expected = self.parameter_type(param, def, None)?;
            return self.check(arg, &expected);
        }
        let value = self.infer(arg)?;
        self.parameter_value(value, param, def, arg.span)
    }

    fn parameter_value(
        &mut self,
        value: Typed,
        param: &ast::DefineParam,
        def: DefId,
        span: Span,
    ) -> Option<Typed> {
        let expected = self.parameter_type(param, def, Some(&value.ty))?;
        // In the body it is what the define says, so that the body means the same for every argument.
        self.fit(value, &expected, span).map(|value| Typed { ty: expected, ..value })
    }

    /// The parameter's type; a record is one of the root that the argument's record is part of.
    fn parameter_type(&mut self, param: &ast::DefineParam, def: DefId, given: Option<&Ty>) -> Option<Ty> {
        let root = given
            .and_then(record_root)
            .or_else(|| self.world.event.or_else(|| self.world.roots.first().map(|(_, _, root)| *root)));
        let file = std::mem::replace(&mut self.file, def.file);
        self.quiet += 1;
        let ty = self.type_expr(&param.ty, root);
        self.quiet -= 1;
        self.file = file;
        ty.map(|(ty, _)| ty)
    }

    /// `cluster.others(Ingress)`, `cluster.all(Ingress)`, and the fields of `cluster`.
    fn cluster(&mut self, name: &ast::Name, args: &[ast::Expr], span: Span) -> Option<Typed> {
        let others = match name.text.as_str() {
            "others" => true,
            "all" => false,
            _ => {
                self.report(d::unknown_function(name, ["others", "all"].into_iter()));
                return None;
            }
        };
        let [kind] = args else {
            let shown = format!("cluster.{}(Kind)", name.text);
            self.report(d::argument_count(span, &name.text, &shown, 1, args.len()));
            return None;
        };
        let record = crate::items::target::kind_argument(self, kind)?;
        let root = self.module.root(&record);
        let ty = Ty::List(Box::new(Ty::Record(root, RecordId(0))));
        self.push(Op::Cluster { root, others }, ty, false, span)
    }
}

fn record_root(ty: &Ty) -> Option<kpol_vm::ir::RootId> {
    match ty {
        Ty::Record(root, _) => Some(*root),
        Ty::List(inner) | Ty::Set(inner) | Ty::Map(inner) => record_root(inner),
        Ty::Scalar(_) => None,
    }
}

/// Whether an absent argument makes the result absent. Predicates answer; so does what counts.
fn is_strict(builtin: &Builtin) -> bool {
    builtin.strict
}

/// Whether a value of type `ty` can be given for `sig` as it is.
fn accepts(sig: &Sig, ty: &Ty) -> bool {
    match sig {
        Sig::Is(wanted) => super::types::fits(ty, &Ty::Scalar(wanted.clone())),
        Sig::ListOf(wanted) => super::types::fits(ty, &Ty::List(Box::new(Ty::Scalar(wanted.clone())))),
        Sig::AnyList => ty.element().is_some(),
        Sig::AnyMap => matches!(ty, Ty::Map(_)),
        Sig::Any => true,
        Sig::Element | Sig::ListOfElement | Sig::OneOf(_) => false,
    }
}

/// `lower(text: string)`.
pub(crate) fn signature(builtin: &Builtin) -> String {
    let params: Vec<String> =
        builtin.params.iter().map(|(name, sig)| format!("{name}: {}", sig_text(sig))).collect();
    format!("{}({})", builtin.name, params.join(", "))
}

fn sig_text(sig: &Sig) -> String {
    match sig {
        Sig::Is(ty) => ty.to_string(),
        Sig::ListOf(ty) => format!("list<{ty}>"),
        Sig::AnyList => "list".into(),
        Sig::Element => "element".into(),
        Sig::ListOfElement => "list of the same".into(),
        Sig::AnyMap => "map".into(),
        Sig::Any => "any".into(),
        Sig::OneOf(choices) => sig_text_all(choices),
    }
}

fn sig_text_all(choices: &[Sig]) -> String {
    choices.iter().map(sig_text).collect::<Vec<_>>().join(" or ")
}
