//! `path.extension`.

use kpol_vm::{
    builtin::{Builtin, Sig},
    scalar::path,
    types::Type,
    value::Value,
};

use super::support::{arg, text, to_text};

pub(super) static BUILTIN: Builtin = Builtin {
    name: "path.extension",
    params: &[("path", Sig::Is(Type::Path))],
    ret: Sig::Is(Type::Str),
    partial: true,
    strict: true,
    property: true,
    doc: "What stands behind the last dot of the last part; absent without a dot and when the dot stands \
        first.",
    rego: None,
    falco: None,
    examples: &[
        (r#"path("/tmp/a.tar.gz").extension"#, "gz"),
        (r#"path("/root/.bashrc").extension"#, "(not set)"),
    ],
    cost: 2,
    intrinsic: None,
    eval,
};

fn eval(args: &[Value]) -> Value {
    text(arg(args, 0)).and_then(|s| extension(path::name(s))).map_or(Value::Absent, to_text)
}

fn extension(name: &str) -> Option<&str> {
    name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map(|(_, extension)| extension)
}
