//! The rest of the cluster, for rules that look beyond the object under review.

use std::{collections::BTreeMap, fmt, sync::Arc};

use kpol_vm::{evaluate::Inventory, json::Json};

/// Namespace objects by name.
type Namespaces = Arc<dyn Fn(&str) -> Option<Arc<Json>> + Send + Sync>;

/// What is known of the cluster beside the object under review: the objects that referential rules ask for, and the
/// Namespaces that conditions ask for. [`Evaluator::cluster`](crate::Evaluator::cluster) makes one of objects; it belongs to
/// that evaluator.
#[derive(Clone)]
pub struct Cluster {
    pub(crate) inventory: Arc<Inventory>,
    pub(crate) namespaces: Namespaces,
    misfits: Arc<[String]>,
}

impl Default for Cluster {
    fn default() -> Self {
        Cluster::empty()
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("inventory", &self.inventory).finish_non_exhaustive()
    }
}

impl Cluster {
    /// Nothing is known: referential rules see no other object, and `namespace` is absent.
    #[must_use]
    pub fn empty() -> Cluster {
        Cluster {
            inventory: Arc::new(Inventory::empty()),
            namespaces: Arc::new(|_| None),
            misfits: Arc::new([]),
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
            inventory: Arc::new(inventory),
            namespaces: Arc::new(move |name| named.get(name).cloned()),
            misfits: misfits.into(),
        }
    }

    /// Asks `namespaces` for the Namespace object of a name, in place of those among the objects: a cache that watches.
    #[must_use]
    pub fn with_namespaces(
        self,
        namespaces: impl Fn(&str) -> Option<Arc<Json>> + Send + Sync + 'static,
    ) -> Cluster {
        Cluster { namespaces: Arc::new(namespaces), ..self }
    }

    /// The objects that were left out because they do not have the form of their kind, each with the reason.
    #[must_use]
    pub fn misfits(&self) -> &[String] {
        &self.misfits
    }
}
