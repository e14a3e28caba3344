//! Merges the dumps of all minors into one union: every kind, record and field that any minor has.
//!
//! Where minors disagree about a field, its type is the newest minor's, and it is required only if every minor that
//! has it requires it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::names::{self, Place};
use super::subresources::{REVIEW_GROUPS, SUBRESOURCES};

/// The API of all minors.
pub(super) struct Union {
    pub(super) minors: (u32, u32),
    pub(super) kinds: Vec<Kind>,
    pub(super) records: Vec<Record>,
}

/// A kind of one group and version.
pub(super) struct Kind {
    pub(super) record: String,
    pub(super) group: String,
    pub(super) version: String,
    pub(super) kind: String,
    pub(super) plural: String,
    pub(super) scope: String,
    pub(super) subresources: Vec<(String, String)>,
    pub(super) seen: Seen,
}

/// A definition that has fields.
pub(super) struct Record {
    pub(super) name: String,
    pub(super) origin: String,
    pub(super) doc: String,
    pub(super) fields: Vec<Field>,
}

/// One field, as the newest minor that has it describes it.
pub(super) struct Field {
    pub(super) name: String,
    pub(super) ty: String,
    pub(super) required: bool,
    pub(super) doc: String,
    pub(super) seen: Seen,
}

/// The minors that have something: the first and the last.
#[derive(Clone, Copy)]
pub(super) struct Seen(pub(super) u32, pub(super) u32);

struct RawField<'a> {
    schema: &'a Value,
    required: bool,
    seen: Seen,
    count: u32,
}

struct RawRecord<'a> {
    schema: &'a Value,
    fields: BTreeMap<&'a str, RawField<'a>>,
    minors: Vec<u32>,
}

/// Merges dumps, oldest minor first.
pub(super) fn merge(dumps: &[(u32, Value)]) -> Result<Union, String> {
    let (Some((oldest, _)), Some((newest, _))) = (dumps.first(), dumps.last()) else {
        return Err("no dumps to merge".to_owned());
    };
    let raw = raw_records(dumps);
    let raw_kinds = raw_kinds(dumps)?;
    let kind_definitions: BTreeSet<String> = raw_kinds.keys().cloned().collect();
    let with_fields = raw.iter().filter(|(_, record)| !record.fields.is_empty()).map(|(name, _)| name);
    let names = names::assign(with_fields, &kind_definitions);

    let mut records = Vec::new();
    for (definition, record) in &raw {
        if let Some(name) = names.get(definition) {
            records.push(finish(name, definition, record, &raw, &names)?);
        }
    }
    records.sort_by(|a, b| a.name.cmp(&b.name));
    let mut kinds: Vec<Kind> = raw_kinds
        .into_iter()
        .filter_map(|(definition, kind)| Some(Kind { record: names.get(&definition)?.clone(), ..kind }))
        .collect();
    for kind in &mut kinds {
        kind.subresources = subresources(kind, &records);
    }
    kinds.sort_by(|a, b| a.record.cmp(&b.record));
    Ok(Union { minors: (*oldest, *newest), kinds, records })
}

fn raw_records(dumps: &[(u32, Value)]) -> BTreeMap<String, RawRecord<'_>> {
    let mut raw: BTreeMap<String, RawRecord<'_>> = BTreeMap::new();
    for (minor, dump) in dumps {
        for (definition, schema) in object(dump, "definitions") {
            let record = raw.entry(definition.clone()).or_insert_with(|| RawRecord {
                schema,
                fields: BTreeMap::new(),
                minors: Vec::new(),
            });
            record.schema = schema;
            record.minors.push(*minor);
            for (name, field) in object(schema, "properties") {
                let required = list(schema, "required").iter().any(|r| r == name);
                let entry = record.fields.entry(name).or_insert(RawField {
                    schema: field,
                    required,
                    seen: Seen(*minor, *minor),
                    count: 0,
                });
                entry.schema = field;
                entry.required &= required;
                entry.seen.1 = *minor;
                entry.count += 1;
            }
        }
    }
    raw
}

/// Kinds by their definition. The record's name is filled in later.
fn raw_kinds(dumps: &[(u32, Value)]) -> Result<BTreeMap<String, Kind>, String> {
    let mut kinds: BTreeMap<String, Kind> = BTreeMap::new();
    for (minor, dump) in dumps {
        for item in list(dump, "kinds") {
            let text = |key: &str| {
                let value = item.get(key).and_then(Value::as_str);
                value.map(str::to_owned).ok_or_else(|| format!("dump of {minor}: a kind without `{key}`"))
            };
            let fresh = Kind {
                record: String::new(),
                group: text("group")?,
                version: text("version")?,
                kind: text("kind")?,
                plural: text("plural")?,
                scope: text("scope")?,
                subresources: Vec::new(),
                seen: Seen(*minor, *minor),
            };
            kinds.entry(text("definition")?).or_insert(fresh).seen.1 = *minor;
        }
    }
    Ok(kinds)
}

