//! `int`: a whole number from text, ports, quantities and JSON.

use kpol_vm::{
    builtin::{Builtin, Sig},
    types::Type,
    value::Value,
};

use super::support::arg;

pub(super) static BUILTIN: Builtin = Builtin {
    name: "int",
    params: &[(
        "x",
        Sig::OneOf(&[
            Sig::Is(Type::Str),
            Sig::Is(Type::Port),
            Sig::Is(Type::Quantity),
            Sig::Is(Type::Int),
            Sig::Is(Type::Dyn),
        ]),
    )],
    ret: Sig::Is(Type::Int),
    partial: true,
    strict: true,
    property: false,
    doc: "The whole number that a text writes in decimal, or that a port, quantity or JSON number is; absent \
        when it is none or does not fit 64 bits.",
    rego: None,
    falco: None,
    examples: &[
        (r#"int("42")"#, "42"),
        (r#"int("-7")"#, "-7"),
        (r#"int("4.5")"#, "(not set)"),
        (r#"int(quantity("2k"))"#, "2000"),
    ],
    cost: 4,
    intrinsic: None,
    eval,
};

fn eval(args: &[Value]) -> Value {
    let number = match arg(args, 0) {
        Value::Int(x) => Some(*x),
        Value::Text(s) => decimal(s),
        Value::Quantity(q) => q.as_int(),
        Value::Dyn(json) => json.as_int(),
        Value::Absent
        | Value::Bool(_)
        | Value::Duration(_)
        | Value::Time(_)
        | Value::Version(_)
        | Value::Ip(_)
        | Value::Cidr(_)
        | Value::List(_)
        | Value::Map(_)
        | Value::Record(_) => None,
    };
    number.map_or(Value::Absent, Value::Int)
}

/// Digits behind at most a minus sign.
fn decimal(s: &str) -> Option<i64> {
    if s.starts_with('+') { None } else { s.parse().ok() }
}
