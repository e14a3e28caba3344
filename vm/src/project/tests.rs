#![allow(clippy::wildcard_enum_match_arm, reason = "a test asks for a few of many")]
use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::{
    ir::{Const, FieldSource, RecordId, Root, SlotTy},
    layout::SlotLayout,
    testing::{field, field_from, field_or, list, record, root},
    types::Type,
    value::{RecordRef, Value},
};

fn scalar(ty: Type) -> SlotTy {
    SlotTy::Scalar(ty)
}

fn map(value: SlotTy, keys: &[&str], whole: bool) -> SlotTy {
    SlotTy::Map { value: Box::new(value), keys: keys.iter().map(|key| (*key).to_owned()).collect(), whole }
}

fn concat(keys: &[(&str, &str)]) -> FieldSource {
    FieldSource::Concat(keys.iter().map(|(k, r)| ((*k).to_owned(), (*r).to_owned())).collect())
}

fn pod() -> Root {
    let containers = || list(SlotTy::Record(RecordId(2)));
    root(
        "Pod",
        vec![
            record(
                "Pod",
                vec![
                    field("spec", SlotTy::Record(RecordId(1))),
                    field_from("id", scalar(Type::Str), FieldSource::ObjectId),
                    field("any", scalar(Type::Dyn)),
                ],
            ),
            record(
                "PodSpec",
                vec![
                    field_or("hostPID", scalar(Type::Bool), Const::Bool(false)),
                    field_from(
                        "all_containers",
                        containers(),
                        concat(&[("initContainers", "init container"), ("containers", "container")]),
                    ),
                    field("containers", containers()),
                    field_from("words", list(scalar(Type::Str)), concat(&[("a", "a"), ("names", "n")])),
                    field("names", list(list(scalar(Type::Str)))),
                    field("not", SlotTy::Record(RecordId(0))),
                ],
            ),
            record(
                "Container",
                vec![
                    field("name", scalar(Type::Str)),
                    field_from("role", scalar(Type::Str), FieldSource::Role),
                    field_or("policy", scalar(Type::Str), Const::Text("Always".into())),
                    field("limits", map(scalar(Type::Quantity), &["memory", "cpu"], true)),
                    field("labels", map(SlotTy::Record(RecordId(2)), &["a", "b"], true)),
                    field("some", map(scalar(Type::Str), &["a", "name"], false)),
                    field("seconds", scalar(Type::Duration)),
                    field("n", scalar(Type::Int)),
                    field_from("id", scalar(Type::Str), FieldSource::ObjectId),
                    field("not", SlotTy::Record(RecordId(2))),
                    field("containers", list(SlotTy::Record(RecordId(2)))),
                ],
            ),
        ],
    )
}

/// Another root over the same objects.
fn meta() -> Root {
    root(
        "Object",
        vec![
            record(
                "Object",
                vec![
                    field("metadata", SlotTy::Record(RecordId(1))),
                    field("spec", SlotTy::Record(RecordId(2))),
                ],
            ),
            record(
                "Meta",
                vec![field("name", scalar(Type::Str)), field("labels", map(scalar(Type::Str), &["a"], true))],
            ),
            record("Spec", vec![field("hostPID", scalar(Type::Bool)), field("names", scalar(Type::Dyn))]),
        ],
    )
}

