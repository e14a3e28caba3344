//! `path.name`.

use kpol_vm::{
    builtin::{Builtin, Sig},
    scalar::path,
    types::Type,
    value::Value,
};

use super::support::{arg, text, to_text};

pub(super) static BUILTIN: Builtin = Builtin {
    name: "path.name",
    params: &[("path", Sig::Is(Type::Path))],
    ret: Sig::Is(Type::Str),
    partial: false,
    strict: true,
    property: true,
    doc: "The last part of a path; empty of `/`, absent of absent.",
    rego: None,
    falco: Some("basename"),
    examples: &[(r#"path("/etc/ssh/sshd_config").name"#, "sshd_config"), (r#"path("/").name"#, "")],
    cost: 2,
    intrinsic: None,
    eval,
};

fn eval(args: &[Value]) -> Value {
    text(arg(args, 0)).map_or(Value::Absent, |s| to_text(path::name(s)))
}
