//! `cidr_contains`: whether an address lies in a block.

use kpol_vm::{
    builtin::{Builtin, Sig},
    scalar::net::Ip,
    types::Type,
    value::Value,
};

use super::support::arg;

pub(super) static BUILTIN: Builtin = Builtin {
    name: "cidr_contains",
    params: &[("block", Sig::Is(Type::Cidr)), ("addr", Sig::Is(Type::Ip))],
    ret: Sig::Is(Type::Bool),
    partial: false,
    strict: false,
    property: false,
    doc: "Whether `addr` lies inside `block`; false when either is absent. The operator for it is `addr in \
        block`; `under` is for blocks in blocks.",
    rego: Some("net.cidr_contains"),
    falco: None,
    examples: &[
        (r#"cidr_contains("10.0.0.0/8", "10.1.2.3")"#, "true"),
        (r#"cidr_contains("10.0.0.0/8", "11.1.2.3")"#, "false"),
    ],
    cost: 2,
    intrinsic: None,
    eval,
};

fn eval(args: &[Value]) -> Value {
    let (Value::Cidr(block), Value::Ip(addr)) = (arg(args, 0), arg(args, 1)) else {
        return Value::Bool(false);
    };
    Value::Bool(block.contains_ip(Ip::from(*addr)))
}