/// Everything that can be read of a value, as text.
fn dump(value: &Value, out: &mut String) {
    match value {
        Value::Record(record) => dump_record(record, out),
        Value::List(items) => {
            out.push('[');
            for item in items.iter() {
                dump(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Value::Map(entries) => {
            for (key, value) in entries.iter() {
                write!(out, "{key:?}=>").unwrap();
                dump(value, out);
            }
        }
        other => write!(out, "{other:?}").unwrap(),
    }
}

fn dump_record(record: &RecordRef, out: &mut String) {
    let layout = Arc::clone(record.fact.layout());
    let fields = &layout.record(record.record).unwrap().fields;
    for (index, field) in (0u32..).zip(fields) {
        write!(out, "{{{index}:{}:", record.written(index)).unwrap();
        let value = record.field(index);
        dump(&value, out);
        if let Value::List(items) = &value {
            for i in 0..items.len() {
                write!(out, "@{:?}", record.element_origin(index, i)).unwrap();
            }
        }
        if let SlotLayout::Map { keys, .. } = &field.slot {
            for key in 0..u32::try_from(keys.len()).unwrap() {
                dump(&record.map_key(index, key), out);
            }
        }
        out.push('}');
    }
}

fn shown(fact: &Arc<Fact>) -> String {
    let mut out = String::new();
    dump_record(&fact.root(), &mut out);
    out
}

fn layout(root: &Root) -> Arc<Layout> {
    Arc::new(Layout::new(root).unwrap())
}

fn parse(text: &str) -> Result<Json, ProjectError> {
    let mut cursor = Cursor::new(text, MAX_DEPTH);
    json::value(&mut cursor).and_then(|value| cursor.end().map(|()| value)).map_err(Stop::told)
}

/// Projects and compares with parse and build. What both refuse is compared by whether it is refused.
fn agree(projector: &mut Projector, trie: &Trie, text: &str) -> Result<(), TestCaseError> {
    let mut results = Vec::new();
    let projected = projector.project(trie, text.as_bytes(), &mut results);
    let json = match (parse(text), &projected) {
        (Ok(json), Ok(())) => json,
        (Err(_), Err(_)) => return Ok(()),
        (Err(error), Ok(())) => {
            prop_assert_eq!(error.kind, ProjectErrorKind::DuplicateKey, "{}: {}", text, error);
            return Ok(());
        }
        (Ok(_), Err(error)) => return Err(TestCaseError::fail(format!("{text}: {error}"))),
    };
    prop_assert_eq!(results.len(), trie.facts.len());
    for (fact, result) in trie.facts.iter().zip(&results) {
        let keys: Vec<&str> = fact.path.iter().map(String::as_str).collect();
        let expected = json.at(&keys).filter(|json| !json.is_null());
        let expected = expected.map(|json| Fact::build(&fact.layout, json, &fact.path));
        match (expected, result) {
            (None, Projected::Absent) => {}
            (Some(Ok(built)), Projected::Fact(projected)) => {
                prop_assert_eq!(shown(&built), shown(projected), "{}", text);
            }
            (Some(Err(built)), Projected::Errors(projected)) => prop_assert_eq!(&built, projected),
            (expected, result) => {
                return Err(TestCaseError::fail(format!("{text}: {expected:?} and {result:?}")));
            }
        }
    }
    // Taken back for the next.
    projector.take_back(&mut results);
    Ok(())
}

fn tries() -> Vec<Trie> {
    let (pod, meta) = (layout(&pod()), layout(&meta()));
    let path = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
    vec![
        Trie::new(&[(Arc::clone(&pod), path(&[]))], &[]),
        Trie::new(
            &[(Arc::clone(&meta), path(&[])), (Arc::clone(&pod), path(&[]))],
            &[&["metadata", "name"], &["metadata", "namespace"]],
        ),
        Trie::new(&[(meta, path(&[])), (Arc::clone(&pod), path(&["spec", "not"]))], &[]),
        Trie::new(&[(pod, path(&["spec"]))], &[]),
    ]
}

fn keys() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "spec",
        "name",
        "containers",
        "initContainers",
        "limits",
        "any",
        "hostPID",
        "metadata",
        "memory",
        "policy",
        "not",
        "labels",
        "a",
        "b",
        "names",
        "seconds",
        "n",
        "id",
        "namespace",
        "generateName",
        "cpu",
        "some",
        "role",
    ]);
    prop_oneof![20 => known.prop_map(str::to_owned), 1 => ".{0,3}"]
}

/// Objects of about the right form, and sometimes not.
fn objects() -> impl Strategy<Value = Json> {
    let texts = prop_oneof![4 => "[a-z0-9]{0,6}", 1 => ".{0,40}", 1 => "[\"\\\\\\n{}\\[\\]é]{0,70}"];
    let leaf = prop_oneof![
        1 => Just(Json::Null),
        1 => any::<bool>().prop_map(Json::Bool),
        2 => any::<i64>().prop_map(Json::Int),
        1 => any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Json::Float),
        4 => texts.prop_map(Json::Str),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..6).prop_map(Json::Array),
            3 => prop::collection::vec((keys(), inner), 0..8).prop_map(|entries| Json::Object(unique(entries))),
        ]
    })
}

fn unique(entries: Vec<(String, Json)>) -> Vec<(String, Json)> {
    let mut out: Vec<(String, Json)> = Vec::new();
    for (key, value) in entries {
        if out.iter().all(|(other, _)| *other != key) {
            out.push((key, value));
        }
    }
    out
}

