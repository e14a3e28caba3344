//! Fills a fact from JSON.
//!
//! Only demanded fields are looked at. `null` is nothing written, everywhere: in a list of scalars such an element is
//! left out, in a list of records it is a blank record (so that "every container must ..." still meets it).
//!
//! Forms are those of the Kubernetes decoder: no number for a string, no string for a number, `1.0` is no integer;
//! a quantity may be a number. An empty text is no time, duration, version, address or block: it reads as nothing
//! written, as the API's `omitempty` has it.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use super::{Fact, FactError};
use crate::{
    ir::{FieldDemand, FieldSource, RecordId},
    json::Json,
    json_path::{JsonPath, Step},
    layout::{Layout, SlotLayout, WORD, pair, put_u64, take_u64},
    scalar::{duration::Duration, net, quantity::Quantity, semver::Version, time::Time},
    types::Type,
};

/// Errors beyond these are not told.
const MAX_ERRORS: usize = 64;
/// The most bytes of a fact.
const MAX_BYTES: usize = 256 << 20;
/// Records in records, at most so deep.
const MAX_DEPTH: usize = 128;

pub(super) fn build(layout: &Arc<Layout>, json: &Json, at: &[String]) -> Result<Fact, Vec<FactError>> {
    let mut builder = Builder {
        layout,
        bytes: layout.prefix().to_vec(),
        dyns: layout.dyns().to_vec(),
        errors: Vec::new(),
        path: JsonPath::keys(at),
        object_id: object_id(json),
        roles: roles(layout),
        depth: 0,
    };
    if let Some(root) = builder.blank(RecordId(0)) {
        builder.record(RecordId(0), root, json, None);
    }
    if builder.errors.is_empty() {
        Ok(Fact { layout: Arc::clone(layout), bytes: builder.bytes, dyns: builder.dyns })
    } else {
        Err(builder.errors)
    }
}

/// `namespace/name`, or `name`.
fn object_id(json: &Json) -> Option<String> {
    let text = |key| json.at(&["metadata", key]).and_then(Json::as_str);
    let name = text("name").or_else(|| text("generateName"))?;
    Some(text("namespace").map_or_else(|| name.to_owned(), |namespace| format!("{namespace}/{name}")))
}

/// The roles that JSON keys give to their elements, from every joined list of the root.
fn roles(layout: &Layout) -> BTreeMap<String, String> {
    let fields = layout.root().records.iter().flat_map(|record| &record.fields);
    let mut roles = BTreeMap::new();
    for field in fields {
        if let FieldSource::Concat(sources) = &field.source {
            roles.extend(sources.iter().cloned());
        }
    }
    roles
}

struct Builder<'l> {
    layout: &'l Arc<Layout>,
    bytes: Vec<u8>,
    dyns: Vec<Arc<Json>>,
    errors: Vec<FactError>,
    path: JsonPath,
    object_id: Option<String>,
    roles: BTreeMap<String, String>,
    depth: usize,
}

/// Whether something was written into a slot. Errors are in the builder.
type Written = bool;

