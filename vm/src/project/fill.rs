//! One pass: fills the facts of a trie from the JSON at a cursor.
//!
//! A fact grows at its end, as `Fact::build` lets it grow, but in the order of the text. Lists whose length is not known
//! yet stand in blocks that double; where a block is outgrown its elements move (they hold no address of their own) and
//! the old place stays unused.
//!
//! The pass knows only the good case. As soon as a value has not the form that the demand expects, or something rare
//! turns up (a `null` in a whole map), it stops with [`Stop::Form`], and the caller builds the facts from a parsed value,
//! which tells every error.
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "what is not the good case stops the pass, whatever it is"
)]

use std::{cmp::Ordering, sync::Arc};

use super::{
    Stop,
    cursor::{Cursor, Raw},
    json,
    trie::{Action, Entry, MAX_TARGETS, NO_ROLE, Part, Place, Seen, Slot, Trie},
};
use crate::{
    ir::RecordId,
    json::Json,
    layout::{Layout, WORD, halves, pair, put_u64, take_u64},
    scalar::{duration::Duration, net, quantity::Quantity, semver::Version, time::Time},
    types::Type,
};

/// The most bytes of a fact: beyond it, `Fact::build` says what there is to say.
const MAX_BYTES: usize = 256 << 20;
/// The room of a list's first block, in elements that are records or maps' entries, and in others.
const FEW: u32 = 4;
const SOME: u32 = 8;

/// A fact while it is filled.
#[derive(Debug, Default)]
pub(super) struct Filling {
    pub(super) bytes: Vec<u8>,
    pub(super) dyns: Vec<Arc<Json>>,
    /// Whether the root was there.
    pub(super) begun: bool,
    /// Id fields: record, offset, bit. The id is known at the end.
    pub(super) ids: Vec<(u32, u32, u32)>,
    /// The slots of roles that are written already: all records of a role share its text.
    roles: Vec<(u32, u64)>,
}

/// Buffers of passes.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    pub(super) fillings: Vec<Filling>,
    /// The captured texts.
    pub(super) texts: Vec<Option<Vec<u8>>>,
    /// Texts with their escapes decoded.
    decoded: Vec<u8>,
    sorting: Vec<u8>,
    order: Vec<u32>,
}

pub(super) struct Pass<'p, 'b> {
    pub(super) trie: &'p Trie,
    pub(super) cursor: &'p mut Cursor<'b>,
    pub(super) buffers: &'p mut Buffers,
}

/// The records that one object fills: address and role.
type Frame = [(u32, u32); MAX_TARGETS];

type Written = Result<bool, Stop>;

impl Filling {
    pub(super) fn begin(&mut self, layout: &Layout) {
        let prefix = layout.prefix();
        self.bytes.truncate(prefix.len());
        if self.bytes.len() < prefix.len() {
            self.bytes.clear();
            self.bytes.extend_from_slice(prefix);
        }
        self.dyns.truncate(layout.dyns().len());
        if self.dyns.len() < layout.dyns().len() {
            self.dyns.clear();
            self.dyns.extend(layout.dyns().iter().cloned());
        }
        self.begun = false;
        self.ids.clear();
        self.roles.clear();
    }

    /// Room for `size` bytes at the end, of zeros.
    #[inline]
    fn room(&mut self, size: usize) -> Result<u32, Stop> {
        let at = self.bytes.len().next_multiple_of(WORD as usize);
        let end = at.checked_add(size).filter(|end| *end <= MAX_BYTES).ok_or(Stop::Form)?;
        self.bytes.resize(end, 0);
        u32::try_from(at).map_err(|_| Stop::Form)
    }

    #[inline]
    fn blank(&mut self, layout: &Layout, record: RecordId) -> Result<u32, Stop> {
        let record = layout.record(record).ok_or(Stop::Form)?;
        let at = self.bytes.len().next_multiple_of(WORD as usize);
        if at + record.size as usize > MAX_BYTES {
            return Err(Stop::Form);
        }
        self.bytes.resize(at, 0);
        let from = record.blank as usize;
        self.bytes.extend_from_within(from..from + record.size as usize);
        u32::try_from(at).map_err(|_| Stop::Form)
    }

