//! Where each demanded field of a root lies in a fact's bytes.
//!
//! ```text
//! fact     ┌ texts of defaults ┬ blank of record 0 ┬ blank of record 1 ┬ … ┬ root record ┬ arena: texts, lists, … ┐
//!          └──────────────── prefix: equal in all facts of a layout ──────┘ at `root_at`
//! record   ┌ presence words, one bit per field: "somebody wrote it" ┬ slot of field 0 ┬ slot of field 1 ┬ …
//! slots    bool, int        the value, 8 bytes
//!          other scalars    offset u32, length u32 of the text        (parsed again when read; checked when built)
//!          dyn              index into the fact's table of JSON values
//!          record           inline: its bytes; boxed: offset u32 of its bytes (recursive or large records)
//!          list             offset u32, count u32; elements at a fixed stride
//!                           (an element that is a record: source u32, index u32, then the record)
//!          map              presence words of the named keys ┬ a slot per key ┬ if whole: offset u32, count u32
//!                           (entries sorted by key: offset u32, length u32 of the key, then the value's slot)
//! ```
//!
//! All numbers are little-endian; slots are aligned to 8. The *blank* of a record is what an absent record reads as:
//! no presence bits, defaults in their slots, boxes that lead to blanks. So every read is one at a constant offset,
//! from the record or from its blank.

use std::sync::Arc;

use crate::{
    ir::{Const, RecordId, Root, SlotTy},
    json::Json,
    types::Type,
};

/// The bytes of most slots, and the alignment of all.
pub const WORD: u32 = 8;
/// A record larger than this does not stand inside another one.
const MAX_INLINE: u32 = 2048;
/// Records inside records inside records, at most so deep.
const MAX_NESTING: usize = 32;
/// The most bytes of a prefix.
const MAX_PREFIX: u32 = 16 << 20;

/// The layout of one root.
#[derive(Debug)]
pub struct Layout {
    root: Root,
    records: Vec<RecordLayout>,
    prefix: Vec<u8>,
    dyns: Vec<Arc<Json>>,
}

/// The layout of one record.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordLayout {
    /// All its bytes.
    pub size: u32,
    /// Its blank in the prefix.
    pub blank: u32,
    /// Its fields; field `i` has presence bit `i`.
    pub fields: Vec<FieldLayout>,
}

/// The layout of one field.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldLayout {
    /// Its slot, from the record's beginning.
    pub at: u32,
    /// What the slot is.
    pub slot: SlotLayout,
    /// Whether the blank has a value for it.
    pub has_default: bool,
}

/// What a slot is.
#[derive(Clone, Debug, PartialEq)]
pub enum SlotLayout {
    /// A scalar or `dyn`.
    Scalar(Type),
    /// A record's bytes.
    Inline(RecordId),
    /// The offset of a record's bytes.
    Boxed(RecordId),
    /// A list.
    List {
        /// An element's slot.
        element: Box<SlotLayout>,
        /// Where the slot begins in an element: after the origin of a record.
        head: u32,
        /// From one element to the next.
        stride: u32,
    },
    /// A map.
    Map {
        /// A value's slot.
        value: Box<SlotLayout>,
        /// The named keys; key `i` has presence bit `i` of the map's words.
        keys: Vec<String>,
        /// The slot of the first key, from the map's beginning; the others follow.
        keys_at: u32,
        /// From one key's slot to the next.
        key_stride: u32,
        /// Where all entries are told, from the map's beginning.
        whole_at: Option<u32>,
        /// From one entry to the next.
        stride: u32,
    },
}

/// Why a root cannot be laid out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// The records and defaults need too many bytes.
    #[error("its records are too large")]
    TooLarge,
    /// A slot names a record that the root does not have.
    #[error("it has no record {0:?}")]
    NoRecord(RecordId),
    /// Lists of lists of lists.
    #[error("its types are nested too deeply")]
    TooDeep,
    /// A default does not fit its slot.
    #[error("the default of `{0}` does not fit its type")]
    Default(String),
}

impl Layout {
    /// Lays a root out.
    ///
    /// # Errors
    /// When it is malformed or needs too many bytes.
    pub fn new(root: &Root) -> Result<Layout, LayoutError> {
        let mut sizer = Sizer { root, done: vec![None; root.records.len()], open: Vec::new() };
        for index in 0..root.records.len() {
            sizer.record(record_id(index)?)?;
        }
        let mut records: Vec<RecordLayout> = sizer.done.into_iter().flatten().collect();
        let sizes: Vec<u32> = records.iter().map(|record| record.size).collect();
        for field in records.iter_mut().flat_map(|record| &mut record.fields) {
            set_strides(&mut field.slot, &sizes)?;
        }
        let mut layout = Layout { root: root.clone(), records, prefix: Vec::new(), dyns: Vec::new() };
        layout.write_blanks()?;
        Ok(layout)
    }

