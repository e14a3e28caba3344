//! Equality: two values are equal under a type exactly when their canonical constants are.
//!
//! `1Gi` and `1024Mi`, `NET_ADMIN` and `cap_net_admin`, `1` and `1.0` in `dyn` have one canonical form each. Sets are
//! sorted and without repetition. Nothing else in the vm decides what is equal to what.

use std::{cmp::Ordering, collections::BTreeSet};

use super::Value;
use crate::{
    ir::{Const, Ty},
    json::Json,
    scalar::canonical_text,
    types::Type,
};

/// The type under which values of two types are compared; `None` if they never are. `string` gives way to every
/// other text type, `int` to `port`; a list and a set are compared as sets. Records are never compared: that would
/// depend on which of their fields other rules read.
#[must_use]
pub fn unify(a: &Ty, b: &Ty) -> Option<Ty> {
    match (a, b) {
        (Ty::Scalar(a), Ty::Scalar(b)) => unify_scalars(a, b).map(Ty::Scalar),
        (Ty::List(a), Ty::List(b)) => unify(a, b).map(|ty| Ty::List(Box::new(ty))),
        (Ty::List(a) | Ty::Set(a), Ty::List(b) | Ty::Set(b)) => unify(a, b).map(|ty| Ty::Set(Box::new(ty))),
        (Ty::Map(a), Ty::Map(b)) => unify(a, b).map(|ty| Ty::Map(Box::new(ty))),
        (Ty::Scalar(_) | Ty::Record(..) | Ty::List(_) | Ty::Set(_) | Ty::Map(_), _) => None,
    }
}

fn unify_scalars(a: &Type, b: &Type) -> Option<Type> {
    match (a, b) {
        (a, b) if a == b => Some(a.clone()),
        (Type::Str, text) | (text, Type::Str) if text.is_text() => Some(text.clone()),
        (Type::Int, Type::Port) | (Type::Port, Type::Int) => Some(Type::Int),
        _ => None,
    }
}

/// The one constant that stands for every value equal to `value` under `ty`; `None` for records.
#[must_use]
pub fn canonical(ty: &Ty, value: &Value) -> Option<Const> {
    match value {
        Value::Absent => Some(Const::Absent),
        Value::Bool(value) => Some(Const::Bool(*value)),
        Value::Int(value) => Some(Const::Int(*value)),
        Value::Text(text) => Some(Const::Text(match ty {
            Ty::Scalar(ty) => canonical_text(ty, text).into_owned(),
            Ty::Record(..) | Ty::List(_) | Ty::Set(_) | Ty::Map(_) => text.to_string(),
        })),
        Value::Quantity(value) => Some(Const::Quantity(value.clone())),
        Value::Duration(value) => Some(Const::Duration(value.clone())),
        Value::Time(value) => Some(Const::Time(value.clone())),
        Value::Version(value) => Some(Const::Version(value.clone())),
        Value::Ip(value) => Some(Const::Ip(*value)),
        Value::Cidr(value) => Some(Const::Cidr(*value)),
        Value::List(items) => {
            let element = ty.element().unwrap_or(&Ty::DYN);
            let items = items.iter().map(|item| canonical(element, item));
            Some(Const::List(match ty {
                Ty::Set(_) => items.collect::<Option<BTreeSet<_>>>()?.into_iter().collect(),
                Ty::List(_) | Ty::Scalar(_) | Ty::Record(..) | Ty::Map(_) => items.collect::<Option<_>>()?,
            }))
        }
        Value::Map(entries) => {
            let element = if let Ty::Map(element) = ty { element } else { &Ty::DYN };
            let entry = |(key, value): &(std::sync::Arc<str>, Value)| {
                Some((key.to_string(), canonical(element, value)?))
            };
            Some(Const::Map(entries.iter().map(entry).collect::<Option<_>>()?))
        }
        Value::Record(_) => None,
        Value::Dyn(json) => Some(Const::Dyn(canonical_json(json).to_string())),
    }
}