    #[inline]
    fn write_blank(&mut self, layout: &Layout, record: RecordId, at: u32) {
        let Some(record) = layout.record(record) else { return };
        let (from, size, at) = (record.blank as usize, record.size as usize, at as usize);
        if from + size <= self.bytes.len() && at + size <= self.bytes.len() {
            self.bytes.copy_within(from..from + size, at);
        }
    }

    #[inline]
    fn put(&mut self, at: u32, value: u64) {
        put_u64(&mut self.bytes, at, value);
    }

    #[inline]
    fn set_bit(&mut self, at: u32, bit: u32) {
        let at = at.saturating_add(bit / 64 * WORD);
        let word = take_u64(&self.bytes, at) | 1 << (bit % 64);
        put_u64(&mut self.bytes, at, word);
    }

    fn bit(&self, at: u32, bit: u32) -> bool {
        take_u64(&self.bytes, at.saturating_add(bit / 64 * WORD)) >> (bit % 64) & 1 == 1
    }

    #[inline]
    fn text(&mut self, at: u32, text: &[u8]) -> Written {
        let start = self.bytes.len();
        if start.saturating_add(text.len()) > MAX_BYTES {
            return Err(Stop::Form);
        }
        self.bytes.extend_from_slice(text);
        self.put(at, pair(start as u32, text.len() as u32));
        Ok(true)
    }

    /// The slot of a role.
    #[inline]
    fn role(&mut self, role: u32, roles: &[String]) -> Result<u64, Stop> {
        if let Some((_, slot)) = self.roles.iter().find(|(known, _)| *known == role) {
            return Ok(*slot);
        }
        let text = roles.get(role as usize).map_or("", String::as_str).as_bytes();
        let start = self.bytes.len();
        if start + text.len() > MAX_BYTES {
            return Err(Stop::Form);
        }
        self.bytes.extend_from_slice(text);
        let slot = pair(start as u32, text.len() as u32);
        self.roles.push((role, slot));
        Ok(slot)
    }

    fn text_at(&self, slot: u64) -> &[u8] {
        let (at, len) = halves(slot);
        self.bytes.get(at as usize..at as usize + len as usize).unwrap_or_default()
    }

    /// Room for one more element behind `count` at `first`, in blocks of `begin` doubled. Returns its place.
    #[inline]
    fn element(&mut self, first: &mut u32, count: u32, stride: u32, begin: u32) -> Result<u32, Stop> {
        let full = count == 0
            || (count >= begin && count.is_multiple_of(begin) && (count / begin).is_power_of_two());
        if full {
            self.grow(first, count, stride, begin)?;
        }
        Ok(*first + count * stride)
    }

    fn grow(&mut self, first: &mut u32, count: u32, stride: u32, begin: u32) -> Result<(), Stop> {
        let places = if count == 0 { begin } else { count.saturating_mul(2) };
        let new = self.room(places as usize * stride as usize)?;
        let used = count as usize * stride as usize;
        if used > 0 {
            let old = *first as usize;
            self.bytes.copy_within(old..old + used, new as usize);
            let moved = *first..*first + count * stride;
            for (record, ..) in &mut self.ids {
                if moved.contains(record) {
                    *record = *record - moved.start + new;
                }
            }
        }
        *first = new;
        Ok(())
    }

