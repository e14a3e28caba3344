//! `unique`: each element once.

use std::collections::HashSet;

use kpol_vm::{
    builtin::{Builtin, Sig},
    value::Value,
};

use super::support::{arg, elements, identity, list};

pub(super) static BUILTIN: Builtin = Builtin {
    name: "unique",
    params: &[("list", Sig::AnyList)],
    ret: Sig::ListOfElement,
    partial: false,
    strict: false,
    property: false,
    doc: "The elements of the list, each at its first place only; an absent list is empty. Texts of every \
        type are compared as they are written.",
    rego: None,
    falco: None,
    examples: &[("unique([1, 2, 1])", "[1, 2]")],
    cost: 32,
    intrinsic: None,
    eval,
};

fn eval(args: &[Value]) -> Value {
    let mut seen = HashSet::new();
    list(elements(arg(args, 0)).iter().filter(|value| seen.insert(identity(value))).cloned())
}