/// A value that mostly fits a slot of the root.
fn fitting(root: &Root, slot: &SlotTy, depth: u32) -> BoxedStrategy<Json> {
    let text = |pattern: &'static str| pattern.prop_map(Json::Str).boxed();
    let good = match slot {
        SlotTy::Scalar(Type::Bool) => any::<bool>().prop_map(Json::Bool).boxed(),
        SlotTy::Scalar(Type::Int) => any::<i64>().prop_map(Json::Int).boxed(),
        SlotTy::Scalar(Type::Quantity) => prop_oneof![
            text("[1-9][0-9]{0,2}(m|Mi|Gi)?"),
            (-9i64..9).prop_map(Json::Int),
            Just(Json::Float(0.5))
        ]
        .boxed(),
        SlotTy::Scalar(Type::Duration) => prop_oneof![text("[1-9]s"), text("")].boxed(),
        SlotTy::Scalar(Type::Dyn) => objects().boxed(),
        SlotTy::Scalar(_) => prop_oneof![text("[a-z]{0,9}"), text("[\"\\\\é\\n]{0,9}")].boxed(),
        SlotTy::Record(id) => record_object(root, *id, depth),
        SlotTy::List(element) => {
            prop::collection::vec(fitting(root, element, depth), 0..6).prop_map(Json::Array).boxed()
        }
        SlotTy::Map { value, .. } => prop::collection::vec((keys(), fitting(root, value, depth)), 0..4)
            .prop_map(|entries| Json::Object(unique(entries)))
            .boxed(),
    };
    prop_oneof![200 => good, 1 => Just(Json::Null)].boxed()
}

fn record_object(root: &Root, id: RecordId, depth: u32) -> BoxedStrategy<Json> {
    if depth == 0 {
        return Just(Json::Object(Vec::new())).boxed();
    }
    let mut fields: Vec<BoxedStrategy<Option<(String, Json)>>> = Vec::new();
    let mut add = |name: &str, value: BoxedStrategy<Json>| {
        let name = name.to_owned();
        fields.push(prop::option::weighted(0.6, value.prop_map(move |value| (name.clone(), value))).boxed());
    };
    for field in &root.records[id.index()].fields {
        match &field.source {
            FieldSource::Json => add(&field.name, fitting(root, &field.slot, depth - 1)),
            FieldSource::Concat(sources) => {
                for (key, _) in sources {
                    add(key, fitting(root, &field.slot, depth - 1));
                }
            }
            FieldSource::Role | FieldSource::ObjectId => {}
        }
    }
    if root.name == "Pod" {
        add("metadata", record_object(&meta(), RecordId(1), 1));
    }
    add("junk", objects().boxed());
    let entries = fields.prop_map(|entries| unique(entries.into_iter().flatten().collect()));
    entries.prop_shuffle().prop_map(Json::Object).boxed()
}

/// Text of a value, with more or less white space and escapes.
fn written(json: &Json, loose: bool) -> String {
    if !loose {
        return text_of(json, "");
    }
    text_of(json, " \n\t")
}

