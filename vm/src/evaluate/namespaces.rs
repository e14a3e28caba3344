//! The Namespaces of a cluster, kept up to date: of each, only what rules read of the namespace of an object.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use super::plan::Plan;
use crate::{
    ir::{FieldDemand, FieldSource, Module, RecordId, Root, Slot, SlotTy},
    json::Json,
};

/// Records in records; what is deeper is kept as it is.
const MAX_DEPTH: usize = 16;

/// Namespaces by name.
#[derive(Debug)]
pub struct LiveNamespaces {
    /// `None`: no rule reads any.
    keep: Option<Keep>,
    named: RwLock<BTreeMap<Box<str>, Arc<Json>>>,
}

impl LiveNamespaces {
    pub(super) fn new(module: &Module, plan: &Plan) -> LiveNamespaces {
        let needs = plan.rule_needs.iter().chain(&plan.mutation_needs).flatten();
        let roots = needs.filter(|(slot, _)| *slot == Slot::Namespace);
        let keeps = roots.filter_map(|(_, root)| module.roots.get(root.index()));
        let keep = keeps.map(|root| Keep::record(root, RecordId(0), 0)).reduce(Keep::or);
        LiveNamespaces { keep, named: RwLock::default() }
    }

    /// Whether any rule, bind, exception or mutation reads them. If not, none is kept.
    #[must_use]
    pub fn are_read(&self) -> bool {
        self.keep.is_some()
    }

    /// What is kept of a Namespace; `None` if that is nothing, or it has no name.
    #[must_use]
    pub fn kept(&self, namespace: &Json) -> Option<(Box<str>, Arc<Json>)> {
        let name = namespace.at(&["metadata", "name"]).and_then(Json::as_str)?;
        Some((name.into(), Arc::new(self.keep.as_ref()?.of(namespace))))
    }

    /// Keeps a Namespace, in place of the one of its name.
    pub fn put(&self, namespace: &Json) {
        let Some((name, kept)) = self.kept(namespace) else { return };
        self.write(|named| named.insert(name, kept));
    }

    /// Forgets one; whether it was there.
    pub fn remove(&self, name: &str) -> bool {
        self.write(|named| named.remove(name)).is_some()
    }

    /// Puts all of them, as [`LiveNamespaces::kept`] gave them, in the place of those before.
    pub fn replace(&self, kept: impl IntoIterator<Item = (Box<str>, Arc<Json>)>) {
        let kept = kept.into_iter().collect();
        // Not dropped while others wait.
        drop(self.write(|named| std::mem::replace(named, kept)));
    }

