//! `split`: the parts of a text.

use kpol_vm::{
    builtin::{Builtin, Sig},
    types::Type,
    value::Value,
};

use super::support::{arg, list, text, to_text};

pub(super) static BUILTIN: Builtin = Builtin {
    name: "split",
    params: &[("s", Sig::Is(Type::Str)), ("separator", Sig::Is(Type::Str))],
    ret: Sig::ListOf(Type::Str),
    partial: false,
    strict: true,
    property: false,
    doc: "The parts of `s` between separators; with an empty separator its characters. Absent when either is \
        absent.",
    rego: Some("split"),
    falco: None,
    examples: &[
        (r#"split("a,b,,c", ",")"#, "[a, b, , c]"),
        (r#"split("", ",")"#, "[]"),
        (r#"split("ab", "")"#, "[a, b]"),
    ],
    cost: 16,
    intrinsic: None,
    eval,
};

fn eval(args: &[Value]) -> Value {
    let (Some(s), Some(separator)) = (text(arg(args, 0)), text(arg(args, 1))) else { return Value::Absent };
    if separator.is_empty() {
        let mut buffer = [0; 4];
        return list(s.chars().map(|c| to_text(&*c.encode_utf8(&mut buffer))));
    }
    list(s.split(separator).map(to_text))
}
