//! JSON text to [`Json`], strictly: a key that stands twice is refused, because readers disagree on what it means.

use std::fmt;

use kpol_vm::{json::Json, project::MAX_BYTES};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Why a text is no JSON.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct JsonError(Wrong);

#[derive(Debug, thiserror::Error)]
enum Wrong {
    #[error("the text has {0} bytes, and at most {MAX_BYTES} are read")]
    TooLarge(usize),
    #[error(transparent)]
    Syntax(serde_json::Error),
}

impl JsonError {
    /// Line and column, from 1; `None` if the text was not read at all.
    #[must_use]
    pub fn place(&self) -> Option<(usize, usize)> {
        if let Wrong::Syntax(error) = &self.0 { Some((error.line(), error.column())) } else { None }
    }
}

/// Reads one JSON value of at most 64 MiB, nested at most 127 deep.
///
/// ```
/// let pod = kpol::json(br#"{"kind": "Pod", "spec": {"hostPID": true}}"#)?;
/// assert_eq!(pod.at(&["spec", "hostPID"]).and_then(kpol::Json::as_bool), Some(true));
/// assert!(kpol::json(br#"{"a": 1, "a": 2}"#).is_err());
/// # Ok::<(), kpol::JsonError>(())
/// ```
///
/// # Errors
/// When it is none, or an object in it has a key twice.
pub fn json(text: &[u8]) -> Result<Json, JsonError> {
    if text.len() > MAX_BYTES {
        return Err(JsonError(Wrong::TooLarge(text.len())));
    }
    serde_json::from_slice::<Strict>(text)
        .map(|strict| strict.0)
        .map_err(|error| JsonError(Wrong::Syntax(error)))
}

struct Strict(Json);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Strict, D::Error> {
        deserializer.deserialize_any(Reader).map(Strict)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Int(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json, E> {
        // As everywhere in kpol: an integer that does not fit is a number.
        Ok(i64::try_from(value).map_or_else(|_| number(value as f64), Json::Int))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Json, E> {
        Ok(number(value))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Str(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Json, E> {
        Ok(Json::Str(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut object: Vec<(String, Json)> = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        while let Some((key, Strict(value))) = entries.next_entry::<String, Strict>()? {
            if !seen.insert(key.clone()) {
                let shown: String = key.chars().take(80).collect();
                return Err(A::Error::custom(format!("the key `{shown}` stands twice in this object")));
            }
            object.push((key, value));
        }
        Ok(Json::Object(object))
    }
}

/// What has no fraction is an integer if it fits.
fn number(value: f64) -> Json {
    value.to_string().parse().map_or(Json::Float(value), Json::Int)
}
