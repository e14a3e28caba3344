//! `empty`: whether there is nothing in it.

use kpol_vm::{
    builtin::{Builtin, Intrinsic, Sig},
    types::Type,
    value::Value,
};

use super::support::{arg, size};

pub(super) static BUILTIN: Builtin = Builtin {
    name: "empty",
    params: &[("x", Sig::OneOf(&[Sig::AnyList, Sig::AnyMap, Sig::Is(Type::Str), Sig::Is(Type::Dyn)]))],
    ret: Sig::Is(Type::Bool),
    partial: false,
    strict: false,
    property: false,
    doc: "Whether a list, set, map or text has nothing in it; absent counts as empty. A `dyn` that is \
        neither list, object nor text is not empty.",
    rego: None,
    falco: None,
    examples: &[("empty([])", "true"), ("empty([1])", "false"), (r#"empty("")"#, "true")],
    cost: 1,
    intrinsic: Some(Intrinsic::IsEmpty),
    eval,
};

fn eval(args: &[Value]) -> Value {
    let x = arg(args, 0);
    Value::Bool(matches!(x, Value::Absent) || size(x) == Some(0))
}
