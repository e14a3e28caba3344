//! `max`: the largest element.

use std::cmp::Ordering;

use kpol_vm::{
    builtin::{Builtin, Sig},
    types::Type,
    value::Value,
};

use super::support::{arg, elements, extreme};

pub(super) static BUILTIN: Builtin = Builtin {
    name: "max",
    params: &[(
        "list",
        Sig::OneOf(&[
            Sig::ListOf(Type::Int),
            Sig::ListOf(Type::Quantity),
            Sig::ListOf(Type::Duration),
            Sig::ListOf(Type::Time),
            Sig::ListOf(Type::Semver),
            Sig::ListOf(Type::Port),
            Sig::ListOf(Type::Str),
        ]),
    )],
    ret: Sig::Element,
    partial: true,
    strict: true,
    property: false,
    doc: "The largest element of a list, the first of equal ones; texts are ordered by bytes. Absent of an \
        empty or absent list.",
    rego: Some("max"),
    falco: None,
    examples: &[("max([3, 1, 2])", "3")],
    cost: 16,
    intrinsic: None,
    eval,
};

fn eval(args: &[Value]) -> Value {
    extreme(elements(arg(args, 0)), Ordering::Greater)
}