    /// The demand that this is the layout of.
    #[must_use]
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// The layout of a record.
    #[must_use]
    pub fn record(&self, id: RecordId) -> Option<&RecordLayout> {
        self.records.get(id.index())
    }

    /// The layout of a record's field.
    #[must_use]
    pub fn field(&self, record: RecordId, field: u32) -> Option<&FieldLayout> {
        self.record(record)?.fields.get(field as usize)
    }

    /// The first bytes of every fact.
    #[must_use]
    pub fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// The first JSON values of every fact's table: defaults of type `dyn`.
    #[must_use]
    pub fn dyns(&self) -> &[Arc<Json>] {
        &self.dyns
    }

    /// Where the root record begins.
    #[must_use]
    pub fn root_at(&self) -> u32 {
        u32::try_from(self.prefix.len()).unwrap_or(u32::MAX)
    }

    /// Texts of defaults and blanks of records, in this order.
    fn write_blanks(&mut self) -> Result<(), LayoutError> {
        let mut pool = Vec::new();
        let mut slots: Vec<Vec<Option<u64>>> = Vec::with_capacity(self.records.len());
        for record in &self.root.records {
            let mut row = Vec::with_capacity(record.fields.len());
            for field in &record.fields {
                let wrong = || LayoutError::Default(field.name.clone());
                row.push(match (&field.default, &field.slot) {
                    (None, _) => None,
                    (Some(default), SlotTy::Scalar(ty)) => {
                        Some(default_slot(default, ty, &mut pool, &mut self.dyns).ok_or_else(wrong)?)
                    }
                    (Some(_), SlotTy::Record(_) | SlotTy::List(_) | SlotTy::Map { .. }) => {
                        return Err(wrong());
                    }
                });
            }
            slots.push(row);
        }
        let mut at = aligned(u32::try_from(pool.len()).map_err(|_| LayoutError::TooLarge)?)?;
        pool.resize(at as usize, 0);
        for record in &mut self.records {
            record.blank = at;
            at = at.checked_add(record.size).filter(|end| *end <= MAX_PREFIX).ok_or(LayoutError::TooLarge)?;
        }
        pool.resize(at as usize, 0);
        for index in 0..self.records.len() {
            if let Some(record) = self.records.get(index) {
                self.blank(&mut pool, record_id(index)?, record.blank, &slots);
            }
        }
        self.prefix = pool;
        Ok(())
    }

    /// Writes the blank of `record` at `at`; inline records are at most [`MAX_NESTING`] deep.
    fn blank(&self, bytes: &mut [u8], record: RecordId, at: u32, defaults: &[Vec<Option<u64>>]) {
        let Some(layout) = self.record(record) else { return };
        for (index, field) in layout.fields.iter().enumerate() {
            if let Some(Some(slot)) = defaults.get(record.index()).and_then(|row| row.get(index)) {
                put_u64(bytes, at + field.at, *slot);
            }
            self.blank_slot(bytes, &field.slot, at + field.at, defaults);
        }
    }

    fn blank_slot(&self, bytes: &mut [u8], slot: &SlotLayout, at: u32, defaults: &[Vec<Option<u64>>]) {
        match slot {
            SlotLayout::Inline(record) => self.blank(bytes, *record, at, defaults),
            SlotLayout::Boxed(record) => {
                put_u64(bytes, at, self.record(*record).map_or(0, |r| u64::from(r.blank)));
            }
            SlotLayout::Map { value, keys, keys_at, key_stride, .. } => {
                let mut key_at = at + keys_at;
                for _ in keys {
                    self.blank_slot(bytes, value, key_at, defaults);
                    key_at += key_stride;
                }
            }
            SlotLayout::Scalar(_) | SlotLayout::List { .. } => {}
        }
    }
}

/// Decides which records stand inside others, and so the sizes. A record on the way down (`open`) is boxed, so there
/// are no cycles of inline records.
struct Sizer<'r> {
    root: &'r Root,
    done: Vec<Option<RecordLayout>>,
    open: Vec<RecordId>,
}

