//! The rest of the cluster, for rules that look beyond the object under review.

use std::{collections::BTreeMap, fmt, sync::Arc};

use kpol_vm::{
    evaluate::{Inventory, View},
    interp::ClusterView,
    json::Json,
};

use crate::LiveCluster;

/// Namespace objects by name.
type Namespaces = Arc<dyn Fn(&str) -> Option<Arc<Json>> + Send + Sync>;

/// What is known of the cluster beside the object under review: the objects that referential rules ask for, and the
/// Namespaces that conditions ask for. [`Evaluator::cluster`](crate::Evaluator::cluster) makes one of objects, and
/// [`LiveCluster::cluster`] one that follows a watch; it belongs to that evaluator.
#[derive(Clone)]
pub struct Cluster {
    objects: Objects,
    /// In place of those that [`Objects::Live`] has.
    namespaces: Option<Namespaces>,
    misfits: Arc<[String]>,
}

#[derive(Clone)]
enum Objects {
    Fixed(Arc<Inventory>),
    Live(LiveCluster),
}

/// The objects as one review sees them.
pub(crate) enum Seen<'c> {
    Fixed(&'c Inventory),
    Live(View<'c>),
}

impl Seen<'_> {
    pub(crate) fn view(&self) -> &dyn ClusterView {
        match self {
            Seen::Fixed(inventory) => *inventory,
            Seen::Live(view) => view,
        }
    }
}

impl Default for Cluster {
    fn default() -> Self {
        Cluster::empty()
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let objects: &dyn fmt::Debug = match &self.objects {
            Objects::Fixed(inventory) => inventory,
            Objects::Live(live) => live,
        };
        f.debug_struct("Cluster").field("objects", objects).finish_non_exhaustive()
    }
}

impl Cluster {
    /// Nothing is known: referential rules see no other object, and `namespace` is absent.
    #[must_use]
    pub fn empty() -> Cluster {
        Cluster {
            objects: Objects::Fixed(Arc::new(Inventory::empty())),
            namespaces: None,
            misfits: Arc::new([]),
        }
    }

    pub(crate) fn live(live: LiveCluster) -> Cluster {
        Cluster { objects: Objects::Live(live), ..Cluster::empty() }
    }

    pub(crate) fn seen(&self) -> Seen<'_> {
        match &self.objects {
            Objects::Fixed(inventory) => Seen::Fixed(inventory),
            Objects::Live(live) => Seen::Live(live.objects().view()),
        }
    }

    pub(crate) fn namespace(&self, name: &str) -> Option<Arc<Json>> {
        match (&self.namespaces, &self.objects) {
            (Some(namespaces), _) => namespaces(name),
            (None, Objects::Live(live)) => live.namespace(name),
            (None, Objects::Fixed(_)) => None,
        }
    }

    pub(crate) fn new(inventory: Inventory, objects: Vec<Json>, misfits: Vec<String>) -> Cluster {
        let named = objects.into_iter().filter_map(|object| {
            let text = |keys: &[&str]| object.at(keys).and_then(Json::as_str);
            let is_namespace = text(&["kind"]) == Some("Namespace") && text(&["apiVersion"]) == Some("v1");
            let name = text(&["metadata", "name"]).filter(|_| is_namespace)?.to_owned();
            Some((name, Arc::new(object)))
        });
        let named: BTreeMap<String, Arc<Json>> = named.collect();
        Cluster {
            objects: Objects::Fixed(Arc::new(inventory)),
            namespaces: Some(Arc::new(move |name| named.get(name).cloned())),
            misfits: misfits.into(),
        }
    }

    /// Asks `namespaces` for the Namespace object of a name, in place of those among the objects: a cache that watches.
    #[must_use]
    pub fn with_namespaces(
        self,
        namespaces: impl Fn(&str) -> Option<Arc<Json>> + Send + Sync + 'static,
    ) -> Cluster {
        Cluster { namespaces: Some(Arc::new(namespaces)), ..self }
    }

    /// The objects that were left out because they do not have the form of their kind, each with the reason.
    #[must_use]
    pub fn misfits(&self) -> &[String] {
        &self.misfits
    }
}
