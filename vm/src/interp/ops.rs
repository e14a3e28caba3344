//! Comparisons, membership, prefixes, patterns, arithmetic and sets. With an absent operand, comparisons are false,
//! arithmetic is absent, and sets read it as empty.

use std::{cmp::Ordering, collections::BTreeSet, sync::Arc};

use super::{
    Trap,
    eval::{Interp, size},
};
use crate::{
    ir::{CompareOp, ExprId, TextOp, Ty},
    json::Json,
    scalar::{
        canonical_text, duration::Duration, glob::Glob, host, image, net, path, quantity::Quantity,
        regex::Pattern, time::Time,
    },
    types::Type,
    value::{Value, canonical, compare_dyn, unify},
};

/// The last point that a time can be.
const LAST_TIME: &str = "9999-12-31T23:59:59.999999999Z";
/// The first one.
const FIRST_TIME: &str = "0000-01-01T00:00:00Z";

impl Interp<'_> {
    fn pair(&mut self, a: ExprId, b: ExprId) -> Result<(Value, Value), Trap> {
        let pair = (self.eval(a)?, self.eval(b)?);
        self.spend(size(&pair.0).saturating_add(size(&pair.1)))?;
        Ok(pair)
    }

    pub(super) fn equal(&mut self, a: ExprId, b: ExprId) -> Result<Value, Trap> {
        let (x, y) = self.pair(a, b)?;
        let ty = unify(self.ty(a), self.ty(b));
        Ok(Value::Bool(ty.is_some_and(|ty| equal_as(&ty, &x, &y))))
    }

    pub(super) fn compare(&mut self, op: CompareOp, a: ExprId, b: ExprId) -> Result<Value, Trap> {
        let (x, y) = self.pair(a, b)?;
        let order = order(&x, &y);
        Ok(Value::Bool(order.is_some_and(|order| match op {
            CompareOp::Lt => order == Ordering::Less,
            CompareOp::Le => order != Ordering::Greater,
            CompareOp::Gt => order == Ordering::Greater,
            CompareOp::Ge => order != Ordering::Less,
        })))
    }

    pub(super) fn is_in(&mut self, value: ExprId, set: ExprId) -> Result<Value, Trap> {
        let (x, xs) = self.pair(value, set)?;
        let found = if let Value::Map(entries) = &xs {
            x.as_text().is_some_and(|key| entries.binary_search_by(|(k, _)| k.as_ref().cmp(key)).is_ok())
        } else if let Value::Dyn(json) = &xs {
            dyn_has(json, &x)
        } else {
            let element = self.ty(set).element().unwrap_or(&Ty::DYN);
            is_member(self.ty(value), &x, element, &xs.elements())
        };
        Ok(Value::Bool(found))
    }

    pub(super) fn is_under(&mut self, value: ExprId, prefix: ExprId) -> Result<Value, Trap> {
        let (x, prefixes) = self.pair(value, prefix)?;
        let ty = self.ty(value);
        Ok(Value::Bool(one_or_many(&prefixes).iter().any(|prefix| under(ty, &x, prefix))))
    }

    pub(super) fn is_like(&mut self, value: ExprId, pattern: ExprId) -> Result<Value, Trap> {
        let (x, patterns) = self.pair(value, pattern)?;
        let Some(text) = x.as_text() else { return Ok(Value::Bool(false)) };
        // Spelling must not help to slip past a pattern; an image is taken as it stands there.
        let text = match self.ty(value) {
            Ty::Scalar(ty @ (Type::Path | Type::Host | Type::Capability)) => canonical_text(ty, text),
            Ty::Scalar(_) | Ty::Record(..) | Ty::List(_) | Ty::Set(_) | Ty::Map(_) => text.into(),
        };
        for pattern in one_or_many(&patterns).iter().filter_map(Value::as_text) {
            self.spend(1 + pattern.len().saturating_mul(text.len()) / 256)?;
            if Glob::new(pattern).is_ok_and(|glob| glob.is_match(&text)) {
                return Ok(Value::Bool(true));
            }
        }
        Ok(Value::Bool(false))
    }

    pub(super) fn matches(&mut self, value: ExprId, pattern: ExprId) -> Result<Value, Trap> {
        let (x, patterns) = self.pair(value, pattern)?;
        let Some(text) = x.as_text() else { return Ok(Value::Bool(false)) };
        for pattern in one_or_many(&patterns).iter().filter_map(Value::as_text) {
            self.spend(1 + pattern.len() / 16 + text.len() / 16)?;
            if !self.patterns.contains_key(pattern) {
                self.patterns.insert(pattern.to_owned(), Pattern::new(pattern).ok());
            }
            if self.patterns.get(pattern).and_then(Option::as_ref).is_some_and(|p| p.is_match(text)) {
                return Ok(Value::Bool(true));
            }
        }
        Ok(Value::Bool(false))
    }

    pub(super) fn text_op(&mut self, op: TextOp, a: ExprId, b: ExprId) -> Result<Value, Trap> {
        let (x, y) = self.pair(a, b)?;
        let (Some(text), Some(part)) = (x.as_text(), y.as_text()) else { return Ok(Value::Bool(false)) };
        Ok(Value::Bool(match op {
            TextOp::StartsWith => text.starts_with(part),
            TextOp::EndsWith => text.ends_with(part),
            TextOp::Contains => text.contains(part),
        }))
    }

    pub(super) fn add(&mut self, a: ExprId, b: ExprId) -> Result<Value, Trap> {
        Ok(match self.pair(a, b)? {
            (Value::Int(x), Value::Int(y)) => Value::Int(x.saturating_add(y)),
            (Value::Quantity(x), Value::Quantity(y)) => {
                Value::Quantity(x.checked_add(&y).unwrap_or_else(|| end_quantity(x.nanos() > 0)))
            }
            (Value::Duration(x), Value::Duration(y)) => {
                Value::Duration(x.checked_add(&y).unwrap_or_else(|| end_duration(x.nanos() > 0)))
            }
            (Value::Time(x), Value::Duration(y)) | (Value::Duration(y), Value::Time(x)) => {
                x.checked_add(&y).map_or_else(|| end_time(y.nanos() > 0), Value::Time)
            }
            _ => Value::Absent,
        })
    }

    pub(super) fn sub(&mut self, a: ExprId, b: ExprId) -> Result<Value, Trap> {
        Ok(match self.pair(a, b)? {
            (Value::Int(x), Value::Int(y)) => Value::Int(x.saturating_sub(y)),
            (Value::Quantity(x), Value::Quantity(y)) => {
                Value::Quantity(x.checked_sub(&y).unwrap_or_else(|| end_quantity(y.nanos() < 0)))
            }
            (Value::Duration(x), Value::Duration(y)) => {
                Value::Duration(x.checked_sub(&y).unwrap_or_else(|| end_duration(y.nanos() < 0)))
            }
            (Value::Time(x), Value::Duration(y)) => {
                x.checked_sub(&y).map_or_else(|| end_time(y.nanos() < 0), Value::Time)
            }
            (Value::Time(x), Value::Time(y)) => {
                Value::Duration(x.since(&y).unwrap_or_else(|| end_duration(x > y)))
            }
            _ => Value::Absent,
        })
    }

    pub(super) fn neg(&mut self, operand: ExprId) -> Result<Value, Trap> {
        Ok(match self.eval(operand)? {
            Value::Int(x) => Value::Int(x.saturating_neg()),
            Value::Quantity(x) => {
                Value::Quantity(x.checked_neg().unwrap_or_else(|| end_quantity(x.nanos() < 0)))
            }
            Value::Duration(x) => {
                Value::Duration(x.checked_neg().unwrap_or_else(|| end_duration(x.nanos() < 0)))
            }
            Value::Absent
            | Value::Bool(_)
            | Value::Text(_)
            | Value::Time(_)
            | Value::Version(_)
            | Value::Ip(_)
            | Value::Cidr(_)
            | Value::List(_)
            | Value::Map(_)
            | Value::Record(_)
            | Value::Dyn(_) => Value::Absent,
        })
    }

    pub(super) fn concat(&mut self, a: ExprId, b: ExprId, ty: &Ty) -> Result<Value, Trap> {
        let (x, y) = self.pair(a, b)?;
        let items = x.elements().iter().chain(y.elements().iter()).cloned().collect::<Vec<_>>();
        Ok(Value::collection(items, ty))
    }

    pub(super) fn difference(&mut self, a: ExprId, b: ExprId, ty: &Ty) -> Result<Value, Trap> {
        let (x, y) = self.pair(a, b)?;
        let element = unify_elements(self.ty(a), self.ty(b));
        let taken: BTreeSet<_> = y.elements().iter().filter_map(|item| canonical(&element, item)).collect();
        let left = |item: &Value| canonical(&element, item).is_none_or(|c| !taken.contains(&c));
        Ok(Value::collection(x.elements().iter().filter(|item| left(item)).cloned().collect::<Vec<_>>(), ty))
    }
}

