//! The laws of absence, on generated expressions and objects, from text to verdict.
//!
//! Expressions are made well-typed by construction over a few paths of a Pod; objects have any of these paths set, not
//! set, or `null`. `KPOL_CASES=100000` runs more of them.

use kpol_tests::{compile_text, evaluator, judge};
use kpol_vm::{evaluate::Evaluator, json::Json};
use proptest::{prelude::*, test_runner::Config};

/// A path, its type, whether its parent is a container.
const PATHS: &[(&str, Ty)] = &[
    ("object.metadata.name", Ty::Str),
    ("object.metadata.labels[\"team\"]", Ty::Str),
    ("pod.spec.serviceAccountName", Ty::Str),
    ("pod.spec.hostPID", Ty::Bool),
    ("pod.spec.priority", Ty::Int),
    ("pod.spec.securityContext.runAsUser", Ty::Int),
    ("pod.spec.securityContext.runAsNonRoot", Ty::Bool),
    ("pod.spec.terminationGracePeriodSeconds", Ty::Int),
    ("c.securityContext.runAsUser", Ty::Int),
    ("c.securityContext.privileged", Ty::Bool),
    ("c.image", Ty::Image),
    ("c.name", Ty::Str),
    ("c.resources.limits[\"memory\"]", Ty::Quantity),
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Ty {
    Str,
    Bool,
    Int,
    Image,
    Quantity,
}

fn literal(ty: Ty) -> BoxedStrategy<String> {
    match ty {
        Ty::Str => prop_oneof![Just("\"a\""), Just("\"b\""), Just("\"\"")].prop_map(str::to_owned).boxed(),
        Ty::Bool => any::<bool>().prop_map(|value| value.to_string()).boxed(),
        Ty::Int => (0..4_i64).prop_map(|value| value.to_string()).boxed(),
        Ty::Image => {
            prop_oneof![Just("\"nginx\""), Just("\"ghcr.io/acme/app:1\"")].prop_map(str::to_owned).boxed()
        }
        Ty::Quantity => prop_oneof![Just("1Gi"), Just("512Mi"), Just("2Gi")].prop_map(str::to_owned).boxed(),
    }
}

fn path(ty: Ty) -> BoxedStrategy<String> {
    let known: Vec<&str> = PATHS.iter().filter(|(_, t)| *t == ty).map(|(path, _)| *path).collect();
    proptest::sample::select(known).prop_map(str::to_owned).boxed()
}

/// Numbers without a documented default: with one, "not set" is a value.
fn undefaulted() -> BoxedStrategy<&'static str> {
    const PATHS: &[&str] =
        &["pod.spec.priority", "pod.spec.securityContext.runAsUser", "c.securityContext.runAsUser"];
    proptest::sample::select(PATHS).boxed()
}

fn operand(ty: Ty) -> BoxedStrategy<String> {
    prop_oneof![
        3 => path(ty),
        1 => literal(ty),
        1 => (path(ty), literal(ty)).prop_map(|(path, default)| format!("({path} ?? {default})")),
    ]
    .boxed()
}

/// Two operands of one type, at least one of which is a path.
fn pair() -> impl Strategy<Value = (Ty, String, String)> {
    proptest::sample::select(vec![Ty::Str, Ty::Bool, Ty::Int, Ty::Image, Ty::Quantity])
        .prop_flat_map(|ty| (Just(ty), path(ty), operand(ty)))
}

fn atom() -> BoxedStrategy<String> {
    let compare = pair().prop_flat_map(|(ty, a, b)| {
        let ops: &[&str] = match ty {
            Ty::Int | Ty::Quantity => &["==", "!=", "<", "<=", ">", ">="],
            Ty::Str | Ty::Bool | Ty::Image => &["==", "!="],
        };
        proptest::sample::select(ops).prop_map(move |op| format!("{a} {op} {b}"))
    });
    let has = proptest::sample::select(PATHS).prop_map(|(path, _)| format!("has {path}"));
    let member = (path(Ty::Str), prop_oneof![Just("in"), Just("not in")])
        .prop_map(|(path, op)| format!("{path} {op} [\"a\", \"b\"]"));
    let under = (path(Ty::Image), prop_oneof![Just("under"), Just("not under")])
        .prop_map(|(path, op)| format!("{path} {op} \"ghcr.io/acme\""));
    let text = (path(Ty::Str), prop_oneof![Just("starts_with"), Just("contains"), Just("ends_with")])
        .prop_map(|(path, op)| format!("{path} {op} \"a\""));
    let sets = Just("empty(c.securityContext.capabilities.add - [\"KILL\"])".to_owned());
    let any = prop_oneof![Just("any"), Just("all"), Just("none")]
        .prop_map(|quant| format!("{quant} x in pod.spec.volumes {{ has x.hostPath }}"));
    let flag = path(Ty::Bool);
    prop_oneof![6 => compare, 2 => has, 1 => member, 1 => under, 1 => text, 1 => sets, 1 => any, 1 => flag]
        .boxed()
}

