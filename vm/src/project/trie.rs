//! What a pass over an object looks for: the demands of several roots as one trie of JSON keys.
//!
//! ```text
//! node    the records (of any of the facts) that one JSON object fills at once, and its keys
//! entry   under a key: ┬ child    the node of an object that fills records or leads to them
//!                      ├ actions  slots that are filled by themselves: scalars, lists, maps, sources of joined lists
//!                      └ captures texts that the host or an object's id needs
//! slot    what fills a slot: a scalar, a node of one record, a list or map of slots
//! ```
//!
//! Two roots that look at one object (`object` and `pod` of a Pod) share nodes as far down as objects go; below lists
//! and maps each goes its own way, over the same bytes again.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use crate::{
    ir::{FieldSource, RecordId},
    layout::{Layout, SlotLayout},
    types::Type,
};

/// The most records that one JSON object fills.
pub(super) const MAX_TARGETS: usize = 4;
/// The most keys of one node or named keys of one map: bits of a [`Seen`].
const MAX_KEYS: usize = 256;
/// The most nodes.
const MAX_NODES: usize = 1 << 16;

/// The role of a record that has none.
pub(super) const NO_ROLE: u32 = u32::MAX;

/// The demand of some roots on one JSON value, made ready for one pass.
#[derive(Debug)]
pub struct Trie {
    pub(super) facts: Vec<TrieFact>,
    pub(super) nodes: Vec<Node>,
    pub(super) slots: Vec<Slot>,
    pub(super) roles: Vec<String>,
    /// The paths of the captured texts.
    pub(super) captures: Vec<Vec<String>>,
    /// The root node, and the facts whose root record the value itself is.
    pub(super) root: u32,
    pub(super) at_root: Vec<Part>,
    /// Whether the demand is beyond what a pass can do: facts are built from a parsed value instead.
    pub(super) beyond: bool,
}

/// One fact of a pass.
#[derive(Debug)]
pub(super) struct TrieFact {
    pub(super) layout: Arc<Layout>,
    /// The keys from the value to the fact's root.
    pub(super) path: Vec<String>,
    /// The captures of `metadata.name`, `.generateName`, `.namespace`, if an id is demanded.
    pub(super) id: Option<[u32; 3]>,
}

#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) targets: Vec<Target>,
    pub(super) table: KeyTable,
    pub(super) entries: Vec<Entry>,
}

/// A record that an object fills.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) fact: usize,
    /// Its role fields: offset, bit.
    pub(super) roles: Vec<(u32, u32)>,
    /// Its id fields: offset, bit.
    pub(super) ids: Vec<(u32, u32)>,
}

#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) child: Option<Child>,
    pub(super) actions: Vec<Action>,
    pub(super) captures: Vec<u32>,
}

#[derive(Debug)]
pub(super) struct Child {
    pub(super) node: u32,
    /// How the records of the node begin, one per target of it.
    pub(super) parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) fact: usize,
    pub(super) record: RecordId,
    pub(super) role: u32,
    pub(super) place: Place,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// The root record of a fact.
    Root,
    /// In the field `bit` at `offset` of the parent's target `parent`.
    Field { parent: usize, offset: u32, bit: u32, boxed: bool },
}

/// Fills one slot of a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Action {
    pub(super) target: usize,
    pub(super) fact: usize,
    pub(super) offset: u32,
    pub(super) bit: u32,
    pub(super) slot: u32,
    pub(super) role: u32,
    /// Of a joined list: the number of this source.
    pub(super) source: Option<u32>,
}

#[derive(Debug)]
pub(super) enum Slot {
    Scalar(Type),
    Record { record: RecordId, node: u32, boxed: bool },
    List { element: u32, record: bool, head: u32, stride: u32 },
    Map { value: u32, table: KeyTable, keys_at: u32, key_stride: u32, whole_at: Option<u32>, stride: u32 },
}

