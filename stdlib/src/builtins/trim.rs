//! `trim`: text without white space at its ends.

use kpol_vm::{
    builtin::{Builtin, Sig},
    types::Type,
    value::Value,
};

use super::support::{arg, text, to_text};

pub(super) static BUILTIN: Builtin = Builtin {
    name: "trim",
    params: &[("s", Sig::Is(Type::Str))],
    ret: Sig::Is(Type::Str),
    partial: false,
    strict: true,
    property: false,
    doc: "The text without white space at its ends; absent of absent.",
    rego: Some("trim_space"),
    falco: None,
    examples: &[(r#"trim("  a b ")"#, "a b")],
    cost: 4,
    intrinsic: None,
    eval,
};

fn eval(args: &[Value]) -> Value {
    text(arg(args, 0)).map_or(Value::Absent, |s| to_text(s.trim()))
}
