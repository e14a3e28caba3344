//! `duration`: length of time from text.

use kpol_vm::{
    builtin::{Builtin, Sig},
    scalar::duration::Duration,
    types::Type,
    value::Value,
};

use super::support::{arg, dyn_or_text};

pub(super) static BUILTIN: Builtin = Builtin {
    name: "duration",
    params: &[("s", Sig::OneOf(&[Sig::Is(Type::Str), Sig::Is(Type::Dyn)]))],
    ret: Sig::Is(Type::Duration),
    partial: true,
    strict: true,
    property: false,
    doc: "The length of time that a text writes; absent when it writes none.",
    rego: None,
    falco: None,
    examples: &[(r#"duration("1h30m") == 90m"#, "true"), (r#"duration("soon")"#, "(not set)")],
    cost: 8,
    intrinsic: None,
    eval,
};

fn eval(args: &[Value]) -> Value {
    dyn_or_text(arg(args, 0)).and_then(|s| Duration::parse(s).ok()).map_or(Value::Absent, Value::Duration)
}
