//! The answer in the form of the API: `AdmissionResponse`, within the bounds of its readers.

use std::collections::BTreeMap;

use base64::Engine as _;
use serde::Serialize;

/// The most bytes of a message to who asks: a status has to fit into a terminal, and the API server cuts warnings at 4 KiB.
const MAX_MESSAGE: usize = 16 << 10;
/// The most warnings of an answer. [Source](https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#response).
const MAX_WARNINGS: usize = 64;

#[derive(Serialize)]
struct Review<'a> {
    #[serde(rename = "apiVersion")]
    api_version: &'static str,
    kind: &'static str,
    response: &'a Response,
}

/// What is said to a request.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Response {
    uid: String,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    audit_annotations: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<String>,
}

#[derive(Serialize)]
struct Status {
    code: u16,
    reason: &'static str,
    message: String,
}

impl Response {
    pub(super) fn allowed() -> Response {
        Response { allowed: true, ..Response::default() }
    }

    pub(super) fn deny(&mut self, code: u16, reason: &'static str, message: String) {
        self.allowed = false;
        self.status = Some(Status { code, reason, message: cut(message) });
    }

    pub(super) fn warn(&mut self, message: String) {
        match self.warnings.len() {
            MAX_WARNINGS => self.warnings.push("(more warnings are left out)".into()),
            more if more > MAX_WARNINGS => {}
            _ => self.warnings.push(cut(message)),
        }
    }

    /// Adds to an annotation of the API server's audit log; it puts the webhook's name before the key.
    pub(super) fn annotate(&mut self, key: &'static str, text: &str) {
        let value = self.audit_annotations.entry(key).or_default();
        if value.len() + text.len() > MAX_MESSAGE || value.split(", ").any(|known| known == text) {
            return;
        }
        if !value.is_empty() {
            value.push_str(", ");
        }
        value.push_str(text);
    }

    /// What to change, as operations of RFC 6902.
    pub(super) fn patch(&mut self, operations: Vec<serde_json::Value>) {
        let patch = serde_json::Value::Array(operations).to_string();
        self.patch_type = Some("JSONPatch");
        self.patch = Some(base64::engine::general_purpose::STANDARD.encode(patch));
    }

    /// The whole AdmissionReview, in answer to the request of this id.
    pub(super) fn answer(&mut self, uid: &str) -> serde_json::Result<Vec<u8>> {
        self.uid.push_str(uid);
        serde_json::to_vec(&Review {
            api_version: "admission.k8s.io/v1",
            kind: "AdmissionReview",
            response: self,
        })
    }
}

/// At most [`MAX_MESSAGE`] bytes of a text.
fn cut(mut text: String) -> String {
    const MORE: &str = " … (cut)";
    if text.len() > MAX_MESSAGE {
        let end = (0..=MAX_MESSAGE - MORE.len()).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push_str(MORE);
    }
    text
}
