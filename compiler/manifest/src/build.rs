//! Builds documents from what the readers find, and holds every bound that does not depend on a grammar.
//!
//! One builder serves one text: a stack of open lists and objects, never recursion. A finished value waits in its
//! parent together with its node; when the parent closes, the nodes of its children become neighbors in `nodes`.

use crate::document::{NONE, Node};
use crate::{Document, Json, Limits, ManifestError, ManifestErrorKind as Kind};
use std::collections::HashMap;
use std::ops::Range;

/// A finished value: what it is, where it stands, and what copying it costs.
#[derive(Clone, Debug)]
pub(crate) struct Built {
    pub(crate) value: Json,
    pub(crate) node: Node,
    /// Values inside, itself included, and one more for each 64 bytes of text.
    pub(crate) weight: usize,
    /// Levels of lists and objects, itself included.
    pub(crate) height: usize,
}

enum Items {
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

enum Key {
    Named(String, Range<usize>),
    Merge(Range<usize>),
}

struct Frame {
    start: usize,
    items: Items,
    nodes: Vec<Node>,
    key: Option<Key>,
    /// What `<<` brought, each with the number of entries that were written before it.
    merges: Vec<(usize, Built)>,
    weight: usize,
    height: usize,
}

pub(crate) struct Builder<'l> {
    limits: &'l Limits,
    frames: Vec<Frame>,
    nodes: Vec<Node>,
    root: Option<Built>,
    written: usize,
    copied: usize,
    documents: Vec<Document>,
    started: usize,
}

impl<'l> Builder<'l> {
    pub(crate) fn new(limits: &'l Limits) -> Self {
        Builder {
            limits,
            frames: Vec::new(),
            nodes: Vec::new(),
            root: None,
            written: 0,
            copied: 0,
            documents: Vec::new(),
            started: 0,
        }
    }

    pub(crate) fn start_document(&mut self, at: usize) -> Result<(), ManifestError> {
        self.started += 1;
        if self.started > self.limits.documents {
            let message = format!("the file has more than {} documents", self.limits.documents);
            return Err(ManifestError::new(Kind::TooManyDocuments, at..at, message));
        }
        Ok(())
    }

    /// Keeps the document that was built, unless it is empty or `null`.
    pub(crate) fn end_document(&mut self) {
        let mut nodes = std::mem::take(&mut self.nodes);
        nodes.shrink_to_fit();
        if let Some(Built { value, node, .. }) = self.root.take().filter(|root| !root.value.is_null()) {
            self.documents.push(Document::new(value, node, nodes));
        }
    }

    pub(crate) fn finish(self) -> Vec<Document> {
        self.documents
    }

    /// Whether what comes next is a key.
    pub(crate) fn expects_key(&self) -> bool {
        self.frames.last().is_some_and(|f| matches!(f.items, Items::Object(_)) && f.key.is_none())
    }

    pub(crate) fn open(&mut self, object: bool, start: usize) -> Result<(), ManifestError> {
        self.check_depth(1, start..start + 1)?;
        self.count(start..start + 1)?;
        let items = if object { Items::Object(Vec::new()) } else { Items::Array(Vec::new()) };
        let frame =
            Frame { start, items, nodes: Vec::new(), key: None, merges: Vec::new(), weight: 1, height: 0 };
        self.frames.push(frame);
        Ok(())
    }

    pub(crate) fn key(&mut self, name: String, at: Range<usize>) -> Result<(), ManifestError> {
        if name.len() > self.limits.key_bytes {
            let message =
                format!("this key has {} bytes; the limit is {}", name.len(), self.limits.key_bytes);
            return Err(ManifestError::new(Kind::KeyTooLong, at, message));
        }
        self.set_key(Key::Named(name, at));
        Ok(())
    }

    pub(crate) fn merge_key(&mut self, at: Range<usize>) {
        self.set_key(Key::Merge(at));
    }

    fn set_key(&mut self, key: Key) {
        if let Some(frame) = self.frames.last_mut() {
            frame.key = Some(key);
        }
    }

    /// A scalar that the text writes.
    pub(crate) fn scalar(&mut self, value: Json, at: Range<usize>) -> Result<Built, ManifestError> {
        self.count(at.clone())?;
        let weight = 1 + value.as_str().map_or(0, |text| text.len() / 64);
        Ok(Built { value, node: node(&at, NONE), weight, height: 0 })
    }

