//! What the builtins share: reading arguments, making values.

use std::{cmp::Ordering, fmt::Display, sync::Arc};

use kpol_vm::{json::Json, value::Value};

/// The argument at a place; absent if there is none.
pub(super) fn arg(args: &[Value], at: usize) -> &Value {
    args.get(at).unwrap_or(&Value::Absent)
}

/// The text of a value that is one.
pub(super) fn text(value: &Value) -> Option<&str> {
    if let Value::Text(text) = value { Some(text) } else { None }
}

/// The JSON of a `dyn`, without `null`.
pub(super) fn json(value: &Value) -> Option<&Json> {
    if let Value::Dyn(json) = value { Some(&**json).filter(|json| !json.is_null()) } else { None }
}

/// The text of a text or of a `dyn` that is a JSON string.
pub(super) fn dyn_or_text(value: &Value) -> Option<&str> {
    text(value).or_else(|| json(value).and_then(Json::as_str))
}

/// The elements of a list or set; none of anything else.
pub(super) fn elements(value: &Value) -> &[Value] {
    if let Value::List(elements) = value { elements } else { &[] }
}

/// A text.
pub(super) fn to_text(text: impl Into<Arc<str>>) -> Value {
    Value::Text(text.into())
}

/// A list; absent elements are left out.
pub(super) fn list(elements: impl IntoIterator<Item = Value>) -> Value {
    Value::List(elements.into_iter().filter(|value| !matches!(value, Value::Absent)).collect())
}

/// A `dyn`; `null` is absent.
pub(super) fn to_dyn(json: &Json) -> Value {
    if json.is_null() { Value::Absent } else { Value::Dyn(Arc::new(json.clone())) }
}

/// How many elements, entries or characters a value has, if it is of a kind that has any.
pub(super) fn size(value: &Value) -> Option<usize> {
    match value {
        Value::Text(text) => Some(text.chars().count()),
        Value::List(elements) => Some(elements.len()),
        Value::Map(entries) => Some(entries.len()),
        Value::Dyn(json) => match &**json {
            Json::Null => Some(0),
            Json::Str(text) => Some(text.chars().count()),
            Json::Array(elements) => Some(elements.len()),
            Json::Object(entries) => Some(entries.len()),
            Json::Bool(_) | Json::Int(_) | Json::Float(_) => None,
        },
        Value::Absent
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Quantity(_)
        | Value::Duration(_)
        | Value::Time(_)
        | Value::Version(_)
        | Value::Ip(_)
        | Value::Cidr(_)
        | Value::Record(_) => None,
    }
}

/// A scalar as it was written, or as it prints if nobody wrote it.
pub(super) fn scalar_text(value: &Value) -> Option<Arc<str>> {
    let shown: &dyn Display = match value {
        Value::Text(text) => return Some(text.clone()),
        Value::Dyn(json) => return json.as_str().map(Arc::from),
        Value::Bool(value) => value,
        Value::Int(value) => value,
        Value::Quantity(value) => value,
        Value::Duration(value) => value,
        Value::Time(value) => value,
        Value::Version(value) => value,
        Value::Ip(value) => value,
        Value::Cidr(value) => value,
        Value::Absent | Value::List(_) | Value::Map(_) | Value::Record(_) => return None,
    };
    Some(shown.to_string().into())
}

/// A text that two values share exactly when they are equal (texts: as they are written).
pub(super) fn identity(value: &Value) -> String {
    match value {
        Value::Absent => String::new(),
        Value::Bool(value) => format!("b{value}"),
        Value::Int(value) => format!("i{value}"),
        Value::Text(text) => format!("t{}:{text}", text.len()),
        Value::Quantity(value) => format!("q{}", value.nanos()),
        Value::Duration(value) => format!("d{}", value.nanos()),
        Value::Time(value) => format!("T{}", value.unix_nanos()),
        Value::Version(value) => {
            format!("v{}.{}.{}-{}", value.major(), value.minor(), value.patch(), value.pre_release())
        }
        Value::Ip(value) => format!("p{value}"),
        Value::Cidr(value) => format!("c{value}"),
        Value::Record(value) => format!("r{:p}.{}.{}", Arc::as_ptr(&value.fact), value.record.0, value.at),
        Value::Dyn(json) => format!("j{json}"),
        Value::List(elements) => {
            let parts: Vec<_> = elements.iter().map(identity).collect();
            format!("l{}:{}", parts.len(), parts.join(","))
        }
        Value::Map(entries) => {
            let parts: Vec<_> = entries
                .iter()
                .map(|(key, value)| format!("{}:{key}={}", key.len(), identity(value)))
                .collect();
            format!("m{}:{}", parts.len(), parts.join(","))
        }
    }
}

/// The first element that stands in `wanted` order to every one before it; elements without order are passed over.
pub(super) fn extreme(elements: &[Value], wanted: Ordering) -> Value {
    let mut best = Value::Absent;
    for value in elements {
        let first = matches!(best, Value::Absent);
        if (first && order(value, value).is_some()) || order(value, &best) == Some(wanted) {
            best = value.clone();
        }
    }
    best
}

/// The order of two values of one ordered type.
fn order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Quantity(a), Value::Quantity(b)) => Some(a.cmp(b)),
        (Value::Duration(a), Value::Duration(b)) => Some(a.cmp(b)),
        (Value::Time(a), Value::Time(b)) => Some(a.cmp(b)),
        (Value::Version(a), Value::Version(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use kpol_vm::scalar::{
        duration::Duration,
        net::{Cidr, Ip},
        quantity::Quantity,
        semver::Version,
        time::Time,
    };

    use super::*;

    /// Values of every form but records, the ends of ranges among them.
    pub(crate) fn one_of_each() -> Vec<Value> {
        let mut values = vec![
            Value::Absent,
            Value::Bool(true),
            Value::Int(0),
            Value::Int(i64::MIN),
            to_text(""),
            to_text("nginx:1.27@"),
            to_text("/a/../b.c"),
            to_text("ä".repeat(300)),
            Value::Quantity(Quantity::parse("1.5Gi").unwrap()),
            Value::Duration(Duration::from_nanos(i64::MAX)),
            Value::Time(Time::parse("2027-01-31").unwrap()),
            Value::Version(Version::parse("1.34").unwrap()),
            Value::Ip(Ip::parse("10.0.0.1").unwrap().addr()),
            Value::Cidr(Cidr::parse("10.0.0.0/8").unwrap()),
            Value::Map(vec![(Arc::from("a"), Value::Int(1))].into()),
        ];
        for json in
            [Json::Null, Json::Int(3), Json::Str("x".into()), Json::Array(vec![Json::Null, Json::Float(0.5)])]
        {
            values.push(Value::Dyn(Arc::new(json.clone())));
            values.push(Value::Dyn(Arc::new(Json::Object(vec![("k".into(), json)]))));
        }
        values.push(Value::List(values.clone().into()));
        values.push(Value::List(Arc::from([])));
        values
    }

    #[test]
    fn equal_values_have_one_identity() {
        let gi = Value::Quantity(Quantity::parse("1Gi").unwrap());
        let mi = Value::Quantity(Quantity::parse("1024Mi").unwrap());
        assert_eq!(identity(&gi), identity(&mi));
        assert_ne!(identity(&Value::Int(1)), identity(&to_text("1")));
        let one = list([to_text("a,b")]);
        let two = list([to_text("a"), to_text("b")]);
        assert_ne!(identity(&one), identity(&two));
    }
}
