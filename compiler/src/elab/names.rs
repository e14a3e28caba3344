//! Bare names: locals first, then the roots of the target, then declarations.

use kpol_grammar::ast::{self, ItemKind};
use kpol_vm::ir::{Op, RecordId, Ty};

use crate::{
    diagnostics as d,
    elab::{Elab, Typed},
    program::{DefId, Found, MAIN},
};

impl Elab<'_, '_> {
    /// The value of a name.
    pub(crate) fn name(&mut self, name: &ast::Name) -> Option<Typed> {
        if let Some(local) = self.scope.iter_mut().rev().find(|local| local.name == name.text) {
            local.used = true;
            let value = local.value.clone();
            // A use of its own, so that explanations can point at it.
            let op = self.op(&value).cloned()?;
            return self.push(op, value.ty, value.opt, name.span);
        }
        if let Some(root) = self.root(name) {
            return Some(root);
        }
        match self.ctx.program.lookup(self.file, &name.text) {
            Some(Found::Def(def)) => self.declared(def, name),
            Some(Found::Module(package)) => {
                let package = package.to_owned();
                self.report(d::module_is_no_value(name, &package));
                None
            }
            None => {
                if !self.is_excused(&name.text) {
                    self.unknown_name(name);
                    // Once is enough: the rule's other uses and messages would say the same.
                    self.poison(name);
                }
                None
            }
        }
    }

    /// Whether the target gives this name a meaning.
    pub(crate) fn is_root(&self, name: &str) -> bool {
        let event = || self.world.event.and_then(|root| self.module.record(root, RecordId(0)));
        !self.world.bare
            && (self.world.root(name).is_some()
                || self.world.steps.iter().any(|(step, _)| step == name)
                || event().is_some_and(|record| record.field(name).is_some()))
    }

    fn root(&mut self, name: &ast::Name) -> Option<Typed> {
        if self.world.bare {
            return None;
        }
        if let Some((slot, root)) = self.world.root(&name.text) {
            if name.text == "old" && !self.world.update_only {
                let title = self.world.title.clone();
                self.report(d::old_outside_update(name.span, &title));
            }
            return self.push(Op::Root(slot, root), Ty::Record(root, RecordId(0)), false, name.span);
        }
        if let Some((_, root)) = self.world.steps.iter().find(|(step, _)| *step == name.text) {
            let root = *root;
            return self.push(
                Op::Root(kpol_vm::ir::Slot::Event, root),
                Ty::Record(root, RecordId(0)),
                false,
                name.span,
            );
        }
        let event = self.world.event?;
        let record = self.module.record(event, RecordId(0))?;
        record.field(&name.text)?;
        let base = self.push(
            Op::Root(kpol_vm::ir::Slot::Event, event),
            Ty::Record(event, RecordId(0)),
            false,
            name.span,
        )?;
        self.field(base, name, name.span)
    }

    fn declared(&mut self, def: DefId, name: &ast::Name) -> Option<Typed> {
        self.mark_used(def, &name.text);
        let program = self.ctx.program;
        match &program.item(def)?.kind {
            ItemKind::Param { .. } => {
                let (id, ty, opt) = self.module.params.get(&def)?.clone();
                self.push(Op::Param(id), ty, opt, name.span)
            }
            ItemKind::Let { ty, value, .. } => self.inline(def, name.span, |elab| match ty {
                Some(written) => {
                    let (ty, _) = elab.type_expr(written, None)?;
                    elab.check(value, &ty)
                }
                None => elab.infer(value),
            }),
            ItemKind::Define { params: Some(params), .. } => {
                let count = params.len();
                self.report(d::define_needs_arguments(name, count));
                None
            }
            ItemKind::Define { params: None, on, body, .. } => self.define_body(def, on.as_ref(), name, body),
            ItemKind::Rule(_) | ItemKind::Mutate(_) | ItemKind::Correlate(_) | ItemKind::Exception(_) => {
                self.report(d::no_value(
                    name,
                    "a rule has no value; a `define` can be used by several rules",
                ));
                None
            }
            ItemKind::Bind(_) | ItemKind::Test(_) | ItemKind::Error => None,
        }
    }