    /// Sorts elements by the words that they begin with; `false` if two are equal.
    fn sort(
        &mut self,
        (first, count, stride): (u32, u32, u32),
        sorting: &mut Vec<u8>,
        order: &mut Vec<u32>,
        compare: impl Fn(&Filling, u64, u64) -> Ordering,
    ) -> Written {
        let block = first..first + count * stride;
        if self.ids.iter().any(|(record, ..)| block.contains(record)) {
            return Err(Stop::Form);
        }
        let by = |a: &u32, b: &u32| {
            let head = |i: &u32| take_u64(&self.bytes, first + i * stride);
            compare(self, head(a), head(b))
        };
        order.clear();
        order.extend(0..count);
        order.sort_unstable_by(by);
        if order.array_windows().any(|[a, b]| by(a, b).is_eq()) {
            return Ok(false);
        }
        sorting.clear();
        let (start, stride) = (block.start as usize, stride as usize);
        sorting.extend_from_slice(self.bytes.get(start..block.end as usize).unwrap_or_default());
        let places = self.bytes.get_mut(start..).unwrap_or_default().chunks_exact_mut(stride);
        for (place, i) in places.zip(order) {
            let from = *i as usize * stride;
            if let Some(element) = sorting.get(from..from + stride) {
                place.copy_from_slice(element);
            }
        }
        Ok(true)
    }
}

impl Pass<'_, '_> {
    /// Fills every fact of the trie from the value here.
    pub(super) fn run(&mut self) -> Result<(), Stop> {
        let trie = self.trie;
        self.buffers
            .fillings
            .resize_with(trie.facts.len().max(self.buffers.fillings.len()), Filling::default);
        for (filling, fact) in self.buffers.fillings.iter_mut().zip(&trie.facts) {
            filling.begin(&fact.layout);
        }
        self.buffers.texts.resize_with(trie.captures.len().max(self.buffers.texts.len()), || None);
        for text in self.buffers.texts.iter_mut().flatten() {
            text.clear();
        }
        if trie.beyond {
            return Err(Stop::Form);
        }
        match self.cursor.peek() {
            b'n' => {
                self.cursor.word()?;
            }
            b'{' => {
                let frame = self.frame(&trie.at_root, &Frame::default())?;
                self.object(trie.root, &frame)?;
            }
            _ if trie.at_root.is_empty() => self.cursor.skip()?,
            _ => return Err(Stop::Form),
        }
        self.write_ids()
    }

    #[inline]
    fn filling(&mut self, fact: usize) -> Result<&mut Filling, Stop> {
        self.buffers.fillings.get_mut(fact).ok_or(Stop::Form)
    }

    /// Makes the records of an object ready.
    #[inline]
    fn frame(&mut self, parts: &[Part], parent: &Frame) -> Result<Frame, Stop> {
        let mut frame = Frame::default();
        for (part, target) in parts.iter().zip(&mut frame) {
            *target = (self.begin(part, parent)?, part.role);
        }
        Ok(frame)
    }

    #[inline]
    fn begin(&mut self, part: &Part, parent: &Frame) -> Result<u32, Stop> {
        let layout = &self.trie.facts.get(part.fact).ok_or(Stop::Form)?.layout;
        let filling = self.buffers.fillings.get_mut(part.fact).ok_or(Stop::Form)?;
        match part.place {
            Place::Root => {
                filling.begun = true;
                filling.blank(layout, part.record)
            }
            Place::Field { parent: target, offset, bit, boxed } => {
                let (record, _) = parent.get(target).copied().ok_or(Stop::Form)?;
                filling.set_bit(record, bit);
                if !boxed {
                    return Ok(record + offset);
                }
                let place = filling.blank(layout, part.record)?;
                filling.put(record + offset, u64::from(place));
                Ok(place)
            }
        }
    }

    /// What is known of an object's records without reading it: roles, and which want the id.
    #[inline]
    fn virtuals(&mut self, node: u32, frame: &Frame) -> Result<(), Stop> {
        let trie = self.trie;
        let node = trie.nodes.get(node as usize).ok_or(Stop::Form)?;
        for (target, (at, role)) in node.targets.iter().zip(frame) {
            if target.roles.is_empty() && target.ids.is_empty() {
                continue;
            }
            let filling = self.filling(target.fact)?;
            filling.ids.extend(target.ids.iter().map(|(offset, bit)| (*at, *offset, *bit)));
            if *role == NO_ROLE {
                continue;
            }
            if target.roles.is_empty() {
                continue;
            }
            let slot = filling.role(*role, &trie.roles)?;
            for (offset, bit) in &target.roles {
                filling.put(*at + offset, slot);
                filling.set_bit(*at, *bit);
            }
        }
        Ok(())
    }