/// Keys, found by length and bytes.
#[derive(Debug, Default)]
pub(super) struct KeyTable {
    /// Keys of one length lie beside each other; where those of each length begin, and the end.
    begins: Vec<u16>,
    /// The words of keys, and their numbers.
    words: Vec<([u64; 2], u16)>,
    keys: Vec<Box<[u8]>>,
}

/// Keys up to this length are equal if their lengths and words are.
const WORDS: usize = 16;

/// The first and the last bytes of a key, as many as fit.
#[inline]
fn words(key: &[u8]) -> [u64; 2] {
    if let (Some(first), Some(last)) = (key.first_chunk::<8>(), key.last_chunk::<8>()) {
        return [u64::from_le_bytes(*first), u64::from_le_bytes(*last)];
    }
    if let (Some(first), Some(last)) = (key.first_chunk::<4>(), key.last_chunk::<4>()) {
        return [u64::from(u32::from_le_bytes(*first)), u64::from(u32::from_le_bytes(*last))];
    }
    [key.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)), 0]
}

impl KeyTable {
    fn new<'k>(keys: impl Iterator<Item = &'k str>) -> KeyTable {
        let mut keys: Vec<(Box<[u8]>, u16)> =
            keys.zip(0u16..).map(|(key, index)| (key.as_bytes().into(), index)).collect();
        keys.sort_by_key(|(key, _)| key.len());
        let longest = keys.last().map_or(0, |(key, _)| key.len());
        let begin = |len| keys.partition_point(|(key, _)| key.len() < len);
        let begins = (0..=longest + 1).map(|len| u16::try_from(begin(len)).unwrap_or(u16::MAX)).collect();
        let words = keys.iter().map(|(key, index)| (words(key), *index)).collect();
        KeyTable { begins, words, keys: keys.into_iter().map(|(key, _)| key).collect() }
    }

    #[inline]
    pub(super) fn find(&self, key: &[u8]) -> Option<usize> {
        let [from, to] = *self.begins.get(key.len()..)?.first_chunk::<2>()?;
        let (from, to) = (usize::from(from), usize::from(to));
        if from == to {
            return None;
        }
        let wanted = words(key);
        let mut same = self.words.get(from..to)?.iter().zip(from..);
        same.find_map(|((words, index), at)| {
            let is_it =
                *words == wanted && (key.len() <= WORDS || self.keys.get(at).is_some_and(|k| **k == *key));
            is_it.then_some(usize::from(*index))
        })
    }
}

/// Which keys of an object were there.
#[derive(Default)]
pub(super) struct Seen([u64; MAX_KEYS / 64]);

impl Seen {
    /// Notes a key; whether it is new.
    #[inline]
    pub(super) fn add(&mut self, key: usize) -> bool {
        let Some(word) = self.0.get_mut(key / 64) else { return false };
        let bit = 1 << (key % 64);
        let new = *word & bit == 0;
        *word |= bit;
        new
    }
}

/// Who wants an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Want {
    Record { fact: usize, record: RecordId },
    Path { rest: Vec<String>, end: End },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum End {
    Fact(usize),
    Capture(u32),
}

