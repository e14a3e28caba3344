//! A place in a JSON value, as people write it: `spec.containers[0].image`, `metadata.labels["acme.io/team"]`.

use std::fmt;

use crate::json::Json;

/// One step down.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// To the entry of an object.
    Key(String),
    /// To the element of a list.
    Index(usize),
}

/// Steps from the top of a JSON value; none is the value itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JsonPath {
    /// From the top down.
    pub steps: Vec<Step>,
}

impl JsonPath {
    /// The path of these keys.
    #[must_use]
    pub fn keys(keys: &[String]) -> JsonPath {
        JsonPath { steps: keys.iter().cloned().map(Step::Key).collect() }
    }

    /// One key further down.
    #[must_use]
    pub fn key(mut self, key: &str) -> JsonPath {
        self.steps.push(Step::Key(key.to_owned()));
        self
    }

    /// One element further down.
    #[must_use]
    pub fn index(mut self, index: usize) -> JsonPath {
        self.steps.push(Step::Index(index));
        self
    }

    /// Whether `other` is this place or lies below it.
    #[must_use]
    pub fn covers(&self, other: &JsonPath) -> bool {
        other.steps.starts_with(&self.steps)
    }

    /// The value at this place.
    #[must_use]
    pub fn find<'j>(&self, json: &'j Json) -> Option<&'j Json> {
        self.steps.iter().try_fold(json, |value, step| match step {
            Step::Key(key) => value.get(key),
            Step::Index(index) => value.elements().get(*index),
        })
    }
}

/// Whether a key stands after a dot without quotes.
#[must_use]
pub fn is_plain_key(key: &str) -> bool {
    let mut chars = key.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.steps.iter().enumerate() {
            match step {
                Step::Key(key) if is_plain_key(key) => {
                    if i > 0 {
                        f.write_str(".")?;
                    }
                    f.write_str(key)?;
                }
                Step::Key(key) => write!(f, "[{}]", Json::Str(key.clone()))?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_keys_are_quoted() {
        let path = JsonPath::default().key("metadata").key("labels").key("acme.io/team");
        assert_eq!(path.to_string(), "metadata.labels[\"acme.io/team\"]");
        assert_eq!(path.clone().index(3).to_string(), "metadata.labels[\"acme.io/team\"][3]");
        assert_eq!(JsonPath::default().key("a\"b").to_string(), "[\"a\\\"b\"]");
    }
}
