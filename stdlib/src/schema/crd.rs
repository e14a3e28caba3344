//! Reads a CustomResourceDefinition into a kind and its records.
//!
//! Each nested object becomes a record that is named by its path: `Certificate.spec.issuerRef`. What a structural schema
//! leaves open (int-or-string, preserved unknown fields, embedded objects, fractions) becomes `dyn`.

use std::collections::HashSet;
use std::fmt;

use kpol_vm::json::Json;
use kpol_vm::types::{Field, Presence, Record, Type};

use super::{KindInfo, virtual_fields};

/// How deep a schema may nest.
const MAX_DEPTH: usize = 64;
/// How many fields all versions of a CRD may have together.
const MAX_FIELDS: usize = 20_000;
/// Longest documentation text, in characters.
const MAX_DOC: usize = 200;

/// Why a CustomResourceDefinition cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrdError {
    /// The place in the object: `spec.versions[0].schema`; empty for the whole.
    pub path: String,
    /// What is wrong there.
    pub message: String,
}

impl CrdError {
    pub(super) fn new(path: impl Into<String>, message: impl Into<String>) -> CrdError {
        CrdError { path: path.into(), message: message.into() }
    }
}

impl fmt::Display for CrdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.path.is_empty() { "" } else { ": " };
        write!(f, "{}{separator}{}", self.path, self.message)
    }
}

impl std::error::Error for CrdError {}

/// What a CRD adds to a schema.
pub(super) struct Added {
    pub(super) kinds: Vec<KindInfo>,
    pub(super) records: Vec<Record>,
    /// The names of the records whose objects keep fields that they do not name.
    pub(super) open: Vec<String>,
}

/// Reads `crd`, whose kind authors call `name`.
pub(super) fn read(name: &str, crd: &Json) -> Result<Added, Vec<CrdError>> {
    let mut reader = Reader::default();
    let kinds = reader.crd(name, crd);
    let Reader { records, open, errors, .. } = reader;
    if errors.is_empty() { Ok(Added { kinds, records, open }) } else { Err(errors) }
}

#[derive(Default)]
struct Reader {
    origin: String,
    records: Vec<Record>,
    open: Vec<String>,
    names: HashSet<String>,
    fields: usize,
    full: bool,
    errors: Vec<CrdError>,
}

/// Where the reader is: the name that a record would get here, the place in the CRD, the nesting.
#[derive(Clone)]
struct At {
    name: String,
    path: String,
    depth: usize,
}

impl At {
    fn property(&self, key: &str) -> At {
        let name = format!("{}.{key}", self.name);
        At { name, path: format!("{}.properties.{key}", self.path), depth: self.depth + 1 }
    }

    fn inside(&self, key: &str) -> At {
        At { name: self.name.clone(), path: format!("{}.{key}", self.path), depth: self.depth + 1 }
    }
}

impl Reader {
    fn crd(&mut self, name: &str, crd: &Json) -> Vec<KindInfo> {
        if !self.is_crd_v1(crd) {
            return Vec::new();
        }
        let group = self.text(crd, &["spec", "group"]);
        let kind = self.text(crd, &["spec", "names", "kind"]);
        let plural = self.text(crd, &["spec", "names", "plural"]);
        let scope = self.text(crd, &["spec", "scope"]);
        if !["", "Namespaced", "Cluster"].contains(&scope.as_str()) {
            self.error("spec.scope", format!("`{scope}` is neither `Namespaced` nor `Cluster`"));
        }
        let versions = crd.at(&["spec", "versions"]).map_or(&[][..], Json::elements);
        if !versions.iter().any(|version| flag(version, "storage")) {
            self.error("spec.versions", "no version has `storage: true`");
        }
        let mut kinds = Vec::new();
        for (index, item) in versions.iter().enumerate() {
            let path = format!("spec.versions[{index}]");
            let Some(version) = item.get("name").and_then(Json::as_str) else {
                self.error(format!("{path}.name"), "a text is required here");
                continue;
            };
            if !flag(item, "served") && !flag(item, "storage") {
                continue;
            }
            let record = if flag(item, "storage") { name.to_owned() } else { format!("{version}.{name}") };
            self.origin = format!("{group}/{version}");
            self.version(&record, item, &path);
            kinds.push(KindInfo {
                kind: kind.clone(),
                group: group.clone(),
                version: version.to_owned(),
                plural: plural.clone(),
                namespaced: scope == "Namespaced",
                subresources: subresources(item, &record),
                record,
                since: None,
                until: None,
            });
        }
        kinds
    }

    fn is_crd_v1(&mut self, crd: &Json) -> bool {
        let text = |key: &str| crd.get(key).and_then(Json::as_str).unwrap_or_default();
        if text("kind") != "CustomResourceDefinition" {
            self.error("kind", format!("`{}` is no CustomResourceDefinition", text("kind")));
            return false;
        }
        match text("apiVersion") {
            "apiextensions.k8s.io/v1" => true,
            "apiextensions.k8s.io/v1beta1" => {
                let gone = "apiextensions.k8s.io/v1beta1 was removed in Kubernetes 1.22: write the CRD as apiextensions.k8s.io/v1";
                self.error("apiVersion", gone);
                false
            }
            other => {
                self.error("apiVersion", format!("`{other}` is not apiextensions.k8s.io/v1"));
                false
            }
        }
    }

