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
    /// The items of typed lists that do not say what they are, with what their list says, in the order of the text.
    completed: Vec<Json>,
}

impl Document {
    pub(crate) fn new(value: Json, root: Node, nodes: Vec<Node>) -> Document {
        let found = opened(&value);
        let completed =
            found.into_iter().filter_map(|item| Some(completed(item.value, item.typed?))).collect();
        Document { value, root, nodes, completed }
    }

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
/// another, in the order of the text; any other document is itself, at the empty path. The API server leaves `kind` and
/// `apiVersion` out of the items of a `PodList`: they are what the list says, as kubectl reads them.
#[must_use]
pub fn objects(doc: &Document) -> Vec<(JsonPath, &Json)> {
    let mut completed = doc.completed.iter();
    let found = opened(&doc.value).into_iter();
    found
        .map(|item| {
            let value = item.typed.and_then(|_| completed.next()).unwrap_or(item.value);
            (item.path, value)
        })
        .collect()
}

/// An object that a document holds.
struct Opened<'v> {
    path: JsonPath,
    value: &'v Json,
    /// The `apiVersion` and `kind` that only its list says.
    typed: Option<(&'v str, &'v str)>,
}

fn opened(value: &Json) -> Vec<Opened<'_>> {
    let mut found = Vec::new();
    let mut open = vec![Opened { path: JsonPath::default(), value, typed: None }];
    while let Some(next) = open.pop() {
        let Some(items) = list_items(next.value) else {
            found.push(next);
            continue;
        };
        let typed = type_of_items(next.value);
        open.extend(items.iter().enumerate().rev().map(|(index, value)| {
            let mut segments = next.path.0.clone();
            segments.extend([Segment::Key("items".to_owned()), Segment::Index(index)]);
            let says_nothing = matches!(value, Json::Object(_))
                && ["apiVersion", "kind"].iter().all(|key| value.get(key).is_none_or(Json::is_null));
            Opened { path: JsonPath(segments), value, typed: typed.filter(|_| says_nothing) }
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

/// `v1` and `Pod`, of a `PodList` of `v1`; nothing of a `List`.
fn type_of_items(list: &Json) -> Option<(&str, &str)> {
    let text = |key| list.get(key).and_then(Json::as_str);
    let kind =
        text("kind")?.strip_suffix("List").filter(|kind| !kind.is_empty() && !kind.ends_with("List"))?;
    Some((text("apiVersion")?, kind))
}

fn completed(item: &Json, (api_version, kind): (&str, &str)) -> Json {
    let own = item.entries().iter().filter(|(key, _)| key != "apiVersion" && key != "kind").cloned();
    let said = [("apiVersion", api_version), ("kind", kind)];
    Json::Object(
        said.into_iter()
            .map(|(key, value)| (key.to_owned(), Json::Str(value.to_owned())))
            .chain(own)
            .collect(),
    )
}
