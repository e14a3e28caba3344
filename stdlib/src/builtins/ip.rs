//! `ip`: address from text.

use kpol_vm::{
    builtin::{Builtin, Sig},
    scalar::net::Ip,
    types::Type,
    value::Value,
};

use super::support::{arg, dyn_or_text};

pub(super) static BUILTIN: Builtin = Builtin {
    name: "ip",
    params: &[("s", Sig::OneOf(&[Sig::Is(Type::Str), Sig::Is(Type::Dyn)]))],
    ret: Sig::Is(Type::Ip),
    partial: true,
    strict: true,
    property: false,
    doc: "The address that a text writes; absent when it writes none.",
    rego: None,
    falco: None,
    examples: &[(r#"ip("10.1.2.3")"#, "10.1.2.3"), (r#"ip("10.1.2")"#, "(not set)")],
    cost: 8,
    intrinsic: None,
    eval,
};

fn eval(args: &[Value]) -> Value {
    dyn_or_text(arg(args, 0)).and_then(|s| Ip::parse(s).ok()).map_or(Value::Absent, |ip| Value::Ip(ip.addr()))
}
