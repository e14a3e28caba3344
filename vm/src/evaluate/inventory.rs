//! The objects of a cluster that rules look at besides the one under review.
//!
//! ```text
//!  Setup: layouts, keys ──▶ Inventory: one state, kind by kind ◀──pinned by a review──┐
//!                           LiveInventory: the state of the moment ───────────────────┘ ◀── put, remove, fill: a watch
//! ```
//!
//! Of each object there is a fact, with the fields that the demand names, and nothing else. Objects are in the order of
//! namespace and name, so what rules say does not depend on how a watch began.

mod index;
mod kind;
mod live;
mod plan;

pub use live::{Filling, KindSize, LiveInventory, View};
pub(super) use plan::plan;

use std::sync::Arc;

use crate::{
    fact::{Fact, FactError},
    interp::{Ask, ClusterView, Subject},
    ir::{IndexKey, Module, RootId, Watch},
    json::Json,
    layout::Layout,
};
use index::{Index, Keys};
use kind::{Object, Objects};

/// What objects are kept by: worked out once for a module.
#[derive(Debug)]
pub(super) struct Setup {
    kinds: Vec<Kind>,
}

#[derive(Debug)]
struct Kind {
    watch: Watch,
    layout: Arc<Layout>,
    /// Without objects.
    empty: Objects,
}

impl Setup {
    pub(super) fn new(module: &Module, layouts: &[Arc<Layout>], keys: &[Arc<IndexKey>]) -> Setup {
        let shared = Arc::new(Keys::new(module));
        let kind = |watch: &Watch| {
            let layout = Arc::clone(layouts.get(watch.root.index())?);
            let keys = keys.iter().filter(|key| key.root == watch.root);
            let indexes = keys.map(|key| Index::new(Arc::clone(key), Arc::clone(&shared))).collect();
            Some(Kind { watch: watch.clone(), layout, empty: Objects::new(indexes) })
        };
        Setup { kinds: module.watches.iter().filter_map(kind).collect() }
    }
}

impl Kind {
    /// What is kept of an object.
    fn object(&self, json: &Json) -> Result<Object, Vec<FactError>> {
        Ok(Object::new(json, Fact::build_kept(&self.layout, json)?))
    }

    fn is_of(&self, json: &Json) -> bool {
        let text = |key| json.get(key).and_then(Json::as_str).unwrap_or_default();
        let api_version = text("apiVersion");
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        text("kind") == self.watch.kind && self.is_named(group, version)
    }

    fn is_named(&self, group: &str, version: &str) -> bool {
        group == self.watch.group && version == self.watch.version
    }
}

/// The watched objects of a cluster, in flat form, at one moment.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    setup: Option<Arc<Setup>>,
    /// As the setup's kinds.
    kinds: Vec<Arc<Objects>>,
}

impl Inventory {
    /// No objects.
    #[must_use]
    pub fn empty() -> Inventory {
        Inventory::default()
    }

    pub(super) fn new(setup: &Arc<Setup>, objects: &[Json]) -> (Inventory, Vec<(usize, Vec<FactError>)>) {
        let mut kinds = Vec::with_capacity(setup.kinds.len());
        let mut errors = Vec::new();
        for kind in &setup.kinds {
            let mut kept = Vec::new();
            for (position, json) in objects.iter().enumerate().filter(|(_, json)| kind.is_of(json)) {
                match kind.object(json) {
                    Ok(object) => kept.push(object),
                    Err(found) => errors.push((position, found)),
                }
            }
            let mut state = kind.empty.clone();
            state.fill(kept);
            kinds.push(Arc::new(state));
        }
        (Inventory { setup: Some(Arc::clone(setup)), kinds }, errors)
    }

    /// The kinds that are watched as a root.
    fn kinds(&self, root: RootId) -> impl Iterator<Item = (&Watch, &Objects)> {
        let kinds = self.setup.iter().flat_map(|setup| &setup.kinds).zip(&self.kinds);
        kinds.filter(move |(kind, _)| kind.watch.root == root).map(|(kind, state)| (&kind.watch, &**state))
    }
}

/// The object under review, if objects of this kind may be it.
fn own<'a, 's>(watch: &Watch, except: &'a Option<Subject<'s>>) -> Option<&'a Subject<'s>> {
    except.as_ref().filter(|subject| subject.group == watch.group && subject.kind == watch.kind)
}

impl ClusterView for Inventory {
    fn facts(&self, root: RootId, except: Option<Subject<'_>>) -> Vec<Arc<Fact>> {
        let mut facts = Vec::with_capacity(self.count(root));
        for (watch, objects) in self.kinds(root) {
            let own = own(watch, &except);
            let others = objects.iter().filter(|object| !own.is_some_and(|subject| object.is(subject)));
            facts.extend(others.map(|object| Arc::clone(&object.fact)));
        }
        facts
    }

    fn count(&self, root: RootId) -> usize {
        self.kinds(root).map(|(_, objects)| objects.len()).sum()
    }

    fn find(&self, root: RootId, asks: &[Ask<'_>], except: Option<Subject<'_>>) -> Option<Vec<Arc<Fact>>> {
        let mut facts = Vec::new();
        for (watch, objects) in self.kinds(root) {
            let found = asks.iter().filter_map(|ask| {
                let is_it = |index: &&Index| Arc::ptr_eq(&index.key, ask.key) || index.key == *ask.key;
                Some(objects.indexes.iter().find(is_it)?.find(&ask.values))
            });
            // Each of them must hold, so the one that leaves the fewest is enough.
            let lists = found.min_by_key(|lists| lists.iter().map(|list| list.len()).sum::<usize>())?;
            let mut found: Vec<&Arc<Object>> = lists.into_iter().flatten().collect();
            found.sort();
            found.dedup();
            let own = own(watch, &except);
            let others = found.into_iter().filter(|object| !own.is_some_and(|subject| object.is(subject)));
            facts.extend(others.map(|object| Arc::clone(&object.fact)));
        }
        Some(facts)
    }
}
