//! `json`: JSON as text.

use std::fmt::{self, Write};

use kpol_vm::{
    builtin::{Builtin, Sig},
    types::Type,
    value::Value,
};

use super::MAX_TEXT;
use super::support::{arg, json, to_text};

pub(super) static BUILTIN: Builtin = Builtin {
    name: "json",
    params: &[("x", Sig::Is(Type::Dyn))],
    ret: Sig::Is(Type::Str),
    partial: true,
    strict: true,
    property: false,
    doc: "The compact JSON text of a `dyn`; absent of absent and above 64 KiB.",
    rego: None,
    falco: None,
    examples: &[("json([1, 2])", "[1,2]"), (r#"json("a")"#, r#""a""#)],
    cost: 64,
    intrinsic: None,
    eval,
};

fn eval(args: &[Value]) -> Value {
    let Some(json) = json(arg(args, 0)) else { return Value::Absent };
    let mut text = Bounded(String::new());
    if write!(text, "{json}").is_ok() { to_text(text.0) } else { Value::Absent }
}

/// Text that refuses to grow above the bound.
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        if self.0.len() + part.len() > MAX_TEXT {
            return Err(fmt::Error);
        }
        self.0.push_str(part);
        Ok(())
    }
}
