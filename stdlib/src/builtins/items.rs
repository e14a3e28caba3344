//! `items`: the elements of a JSON list.

use kpol_vm::{
    builtin::{Builtin, Sig},
    json::Json,
    types::Type,
    value::Value,
};

use super::support::{arg, json, list, to_dyn};

pub(super) static BUILTIN: Builtin = Builtin {
    name: "items",
    params: &[("x", Sig::Is(Type::Dyn))],
    ret: Sig::ListOf(Type::Dyn),
    partial: false,
    strict: false,
    property: false,
    doc: "The elements of a `dyn` that is a JSON list, `null` left out; none of everything else and of \
        absent.",
    rego: None,
    falco: None,
    examples: &[("len(items([1, 2]))", "2"), ("len(items(1))", "0")],
    cost: 16,
    intrinsic: None,
    eval,
};

fn eval(args: &[Value]) -> Value {
    list(json(arg(args, 0)).map_or(&[][..], Json::elements).iter().map(to_dyn))
}
