//! What to do about a webhook configuration, given how it is and how it should be. No I/O.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use kube::api::DynamicObject;
use serde_json::{Value, json};

use crate::certs;

/// The label and its value that say: made by us.
const OURS: (&str, &str) = ("app.kubernetes.io/managed-by", "kpol");

/// Which of the two configurations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Of rules.
    Validating,
    /// Of mutations.
    Mutating,
}

impl Kind {
    /// Both.
    pub const ALL: [Kind; 2] = [Kind::Validating, Kind::Mutating];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Validating => "ValidatingWebhookConfiguration",
            Kind::Mutating => "MutatingWebhookConfiguration",
        })
    }
}

/// How a configuration is.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    /// It could not be read.
    Unknown,
    /// It is not there.
    Absent,
    /// It is there.
    Found(Box<Found>),
}

/// A configuration that is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// What changes with every change of it.
    pub version: String,
    /// What tells it from another one of the same name.
    pub uid: String,
    /// Whether we made it.
    pub is_ours: bool,
    /// The whole.
    object: Value,
    /// Its webhooks: their names, and the PEM of the CAs that each trusts.
    webhooks: Vec<(String, Vec<u8>)>,
}

impl Found {
    /// Of what the API server says.
    #[must_use]
    pub fn of(object: &DynamicObject) -> Found {
        let labels = object.metadata.labels.as_ref();
        let webhook = |webhook: &Value| {
            let name = webhook.get("name")?.as_str()?.to_owned();
            let ca = webhook.pointer("/clientConfig/caBundle").and_then(Value::as_str).unwrap_or_default();
            Some((name, STANDARD.decode(ca).unwrap_or_default()))
        };
        let webhooks = object.data.get("webhooks").and_then(Value::as_array);
        Found {
            version: object.metadata.resource_version.clone().unwrap_or_default(),
            uid: object.metadata.uid.clone().unwrap_or_default(),
            is_ours: labels.and_then(|labels| labels.get(OURS.0)).is_some_and(|value| value == OURS.1),
            webhooks: webhooks.into_iter().flatten().filter_map(webhook).collect(),
            object: serde_json::to_value(object).unwrap_or_default(),
        }
    }
}

/// How a configuration should be.
#[derive(Clone, Debug, PartialEq)]
pub enum Wanted {
    /// As somebody else says; only the CA is ours.
    TheirOwn,
    /// Not there, if it is ours.
    Absent,
    /// So.
    Is(Value),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Nothing.
    Nothing,
    /// It is applied.
    Apply(Value),
    /// Only the CA is written into its webhooks.
    PatchCa(Value),
    /// It is deleted, if it is still the same.
    Delete {
        /// [`Found::uid`].
        uid: String,
        /// [`Found::version`].
        version: String,
    },
}

/// What is to be done now. `ca` is the PEM of what all webhooks should trust; empty: that is not our matter. Without `may_write`
/// nothing but the CA is written.
///
/// What is found is changed only if it is still that: another replica may know of a newer CA meanwhile.
#[must_use]
pub fn act(kind: Kind, name: &str, (seen, wanted): (&Seen, &Wanted), ca: &str, may_write: bool) -> Act {
    let found = match (seen, wanted) {
        (Seen::Unknown, _) | (Seen::Absent, Wanted::TheirOwn | Wanted::Absent) => return Act::Nothing,
        (Seen::Absent, Wanted::Is(wanted)) if may_write => return Act::Apply(wanted.clone()),
        (Seen::Absent, Wanted::Is(_)) => return Act::Nothing,
        (Seen::Found(found), _) => found,
    };
    match wanted {
        Wanted::Is(wanted) if may_write && !covers(&found.object, wanted) => {
            return Act::Apply(with_version(wanted, &found.version));
        }
        Wanted::Absent if may_write && found.is_ours => {
            return Act::Delete { uid: found.uid.clone(), version: found.version.clone() };
        }
        Wanted::TheirOwn | Wanted::Absent | Wanted::Is(_) => {}
    }
    if ca.is_empty() || found.webhooks.iter().all(|(_, current)| current == ca.as_bytes()) {
        return Act::Nothing;
    }
    let ca = STANDARD.encode(ca);
    let webhooks = found.webhooks.iter();
    let webhooks = webhooks.map(|(name, _)| json!({"name": name, "clientConfig": {"caBundle": ca}}));
    Act::PatchCa(json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": kind.to_string(),
        "metadata": {"name": name, "resourceVersion": found.version},
        "webhooks": webhooks.collect::<Vec<_>>(),
    }))
}

/// Whether every webhook of what was seen trusts a CA (DER). False when nothing was seen, or not all of it.
#[must_use]
pub fn know(seen: &[Seen], ca: &[u8]) -> bool {
    let trusts = |pem: &[u8]| {
        certs::certificates(pem).is_some_and(|found| found.iter().any(|found| found.as_ref() == ca))
    };
    let knows = |seen: &Seen| match seen {
        Seen::Unknown => false,
        Seen::Absent => true,
        Seen::Found(found) => found.webhooks.iter().all(|(_, pem)| trusts(pem)),
    };
    seen.iter().any(|seen| matches!(seen, Seen::Found(_))) && seen.iter().all(knows)
}

