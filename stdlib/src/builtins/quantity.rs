//! `quantity`: a Kubernetes quantity from text and numbers.

use kpol_vm::{
    builtin::{Builtin, Sig},
    json::Json,
    scalar::quantity::Quantity,
    types::Type,
    value::Value,
};

use super::support::{arg, dyn_or_text, json};

pub(super) static BUILTIN: Builtin = Builtin {
    name: "quantity",
    params: &[("x", Sig::OneOf(&[Sig::Is(Type::Str), Sig::Is(Type::Int), Sig::Is(Type::Dyn)]))],
    ret: Sig::Is(Type::Quantity),
    partial: true,
    strict: true,
    property: false,
    doc: "The Kubernetes quantity that a text writes or a whole number is; absent when it is none.",
    rego: Some("units.parse"),
    falco: None,
    examples: &[
        (r#"quantity("1Gi") == quantity("1024Mi")"#, "true"),
        (r#"quantity(2) == quantity("2000m")"#, "true"),
        (r#"quantity("much")"#, "(not set)"),
    ],
    cost: 8,
    intrinsic: None,
    eval,
};

fn eval(args: &[Value]) -> Value {
    read(arg(args, 0)).map_or(Value::Absent, Value::Quantity)
}

fn read(x: &Value) -> Option<Quantity> {
    if let Some(s) = dyn_or_text(x) {
        return Quantity::parse(s).ok();
    }
    let number = if let Value::Int(x) = x { Some(*x) } else { json(x).and_then(Json::as_int) };
    number.map(Quantity::from_int)
}
