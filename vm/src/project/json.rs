//! Reads a JSON value whole and strictly: for fields of type `dyn`, and to tell errors of form exactly.

use super::{
    ProjectErrorKind as Kind, Stop,
    cursor::{Cursor, Raw, error},
};
use crate::json::Json;

/// Objects with more keys than this are looked at through a sorted copy.
const FEW: usize = 8;

/// The value here. Numbers as `kpol-manifest` reads them: what has no fraction is an integer if it fits.
pub(super) fn value(cursor: &mut Cursor<'_>) -> Result<Json, Stop> {
    match cursor.peek() {
        b'"' => cursor.string()?.to_text().map(Json::Str),
        b'{' => object(cursor),
        b'[' => {
            let mut items = Vec::new();
            let mut more = cursor.enter(b']')?;
            while more {
                items.push(value(cursor)?);
                more = cursor.more(b']')?;
            }
            Ok(Json::Array(items))
        }
        b'-' | b'0'..=b'9' => number(cursor),
        _ => Ok(cursor.word()?.map_or(Json::Null, Json::Bool)),
    }
}

fn object(cursor: &mut Cursor<'_>) -> Result<Json, Stop> {
    let mut entries: Vec<(String, Json)> = Vec::new();
    let mut places = Vec::new();
    let mut more = cursor.enter(b'}')?;
    while more {
        let key = cursor.key()?;
        places.push(key.at);
        entries.push((key.to_text()?, value(cursor)?));
        more = cursor.more(b'}')?;
    }
    if let Some(again) = repeated(&entries) {
        let (name, _) = entries.into_iter().nth(again).unwrap_or_default();
        return Err(duplicate(name.as_bytes(), places.get(again).copied().unwrap_or_default()));
    }
    Ok(Json::Object(entries))
}

/// The first entry whose key stands earlier too.
fn repeated(entries: &[(String, Json)]) -> Option<usize> {
    let names = || entries.iter().map(|(name, _)| name.as_str()).enumerate();
    if entries.len() <= FEW {
        return names().find_map(|(i, name)| names().take(i).any(|(_, n)| n == name).then_some(i));
    }
    let mut sorted: Vec<(&str, usize)> = names().map(|(i, name)| (name, i)).collect();
    sorted.sort_unstable();
    sorted.array_windows().filter(|[a, b]| a.0 == b.0).map(|[_, b]| b.1).min()
}

/// The number here.
pub(super) fn number(cursor: &mut Cursor<'_>) -> Result<Json, Stop> {
    let start = cursor.at;
    let (text, whole) = cursor.number_text()?;
    if let (true, Ok(value)) = (whole, text.parse()) {
        return Ok(Json::Int(value));
    }
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value.to_string().parse().map_or(Json::Float(value), Json::Int)),
        _ => Err(error(start, Kind::Number, "this number is too large")),
    }
}

#[cold]
pub(crate) fn duplicate(name: &[u8], at: usize) -> Stop {
    let name: String = String::from_utf8_lossy(name).chars().take(80).collect();
    error(at, Kind::DuplicateKey, format!("the key `{name}` stands twice in this object"))
}

impl Raw<'_> {
    pub(crate) fn to_text(self) -> Result<String, Stop> {
        let mut out = Vec::with_capacity(self.bytes.len());
        self.decode(&mut out)?;
        Ok(String::from_utf8(out).unwrap_or_default())
    }
}
