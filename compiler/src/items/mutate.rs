//! Mutations: typed places, values that fit them, and no two mutations that fight over one place.

use kpol_grammar::{
    ast::{self, MutateClause},
    span::{FileId, Span},
};
use kpol_vm::ir::{ChangeKind, Const, ExprId, MutStmt, Mutation, Op, Place, PlaceBase, Slot, Target, Ty};

use crate::{
    debug::CodeDebug,
    diagnostics as d,
    elab::{Ctx, Elab, Typed, World},
    items::{meta::meta, target},
    module::ModuleBuilder,
};

/// A mutation in IR, and its changes for the conflict check.
pub(crate) struct Lowered {
    pub(crate) mutation: Mutation,
    pub(crate) debug: CodeDebug,
    pub(crate) changes: Vec<Written>,
    pub(crate) world: World,
}

/// One change as the conflict check sees it.
pub(crate) struct Written {
    pub(crate) kind: ChangeKind,
    /// The place as text, loops as `[]`: `pod.spec.all_containers[].image`.
    pub(crate) place: String,
    /// The value, if it is constant.
    pub(crate) value: Option<Const>,
    pub(crate) span: Span,
    /// Conditions `path == constant` that hold where it is done.
    pub(crate) guards: Vec<(String, Const)>,
}

pub(crate) fn lower(
    ctx: &mut Ctx<'_>,
    module: &mut ModuleBuilder,
    file: FileId,
    item: &ast::Item,
    mutate: &ast::Mutate,
    name: String,
) -> Option<Lowered> {
    let metas = mutate.clauses.iter().filter_map(|clause| match clause {
        MutateClause::Meta(meta) => Some(meta),
        _ => None,
    });
    let meta = meta(ctx, &item.docs, metas);
    let world = target::world(ctx, module, &mutate.on)?;
    if !world.admission {
        ctx.diagnostics.push(d::mutate_on_event(target::on_span(&mutate.on), &world.title));
        return None;
    }
    let elab = Elab::new(ctx, module, world.clone(), file);
    let mut lowering = MutateLowering { elab, changes: Vec::new(), guards: Vec::new(), places: Vec::new() };
    let mut body = Vec::new();
    for clause in &mutate.clauses {
        lowering.clause(clause, &mut body);
    }
    lowering.elab.unbind(0);
    let MutateLowering { elab, changes, .. } = lowering;
    let (code, exprs, origins) = (elab.code, elab.spans, elab.origins);
    let debug = CodeDebug { name: mutate.name.span, exprs, origins, ..CodeDebug::default() };
    let mutation = Mutation { name, meta, targets: world.targets.clone(), code, body };
    Some(Lowered { mutation, debug, changes, world })
}

struct MutateLowering<'c, 'a> {
    elab: Elab<'c, 'a>,
    changes: Vec<Written>,
    guards: Vec<(String, Const)>,
    /// The places of the locals bound by `for`, as text.
    places: Vec<(kpol_vm::ir::LocalId, String)>,
}

impl MutateLowering<'_, '_> {
    fn clause(&mut self, clause: &MutateClause, out: &mut Vec<MutStmt>) {
        match clause {
            MutateClause::Meta(_) => {}
            MutateClause::Where { cond, .. } => {
                if let Some(id) = self.elab.where_clause(cond) {
                    self.note_guards(id);
                    out.push(MutStmt::Where(id));
                }
            }
            MutateClause::Let(binding) => {
                if let Some((local, value)) = self.elab.let_in(binding) {
                    out.push(MutStmt::Let(local, value));
                }
            }
            MutateClause::For(block) => self.for_block(block, out),
            MutateClause::Change(change) => {
                if let Some(change) = self.change(change) {
                    out.push(change);
                }
            }
        }
    }

    fn for_block(&mut self, block: &ast::For<MutateClause>, out: &mut Vec<MutStmt>) {
        let (depth, guards, floor) = (self.elab.scope.len(), self.guards.len(), self.elab.floor);
        let head = self.elab.for_head(&block.var, &block.range);
        if let Some((local, list)) = head {
            match self.path(list) {
                Some(path) => self.places.push((local, format!("{path}[]"))),
                None => self.elab.report(d::mutate_range(block.range.span)),
            }
        }
        let mut body = Vec::new();
        for clause in &block.body {
            self.clause(clause, &mut body);
        }
        self.elab.unbind(depth);
        self.elab.loops -= 1;
        self.guards.truncate(guards);
        self.elab.floor = floor;
        if let Some((local, list)) = head {
            out.push(MutStmt::For { local, list, body });
        }
    }

