//! `image.registry`.

use kpol_vm::{
    builtin::{Builtin, Sig},
    scalar::image::Image,
    types::Type,
    value::Value,
};

use super::support::{arg, text, to_text};

pub(super) static BUILTIN: Builtin = Builtin {
    name: "image.registry",
    params: &[("image", Sig::Is(Type::Image))],
    ret: Sig::Is(Type::Str),
    partial: true,
    strict: true,
    property: true,
    doc: "The registry of an image in lower case; `docker.io` when none is written. Absent when the text is \
        no image reference.",
    rego: None,
    falco: None,
    examples: &[
        (r#"image("nginx").registry"#, "docker.io"),
        (r#"image("ghcr.io/acme/web:1").registry"#, "ghcr.io"),
    ],
    cost: 8,
    intrinsic: None,
    eval,
};

fn eval(args: &[Value]) -> Value {
    text(arg(args, 0)).and_then(|s| Image::new(s).registry().map(to_text)).unwrap_or(Value::Absent)
}