    /// Fills records from the object whose bracket is here.
    fn object(&mut self, node_id: u32, frame: &Frame) -> Result<(), Stop> {
        let trie = self.trie;
        let node = trie.nodes.get(node_id as usize).ok_or(Stop::Form)?;
        self.virtuals(node_id, frame)?;
        let mut seen = Seen::default();
        let mut more = self.cursor.enter(b'}')?;
        while more {
            let key = self.cursor.key()?;
            let name = key.read(&mut self.buffers.decoded)?;
            match node.table.find(name) {
                None => self.cursor.skip()?,
                Some(index) => {
                    if !seen.add(index) {
                        return Err(json::duplicate(name, key.at));
                    }
                    if self.cursor.peek() == b'n' {
                        self.cursor.word()?;
                    } else if let Some(entry) = node.entries.get(index) {
                        self.entry(entry, frame)?;
                    }
                }
            }
            more = self.cursor.more(b'}')?;
        }
        Ok(())
    }

    /// A value that is not `null`, for everybody who wants it.
    fn entry(&mut self, entry: &Entry, frame: &Frame) -> Result<(), Stop> {
        let (start, nesting) = (self.cursor.at, self.cursor.nesting());
        if let Some(child) = &entry.child {
            if self.cursor.peek() == b'{' {
                let frame = self.frame(&child.parts, frame)?;
                self.object(child.node, &frame)?;
            } else if child.parts.is_empty() {
                self.cursor.skip()?;
            } else {
                return Err(Stop::Form);
            }
        }
        for action in &entry.actions {
            self.cursor.back_to(start, nesting);
            self.action(action, frame)?;
        }
        for capture in &entry.captures {
            self.cursor.back_to(start, nesting);
            if self.cursor.peek() != b'"' {
                self.cursor.skip()?;
                continue;
            }
            let text = self.cursor.string()?;
            if let Some(place) = self.buffers.texts.get_mut(*capture as usize) {
                let out = place.get_or_insert_default();
                out.push(b'=');
                text.decode(out)?;
            }
        }
        Ok(())
    }

    #[inline]
    fn action(&mut self, action: &Action, frame: &Frame) -> Result<(), Stop> {
        let (record, _) = frame.get(action.target).copied().ok_or(Stop::Form)?;
        let at = record + action.offset;
        let written = match action.source {
            None => self.slot(action.fact, action.slot, at, action.role)?,
            Some(source) => self.joined(action, source, record, at)?,
        };
        if written {
            self.filling(action.fact)?.set_bit(record, action.bit);
        }
        Ok(())
    }

    /// Fills a slot with the value here, which is not `null`.
    fn slot(&mut self, fact: usize, slot: u32, at: u32, role: u32) -> Written {
        let trie = self.trie;
        match trie.slots.get(slot as usize).ok_or(Stop::Form)? {
            Slot::Scalar(ty) => self.scalar(fact, ty, at),
            Slot::Record { record, node, boxed } => {
                let mut at = at;
                if *boxed {
                    let place = self.boxed(fact, *record)?;
                    self.filling(fact)?.put(at, u64::from(place));
                    at = place;
                }
                self.one_record(*node, at, role)
            }
            list @ Slot::List { .. } => {
                let (first, count) = self.list(fact, list, role, 0, (0, 0))?;
                self.filling(fact)?.put(at, pair(first, count));
                Ok(true)
            }
            map @ Slot::Map { .. } => self.map(fact, map, at, role),
        }
    }

