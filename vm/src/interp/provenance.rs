//! Where in the object a value comes from.
//!
//! The path of an expression is found from its form: a root is the object (or its pod template), a field is one key
//! further down, a loop's local is an element of the loop's list, a `let` is what it stands for. A list that joins
//! siblings leads to the sibling that the element really stands in. What is computed has no path.

use super::{Interp, Trap};
use crate::{
    ir::{ExprId, FieldSource, LocalId, Op, Slot, Ty},
    json_path::JsonPath,
    value::{RecordRef, Value},
};

/// What a local stands for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Origin {
    /// An expression (`let`).
    Expr(ExprId),
    /// An element of a list (`for`, quantifiers, comprehensions).
    Element { list: ExprId, index: usize },
}

/// An evaluation that knows what its locals stand for.
pub(super) struct Tracer<'e> {
    pub(super) interp: Interp<'e>,
    origins: Vec<Option<Origin>>,
    /// How many more expressions are looked at; explanations are short or not at all.
    budget: usize,
    depth: usize,
}

/// Expressions that one explanation looks at.
const BUDGET: usize = 20_000;
/// `let` behind `let` behind `let`.
const MAX_DEPTH: usize = 256;

impl<'e> Tracer<'e> {
    pub(super) fn new(interp: Interp<'e>) -> Tracer<'e> {
        let origins = vec![None; interp.code.locals.len()];
        Tracer { interp, origins, budget: BUDGET, depth: 0 }
    }

    /// For mutations: bounded by fuel alone, because a place that is not found would be a change that is not made.
    pub(super) fn unbounded(interp: Interp<'e>) -> Tracer<'e> {
        Tracer { budget: usize::MAX, ..Tracer::new(interp) }
    }

    /// Whether there is budget to look one expression further.
    pub(super) fn enter(&mut self) -> bool {
        if self.depth >= MAX_DEPTH || self.budget == 0 {
            return false;
        }
        self.budget -= 1;
        self.depth += 1;
        true
    }

    pub(super) fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    pub(super) fn op(&self, id: ExprId) -> Option<&'e Op> {
        self.interp.code.expr(id).map(|expr| &expr.op)
    }

    pub(super) fn origin(&self, local: LocalId) -> Option<Origin> {
        self.origins.get(local.index()).copied().flatten()
    }

    pub(super) fn bind(&mut self, local: LocalId, value: Value, origin: Origin) {
        self.interp.bind(local, value);
        if let Some(slot) = self.origins.get_mut(local.index()) {
            *slot = Some(origin);
        }
    }

    /// Binds a local to what an expression gives.
    pub(super) fn bind_expr(&mut self, local: LocalId, value: ExprId) -> Result<(), Trap> {
        let evaluated = self.interp.eval(value)?;
        self.bind(local, evaluated, Origin::Expr(value));
        Ok(())
    }

    /// The place in the object that an expression reads.
    pub(super) fn path(&mut self, id: ExprId) -> Result<Option<JsonPath>, Trap> {
        if !self.enter() {
            return Ok(None);
        }
        let path = self.path_of(id);
        self.leave();
        path
    }

    fn path_of(&mut self, id: ExprId) -> Result<Option<JsonPath>, Trap> {
        let Some(op) = self.op(id) else { return Ok(None) };
        match op {
            Op::Root(Slot::Object | Slot::Event, _) => Ok(Some(JsonPath::default())),
            Op::Root(Slot::Pod, _) => Ok(Some(JsonPath::keys(self.interp.env.pod_keys))),
            Op::Field { base, field } | Op::Written { base, field } => self.field_path(*base, *field),
            Op::MapKey { base, field, key } => {
                let map = self.field_path(*base, *field)?;
                Ok(map.zip(self.key_name(*base, *field, *key)).map(|(path, key)| path.key(&key)))
            }
            Op::MapGet { map, key } => {
                let (path, key) = (self.path(*map)?, self.interp.eval(*key)?);
                Ok(path.zip(key.as_text()).map(|(path, key)| path.key(key)))
            }
            Op::DynField { base, name } => Ok(self.path(*base)?.map(|path| path.key(name))),
            Op::DynIndex { base, index } => {
                let (path, index) = (self.path(*base)?, self.interp.eval(*index)?.to_json());
                Ok(path.zip(index).and_then(|(path, index)| match index.as_int() {
                    Some(i) => usize::try_from(i).ok().map(|i| path.index(i)),
                    None => index.as_str().map(|key| path.key(key)),
                }))
            }
            Op::ListGet { list, index } => {
                let index = self.interp.eval(*index)?.as_int().and_then(|index| usize::try_from(index).ok());
                index.map_or(Ok(None), |index| self.element_path(*list, index))
            }
            Op::Local(local) => match self.origin(*local) {
                Some(Origin::Expr(value)) => self.path(value),
                Some(Origin::Element { list, index }) => self.element_path(list, index),
                None => Ok(None),
            },
            Op::Coalesce(first, second) => {
                let first_there = !self.interp.eval(*first)?.is_absent();
                if !first_there && !self.interp.eval(*second)?.is_absent() {
                    // What stands in for the absent one is to blame, if it has a place at all.
                    if let Some(path) = self.path(*second)? {
                        return Ok(Some(path));
                    }
                }
                match self.path(*first)? {
                    Some(path) => Ok(Some(path)),
                    None => self.path(*second),
                }
            }
            Op::If { cond, then, otherwise } => {
                if self.interp.holds(*cond)? {
                    self.path(*then)
                } else {
                    self.path(*otherwise)
                }
            }
            Op::Let { local, value, body } => {
                self.bind_expr(*local, *value)?;
                self.path(*body)
            }
            Op::ToDyn(operand) | Op::Present(operand) => self.path(*operand),
            Op::Root(Slot::Old | Slot::Namespace | Slot::User | Slot::Request | Slot::Cluster, _)
            | Op::Const(_)
            | Op::Param(_)
            | Op::Not(_)
            | Op::And(..)
            | Op::Or(..)
            | Op::Eq(..)
            | Op::Compare(..)
            | Op::In { .. }
            | Op::Under { .. }
            | Op::Like { .. }
            | Op::Matches { .. }
            | Op::Text(..)
            | Op::Add(..)
            | Op::Sub(..)
            | Op::Neg(_)
            | Op::Concat(..)
            | Op::Difference(..)
            | Op::MakeList(_)
            | Op::Quantified { .. }
            | Op::Comprehension { .. }
            | Op::Call { .. }
            | Op::Cluster { .. } => Ok(None),
        }
    }

    fn demand(&self, base: ExprId, field: u32) -> Option<&'e crate::ir::FieldDemand> {
        let Ty::Record(root, record) = self.interp.ty(base) else { return None };
        let root = self.interp.env.module.roots.get(root.index())?;
        root.records.get(record.index())?.fields.get(field as usize)
    }

