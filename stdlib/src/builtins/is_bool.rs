//! `is_bool`: whether a JSON value is a boolean.

use kpol_vm::{
    builtin::{Builtin, Sig},
    json::Json,
    types::Type,
    value::Value,
};

use super::support::{arg, json};

pub(super) static BUILTIN: Builtin = Builtin {
    name: "is_bool",
    params: &[("x", Sig::Is(Type::Dyn))],
    ret: Sig::Is(Type::Bool),
    partial: false,
    strict: false,
    property: false,
    doc: "Whether a `dyn` is a boolean in JSON; false of absent.",
    rego: Some("is_boolean"),
    falco: None,
    examples: &[("is_bool(true)", "true"), ("is_bool(1)", "false")],
    cost: 1,
    intrinsic: None,
    eval,
};

fn eval(args: &[Value]) -> Value {
    Value::Bool(matches!(json(arg(args, 0)), Some(Json::Bool(_))))
}
