use super::*;
use crate::{
    ir::{Const, FieldSource, Root, SlotTy},
    testing::{field, field_from, field_or, json, list, record, root},
};

fn scalar(ty: Type) -> SlotTy {
    SlotTy::Scalar(ty)
}

fn pod() -> Root {
    let containers = || list(SlotTy::Record(RecordId(2)));
    let roles = |keys: &[(&str, &str)]| {
        FieldSource::Concat(keys.iter().map(|(k, r)| ((*k).to_owned(), (*r).to_owned())).collect())
    };
    root(
        "Pod",
        vec![
            record(
                "Pod",
                vec![
                    field("spec", SlotTy::Record(RecordId(1))),
                    field_from("id", scalar(Type::Str), FieldSource::ObjectId),
                ],
            ),
            record(
                "PodSpec",
                vec![
                    field_or("hostPID", scalar(Type::Bool), Const::Bool(false)),
                    field_from(
                        "all_containers",
                        containers(),
                        roles(&[("initContainers", "init container"), ("containers", "container")]),
                    ),
                    field("containers", containers()),
                ],
            ),
            record(
                "Container",
                vec![
                    field("name", scalar(Type::Str)),
                    field_from("role", scalar(Type::Str), FieldSource::Role),
                    field_or("policy", scalar(Type::Str), Const::Text("Always".into())),
                    field(
                        "limits",
                        SlotTy::Map {
                            value: Box::new(scalar(Type::Quantity)),
                            keys: vec!["memory".into()],
                            whole: true,
                        },
                    ),
                    field("any", scalar(Type::Dyn)),
                ],
            ),
        ],
    )
}

fn build(text: &str) -> Result<Arc<Fact>, Vec<FactError>> {
    Fact::build(&Arc::new(Layout::new(&pod()).unwrap()), &json(text), &[])
}

fn show(value: &Value) -> String {
    value.to_string()
}

fn record_of(value: Value) -> RecordRef {
    let Value::Record(record) = value else { panic!("{value:?}") };
    record
}

fn items(value: Value) -> Vec<Value> {
    let Value::List(items) = value else { panic!("{value:?}") };
    items.to_vec()
}

#[test]
fn joined_lists_keep_their_origin_and_role() {
    let fact = build(
        r#"{"metadata":{"name":"web","namespace":"shop"},
            "spec":{"containers":[{"name":"app"}],"initContainers":[{"name":"setup","policy":null}, null]}}"#,
    )
    .unwrap();
    let pod = fact.root();
    assert_eq!(show(&pod.field(1)), "shop/web");
    let spec = record_of(pod.field(0));
    let all = items(spec.field(1));
    assert_eq!(all.len(), 3);
    let names: Vec<String> = all.iter().map(|c| show(&record_of(c.clone()).field(0))).collect();
    assert_eq!(names, ["setup", "(not set)", "app"]);
    let roles: Vec<String> = all.iter().map(|c| show(&record_of(c.clone()).field(1))).collect();
    assert_eq!(roles, ["init container", "init container", "container"]);
    assert_eq!(spec.element_origin(1, 0), Some((0, 0)));
    assert_eq!(spec.element_origin(1, 2), Some((1, 0)));
    assert_eq!(spec.element_origin(1, 3), None);
    assert_eq!(show(&record_of(items(spec.field(2)).remove(0)).field(1)), "container");
}