/// The type under which elements of two collections are compared.
fn unify_elements(a: &Ty, b: &Ty) -> Ty {
    let (a, b) = (a.element().unwrap_or(&Ty::DYN), b.element().unwrap_or(&Ty::DYN));
    unify(a, b).unwrap_or_else(|| a.clone())
}

/// Whether two values are equal under a type. Absent is equal to absent only.
pub(crate) fn equal_as(ty: &Ty, a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Absent, Value::Absent) => true,
        (Value::Absent, _) | (_, Value::Absent) => false,
        (a, b) => canonical(ty, a).is_some_and(|a| canonical(ty, b).is_some_and(|b| a == b)),
    }
}

pub(crate) fn order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Text(a), Value::Text(b)) => Some(a.as_bytes().cmp(b.as_bytes())),
        (Value::Quantity(a), Value::Quantity(b)) => Some(a.cmp(b)),
        (Value::Duration(a), Value::Duration(b)) => Some(a.cmp(b)),
        (Value::Time(a), Value::Time(b)) => Some(a.cmp(b)),
        (Value::Version(a), Value::Version(b)) => Some(a.cmp(b)),
        (Value::Dyn(a), Value::Dyn(b)) => compare_dyn(a, b),
        _ => None,
    }
}

/// A value in a list or set. An address is in a block that holds it, a name in a pattern that covers it.
pub(crate) fn is_member(ty: &Ty, value: &Value, element: &Ty, items: &[Value]) -> bool {
    match (value, element) {
        (Value::Absent, _) => false,
        (Value::Ip(ip), Ty::Scalar(Type::Cidr)) => items
            .iter()
            .any(|item| matches!(item, Value::Cidr(block) if block.contains_ip(net::Ip::from(*ip)))),
        (Value::Text(name), Ty::Scalar(Type::HostPattern)) => {
            items.iter().filter_map(Value::as_text).any(|pattern| host::matches(pattern, name))
        }
        (value, element) => {
            let Some(ty) = unify(ty, element) else { return false };
            let Some(value) = canonical(&ty, value) else { return false };
            items.iter().any(|item| canonical(&ty, item).as_ref() == Some(&value))
        }
    }
}

