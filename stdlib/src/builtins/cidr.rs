//! `cidr`: block of addresses from text.

use kpol_vm::{
    builtin::{Builtin, Sig},
    scalar::net::Cidr,
    types::Type,
    value::Value,
};

use super::support::{arg, dyn_or_text};

pub(super) static BUILTIN: Builtin = Builtin {
    name: "cidr",
    params: &[("s", Sig::OneOf(&[Sig::Is(Type::Str), Sig::Is(Type::Dyn)]))],
    ret: Sig::Is(Type::Cidr),
    partial: true,
    strict: true,
    property: false,
    doc: "The block of addresses that a text writes; absent when it writes none.",
    rego: None,
    falco: None,
    examples: &[(r#"cidr("10.0.0.0/8")"#, "10.0.0.0/8"), (r#"cidr("10.0.0.0/33")"#, "(not set)")],
    cost: 8,
    intrinsic: None,
    eval,
};

fn eval(args: &[Value]) -> Value {
    dyn_or_text(arg(args, 0)).and_then(|s| Cidr::parse(s).ok()).map_or(Value::Absent, Value::Cidr)
}
