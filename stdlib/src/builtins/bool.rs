//! `bool`: true or false from text and JSON.

use kpol_vm::{
    builtin::{Builtin, Sig},
    json::Json,
    types::Type,
    value::Value,
};

use super::support::{arg, json, text};

pub(super) static BUILTIN: Builtin = Builtin {
    name: "bool",
    params: &[("x", Sig::OneOf(&[Sig::Is(Type::Str), Sig::Is(Type::Dyn)]))],
    ret: Sig::Is(Type::Bool),
    partial: true,
    strict: true,
    property: false,
    doc: "The JSON boolean of a `dyn`; of a text, what `true` or `false` says. Absent of everything else.",
    rego: None,
    falco: None,
    examples: &[(r#"bool("true")"#, "true"), (r#"bool("yes")"#, "(not set)")],
    cost: 2,
    intrinsic: None,
    eval,
};

fn eval(args: &[Value]) -> Value {
    let x = arg(args, 0);
    let boolean = match text(x) {
        Some(s) => s.parse().ok(),
        None => json(x).and_then(Json::as_bool),
    };
    boolean.map_or(Value::Absent, Value::Bool)
}
