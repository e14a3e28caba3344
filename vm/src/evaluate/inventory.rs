//! The objects of a cluster that rules look at besides the one under review.

use std::sync::Arc;

use crate::{
    fact::{Fact, FactError},
    interp::{ClusterView, Subject},
    ir::{Module, RootId, Watch},
    json::Json,
    layout::Layout,
};

/// The watched objects of a cluster, in flat form.
#[derive(Debug, Default)]
pub struct Inventory {
    kinds: Vec<Kind>,
}

#[derive(Debug)]
struct Kind {
    watch: Watch,
    objects: Vec<Object>,
}

#[derive(Debug)]
struct Object {
    namespace: String,
    name: String,
    fact: Arc<Fact>,
}

impl Inventory {
    /// No objects.
    #[must_use]
    pub fn empty() -> Inventory {
        Inventory::default()
    }

    pub(super) fn new(
        module: &Module,
        layouts: &[Arc<Layout>],
        objects: &[Json],
    ) -> (Inventory, Vec<(usize, Vec<FactError>)>) {
        let mut kinds = Vec::with_capacity(module.watches.len());
        let mut errors = Vec::new();
        for watch in &module.watches {
            let mut kind = Kind { watch: watch.clone(), objects: Vec::new() };
            let Some(layout) = layouts.get(watch.root.index()) else { continue };
            for (position, json) in objects.iter().enumerate().filter(|(_, json)| is_of(watch, json)) {
                let text =
                    |key| json.at(&["metadata", key]).and_then(Json::as_str).unwrap_or_default().to_owned();
                match Fact::build(layout, json, &[]) {
                    Ok(fact) => {
                        kind.objects.push(Object { namespace: text("namespace"), name: text("name"), fact });
                    }
                    Err(found) => errors.push((position, found)),
                }
            }
            kinds.push(kind);
        }
        (Inventory { kinds }, errors)
    }
}

fn is_of(watch: &Watch, json: &Json) -> bool {
    let text = |key| json.get(key).and_then(Json::as_str).unwrap_or_default();
    let api_version = text("apiVersion");
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    text("kind") == watch.kind && group == watch.group && version == watch.version
}

impl ClusterView for Inventory {
    fn facts(&self, root: RootId, except: Option<Subject<'_>>) -> Vec<Arc<Fact>> {
        let is_same = |watch: &Watch, object: &Object| {
            except.is_some_and(|subject| {
                subject.group == watch.group
                    && subject.kind == watch.kind
                    && subject.namespace == object.namespace
                    && subject.name == object.name
            })
        };
        self.kinds
            .iter()
            .filter(|kind| kind.watch.root == root)
            .flat_map(|kind| kind.objects.iter().filter(move |object| !is_same(&kind.watch, object)))
            .map(|object| Arc::clone(&object.fact))
            .collect()
    }
}
