//! `image.name`.

use kpol_vm::{
    builtin::{Builtin, Sig},
    scalar::image::Image,
    types::Type,
    value::Value,
};

use super::support::{arg, text, to_text};

pub(super) static BUILTIN: Builtin = Builtin {
    name: "image.name",
    params: &[("image", Sig::Is(Type::Image))],
    ret: Sig::Is(Type::Str),
    partial: true,
    strict: true,
    property: true,
    doc: "The last part of the repository: `web` of `ghcr.io/acme/web:1`. Absent when the text is no image \
        reference.",
    rego: None,
    falco: None,
    examples: &[(r#"image("ghcr.io/acme/web:1").name"#, "web")],
    cost: 8,
    intrinsic: None,
    eval,
};

fn eval(args: &[Value]) -> Value {
    text(arg(args, 0)).and_then(|s| Image::new(s).name().map(to_text)).unwrap_or(Value::Absent)
}
