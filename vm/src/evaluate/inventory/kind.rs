//! The objects of one kind, in order, and their indexes.
//!
//! ```text
//! Objects ─┬─ chunks:  [Arc [object …] , Arc [object …] , …]      by namespace and name; at most 128 in each
//!          └─ indexes: key ─▶ 64 shards ─▶ hash of a value ─▶ objects
//! ```
//!
//! It is persistent: a clone shares all chunks and shards, and a change copies the one or two that it touches, and only
//! if somebody else holds them. So a review keeps the state that it began with at the price of a pointer, and a
//! change costs the same for a hundred objects and for a hundred thousand, save for the list of chunks.

use std::{cmp::Ordering, sync::Arc};

use super::index::Index;
use crate::{fact::Fact, interp::Subject, json::Json};

/// Objects of a chunk.
const MAX_CHUNK: usize = 128;

/// One object: what names it, and what rules read of it.
#[derive(Debug)]
pub(super) struct Object {
    /// Namespace and name, one behind the other.
    text: Box<str>,
    split: u32,
    /// Tells objects of one name apart, in the order in which they came. A cluster has none, files may.
    number: u32,
    pub(super) fact: Arc<Fact>,
}

impl Object {
    pub(super) fn new(json: &Json, fact: Arc<Fact>) -> Object {
        let (namespace, name) = names(json);
        let split = u32::try_from(namespace.len()).unwrap_or(u32::MAX);
        Object { text: format!("{namespace}{name}").into(), split, number: 0, fact }
    }

    /// Namespace and name.
    fn names(&self) -> (&str, &str) {
        self.text.split_at_checked(self.split as usize).unwrap_or((&self.text, ""))
    }

    pub(super) fn is(&self, subject: &Subject<'_>) -> bool {
        self.names() == (subject.namespace, subject.name)
    }

    /// Bytes, with what it points to.
    fn memory(&self) -> usize {
        const COUNTERS: usize = 2 * size_of::<usize>();
        let slot = size_of::<Arc<Object>>();
        slot + COUNTERS + size_of::<Object>() + self.text.len() + COUNTERS + self.fact.memory()
    }
}

impl Ord for Object {
    fn cmp(&self, other: &Object) -> Ordering {
        (self.names(), self.number).cmp(&(other.names(), other.number))
    }
}

impl PartialOrd for Object {
    fn partial_cmp(&self, other: &Object) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Object) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Object {}

/// Namespace and name of an object; what is not there is empty.
pub(super) fn names(json: &Json) -> (&str, &str) {
    let text = |key| json.at(&["metadata", key]).and_then(Json::as_str).unwrap_or_default();
    (text("namespace"), text("name"))
}

/// The objects of a kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Objects {
    /// None is empty.
    chunks: Vec<Arc<Vec<Arc<Object>>>>,
    pub(super) indexes: Vec<Index>,
    count: usize,
    /// Of the objects, without the indexes.
    bytes: usize,
}

impl Objects {
    pub(super) fn new(indexes: Vec<Index>) -> Objects {
        Objects { indexes, ..Objects::default() }
    }

    /// Puts in many at once. Those of one name stay beside each other, as they come.
    pub(super) fn fill(&mut self, mut objects: Vec<Object>) {
        objects.sort();
        let mut number = 0;
        for at in 1..objects.len() {
            if let Some([before, object]) = objects.get_mut(at - 1..=at) {
                number = if before.names() == object.names() { number + 1 } else { 0 };
                object.number = number;
            }
        }
        let objects: Vec<Arc<Object>> = objects.into_iter().map(Arc::new).collect();
        self.count = objects.len();
        self.bytes = objects.iter().map(|object| object.memory()).sum();
        for object in &objects {
            self.indexes.iter_mut().for_each(|index| index.add(object));
        }
        self.chunks = objects.chunks(MAX_CHUNK / 2).map(|chunk| Arc::new(chunk.to_vec())).collect();
    }

    /// Puts an object in, in place of the one of its name.
    pub(super) fn put(&mut self, object: Object) {
        let object = Arc::new(object);
        let Some((at, found)) = self.place(object.names()) else {
            self.added(&object);
            self.chunks.push(Arc::new(vec![object]));
            return;
        };
        let Some(chunk) = self.chunks.get_mut(at) else { return };
        let chunk = Arc::make_mut(chunk);
        match found {
            Ok(index) => {
                let Some(slot) = chunk.get_mut(index) else { return };
                let old = std::mem::replace(slot, Arc::clone(&object));
                self.removed(&old);
            }
            Err(index) => {
                chunk.insert(index.min(chunk.len()), Arc::clone(&object));
                if chunk.len() > MAX_CHUNK {
                    let rest = chunk.split_off(chunk.len() / 2);
                    self.chunks.insert(at + 1, Arc::new(rest));
                }
            }
        }
        self.added(&object);
    }

    /// Takes an object out; whether there was one.
    pub(super) fn remove(&mut self, namespace: &str, name: &str) -> bool {
        let Some((at, Ok(index))) = self.place((namespace, name)) else { return false };
        let Some(chunk) = self.chunks.get_mut(at).filter(|chunk| index < chunk.len()) else { return false };
        let chunk = Arc::make_mut(chunk);
        let old = chunk.remove(index);
        if chunk.is_empty() {
            self.chunks.remove(at);
        }
        self.removed(&old);
        true
    }

    /// The chunk where a name is or belongs, and where in it; `None`: there are no chunks.
    fn place(&self, names: (&str, &str)) -> Option<(usize, Result<usize, usize>)> {
        let last = self.chunks.len().checked_sub(1)?;
        let is_before = |chunk: &Arc<Vec<Arc<Object>>>| chunk.last().is_some_and(|last| last.names() < names);
        let at = self.chunks.partition_point(is_before).min(last);
        let chunk = self.chunks.get(at)?;
        Some((at, chunk.binary_search_by(|object| object.names().cmp(&names))))
    }

    fn added(&mut self, object: &Arc<Object>) {
        self.count += 1;
        self.bytes += object.memory();
        self.indexes.iter_mut().for_each(|index| index.add(object));
    }

    fn removed(&mut self, object: &Arc<Object>) {
        self.count = self.count.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(object.memory());
        self.indexes.iter_mut().for_each(|index| index.remove(object));
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }

    /// Bytes of the objects and of the indexes.
    pub(super) fn memory(&self) -> (usize, usize) {
        (self.bytes, self.indexes.iter().map(Index::memory).sum())
    }
}
