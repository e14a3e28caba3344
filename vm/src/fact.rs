//! One input in flat form: the demanded fields of one JSON value, and nothing else of it.
//!
//! A fact is bytes at the offsets that its [`Layout`] fixes, and a table of the JSON values that stay JSON (`dyn`).
//! It is built once per review ([`Fact::build`]), where every text is checked against its type, so that reading
//! never fails. The readers here serve the reference engine; faster engines read the bytes themselves.

mod build;

use std::{fmt, sync::Arc};

use crate::{
    ir::{RecordId, SlotTy},
    json::Json,
    layout::{FieldLayout, Layout, SlotLayout, WORD, halves, take_u64},
    types::Type,
    value::{RecordRef, Value},
};

/// One input in flat form.
pub struct Fact {
    layout: Arc<Layout>,
    bytes: Vec<u8>,
    dyns: Vec<Arc<Json>>,
}

/// A place in the JSON that does not have the form of its kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{message}", path, if path.is_empty() { "" } else { ": " })]
pub struct FactError {
    /// Where: `spec.containers[0].image`.
    pub path: String,
    /// What: `expected a boolean, found a string`.
    pub message: String,
}

impl fmt::Debug for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fact({}, {} bytes)", self.layout.root().name, self.bytes.len())
    }
}

impl Fact {
    /// Keeps the demanded fields of `json`. `at` is the path of `json` in the object, for errors.
    ///
    /// # Errors
    /// Every place (up to a bound) whose value does not have the form that the demand expects.
    pub fn build(layout: &Arc<Layout>, json: &Json, at: &[String]) -> Result<Arc<Fact>, Vec<FactError>> {
        build::build(layout, json, at).map(Arc::new)
    }

    /// The same, without room to grow: for facts that are kept.
    pub(crate) fn build_kept(layout: &Arc<Layout>, json: &Json) -> Result<Arc<Fact>, Vec<FactError>> {
        let mut fact = build::build(layout, json, &[])?;
        fact.bytes.shrink_to_fit();
        fact.dyns.shrink_to_fit();
        Ok(Arc::new(fact))
    }

    /// Its memory in bytes, with what it points to. Defaults of type `dyn` are the layout's.
    pub(crate) fn memory(&self) -> usize {
        let dyns: usize = self.dyns.iter().skip(self.layout.dyns().len()).map(|json| json.memory()).sum();
        let table = self.dyns.capacity() * size_of::<Arc<Json>>();
        size_of::<Fact>() + self.bytes.capacity() + table + dyns
    }

    /// A fact that somebody else filled.
    pub(crate) fn from_parts(layout: Arc<Layout>, bytes: Vec<u8>, dyns: Vec<Arc<Json>>) -> Fact {
        Fact { layout, bytes, dyns }
    }

    /// What is filled.
    pub(crate) fn buffers(&mut self) -> (&mut Vec<u8>, &mut Vec<Arc<Json>>) {
        (&mut self.bytes, &mut self.dyns)
    }

    /// The layout.
    #[must_use]
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// The bytes: prefix, root record, arena.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The JSON values of `dyn` slots.
    #[must_use]
    pub fn dyns(&self) -> &[Arc<Json>] {
        &self.dyns
    }

    /// The root record.
    #[must_use]
    pub fn root(self: &Arc<Self>) -> RecordRef {
        RecordRef { fact: Arc::clone(self), record: RecordId(0), at: self.layout.root_at() }
    }

    fn text(&self, slot: u64) -> &str {
        let (at, len) = halves(slot);
        let at = at as usize;
        let bytes = self.bytes.get(at..at.saturating_add(len as usize)).unwrap_or_default();
        str::from_utf8(bytes).unwrap_or_default()
    }

    fn bit(&self, at: u32, bit: u32) -> bool {
        let word = take_u64(&self.bytes, at.saturating_add(bit / 64 * WORD));
        word >> (bit % 64) & 1 == 1
    }
}

impl RecordRef {
    /// The record's name in the catalog.
    #[must_use]
    pub fn name(&self) -> &str {
        self.fact.layout.root().records.get(self.record.index()).map_or("", |record| &record.name)
    }

    fn slot(&self, field: u32) -> Option<&FieldLayout> {
        self.fact.layout.field(self.record, field)
    }

    /// Whether somebody wrote the field.
    #[must_use]
    pub fn written(&self, field: u32) -> bool {
        self.slot(field).is_some() && self.fact.bit(self.at, field)
    }

    /// The field's value: what was written, else its default, else absent.
    #[must_use]
    pub fn field(&self, field: u32) -> Value {
        match self.slot(field) {
            Some(slot) if slot.has_default || self.fact.bit(self.at, field) => {
                self.read(&slot.slot, self.at.saturating_add(slot.at))
            }
            Some(_) | None => Value::Absent,
        }
    }

    /// The field that the demand calls `name`.
    #[must_use]
    pub fn field_named(&self, name: &str) -> Value {
        let record = self.fact.layout.root().records.get(self.record.index());
        let index = record.and_then(|record| record.fields.iter().position(|field| field.name == name));
        index.and_then(|index| u32::try_from(index).ok()).map_or(Value::Absent, |index| self.field(index))
    }

