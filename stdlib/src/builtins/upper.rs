//! `upper`: text in upper case.

use kpol_vm::{
    builtin::{Builtin, Sig},
    types::Type,
    value::Value,
};

use super::support::{arg, text, to_text};

pub(super) static BUILTIN: Builtin = Builtin {
    name: "upper",
    params: &[("s", Sig::Is(Type::Str))],
    ret: Sig::Is(Type::Str),
    partial: false,
    strict: true,
    property: false,
    doc: "The text in upper case; absent of absent.",
    rego: Some("upper"),
    falco: Some("toupper"),
    examples: &[(r#"upper("net_raw")"#, "NET_RAW")],
    cost: 8,
    intrinsic: None,
    eval,
};

fn eval(args: &[Value]) -> Value {
    text(arg(args, 0)).map_or(Value::Absent, |s| to_text(s.to_uppercase()))
}