fn finish(
    name: &str,
    definition: &str,
    record: &RawRecord<'_>,
    raw: &BTreeMap<String, RawRecord<'_>>,
    names: &BTreeMap<String, String>,
) -> Result<Record, String> {
    let mut fields = Vec::new();
    for (field, found) in &record.fields {
        let spanned = record.minors.iter().filter(|m| (found.seen.0..=found.seen.1).contains(*m)).count();
        if found.count as usize != spanned {
            eprintln!("note: {definition}.{field} is missing in a minor between its first and last");
        }
        fields.push(Field {
            name: (*field).to_owned(),
            ty: type_of(found.schema, raw, names)
                .ok_or_else(|| format!("{definition}.{field}: no type for {}", found.schema))?,
            required: found.required,
            doc: doc(found.schema),
            seen: found.seen,
        });
    }
    Ok(Record {
        name: name.to_owned(),
        origin: Place::of(definition).origin(),
        doc: doc(record.schema),
        fields,
    })
}

/// The kpol type of a schema; `None` if its form is not known, so that nothing is guessed.
fn type_of(
    schema: &Value,
    raw: &BTreeMap<String, RawRecord<'_>>,
    names: &BTreeMap<String, String>,
) -> Option<String> {
    let reference = schema.get("$ref").or_else(|| list(schema, "allOf").first()?.get("$ref"));
    if let Some(reference) = reference {
        let definition = reference.as_str()?.rsplit('/').next()?;
        return match names.get(definition) {
            Some(name) => Some(name.clone()),
            None => scalar(definition, raw.get(definition)?.schema),
        };
    }
    match schema.get("type").and_then(Value::as_str)? {
        "array" => Some(format!("list<{}>", type_of(schema.get("items")?, raw, names)?)),
        "object" => match schema.get("additionalProperties") {
            Some(value) => Some(format!("map<string, {}>", type_of(value, raw, names)?)),
            None => Some("dyn".to_owned()),
        },
        "boolean" => Some("bool".to_owned()),
        "integer" => Some("int".to_owned()),
        "number" => Some("dyn".to_owned()),
        "string" if schema.get("format").is_some_and(|f| f == "date-time") => Some("time".to_owned()),
        "string" => Some("string".to_owned()),
        _ => None,
    }
}

/// The type of a definition without fields.
fn scalar(definition: &str, schema: &Value) -> Option<String> {
    let name = Place::of(definition).name;
    let ty = match name.as_str() {
        "Quantity" => "quantity",
        "Time" | "MicroTime" => "time",
        "Duration" => "duration",
        _ if schema.get("x-kubernetes-int-or-string").is_some() || schema.get("oneOf").is_some() => "dyn",
        _ => match schema.get("type").and_then(Value::as_str)? {
            "object" => "dyn",
            "string" => "string",
            _ => return None,
        },
    };
    Some(ty.to_owned())
}

fn subresources(kind: &Kind, records: &[Record]) -> Vec<(String, String)> {
    let listed = SUBRESOURCES.iter().filter(|(group, name, ..)| *group == kind.group && *name == kind.kind);
    let mut found: Vec<(String, String)> =
        listed.map(|(_, _, name, record)| ((*name).to_owned(), (*record).to_owned())).collect();
    let record = records.iter().find(|record| record.name == kind.record);
    let has_status = record.is_some_and(|record| record.fields.iter().any(|field| field.name == "status"));
    if has_status && kind.scope != "subresource" && !REVIEW_GROUPS.contains(&kind.group.as_str()) {
        found.push(("status".to_owned(), kind.record.clone()));
    }
    found
}

/// The first sentences of a description, up to 200 characters.
fn doc(schema: &Value) -> String {
    const MOST: usize = 200;
    let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = paragraph.split_whitespace().collect();
    let flat = words.join(" ");
    let mut end = 0;
    for (at, _) in flat.match_indices(". ") {
        let head = flat.get(..at).unwrap_or_default();
        let upper = flat.get(at + 2..).and_then(|t| t.chars().next()).is_some_and(char::is_uppercase);
        if at < MOST && upper && !head.ends_with("e.g") && !head.ends_with("i.e") {
            end = at + 1;
        }
    }
    if flat.chars().count() <= MOST {
        return flat;
    }
    if end > 0 {
        return flat.get(..end).unwrap_or_default().to_owned();
    }
    let cut: String = flat.chars().take(MOST).collect();
    let whole = cut.rsplit_once(' ').map_or(cut.as_str(), |(head, _)| head);
    format!("{} …", whole.trim_end_matches([',', ';', '.']))
}

fn object<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value.get(key).and_then(Value::as_object).into_iter().flatten()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