fn text_of(json: &Json, space: &str) -> String {
    let join = |items: Vec<String>| items.join(&format!("{space},{space}"));
    match json {
        Json::Array(items) => {
            format!("[{space}{}]{space}", join(items.iter().map(|item| text_of(item, space)).collect()))
        }
        Json::Object(entries) => {
            let entry = |(key, value): &(String, Json)| {
                format!("{}{space}:{}", text_of(&Json::Str(key.clone()), space), text_of(value, space))
            };
            format!("{{{space}{}}}", join(entries.iter().map(entry).collect()))
        }
        Json::Str(text) if !space.is_empty() => {
            text.chars().fold("\"".to_owned(), |out, c| {
                let mut units = [0; 2];
                c.encode_utf16(&mut units).iter().fold(out, |out, unit| format!("{out}\\u{unit:04x}"))
            }) + "\""
        }
        Json::Null | Json::Bool(_) | Json::Int(_) | Json::Float(_) | Json::Str(_) => json.to_string(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_object_projects_as_it_builds(json in objects(), loose: bool) {
        let mut projector = Projector::default();
        let wrapped = Json::Object(vec![("spec".into(), json.clone()), ("containers".into(), Json::Null)]);
        for json in [json, wrapped] {
            for trie in tries() {
                agree(&mut projector, &trie, &written(&json, loose))?;
            }
        }
    }

    #[test]
    fn fitting_objects_project_as_they_build(json in record_object(&pod(), RecordId(0), 4), loose: bool) {
        let mut projector = Projector::default();
        let wrapped = Json::Object(vec![("spec".into(), json.clone()), ("metadata".into(), Json::Null)]);
        for json in [json, wrapped] {
            for trie in tries() {
                agree(&mut projector, &trie, &written(&json, loose))?;
            }
        }
    }

    #[test]
    fn broken_texts_are_refused_as_the_parser_refuses_them(
        json in record_object(&pod(), RecordId(0), 3), cut in any::<prop::sample::Index>(), byte in "[\\]\\[{},:\"0a]?",
    ) {
        let mut text = written(&json, false);
        let mut at = cut.index(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        text.truncate(at);
        text.push_str(&byte);
        for trie in tries() {
            let mut results = Vec::new();
            let projected = Projector::default().project(&trie, text.as_bytes(), &mut results);
            if let Ok(json) = parse(&text) {
                prop_assert!(projected.is_ok(), "{text}: {projected:?} {json}");
            } else if let Err(error) = projected {
                prop_assert!(error.at <= text.len());
            }
        }
        // Nothing that is cut off before its end passes.
        if byte.is_empty() && !text.is_empty() {
            let error = Projector::default().project(&tries()[0], text.as_bytes(), &mut Vec::new());
            prop_assert!(error.is_err(), "{text}");
        }
    }
}

fn refused(text: &[u8]) -> (usize, ProjectErrorKind) {
    let error = Projector::default().project(&tries()[0], text, &mut Vec::new()).unwrap_err();
    (error.at, error.kind)
}

#[test]
fn errors_have_a_position() {
    use ProjectErrorKind as Kind;
    assert_eq!(refused(b""), (0, Kind::Truncated));
    assert_eq!(refused(br#"{"spec":{}} x"#), (12, Kind::Trailing));
    assert_eq!(refused(br#"{"spec":{},"spec":{}}"#), (12, Kind::DuplicateKey));
    assert_eq!(refused(br#"{"spec":{},"sp\u0065c":{}}"#), (12, Kind::DuplicateKey));
    assert_eq!(refused(b"{\"x\":\"\xff\"}"), (6, Kind::Utf8));
    assert_eq!(refused(br#"{"x":[1,2"#), (9, Kind::Truncated));
    assert_eq!(refused(br#"{"x":[{]}}"#), (8, Kind::Syntax));
    assert_eq!(refused(br#"{"x":"a"#), (7, Kind::Truncated));
    assert_eq!(refused(br#"{"spec":{"containers":[{"n":1e999}]}}"#), (28, Kind::Number));
    assert_eq!(refused(br#"{"spec":{"containers":[{"limits":{"a":1,"b":2,"a":3}}]}}"#).1, Kind::DuplicateKey);
    assert_eq!(refused(br#"{"spec":{"containers":[{"name":"\ud800"}]}}"#), (32, Kind::Syntax));
    assert_eq!(refused(b"{\"spec\":{\"containers\":[{\"name\":\"a\nb\"}]}}"), (33, Kind::Syntax));
}

#[test]
fn long_lists_and_maps_out_of_order_need_no_parser() {
    let names = |from: usize, to: usize| {
        let items: Vec<String> = (from..to)
            .map(|i| {
                format!(
                    r#"{{"name":"c{i}","limits":{{"cpu":"{i}m","a":1}},"labels":{{"b":{{}},"a":{{"n":1}}}}}}"#
                )
            })
            .collect();
        items.join(",")
    };
    let text = format!(
        r#"{{"spec":{{"containers":[{}],"initContainers":[{}]}},"metadata":{{"name":"x","labels":{{"b":"","a":""}}}}}}"#,
        names(0, 40),
        names(40, 49),
    );
    for roots in [vec![meta()], vec![pod_without_ids()], vec![meta(), pod_without_ids()]] {
        let roots: Vec<_> = roots.iter().map(|root| (layout(root), Vec::new())).collect();
        let trie = Trie::new(&roots, &[]);
        let mut cursor = Cursor::new(&text, MAX_DEPTH);
        Pass { trie: &trie, cursor: &mut cursor, buffers: &mut Buffers::default() }.run().unwrap();
        agree(&mut Projector::default(), &trie, &text).unwrap();
    }
}

/// Without ids in records of lists, whose sorting is left to the parser.
fn pod_without_ids() -> Root {
    let mut pod = pod();
    for record in pod.records.iter_mut().skip(1) {
        record.fields.retain(|field| field.source != FieldSource::ObjectId);
    }
    pod
}

#[test]
fn nesting_is_bounded_in_what_is_read_and_in_what_is_skipped() {
    for key in ["x", "any", "spec"] {
        let nested = |depth: usize| format!("{{\"{key}\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        let at = refused(nested(200).as_bytes());
        assert_eq!(at, (key.len() + 4 + MAX_DEPTH - 1, ProjectErrorKind::TooDeep), "{key}");
        let result =
            Projector::default().project(&tries()[0], nested(MAX_DEPTH - 1).as_bytes(), &mut Vec::new());
        assert_eq!(result, Ok(()));
    }
}
