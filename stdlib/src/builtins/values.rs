//! `values`: the values of a map.

use kpol_vm::{
    builtin::{Builtin, Sig},
    types::Type,
    value::Value,
};

use super::support::{arg, list, to_dyn};

pub(super) static BUILTIN: Builtin = Builtin {
    name: "values",
    params: &[("map", Sig::OneOf(&[Sig::AnyMap, Sig::Is(Type::Dyn)]))],
    ret: Sig::ListOfElement,
    partial: false,
    strict: false,
    property: false,
    doc: "The values of a map in the order of its keys, or of a JSON object in the order of the text, `null` \
        left out; none of absent and of any other `dyn`.",
    rego: None,
    falco: None,
    examples: &[("len(values(object.metadata.labels))", "0")],
    cost: 16,
    intrinsic: None,
    eval,
};

fn eval(args: &[Value]) -> Value {
    match arg(args, 0) {
        Value::Map(entries) => list(entries.iter().map(|(_, value)| value.clone())),
        Value::Dyn(json) => list(json.entries().iter().map(|(_, value)| to_dyn(value))),
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