fn condition() -> BoxedStrategy<String> {
    atom()
        .prop_recursive(3, 12, 2, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} and {b})")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
                inner.prop_map(|a| format!("(not ({a}))")),
            ]
        })
        .boxed()
}

fn maybe(value: BoxedStrategy<Json>) -> BoxedStrategy<Option<Json>> {
    prop_oneof![2 => value.prop_map(Some), 2 => Just(None), 1 => Just(Some(Json::Null))].boxed()
}

fn text(words: &'static [&'static str]) -> BoxedStrategy<Json> {
    proptest::sample::select(words).prop_map(|word| Json::Str(word.to_owned())).boxed()
}

fn object(fields: Vec<(&'static str, BoxedStrategy<Option<Json>>)>) -> BoxedStrategy<Json> {
    let (names, values): (Vec<_>, Vec<_>) = fields.into_iter().unzip();
    values
        .prop_map(move |values| {
            let entries =
                names.iter().zip(values).filter_map(|(name, value)| Some(((*name).to_owned(), value?)));
            Json::Object(entries.collect())
        })
        .boxed()
}

fn pod() -> BoxedStrategy<Json> {
    let int = || (0..4_i64).prop_map(Json::Int).boxed();
    let flag = || any::<bool>().prop_map(Json::Bool).boxed();
    let caps =
        proptest::collection::vec(text(&["KILL", "NET_RAW", "cap_kill"]), 0..3).prop_map(Json::Array).boxed();
    let container = object(vec![
        ("name", text(&["a", "b"]).prop_map(Some).boxed()),
        ("image", maybe(text(&["nginx", "docker.io/library/nginx:latest", "ghcr.io/acme/app:1"]))),
        (
            "securityContext",
            maybe(object(vec![
                ("runAsUser", maybe(int())),
                ("privileged", maybe(flag())),
                ("capabilities", maybe(object(vec![("add", maybe(caps))]))),
            ])),
        ),
        (
            "resources",
            maybe(object(vec![("limits", maybe(object(vec![("memory", maybe(text(&["1Gi", "1024Mi"])))])))])),
        ),
    ]);
    let volume = object(vec![
        ("name", maybe(text(&["v"]))),
        ("hostPath", maybe(object(vec![("path", maybe(text(&["/"])))]))),
    ]);
    let list = |item: BoxedStrategy<Json>, least: usize| {
        proptest::collection::vec(item, least..3).prop_map(Json::Array).boxed()
    };
    let spec = object(vec![
        ("containers", list(container, 1).prop_map(Some).boxed()),
        ("volumes", maybe(list(volume, 0))),
        ("serviceAccountName", maybe(text(&["a", "", "c"]))),
        ("hostPID", maybe(flag())),
        ("priority", maybe(int())),
        ("terminationGracePeriodSeconds", maybe(int())),
        (
            "securityContext",
            maybe(object(vec![("runAsUser", maybe(int())), ("runAsNonRoot", maybe(flag()))])),
        ),
    ]);
    object(vec![
        ("apiVersion", Just(Some(Json::Str("v1".into()))).boxed()),
        ("kind", Just(Some(Json::Str("Pod".into()))).boxed()),
        (
            "metadata",
            maybe(object(vec![
                ("name", maybe(text(&["a", "b"]))),
                ("labels", maybe(object(vec![("team", maybe(text(&["a"])))]))),
            ])),
        ),
        ("spec", spec.prop_map(Some).boxed()),
    ])
}

/// One rule per condition, each going through the containers.
fn rules(conditions: &[String]) -> Evaluator {
    let rules: Vec<String> = conditions
        .iter()
        .enumerate()
        .map(|(index, condition)| {
            format!(
                "rule r{index} on Pod {{\n  for c in pod.spec.containers {{\n    deny when {condition}\n      message \"m {{c.name}}\"\n  }}\n}}\n"
            )
        })
        .collect();
    let compiled = compile_text(&rules.join("\n"));
    evaluator(&compiled, (1, 37), Vec::new()).unwrap_or_else(|why| panic!("{why}\n{}", rules.join("\n")))
}

/// For each rule, the containers on which it hits.
fn hits(evaluator: &Evaluator, pod: &Json, rules: usize) -> Vec<Vec<u32>> {
    let outcome = judge(evaluator, pod).unwrap();
    let of = |rule: usize| {
        let findings = outcome.findings.iter().filter(|finding| finding.rule.index() == rule);
        findings.flat_map(|finding| finding.bindings.clone()).collect()
    };
    (0..rules).map(of).collect()
}

fn containers(pod: &Json) -> u32 {
    pod.at(&["spec", "containers"]).map_or(0, |list| u32::try_from(list.elements().len()).unwrap())
}

fn config() -> Config {
    let cases = std::env::var("KPOL_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(200);
    Config { cases, ..Config::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_condition_and_its_negation_share_the_containers_between_them(condition in condition(), pod in pod()) {
        let evaluator = rules(&[condition.clone(), format!("not ({condition})")]);
        let hits = hits(&evaluator, &pod, 2);
        let mut both = [hits[0].clone(), hits[1].clone()].concat();
        both.sort_unstable();
        prop_assert_eq!(both, (0..containers(&pod)).collect::<Vec<_>>());
    }

    #[test]
    fn not_equal_is_exactly_not_equal((_, a, b) in pair(), pod in pod()) {
        let evaluator = rules(&[format!("{a} != {b}"), format!("not ({a} == {b})")]);
        let hits = hits(&evaluator, &pod, 2);
        prop_assert_eq!(&hits[0], &hits[1]);
    }

    #[test]
    fn unless_is_when_not(condition in condition(), pod in pod()) {
        let text = format!(
            "rule a on Pod {{ for c in pod.spec.containers {{ deny unless {condition} message \"m\" }} }}\n\
             rule b on Pod {{ for c in pod.spec.containers {{ deny when not ({condition}) message \"m\" }} }}"
        );
        let evaluator = evaluator(&compile_text(&text), (1, 37), Vec::new()).unwrap();
        let hits = hits(&evaluator, &pod, 2);
        prop_assert_eq!(&hits[0], &hits[1]);
    }

    #[test]
    fn an_absent_operand_makes_every_order_false(path in undefaulted(), pod in pod(), number in 0..4_i64) {
        let evaluator = rules(&[
            format!("not has {path} and {path} < {number}"),
            format!("not has {path} and {path} >= {number}"),
            format!("not has {path} and {path} == {number}"),
        ]);
        for hits in hits(&evaluator, &pod, 3) {
            prop_assert!(hits.is_empty());
        }
    }

    #[test]
    fn null_is_not_set(condition in condition(), pod in pod()) {
        let evaluator = rules(&[condition]);
        prop_assert_eq!(hits(&evaluator, &pod, 1), hits(&evaluator, &without_nulls(&pod), 1));
    }

    #[test]
    fn a_default_value_answers_for_what_is_not_set(path in path(Ty::Str), pod in pod()) {
        let evaluator = rules(&[
            format!("({path} ?? \"a\") == \"a\""),
            format!("not has {path} or {path} == \"a\""),
        ]);
        let hits = hits(&evaluator, &pod, 2);
        prop_assert_eq!(&hits[0], &hits[1]);
    }

    #[test]
    fn de_morgan_holds(a in condition(), b in condition(), pod in pod()) {
        let evaluator = rules(&[format!("not ({a} and {b})"), format!("not ({a}) or not ({b})")]);
        let hits = hits(&evaluator, &pod, 2);
        prop_assert_eq!(&hits[0], &hits[1]);
    }

    #[test]
    fn quantifiers_are_each_others_negation(pod in pod()) {
        let evaluator = rules(&[
            "any x in pod.spec.volumes { has x.hostPath }".to_owned(),
            "not none x in pod.spec.volumes { has x.hostPath }".to_owned(),
            "not all x in pod.spec.volumes { not has x.hostPath }".to_owned(),
            "count x in pod.spec.volumes { has x.hostPath } > 0".to_owned(),
        ]);
        let hits = hits(&evaluator, &pod, 4);
        prop_assert!(hits.iter().all(|other| *other == hits[0]), "{hits:?}");
    }
}

fn without_nulls(json: &Json) -> Json {
    match json {
        Json::Object(entries) => Json::Object(
            entries
                .iter()
                .filter(|(_, v)| !v.is_null())
                .map(|(k, v)| (k.clone(), without_nulls(v)))
                .collect(),
        ),
        Json::Array(items) => Json::Array(items.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}