/// Whether an object says all that is wanted of it. What the API server has added besides does not matter.
fn covers(object: &Value, wanted: &Value) -> bool {
    match (object, wanted) {
        (Value::Object(object), Value::Object(wanted)) => {
            wanted.iter().all(|(key, wanted)| object.get(key).is_some_and(|object| covers(object, wanted)))
        }
        (Value::Array(object), Value::Array(wanted)) => {
            object.len() == wanted.len()
                && object.iter().zip(wanted).all(|(object, wanted)| covers(object, wanted))
        }
        _ => object == wanted,
    }
}

fn with_version(wanted: &Value, version: &str) -> Value {
    let mut wanted = wanted.clone();
    let metadata = wanted.get_mut("metadata").and_then(Value::as_object_mut);
    if let Some(metadata) = metadata {
        metadata.insert("resourceVersion".into(), version.into());
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certs::tests::self_signed;

    fn found(cas: &[&str], managed_by: &str) -> Seen {
        let webhooks: Vec<_> = cas
            .iter()
            .enumerate()
            .map(|(index, ca)| {
                json!({"name": format!("w{index}"), "clientConfig": {"caBundle": STANDARD.encode(ca)}, "added": 1})
            })
            .collect();
        let object = json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": "kpol", "resourceVersion": "7", "uid": "u", "labels": {OURS.0: managed_by}},
            "webhooks": webhooks,
        });
        Seen::Found(Box::new(Found::of(&serde_json::from_value(object).expect("an object"))))
    }

    fn wanted(ca: &str) -> Wanted {
        let webhook = json!({"name": "w0", "clientConfig": {"caBundle": STANDARD.encode(ca)}});
        Wanted::Is(json!({"metadata": {"name": "kpol"}, "webhooks": [webhook]}))
    }

    fn word(seen: &Seen, wanted: &Wanted, ca: &str, may_write: bool) -> &'static str {
        match act(Kind::Validating, "kpol", (seen, wanted), ca, may_write) {
            Act::Nothing => "nothing",
            Act::Apply(_) => "apply",
            Act::PatchCa(_) => "patch",
            Act::Delete { .. } => "delete",
        }
    }

    #[test]
    fn a_configuration_becomes_what_is_wanted() {
        for (seen, wanted, may_write, act) in [
            (Seen::Unknown, wanted("a"), true, "nothing"),
            (Seen::Absent, wanted("a"), true, "apply"),
            (Seen::Absent, wanted("a"), false, "nothing"),
            (Seen::Absent, Wanted::Absent, true, "nothing"),
            (Seen::Absent, Wanted::TheirOwn, true, "nothing"),
            (found(&["a"], "kpol"), wanted("a"), true, "nothing"),
            (found(&["b"], "kpol"), wanted("a"), true, "apply"),
            (found(&["b"], "kpol"), wanted("a"), false, "patch"),
            (found(&["a", "a"], "kpol"), wanted("a"), true, "apply"),
            (found(&["a"], "kpol"), Wanted::Absent, true, "delete"),
            (found(&["a"], "Helm"), Wanted::Absent, true, "nothing"),
            (found(&["a"], "Helm"), Wanted::TheirOwn, true, "nothing"),
            (found(&["a", "b"], "Helm"), Wanted::TheirOwn, true, "patch"),
        ] {
            assert_eq!(word(&seen, &wanted, "a", may_write), act, "{seen:?} {wanted:?}");
        }
        assert_eq!(word(&found(&["b"], "Helm"), &Wanted::TheirOwn, "", true), "nothing", "no CA of ours");
    }

    #[test]
    fn what_was_found_is_changed_only_as_it_was() {
        let versions =
            |seen: Seen, wanted: Wanted| match act(Kind::Mutating, "kpol", (&seen, &wanted), "a", true) {
                Act::Apply(body) | Act::PatchCa(body) => body["metadata"]["resourceVersion"].clone(),
                Act::Delete { version, .. } => version.into(),
                Act::Nothing => Value::Null,
            };
        assert_eq!(versions(found(&["b"], "kpol"), wanted("a")), "7");
        assert_eq!(versions(found(&["b"], "kpol"), Wanted::TheirOwn), "7");
        assert_eq!(versions(found(&["b"], "kpol"), Wanted::Absent), "7");
        assert_eq!(versions(Seen::Absent, wanted("a")), Value::Null);
    }

    #[test]
    fn a_ca_is_known_when_every_webhook_trusts_it() {
        let (one, two) = (self_signed("a", 1).0, self_signed("b", 1).0);
        let both = format!("{one}{two}");
        let ca = certs::certificates(one.as_bytes()).expect("a certificate").remove(0);
        assert!(know(&[found(&[&one, &both], ""), Seen::Absent], &ca));
        assert!(!know(&[found(&[&one, &two], ""), Seen::Absent], &ca));
        assert!(!know(&[found(&[&one], ""), found(&[""], "")], &ca));
        assert!(!know(&[found(&[&one], ""), Seen::Unknown], &ca));
        assert!(!know(&[Seen::Absent, Seen::Absent], &ca));
    }
}