    fn change(&mut self, change: &ast::Change) -> Option<MutStmt> {
        let (kind, place_expr, value_expr) = match &change.kind {
            ast::ChangeKind::Default { place, value } => (ChangeKind::Default, place, Some(value)),
            ast::ChangeKind::Overwrite { place, value } => (ChangeKind::Overwrite, place, Some(value)),
            ast::ChangeKind::Add { value, place } => (ChangeKind::Add, place, Some(value)),
            ast::ChangeKind::Remove { place } => (ChangeKind::Remove, place, None),
        };
        let target = self.elab.infer(place_expr)?;
        let Some((place, text)) = self.place(&target) else {
            self.elab.report(d::bad_place(place_expr.span));
            return None;
        };
        let expected = match (kind, &target.ty) {
            (ChangeKind::Add, Ty::List(element) | Ty::Set(element)) => element.as_ref().clone(),
            (ChangeKind::Add, other) => {
                let shown = self.elab.show(other);
                self.elab.report(d::add_needs_list(place_expr.span, &shown));
                return None;
            }
            (ChangeKind::Default | ChangeKind::Overwrite | ChangeKind::Remove, ty) => ty.clone(),
        };
        if let (Ty::Record(..), Some(value)) = (&expected, value_expr) {
            self.elab.report(d::record_value(value.span));
            return None;
        }
        let value = match value_expr {
            None => None,
            Some(expr) => Some(self.value(expr, &expected, kind, &text)?),
        };
        let constant = value.as_ref().and_then(|value| self.elab.constant(value).cloned());
        let guards = self.guards.clone();
        self.changes.push(Written { kind, place: text, value: constant, span: change.span, guards });
        Some(MutStmt::Change { kind, place, value: value.map(|value| value.id) })
    }

    fn value(&mut self, expr: &ast::Expr, expected: &Ty, kind: ChangeKind, place: &str) -> Option<Typed> {
        let value = self.elab.check(expr, expected)?;
        if kind == ChangeKind::Overwrite && self.reads(value.id, place) {
            self.elab.report(d::overwrite_reads_itself(expr.span));
            return None;
        }
        Some(value)
    }

    /// The place that a path expression names, and its text.
    fn place(&self, target: &Typed) -> Option<(Place, String)> {
        let mut keys = Vec::new();
        let mut at = target.id;
        let base = loop {
            match &self.elab.code.expr(at)?.op {
                Op::Field { base, field } => {
                    let demand = self.demand(*base, *field)?;
                    if demand.source != kpol_vm::ir::FieldSource::Json {
                        return None;
                    }
                    keys.push(demand.name.clone());
                    at = *base;
                }
                Op::MapKey { base, field, key } => {
                    let demand = self.demand(*base, *field)?;
                    let kpol_vm::ir::SlotTy::Map { keys: known, .. } = &demand.slot else { return None };
                    keys.push(known.get(*key as usize)?.clone());
                    keys.push(demand.name.clone());
                    at = *base;
                }
                Op::Root(Slot::Object, _) => break PlaceBase::Object,
                Op::Root(Slot::Pod, _) => break PlaceBase::Pod,
                Op::Local(local) if self.places.iter().any(|(known, _)| known == local) => {
                    break PlaceBase::Local(*local);
                }
                Op::Local(local) => at = *self.elab.let_values.get(local)?,
                _ => return None,
            }
        };
        keys.reverse();
        (!keys.is_empty()).then_some(())?;
        let text = self.path(target.id)?;
        Some((Place { base, keys }, text))
    }

    fn demand(&self, base: ExprId, field: u32) -> Option<&kpol_vm::ir::FieldDemand> {
        let Ty::Record(root, record) = self.elab.code.expr(base)?.ty else { return None };
        self.elab.module.demanded(root, record, field)
    }

    /// A path expression as text: `object.metadata.labels["team"]`.
    fn path(&self, id: ExprId) -> Option<String> {
        match &self.elab.code.expr(id)?.op {
            Op::Root(Slot::Object, _) => Some("object".to_owned()),
            Op::Root(Slot::Pod, _) => Some("pod".to_owned()),
            Op::Root(Slot::Namespace, _) => Some("namespace".to_owned()),
            Op::Field { base, field } => {
                Some(format!("{}.{}", self.path(*base)?, self.demand(*base, *field)?.name))
            }
            Op::MapKey { base, field, key } => {
                let demand = self.demand(*base, *field)?;
                let kpol_vm::ir::SlotTy::Map { keys, .. } = &demand.slot else { return None };
                Some(format!("{}.{}[{:?}]", self.path(*base)?, demand.name, keys.get(*key as usize)?))
            }
            Op::Local(local) => match self.places.iter().find(|(known, _)| known == local) {
                Some((_, place)) => Some(place.clone()),
                None => self.path(*self.elab.let_values.get(local)?),
            },
            _ => None,
        }
    }

