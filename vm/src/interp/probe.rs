//! Which elements a loop over the objects of a cluster has to look at: those that an index finds, or all.
//!
//! What the index leaves out would have made the loop's condition come out as if it were not there, so the result is the
//! same. Only fuel is spent otherwise: less, where there are many objects.

use std::sync::Arc;

use super::{Interp, Trap};
use crate::{
    ir::{Binder, Const, ExprId, IndexKey, Op, Ty},
    value::{Value, canonical},
};

/// So few objects are asked sooner than looked up.
const MIN_OBJECTS: usize = 8;
/// Values that one probe looks up, and keys of one object; beyond, the object or loop goes without the index.
const MAX_VALUES: usize = 1024;

/// What is looked up: the objects one of whose keys is among the values.
#[derive(Debug)]
pub struct Ask<'k> {
    /// What the index holds.
    pub key: &'k Arc<IndexKey>,
    /// In canonical form, under [`IndexKey::ty`].
    pub values: Vec<Const>,
}

impl<'e> Interp<'e> {
    /// The elements that the loop `id` over `list` has to look at.
    pub(super) fn elements_of(&mut self, id: ExprId, list: ExprId) -> Result<Arc<[Value]>, Trap> {
        match self.found(id, list)? {
            Some(found) => Ok(found),
            None => Ok(self.eval(list)?.elements()),
        }
    }

    fn found(&mut self, id: ExprId, list: ExprId) -> Result<Option<Arc<[Value]>>, Trap> {
        let code = self.code;
        let mut probes = code.probes.iter().filter(|probe| probe.at == id).peekable();
        if probes.peek().is_none() {
            return Ok(None);
        }
        let Some(Op::Cluster { root, others }) = code.expr(list).map(|expr| &expr.op) else {
            return Ok(None);
        };
        if self.env.cluster.count(*root) < MIN_OBJECTS {
            return Ok(None);
        }
        let mut asks = Vec::new();
        for probe in probes {
            let mut values = Vec::new();
            let last = Last { expr: probe.value, each: probe.each, ty: &probe.key.ty };
            if self.constants(&probe.binders, last, &mut values)? {
                asks.push(Ask { key: &probe.key, values });
            }
        }
        let except = if *others { self.env.subject } else { None };
        let Some(facts) = self.env.cluster.find(*root, &asks, except) else { return Ok(None) };
        self.spend(facts.len())?;
        Ok(Some(facts.iter().map(|fact| Value::Record(fact.root())).collect()))
    }

    /// The canonical constants that `last` gives for every way to bind the binders; whether these are all.
    pub(crate) fn constants(
        &mut self,
        binders: &[Binder],
        last: Last<'_>,
        out: &mut Vec<Const>,
    ) -> Result<bool, Trap> {
        match binders.split_first() {
            Some((Binder::Each(local, list), rest)) => {
                for item in self.eval(*list)?.elements().iter() {
                    self.spend(1)?;
                    self.bind(*local, item.clone());
                    if !self.constants(rest, last, out)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Some((Binder::Let(local, value), rest)) => {
                let value = self.eval(*value)?;
                self.bind(*local, value);
                self.constants(rest, last, out)
            }
            None => {
                let value = self.eval(last.expr)?;
                Ok(last.add(&value, out) && out.len() <= MAX_VALUES)
            }
        }
    }
}

/// The expression behind binders.
#[derive(Clone, Copy)]
pub(crate) struct Last<'t> {
    pub(crate) expr: ExprId,
    /// Whether its elements are meant.
    pub(crate) each: bool,
    /// The type under which they are compared.
    pub(crate) ty: &'t Ty,
}

impl Last<'_> {
    /// Adds the canonical form of a value, or those of its elements; whether that is all that it may be equal to.
    fn add(self, value: &Value, out: &mut Vec<Const>) -> bool {
        if !self.each {
            out.extend(canonical(self.ty, value));
            return true;
        }
        match value {
            Value::List(items) => out.extend(items.iter().filter_map(|item| canonical(self.ty, item))),
            // An absent collection has no elements.
            Value::Absent => {}
            // Membership in a map or in JSON is another question than equality with an element.
            Value::Map(_)
            | Value::Dyn(_)
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Text(_)
            | Value::Quantity(_)
            | Value::Duration(_)
            | Value::Time(_)
            | Value::Version(_)
            | Value::Ip(_)
            | Value::Cidr(_)
            | Value::Record(_) => return false,
        }
        true
    }
}