    /// The default of a field that nobody wrote.
    pub(super) fn is_default(&mut self, id: ExprId) -> Result<bool, Trap> {
        let Some(Op::Field { base, field }) = self.op(id) else { return Ok(false) };
        let written = matches!(self.interp.eval(*base)?, Value::Record(record) if record.written(*field));
        Ok(!written && self.demand(*base, *field).is_some_and(|demand| demand.default.is_some()))
    }

    fn field_path(&mut self, base: ExprId, field: u32) -> Result<Option<JsonPath>, Trap> {
        let Some(path) = self.path(base)? else { return Ok(None) };
        let Some(demand) = self.demand(base, field) else { return Ok(None) };
        Ok(Some(match &demand.source {
            FieldSource::Json => path.key(&demand.name),
            FieldSource::Concat(sources) => {
                let list = self.interp.eval(base)?;
                path.key(joined_key(sources, &list, field).unwrap_or(&demand.name))
            }
            FieldSource::Role => path,
            FieldSource::ObjectId => JsonPath::default().key("metadata").key("name"),
        }))
    }

    fn key_name(&self, base: ExprId, field: u32, key: u32) -> Option<String> {
        let crate::ir::SlotTy::Map { keys, .. } = &self.demand(base, field)?.slot else { return None };
        keys.get(key as usize).cloned()
    }

    /// The place of an element of a list.
    pub(super) fn element_path(&mut self, list: ExprId, index: usize) -> Result<Option<JsonPath>, Trap> {
        if !self.enter() {
            return Ok(None);
        }
        let path = self.element_path_of(list, index);
        self.leave();
        path
    }