    fn boxed(&mut self, fact: usize, record: RecordId) -> Result<u32, Stop> {
        let layout = &self.trie.facts.get(fact).ok_or(Stop::Form)?.layout;
        self.buffers.fillings.get_mut(fact).ok_or(Stop::Form)?.blank(layout, record)
    }

    fn one_record(&mut self, node: u32, at: u32, role: u32) -> Written {
        if self.cursor.peek() != b'{' {
            return Err(Stop::Form);
        }
        let mut frame = Frame::default();
        if let Some(target) = frame.first_mut() {
            *target = (at, role);
        }
        self.object(node, &frame)?;
        Ok(true)
    }

    fn write_blank(&mut self, fact: usize, record: RecordId, at: u32) -> Result<(), Stop> {
        let layout = &self.trie.facts.get(fact).ok_or(Stop::Form)?.layout;
        self.buffers.fillings.get_mut(fact).ok_or(Stop::Form)?.write_blank(layout, record, at);
        Ok(())
    }

    /// Adds the elements of the list here to `(first, count)`.
    fn list(
        &mut self,
        fact: usize,
        list: &Slot,
        role: u32,
        source: u32,
        (mut first, mut count): (u32, u32),
    ) -> Result<(u32, u32), Stop> {
        let Slot::List { element, record, head, stride } = list else { return Err(Stop::Form) };
        if self.cursor.peek() != b'[' {
            return Err(Stop::Form);
        }
        let inner = self.trie.slots.get(*element as usize).ok_or(Stop::Form)?;
        let begin = if *record { FEW } else { SOME };
        let mut index = 0u32;
        let mut more = self.cursor.enter(b']')?;
        while more {
            let null = self.cursor.peek() == b'n';
            if null && !record {
                self.cursor.word()?;
            } else {
                let filling = self.filling(fact)?;
                let at = filling.element(&mut first, count, *stride, begin)?;
                let written = match inner {
                    Slot::Record { record: id, node, .. } if *record => {
                        filling.put(at, pair(source, index));
                        self.write_blank(fact, *id, at + head)?;
                        if null {
                            self.cursor.word()?;
                            let mut frame = Frame::default();
                            if let Some(target) = frame.first_mut() {
                                *target = (at + head, role);
                            }
                            self.virtuals(*node, &frame)?;
                            true
                        } else {
                            self.one_record(*node, at + head, role)?
                        }
                    }
                    _ => self.slot(fact, *element, at + head, role)?,
                };
                count += u32::from(written);
            }
            index = index.saturating_add(1);
            more = self.cursor.more(b']')?;
        }
        Ok((first, count))
    }

    /// One of the lists that a field joins. They may come in any order.
    fn joined(&mut self, action: &Action, source: u32, record: u32, at: u32) -> Written {
        let trie = self.trie;
        let slot = trie.slots.get(action.slot as usize).ok_or(Stop::Form)?;
        let Slot::List { record: of_records, stride, .. } = slot else { return Err(Stop::Form) };
        let filling = self.filling(action.fact)?;
        let before =
            if filling.bit(record, action.bit) { halves(take_u64(&filling.bytes, at)) } else { (0, 0) };
        if before.1 > 0 && !of_records {
            return Err(Stop::Form);
        }
        let (first, count) = self.list(action.fact, slot, action.role, source, before)?;
        let Buffers { fillings, sorting, order, .. } = &mut *self.buffers;
        let filling = fillings.get_mut(action.fact).ok_or(Stop::Form)?;
        filling.put(at, pair(first, count));
        let origin = |i: u32| take_u64(&filling.bytes, first + i * stride);
        if before.1 > 0 && count > before.1 && halves(origin(before.1 - 1)).0 > source {
            let by_origin = |_: &Filling, a: u64, b: u64| halves(a).cmp(&halves(b));
            filling.sort((first, count, *stride), sorting, order, by_origin)?;
        }
        Ok(true)
    }

