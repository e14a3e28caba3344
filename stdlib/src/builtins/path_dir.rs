//! `path.dir`.

use kpol_vm::{
    builtin::{Builtin, Sig},
    scalar::path,
    types::Type,
    value::Value,
};

use super::support::{arg, text, to_text};

pub(super) static BUILTIN: Builtin = Builtin {
    name: "path.dir",
    params: &[("path", Sig::Is(Type::Path))],
    ret: Sig::Is(Type::Path),
    partial: false,
    strict: true,
    property: true,
    doc: "A path without its last part; `/` of `/`, absent of absent.",
    rego: None,
    falco: None,
    examples: &[(r#"path("/etc/ssh/sshd_config").dir"#, "/etc/ssh"), (r#"path("/etc").dir"#, "/")],
    cost: 4,
    intrinsic: None,
    eval,
};

fn eval(args: &[Value]) -> Value {
    text(arg(args, 0)).map_or(Value::Absent, |s| to_text(path::dir(s)))
}
