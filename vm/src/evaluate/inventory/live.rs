//! An inventory that changes while reviews read it.
//!
//! Each kind has its state behind a lock that is held for as long as it takes to copy a pointer: a review pins the state
//! of each kind when it first looks, and keeps it to its end; a writer changes the state in place, or, where somebody has
//! pinned it, the few parts of it that it touches. Facts are made before any lock is taken.

use std::{
    cell::OnceCell,
    sync::{Arc, PoisonError, RwLock},
};

use super::{Inventory, Kind, Setup, kind::Object, kind::Objects, kind::names};
use crate::{
    fact::{Fact, FactError},
    interp::{Ask, ClusterView, Subject},
    ir::RootId,
    json::Json,
};

/// The state of the moment.
type State = RwLock<Arc<Objects>>;

/// The watched objects of a cluster, kept up to date.
#[derive(Debug)]
pub struct LiveInventory {
    setup: Arc<Setup>,
    /// As the setup's kinds.
    kinds: Vec<State>,
}

/// How much is kept of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindSize {
    /// API group; empty: core.
    pub group: String,
    /// API version.
    pub version: String,
    /// The kind.
    pub kind: String,
    /// How many objects.
    pub objects: usize,
    /// The bytes that their facts and names take.
    pub bytes: usize,
    /// The bytes that the indexes take.
    pub index_bytes: usize,
}

impl LiveInventory {
    pub(in super::super) fn new(setup: &Arc<Setup>) -> LiveInventory {
        let kinds = setup.kinds.iter().map(|kind| RwLock::new(Arc::new(kind.empty.clone()))).collect();
        LiveInventory { setup: Arc::clone(setup), kinds }
    }

    fn kinds(&self) -> impl Iterator<Item = (&Kind, &State)> {
        self.setup.kinds.iter().zip(&self.kinds)
    }

    /// Keeps an object, in place of the one of its kind, namespace and name; whether it is of a watched kind.
    ///
    /// # Errors
    /// When it does not have the form of its kind. Then what was kept of it before is gone, too: it is not so any more.
    pub fn put(&self, json: &Json) -> Result<bool, Vec<FactError>> {
        let mut errors = Vec::new();
        let mut kept = false;
        for (kind, state) in self.kinds().filter(|(kind, _)| kind.is_of(json)) {
            match kind.object(json) {
                Ok(object) => {
                    change(state, |objects| objects.put(object));
                    kept = true;
                }
                Err(found) => {
                    let (namespace, name) = names(json);
                    change(state, |objects| objects.remove(namespace, name));
                    errors.extend(found);
                }
            }
        }
        if errors.is_empty() { Ok(kept) } else { Err(errors) }
    }

    /// Forgets an object; whether there was one.
    pub fn remove(&self, group: &str, kind: &str, namespace: &str, name: &str) -> bool {
        let is_it = |of: &Kind| of.watch.group == group && of.watch.kind == kind;
        let states = self.kinds().filter(|(kind, _)| is_it(kind));
        states.fold(false, |any, (_, state)| change(state, |objects| objects.remove(namespace, name)) || any)
    }

    /// Begins to collect the whole content of a kind; [`Filling::done`] puts it in place. Until then nothing changes.
    #[must_use]
    pub fn fill(&self, group: &str, version: &str, kind: &str) -> Filling<'_> {
        let is_it = |of: &Kind| of.watch.kind == kind && of.is_named(group, version);
        let kinds = self.kinds().filter(|(kind, _)| is_it(kind));
        Filling { kinds: kinds.map(|(kind, state)| (kind, state, Vec::new())).collect() }
    }

    /// How much is kept, by kind.
    #[must_use]
    pub fn sizes(&self) -> Vec<KindSize> {
        let size = |(kind, state): (&Kind, &State)| {
            let state = pinned(state);
            let (bytes, index_bytes) = state.memory();
            KindSize {
                group: kind.watch.group.clone(),
                version: kind.watch.version.clone(),
                kind: kind.watch.kind.clone(),
                objects: state.len(),
                bytes,
                index_bytes,
            }
        };
        self.kinds().map(size).collect()
    }

    /// The state of the moment. It does not change.
    #[must_use]
    pub fn now(&self) -> Inventory {
        let kinds = self.kinds.iter().map(pinned).collect();
        Inventory { setup: Some(Arc::clone(&self.setup)), kinds }
    }

    /// What one review sees.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        View { live: self, pinned: OnceCell::new() }
    }
}

// No lock is held where anything could panic; what a poisoned one guards is sound.
fn pinned(state: &State) -> Arc<Objects> {
    Arc::clone(&state.read().unwrap_or_else(PoisonError::into_inner))
}

fn change<R>(state: &State, work: impl FnOnce(&mut Objects) -> R) -> R {
    let mut state = state.write().unwrap_or_else(PoisonError::into_inner);
    work(Arc::make_mut(&mut state))
}

/// The content of a kind while it is collected. Dropped, it changes nothing.
#[derive(Debug)]
pub struct Filling<'l> {
    kinds: Vec<(&'l Kind, &'l State, Vec<Object>)>,
}

impl Filling<'_> {
    /// Adds an object of the kind. Its `apiVersion` and `kind` are not asked for: lists leave them out.
    ///
    /// # Errors
    /// When it does not have the form of its kind; then it is left out.
    pub fn put(&mut self, json: &Json) -> Result<(), Vec<FactError>> {
        for (kind, _, objects) in &mut self.kinds {
            objects.push(kind.object(json)?);
        }
        Ok(())
    }

    /// Puts the collected objects in the place of those that were there; of two with one name, the last.
    pub fn done(self) {
        for (kind, state, mut objects) in self.kinds {
            // Stable: what came last is the last of its name.
            objects.sort();
            objects.reverse();
            objects.dedup();
            let mut fresh = kind.empty.clone();
            fresh.fill(objects);
            let mut state = state.write().unwrap_or_else(PoisonError::into_inner);
            let old = std::mem::replace(&mut *state, Arc::new(fresh));
            drop(state);
            // Many objects go here, and nobody waits for it.
            drop(old);
        }
    }
}

/// A live inventory as one review sees it: pinned at the first look, so every look sees the same. A review that does not
/// look costs nothing.
#[derive(Debug)]
pub struct View<'l> {
    live: &'l LiveInventory,
    pinned: OnceCell<Inventory>,
}

impl View<'_> {
    fn pinned(&self) -> &Inventory {
        self.pinned.get_or_init(|| self.live.now())
    }
}

impl ClusterView for View<'_> {
    fn facts(&self, root: RootId, except: Option<Subject<'_>>) -> Vec<Arc<Fact>> {
        self.pinned().facts(root, except)
    }

    fn count(&self, root: RootId) -> usize {
        self.pinned().count(root)
    }

    fn find(&self, root: RootId, asks: &[Ask<'_>], except: Option<Subject<'_>>) -> Option<Vec<Arc<Fact>>> {
        self.pinned().find(root, asks, except)
    }
}
