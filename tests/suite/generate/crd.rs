//! Made-up CustomResourceDefinitions: kinds of any shape that a schema can have.

use kpol_vm::json::Json;

use super::Dice;

const NAMES: &[&str] = &["a", "b", "count", "name", "labels", "items", "size", "on", "team", "deny", "spec"];

fn text(text: &str) -> Json {
    Json::Str(text.to_owned())
}

fn object(entries: &[(&str, Json)]) -> Json {
    Json::Object(entries.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
}

/// The CRD of a kind `Thing` in `acme.io/v1`.
pub(super) fn crd(dice: &mut Dice<'_>) -> Json {
    let properties = object(&[("spec", record(dice, 3)), ("status", record(dice, 1))]);
    let schema = object(&[("type", text("object")), ("properties", properties)]);
    let version = object(&[
        ("name", text("v1")),
        ("served", Json::Bool(true)),
        ("storage", Json::Bool(true)),
        ("schema", object(&[("openAPIV3Schema", schema)])),
    ]);
    let spec = object(&[
        ("group", text("acme.io")),
        ("names", object(&[("kind", text("Thing")), ("plural", text("things"))])),
        ("scope", text("Namespaced")),
        ("versions", Json::Array(vec![version])),
    ]);
    object(&[
        ("apiVersion", text("apiextensions.k8s.io/v1")),
        ("kind", text("CustomResourceDefinition")),
        ("metadata", object(&[("name", text("things.acme.io"))])),
        ("spec", spec),
    ])
}

fn record(dice: &mut Dice<'_>, depth: usize) -> Json {
    let (mut properties, mut required) = (Vec::new(), Vec::new());
    for name in NAMES {
        if dice.percent(50) {
            properties.push(((*name).to_owned(), property(dice, depth)));
            required.extend(dice.percent(20).then(|| text(name)));
        }
    }
    object(&[
        ("type", text("object")),
        ("properties", Json::Object(properties)),
        ("required", Json::Array(required)),
    ])
}

fn property(dice: &mut Dice<'_>, depth: usize) -> Json {
    let scalar = |ty: &str, default: Option<Json>| {
        let mut entries = vec![("type", text(ty))];
        entries.extend(default.map(|value| ("default", value)));
        object(&entries)
    };
    let sometimes = dice.percent(30);
    let default = |value: Json| sometimes.then_some(value);
    match dice.below(if depth == 0 { 9 } else { 16 }) {
        0..=2 => scalar("string", default(text("a"))),
        3 => scalar("integer", default(Json::Int(2))),
        4 => scalar("boolean", default(Json::Bool(true))),
        5 => object(&[("type", text("string")), ("format", text("duration"))]),
        6 => object(&[("type", text("string")), ("format", text("date-time"))]),
        7 => object(&[("x-kubernetes-int-or-string", Json::Bool(true))]),
        8 => object(&[("type", text("object")), ("x-kubernetes-preserve-unknown-fields", Json::Bool(true))]),
        9..=11 => record(dice, depth - 1),
        12..=14 => object(&[("type", text("array")), ("items", property(dice, depth - 1))]),
        _ => object(&[("type", text("object")), ("additionalProperties", property(dice, depth - 1))]),
    }
}