    /// What is kept of the Namespace of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<Json>> {
        self.named.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// How many there are, and the bytes that they take.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let named = self.named.read().unwrap_or_else(PoisonError::into_inner);
        // Two counters before each value; name and value in the tree.
        const ENTRY: usize = 2 * size_of::<usize>() + size_of::<(Box<str>, Arc<Json>)>();
        (named.len(), named.iter().map(|(name, json)| ENTRY + name.len() + json.memory()).sum())
    }

    fn write<R>(&self, work: impl FnOnce(&mut BTreeMap<Box<str>, Arc<Json>>) -> R) -> R {
        work(&mut self.named.write().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Which parts of a JSON value are kept.
#[derive(Clone, Debug, PartialEq)]
enum Keep {
    All,
    /// These entries of an object.
    Entries(BTreeMap<String, Keep>),
    /// Of each element or entry.
    Each(Box<Keep>),
}

impl Keep {
    fn record(root: &Root, id: RecordId, depth: usize) -> Keep {
        let Some(record) = root.records.get(id.index()).filter(|_| depth < MAX_DEPTH) else {
            return Keep::All;
        };
        let fields = record.fields.iter().map(|field| Keep::field(root, field, depth));
        fields.fold(Keep::Entries(BTreeMap::new()), Keep::or)
    }

    /// The record of a field, with what the field needs.
    fn field(root: &Root, field: &FieldDemand, depth: usize) -> Keep {
        let entry = |name: &str, keep| (name.to_owned(), keep);
        let slot = || Keep::slot(root, &field.slot, depth);
        Keep::Entries(match &field.source {
            FieldSource::Json => [entry(&field.name, slot())].into(),
            FieldSource::Concat(sources) => sources.iter().map(|(key, _)| entry(key, slot())).collect(),
            FieldSource::Role => BTreeMap::new(),
            FieldSource::ObjectId => {
                let names = ["name", "namespace", "generateName"].map(|name| entry(name, Keep::All));
                [entry("metadata", Keep::Entries(names.into()))].into()
            }
        })
    }

    fn slot(root: &Root, slot: &SlotTy, depth: usize) -> Keep {
        match slot {
            SlotTy::Scalar(_) => Keep::All,
            SlotTy::Record(id) => Keep::record(root, *id, depth + 1),
            SlotTy::List(element) => Keep::Each(Box::new(Keep::slot(root, element, depth))),
            SlotTy::Map { value, whole: true, .. } => Keep::Each(Box::new(Keep::slot(root, value, depth))),
            SlotTy::Map { value, keys, whole: false } => {
                Keep::Entries(keys.iter().map(|key| (key.clone(), Keep::slot(root, value, depth))).collect())
            }
        }
    }

    /// What one of the two keeps.
    fn or(self, other: Keep) -> Keep {
        match (self, other) {
            (Keep::Entries(mut entries), Keep::Entries(others)) => {
                for (key, other) in others {
                    let keep = match entries.remove(&key) {
                        Some(keep) => keep.or(other),
                        None => other,
                    };
                    entries.insert(key, keep);
                }
                Keep::Entries(entries)
            }
            (Keep::Each(each), Keep::Each(other)) => Keep::Each(Box::new(each.or(*other))),
            (Keep::All | Keep::Entries(_) | Keep::Each(_), _) => Keep::All,
        }
    }

    /// A value of another form than expected stays: it is an error where it is read, with and without this.
    fn of(&self, json: &Json) -> Json {
        match (self, json) {
            (Keep::Entries(keep), Json::Object(entries)) => {
                let kept = |(key, value): &(String, Json)| Some((key.clone(), keep.get(key)?.of(value)));
                Json::Object(shrunk(entries.iter().filter_map(kept).collect()))
            }
            (Keep::Each(keep), Json::Array(items)) => {
                Json::Array(items.iter().map(|item| keep.of(item)).collect())
            }
            (Keep::Each(keep), Json::Object(entries)) => {
                Json::Object(entries.iter().map(|(key, value)| (key.clone(), keep.of(value))).collect())
            }
            (Keep::All | Keep::Entries(_) | Keep::Each(_), json) => json.clone(),
        }
    }
}

fn shrunk(mut entries: Vec<(String, Json)>) -> Vec<(String, Json)> {
    entries.shrink_to_fit();
    entries
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        fact::Fact,
        layout::Layout,
        testing::{field, json, list, record, root},
        types::Type,
    };

    fn scalar(ty: Type) -> SlotTy {
        SlotTy::Scalar(ty)
    }

    fn namespace() -> Root {
        let labels = |keys: &[&str], whole| SlotTy::Map {
            value: Box::new(scalar(Type::Str)),
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            whole,
        };
        let meta = vec![
            field("labels", labels(&["a", "b"], false)),
            field("annotations", labels(&["a"], true)),
            field("rest", scalar(Type::Dyn)),
        ];
        let spec =
            vec![field("list", list(SlotTy::Record(RecordId(2)))), field("own", SlotTy::Record(RecordId(2)))];
        root(
            "Namespace",
            vec![
                record(
                    "Namespace",
                    vec![
                        field("metadata", SlotTy::Record(RecordId(1))),
                        field("spec", SlotTy::Record(RecordId(2))),
                    ],
                ),
                record("ObjectMeta", meta),
                record("Spec", spec),
            ],
        )
    }

    fn any_json() -> impl Strategy<Value = Json> {
        let key = || {
            prop::sample::select(vec![
                "a",
                "b",
                "c",
                "metadata",
                "labels",
                "annotations",
                "rest",
                "spec",
                "list",
                "own",
            ])
        };
        let leaf =
            prop_oneof![Just(Json::Null), Just(Json::Int(1)), key().prop_map(|text| Json::Str(text.into()))];
        leaf.prop_recursive(6, 64, 6, move |inner| {
            let entries = prop::collection::btree_map(key(), inner.clone(), 0..6);
            let entry = |(key, value): (&str, Json)| (key.to_owned(), value);
            prop_oneof![
                3 => entries.prop_map(move |entries| Json::Object(entries.into_iter().map(entry).collect())),
                1 => prop::collection::vec(inner, 0..4).prop_map(Json::Array),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_kept_reads_as_the_whole(json in any_json()) {
            let root = namespace();
            let layout = Arc::new(Layout::new(&root).unwrap());
            let kept = Keep::record(&root, RecordId(0), 0).of(&json);
            let (kept, whole) = (Fact::build(&layout, &kept, &[]), Fact::build(&layout, &json, &[]));
            match (kept, whole) {
                (Ok(kept), Ok(whole)) => {
                    prop_assert_eq!(kept.bytes(), whole.bytes());
                    prop_assert_eq!(kept.dyns(), whole.dyns());
                }
                (Err(kept), Err(whole)) => prop_assert_eq!(kept, whole),
                (kept, whole) => prop_assert!(false, "{kept:?} and {whole:?}"),
            }
        }
    }

    #[test]
    fn only_what_is_read_is_kept() {
        let keep = Keep::record(&namespace(), RecordId(0), 0);
        let text = r#"{"kind":"Namespace","metadata":{"name":"x","uid":"1","labels":{"a":"1","c":"2"}},"status":{}}"#;
        assert_eq!(keep.of(&json(text)), json(r#"{"metadata":{"labels":{"a":"1"}}}"#));
    }

    #[test]
    fn two_demands_are_kept_together() {
        let entries =
            |keys: &[&str]| Keep::Entries(keys.iter().map(|key| ((*key).into(), Keep::All)).collect());
        assert_eq!(entries(&["a"]).or(entries(&["b"])), entries(&["a", "b"]));
        assert_eq!(entries(&["a"]).or(Keep::Each(Box::new(Keep::All))), Keep::All);
    }
}
