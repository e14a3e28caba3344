//! `sum`: all elements together.

use kpol_vm::{
    builtin::{Builtin, Sig},
    scalar::{duration::Duration, quantity::Quantity},
    types::Type,
    value::Value,
};

use super::support::{arg, elements};

pub(super) static BUILTIN: Builtin = Builtin {
    name: "sum",
    params: &[(
        "list",
        Sig::OneOf(&[Sig::ListOf(Type::Int), Sig::ListOf(Type::Quantity), Sig::ListOf(Type::Duration)]),
    )],
    ret: Sig::Element,
    partial: true,
    strict: true,
    property: false,
    doc: "All numbers, quantities or durations of the list together; at the ends of the range it stays \
        there. Absent of an empty or absent list: write `sum(xs) ?? 0`.",
    rego: None,
    falco: None,
    examples: &[
        ("sum([1, 2, 3])", "6"),
        (r#"sum([quantity("1Gi"), quantity("1Gi")]) == quantity("2Gi")"#, "true"),
    ],
    cost: 16,
    intrinsic: None,
    eval,
};

fn eval(args: &[Value]) -> Value {
    let mut total = Value::Absent;
    for value in elements(arg(args, 0)) {
        total = match (total, value) {
            (Value::Absent, Value::Int(_) | Value::Quantity(_) | Value::Duration(_)) => value.clone(),
            (Value::Int(a), Value::Int(b)) => Value::Int(a.saturating_add(*b)),
            (Value::Quantity(a), Value::Quantity(b)) => Value::Quantity(add_quantities(&a, b)),
            (Value::Duration(a), Value::Duration(b)) => Value::Duration(add_durations(&a, b)),
            (total, _) => total,
        };
    }
    total
}

fn add_quantities(a: &Quantity, b: &Quantity) -> Quantity {
    a.checked_add(b).unwrap_or_else(|| Quantity::from_nanos(a.nanos().saturating_add(b.nanos())))
}

fn add_durations(a: &Duration, b: &Duration) -> Duration {
    a.checked_add(b).unwrap_or_else(|| Duration::from_nanos(a.nanos().saturating_add(b.nanos())))
}