    fn element_path_of(&mut self, list: ExprId, index: usize) -> Result<Option<JsonPath>, Trap> {
        let id = list;
        let Some(op) = self.op(list) else { return Ok(None) };
        match op {
            Op::Field { base, field } => self.field_element_path(*base, *field, index),
            Op::Local(local) => match self.origin(*local) {
                Some(Origin::Expr(value)) => self.element_path(value, index),
                Some(Origin::Element { .. }) | None => Ok(self.path(list)?.map(|path| path.index(index))),
            },
            Op::Coalesce(first, second) => {
                let first_there = !self.interp.eval(*first)?.is_absent();
                self.element_path(if first_there { *first } else { *second }, index)
            }
            Op::If { cond, then, otherwise } => {
                let chosen = if self.interp.holds(*cond)? { *then } else { *otherwise };
                self.element_path(chosen, index)
            }
            Op::Let { local, value, body } => {
                self.bind_expr(*local, *value)?;
                self.element_path(*body, index)
            }
            Op::Comprehension { local, list, filter, head } => {
                let kept = self.interp.comprehension(id, *local, *list, *filter, *head)?;
                let Some(kept) = kept.into_iter().nth(index) else { return Ok(None) };
                self.bind(*local, kept.item, Origin::Element { list: *list, index: kept.index });
                self.path(*head)
            }
            Op::Concat(first, second) => {
                let len = self.interp.eval(*first)?.elements().len();
                match index.checked_sub(len) {
                    None => self.element_path(*first, index),
                    Some(rest) => self.element_path(*second, rest),
                }
            }
            Op::Difference(first, _) => {
                let left = self.interp.eval(list)?.elements();
                let Some(element) = left.get(index) else { return Ok(None) };
                let ty = self.interp.ty(list).element().unwrap_or(&Ty::DYN);
                let all = self.interp.eval(*first)?.elements();
                let found = all.iter().position(|item| super::ops::equal_as(ty, item, element));
                found.map_or(Ok(None), |i| self.element_path(*first, i))
            }
            Op::MakeList(items) => items.get(index).map_or(Ok(None), |item| self.path(*item)),
            Op::Const(_)
            | Op::Param(_)
            | Op::Root(..)
            | Op::Written { .. }
            | Op::MapKey { .. }
            | Op::MapGet { .. }
            | Op::ListGet { .. }
            | Op::DynField { .. }
            | Op::DynIndex { .. }
            | Op::ToDyn(_)
            | Op::Present(_)
            | Op::Not(_)
            | Op::And(..)
            | Op::Or(..)
            | Op::Eq(..)
            | Op::Compare(..)
            | Op::In { .. }
            | Op::Under { .. }
            | Op::Like { .. }
            | Op::Matches { .. }
            | Op::Text(..)
            | Op::Add(..)
            | Op::Sub(..)
            | Op::Neg(_)
            | Op::Quantified { .. }
            | Op::Call { .. }
            | Op::Cluster { .. } => Ok(self.path(list)?.map(|path| path.index(index))),
        }
    }

    fn field_element_path(
        &mut self,
        base: ExprId,
        field: u32,
        index: usize,
    ) -> Result<Option<JsonPath>, Trap> {
        let Some(path) = self.path(base)? else { return Ok(None) };
        let Some(demand) = self.demand(base, field) else { return Ok(None) };
        let Value::Record(record) = self.interp.eval(base)? else { return Ok(None) };
        let origin = record.element_origin(field, index);
        Ok(match &demand.source {
            FieldSource::Concat(sources) => origin.and_then(|(source, index)| {
                let (key, _) = sources.get(source as usize)?;
                Some(path.key(key).index(index as usize))
            }),
            FieldSource::Json | FieldSource::Role | FieldSource::ObjectId => {
                let index = origin.map_or(index, |(_, index)| index as usize);
                Some(path.key(&demand.name).index(index))
            }
        })
    }

    /// Binds a local to an element of a list.
    pub(super) fn bind_element(&mut self, local: LocalId, list: ExprId, index: usize) -> Result<bool, Trap> {
        let Some(item) = self.interp.eval(list)?.elements().get(index).cloned() else { return Ok(false) };
        self.bind(local, item, Origin::Element { list, index });
        Ok(true)
    }
}

/// The JSON key that a joined list as a whole is best known by: the one sibling that its elements are from, else the
/// last one (the plain one, by convention).
fn joined_key<'s>(sources: &'s [(String, String)], value: &Value, field: u32) -> Option<&'s str> {
    let only = if let Value::Record(record) = value { only_source(record, field) } else { None };
    let found = only.and_then(|source| sources.get(source as usize)).or_else(|| sources.last());
    found.map(|(key, _)| key.as_str())
}

fn only_source(record: &RecordRef, field: u32) -> Option<u32> {
    let (first, _) = record.element_origin(field, 0)?;
    let mut index = 1;
    while let Some((source, _)) = record.element_origin(field, index) {
        if source != first {
            return None;
        }
        index += 1;
    }
    Some(first)
}