#[test]
fn defaults_are_read_but_not_written() {
    let fact = build(r#"{"spec":{"containers":[{}]}}"#).unwrap();
    let spec = record_of(fact.root().field(0));
    assert_eq!(show(&spec.field(0)), "false");
    assert!(!spec.written(0));
    let container = record_of(items(spec.field(2)).remove(0));
    assert_eq!(show(&container.field(2)), "Always");
    assert!(!container.written(2));
    assert!(matches!(container.field(3), Value::Absent));
    assert!(matches!(container.map_key(3, 0), Value::Absent));
}

#[test]
fn null_is_nothing_written() {
    let fact = build(r#"{"spec":null}"#).unwrap();
    assert!(!fact.root().written(0));
    assert!(matches!(fact.root().field(0), Value::Absent));
}

#[test]
fn maps_are_sorted_and_have_named_keys() {
    let fact =
        build(r#"{"spec":{"containers":[{"limits":{"memory":"4Gi","cpu":2,"gpu":null,"disk":0.5}}]}}"#)
            .unwrap();
    let spec = record_of(fact.root().field(0));
    let container = record_of(items(spec.field(2)).remove(0));
    assert_eq!(show(&container.map_key(3, 0)), "4Gi");
    assert_eq!(show(&container.field(3)), "{cpu: 2, disk: 0.5, memory: 4Gi}");
}

#[test]
fn wrong_forms_are_told_with_their_paths() {
    let errors = build(
        r#"{"spec":{"hostPID":"yes","containers":[{"name":1,"limits":{"a/b":"much"}},3],"initContainers":{}}}"#,
    )
    .unwrap_err();
    let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(told[0], "spec.hostPID: expected a boolean, found a string");
    assert!(told.contains(&"spec.initContainers: expected a list, found an object".to_owned()));
    assert!(told.contains(&"spec.containers[0].name: expected a string, found an integer".to_owned()));
    assert!(
        told.contains(&"spec.containers[1]: expected an object, found an integer".to_owned()),
        "{told:?}"
    );
    assert!(
        told.iter().any(|e| e.starts_with("spec.containers[0].limits[\"a/b\"]: `much` is not a quantity"))
    );
}

#[test]
fn the_path_of_a_fact_inside_an_object_is_told() {
    let layout = Arc::new(Layout::new(&pod()).unwrap());
    let errors =
        Fact::build(&layout, &json(r#"{"spec":1}"#), &["spec".into(), "template".into()]).unwrap_err();
    assert_eq!(errors[0].to_string(), "spec.template.spec: expected an object, found an integer");
}

#[test]
fn recursion_in_data_is_followed_and_bounded() {
    let schema = root(
        "Schema",
        vec![record(
            "Schema",
            vec![field("n", scalar(Type::Int)), field("not", SlotTy::Record(RecordId(0)))],
        )],
    );
    let layout = Arc::new(Layout::new(&schema).unwrap());
    let fact = Fact::build(&layout, &json(r#"{"n":1,"not":{"n":2,"not":{}}}"#), &[]).unwrap();
    let inner = record_of(fact.root().field(1));
    assert_eq!(show(&inner.field(0)), "2");
    assert!(matches!(record_of(inner.field(1)).field(1), Value::Absent));
    let deep = (0..200).fold(Json::Object(vec![]), |json, _| Json::Object(vec![("not".into(), json)]));
    assert!(Fact::build(&layout, &deep, &[]).is_err());
}

mod round_trip {
    use proptest::prelude::*;

    use super::*;

    fn texts() -> impl Strategy<Value = String> {
        prop_oneof!["[a-z]{0,6}", ".{0,12}"]
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            names in prop::collection::vec(prop::option::of(texts()), 0..6),
            limits in prop::collection::btree_map(texts(), 0i64..1000, 0..5),
        ) {
            let container = |name: &Option<String>| {
                let mut entries = vec![];
                if let Some(name) = name {
                    entries.push(("name".to_owned(), Json::Str(name.clone())));
                }
                entries.push(("limits".to_owned(), Json::Object(
                    limits.iter().map(|(k, v)| (k.clone(), Json::Int(*v))).collect())));
                Json::Object(entries)
            };
            let list = Json::Array(names.iter().map(container).collect());
            let object = Json::Object(vec![("spec".into(), Json::Object(vec![("containers".into(), list)]))]);
            let layout = Arc::new(Layout::new(&pod()).unwrap());
            let fact = Fact::build(&layout, &object, &[]).unwrap();
            let read = items(record_of(fact.root().field(0)).field(2));
            prop_assert_eq!(read.len(), names.len());
            for (value, name) in read.into_iter().zip(&names) {
                let container = record_of(value);
                match (container.field(0), name) {
                    (Value::Absent, None) => {}
                    (Value::Text(text), Some(name)) => prop_assert_eq!(&*text, name.as_str()),
                    other => prop_assert!(false, "{other:?}"),
                }
                let Value::Map(entries) = container.field(3) else { panic!() };
                let wrote: Vec<(String, String)> = limits.iter().map(|(k, v)| (k.clone(), v.to_string())).collect();
                let got: Vec<(String, String)> =
                    entries.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
                prop_assert_eq!(got, wrote);
            }
        }

        #[test]
        fn any_json_is_a_fact_or_an_error(json in any_json()) {
            for object in [json.clone(), wrap("spec", json.clone()), wrap("spec", wrap("containers", Json::Array(vec![json])))] {
                let layout = Arc::new(Layout::new(&pod()).unwrap());
                if let Ok(fact) = Fact::build(&layout, &object, &[]) {
                    read_all(&Value::Record(fact.root()));
                }
            }
        }
    }

    fn wrap(key: &str, json: Json) -> Json {
        Json::Object(vec![(key.to_owned(), json)])
    }

    fn read_all(value: &Value) {
        let _ = value.to_string();
        for item in value.elements().iter() {
            read_all(item);
        }
        if let Value::Record(record) = value {
            let fields = record.fact.layout().root().records[record.record.index()].fields.len();
            for field in (0..fields).map(|i| u32::try_from(i).unwrap()) {
                read_all(&record.field(field));
                let _ = record.map_key(field, 0);
            }
        }
    }

    fn any_json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::Bool),
            any::<i64>().prop_map(Json::Int),
            any::<f64>().prop_map(Json::Float),
            ".{0,6}".prop_map(Json::Str),
        ];
        let keys = prop_oneof![
            Just("spec"),
            Just("name"),
            Just("containers"),
            Just("initContainers"),
            Just("limits"),
            Just("any"),
            Just("hostPID"),
            Just("metadata"),
            Just("memory"),
            Just("policy"),
        ];
        leaf.prop_recursive(4, 24, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Json::Array),
                prop::collection::btree_map(keys.clone().prop_map(str::to_owned), inner, 0..5)
                    .prop_map(|map| Json::Object(map.into_iter().collect())),
            ]
        })
    }
}