    /// Whether the value is computed from the place itself: then a second application could change it again.
    fn reads(&self, value: ExprId, place: &str) -> bool {
        let mut pending = vec![value];
        let mut seen = std::collections::BTreeSet::new();
        while let Some(id) = pending.pop() {
            if !seen.insert(id) {
                continue;
            }
            if self.path(id).as_deref() == Some(place) {
                return true;
            }
            if let Some(expr) = self.elab.code.expr(id) {
                pending.extend(expr.op.operands());
                if let Op::Local(local) = &expr.op {
                    pending.extend(self.elab.let_values.get(local));
                }
            }
        }
        false
    }

    /// `path == constant` conditions that `cond` implies.
    fn note_guards(&mut self, cond: ExprId) {
        match self.elab.code.expr(cond).map(|expr| &expr.op) {
            Some(Op::And(a, b)) => {
                let (a, b) = (*a, *b);
                self.note_guards(a);
                self.note_guards(b);
            }
            Some(Op::Eq(a, b)) => {
                let constant = |id: ExprId| match self.elab.code.expr(id).map(|expr| &expr.op) {
                    Some(Op::Const(value)) => Some(value.clone()),
                    _ => None,
                };
                let guard = match (self.path(*a), constant(*b), self.path(*b), constant(*a)) {
                    (Some(path), Some(value), _, _) | (_, _, Some(path), Some(value)) => Some((path, value)),
                    _ => None,
                };
                self.guards.extend(guard);
            }
            _ => {}
        }
    }
}

/// Reports pairs of changes in different mutations that write one place differently where both can apply.
pub(crate) fn conflicts(ctx: &mut Ctx<'_>, mutations: &[Lowered]) {
    for (index, first) in mutations.iter().enumerate() {
        for second in mutations.iter().skip(index + 1) {
            let shared: Vec<&Target> = first
                .world
                .targets
                .iter()
                .filter(|a| second.world.targets.iter().any(|b| target::key(a) == target::key(b)))
                .collect();
            for a in &first.changes {
                for b in second.changes.iter().filter(|b| shared.iter().any(|target| fight_on(target, a, b)))
                {
                    ctx.diagnostics.push(d::conflicting_mutations(
                        b.span,
                        a.span,
                        &second.mutation.name,
                        &first.mutation.name,
                        &a.place,
                    ));
                }
            }
        }
    }
}

/// Whether two changes fight over an object of one kind: there `pod` is a part of the object, and
/// `all_containers` are the lists that it joins.
fn fight_on(target: &Target, a: &Written, b: &Written) -> bool {
    spelled_out(target, a).iter().any(|a| spelled_out(target, b).iter().any(|b| fight(a, b)))
}

fn spelled_out(target: &Target, change: &Written) -> Vec<Written> {
    let lists: &[&str] = if change.place.contains(".all_containers[]") {
        &[".containers[]", ".initContainers[]", ".ephemeralContainers[]"]
    } else {
        &[".all_containers[]"]
    };
    let spell = |path: &str, list: &str| {
        let path = path.replace(".all_containers[]", list);
        match (path.strip_prefix("pod."), target) {
            (Some(rest), Target::Kind { pod: Some((_, keys)), .. }) => {
                let keys: String = keys.iter().map(|key| format!("{key}.")).collect();
                format!("object.{keys}{rest}")
            }
            _ => path,
        }
    };
    let spelled = |list: &&str| Written {
        kind: change.kind,
        place: spell(&change.place, list),
        value: change.value.clone(),
        span: change.span,
        guards: change.guards.iter().map(|(path, value)| (spell(path, list), value.clone())).collect(),
    };
    lists.iter().map(spelled).collect()
}

fn fight(a: &Written, b: &Written) -> bool {
    let both_known = a.value.is_some() && a.value == b.value;
    let disjoint = a.guards.iter().any(|(path, value)| b.guards.iter().any(|(p, v)| p == path && v != value));
    let same_place = a.place == b.place;
    // A parent that one removes or overwrites takes with it what the other writes below.
    let below = |outer: &Written, inner: &Written| {
        matches!(outer.kind, ChangeKind::Remove | ChangeKind::Overwrite)
            && inner.place.strip_prefix(outer.place.as_str()).is_some_and(|rest| rest.starts_with(['.', '[']))
    };
    let differs = match (a.kind, b.kind) {
        (ChangeKind::Add, ChangeKind::Add) | (ChangeKind::Remove, ChangeKind::Remove) => false,
        (ChangeKind::Default, ChangeKind::Overwrite) | (ChangeKind::Overwrite, ChangeKind::Default) => false,
        (ChangeKind::Default, ChangeKind::Default) | (ChangeKind::Overwrite, ChangeKind::Overwrite) => {
            !both_known
        }
        (ChangeKind::Remove | ChangeKind::Add, _) | (_, ChangeKind::Remove | ChangeKind::Add) => true,
    };
    !disjoint && ((same_place && differs) || below(a, b) || below(b, a))
}
