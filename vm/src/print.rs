//! The text form of a module: for people, for `kpolc build --emit ir`, and for tests that look at it.
//!
//! ```text
//! root r0 "Pod"
//!   record .0 "Pod"
//!     .0 "spec": .1
//!   record .1 "PodSpec"
//!     .0 "hostPID": bool = false
//! rule #0 "acme.no_host_pid"
//!   target kind "" "v1" "Pod" "pods" (create) object r0 pod r0 []
//!   %0: r0.0 = root pod r0
//!   %1: r0.1? = field %0 .0
//!   %2: bool = field %1 .0
//!   body
//!     verdict !0 when %2
//!   clause !0 deny ["hostPID is not allowed"]
//! ```
//!
//! One line per expression, `?` behind the type where the type checker expects absence; texts in the quotes and escapes
//! of JSON. Nothing is left out, so that two modules with the same text are the same module.

mod code;
mod items;
mod parse;

pub use parse::{TextError, parse_module};

use std::fmt::{self, Write};

use crate::{
    ir::{Const, Module, RecordDemand, Root, SlotTy, Ty},
    json::Json,
};

/// A module in its text form.
#[must_use]
pub fn module_text(module: &Module) -> String {
    let mut out = Out::default();
    for (i, root) in module.roots.iter().enumerate() {
        out.root(i, root);
    }
    items::module(&mut out, module);
    out.text
}

/// The text form of one code.
#[must_use]
pub fn code_text(code: &crate::ir::Code) -> String {
    let mut out = Out::default();
    code::code(&mut out, code);
    out.text
}

/// A type with the names of its records: `list<Container>`.
#[must_use]
pub fn ty_text(module: &Module, ty: &Ty) -> String {
    match ty {
        Ty::Scalar(ty) => ty.to_string(),
        Ty::Record(root, record) => {
            let root = module.roots.get(root.index());
            let record = root.and_then(|root| root.records.get(record.index()));
            record.map_or_else(|| "record".to_owned(), |record| record.name.clone())
        }
        Ty::List(element) => format!("list<{}>", ty_text(module, element)),
        Ty::Set(element) => format!("set<{}>", ty_text(module, element)),
        Ty::Map(value) => format!("map<string, {}>", ty_text(module, value)),
    }
}

/// Lines, indented by two.
#[derive(Default)]
struct Out {
    text: String,
    depth: usize,
}

impl Out {
    fn line(&mut self, line: fmt::Arguments<'_>) {
        self.text.push_str(&"  ".repeat(self.depth));
        // Writing into a string does not fail.
        let _ = self.text.write_fmt(line);
        self.text.push('\n');
    }

    fn nested(&mut self, work: impl FnOnce(&mut Out)) {
        self.depth += 1;
        work(self);
        self.depth -= 1;
    }

    fn root(&mut self, index: usize, root: &Root) {
        self.line(format_args!("root r{index} {}", quoted(&root.name)));
        self.nested(|out| root.records.iter().enumerate().for_each(|(i, record)| out.record(i, record)));
    }

    fn record(&mut self, index: usize, record: &RecordDemand) {
        self.line(format_args!("record .{index} {}", quoted(&record.name)));
        self.nested(|out| {
            for (i, field) in record.fields.iter().enumerate() {
                let default = field
                    .default
                    .as_ref()
                    .map_or_else(String::new, |value| format!(" = {}", Constant(value)));
                let source = items::source(&field.source);
                out.line(format_args!(
                    ".{i} {}: {}{default}{source}",
                    quoted(&field.name),
                    Slot(&field.slot)
                ));
            }
        });
    }
}

/// A text in quotes.
fn quoted(text: &str) -> String {
    Json::Str(text.to_owned()).to_string()
}

/// Items between commas.
fn joined<T>(items: impl IntoIterator<Item = T>, show: impl Fn(T) -> String) -> String {
    items.into_iter().map(show).collect::<Vec<_>>().join(", ")
}

/// What a slot holds.
struct Slot<'s>(&'s SlotTy);

impl fmt::Display for Slot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            SlotTy::Scalar(ty) => write!(f, "{ty}"),
            SlotTy::Record(id) => write!(f, ".{}", id.0),
            SlotTy::List(element) => write!(f, "list<{}>", Slot(element)),
            SlotTy::Map { value, keys, whole } => {
                let keys = joined(keys, |key| quoted(key));
                write!(f, "map<{}>[{keys}]{}", Slot(value), if *whole { " whole" } else { "" })
            }
        }
    }
}

/// A type with the numbers of its records: `list<r0.2>`.
struct Numbered<'t>(&'t Ty);

impl fmt::Display for Numbered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Ty::Scalar(ty) => write!(f, "{ty}"),
            Ty::Record(root, record) => write!(f, "r{}.{}", root.0, record.0),
            Ty::List(element) => write!(f, "list<{}>", Numbered(element)),
            Ty::Set(element) => write!(f, "set<{}>", Numbered(element)),
            Ty::Map(value) => write!(f, "map<{}>", Numbered(value)),
        }
    }
}

/// A constant; scalars with their type's word where their form does not tell it.
struct Constant<'c>(&'c Const);

impl fmt::Display for Constant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Const::Absent => f.write_str("absent"),
            Const::Bool(value) => write!(f, "{value}"),
            Const::Int(value) => write!(f, "{value}"),
            Const::Text(text) => f.write_str(&quoted(text)),
            Const::Quantity(value) => write!(f, "quantity {}", quoted(&value.to_string())),
            Const::Duration(value) => write!(f, "duration {}", quoted(&value.to_string())),
            Const::Time(value) => write!(f, "time {}", quoted(&value.to_string())),
            Const::Version(value) => write!(f, "semver {}", quoted(&value.to_string())),
            Const::Ip(value) => write!(f, "ip {}", quoted(&value.to_string())),
            Const::Cidr(value) => write!(f, "cidr {}", quoted(&value.to_string())),
            Const::List(items) => write!(f, "[{}]", joined(items, |item| Constant(item).to_string())),
            Const::Map(entries) => {
                let entries = joined(entries, |(key, value)| format!("{}: {}", quoted(key), Constant(value)));
                write!(f, "{{{entries}}}")
            }
            Const::Dyn(json) => write!(f, "dyn {}", quoted(json)),
        }
    }
}

#[cfg(test)]
mod tests;