    /// The body of a define in the world that it is made for.
    pub(crate) fn define_body(
        &mut self,
        def: DefId,
        on: Option<&ast::On>,
        name: &ast::Name,
        body: &ast::Expr,
    ) -> Option<Typed> {
        let span = name.span;
        if let Some(on) = on {
            if self.world.bare {
                self.report(d::define_needs_target(name, on.span));
                return None;
            }
            let missing = self.targets_outside(def, on);
            if !missing.is_empty() {
                let title = self.world.title.clone();
                self.report(d::define_on_other_target(span, on.span, &missing, &title));
                return None;
            }
        }
        let bare = std::mem::replace(&mut self.world.bare, on.is_none());
        let result = self.inline(def, span, |elab| elab.infer_cond(body));
        self.world.bare = bare;
        result
    }

    /// A define's body is mostly a condition; an optional `bool` is closed, as in any condition.
    pub(crate) fn infer_cond(&mut self, body: &ast::Expr) -> Option<Typed> {
        let value = self.infer(body)?;
        if value.ty == Ty::BOOL && value.opt {
            return self.close(value, body.span);
        }
        Some(value)
    }

    /// The targets of this world that `on` does not cover.
    fn targets_outside(&mut self, def: DefId, on: &ast::On) -> Vec<String> {
        let catalog = self.ctx.catalog;
        let _ = def;
        let covered: Vec<(String, Option<String>)> =
            on.targets.iter().flat_map(|target| crate::items::target::names(catalog, target)).collect();
        self.world
            .targets
            .iter()
            .map(crate::items::target::key)
            .filter(|key| !covered.contains(key))
            .map(|(name, sub)| sub.map_or(name.clone(), |sub| format!("{name}/{sub}")))
            .collect()
    }

    pub(crate) fn mark_used(&mut self, def: DefId, name: &str) {
        self.ctx.used.insert(def);
        self.ctx.used_imports.insert((self.file, name.to_owned()));
    }

    /// Whether a name has no meaning because of a mistake that is already reported.
    pub(crate) fn is_excused(&self, name: &str) -> bool {
        self.poisoned.contains(name)
            || self.world.excused.iter().any(|excused| excused == name)
            || self.ctx.program.is_excused(self.file, name)
    }

    fn unknown_name(&mut self, name: &ast::Name) {
        let program = self.ctx.program;
        let mut known: Vec<String> = self.scope.iter().map(|local| local.name.clone()).collect();
        known.extend(self.world.roots.iter().map(|(root, _, _)| (*root).to_owned()));
        known.extend(program.visible(self.file).into_iter().map(str::to_owned));
        if let Some(record) = self.world.event.and_then(|root| self.module.record(root, RecordId(0))) {
            known.extend(record.fields.iter().map(|field| field.name.clone()));
        }
        let events: Vec<&str> = self
            .ctx
            .catalog
            .events()
            .filter(|event| event.record.field(&name.text).is_some())
            .map(|event| event.name)
            .collect();
        let diagnostic = if self.world.event.is_some() && !events.is_empty() {
            d::event_has_no_root(name, &self.world.title, &events)
        } else if self.world.bare && (!events.is_empty() || is_admission_root(&name.text)) {
            d::root_in_bare_define(name)
        } else {
            // `use` takes values: a `let`, a param or a define. What else has the name elsewhere does not help here.
            let elsewhere = program.packages.iter().find(|(_, names)| {
                let item = names.get(&name.text).and_then(|def| program.item(*def));
                item.is_some_and(|item| {
                    matches!(
                        item.kind,
                        ItemKind::Let { .. } | ItemKind::Param { .. } | ItemKind::Define { .. }
                    )
                })
            });
            d::unknown_name(
                name,
                known.iter().map(String::as_str),
                self.ctx.catalog.builtin(&name.text).is_some(),
                elsewhere.map(|(package, _)| package.as_str()).filter(|package| *package != MAIN),
            )
        };
        self.report(diagnostic);
    }
}

fn is_admission_root(name: &str) -> bool {
    matches!(name, "object" | "old" | "pod" | "namespace" | "user" | "request" | "cluster")
}
