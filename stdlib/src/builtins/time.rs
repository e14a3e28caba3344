//! `time`: point in time (RFC 3339) or date from text.

use kpol_vm::{
    builtin::{Builtin, Sig},
    scalar::time::Time,
    types::Type,
    value::Value,
};

use super::support::{arg, dyn_or_text};

pub(super) static BUILTIN: Builtin = Builtin {
    name: "time",
    params: &[("s", Sig::OneOf(&[Sig::Is(Type::Str), Sig::Is(Type::Dyn)]))],
    ret: Sig::Is(Type::Time),
    partial: true,
    strict: true,
    property: false,
    doc: "The point in time (RFC 3339) or date that a text writes; absent when it writes none.",
    rego: None,
    falco: None,
    examples: &[
        (r#"time("2027-01-31T00:00:00Z") == time("2027-01-31")"#, "true"),
        (r#"time("soon")"#, "(not set)"),
    ],
    cost: 8,
    intrinsic: None,
    eval,
};

fn eval(args: &[Value]) -> Value {
    dyn_or_text(arg(args, 0)).and_then(|s| Time::parse(s).ok()).map_or(Value::Absent, Value::Time)
}