    /// The value under a named key of a map field.
    #[must_use]
    pub fn map_key(&self, field: u32, key: u32) -> Value {
        match self.slot(field) {
            Some(FieldLayout {
                at, slot: SlotLayout::Map { value, keys, keys_at, key_stride, .. }, ..
            }) if (key as usize) < keys.len() && self.fact.bit(self.at, field) => {
                let map_at = self.at.saturating_add(*at);
                if !self.fact.bit(map_at, key) {
                    return Value::Absent;
                }
                let offset = keys_at.saturating_add(key.saturating_mul(*key_stride));
                self.read(value, map_at.saturating_add(offset))
            }
            Some(_) | None => Value::Absent,
        }
    }

    /// Where the element of a list field stood in the JSON: the number of its source (of a field that joins several
    /// lists, else 0) and its position there. Known for elements that are records.
    #[must_use]
    pub fn element_origin(&self, field: u32, index: usize) -> Option<(u32, u32)> {
        let slot = self.slot(field).filter(|_| self.fact.bit(self.at, field))?;
        let SlotLayout::List { head, stride, .. } = &slot.slot else { return None };
        let (at, count) = halves(take_u64(&self.fact.bytes, self.at.saturating_add(slot.at)));
        let index = u32::try_from(index).ok().filter(|index| *index < count && *head == WORD)?;
        Some(halves(take_u64(&self.fact.bytes, at.saturating_add(index.saturating_mul(*stride)))))
    }

    fn read(&self, slot: &SlotLayout, at: u32) -> Value {
        let fact = &self.fact;
        match slot {
            SlotLayout::Scalar(ty) => self.scalar(ty, take_u64(&fact.bytes, at)),
            SlotLayout::Inline(record) => {
                Value::Record(RecordRef { fact: Arc::clone(fact), record: *record, at })
            }
            SlotLayout::Boxed(record) => {
                let (at, _) = halves(take_u64(&fact.bytes, at));
                Value::Record(RecordRef { fact: Arc::clone(fact), record: *record, at })
            }
            SlotLayout::List { element, head, stride } => {
                let (first, count) = halves(take_u64(&fact.bytes, at));
                let at = |i: u32| first.saturating_add(i.saturating_mul(*stride)).saturating_add(*head);
                Value::List((0..count).map(|i| self.read(element, at(i))).collect())
            }
            SlotLayout::Map { value, keys, keys_at, key_stride, whole_at: None, .. } => {
                let mut entries = Vec::new();
                for (i, key) in (0u32..).zip(keys) {
                    if fact.bit(at, i) {
                        let slot = at.saturating_add(*keys_at).saturating_add(i.saturating_mul(*key_stride));
                        entries.push((Arc::from(key.as_str()), self.read(value, slot)));
                    }
                }
                entries.sort_by(|a: &(Arc<str>, Value), b| a.0.cmp(&b.0));
                Value::Map(entries.into())
            }
            SlotLayout::Map { value, whole_at: Some(whole_at), stride, .. } => {
                let (first, count) = halves(take_u64(&fact.bytes, at.saturating_add(*whole_at)));
                let entry = |i: u32| {
                    let at = first.saturating_add(i.saturating_mul(*stride));
                    let key = fact.text(take_u64(&fact.bytes, at));
                    (Arc::from(key), self.read(value, at.saturating_add(WORD)))
                };
                Value::Map((0..count).map(entry).collect())
            }
        }
    }

    fn scalar(&self, ty: &Type, slot: u64) -> Value {
        match ty {
            Type::Bool => Value::Bool(slot != 0),
            Type::Int | Type::Port => Value::Int(slot.cast_signed()),
            Type::Dyn => {
                let json = usize::try_from(slot).ok().and_then(|index| self.fact.dyns.get(index));
                json.map_or(Value::Absent, |json| Value::from_json(json))
            }
            Type::Str
            | Type::Duration
            | Type::Time
            | Type::Quantity
            | Type::Semver
            | Type::Ip
            | Type::Cidr
            | Type::Path
            | Type::Image
            | Type::ImagePrefix
            | Type::Host
            | Type::HostPattern
            | Type::Capability
            | Type::Glob
            | Type::Regex => Value::from_text(ty, self.fact.text(slot)).unwrap_or(Value::Absent),
            Type::Record(_) | Type::List(_) | Type::Set(_) | Type::Map(_) => Value::Absent,
        }
    }
}

/// What an absent record's field reads as: its default or absent. The same as reading the record's blank.
pub(crate) fn blank_field(layout_root: &crate::ir::Root, record: RecordId, field: u32) -> Value {
    let demand = layout_root.records.get(record.index()).and_then(|record| record.fields.get(field as usize));
    match demand {
        Some(crate::ir::FieldDemand { default: Some(default), slot: SlotTy::Scalar(ty), .. }) => {
            Value::from_const(default, &crate::ir::Ty::Scalar(ty.clone()))
        }
        Some(_) | None => Value::Absent,
    }
}

#[cfg(test)]
mod tests;
