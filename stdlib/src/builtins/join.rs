//! `join`: texts with a separator between.

use kpol_vm::{
    builtin::{Builtin, Sig},
    types::Type,
    value::Value,
};

use super::MAX_TEXT;
use super::support::{arg, elements, text, to_text};

pub(super) static BUILTIN: Builtin = Builtin {
    name: "join",
    params: &[("list", Sig::ListOf(Type::Str)), ("separator", Sig::Is(Type::Str))],
    ret: Sig::Is(Type::Str),
    partial: true,
    strict: true,
    property: false,
    doc: "The texts of `list` with `separator` between them; an absent list is empty, an absent separator \
        gives absent. Rego's `concat` has the separator first. Absent above 64 KiB.",
    rego: Some("concat"),
    falco: Some("join"),
    examples: &[(r#"join(["a", "b"], ", ")"#, "a, b"), (r#"join([], ", ")"#, "")],
    cost: 16,
    intrinsic: None,
    eval,
};

fn eval(args: &[Value]) -> Value {
    let Some(separator) = text(arg(args, 1)) else { return Value::Absent };
    let mut joined = String::new();
    for (at, part) in elements(arg(args, 0)).iter().filter_map(text).enumerate() {
        if at > 0 {
            joined.push_str(separator);
        }
        joined.push_str(part);
        if joined.len() > MAX_TEXT {
            return Value::Absent;
        }
    }
    to_text(joined)
}
