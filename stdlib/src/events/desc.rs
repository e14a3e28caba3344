//! Descriptors: records and events as static data, from which the catalog's records are made.

use std::sync::Arc;

use kpol_vm::{
    json::Json,
    types::{Field, Presence, Record, Type, VirtualSource},
};

use super::{EventInfo, common};

/// A type that a static can hold.
pub(super) enum Shape {
    /// A scalar.
    Is(Type),
    /// A record by name.
    Rec(&'static str),
    /// A list of a scalar.
    List(Type),
    /// A list of a record.
    ListRec(&'static str),
    /// A set of a scalar.
    Set(Type),
    /// A map from text to a scalar.
    Map(Type),
    /// A map from text to lists of a scalar.
    MapList(Type),
}

impl Shape {
    fn ty(&self) -> Type {
        match self {
            Shape::Is(ty) => ty.clone(),
            Shape::Rec(name) => Type::Record((*name).to_owned()),
            Shape::List(ty) => Type::list(ty.clone()),
            Shape::ListRec(name) => Type::list(Type::Record((*name).to_owned())),
            Shape::Set(ty) => Type::set(ty.clone()),
            Shape::Map(ty) => Type::map(ty.clone()),
            Shape::MapList(ty) => Type::map(Type::list(ty.clone())),
        }
    }
}

/// What a field is when nothing is written.
#[derive(Clone, Copy)]
enum Unset {
    Required,
    Absent,
    False,
}

/// A field.
pub(super) struct FieldDesc {
    name: &'static str,
    shape: Shape,
    unset: Unset,
    doc: &'static str,
}

/// A field that is always there.
pub(super) const fn req(name: &'static str, shape: Shape, doc: &'static str) -> FieldDesc {
    FieldDesc { name, shape, unset: Unset::Required, doc }
}

/// A field that may not apply.
pub(super) const fn opt(name: &'static str, shape: Shape, doc: &'static str) -> FieldDesc {
    FieldDesc { name, shape, unset: Unset::Absent, doc }
}

/// A boolean that is false when nothing is written.
pub(super) const fn flag(name: &'static str, doc: &'static str) -> FieldDesc {
    FieldDesc { name, shape: Shape::Is(Type::Bool), unset: Unset::False, doc }
}

impl FieldDesc {
    #[cfg(test)]
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    fn field(&self, virtual_source: Option<VirtualSource>) -> Field {
        Field {
            name: self.name.to_owned(),
            ty: self.shape.ty(),
            presence: match self.unset {
                Unset::Required => Presence::Required,
                Unset::Absent => Presence::Optional,
                Unset::False => Presence::Default(Json::Bool(false)),
            },
            doc: self.doc.to_owned(),
            since: None,
            until: None,
            virtual_source,
        }
    }
}

/// A record that is not an event's root.
pub(super) struct RecordDesc {
    pub(super) name: &'static str,
    pub(super) doc: &'static str,
    pub(super) fields: &'static [FieldDesc],
    /// Whether an admission host gives it; else the sensor does.
    pub(super) host: bool,
}

impl RecordDesc {
    pub(super) fn record(&self) -> Record {
        let source = self.host.then_some(VirtualSource::Host);
        Record {
            name: self.name.to_owned(),
            origin: if self.host { "admission request" } else { "runtime event" }.to_owned(),
            doc: self.doc.to_owned(),
            fields: self.fields.iter().map(|field| field.field(source.clone())).collect(),
        }
    }
}

/// An event.
pub(super) struct EventDesc {
    pub(super) name: &'static str,
    pub(super) doc: &'static str,
    /// Roots beside the common ones; one with the name of a common root stands in its place.
    pub(super) roots: &'static [FieldDesc],
    pub(super) killable: bool,
    pub(super) since: &'static str,
    /// Falco's `evt.type` names.
    pub(super) falco: &'static [&'static str],
    /// Falco fields and what they are called here, where this event has them.
    pub(super) falco_fields: &'static [(&'static str, &'static str)],
}

impl EventDesc {
    pub(super) fn info(&self) -> EventInfo {
        EventInfo {
            name: self.name,
            doc: self.doc,
            record: Arc::new(root(self.name, self.doc, self.roots)),
            killable: self.killable,
            since: self.since,
            falco: self.falco,
        }
    }
}

/// The root record of an event: the common roots, then its own.
pub(super) fn root(name: &str, doc: &str, own: &[FieldDesc]) -> Record {
    let common = common::ROOTS.iter().filter(|root| own.iter().all(|field| field.name != root.name));
    Record {
        name: name.to_owned(),
        origin: "runtime event".to_owned(),
        doc: doc.to_owned(),
        fields: common.chain(own).map(|field| field.field(None)).collect(),
    }
}