impl Trie {
    /// The demand of `roots`, each at the end of a chain of keys from the value that will be read, and texts to capture.
    #[must_use]
    pub fn new(roots: &[(Arc<Layout>, Vec<String>)], texts: &[&[&str]]) -> Trie {
        let mut compiler = Compiler::default();
        for path in texts {
            let path = path.iter().map(|key| (*key).to_owned()).collect();
            compiler.capture(path);
        }
        let mut wants = Vec::new();
        let mut at_root = Vec::new();
        for (fact, (layout, path)) in roots.iter().enumerate() {
            let demands = || layout.root().records.iter().flat_map(|record| &record.fields);
            let id = demands().any(|field| field.source == FieldSource::ObjectId).then(|| {
                ["name", "generateName", "namespace"].map(|key| {
                    compiler.capture(path.iter().cloned().chain(["metadata".into(), key.into()]).collect())
                })
            });
            let mut roles = BTreeMap::new();
            for field in demands() {
                if let FieldSource::Concat(sources) = &field.source {
                    roles.extend(sources.iter().cloned());
                }
            }
            compiler.roles_of.push(roles);
            compiler.facts.push(TrieFact { layout: Arc::clone(layout), path: path.clone(), id });
            if path.is_empty() {
                wants.push(Want::Record { fact, record: RecordId(0) });
                at_root.push(Part { fact, record: RecordId(0), role: NO_ROLE, place: Place::Root });
            } else {
                wants.push(Want::Path { rest: path.clone(), end: End::Fact(fact) });
            }
        }
        for (index, path) in (0u32..).zip(compiler.captures.clone()) {
            if !path.is_empty() {
                wants.push(Want::Path { rest: path, end: End::Capture(index) });
            }
        }
        let root = compiler.node(wants);
        Trie {
            facts: compiler.facts,
            nodes: compiler.nodes,
            slots: compiler.slots,
            roles: compiler.roles,
            captures: compiler.captures,
            root,
            at_root,
            beyond: compiler.beyond,
        }
    }

    /// The number of facts that a pass gives.
    #[must_use]
    pub fn len(&self) -> usize {
        self.facts.len()
    }

    /// Whether a pass gives no fact.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }
}

#[derive(Default)]
struct Compiler {
    facts: Vec<TrieFact>,
    roles_of: Vec<BTreeMap<String, String>>,
    nodes: Vec<Node>,
    memo: HashMap<Vec<Want>, u32>,
    slots: Vec<Slot>,
    roles: Vec<String>,
    role_ids: HashMap<String, u32>,
    captures: Vec<Vec<String>>,
    beyond: bool,
}

/// What stands under one key, before its child has a number.
#[derive(Default)]
struct Draft {
    wants: Vec<Want>,
    parts: Vec<Part>,
    entry: Entry,
}

impl Compiler {
    fn capture(&mut self, path: Vec<String>) -> u32 {
        let index = self.captures.iter().position(|known| *known == path).unwrap_or_else(|| {
            self.captures.push(path);
            self.captures.len() - 1
        });
        number(index)
    }

    fn role(&mut self, role: &str) -> u32 {
        if let Some(id) = self.role_ids.get(role) {
            return *id;
        }
        let id = number(self.roles.len());
        self.roles.push(role.to_owned());
        self.role_ids.insert(role.to_owned(), id);
        id
    }

    fn node(&mut self, wants: Vec<Want>) -> u32 {
        if let Some(node) = self.memo.get(&wants) {
            return *node;
        }
        let index = number(self.nodes.len());
        self.nodes.push(Node::default());
        self.memo.insert(wants.clone(), index);
        let records = wants.iter().filter(|want| matches!(want, Want::Record { .. })).count();
        if records > MAX_TARGETS || self.nodes.len() > MAX_NODES {
            self.beyond = true;
            return index;
        }
        let mut drafts: BTreeMap<String, Draft> = BTreeMap::new();
        let mut targets = Vec::with_capacity(records);
        for want in wants {
            match want {
                Want::Record { fact, record } => {
                    let target = self.record(fact, record, targets.len(), &mut drafts);
                    targets.push(target);
                }
                Want::Path { rest, end } => {
                    let Some((first, rest)) = rest.split_first() else { continue };
                    let draft = drafts.entry(first.clone()).or_default();
                    match (rest.is_empty(), end) {
                        (false, end) => draft.wants.push(Want::Path { rest: rest.to_vec(), end }),
                        (true, End::Capture(capture)) => draft.entry.captures.push(capture),
                        (true, End::Fact(fact)) => {
                            let record = RecordId(0);
                            draft.wants.push(Want::Record { fact, record });
                            draft.parts.push(Part { fact, record, role: NO_ROLE, place: Place::Root });
                        }
                    }
                }
            }
        }
        self.beyond |= drafts.len() > MAX_KEYS;
        let table = KeyTable::new(drafts.keys().map(String::as_str));
        let mut entries = Vec::with_capacity(drafts.len());
        for draft in drafts.into_values() {
            let Draft { wants, parts, mut entry } = draft;
            if !wants.is_empty() {
                entry.child = Some(Child { node: self.node(wants), parts });
            }
            entries.push(entry);
        }
        if let Some(node) = self.nodes.get_mut(index as usize) {
            *node = Node { targets, table, entries };
        }
        index
    }

