//! The text of the schema file: a header line, one line per kind, one line per record; sorted, keys in a fixed order.
//!
//! Every line begins with the key that it is looked up by, so that a reader finds lines without parsing them:
//! `{"minors":`, `{"kind":`, `{"name":`.

use serde_json::json;

use super::merge::{Field, Kind, Record, Seen, Union};

const SOURCE: &str =
    "Kubernetes API (Apache-2.0) by way of the k8s-openapi crate; cargo run -p xtask -- schema";

/// The whole file.
pub(super) fn text(union: &Union) -> String {
    let (oldest, newest) = union.minors;
    let mut lines = vec![format!("{{\"minors\":[{oldest},{newest}],\"source\":{}}}", json!(SOURCE))];
    lines.extend(union.kinds.iter().map(|kind| kind_line(kind, union.minors)));
    lines.extend(union.records.iter().map(|record| record_line(record, union.minors)));
    lines.join("\n") + "\n"
}

fn kind_line(kind: &Kind, minors: (u32, u32)) -> String {
    let mut line = format!(
        "{{\"kind\":{},\"record\":{},\"group\":{},\"version\":{},\"plural\":{},\"scope\":{}",
        json!(kind.kind),
        json!(kind.record),
        json!(kind.group),
        json!(kind.version),
        json!(kind.plural),
        json!(kind.scope),
    );
    line.push_str(&seen(kind.seen, minors));
    if !kind.subresources.is_empty() {
        line.push_str(&format!(",\"subresources\":{}", json!(kind.subresources)));
    }
    line.push('}');
    line
}

fn record_line(record: &Record, minors: (u32, u32)) -> String {
    let fields: Vec<String> = record.fields.iter().map(|field| field_text(field, minors)).collect();
    format!(
        "{{\"name\":{},\"origin\":{},\"doc\":{},\"fields\":[{}]}}",
        json!(record.name),
        json!(record.origin),
        json!(record.doc),
        fields.join(",")
    )
}

fn field_text(field: &Field, minors: (u32, u32)) -> String {
    let mut text = format!("{{\"name\":{},\"type\":{}", json!(field.name), json!(field.ty));
    if field.required {
        text.push_str(",\"required\":true");
    }
    text.push_str(&seen(field.seen, minors));
    if !field.doc.is_empty() {
        text.push_str(&format!(",\"doc\":{}", json!(field.doc)));
    }
    text.push('}');
    text
}

/// `since` and `until`, where the thing is not in the whole range.
fn seen(seen: Seen, minors: (u32, u32)) -> String {
    let since = if seen.0 > minors.0 { format!(",\"since\":{}", seen.0) } else { String::new() };
    let until = if seen.1 < minors.1 { format!(",\"until\":{}", seen.1) } else { String::new() };
    since + &until
}
