//! Facts as text: everything that an engine can read of one.
#![allow(clippy::wildcard_enum_match_arm, reason = "a value without parts is shown as it is")]

use std::{fmt::Write as _, sync::Arc};

use kpol_vm::{
    fact::Fact,
    layout::SlotLayout,
    value::{RecordRef, Value},
};

/// Everything that can be read of a fact.
#[must_use]
pub fn shown(fact: &Arc<Fact>) -> String {
    let mut out = String::new();
    record(&fact.root(), &mut out);
    out
}

fn value(value: &Value, out: &mut String) {
    match value {
        Value::Record(of) => record(of, out),
        Value::List(items) => {
            out.push('[');
            for item in items.iter() {
                self::value(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Value::Map(entries) => {
            for (key, entry) in entries.iter() {
                let _ = write!(out, "{key:?}=>");
                self::value(entry, out);
            }
        }
        other => {
            let _ = write!(out, "{other:?}");
        }
    }
}

fn record(record: &RecordRef, out: &mut String) {
    let layout = Arc::clone(record.fact.layout());
    let fields = layout.record(record.record).map_or(&[][..], |record| &record.fields);
    for (index, field) in (0u32..).zip(fields) {
        let _ = write!(out, "{{{index}:{}:", record.written(index));
        let read = record.field(index);
        value(&read, out);
        if let Value::List(items) = &read {
            for item in 0..items.len() {
                let _ = write!(out, "@{:?}", record.element_origin(index, item));
            }
        }
        if let SlotLayout::Map { keys, .. } = &field.slot {
            for (key, _) in (0u32..).zip(keys) {
                value(&record.map_key(index, key), out);
            }
        }
        out.push('}');
    }
}
