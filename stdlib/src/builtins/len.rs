//! `len`: how much is in it.

use kpol_vm::{
    builtin::{Builtin, Intrinsic, Sig},
    types::Type,
    value::Value,
};

use super::support::{arg, size};

pub(super) static BUILTIN: Builtin = Builtin {
    name: "len",
    params: &[("x", Sig::OneOf(&[Sig::AnyList, Sig::AnyMap, Sig::Is(Type::Str), Sig::Is(Type::Dyn)]))],
    ret: Sig::Is(Type::Int),
    partial: false,
    strict: false,
    property: false,
    doc: "How many elements a list or set has, entries a map, characters (Unicode scalar values) a text; 0 \
        of absent and of any other `dyn`.",
    rego: Some("count"),
    falco: Some("len"),
    examples: &[(r#"len(["a", "b"])"#, "2"), (r#"len("häuser")"#, "6"), ("len([])", "0")],
    cost: 2,
    intrinsic: Some(Intrinsic::Length),
    eval,
};

fn eval(args: &[Value]) -> Value {
    Value::Int(size(arg(args, 0)).and_then(|n| i64::try_from(n).ok()).unwrap_or(0))
}
