//! `abs`: a number without its sign.

use kpol_vm::{
    builtin::{Builtin, Sig},
    types::Type,
    value::Value,
};

use super::support::arg;

pub(super) static BUILTIN: Builtin = Builtin {
    name: "abs",
    params: &[("x", Sig::Is(Type::Int))],
    ret: Sig::Is(Type::Int),
    partial: false,
    strict: true,
    property: false,
    doc: "The number without its sign, at most the largest `int`; absent of absent.",
    rego: Some("abs"),
    falco: None,
    examples: &[("abs(-5)", "5"), ("abs(5)", "5")],
    cost: 1,
    intrinsic: None,
    eval,
};

fn eval(args: &[Value]) -> Value {
    if let Value::Int(x) = arg(args, 0) { Value::Int(x.saturating_abs()) } else { Value::Absent }
}