    fn map(&mut self, fact: usize, map: &Slot, at: u32, role: u32) -> Written {
        let Slot::Map { value, table, keys_at, key_stride, whole_at, stride } = map else {
            return Err(Stop::Form);
        };
        if self.cursor.peek() != b'{' {
            return Err(Stop::Form);
        }
        let start = self.cursor.at;
        let inline = match self.trie.slots.get(*value as usize) {
            Some(Slot::Record { record, boxed: false, .. }) => Some(*record),
            _ => None,
        };
        let mut seen = Seen::default();
        let (mut first, mut count, mut last, mut sorted) = (0u32, 0u32, 0u64, true);
        let mut more = self.cursor.enter(b'}')?;
        while more {
            let key = self.cursor.key()?;
            let null = self.cursor.peek() == b'n';
            let (place, nesting) = (self.cursor.at, self.cursor.nesting());
            let name = key.read(&mut self.buffers.decoded)?;
            let named = table.find(name);
            if let Some(index) = named
                && !seen.add(index)
            {
                return Err(json::duplicate(name, key.at));
            }
            if null && whole_at.is_some() {
                return Err(Stop::Form);
            }
            let mut read = false;
            if whole_at.is_some() {
                let filling = self.buffers.fillings.get_mut(fact).ok_or(Stop::Form)?;
                let entry = filling.element(&mut first, count, *stride, FEW)?;
                filling.text(entry, name)?;
                let this = take_u64(&filling.bytes, entry);
                if count > 0 {
                    let ordering = filling.text_at(last).cmp(filling.text_at(this));
                    if ordering.is_eq() {
                        return Err(json::duplicate(name, key.at));
                    }
                    sorted &= ordering.is_lt();
                }
                last = this;
                if let Some(record) = inline {
                    self.write_blank(fact, record, entry + WORD)?;
                }
                if !self.slot(fact, *value, entry + WORD, role)? {
                    return Err(Stop::Form);
                }
                count += 1;
                read = true;
            }
            if let Some(index) = named.filter(|_| !null) {
                self.cursor.back_to(place, nesting);
                let index = u32::try_from(index).map_err(|_| Stop::Form)?;
                let slot_at = at + keys_at + index * key_stride;
                if let Some(record) = inline {
                    self.write_blank(fact, record, slot_at)?;
                }
                if self.slot(fact, *value, slot_at, role)? {
                    self.filling(fact)?.set_bit(at, index);
                }
                read = true;
            }
            if !read {
                self.cursor.skip()?;
            }
            more = self.cursor.more(b'}')?;
        }
        let Some(whole_at) = whole_at else { return Ok(true) };
        let Buffers { fillings, sorting, order, .. } = &mut *self.buffers;
        let filling = fillings.get_mut(fact).ok_or(Stop::Form)?;
        filling.put(at + whole_at, pair(first, count));
        if !sorted {
            let by_text = |f: &Filling, a: u64, b: u64| f.text_at(a).cmp(f.text_at(b));
            if !filling.sort((first, count, *stride), sorting, order, by_text)? {
                return Err(json::duplicate("…".as_bytes(), start));
            }
        }
        Ok(true)
    }

    fn scalar(&mut self, fact: usize, ty: &Type, at: u32) -> Written {
        let found = self.cursor.peek();
        match ty {
            Type::Bool => match found {
                b't' | b'f' => {
                    let value = self.cursor.word()?.unwrap_or_default();
                    self.filling(fact)?.put(at, u64::from(value));
                    Ok(true)
                }
                _ => Err(Stop::Form),
            },
            Type::Int | Type::Port => match found {
                b'-' | b'0'..=b'9' => {
                    let Json::Int(value) = json::number(self.cursor)? else { return Err(Stop::Form) };
                    self.filling(fact)?.put(at, value.cast_unsigned());
                    Ok(true)
                }
                _ => Err(Stop::Form),
            },
            Type::Dyn => {
                let value = Arc::new(json::value(self.cursor)?);
                let filling = self.filling(fact)?;
                filling.put(at, filling.dyns.len() as u64);
                filling.dyns.push(value);
                Ok(true)
            }
            Type::Quantity if matches!(found, b'-' | b'0'..=b'9') => {
                let number = json::number(self.cursor)?.to_string();
                Quantity::parse(&number).map_err(|_| Stop::Form)?;
                self.filling(fact)?.text(at, number.as_bytes())
            }
            _ if found != b'"' => Err(Stop::Form),
            ty => {
                let text = self.cursor.string()?;
                self.text(fact, ty, at, text)
            }
        }
    }

