//! `image.repository`.

use kpol_vm::{
    builtin::{Builtin, Sig},
    scalar::image::Image,
    types::Type,
    value::Value,
};

use super::support::{arg, text, to_text};

pub(super) static BUILTIN: Builtin = Builtin {
    name: "image.repository",
    params: &[("image", Sig::Is(Type::Image))],
    ret: Sig::Is(Type::Str),
    partial: true,
    strict: true,
    property: true,
    doc: "The image without tag and digest, in full: `docker.io/library/nginx` of `nginx:1`. Absent when the \
        text is no image reference.",
    rego: None,
    falco: None,
    examples: &[(r#"image("nginx:1").repository"#, "docker.io/library/nginx")],
    cost: 8,
    intrinsic: None,
    eval,
};

fn eval(args: &[Value]) -> Value {
    text(arg(args, 0)).and_then(|s| Image::new(s).repository().map(to_text)).unwrap_or(Value::Absent)
}
