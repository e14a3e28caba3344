//! `is_object`: whether a JSON value is an object.

use kpol_vm::{
    builtin::{Builtin, Sig},
    json::Json,
    types::Type,
    value::Value,
};

use super::support::{arg, json};

pub(super) static BUILTIN: Builtin = Builtin {
    name: "is_object",
    params: &[("x", Sig::Is(Type::Dyn))],
    ret: Sig::Is(Type::Bool),
    partial: false,
    strict: false,
    property: false,
    doc: "Whether a `dyn` is an object in JSON; false of absent.",
    rego: Some("is_object"),
    falco: None,
    examples: &[("is_object([1])", "false"), ("is_object(\"a\")", "false")],
    cost: 1,
    intrinsic: None,
    eval,
};

fn eval(args: &[Value]) -> Value {
    Value::Bool(matches!(json(arg(args, 0)), Some(Json::Object(_))))
}