impl Sizer<'_> {
    fn record(&mut self, id: RecordId) -> Result<u32, LayoutError> {
        if let Some(Some(done)) = self.done.get(id.index()) {
            return Ok(done.size);
        }
        let root = self.root;
        let demand = root.records.get(id.index()).ok_or(LayoutError::NoRecord(id))?;
        self.open.push(id);
        let mut size = words(demand.fields.len())?;
        let mut fields = Vec::with_capacity(demand.fields.len());
        for field in &demand.fields {
            let (slot, bytes) = self.slot(&field.slot, 0)?;
            fields.push(FieldLayout { at: size, slot, has_default: field.default.is_some() });
            size = plus(size, bytes)?;
        }
        self.open.pop();
        if let Some(done) = self.done.get_mut(id.index()) {
            *done = Some(RecordLayout { size, blank: 0, fields });
        }
        Ok(size)
    }

    /// The slot and its bytes. Strides are set later, when all sizes are known.
    fn slot(&mut self, ty: &SlotTy, depth: usize) -> Result<(SlotLayout, u32), LayoutError> {
        if depth > MAX_NESTING {
            return Err(LayoutError::TooDeep);
        }
        match ty {
            SlotTy::Scalar(ty) => Ok((SlotLayout::Scalar(ty.clone()), WORD)),
            SlotTy::Record(id) => {
                if self.root.records.get(id.index()).is_none() {
                    return Err(LayoutError::NoRecord(*id));
                }
                if self.open.contains(id) || self.open.len() >= MAX_NESTING {
                    return Ok((SlotLayout::Boxed(*id), WORD));
                }
                let size = self.record(*id)?;
                Ok(if size > MAX_INLINE {
                    (SlotLayout::Boxed(*id), WORD)
                } else {
                    (SlotLayout::Inline(*id), size)
                })
            }
            SlotTy::List(element) => {
                let (element, head) = self.element(element, depth)?;
                Ok((SlotLayout::List { element: Box::new(element), head, stride: 0 }, WORD))
            }
            SlotTy::Map { value, keys, whole } => {
                let (value, key_stride) = self.slot(value, depth + 1)?;
                let keys_at = words(keys.len())?;
                let count = u32::try_from(keys.len()).map_err(|_| LayoutError::TooLarge)?;
                let keys_end = plus(keys_at, key_stride.checked_mul(count).ok_or(LayoutError::TooLarge)?)?;
                let size = plus(keys_end, if *whole { WORD } else { 0 })?;
                let slot = SlotLayout::Map {
                    value: Box::new(value),
                    keys: keys.clone(),
                    keys_at,
                    key_stride,
                    whole_at: whole.then_some(keys_end),
                    stride: 0,
                };
                Ok((slot, size))
            }
        }
    }

    /// An element of a list: records stand in the list's block, whatever their size, behind their origin.
    fn element(&mut self, ty: &SlotTy, depth: usize) -> Result<(SlotLayout, u32), LayoutError> {
        if let SlotTy::Record(id) = ty {
            return Ok((SlotLayout::Inline(*id), WORD));
        }
        Ok((self.slot(ty, depth + 1)?.0, 0))
    }
}

fn set_strides(slot: &mut SlotLayout, sizes: &[u32]) -> Result<(), LayoutError> {
    match slot {
        SlotLayout::Scalar(_) | SlotLayout::Inline(_) | SlotLayout::Boxed(_) => Ok(()),
        SlotLayout::List { element, head, stride } => {
            set_strides(element, sizes)?;
            *stride = plus(*head, slot_size(element, sizes)?)?;
            Ok(())
        }
        SlotLayout::Map { value, stride, .. } => {
            set_strides(value, sizes)?;
            *stride = plus(WORD, slot_size(value, sizes)?)?;
            Ok(())
        }
    }
}

fn slot_size(slot: &SlotLayout, sizes: &[u32]) -> Result<u32, LayoutError> {
    match slot {
        SlotLayout::Scalar(_) | SlotLayout::Boxed(_) | SlotLayout::List { .. } => Ok(WORD),
        SlotLayout::Inline(id) => sizes.get(id.index()).copied().ok_or(LayoutError::NoRecord(*id)),
        SlotLayout::Map { keys, keys_at, key_stride, whole_at, .. } => {
            let count = u32::try_from(keys.len()).map_err(|_| LayoutError::TooLarge)?;
            let keys_end = plus(*keys_at, key_stride.checked_mul(count).ok_or(LayoutError::TooLarge)?)?;
            plus(keys_end, whole_at.map_or(0, |_| WORD))
        }
    }
}

