//! The request of an AdmissionReview that has been read whole: what mutations need, because they write into the object.
//!
//! Reviews that are only judged never come here; `kpol-vm` reads them in one pass. What both take for an AdmissionReview is
//! the same, and a test holds it.

use kpol_vm::{
    evaluate::{Request, Review, User},
    ir::{Module, Operation, Target},
    json::Json,
};

use crate::error::ReviewError;

/// The request in a review, for this module's mutations.
pub(crate) fn review<'r>(review: &'r Json, module: &'r Module) -> Result<Review<'r>, ReviewError> {
    for (key, expected) in [("kind", "AdmissionReview"), ("apiVersion", "admission.k8s.io/v1")] {
        if let Some(other) = review.get(key).and_then(Json::as_str).filter(|found| *found != expected) {
            let other = other.escape_debug();
            return Err(ReviewError::no_review(format!("expected `{expected}`, found `{other}`")));
        }
    }
    let Some(request @ Json::Object(_)) = review.get("request") else {
        return Err(ReviewError::no_review("this AdmissionReview has no `request`"));
    };
    let text = |keys: &[&str]| request.at(keys).and_then(Json::as_str).unwrap_or_default();
    let operation = operation(text(&["operation"]))?;
    let kind = (text(&["kind", "group"]), text(&["kind", "version"]), text(&["kind", "kind"]));
    if kind.2.is_empty() {
        return Err(ReviewError::no_review("this request names no `kind`"));
    }
    let subresource = Some(text(&["subResource"])).filter(|name| !name.is_empty());
    let resource =
        (text(&["resource", "group"]), text(&["resource", "version"]), text(&["resource", "resource"]));
    // Of a subresource, `kind` is that of its body (`Scale`); mutations are about the resource.
    let of_resource = subresource.and_then(|_| kind_of(module, resource.0, resource.2));
    let (group, version, kind) = of_resource.map_or(kind, |kind| (resource.0, resource.1, kind));
    let present = |key| request.get(key).filter(|json| !json.is_null());
    let owned = |key: &str| text(&[key]).to_owned();
    Ok(Review {
        operation,
        group,
        version,
        kind,
        subresource,
        object: present("object"),
        old: present("oldObject"),
        namespace: None,
        user: user(request),
        request: Request {
            uid: owned("uid"),
            name: owned("name"),
            namespace: owned("namespace"),
            resource: resource.2.to_owned(),
            dry_run: request.get("dryRun").and_then(Json::as_bool).unwrap_or_default(),
        },
    })
}

fn operation(word: &str) -> Result<Operation, ReviewError> {
    Ok(match word {
        "CREATE" => Operation::Create,
        "UPDATE" => Operation::Update,
        "DELETE" => Operation::Delete,
        "CONNECT" => Operation::Connect,
        "" => return Err(ReviewError::no_review("this request has no `operation`")),
        other => {
            return Err(ReviewError::no_review(format!("`{}` is not an operation", other.escape_debug())));
        }
    })
}

fn user(request: &Json) -> User {
    let text = |key| request.at(&["userInfo", key]).and_then(Json::as_str).unwrap_or_default().to_owned();
    let texts = |json: &Json| json.elements().iter().filter_map(Json::as_str).map(str::to_owned).collect();
    let extra = request.at(&["userInfo", "extra"]).map(Json::entries).unwrap_or_default();
    User {
        name: text("username"),
        uid: text("uid"),
        groups: request.at(&["userInfo", "groups"]).map(texts).unwrap_or_default(),
        extra: extra.iter().map(|(key, values)| (key.clone(), texts(values))).collect(),
    }
}

/// The kind of a resource, as far as mutations name it.
fn kind_of<'m>(module: &'m Module, of: &str, resource: &str) -> Option<&'m str> {
    module.mutations.iter().flat_map(|mutation| &mutation.targets).find_map(|target| match target {
        Target::Kind { group, kind, plural, .. } => {
            (plural == resource && group == of).then_some(kind.as_str())
        }
        Target::Event { .. } => None,
    })
}
