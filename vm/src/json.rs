//! A JSON value as kpol sees it: integers stay integers, objects keep the order of their keys.
//!
//! Readers of text (`kpol-manifest`) build it within bounds; nothing here parses. `null` is kept, because a
//! reader must be able to tell it from "nothing written" when it prints; the language reads both as absent.

use std::fmt;

/// One JSON value.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Json {
    /// `null`: the language reads it as absent.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number that is an integer and fits 64 bits.
    Int(i64),
    /// Every other number.
    Float(f64),
    /// A string.
    Str(String),
    /// An array.
    Array(Vec<Json>),
    /// An object; keys are unique and in the order of the text.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// The value under `key`, if this is an object that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.entries().iter().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    /// The value at a chain of keys: `at(&["metadata", "name"])`.
    #[must_use]
    pub fn at(&self, keys: &[&str]) -> Option<&Json> {
        keys.iter().try_fold(self, |value, key| value.get(key))
    }

    /// The text, if this is a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Json::Str(text) = self { Some(text) } else { None }
    }

    /// The integer, if this is one.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        if let Json::Int(value) = self { Some(*value) } else { None }
    }

    /// The boolean, if this is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        if let Json::Bool(value) = self { Some(*value) } else { None }
    }

    /// The elements, empty if this is no array.
    #[must_use]
    pub fn elements(&self) -> &[Json] {
        if let Json::Array(items) = self { items } else { &[] }
    }

    /// The entries, empty if this is no object.
    #[must_use]
    pub fn entries(&self) -> &[(String, Json)] {
        if let Json::Object(entries) = self { entries } else { &[] }
    }

    /// Its memory in bytes, with all that is in it.
    #[must_use]
    pub fn memory(&self) -> usize {
        size_of::<Json>() + self.heap()
    }

    fn heap(&self) -> usize {
        match self {
            Json::Null | Json::Bool(_) | Json::Int(_) | Json::Float(_) => 0,
            Json::Str(text) => text.capacity(),
            Json::Array(items) => {
                items.capacity() * size_of::<Json>() + items.iter().map(Json::heap).sum::<usize>()
            }
            Json::Object(entries) => {
                let inner: usize = entries.iter().map(|(key, value)| key.capacity() + value.heap()).sum();
                entries.capacity() * size_of::<(String, Json)>() + inner
            }
        }
    }

    /// Whether this is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Json::Null)
    }

    /// The word for this value's form in messages: `a string`, `an object`.
    #[must_use]
    pub fn form(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "a boolean",
            Json::Int(_) => "an integer",
            Json::Float(_) => "a number",
            Json::Str(_) => "a string",
            Json::Array(_) => "a list",
            Json::Object(_) => "an object",
        }
    }
}

impl From<serde_json::Value> for Json {
    fn from(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Json::Null,
            serde_json::Value::Bool(b) => Json::Bool(b),
            serde_json::Value::Number(n) => {
                n.as_i64().map_or_else(|| Json::Float(n.as_f64().unwrap_or(f64::NAN)), Json::Int)
            }
            serde_json::Value::String(s) => Json::Str(s),
            serde_json::Value::Array(items) => Json::Array(items.into_iter().map(Json::from).collect()),
            serde_json::Value::Object(map) => {
                Json::Object(map.into_iter().map(|(k, v)| (k, Json::from(v))).collect())
            }
        }
    }
}

impl From<&Json> for serde_json::Value {
    fn from(value: &Json) -> Self {
        match value {
            Json::Null => serde_json::Value::Null,
            Json::Bool(b) => (*b).into(),
            Json::Int(i) => (*i).into(),
            Json::Float(f) => (*f).into(),
            Json::Str(s) => s.as_str().into(),
            Json::Array(items) => items.iter().map(serde_json::Value::from).collect::<Vec<_>>().into(),
            Json::Object(entries) => serde_json::Value::Object(
                entries.iter().map(|(k, v)| (k.clone(), serde_json::Value::from(v))).collect(),
            ),
        }
    }
}

impl fmt::Display for Json {
    /// Compact JSON text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", serde_json::Value::from(self))
    }
}
