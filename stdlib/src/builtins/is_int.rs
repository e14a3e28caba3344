//! `is_int`: whether a JSON value is a whole number.

use kpol_vm::{
    builtin::{Builtin, Sig},
    json::Json,
    types::Type,
    value::Value,
};

use super::support::{arg, json};

pub(super) static BUILTIN: Builtin = Builtin {
    name: "is_int",
    params: &[("x", Sig::Is(Type::Dyn))],
    ret: Sig::Is(Type::Bool),
    partial: false,
    strict: false,
    property: false,
    doc: "Whether a `dyn` is a whole number in JSON; false of absent.",
    rego: None,
    falco: None,
    examples: &[("is_int(1)", "true"), ("is_int(\"1\")", "false")],
    cost: 1,
    intrinsic: None,
    eval,
};

fn eval(args: &[Value]) -> Value {
    Value::Bool(matches!(json(arg(args, 0)), Some(Json::Int(_))))
}
