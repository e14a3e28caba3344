//! `string`: the text of a scalar.

use kpol_vm::{
    builtin::{Builtin, Intrinsic, Sig},
    types::Type,
    value::Value,
};

use super::support::{arg, scalar_text};

pub(super) static BUILTIN: Builtin = Builtin {
    name: "string",
    params: &[(
        "x",
        Sig::OneOf(&[
            Sig::Is(Type::Str),
            Sig::Is(Type::Int),
            Sig::Is(Type::Bool),
            Sig::Is(Type::Quantity),
            Sig::Is(Type::Duration),
            Sig::Is(Type::Time),
            Sig::Is(Type::Semver),
            Sig::Is(Type::Ip),
            Sig::Is(Type::Cidr),
            Sig::Is(Type::Port),
            Sig::Is(Type::Path),
            Sig::Is(Type::Image),
            Sig::Is(Type::ImagePrefix),
            Sig::Is(Type::Host),
            Sig::Is(Type::HostPattern),
            Sig::Is(Type::Capability),
            Sig::Is(Type::Glob),
            Sig::Is(Type::Regex),
            Sig::Is(Type::Dyn),
        ]),
    )],
    ret: Sig::Is(Type::Str),
    partial: true,
    strict: true,
    property: false,
    doc: "The text of a scalar exactly as it was written: letter case and `CAP_` of a capability, tag and \
        all of an image. Of a `dyn` only the text of a JSON string; absent of everything else.",
    rego: None,
    falco: None,
    examples: &[
        ("string(5)", "5"),
        (r#"string("ALL")"#, "ALL"),
        (r#"string(capability("CAP_net_raw"))"#, "CAP_net_raw"),
        (r#"string(quantity("1024Mi"))"#, "1024Mi"),
    ],
    cost: 4,
    intrinsic: Some(Intrinsic::Text),
    eval,
};

fn eval(args: &[Value]) -> Value {
    scalar_text(arg(args, 0)).map_or(Value::Absent, Value::Text)
}
