//! `path`: text as an absolute path without `..`.

use kpol_vm::{
    builtin::{Builtin, Sig},
    scalar::path,
    types::Type,
    value::Value,
};

use super::support::{arg, dyn_or_text, to_text};

pub(super) static BUILTIN: Builtin = Builtin {
    name: "path",
    params: &[("s", Sig::OneOf(&[Sig::Is(Type::Str), Sig::Is(Type::Dyn)]))],
    ret: Sig::Is(Type::Path),
    partial: true,
    strict: true,
    property: false,
    doc: "The text as an absolute path without `..`; absent when it is none.",
    rego: None,
    falco: None,
    examples: &[(r#"path("/etc/ssh/sshd_config") under "/etc""#, "true"), (r#"path("etc")"#, "(not set)")],
    cost: 8,
    intrinsic: None,
    eval,
};

fn eval(args: &[Value]) -> Value {
    dyn_or_text(arg(args, 0)).filter(|s| path::validate(s).is_ok()).map_or(Value::Absent, to_text)
}
