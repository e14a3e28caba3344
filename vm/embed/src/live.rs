//! The rest of the cluster, kept up to date while reviews go on.

use std::sync::Arc;

use kpol_vm::{
    evaluate::{self, LiveInventory, LiveNamespaces},
    fact::FactError,
    json::Json,
};

use crate::Cluster;

pub use kpol_vm::evaluate::KindSize;

/// What is known of a cluster, and changes: a host that watches puts objects in and takes them out, and reviews see the state
/// of the moment. Of each object only the fields that the rules read are kept. Clones share one state;
/// [`LiveCluster::cluster`] is what reviews are given. It belongs to the evaluator that made it
/// ([`Evaluator::live_cluster`](crate::Evaluator::live_cluster)), and to others of the same bundle.
///
/// A review sees one state of each kind to its end, and each object whole.
///
/// ```
/// use kpol::{Evaluator, Mode, Options, Session};
///
/// let compiled = kpol::compile(
///     "package acme\nrule unique on Service {\n  deny when any s in cluster.others(Service) \
///      { s.spec.clusterIP == object.spec.clusterIP } message \"taken\"\n}\n",
/// )?;
/// let evaluator = Evaluator::new(compiled.bundle(), Options::new().with_default_mode(Mode::Deny))?;
/// let service = |name: &str| kpol::json(format!(
///     r#"{{"apiVersion": "v1", "kind": "Service", "metadata": {{"name": "{name}"}}, "spec": {{"clusterIP": "10.0.0.1"}}}}"#
/// ).as_bytes());
///
/// let live = evaluator.live_cluster();
/// let cluster = live.cluster();
/// let mut session = Session::new();
/// let (web, db) = (service("web")?, service("db")?);
/// assert!(evaluator.object(&web, &cluster, &mut session)?.is_allowed());
/// live.put(&db)?;
/// assert!(!evaluator.object(&web, &cluster, &mut session)?.is_allowed());
/// live.remove("", "Service", "", "db");
/// assert!(evaluator.object(&web, &cluster, &mut session)?.is_allowed());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct LiveCluster(Arc<Live>);

#[derive(Debug)]
struct Live {
    objects: LiveInventory,
    namespaces: LiveNamespaces,
}

/// An object that does not have the form of its kind, and is not kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{object}: {why}")]
pub struct Misfit {
    object: String,
    why: String,
}

impl Misfit {
    pub(crate) fn new(json: &Json, errors: &[FactError]) -> Misfit {
        let text = |keys: &[&str]| json.at(keys).and_then(Json::as_str);
        let kind = text(&["kind"]).unwrap_or("object");
        let name = text(&["metadata", "name"]).unwrap_or("(no name)");
        let object = match text(&["metadata", "namespace"]) {
            Some(namespace) => format!("{kind} {namespace}/{name}"),
            None => format!("{kind} {name}"),
        };
        Misfit { object, why: errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ") }
    }
}

impl LiveCluster {
    pub(crate) fn new(evaluator: &evaluate::Evaluator) -> LiveCluster {
        let (objects, namespaces) = (evaluator.live_inventory(), evaluator.live_namespaces());
        LiveCluster(Arc::new(Live { objects, namespaces }))
    }

    /// For reviews. It stays up to date.
    #[must_use]
    pub fn cluster(&self) -> Cluster {
        Cluster::live(self.clone())
    }

    pub(crate) fn objects(&self) -> &LiveInventory {
        &self.0.objects
    }

    pub(crate) fn namespace(&self, name: &str) -> Option<Arc<Json>> {
        self.0.namespaces.get(name)
    }

    /// Whether rules read the Namespace that an object is in, so that Namespaces must be put in.
    #[must_use]
    pub fn reads_namespaces(&self) -> bool {
        self.0.namespaces.are_read()
    }

    /// Keeps an object, in place of the one of its kind, namespace and name; `false`: nothing is kept of its kind.
    ///
    /// # Errors
    /// When it does not have the form of its kind. Then what was kept of it before is gone, too.
    pub fn put(&self, object: &Json) -> Result<bool, Misfit> {
        let is_namespace = is_namespace(object);
        if is_namespace {
            self.0.namespaces.put(object);
        }
        let kept = self.0.objects.put(object).map_err(|errors| Misfit::new(object, &errors))?;
        Ok(kept || is_namespace && self.reads_namespaces())
    }

    /// Forgets an object; whether there was one. `namespace` is empty for kinds that are in none.
    pub fn remove(&self, group: &str, kind: &str, namespace: &str, name: &str) -> bool {
        let was_namespace = (group, kind) == ("", "Namespace") && self.0.namespaces.remove(name);
        self.0.objects.remove(group, kind, namespace, name) || was_namespace
    }

    /// Puts these objects in the place of all of this kind; the misfits among them are left out.
    pub fn replace(&self, group: &str, version: &str, kind: &str, objects: &[Json]) -> Vec<Misfit> {
        let mut filling = self.fill(group, version, kind);
        let misfits = objects.iter().filter_map(|object| filling.put(object).err()).collect();
        filling.done();
        misfits
    }

    /// Begins a [`LiveCluster::replace`] whose objects come one by one.
    #[must_use]
    pub fn fill(&self, group: &str, version: &str, kind: &str) -> Filling<'_> {
        let is_namespace = (group, version, kind) == ("", "v1", "Namespace");
        let namespaces = is_namespace.then(|| (&self.0.namespaces, Vec::new()));
        Filling { objects: self.0.objects.fill(group, version, kind), namespaces }
    }

    /// How much is kept, by kind; of Namespaces that are read as the namespace of an object, under their own entry.
    #[must_use]
    pub fn sizes(&self) -> Vec<KindSize> {
        let mut sizes = self.0.objects.sizes();
        if self.reads_namespaces() {
            let (objects, bytes) = self.0.namespaces.size();
            let (group, version, kind) = (String::new(), "v1".into(), "Namespace".into());
            sizes.push(KindSize { group, version, kind, objects, bytes, index_bytes: 0 });
        }
        sizes
    }
}

fn is_namespace(object: &Json) -> bool {
    let is = |key, text| object.get(key).and_then(Json::as_str) == Some(text);
    is("kind", "Namespace") && is("apiVersion", "v1")
}

impl From<LiveCluster> for Cluster {
    fn from(live: LiveCluster) -> Cluster {
        Cluster::live(live)
    }
}

/// What is kept of a Namespace, by its name.
type Named = (Box<str>, Arc<Json>);

/// All objects of a kind, on their way into a [`LiveCluster`]. Dropped before [`Filling::done`], it changes nothing.
#[derive(Debug)]
pub struct Filling<'l> {
    objects: evaluate::Filling<'l>,
    namespaces: Option<(&'l LiveNamespaces, Vec<Named>)>,
}

impl Filling<'_> {
    /// Adds an object, which is taken to be of the kind.
    ///
    /// # Errors
    /// When it does not have the form of its kind; it is left out.
    pub fn put(&mut self, object: &Json) -> Result<(), Misfit> {
        if let Some((namespaces, kept)) = &mut self.namespaces {
            kept.extend(namespaces.kept(object));
        }
        self.objects.put(object).map_err(|errors| Misfit::new(object, &errors))
    }

    /// Puts them in the place of those before, all at once.
    pub fn done(self) {
        self.objects.done();
        if let Some((namespaces, kept)) = self.namespaces {
            namespaces.replace(kept);
        }
    }
}
