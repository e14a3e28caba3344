//! How values read in messages: as somebody wrote them, without quotes, and never very long.

use std::fmt::{self, Write};

use super::{RecordRef, Value};
use crate::json::Json;

/// What an absent value reads as.
pub(crate) const NOT_SET: &str = "(not set)";
/// The most bytes of one printed value.
const MAX_LEN: usize = 1024;

impl fmt::Display for Value {
    /// At most 1 KiB; what is longer ends in `…`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Bounded { text: String::new(), full: false };
        // The only error is that the bound is reached.
        let _ = write(&mut out, self);
        f.write_str(&out.text)?;
        if out.full { f.write_char('…') } else { Ok(()) }
    }
}

struct Bounded {
    text: String,
    full: bool,
}

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = MAX_LEN.saturating_sub(self.text.len());
        let end = text.floor_char_boundary(room);
        self.text.push_str(text.get(..end).unwrap_or_default());
        self.full |= end < text.len();
        if self.full { Err(fmt::Error) } else { Ok(()) }
    }
}

fn write(out: &mut Bounded, value: &Value) -> fmt::Result {
    match value {
        Value::Absent => out.write_str(NOT_SET),
        Value::Bool(value) => write!(out, "{value}"),
        Value::Int(value) => write!(out, "{value}"),
        Value::Text(text) => out.write_str(text),
        Value::Quantity(value) => write!(out, "{value}"),
        Value::Duration(value) => write!(out, "{value}"),
        Value::Time(value) => write!(out, "{value}"),
        Value::Version(value) => write!(out, "{value}"),
        Value::Ip(value) => write!(out, "{value}"),
        Value::Cidr(value) => write!(out, "{value}"),
        Value::List(items) => {
            out.write_char('[')?;
            for (i, item) in items.iter().enumerate() {
                separator(out, i)?;
                write(out, item)?;
            }
            out.write_char(']')
        }
        Value::Map(entries) => {
            out.write_char('{')?;
            for (i, (key, value)) in entries.iter().enumerate() {
                separator(out, i)?;
                write!(out, "{key}: ")?;
                write(out, value)?;
            }
            out.write_char('}')
        }
        Value::Record(record) => write_record(out, record),
        Value::Dyn(json) => write_json(out, json),
    }
}

fn separator(out: &mut Bounded, i: usize) -> fmt::Result {
    if i > 0 { out.write_str(", ") } else { Ok(()) }
}

/// A record's name or id, if some rule reads it; else what it is.
fn write_record(out: &mut Bounded, record: &RecordRef) -> fmt::Result {
    for field in ["name", "id"] {
        if let value @ (Value::Text(_) | Value::Int(_)) = record.field_named(field) {
            return write(out, &value);
        }
    }
    write!(out, "<{}>", record.name())
}

fn write_json(out: &mut Bounded, json: &Json) -> fmt::Result {
    match json {
        Json::Null => out.write_str(NOT_SET),
        Json::Bool(value) => write!(out, "{value}"),
        Json::Int(value) => write!(out, "{value}"),
        Json::Float(_) => write!(out, "{json}"),
        Json::Str(text) => out.write_str(text),
        Json::Array(items) => {
            out.write_char('[')?;
            for (i, item) in items.iter().enumerate() {
                separator(out, i)?;
                write_json(out, item)?;
            }
            out.write_char(']')
        }
        Json::Object(entries) => {
            out.write_char('{')?;
            for (i, (key, value)) in entries.iter().enumerate() {
                separator(out, i)?;
                write!(out, "{key}: ")?;
                write_json(out, value)?;
            }
            out.write_char('}')
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_as_written() {
        let value = Value::from_json(&crate::testing::json(r#"{"a":[1,2.5,"x"],"b":null}"#));
        assert_eq!(value.to_string(), "{a: [1, 2.5, x], b: (not set)}");
        assert_eq!(Value::Absent.to_string(), "(not set)");
    }

    #[test]
    fn a_long_value_is_cut_on_a_character_border() {
        let text = Value::Text("é".repeat(2000).into()).to_string();
        assert!(text.len() <= MAX_LEN + '…'.len_utf8() && text.ends_with('…'));
        assert_eq!(Value::Text("a".repeat(MAX_LEN).into()).to_string().len(), MAX_LEN);
    }
}
