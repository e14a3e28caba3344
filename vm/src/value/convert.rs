//! Values from constants, texts and JSON, and back to JSON.

use std::{collections::BTreeSet, sync::Arc};

use super::{Value, canonical};
use crate::{
    ir::{Const, Ty},
    json::Json,
    scalar::{check_literal, duration::Duration, net, quantity::Quantity, semver::Version, time::Time},
    types::Type,
};

/// Constants inside constants, at most so deep.
const MAX_DEPTH: usize = 16;

impl Value {
    /// A constant of a type; a set loses its repetitions.
    #[must_use]
    pub fn from_const(value: &Const, ty: &Ty) -> Value {
        match value {
            Const::Absent => Value::Absent,
            Const::Bool(value) => Value::Bool(*value),
            Const::Int(value) => Value::Int(*value),
            Const::Text(text) => Value::Text(text.as_str().into()),
            Const::Quantity(value) => Value::Quantity(value.clone()),
            Const::Duration(value) => Value::Duration(value.clone()),
            Const::Time(value) => Value::Time(value.clone()),
            Const::Version(value) => Value::Version(value.clone()),
            Const::Ip(value) => Value::Ip(*value),
            Const::Cidr(value) => Value::Cidr(*value),
            Const::List(items) => {
                let element = ty.element().unwrap_or(&Ty::DYN);
                Value::collection(items.iter().map(|item| Value::from_const(item, element)), ty)
            }
            Const::Map(entries) => {
                let element = if let Ty::Map(element) = ty { element } else { &Ty::DYN };
                let mut entries: Vec<(Arc<str>, Value)> = entries
                    .iter()
                    .map(|(key, value)| (key.as_str().into(), Value::from_const(value, element)))
                    .collect();
                entries.sort_by(|a, b| a.0.cmp(&b.0));
                Value::Map(entries.into())
            }
            Const::Dyn(text) => serde_json::from_str::<serde_json::Value>(text)
                .map_or(Value::Absent, |json| Value::from_json(&Json::from(json))),
        }
    }

    /// A list or, if `ty` is a set, what is left without repetitions. Absent elements are left out.
    #[must_use]
    pub fn collection(items: impl IntoIterator<Item = Value>, ty: &Ty) -> Value {
        let items = items.into_iter().filter(|item| !item.is_absent());
        match ty {
            Ty::Set(element) => {
                let mut seen = BTreeSet::new();
                Value::List(
                    items.filter(|item| canonical(element, item).is_none_or(|c| seen.insert(c))).collect(),
                )
            }
            Ty::List(_) | Ty::Scalar(_) | Ty::Record(..) | Ty::Map(_) => Value::List(items.collect()),
        }
    }

    /// The value that a text is under a type; `None` if the type says that it is none.
    #[must_use]
    pub fn from_text(ty: &Type, text: &str) -> Option<Value> {
        Some(match ty {
            Type::Duration => Value::Duration(Duration::parse(text).ok()?),
            Type::Time => Value::Time(Time::parse(text).ok()?),
            Type::Quantity => Value::Quantity(Quantity::parse(text).ok()?),
            Type::Semver => Value::Version(Version::parse(text).ok()?),
            Type::Ip => Value::Ip(net::Ip::parse(text).ok()?.addr()),
            Type::Cidr => Value::Cidr(net::Cidr::parse_masked(text).ok()?),
            Type::Port => Value::Int(i64::from(net::Port::parse(text).ok()?.number())),
            Type::Dyn => Value::Dyn(Arc::new(Json::Str(text.to_owned()))),
            Type::Str
            | Type::Path
            | Type::Image
            | Type::ImagePrefix
            | Type::Host
            | Type::HostPattern
            | Type::Capability
            | Type::Glob
            | Type::Regex => Value::Text(text.into()),
            Type::Bool | Type::Int | Type::Record(_) | Type::List(_) | Type::Set(_) | Type::Map(_) => {
                return None;
            }
        })
    }

    /// A JSON value as `dyn`; `null` is absent.
    #[must_use]
    pub fn from_json(json: &Json) -> Value {
        if json.is_null() { Value::Absent } else { Value::Dyn(Arc::new(json.clone())) }
    }

    /// As JSON: what a mutation writes and what `dyn` holds; `None` for absent and for records.
    #[must_use]
    pub fn to_json(&self) -> Option<Json> {
        Some(match self {
            Value::Absent | Value::Record(_) => return None,
            Value::Bool(value) => Json::Bool(*value),
            Value::Int(value) => Json::Int(*value),
            Value::Text(text) => Json::Str(text.to_string()),
            Value::Quantity(value) => Json::Str(value.to_string()),
            Value::Duration(value) => Json::Str(value.to_string()),
            Value::Time(value) => Json::Str(value.to_string()),
            Value::Version(value) => Json::Str(value.to_string()),
            Value::Ip(value) => Json::Str(value.to_string()),
            Value::Cidr(value) => Json::Str(value.to_string()),
            Value::List(items) => Json::Array(items.iter().filter_map(Value::to_json).collect()),
            Value::Map(entries) => Json::Object(
                entries.iter().filter_map(|(key, value)| Some((key.to_string(), value.to_json()?))).collect(),
            ),
            Value::Dyn(json) => Json::clone(json),
        })
    }
}

/// Whether a constant is one of a type: the right form, and globs and regular expressions that are good ones.
#[must_use]
pub fn const_fits(value: &Const, ty: &Ty) -> bool {
    fits(value, ty, 0)
}

fn fits(value: &Const, ty: &Ty, depth: usize) -> bool {
    if depth > MAX_DEPTH {
        return false;
    }
    match (value, ty) {
        (Const::Absent, _) => depth == 0,
        (Const::List(items), Ty::List(element) | Ty::Set(element)) => {
            items.iter().all(|item| fits(item, element, depth + 1))
        }
        (Const::Map(entries), Ty::Map(element)) => {
            entries.is_sorted_by(|a, b| a.0 < b.0)
                && entries.iter().all(|(_, item)| fits(item, element, depth + 1))
        }
        (value, Ty::Scalar(ty)) => scalar_fits(value, ty),
        _ => false,
    }
}

fn scalar_fits(value: &Const, ty: &Type) -> bool {
    match (value, ty) {
        (Const::Int(value), Type::Port) => (0..=65_535).contains(value),
        (Const::Text(text), Type::Glob | Type::Regex) => check_literal(ty, text).is_ok(),
        (Const::Text(_), ty) => ty.is_text(),
        (Const::Dyn(text), Type::Dyn) => serde_json::from_str::<serde_json::Value>(text).is_ok(),
        (Const::Bool(_), Type::Bool)
        | (Const::Int(_), Type::Int)
        | (Const::Quantity(_), Type::Quantity)
        | (Const::Duration(_), Type::Duration)
        | (Const::Time(_), Type::Time)
        | (Const::Version(_), Type::Semver)
        | (Const::Ip(_), Type::Ip)
        | (Const::Cidr(_), Type::Cidr) => true,
        _ => false,
    }
}