/// A value in a JSON value: an element of an array, a key of an object.
fn dyn_has(json: &Json, value: &Value) -> bool {
    let Some(value) = value.to_json() else { return false };
    if let (Json::Object(_), Json::Str(key)) = (json, &value) {
        return json.get(key).is_some_and(|found| !found.is_null());
    }
    let value = Value::from_json(&value);
    !value.is_absent()
        && json.elements().iter().any(|item| equal_as(&Ty::DYN, &Value::from_json(item), &value))
}

/// One value, or the elements of a list or set of them.
fn one_or_many(value: &Value) -> Arc<[Value]> {
    if let Value::List(items) = value { Arc::clone(items) } else { Arc::new([value.clone()]) }
}

pub(crate) fn under(ty: &Ty, value: &Value, prefix: &Value) -> bool {
    match (value, prefix) {
        (Value::Text(value), Value::Text(prefix)) => match ty {
            Ty::Scalar(Type::Image) => image::under(value, prefix),
            Ty::Scalar(_) => path::under(value, prefix),
            Ty::Record(..) | Ty::List(_) | Ty::Set(_) | Ty::Map(_) => false,
        },
        (Value::Ip(ip), Value::Cidr(block)) => block.contains_ip(net::Ip::from(*ip)),
        (Value::Cidr(inner), Value::Cidr(block)) => block.contains_cidr(*inner),
        _ => false,
    }
}

fn end_quantity(positive: bool) -> Quantity {
    Quantity::from_nanos(if positive { i128::MAX } else { i128::MIN })
}

fn end_duration(positive: bool) -> Duration {
    Duration::from_nanos(if positive { i64::MAX } else { i64::MIN })
}

fn end_time(positive: bool) -> Value {
    Time::parse(if positive { LAST_TIME } else { FIRST_TIME }).map_or(Value::Absent, Value::Time)
}
