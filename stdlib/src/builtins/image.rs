//! `image`: text as an image reference.

use kpol_vm::{
    builtin::{Builtin, Sig},
    scalar::image::Image,
    types::Type,
    value::Value,
};

use super::support::{arg, dyn_or_text, to_text};

pub(super) static BUILTIN: Builtin = Builtin {
    name: "image",
    params: &[("s", Sig::OneOf(&[Sig::Is(Type::Str), Sig::Is(Type::Dyn)]))],
    ret: Sig::Is(Type::Image),
    partial: true,
    strict: true,
    property: false,
    doc: "The text as an image reference; absent when it is none.",
    rego: None,
    falco: None,
    examples: &[
        (r#"image("nginx:1.27") under "docker.io/library""#, "true"),
        (r#"image("Not An Image")"#, "(not set)"),
    ],
    cost: 8,
    intrinsic: None,
    eval,
};

fn eval(args: &[Value]) -> Value {
    dyn_or_text(arg(args, 0)).filter(|s| Image::parse(s).is_ok()).map_or(Value::Absent, to_text)
}
