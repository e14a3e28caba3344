//! The types of kpol values, and the records that Kubernetes kinds and events are made of.
//!
//! A [`Type`] says what a value is; whether it may be absent is kept beside it ([`Presence`] in a field), because
//! absence belongs to the place where a value stands, not to the value.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::json::Json;

/// What a value is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Type {
    /// `true` or `false`.
    Bool,
    /// A signed 64-bit integer.
    Int,
    /// UTF-8 text.
    Str,
    /// A length of time in nanoseconds; written `90d`, `10s`, `1h30m`.
    Duration,
    /// A point in time (RFC 3339) or a date.
    Time,
    /// A Kubernetes quantity: `500m`, `4Gi`.
    Quantity,
    /// A version: `1.34`, `1.34.2-rc.1`.
    Semver,
    /// An IPv4 or IPv6 address.
    Ip,
    /// A block of addresses: `10.0.0.0/8`.
    Cidr,
    /// A port number, 0 to 65535; an integer with a meaning.
    Port,
    /// An absolute file path, compared part by part.
    Path,
    /// A container image reference, compared after normalisation (`nginx` is `docker.io/library/nginx`).
    Image,
    /// The leading parts of an image reference: `registry.acme.io/team`.
    ImagePrefix,
    /// A DNS name, compared without case and trailing dot.
    Host,
    /// A DNS name that may begin with `*.`.
    HostPattern,
    /// A Linux capability, compared without case and `CAP_` prefix.
    Capability,
    /// A pattern for `like`: `*` is any text, `?` one character.
    Glob,
    /// A regular expression for `matches`.
    Regex,
    /// A record by its name in the catalog: `Pod`, `Container`, `process`.
    Record(String),
    /// Values in order.
    List(Box<Type>),
    /// Values without order or repetition.
    Set(Box<Type>),
    /// Text keys to values.
    Map(Box<Type>),
    /// Any JSON value, with total operations.
    Dyn,
}

impl Type {
    /// A list of `element`.
    #[must_use]
    pub fn list(element: Type) -> Type {
        Type::List(Box::new(element))
    }

    /// A set of `element`.
    #[must_use]
    pub fn set(element: Type) -> Type {
        Type::Set(Box::new(element))
    }

    /// A map from text to `value`.
    #[must_use]
    pub fn map(value: Type) -> Type {
        Type::Map(Box::new(value))
    }

    /// The type of the elements of a list or set.
    #[must_use]
    pub fn element(&self) -> Option<&Type> {
        if let Type::List(element) | Type::Set(element) = self { Some(element) } else { None }
    }

    /// Whether values of this type stand as text in a manifest and at run time.
    #[must_use]
    pub fn is_text(&self) -> bool {
        matches!(
            self,
            Type::Str
                | Type::Path
                | Type::Image
                | Type::ImagePrefix
                | Type::Host
                | Type::HostPattern
                | Type::Capability
                | Type::Glob
                | Type::Regex
        )
    }
}

impl fmt::Display for Type {
    /// As an author writes it: `set<image_prefix>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Type::Record(name) = self {
            return f.write_str(name);
        }
        if let Type::List(element) = self {
            return write!(f, "list<{element}>");
        }
        if let Type::Set(element) = self {
            return write!(f, "set<{element}>");
        }
        if let Type::Map(value) = self {
            return write!(f, "map<string, {value}>");
        }
        f.write_str(SIMPLE.iter().find(|(_, ty)| ty == self).map_or("?", |(name, _)| name))
    }
}

/// Every type that is one word, with the word that authors write.
pub const SIMPLE: &[(&str, Type)] = &[
    ("bool", Type::Bool),
    ("int", Type::Int),
    ("string", Type::Str),
    ("duration", Type::Duration),
    ("time", Type::Time),
    ("quantity", Type::Quantity),
    ("semver", Type::Semver),
    ("ip", Type::Ip),
    ("cidr", Type::Cidr),
    ("port", Type::Port),
    ("path", Type::Path),
    ("image", Type::Image),
    ("image_prefix", Type::ImagePrefix),
    ("host", Type::Host),
    ("host_pattern", Type::HostPattern),
    ("capability", Type::Capability),
    ("glob", Type::Glob),
    ("regex", Type::Regex),
    ("dyn", Type::Dyn),
];

/// What it means when a field is not written.
#[derive(Clone, Debug, PartialEq)]
pub enum Presence {
    /// The API requires it.
    Required,
    /// Nothing is known: reading it gives an absent value.
    Optional,
    /// The API documents what "not set" means; reading gives this value, `has` still asks what was written.
    Default(Json),
}

/// One field of a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The name authors write after the dot; for API fields also the JSON key.
    pub name: String,
    /// The type of its value.
    pub ty: Type,
    /// What "not written" means.
    pub presence: Presence,
    /// One or two sentences for hover texts and documentation; may be empty.
    pub doc: String,
    /// The first Kubernetes minor (of the supported range) that has the field; `None`: all of them.
    pub since: Option<u32>,
    /// The last Kubernetes minor that has the field; `None`: it is still there.
    pub until: Option<u32>,
    /// Where a virtual field (snake_case, promised by kpol and not by the API) comes from; `None`: an API field.
    pub virtual_source: Option<VirtualSource>,
}

/// How a virtual field is computed when a fact is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VirtualSource {
    /// The elements of several sibling lists, one after the other; each element knows its role.
    /// Each item: the sibling's JSON key, and the value of the elements' `role` field.
    Concat(Vec<(String, String)>),
    /// In an element of a [`VirtualSource::Concat`] list: the role of the list that it came from.
    Role,
    /// `namespace/name` (or just `name`) of the object whose root this is.
    ObjectId,
    /// Given by the host, not by the JSON: `cluster.version`, `request.operation`.
    Host,
}

/// A named group of fields.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The name authors see: `Container`.
    pub name: String,
    /// Where it comes from, for messages: `core/v1`.
    pub origin: String,
    /// One or two sentences; may be empty.
    pub doc: String,
    /// The fields, in the order of the API.
    pub fields: Vec<Field>,
}

impl Record {
    /// The field that authors call `name`.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}
