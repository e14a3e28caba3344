//! `capability`: text as a capability.

use kpol_vm::{
    builtin::{Builtin, Sig},
    scalar::capability,
    types::Type,
    value::Value,
};

use super::support::{arg, dyn_or_text, to_text};

pub(super) static BUILTIN: Builtin = Builtin {
    name: "capability",
    params: &[("s", Sig::OneOf(&[Sig::Is(Type::Str), Sig::Is(Type::Dyn)]))],
    ret: Sig::Is(Type::Capability),
    partial: true,
    strict: true,
    property: false,
    doc: "The text as a capability; absent when it is none.",
    rego: None,
    falco: None,
    examples: &[
        (r#"capability("net_raw") == capability("CAP_NET_RAW")"#, "true"),
        (r#"capability("FLY")"#, "(not set)"),
    ],
    cost: 8,
    intrinsic: None,
    eval,
};

fn eval(args: &[Value]) -> Value {
    dyn_or_text(arg(args, 0)).filter(|s| capability::validate(s).is_ok()).map_or(Value::Absent, to_text)
}