    /// The root of one version: the type's own fields and those that every object has.
    fn version(&mut self, name: &str, version: &Json, path: &str) {
        let at = At { name: name.to_owned(), path: format!("{path}.schema.openAPIV3Schema"), depth: 0 };
        let Some(schema) = version.at(&["schema", "openAPIV3Schema"]) else {
            self.error(at.path, "the schema is required here");
            return;
        };
        self.record(schema, &at);
        let Some(root) = self.records.iter_mut().rev().find(|record| record.name == name) else { return };
        root.fields.retain(|field| !["apiVersion", "kind", "metadata"].contains(&field.name.as_str()));
        let metadata = Type::Record("ObjectMeta".to_owned());
        for (key, ty) in [("metadata", metadata), ("kind", Type::Str), ("apiVersion", Type::Str)] {
            root.fields.insert(0, plain_field(key, ty, Presence::Required));
        }
        virtual_fields::apply(root, true);
    }

    /// Adds the record of an object schema and gives its name.
    fn record(&mut self, schema: &Json, at: &At) -> String {
        let mut name = at.name.clone();
        while !self.names.insert(name.clone()) {
            name.push('_');
        }
        let required = schema.get("required").map_or(&[][..], Json::elements);
        let mut fields = Vec::new();
        for (key, property) in schema.get("properties").map_or(&[][..], Json::entries) {
            let below = at.property(key);
            self.fields += 1;
            if !self.may_go_on(&below) {
                break;
            }
            let is_required = required.iter().any(|entry| entry.as_str() == Some(key));
            let presence = match property.get("default") {
                Some(value) if !value.is_null() => Presence::Default(value.clone()),
                Some(_) | None if is_required => Presence::Required,
                Some(_) | None => Presence::Optional,
            };
            let ty = self.type_of(property, &below);
            fields.push(Field { doc: doc(property), ..plain_field(key, ty, presence) });
        }
        if flag(schema, "x-kubernetes-preserve-unknown-fields") {
            self.open.push(name.clone());
        }
        let doc = doc(schema);
        self.records.push(Record { name: name.clone(), origin: self.origin.clone(), doc, fields });
        name
    }

    fn type_of(&mut self, schema: &Json, at: &At) -> Type {
        let has_properties = schema.get("properties").is_some_and(|p| !p.entries().is_empty());
        let open = flag(schema, "x-kubernetes-int-or-string")
            || flag(schema, "x-kubernetes-embedded-resource")
            || (flag(schema, "x-kubernetes-preserve-unknown-fields") && !has_properties);
        if open || !self.may_go_on(at) {
            return Type::Dyn;
        }
        match schema.get("type").and_then(Json::as_str) {
            Some("boolean") => Type::Bool,
            Some("integer") => Type::Int,
            Some("number") => Type::Dyn,
            Some("string") => match schema.get("format").and_then(Json::as_str) {
                Some("date-time") => Type::Time,
                Some("duration") => Type::Duration,
                Some(_) | None => Type::Str,
            },
            Some("array") => match schema.get("items") {
                Some(items) => Type::list(self.type_of(items, &at.inside("items"))),
                None => Type::list(Type::Dyn),
            },
            Some("object") | None if has_properties => Type::Record(self.record(schema, at)),
            Some("object") => match schema.get("additionalProperties") {
                Some(value @ Json::Object(_)) => {
                    Type::map(self.type_of(value, &at.inside("additionalProperties")))
                }
                Some(Json::Bool(true)) => Type::map(Type::Dyn),
                Some(_) | None => Type::Dyn,
            },
            None => Type::Dyn,
            Some(other) => {
                self.error(format!("{}.type", at.path), format!("`{other}` is no type of OpenAPI"));
                Type::Dyn
            }
        }
    }

    /// False once a bound is reached, which is reported once.
    fn may_go_on(&mut self, at: &At) -> bool {
        if !self.full && at.depth > MAX_DEPTH {
            self.error(at.path.clone(), format!("the schema nests deeper than {MAX_DEPTH} levels"));
            self.full = true;
        }
        if !self.full && self.fields > MAX_FIELDS {
            self.error(at.path.clone(), format!("the schema has more than {MAX_FIELDS} fields"));
            self.full = true;
        }
        !self.full
    }

    fn text(&mut self, crd: &Json, keys: &[&str]) -> String {
        let found = crd.at(keys).and_then(Json::as_str).filter(|text| !text.is_empty());
        if found.is_none() {
            self.error(keys.join("."), "a text is required here");
        }
        found.unwrap_or_default().to_owned()
    }

    fn error(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.errors.push(CrdError::new(path, message));
    }
}

fn flag(value: &Json, key: &str) -> bool {
    value.get(key).and_then(Json::as_bool).unwrap_or(false)
}

fn subresources(version: &Json, record: &str) -> Vec<(String, String)> {
    let has = |key: &str| version.at(&["subresources", key]).is_some_and(|value| !value.is_null());
    let known = [("scale", "Scale"), ("status", record)];
    known.iter().filter(|(key, _)| has(key)).map(|(key, of)| ((*key).to_owned(), (*of).to_owned())).collect()
}

fn plain_field(name: &str, ty: Type, presence: Presence) -> Field {
    Field {
        name: name.to_owned(),
        ty,
        presence,
        doc: String::new(),
        since: None,
        until: None,
        virtual_source: None,
    }
}

/// The first paragraph of a description, cut to a length.
fn doc(schema: &Json) -> String {
    let text = schema.get("description").and_then(Json::as_str).unwrap_or_default();
    let words: Vec<&str> = text.split("\n\n").next().unwrap_or_default().split_whitespace().collect();
    let flat = words.join(" ");
    match flat.char_indices().nth(MAX_DOC) {
        Some((end, _)) => format!("{} …", flat.get(..end).unwrap_or_default().trim_end()),
        None => flat,
    }
}
