//! `replace`: one text for another.

use kpol_vm::{
    builtin::{Builtin, Sig},
    types::Type,
    value::Value,
};

use super::MAX_TEXT;
use super::support::{arg, text, to_text};

pub(super) static BUILTIN: Builtin = Builtin {
    name: "replace",
    params: &[("s", Sig::Is(Type::Str)), ("old", Sig::Is(Type::Str)), ("new", Sig::Is(Type::Str))],
    ret: Sig::Is(Type::Str),
    partial: true,
    strict: true,
    property: false,
    doc: "`s` with every `old` replaced by `new`, from left to right; an empty `old` stands before, between \
        and behind all characters. Absent when one is absent, and above 64 KiB.",
    rego: Some("replace"),
    falco: None,
    examples: &[(r#"replace("a-b-c", "-", "_")"#, "a_b_c"), (r#"replace("abc", "", "-")"#, "-a-b-c-")],
    cost: 16,
    intrinsic: None,
    eval,
};

fn eval(args: &[Value]) -> Value {
    let (Some(s), Some(old), Some(new)) = (text(arg(args, 0)), text(arg(args, 1)), text(arg(args, 2))) else {
        return Value::Absent;
    };
    let mut replaced = String::new();
    for (at, part) in s.split(old).enumerate() {
        if at > 0 {
            replaced.push_str(new);
        }
        replaced.push_str(part);
        if replaced.len() > MAX_TEXT {
            return Value::Absent;
        }
    }
    to_text(replaced)
}
