//! The Kubernetes kinds: what an author may write after `on` and behind each dot.
//!
//! The built-in kinds are generated from the API's own schema for a range of minors (`cargo run -p xtask -- schema`) and
//! embedded as text, one definition a line. A definition is read when somebody asks for it: start-up costs one pass over
//! the line beginnings. What the API's schema does not say stands in two reviewed tables beside it.
//!
//!   kubernetes.jsonl ┐
//!   extra.jsonl      ┴─ read a line ──▶ record ──▶ types.tsv, defaults.tsv ──▶ virtual fields ──▶ author
//!   CustomResourceDefinition ── add_crd ─▶ records ─────────────────────────▶ virtual fields ──▶ author
//!
//! Nothing here does I/O: a CRD arrives as a value.

mod base;
mod crd;
mod overlay;
mod virtual_fields;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kpol_vm::json::Json;
use kpol_vm::types::Record;

use base::Base;
pub use crd::CrdError;

/// A Kubernetes kind of one group and version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindInfo {
    /// The API's name: `Deployment`, also where authors must write `autoscaling.v1.HorizontalPodAutoscaler`.
    pub kind: String,
    /// The API group; empty for core.
    pub group: String,
    /// The version: `v1`.
    pub version: String,
    /// The resource in URLs and webhook rules: `deployments`. For a kind that exists only as a subresource's object
    /// (`Eviction`, `Scale`, `TokenRequest`), the subresource.
    pub plural: String,
    /// Whether its objects live in a namespace.
    pub namespaced: bool,
    /// The name of its record, which is also the kind's name for authors.
    pub record: String,
    /// The first minor that serves it; `None`: all of the range's.
    pub since: Option<u32>,
    /// The last minor that serves it; `None`: it is still there.
    pub until: Option<u32>,
    /// Subresources whose requests admission sees: the name, and the record of the request's object.
    pub subresources: Vec<(String, String)>,
}

/// All kinds and records that can be named: the built-in ones and those of added CRDs. Cheap to make and to clone.
#[derive(Clone)]
pub struct Schema {
    base: &'static Base,
    crd_records: BTreeMap<String, Arc<Record>>,
    crd_kinds: Vec<KindInfo>,
    /// Names of records of CRDs with `x-kubernetes-preserve-unknown-fields`.
    open: BTreeSet<String>,
}

impl Schema {
    /// The built-in kinds.
    #[must_use]
    pub fn kubernetes() -> Schema {
        Schema {
            base: Base::get(),
            crd_records: BTreeMap::new(),
            crd_kinds: Vec::new(),
            open: BTreeSet::new(),
        }
    }

    /// The oldest and the newest minor of Kubernetes that the built-in kinds cover.
    #[must_use]
    pub fn minors(&self) -> (u32, u32) {
        self.base.minors()
    }

    /// Whether objects of this record may have fields that it does not name, and the API server keeps them.
    #[must_use]
    pub fn keeps_unknown_fields(&self, record: &str) -> bool {
        self.open.contains(record)
    }

    /// The record that authors call `name`.
    #[must_use]
    pub fn record(&self, name: &str) -> Option<Arc<Record>> {
        self.crd_records.get(name).cloned().or_else(|| self.base.record(name))
    }

    /// The names of all records, for suggestions.
    pub fn record_names(&self) -> impl Iterator<Item = &str> {
        self.base.record_names().chain(self.crd_records.keys().map(String::as_str))
    }

    /// The kind that authors call `author_name`.
    #[must_use]
    pub fn kind(&self, author_name: &str) -> Option<&KindInfo> {
        self.kinds().find(|kind| kind.record == author_name)
    }

    /// The kind of a manifest: exactly this group, version and kind.
    #[must_use]
    pub fn kind_of(&self, group: &str, version: &str, kind: &str) -> Option<&KindInfo> {
        self.kinds().find(|info| info.kind == kind && info.group == group && info.version == version)
    }

    /// The kind in every version that its group has had.
    #[must_use]
    pub fn kind_in_group(&self, group: &str, kind: &str) -> Vec<&KindInfo> {
        self.kinds().filter(|info| info.kind == kind && info.group == group).collect()
    }

    /// All kinds in all versions.
    pub fn kinds(&self) -> impl Iterator<Item = &KindInfo> {
        self.base.kinds().iter().chain(&self.crd_kinds)
    }

    /// The JSON keys from an object of this kind to its pod template; `None` if the kind has none. A Pod is its own.
    #[must_use]
    pub fn pod_path(&self, kind: &KindInfo) -> Option<Vec<&'static str>> {
        POD_PATHS
            .iter()
            .find(|(group, name, _)| *group == kind.group && *name == kind.kind)
            .map(|(_, _, path)| path.to_vec())
    }

    /// Adds the kind of a CustomResourceDefinition under the author's `name`; versions other than the stored one are
    /// called `v1alpha1.NAME`. Adding the same again changes nothing.
    ///
    /// # Errors
    ///
    /// Everything in `crd` that is wrong, each with its place in it; then nothing is added.
    pub fn add_crd(&mut self, name: &str, crd: &Json) -> Result<(), Vec<CrdError>> {
        let added = crd::read(name, crd)?;
        if self.has_all(&added) {
            return Ok(());
        }
        if let Some(taken) = added.records.iter().find(|record| self.record(&record.name).is_some()) {
            return Err(vec![CrdError::new("", format!("the name `{}` is taken", taken.name))]);
        }
        for record in added.records {
            self.crd_records.insert(record.name.clone(), Arc::new(record));
        }
        self.crd_kinds.extend(added.kinds);
        self.open.extend(added.open);
        Ok(())
    }

    fn has_all(&self, added: &crd::Added) -> bool {
        let same =
            |record: &Record| self.crd_records.get(&record.name).is_some_and(|known| **known == *record);
        added.kinds.iter().all(|kind| self.crd_kinds.contains(kind)) && added.records.iter().all(same)
    }
}

/// Group, kind (in any version) and the way to the pod template.
const POD_PATHS: &[(&str, &str, &[&str])] = &[
    ("", "Pod", &[]),
    ("", "PodTemplate", &["template"]),
    ("", "ReplicationController", &["spec", "template"]),
    ("apps", "DaemonSet", &["spec", "template"]),
    ("apps", "Deployment", &["spec", "template"]),
    ("apps", "ReplicaSet", &["spec", "template"]),
    ("apps", "StatefulSet", &["spec", "template"]),
    ("batch", "CronJob", &["spec", "jobTemplate", "spec", "template"]),
    ("batch", "Job", &["spec", "template"]),
];

#[cfg(test)]
mod tests;
