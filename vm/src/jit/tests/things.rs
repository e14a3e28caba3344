//! The root that generated programs read, and objects for it: `interp`'s, with a list of records, which are boxed.

use proptest::prelude::*;

use crate::{
    interp::tests::laws,
    ir::{RecordId, Root, RootId, SlotTy, Ty},
    testing::{field, list},
};

/// The field that is a list of records.
pub(super) const THINGS: u32 = 9;

pub(super) fn record_ty() -> Ty {
    Ty::Record(RootId(0), RecordId(0))
}

pub(super) fn thing() -> Root {
    let mut root = laws::thing();
    root.records[0].fields.push(field("things", list(SlotTy::Record(RecordId(0)))));
    root
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(r#""a""#),
        Just(r#""""#),
        Just(r#""a/b""#),
        Just(r#""/etc/passwd""#),
        Just(r#""CAP_CHOWN""#),
        Just(r#""chown""#),
        Just(r#""aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa""#),
        Just("\"é\"")
    ]
    .prop_map(str::to_owned)
}

/// Any member of a thing, written or `null` or not there.
fn member() -> impl Strategy<Value = String> {
    prop_oneof![
        prop_oneof![Just("true"), Just("false"), Just("null")].prop_map(|v| format!(r#""paused":{v}"#)),
        prop_oneof![Just("true"), Just("false"), Just("null")].prop_map(|v| format!(r#""allowed":{v}"#)),
        prop_oneof![Just(i64::MAX), Just(i64::MIN), -2..3_i64].prop_map(|v| format!(r#""count":{v}"#)),
        text().prop_map(|v| format!(r#""name":{v}"#)),
        prop::collection::vec(prop_oneof![text(), Just("null".to_owned())], 0..4)
            .prop_map(|v| format!(r#""items":[{}]"#, v.join(","))),
        prop::collection::vec((prop_oneof![Just("a"), Just("a/b"), Just("")], text()), 0..3).prop_map(
            |mut v| {
                v.sort();
                v.dedup_by(|a, b| a.0 == b.0);
                let v: Vec<_> = v.into_iter().map(|(k, v)| format!(r#""{k}":{v}"#)).collect();
                format!(r#""labels":{{{}}}"#, v.join(","))
            }
        ),
        prop_oneof![Just(r#""1Gi""#), Just("3"), Just(r#""1Ei""#), Just("null")]
            .prop_map(|v| format!(r#""memory":{v}"#)),
        prop_oneof![Just(r#"[1,{"a":2}]"#), Just("3"), Just(r#"{"a":{"a":1}}"#), Just(r#""a""#)]
            .prop_map(|v| format!(r#""any":{v}"#)),
    ]
}

pub(super) fn objects() -> impl Strategy<Value = String> {
    let leaf = prop::collection::vec(member(), 0..6).prop_map(object);
    leaf.prop_recursive(3, 12, 3, |inner| {
        let spec = prop::option::of(prop_oneof![inner.clone(), Just("null".to_owned())]);
        let things =
            prop::option::of(prop::collection::vec(prop_oneof![inner, Just("null".to_owned())], 0..4));
        (prop::collection::vec(member(), 0..6), spec, things).prop_map(|(mut members, spec, things)| {
            members.extend(spec.map(|v| format!(r#""spec":{v}"#)));
            members.extend(things.map(|v| format!(r#""things":[{}]"#, v.join(","))));
            object(members)
        })
    })
}

/// The members as an object, the first of each name.
fn object(members: Vec<String>) -> String {
    let mut kept: Vec<String> = Vec::new();
    for member in members {
        let name = member.split(':').next().unwrap_or_default().to_owned();
        if !kept.iter().any(|other| other.split(':').next() == Some(name.as_str())) {
            kept.push(member);
        }
    }
    format!("{{{}}}", kept.join(","))
}
