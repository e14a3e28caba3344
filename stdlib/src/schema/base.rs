//! The built-in definitions: the embedded files, found by name at once and read one by one when asked for.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use kpol_vm::types::{Field, Presence, Record, SIMPLE, Type};
use serde_json::Value;

use super::{KindInfo, overlay, virtual_fields};

const GENERATED: &str = include_str!("../../schema/kubernetes.jsonl");
const EXTRA: &str = include_str!("../../schema/extra.jsonl");

/// The index of the embedded files, and the records read so far.
pub(super) struct Base {
    minors: (u32, u32),
    kinds: Vec<KindInfo>,
    places: HashMap<&'static str, usize>,
    slots: Vec<Slot>,
}

struct Slot {
    name: &'static str,
    line: &'static str,
    record: OnceLock<Option<Arc<Record>>>,
}

impl Base {
    /// The one index of this process, made at the first call.
    pub(super) fn get() -> &'static Base {
        static BASE: OnceLock<Base> = OnceLock::new();
        BASE.get_or_init(Base::index)
    }

    pub(super) fn minors(&self) -> (u32, u32) {
        self.minors
    }

    pub(super) fn kinds(&self) -> &[KindInfo] {
        &self.kinds
    }

    pub(super) fn record_names(&self) -> impl Iterator<Item = &str> {
        self.slots.iter().map(|slot| slot.name)
    }

    pub(super) fn record(&self, name: &str) -> Option<Arc<Record>> {
        let slot = self.slots.get(*self.places.get(name)?)?;
        slot.record.get_or_init(|| self.read(slot.line).map(Arc::new)).clone()
    }

    fn index() -> Base {
        let mut base = Base {
            minors: (0, 0),
            kinds: Vec::new(),
            places: HashMap::new(),
            slots: Vec::with_capacity(1100),
        };
        for line in GENERATED.lines().chain(EXTRA.lines()) {
            if let Some(rest) = line.strip_prefix(r#"{"name":""#) {
                let name = rest.split('"').next().unwrap_or_default();
                base.places.insert(name, base.slots.len());
                base.slots.push(Slot { name, line, record: OnceLock::new() });
            } else if let Ok(value) = serde_json::from_str(line) {
                base.kinds.extend(kind(&value));
                base.minors = minors(&value).unwrap_or(base.minors);
            }
        }
        base
    }

    fn read(&self, line: &str) -> Option<Record> {
        let mut record = record(&serde_json::from_str(line).ok()?)?;
        overlay::apply(&mut record);
        let is_kind = self.kinds.iter().any(|kind| kind.record == record.name);
        virtual_fields::apply(&mut record, is_kind);
        Some(record)
    }
}

fn minors(header: &Value) -> Option<(u32, u32)> {
    let pair = header.get("minors")?;
    Some((int(pair.get(0))?, int(pair.get(1))?))
}

fn kind(line: &Value) -> Option<KindInfo> {
    let text = |key: &str| line.get(key).and_then(Value::as_str).map(str::to_owned);
    let subresources = line.get("subresources").and_then(Value::as_array).into_iter().flatten();
    let pair = |pair: &Value| Some((pair.get(0)?.as_str()?.to_owned(), pair.get(1)?.as_str()?.to_owned()));
    Some(KindInfo {
        kind: text("kind")?,
        group: text("group")?,
        version: text("version")?,
        plural: text("plural")?,
        namespaced: text("scope")? != "cluster",
        record: text("record")?,
        since: int(line.get("since")),
        until: int(line.get("until")),
        subresources: subresources.filter_map(pair).collect(),
    })
}

fn record(line: &Value) -> Option<Record> {
    let text = |key: &str| line.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let fields = line.get("fields")?.as_array()?;
    Some(Record {
        name: text("name"),
        origin: text("origin"),
        doc: text("doc"),
        fields: fields.iter().filter_map(field).collect(),
    })
}

fn field(value: &Value) -> Option<Field> {
    let required = value.get("required").and_then(Value::as_bool).unwrap_or(false);
    Some(Field {
        name: value.get("name")?.as_str()?.to_owned(),
        ty: type_named(value.get("type")?.as_str()?),
        presence: if required { Presence::Required } else { Presence::Optional },
        doc: value.get("doc").and_then(Value::as_str).unwrap_or_default().to_owned(),
        since: int(value.get("since")),
        until: int(value.get("until")),
        virtual_source: None,
    })
}

fn int(value: Option<&Value>) -> Option<u32> {
    value?.as_u64()?.try_into().ok()
}

/// Reads a type as [`Type`] prints it; a word that is no simple type names a record.
pub(super) fn type_named(text: &str) -> Type {
    let inside = |prefix: &str| text.strip_prefix(prefix)?.strip_suffix('>');
    if let Some(element) = inside("list<") {
        return Type::list(type_named(element));
    }
    if let Some(value) = inside("map<string, ") {
        return Type::map(type_named(value));
    }
    let simple = SIMPLE.iter().find(|(name, _)| *name == text);
    simple.map_or_else(|| Type::Record(text.to_owned()), |(_, ty)| ty.clone())
}
