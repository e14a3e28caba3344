//! `image.digest`.

use kpol_vm::{
    builtin::{Builtin, Sig},
    scalar::image::Image,
    types::Type,
    value::Value,
};

use super::support::{arg, text, to_text};

pub(super) static BUILTIN: Builtin = Builtin {
    name: "image.digest",
    params: &[("image", Sig::Is(Type::Image))],
    ret: Sig::Is(Type::Str),
    partial: true,
    strict: true,
    property: true,
    doc: "The digest that is written, with its algorithm: `sha256:...`. Absent when none is.",
    rego: None,
    falco: None,
    examples: &[(r#"image("nginx:1.27").digest"#, "(not set)")],
    cost: 8,
    intrinsic: None,
    eval,
};

fn eval(args: &[Value]) -> Value {
    text(arg(args, 0)).and_then(|s| Image::new(s).digest().map(to_text)).unwrap_or(Value::Absent)
}