    #[inline]
    fn text(&mut self, fact: usize, ty: &Type, at: u32, raw: Raw<'_>) -> Written {
        let Buffers { fillings, decoded, .. } = &mut *self.buffers;
        let filling = fillings.get_mut(fact).ok_or(Stop::Form)?;
        let bytes = raw.read(decoded)?;
        let text = || str::from_utf8(bytes).unwrap_or_default();
        let fits = match ty {
            Type::Str
            | Type::Path
            | Type::Image
            | Type::ImagePrefix
            | Type::Host
            | Type::HostPattern
            | Type::Capability
            | Type::Glob
            | Type::Regex => true,
            Type::Quantity => is_plain_quantity(bytes) || Quantity::is_quantity(text()),
            Type::Duration | Type::Time | Type::Semver | Type::Ip | Type::Cidr if bytes.is_empty() => {
                return Ok(false);
            }
            Type::Duration => Duration::parse(text()).is_ok(),
            Type::Time => Time::parse(text()).is_ok(),
            Type::Semver => Version::parse(text()).is_ok(),
            Type::Ip => net::Ip::parse(text()).is_ok(),
            Type::Cidr => net::Cidr::parse_masked(text()).is_ok(),
            Type::Bool
            | Type::Int
            | Type::Port
            | Type::Dyn
            | Type::Record(_)
            | Type::List(_)
            | Type::Set(_)
            | Type::Map(_) => false,
        };
        if fits { filling.text(at, bytes) } else { Err(Stop::Form) }
    }

    /// `namespace/name`, or `name`, into the fields that want it.
    fn write_ids(&mut self) -> Result<(), Stop> {
        let Buffers { fillings, texts, .. } = &mut *self.buffers;
        let text = |capture: u32| texts.get(capture as usize).and_then(Option::as_deref).and_then(captured);
        for (fact, filling) in self.trie.facts.iter().zip(fillings) {
            let Some([name, generate, namespace]) = fact.id.filter(|_| !filling.ids.is_empty()) else {
                continue;
            };
            let Some(name) = text(name).or_else(|| text(generate)) else { continue };
            let start = filling.bytes.len();
            if let Some(namespace) = text(namespace) {
                filling.bytes.extend_from_slice(namespace.as_bytes());
                filling.bytes.push(b'/');
            }
            filling.bytes.extend_from_slice(name.as_bytes());
            let len = filling.bytes.len() - start;
            if start + len > MAX_BYTES {
                return Err(Stop::Form);
            }
            for i in 0..filling.ids.len() {
                let Some((record, offset, bit)) = filling.ids.get(i).copied() else { break };
                filling.put(record + offset, pair(start as u32, len as u32));
                filling.set_bit(record, bit);
            }
        }
        Ok(())
    }
}

/// Whether it is a quantity as nearly all are written: digits and a suffix. Others are parsed.
#[inline]
fn is_plain_quantity(text: &[u8]) -> bool {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let suffix = text.get(digits..).unwrap_or_default();
    digits > 0 && matches!(suffix, b"" | b"m" | b"k" | b"M" | b"G" | b"Ki" | b"Mi" | b"Gi" | b"Ti")
}

/// A captured text: behind a mark, because an empty one is one too.
pub(super) fn captured(text: &[u8]) -> Option<&str> {
    text.split_first().and_then(|(_, text)| str::from_utf8(text).ok())
}