/// Whole numbers as integers, keys in order, entries that are `null` left out.
fn canonical_json(json: &Json) -> Json {
    match json {
        Json::Float(value) => integral(*value).map_or(Json::Float(*value), Json::Int),
        Json::Array(items) => Json::Array(items.iter().map(canonical_json).collect()),
        Json::Object(entries) => {
            let mut entries: Vec<_> = entries
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| (key.clone(), canonical_json(value)))
                .collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Json::Object(entries)
        }
        Json::Null | Json::Bool(_) | Json::Int(_) | Json::Str(_) => json.clone(),
    }
}

/// The integer that a number is, if it is one and fits.
#[expect(clippy::cast_possible_truncation, reason = "the value is whole and within the range of i64")]
fn integral(value: f64) -> Option<i64> {
    const END: f64 = 9_223_372_036_854_775_808.0;
    (value.fract() == 0.0 && (-END..END).contains(&value)).then_some(value as i64)
}

/// The order of two JSON values: numbers by value, texts by bytes, others none.
#[must_use]
pub fn compare_dyn(a: &Json, b: &Json) -> Option<Ordering> {
    match (a, b) {
        (Json::Str(a), Json::Str(b)) => Some(a.cmp(b)),
        (Json::Int(a), Json::Int(b)) => Some(a.cmp(b)),
        (Json::Int(a), Json::Float(b)) => compare_mixed(*a, *b),
        (Json::Float(a), Json::Int(b)) => compare_mixed(*b, *a).map(Ordering::reverse),
        (Json::Float(a), Json::Float(b)) => a.partial_cmp(b),
        (
            Json::Null
            | Json::Bool(_)
            | Json::Int(_)
            | Json::Float(_)
            | Json::Str(_)
            | Json::Array(_)
            | Json::Object(_),
            _,
        ) => None,
    }
}

/// An integer against a number, without the rounding that a conversion of large integers brings.
fn compare_mixed(a: i64, b: f64) -> Option<Ordering> {
    if let Some(floor) = integral(b.floor()) {
        let whole = a.cmp(&floor);
        return Some(if whole == Ordering::Equal && b.fract() != 0.0 { Ordering::Less } else { whole });
    }
    0.0.partial_cmp(&b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_by_value() {
        let cmp = |a: Json, b: Json| compare_dyn(&a, &b);
        assert_eq!(cmp(Json::Int(1), Json::Float(1.0)), Some(Ordering::Equal));
        assert_eq!(cmp(Json::Int(1), Json::Float(1.5)), Some(Ordering::Less));
        assert_eq!(cmp(Json::Float(-1.5), Json::Int(-1)), Some(Ordering::Less));
        assert_eq!(cmp(Json::Int(i64::MAX), Json::Float(1e300)), Some(Ordering::Less));
        assert_eq!(cmp(Json::Int(i64::MIN), Json::Float(-1e300)), Some(Ordering::Greater));
        assert_eq!(cmp(Json::Int(1), Json::Str("1".into())), None);
    }

    #[test]
    fn one_value_has_one_canonical_form() {
        let canon = |ty: Type, text: &str| {
            canonical(&Ty::Scalar(ty.clone()), &Value::from_text(&ty, text).unwrap()).unwrap()
        };
        assert_eq!(canon(Type::Quantity, "1Gi"), canon(Type::Quantity, "1024Mi"));
        assert_eq!(canon(Type::Capability, "cap_net_admin"), canon(Type::Capability, "NET_ADMIN"));
        assert_ne!(canon(Type::Str, "a"), canon(Type::Str, "A"));
        let dyns = |text| canonical(&Ty::DYN, &Value::from_json(&crate::testing::json(text))).unwrap();
        assert_eq!(dyns(r#"{"a":1,"b":[2.0]}"#), dyns(r#"{"b":[2],"a":1.0,"c":null}"#));
    }

    #[test]
    fn text_types_unify_with_string_only() {
        let scalar = Ty::Scalar;
        assert_eq!(unify(&Ty::STR, &scalar(Type::Path)), Some(scalar(Type::Path)));
        assert_eq!(unify(&scalar(Type::Host), &scalar(Type::Path)), None);
        assert_eq!(unify(&Ty::STR, &Ty::INT), None);
    }
}