    fn record(
        &mut self,
        fact: usize,
        record: RecordId,
        target: usize,
        drafts: &mut BTreeMap<String, Draft>,
    ) -> Target {
        let mut out = Target { fact, roles: Vec::new(), ids: Vec::new() };
        let Some(layout) = self.facts.get(fact).map(|fact| Arc::clone(&fact.layout)) else { return out };
        let (Some(demand), Some(record)) = (layout.root().records.get(record.index()), layout.record(record))
        else {
            return out;
        };
        for ((bit, demand), field) in (0u32..).zip(&demand.fields).zip(&record.fields) {
            let offset = field.at;
            match &demand.source {
                FieldSource::Role => out.roles.push((offset, bit)),
                FieldSource::ObjectId => out.ids.push((offset, bit)),
                FieldSource::Json => {
                    let role = self.roles_of.get(fact).and_then(|roles| roles.get(&demand.name));
                    let role = role.unwrap_or(&demand.name).clone();
                    let role = self.role(&role);
                    let draft = drafts.entry(demand.name.clone()).or_default();
                    if let Some((record, boxed)) = record_of(&field.slot) {
                        let place = Place::Field { parent: target, offset, bit, boxed };
                        draft.wants.push(Want::Record { fact, record });
                        draft.parts.push(Part { fact, record, role, place });
                        continue;
                    }
                    let slot = self.slot(fact, &field.slot);
                    draft.entry.actions.push(Action { target, fact, offset, bit, slot, role, source: None });
                }
                FieldSource::Concat(sources) => {
                    let slot = self.slot(fact, &field.slot);
                    for (source, (key, role)) in (0u32..).zip(sources) {
                        let role = self.role(role);
                        let action = Action { target, fact, offset, bit, slot, role, source: Some(source) };
                        drafts.entry(key.clone()).or_default().entry.actions.push(action);
                    }
                }
            }
        }
        out
    }

    fn slot(&mut self, fact: usize, layout: &SlotLayout) -> u32 {
        let slot = match layout {
            SlotLayout::Scalar(ty) => Slot::Scalar(ty.clone()),
            SlotLayout::Inline(record) | SlotLayout::Boxed(record) => {
                let node = self.node(vec![Want::Record { fact, record: *record }]);
                Slot::Record { record: *record, node, boxed: matches!(layout, SlotLayout::Boxed(_)) }
            }
            SlotLayout::List { element, head, stride } => {
                let record = matches!(**element, SlotLayout::Inline(_));
                Slot::List { element: self.slot(fact, element), record, head: *head, stride: *stride }
            }
            SlotLayout::Map { value, keys, keys_at, key_stride, whole_at, stride } => {
                self.beyond |= keys.len() > MAX_KEYS || has_repetition(keys);
                Slot::Map {
                    value: self.slot(fact, value),
                    table: KeyTable::new(keys.iter().map(String::as_str)),
                    keys_at: *keys_at,
                    key_stride: *key_stride,
                    whole_at: *whole_at,
                    stride: *stride,
                }
            }
        };
        self.slots.push(slot);
        number(self.slots.len() - 1)
    }
}

fn record_of(slot: &SlotLayout) -> Option<(RecordId, bool)> {
    match slot {
        SlotLayout::Inline(record) => Some((*record, false)),
        SlotLayout::Boxed(record) => Some((*record, true)),
        SlotLayout::Scalar(_) | SlotLayout::List { .. } | SlotLayout::Map { .. } => None,
    }
}

fn has_repetition(keys: &[String]) -> bool {
    keys.iter().enumerate().any(|(i, key)| keys.iter().take(i).any(|other| other == key))
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
