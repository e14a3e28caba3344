//! `semver`: version from text.

use kpol_vm::{
    builtin::{Builtin, Sig},
    scalar::semver::Version,
    types::Type,
    value::Value,
};

use super::support::{arg, dyn_or_text};

pub(super) static BUILTIN: Builtin = Builtin {
    name: "semver",
    params: &[("s", Sig::OneOf(&[Sig::Is(Type::Str), Sig::Is(Type::Dyn)]))],
    ret: Sig::Is(Type::Semver),
    partial: true,
    strict: true,
    property: false,
    doc: "The version that a text writes; absent when it writes none.",
    rego: None,
    falco: None,
    examples: &[(r#"semver("1.34.2") > semver("1.9")"#, "true"), (r#"semver("latest")"#, "(not set)")],
    cost: 8,
    intrinsic: None,
    eval,
};

fn eval(args: &[Value]) -> Value {
    dyn_or_text(arg(args, 0)).and_then(|s| Version::parse(s).ok()).map_or(Value::Absent, Value::Version)
}