    /// The list or object that was opened last; nothing if none is open.
    pub(crate) fn close(&mut self, end: usize) -> Result<Option<Built>, ManifestError> {
        let Some(mut frame) = self.frames.pop() else { return Ok(None) };
        if let Items::Object(entries) = &mut frame.items {
            refuse_duplicates(entries, &frame.nodes)?;
            if !frame.merges.is_empty() {
                merge(entries, &mut frame.nodes, std::mem::take(&mut frame.merges), &self.nodes);
            }
        }
        let first = offset(self.nodes.len());
        self.nodes.append(&mut frame.nodes);
        let value = match frame.items {
            Items::Array(mut items) => {
                items.shrink_to_fit();
                Json::Array(items)
            }
            Items::Object(mut entries) => {
                entries.shrink_to_fit();
                Json::Object(entries)
            }
        };
        let node = node(&(frame.start..end.max(frame.start)), first);
        Ok(Some(Built { value, node, weight: frame.weight, height: frame.height + 1 }))
    }

    /// Puts a finished value where it belongs: into the open list, under the open object's key, or as the root.
    pub(crate) fn insert(&mut self, built: Built) -> Result<(), ManifestError> {
        let Some(frame) = self.frames.last_mut() else {
            self.root = Some(built);
            return Ok(());
        };
        frame.weight += built.weight;
        frame.height = frame.height.max(built.height);
        match (&mut frame.items, frame.key.take()) {
            (Items::Array(items), _) => {
                items.push(built.value);
                frame.nodes.push(built.node);
            }
            (Items::Object(entries), Some(Key::Named(name, at))) => {
                frame.weight += name.len() / 64;
                frame.nodes.push(Node { key_start: offset(at.start), key_end: offset(at.end), ..built.node });
                entries.push((name, built.value));
            }
            (Items::Object(entries), Some(Key::Merge(at))) => {
                if !can_merge(&built.value) {
                    let found = format!(
                        "`<<` merges an object or a list of objects, and this is {}",
                        built.value.form()
                    );
                    let value = built.node.start as usize..built.node.end as usize;
                    return Err(
                        ManifestError::new(Kind::Merge, value, found).secondary(at, "merged by this key")
                    );
                }
                frame.merges.push((entries.len(), built));
            }
            (Items::Object(_), None) => {
                let at = built.node.start as usize..built.node.end as usize;
                return Err(ManifestError::new(Kind::Syntax, at, "this value has no key"));
            }
        }
        Ok(())
    }

    /// A copy of an anchored value, if the budget allows it.
    pub(crate) fn copy(
        &mut self,
        built: &Built,
        anchor: &str,
        at: Range<usize>,
    ) -> Result<Built, ManifestError> {
        self.check_depth(built.height, at.clone())?;
        self.copied += built.weight;
        if self.copied > self.limits.alias_nodes {
            let limit = self.limits.alias_nodes;
            let message = format!("`{anchor}` makes the file's aliases stand for more than {limit} values");
            let help =
                "anchors inside anchors multiply; write the values out, or raise the limit on aliased values";
            return Err(ManifestError::new(Kind::AnchorBomb, at, message).help(help));
        }
        Ok(built.clone())
    }

    fn check_depth(&self, more: usize, at: Range<usize>) -> Result<(), ManifestError> {
        if self.frames.len() + more <= self.limits.depth {
            return Ok(());
        }
        let message = format!("lists and objects are more than {} deep here", self.limits.depth);
        Err(ManifestError::new(Kind::TooDeep, at, message))
    }

    fn count(&mut self, at: Range<usize>) -> Result<(), ManifestError> {
        self.written += 1;
        if self.written <= self.limits.nodes {
            return Ok(());
        }
        let message = format!("the file has more than {} values", self.limits.nodes);
        Err(ManifestError::new(Kind::TooManyNodes, at, message)
            .help("split the file, or raise the limit on values"))
    }
}

/// A position; `Limits::clamped` keeps every one below `NONE`.
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(NONE)
}

