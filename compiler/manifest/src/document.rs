//! A document: its value, and where in the text each part of it stands.
//!
//! Positions are a second tree beside the value, flat: the children of one list or object are neighbors in `nodes`, in
//! the order of the value, so a step down is an addition. Nodes behind an alias share those at the anchor.
//!
//! ```text
//!  value   { "a": 1, "b": [2] }          nodes   [ 2 | a: 1 | b: [2] ]   root
//!                                                  ▲          └─first─┘▲   │
//!                                                  └───────────────────└───┘ first
//! ```

use crate::{Json, JsonPath, Segment};
use std::ops::Range;

/// Where one value stands. 20 bytes; `NONE` marks what is not there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) key_start: u32,
    pub(crate) key_end: u32,
    pub(crate) first: u32,
}

pub(crate) const NONE: u32 = u32::MAX;

/// One document of a text.
#[derive(Clone, Debug)]
pub struct Document {
    /// What it says.
    pub value: Json,
    pub(crate) root: Node,
    pub(crate) nodes: Vec<Node>,
}

impl Document {
    /// The bytes of the text that hold the value at `path`, and `true`; if there is no such value, those of its
    /// deepest ancestor that exists, and `false`.
    #[must_use]
    pub fn span_of(&self, path: &JsonPath) -> (Range<usize>, bool) {
        let (node, exact) = self.find(path);
        (node.start as usize..node.end as usize, exact)
    }

    /// The bytes of the text that hold the key at `path`, if it is an entry of an object. For an entry that came by
    /// a merge it is the key at the anchor.
    #[must_use]
    pub fn key_span_of(&self, path: &JsonPath) -> Option<Range<usize>> {
        let (node, exact) = self.find(path);
        (exact && node.key_start != NONE).then_some(node.key_start as usize..node.key_end as usize)
    }

    /// The bytes of the text from the first to the last that belong to this document's value.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.root.start as usize..self.root.end as usize
    }

    /// The value at `path`.
    #[must_use]
    pub fn at(&self, path: &JsonPath) -> Option<&Json> {
        path.0.iter().try_fold(&self.value, |value, segment| step(value, segment).map(|(_, value)| value))
    }

    fn find(&self, path: &JsonPath) -> (Node, bool) {
        let (mut value, mut node) = (&self.value, self.root);
        for segment in &path.0 {
            let found = step(value, segment)
                .and_then(|(index, value)| Some((value, *self.nodes.get(node.first as usize + index)?)));
            let Some((inner, inner_node)) = found else { return (node, false) };
            (value, node) = (inner, inner_node);
        }
        (node, true)
    }
}

fn step<'v>(value: &'v Json, segment: &Segment) -> Option<(usize, &'v Json)> {
    match segment {
        Segment::Index(index) => value.elements().get(*index).map(|value| (*index, value)),
        Segment::Key(key) => {
            let index = value.entries().iter().position(|(name, _)| name == key)?;
            value.entries().get(index).map(|(_, value)| (index, value))
        }
    }
}

/// The objects of a document, each with its path: the items of a `List` (or `PodList`, …), also of one inside
/// another, in the order of the text; any other document is itself, at the empty path.
#[must_use]
pub fn objects(doc: &Document) -> Vec<(JsonPath, &Json)> {
    let mut found = Vec::new();
    let mut open = vec![(JsonPath::default(), &doc.value)];
    while let Some((path, value)) = open.pop() {
        let Some(items) = list_items(value) else {
            found.push((path, value));
            continue;
        };
        open.extend(items.iter().enumerate().rev().map(|(index, item)| {
            let mut segments = path.0.clone();
            segments.extend([Segment::Key("items".to_owned()), Segment::Index(index)]);
            (JsonPath(segments), item)
        }));
    }
    found
}

/// The items, if this is a list object; a list whose `items` is `null` has none.
fn list_items(value: &Json) -> Option<&[Json]> {
    let is_list = value.get("kind").and_then(Json::as_str).is_some_and(|kind| kind.ends_with("List"));
    let items = value.get("items").filter(|_| is_list)?;
    matches!(items, Json::Array(_) | Json::Null).then(|| items.elements())
}
