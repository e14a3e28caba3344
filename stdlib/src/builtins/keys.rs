//! `keys`: the keys of a map.

use kpol_vm::{
    builtin::{Builtin, Sig},
    types::Type,
    value::Value,
};

use super::support::{arg, list, to_text};

pub(super) static BUILTIN: Builtin = Builtin {
    name: "keys",
    params: &[("map", Sig::OneOf(&[Sig::AnyMap, Sig::Is(Type::Dyn)]))],
    ret: Sig::ListOf(Type::Str),
    partial: false,
    strict: false,
    property: false,
    doc: "The keys of a map in alphabetical order, or of a JSON object in the order of the text; none of \
        absent and of any other `dyn`.",
    rego: Some("object.keys"),
    falco: None,
    examples: &[("len(keys(object.metadata.labels))", "0")],
    cost: 16,
    intrinsic: None,
    eval,
};

fn eval(args: &[Value]) -> Value {
    match arg(args, 0) {
        Value::Map(entries) => list(entries.iter().map(|(key, _)| Value::Text(key.clone()))),
        Value::Dyn(json) => list(json.entries().iter().map(|(key, _)| to_text(key.as_str()))),
        Value::Absent
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Text(_)
        | Value::Quantity(_)
        | Value::Duration(_)
        | Value::Time(_)
        | Value::Version(_)
        | Value::Ip(_)
        | Value::Cidr(_)
        | Value::List(_)
        | Value::Record(_) => list([]),
    }
}