/// A default as its slot: the value, or where its text or JSON value is.
fn default_slot(default: &Const, ty: &Type, pool: &mut Vec<u8>, dyns: &mut Vec<Arc<Json>>) -> Option<u64> {
    let text = match (default, ty) {
        (Const::Bool(value), Type::Bool) => return Some(u64::from(*value)),
        (Const::Int(value), Type::Int | Type::Port) => return Some(value.cast_unsigned()),
        (Const::Dyn(text), Type::Dyn) => {
            let json: serde_json::Value = serde_json::from_str(text).ok()?;
            dyns.push(Arc::new(Json::from(json)));
            return u64::try_from(dyns.len() - 1).ok();
        }
        (Const::Text(text), ty) if ty.is_text() => text.clone(),
        (Const::Quantity(value), Type::Quantity) => value.to_string(),
        (Const::Duration(value), Type::Duration) => value.to_string(),
        (Const::Time(value), Type::Time) => value.to_string(),
        (Const::Version(value), Type::Semver) => value.to_string(),
        (Const::Ip(value), Type::Ip) => value.to_string(),
        (Const::Cidr(value), Type::Cidr) => value.to_string(),
        _ => return None,
    };
    let at = u32::try_from(pool.len()).ok()?;
    let len = u32::try_from(text.len()).ok()?;
    pool.extend_from_slice(text.as_bytes());
    Some(pair(at, len))
}

/// The bytes of the presence words of `count` fields or keys.
fn words(count: usize) -> Result<u32, LayoutError> {
    u32::try_from(count.div_ceil(64)).ok().and_then(|n| n.checked_mul(WORD)).ok_or(LayoutError::TooLarge)
}

fn plus(a: u32, b: u32) -> Result<u32, LayoutError> {
    a.checked_add(b).filter(|sum| *sum <= MAX_PREFIX).ok_or(LayoutError::TooLarge)
}

fn aligned(at: u32) -> Result<u32, LayoutError> {
    at.checked_next_multiple_of(WORD).filter(|at| *at <= MAX_PREFIX).ok_or(LayoutError::TooLarge)
}

fn record_id(index: usize) -> Result<RecordId, LayoutError> {
    u32::try_from(index).map(RecordId).map_err(|_| LayoutError::TooLarge)
}

/// Two numbers in one word: the first in the low half, so first in memory.
pub(crate) fn pair(first: u32, second: u32) -> u64 {
    u64::from(first) | (u64::from(second) << 32)
}

/// The two numbers of a [`pair`].
pub(crate) fn halves(word: u64) -> (u32, u32) {
    (word as u32, (word >> 32) as u32)
}

pub(crate) fn put_u64(bytes: &mut [u8], at: u32, value: u64) {
    let at = at as usize;
    if let Some(slot) = bytes.get_mut(at..at.saturating_add(8)) {
        slot.copy_from_slice(&value.to_le_bytes());
    }
}

pub(crate) fn take_u64(bytes: &[u8], at: u32) -> u64 {
    let at = at as usize;
    bytes
        .get(at..at.saturating_add(8))
        .and_then(|slot| <[u8; 8]>::try_from(slot).ok())
        .map_or(0, u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{field, record, root};

    #[test]
    fn records_stand_inside_records() {
        let root = root(
            "Pod",
            vec![
                record(
                    "Pod",
                    vec![field("a", SlotTy::Scalar(Type::Int)), field("spec", SlotTy::Record(RecordId(1)))],
                ),
                record("Spec", vec![field("b", SlotTy::Scalar(Type::Str))]),
            ],
        );
        let layout = Layout::new(&root).unwrap();
        assert_eq!(layout.field(RecordId(0), 1).unwrap().slot, SlotLayout::Inline(RecordId(1)));
        assert_eq!(layout.record(RecordId(1)).unwrap().size, 16);
        assert_eq!(layout.record(RecordId(0)).unwrap().size, 8 + 8 + 16);
    }

    #[test]
    fn a_recursive_record_is_boxed() {
        let root = root(
            "Schema",
            vec![
                record("Schema", vec![field("not", SlotTy::Record(RecordId(1)))]),
                record("Props", vec![field("not", SlotTy::Record(RecordId(0)))]),
            ],
        );
        let layout = Layout::new(&root).unwrap();
        assert_eq!(layout.field(RecordId(0), 0).unwrap().slot, SlotLayout::Inline(RecordId(1)));
        assert_eq!(layout.field(RecordId(1), 0).unwrap().slot, SlotLayout::Boxed(RecordId(0)));
    }

    #[test]
    fn doubling_records_do_not_blow_up() {
        let mut records: Vec<_> = (0..40)
            .map(|i| {
                let next = SlotTy::Record(RecordId(i + 1));
                record("R", vec![field("a", next.clone()), field("b", next)])
            })
            .collect();
        records.push(record("R", vec![field("x", SlotTy::Scalar(Type::Int))]));
        let layout = Layout::new(&root("R", records)).unwrap();
        assert!(layout.prefix().len() < 1 << 20);
    }
}