pub(crate) fn node(at: &Range<usize>, first: u32) -> Node {
    Node { start: offset(at.start), end: offset(at.end), key_start: NONE, key_end: NONE, first }
}

fn refuse_duplicates(entries: &[(String, Json)], nodes: &[Node]) -> Result<(), ManifestError> {
    let Some((before, again)) = duplicate(entries) else { return Ok(()) };
    let key_at = |i: usize| nodes.get(i).map_or(0..0, |n| n.key_start as usize..n.key_end as usize);
    let name = entries.get(again).map_or("", |(name, _)| name);
    let message = format!("the key `{name}` stands twice in this object");
    let help = "kubectl would silently keep the last one; remove one of the two";
    Err(ManifestError::new(Kind::DuplicateKey, key_at(again), message)
        .secondary(key_at(before), "the first one is here")
        .help(help))
}

/// The first entry whose key stands earlier too, with that earlier one.
fn duplicate(entries: &[(String, Json)]) -> Option<(usize, usize)> {
    let names = entries.iter().map(|(name, _)| name.as_str()).enumerate();
    if entries.len() <= 8 {
        return names.clone().find_map(|(again, name)| {
            names.clone().take(again).find(|(_, earlier)| *earlier == name).map(|(before, _)| (before, again))
        });
    }
    let mut seen = HashMap::with_capacity(entries.len());
    names.into_iter().find_map(|(again, name)| seen.insert(name, again).map(|before| (before, again)))
}

fn can_merge(value: &Json) -> bool {
    let object = |value: &Json| matches!(value, Json::Object(_));
    object(value) || (matches!(value, Json::Array(_)) && value.elements().iter().all(object))
}

/// Go-yaml v2's merge: in the order of the text, and what comes later wins, be it a key or a merge; in a list of
/// objects the earlier one wins. A replaced entry keeps its place.
fn merge(
    entries: &mut Vec<(String, Json)>,
    nodes: &mut Vec<Node>,
    merges: Vec<(usize, Built)>,
    inner: &[Node],
) {
    let mut out = Merged::default();
    let mut merges = merges.into_iter().peekable();
    let written = std::mem::take(entries).into_iter().zip(std::mem::take(nodes));
    for (index, (entry, node)) in written.map(Some).chain([None]).enumerate().map(|(i, e)| (i, e.unzip())) {
        while let Some((_, source)) = merges.next_if(|(before, _)| *before <= index) {
            for (value, first) in sources(source, inner) {
                out.extend(value, children(inner, first));
            }
        }
        if let (Some((name, value)), Some(node)) = (entry, node) {
            out.set(name, value, node);
        }
    }
    (*entries, *nodes) = (out.entries, out.nodes);
}

#[derive(Default)]
struct Merged {
    entries: Vec<(String, Json)>,
    nodes: Vec<Node>,
    places: HashMap<String, usize>,
}

impl Merged {
    fn extend(&mut self, object: Json, nodes: &[Node]) {
        if let Json::Object(entries) = object {
            for ((name, value), node) in entries.into_iter().zip(nodes) {
                self.set(name, value, *node);
            }
        }
    }

    fn set(&mut self, name: String, value: Json, node: Node) {
        let place = self.places.get(&name).copied().unwrap_or(self.entries.len());
        match (self.entries.get_mut(place), self.nodes.get_mut(place)) {
            (Some(entry), Some(old)) => (entry.1, *old) = (value, node),
            (None, _) | (_, None) => {
                self.places.insert(name.clone(), place);
                self.entries.push((name, value));
                self.nodes.push(node);
            }
        }
    }
}

/// The objects that one `<<` names, weakest first, each with the place of its children's nodes.
fn sources(built: Built, inner: &[Node]) -> Vec<(Json, u32)> {
    match built.value {
        Json::Array(items) => {
            let nodes = children(inner, built.node.first);
            items.into_iter().zip(nodes.iter().map(|n| n.first)).rev().collect()
        }
        value @ (Json::Null
        | Json::Bool(_)
        | Json::Int(_)
        | Json::Float(_)
        | Json::Str(_)
        | Json::Object(_)) => {
            vec![(value, built.node.first)]
        }
    }
}

fn children(nodes: &[Node], first: u32) -> &[Node] {
    nodes.get(first as usize..).unwrap_or_default()
}
