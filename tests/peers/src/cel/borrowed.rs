//! JSON to the values of the crate cel in one pass, its texts borrowed from the bytes where they have no escape.

use std::{borrow::Cow, collections::HashMap, fmt};

use cel::common::{
    types::{CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString, CelUInt},
    value::Val,
};
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};

/// The request of a review.
pub(super) fn request(body: &[u8]) -> Result<Box<dyn Val + '_>, String> {
    #[derive(Deserialize)]
    struct Review<'v> {
        #[serde(borrow)]
        request: Node<'v>,
    }
    let review: Review<'_> = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    Ok(review.request.0)
}

struct Node<'v>(Box<dyn Val + 'v>);

impl<'de: 'v, 'v> Deserialize<'de> for Node<'v> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Build).map(Node)
    }
}

struct Build;

impl<'de> Visitor<'de> for Build {
    type Value = Box<dyn Val + 'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Box::new(CelNull))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Box::new(CelBool::from(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Box::new(CelInt::from(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(match i64::try_from(value) {
            Ok(value) => Box::new(CelInt::from(value)),
            Err(_) => Box::new(CelUInt::from(value)),
        })
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Box::new(CelDouble::from(value)))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Box::new(CelString::from(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Box::new(CelString::from(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut all: Vec<Box<dyn Val + 'de>> = Vec::new();
        while let Some(Node(value)) = list.next_element()? {
            all.push(value);
        }
        Ok(Box::new(CelList::from(all)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let mut all: HashMap<CelMapKey<'de>, Box<dyn Val + 'de>> = HashMap::new();
        while let Some(Key(key)) = fields.next_key()? {
            let key = match key {
                Cow::Borrowed(key) => CelMapKey::from(key),
                Cow::Owned(key) => CelMapKey::from(key),
            };
            let Node(value) = fields.next_value()?;
            if all.insert(key, value).is_some() {
                return Err(A::Error::custom("a key that is there twice"));
            }
        }
        Ok(Box::new(CelMap::from(all)))
    }
}

#[derive(Deserialize)]
struct Key<'v>(#[serde(borrow)] Cow<'v, str>);
