//! What a host asks: one request, as the engine sees it.
//!
//! A review borrows its objects; nothing is read from it before a rule that applies demands it.

use crate::{ir::Operation, json::Json};

/// One admission request, or one manifest taken for a `create`. The default is a `create` of nothing.
#[derive(Clone, Debug, Default)]
pub struct Review<'a> {
    /// What the request does.
    pub operation: Operation,
    /// API group of the kind; empty: core.
    pub group: &'a str,
    /// API version of the object.
    pub version: &'a str,
    /// The kind: `Pod`.
    pub kind: &'a str,
    /// `exec`, `ephemeralcontainers`, or nothing.
    pub subresource: Option<&'a str>,
    /// The object (not on delete).
    pub object: Option<&'a Json>,
    /// The object before the change (update and delete).
    pub old: Option<&'a Json>,
    /// The Namespace object that the object is in, if the host knows it.
    pub namespace: Option<&'a Json>,
    /// Who asks.
    pub user: User,
    /// The request itself.
    pub request: Request,
}

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// The name: `system:serviceaccount:ci:deployer`.
    pub name: String,
    /// The id, may be empty.
    pub uid: String,
    /// The groups.
    pub groups: Vec<String>,
    /// Whatever else the authenticator says.
    pub extra: Vec<(String, Vec<String>)>,
}

/// The request itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Its id.
    pub uid: String,
    /// The object's name, may be empty (`generateName`).
    pub name: String,
    /// The object's namespace; empty: none.
    pub namespace: String,
    /// The resource in URLs: `pods`.
    pub resource: String,
    /// Whether nothing will be stored.
    pub dry_run: bool,
}

impl<'a> Review<'a> {
    /// A manifest that somebody creates. `apiVersion` and `kind` are taken from the object; `None` if it has none.
    #[must_use]
    pub fn create(object: &'a Json) -> Option<Review<'a>> {
        let api_version = object.get("apiVersion").and_then(Json::as_str)?;
        let kind = object.get("kind").and_then(Json::as_str)?;
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let text = |keys| object.at(keys).and_then(Json::as_str).unwrap_or_default().to_owned();
        Some(Review {
            operation: Operation::Create,
            group,
            version,
            kind,
            subresource: None,
            object: Some(object),
            old: None,
            namespace: None,
            user: User::default(),
            request: Request {
                name: text(&["metadata", "name"]),
                namespace: text(&["metadata", "namespace"]),
                ..Request::default()
            },
        })
    }

    /// What `object` is in the language: the object, or on delete the object that goes.
    #[must_use]
    pub fn subject(&self) -> Option<&'a Json> {
        self.object.or(if self.operation == Operation::Delete { self.old } else { None })
    }
}

impl User {
    /// As the record `user`.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let texts = |items: &[String]| Json::Array(items.iter().map(|s| Json::Str(s.clone())).collect());
        let extra = self.extra.iter().map(|(key, values)| (key.clone(), texts(values))).collect();
        object(vec![
            ("name", text(&self.name)),
            ("uid", text(&self.uid)),
            ("groups", texts(&self.groups)),
            ("extra", Json::Object(extra)),
        ])
    }
}

/// The record `request`.
pub(super) fn request_json(review: &Review<'_>) -> Json {
    object(vec![
        ("uid", text(&review.request.uid)),
        ("operation", text(operation_word(review.operation))),
        ("group", Json::Str(review.group.to_owned())),
        ("version", text(review.version)),
        ("kind", text(review.kind)),
        ("resource", text(&review.request.resource)),
        ("subresource", text(review.subresource.unwrap_or_default())),
        ("name", text(&review.request.name)),
        ("namespace", text(&review.request.namespace)),
        ("dryRun", Json::Bool(review.request.dry_run)),
        ("dry_run", Json::Bool(review.request.dry_run)),
    ])
}

/// As authors write it.
#[must_use]
pub fn operation_word(operation: Operation) -> &'static str {
    match operation {
        Operation::Create => "create",
        Operation::Update => "update",
        Operation::Delete => "delete",
        Operation::Connect => "connect",
    }
}

/// Text; nothing if it is empty.
fn text(value: &str) -> Json {
    if value.is_empty() { Json::Null } else { Json::Str(value.to_owned()) }
}

pub(super) fn object(entries: Vec<(&str, Json)>) -> Json {
    Json::Object(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}