impl<'l> Builder<'l> {
    fn error(&mut self, message: impl Into<String>) -> Written {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(FactError { path: self.path.to_string(), message: message.into() });
        }
        false
    }

    fn wrong(&mut self, expected: &str, found: &Json) -> Written {
        self.error(format!("expected {expected}, found {}", found.form()))
    }

    /// Room for `size` bytes at the end, of zeros.
    fn room(&mut self, size: usize) -> Option<u32> {
        let at = self.bytes.len().checked_next_multiple_of(WORD as usize)?;
        let end = at.checked_add(size).filter(|end| *end <= MAX_BYTES);
        let Some(end) = end else {
            self.error("this object is too large");
            return None;
        };
        self.bytes.resize(end, 0);
        u32::try_from(at).ok()
    }

    /// A copy of a record's blank at the end.
    fn blank(&mut self, id: RecordId) -> Option<u32> {
        let size = self.layout.record(id)?.size;
        let at = self.room(size as usize)?;
        self.write_blank(id, at);
        Some(at)
    }

    fn write_blank(&mut self, id: RecordId, at: u32) {
        let Some(record) = self.layout.record(id) else { return };
        let from = record.blank as usize;
        let (at, size) = (at as usize, record.size as usize);
        if from + size <= self.bytes.len() && at + size <= self.bytes.len() {
            self.bytes.copy_within(from..from + size, at);
        }
    }

    fn set_bit(&mut self, at: u32, bit: u32) {
        let at = at.saturating_add(bit / 64 * WORD);
        let word = take_u64(&self.bytes, at) | 1 << (bit % 64);
        put_u64(&mut self.bytes, at, word);
    }

    fn at_step(&mut self, step: Step, work: impl FnOnce(&mut Self) -> Written) -> Written {
        self.path.steps.push(step);
        let written = work(self);
        self.path.steps.pop();
        written
    }

    fn at_key(&mut self, key: &str, work: impl FnOnce(&mut Self) -> Written) -> Written {
        self.at_step(Step::Key(key.to_owned()), work)
    }

    /// Fills the record at `at`, which is a copy of its blank.
    fn record(&mut self, id: RecordId, at: u32, json: &Json, role: Option<&str>) -> Written {
        if !matches!(json, Json::Object(_)) {
            return self.wrong("an object", json);
        }
        if self.depth >= MAX_DEPTH {
            return self.error("this is nested too deeply");
        }
        let layout = self.layout;
        let (Some(demand), Some(record)) = (layout.root().records.get(id.index()), layout.record(id)) else {
            return false;
        };
        self.depth += 1;
        for ((bit, demand), field) in (0u32..).zip(&demand.fields).zip(&record.fields) {
            if self.field(demand, &field.slot, at.saturating_add(field.at), json, role) {
                self.set_bit(at, bit);
            }
        }
        self.depth -= 1;
        true
    }

    fn field(
        &mut self,
        demand: &FieldDemand,
        slot: &'l SlotLayout,
        at: u32,
        json: &Json,
        role: Option<&str>,
    ) -> Written {
        match &demand.source {
            FieldSource::Json => {
                let Some(value) = json.get(&demand.name).filter(|value| !value.is_null()) else {
                    return false;
                };
                let role = self.roles.get(&demand.name).cloned();
                let role = role.as_deref().unwrap_or(&demand.name);
                self.at_key(&demand.name, |b| b.slot(slot, at, value, role))
            }
            FieldSource::Concat(sources) => self.joined(sources, slot, at, json),
            FieldSource::Role => role.is_some_and(|role| self.text(at, role)),
            FieldSource::ObjectId => self.object_id.clone().is_some_and(|id| self.text(at, &id)),
        }
    }

    fn text(&mut self, at: u32, text: &str) -> Written {
        let start = self.bytes.len();
        let (Ok(offset), Ok(len)) = (u32::try_from(start), u32::try_from(text.len())) else {
            return self.error("this object is too large");
        };
        if start.saturating_add(text.len()) > MAX_BYTES {
            return self.error("this object is too large");
        }
        self.bytes.extend_from_slice(text.as_bytes());
        put_u64(&mut self.bytes, at, pair(offset, len));
        true
    }

    /// Fills a slot with a value that is not `null`. Records below it have `role`.
    fn slot(&mut self, slot: &'l SlotLayout, at: u32, json: &Json, role: &str) -> Written {
        match slot {
            SlotLayout::Scalar(ty) => self.scalar(ty, at, json),
            SlotLayout::Inline(id) => self.record(*id, at, json, Some(role)),
            SlotLayout::Boxed(id) => {
                let Some(boxed) = self.blank(*id) else { return false };
                put_u64(&mut self.bytes, at, u64::from(boxed));
                self.record(*id, boxed, json, Some(role))
            }
            SlotLayout::List { .. } => {
                let Json::Array(items) = json else { return self.wrong("a list", json) };
                let items = items.iter().enumerate().map(|(i, item)| Element { source: 0, index: i, item });
                self.list(slot, at, &items.collect::<Vec<_>>(), &[(None, role)])
            }
            SlotLayout::Map { .. } => self.map(slot, at, json, role),
        }
    }

    /// Several sibling lists as one.
    fn joined(
        &mut self,
        sources: &[(String, String)],
        slot: &'l SlotLayout,
        at: u32,
        json: &Json,
    ) -> Written {
        let mut elements = Vec::new();
        let mut written = false;
        for (source, (key, _)) in sources.iter().enumerate() {
            match json.get(key) {
                None | Some(Json::Null) => {}
                Some(Json::Array(items)) => {
                    written = true;
                    elements.extend(items.iter().enumerate().map(|(index, item)| Element {
                        source,
                        index,
                        item,
                    }));
                }
                Some(other) => {
                    self.at_key(key, |b| b.wrong("a list", other));
                }
            }
        }
        let sources: Vec<_> = sources.iter().map(|(key, role)| (Some(key.as_str()), role.as_str())).collect();
        written && self.list(slot, at, &elements, &sources)
    }

    /// A list slot; `sources` are the keys (if not already in the path) and roles that elements refer to.
    fn list(
        &mut self,
        slot: &'l SlotLayout,
        at: u32,
        elements: &[Element<'_>],
        sources: &[(Option<&str>, &str)],
    ) -> Written {
        let SlotLayout::List { element, head, stride } = slot else { return false };
        let is_record = matches!(**element, SlotLayout::Inline(_));
        let kept: Vec<&Element<'_>> = elements.iter().filter(|e| is_record || !e.item.is_null()).collect();
        let Some(first) = kept.len().checked_mul(*stride as usize).and_then(|size| self.room(size)) else {
            return self.error("this list is too long");
        };
        let list_at = at;
        let mut at = first;
        let mut count = 0u32;
        for Element { source, index, item } in kept {
            let (key, role) = sources.get(*source).copied().unwrap_or((None, ""));
            if is_record {
                let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
                put_u64(&mut self.bytes, at, pair(number(*source), number(*index)));
            }
            let slot_at = at.saturating_add(*head);
            let fill = |b: &mut Self| {
                b.at_step(Step::Index(*index), |b| {
                    if let SlotLayout::Inline(id) = &**element {
                        b.write_blank(*id, slot_at);
                    }
                    if item.is_null() {
                        b.null_record(element, slot_at, role)
                    } else {
                        b.slot(element, slot_at, item, role)
                    }
                })
            };
            let written = match key {
                Some(key) => self.at_key(key, fill),
                None => fill(self),
            };
            if written {
                count = count.saturating_add(1);
                at = at.saturating_add(*stride);
            }
        }
        put_u64(&mut self.bytes, list_at, pair(first, count));
        true
    }

    /// A `null` among records: a blank one that knows its role.
    fn null_record(&mut self, element: &'l SlotLayout, at: u32, role: &str) -> Written {
        let SlotLayout::Inline(id) = element else { return false };
        self.record(*id, at, &Json::Object(Vec::new()), Some(role))
    }

    fn map(&mut self, slot: &'l SlotLayout, at: u32, json: &Json, role: &str) -> Written {
        let SlotLayout::Map { value, keys, keys_at, key_stride, whole_at, stride } = slot else {
            return false;
        };
        let Json::Object(entries) = json else { return self.wrong("an object", json) };
        let mut key_at = at.saturating_add(*keys_at);
        for (bit, key) in (0u32..).zip(keys) {
            if let Some(item) = json.get(key).filter(|item| !item.is_null())
                && self.at_key(key, |b| b.value(value, key_at, item, role))
            {
                self.set_bit(at, bit);
            }
            key_at = key_at.saturating_add(*key_stride);
        }
        let Some(whole_at) = whole_at else { return true };
        let mut entries: Vec<_> = entries.iter().filter(|(_, item)| !item.is_null()).collect();
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        let Some(first) = entries.len().checked_mul(*stride as usize).and_then(|size| self.room(size)) else {
            return self.error("this map is too large");
        };
        let mut count = 0u32;
        let mut at_entry = first;
        for (key, item) in entries {
            let slot_at = at_entry.saturating_add(WORD);
            if self.at_key(key, |b| b.text(at_entry, key) && b.value(value, slot_at, item, role)) {
                count = count.saturating_add(1);
                at_entry = at_entry.saturating_add(*stride);
            }
        }
        put_u64(&mut self.bytes, at.saturating_add(*whole_at), pair(first, count));
        true
    }

    /// A map's value: like a slot, but records and maps below it begin blank.
    fn value(&mut self, slot: &'l SlotLayout, at: u32, json: &Json, role: &str) -> Written {
        if let SlotLayout::Inline(id) = slot {
            self.write_blank(*id, at);
        }
        self.slot(slot, at, json, role)
    }

    fn scalar(&mut self, ty: &Type, at: u32, json: &Json) -> Written {
        match (ty, json) {
            (Type::Bool, Json::Bool(value)) => {
                put_u64(&mut self.bytes, at, u64::from(*value));
                true
            }
            (Type::Int | Type::Port, Json::Int(value)) => {
                put_u64(&mut self.bytes, at, value.cast_unsigned());
                true
            }
            (Type::Dyn, json) => {
                put_u64(&mut self.bytes, at, self.dyns.len() as u64);
                self.dyns.push(Arc::new(json.clone()));
                true
            }
            (Type::Quantity, Json::Int(_) | Json::Float(_)) => self.checked(ty, at, &json.to_string()),
            (Type::Bool | Type::Int | Type::Port, found) => self.wrong(expected(ty), found),
            (ty, Json::Str(text)) => self.checked(ty, at, text),
            (ty, found) => self.wrong(expected(ty), found),
        }
    }

    /// A text, checked against its type. Types that stay text take any.
    fn checked(&mut self, ty: &Type, at: u32, text: &str) -> Written {
        let error = match ty {
            Type::Quantity => Quantity::parse(text).err(),
            Type::Duration | Type::Time | Type::Semver | Type::Ip | Type::Cidr if text.is_empty() => {
                return false;
            }
            Type::Duration => Duration::parse(text).err(),
            Type::Time => Time::parse(text).err(),
            Type::Semver => Version::parse(text).err(),
            Type::Ip => net::Ip::parse(text).err(),
            Type::Cidr => net::Cidr::parse_masked(text).err(),
            Type::Str
            | Type::Path
            | Type::Image
            | Type::ImagePrefix
            | Type::Host
            | Type::HostPattern
            | Type::Capability
            | Type::Glob
            | Type::Regex
            | Type::Bool
            | Type::Int
            | Type::Port
            | Type::Dyn
            | Type::Record(_)
            | Type::List(_)
            | Type::Set(_)
            | Type::Map(_) => None,
        };
        match error {
            None => self.text(at, text),
            Some(error) => {
                let shown: Cow<'_, str> =
                    if text.len() > 80 { "this text".into() } else { format!("`{text}`").into() };
                self.error(format!("{shown} is not {}: {error}", expected(ty)))
            }
        }
    }
}

/// One element of a list, with where it stands.
struct Element<'j> {
    source: usize,
    index: usize,
    item: &'j Json,
}

/// What a scalar slot expects, for messages.
fn expected(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "a boolean",
        Type::Int => "an integer",
        Type::Port => "a port number",
        Type::Quantity => "a quantity",
        Type::Duration => "a duration",
        Type::Time => "a time",
        Type::Semver => "a version",
        Type::Ip => "an IP address",
        Type::Cidr => "a block of addresses",
        Type::Str
        | Type::Path
        | Type::Image
        | Type::ImagePrefix
        | Type::Host
        | Type::HostPattern
        | Type::Capability
        | Type::Glob
        | Type::Regex => "a string",
        Type::Dyn => "a value",
        Type::Record(_) => "an object",
        Type::List(_) | Type::Set(_) => "a list",
        Type::Map(_) => "an object",
    }
}
