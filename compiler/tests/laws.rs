//! Laws of the whole compiler, on made-up and on broken programs.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests read fixtures and fail by panicking"
)]

mod common;

use std::time::{Duration, Instant};

use common::{Crds, codes, compile_text, entry, render, root};
use kpol_compiler::{Compiled, NoFiles, Options, Role, compile, library, library_names};
use kpol_vm::{
    evaluate::{Evaluator, Options as Host, Review},
    interp::NoCluster,
    ir::Mode,
    json::Json,
    verify::verify,
};
use proptest::prelude::*;

/// What nothing may give: the compiler's admission of a bug.
const INTERNAL: &str = "E0403";

fn is_sound(compiled: &Compiled) {
    assert!(!codes(compiled).contains(&INTERNAL), "{}", render(compiled));
    assert_eq!(compiled.module.is_none(), compiled.has_errors());
    if let Some(module) = &compiled.module {
        verify(module, compiled.catalog.builtins()).unwrap();
    }
    for diagnostic in &compiled.diagnostics {
        for label in &diagnostic.labels {
            let source = &compiled.sources[label.span.file.0 as usize];
            assert!(source.text.get(label.span.range()).is_some(), "{diagnostic:?}");
        }
    }
}

fn host(fuel: u64) -> Host {
    Host {
        params: Vec::new(),
        default_mode: Mode::Deny,
        max_mode: Mode::Deny,
        today: jiff::civil::date(2026, 11, 23),
        kubernetes: (1, 37),
        fuel,
        engine: kpol_vm::evaluate::Engine::default(),
    }
}

fn json(text: &str) -> Json {
    let documents =
        kpol_manifest::parse(text, kpol_manifest::Syntax::Auto, &kpol_manifest::Limits::default());
    documents.unwrap().remove(0).value
}

/// What a policy says of a pod with everything and of one with nothing.
fn judge(compiled: &Compiled) -> Vec<String> {
    let Some(module) = compiled.module.clone() else { return Vec::new() };
    let evaluator = Evaluator::new(module, compiled.catalog.builtins(), host(5_000_000)).unwrap();
    let mut said = Vec::new();
    for pod in [RICH, "{ apiVersion: v1, kind: Pod }"] {
        let pod = json(pod);
        let outcome = evaluator.review(&Review::create(&pod).unwrap(), &NoCluster).unwrap();
        said.extend(outcome.findings.into_iter().map(|finding| finding.message));
    }
    said
}

const RICH: &str = r#"
apiVersion: v1
kind: Pod
metadata: { name: web, namespace: shop, labels: { team: a, b: c } }
spec:
  initContainers:
    - { name: a, image: "nginx:1.27", securityContext: { privileged: true, runAsUser: 0 } }
  containers:
    - name: web
      image: registry.acme.io/web@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
      ports: [{ containerPort: 80 }]
      env: [{ name: A, value: b }]
      resources: { limits: { memory: 1Gi, cpu: 500m } }
      securityContext: { capabilities: { add: [NET_ADMIN], drop: [ALL] } }
"#;

/// The fixtures and the examples: texts that compile, alone or with what they name.
fn texts() -> &'static [String] {
    static TEXTS: std::sync::OnceLock<Vec<String>> = std::sync::OnceLock::new();
    TEXTS.get_or_init(read_texts)
}

fn read_texts() -> Vec<String> {
    let mut texts = Vec::new();
    for dir in ["grammar/tests/fixtures", "examples/language", "compiler/tests/ui"] {
        let mut paths: Vec<_> =
            std::fs::read_dir(root().join(dir)).unwrap().map(|e| e.unwrap().path()).collect();
        paths.sort();
        let kpol = paths.into_iter().filter(|path| path.extension().is_some_and(|e| e == "kpol"));
        texts.extend(kpol.map(|path| std::fs::read_to_string(path).unwrap()));
    }
    texts
}

/// Words and signs of the language, and names that mean something.
const TOKENS: &[&str] = &[
    "rule",
    "on",
    "Pod",
    "Workload",
    "exec",
    "connect",
    "{",
    "}",
    "deny",
    "alert",
    "when",
    "unless",
    "message",
    "\"x {c.name}\"",
    "for",
    "c",
    "in",
    "pod",
    ".",
    "spec",
    "containers",
    "all_containers",
    "securityContext",
    "privileged",
    "let",
    "=",
    "==",
    "!=",
    "(",
    ")",
    "[",
    "]",
    ",",
    "define",
    "param",
    "set",
    "<",
    ">",
    "cidr",
    "\"10.0.0.0/8\"",
    "not",
    "and",
    "or",
    "has",
    "any",
    "count",
    "x",
    "y",
    "object",
    "metadata",
    "labels",
    "\"team\"",
    "proc",
    "name",
    "??",
    "1",
    "4Gi",
    "90d",
    "500m",
    "2027-01-01",
    "re\"a+\"",
    "if",
    "then",
    "else",
    "true",
    "under",
    "like",
    "matches",
    "contains",
    "starts_with",
    "+",
    "-",
    "mutate",
    "default",
    "overwrite",
    "add",
    "to",
    "remove",
    "exception",
    "reason",
    "owner",
    "until",
    "bind",
    "mode",
    "warn",
    "test",
    "given",
    "expect",
    "pass",
    "correlate",
    "within",
    "by",
    "step",
    "at_least",
    "reset",
    "cluster",
    "others",
    "Ingress",
    "len",
    "empty",
    "sum",
    "image",
    "use",
    "std",
    "package",
    "dyn",
    "list",
    "map",
    "string",
    "int",
    "where",
    "severity",
    "high",
    "user",
    "old",
    "(update)",
    "container",
    "keys",
    "kind",
    "from",
    "\"crd.yaml\"",
    ":",
];

/// An expression that mostly has a type.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "1",
        "true",
        "\"a\"",
        "4Gi",
        "90d",
        "500m",
        "2027-01-01",
        "[]",
        "c.name",
        "c.image",
        "c.securityContext.runAsUser",
        "c.securityContext.privileged",
        "c.resources.limits[\"memory\"]",
        "c.resources.limits",
        "object.metadata.labels",
        "object.metadata.labels[\"team\"]",
        "pod.spec",
        "pod.spec.containers",
        "c.ports",
        "c.env",
        "xs",
        "p",
        "nets",
        "d",
        "q",
        "namespace.name",
        "user.groups",
        "cluster.version",
        "c.securityContext.capabilities.add",
        "cluster.others(Pod)",
        "c.image.tag",
        "request.operation",
        "re\"a+\"",
        "\"10.0.0.0/8\"",
        "texts",
        "c",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(5, 40, 3, |inner| {
        let op = prop::sample::select(vec![
            "==",
            "!=",
            "<",
            ">=",
            "in",
            "not in",
            "and",
            "or",
            "+",
            "-",
            "??",
            "under",
            "like",
            "matches",
            "contains",
            "starts_with",
        ]);
        let call = prop::sample::select(vec![
            "len", "empty", "sum", "max", "min", "unique", "string", "int", "quantity", "image", "path",
            "lower", "keys", "values", "items", "json", "is_root", "same", "semver", "abs",
        ]);
        prop_oneof![
            (inner.clone(), op, inner.clone()).prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            (call, inner.clone()).prop_map(|(f, a)| format!("{f}({a})")),
            inner.clone().prop_map(|a| format!("(not {a})")),
            inner.clone().prop_map(|a| format!("(-{a})")),
            inner.clone().prop_map(|a| format!("(has {a})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("[{a}, {b}]")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("any e in {a} {{ e == {b} }}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(count e in {a} {{ {b} }})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("[{a} for e in {b} where e != {a}]")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("(if {a} then {b} else {c})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("{a}[{b}]")),
        ]
    })
}

/// The types that [`typed`] makes expressions of.
#[derive(Clone, Copy, Debug)]
enum Want {
    Bool,
    Int,
    Text,
    Texts,
    Quantity,
    Dyn,
}

/// An expression that nearly always has its type.
fn typed(want: Want, depth: u32) -> BoxedStrategy<String> {
    let leaves: &[&'static str] = match want {
        Want::Bool => &[
            "true",
            "c.securityContext.privileged",
            "c.securityContext.runAsNonRoot",
            "c.stdin",
            "is_root(c)",
            "has c.resources.limits[\"memory\"]",
            "has object.metadata.labels",
            "any n in nets { \"10.1.1.1\" under n }",
            "c.image under \"registry.acme.io\"",
            "\"ALL\" in c.securityContext.capabilities.drop",
        ],
        Want::Int => &[
            "1",
            "-3",
            "len(c.ports)",
            "c.securityContext.runAsUser",
            "p",
            "c.ports[0].containerPort",
            "int(c.name)",
        ],
        Want::Text => &[
            "\"a\"",
            "c.name",
            "pod.spec.nodeName",
            "object.metadata.labels[\"team\"]",
            "c.image.tag",
            "namespace.name",
            "object.metadata.labels[c.name]",
            "string(d)",
            "c.role",
            "object.id",
        ],
        Want::Texts => &[
            "[]",
            "[\"a\", \"b\"]",
            "xs",
            "texts",
            "c.args",
            "keys(object.metadata.labels)",
            "user.groups",
            "[k.name for k in c.env]",
            "c.securityContext.capabilities.add",
        ],
        Want::Quantity => &[
            "1Gi",
            "q",
            "c.resources.limits[\"memory\"]",
            "c.resources.requests[\"cpu\"]",
            "quantity(c.name)",
        ],
        Want::Dyn => &["d", "d.a", "d[0]", "d.a[c.name]"],
    };
    let leaf = prop::sample::select(leaves).prop_map(str::to_owned).boxed();
    if depth == 0 {
        return leaf;
    }
    let of = |want| typed(want, depth - 1);
    let v = format!("v{depth}");
    let (v1, v2, v3) = (v.clone(), v.clone(), v.clone());
    let choose =
        (of(Want::Bool), of(want), of(want)).prop_map(|(a, b, c)| format!("(if {a} then {b} else {c})"));
    let more = match want {
        Want::Bool => {
            let order = prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
            let text = prop::sample::select(vec![
                "==",
                "!=",
                "contains",
                "starts_with",
                "ends_with",
                "like",
                "not like",
            ]);
            let pair =
                |want| (of(want), order.clone(), of(want)).prop_map(|(a, op, b)| format!("({a} {op} {b})"));
            prop_oneof![
                (of(Want::Bool), prop::sample::select(vec!["and", "or", "==", "!="]), of(Want::Bool))
                    .prop_map(|(a, op, b)| format!("({a} {op} {b})")),
                of(Want::Bool).prop_map(|a| format!("(not {a})")),
                pair(Want::Int),
                pair(Want::Quantity),
                pair(Want::Dyn),
                (of(Want::Text), text, of(Want::Text)).prop_map(|(a, op, b)| format!("({a} {op} {b})")),
                (of(Want::Text), of(Want::Texts)).prop_map(|(a, b)| format!("({a} in {b})")),
                (of(Want::Texts), of(Want::Texts)).prop_map(|(a, b)| format!("({a} == {b})")),
                (of(Want::Dyn), of(Want::Text)).prop_map(|(a, b)| format!("({a} != {b})")),
                (prop::sample::select(vec!["any", "all", "none"]), of(Want::Texts), of(Want::Bool)).prop_map(
                    move |(quant, a, b)| format!("({quant} {v1} in {a} {{ {v1} == c.name or {b} }})")
                ),
                of(Want::Text).prop_map(|a| format!("({a} matches re\"a|b\")")),
            ]
            .boxed()
        }
        Want::Int => prop_oneof![
            (of(Want::Int), prop::sample::select(vec!["+", "-"]), of(Want::Int))
                .prop_map(|(a, op, b)| format!("(({a} ?? 0) {op} ({b} ?? 1))")),
            of(Want::Texts).prop_map(|a| format!("len({a})")),
            (of(Want::Texts), of(Want::Bool))
                .prop_map(move |(a, b)| format!("(count {v2} in {a} {{ has {v2} and {b} }})")),
            (of(Want::Int), of(Want::Int)).prop_map(|(a, b)| format!("sum([{a} ?? 2, {b}])")),
            choose,
        ]
        .boxed(),
        Want::Text => prop_oneof![
            of(Want::Text).prop_map(|a| format!("lower({a})")),
            (of(Want::Text), of(Want::Text)).prop_map(|(a, b)| format!("({a} ?? {b})")),
            of(Want::Texts).prop_map(|a| format!("join({a}, \",\")")),
            of(Want::Text).prop_map(|a| format!("same({a})")),
            (of(Want::Texts), of(Want::Int)).prop_map(|(a, b)| format!("{a}[{b}]")),
            choose,
        ]
        .boxed(),
        Want::Texts => prop_oneof![
            (of(Want::Texts), prop::sample::select(vec!["+", "-"]), of(Want::Texts))
                .prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            (of(Want::Text), of(Want::Texts), of(Want::Bool))
                .prop_map(move |(a, b, c)| format!("[{a} for {v3} in {b} where {v3} != \"z\" and {c}]")),
            (of(Want::Text), of(Want::Text)).prop_map(|(a, b)| format!("[{a}, {b}]")),
            of(Want::Text).prop_map(|a| format!("split({a}, \",\")")),
            choose,
        ]
        .boxed(),
        Want::Quantity => prop_oneof![
            (of(Want::Quantity), of(Want::Quantity))
                .prop_map(|(a, b)| format!("(({a} ?? 1) + ({b} ?? 1Mi))")),
            (of(Want::Quantity), of(Want::Quantity)).prop_map(|(a, b)| format!("max([{a}, {b}])")),
            choose,
        ]
        .boxed(),
        Want::Dyn => prop_oneof![of(Want::Dyn).prop_map(|a| format!("{a}.b")), choose].boxed(),
    };
    prop_oneof![1 => leaf, 4 => more].boxed()
}

fn around(expr: &str) -> String {
    format!(
        "param xs: list<string> = []\nparam p: int?\nparam nets: set<cidr> = []\nparam d: dyn = 1\nparam q: quantity = 1\n\
         let texts = [\"a\", \"b\"]\n\
         define is_root(c: Container) = c.securityContext.runAsUser == 0\n\
         define same(x: string) = x\n\
         rule r on Workload {{\n  for c in pod.spec.all_containers {{\n    let v = {expr}\n\
         deny when has v and v == v message \"{{v}}\"\n  }}\n}}\n"
    )
}

fn conditioned(expr: &str) -> String {
    around("1").replace("has v and v == v", &format!("v == 1 and ({expr})"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_answered(text in "\\PC{0,200}") {
        is_sound(&compile(vec![entry("a.kpol", &text)], &NoFiles, &Options::default()));
    }

    #[test]
    fn token_soup_is_answered(tokens in prop::collection::vec(prop::sample::select(TOKENS), 0..60)) {
        is_sound(&compile_text(&tokens.join(" ")));
        is_sound(&compile_text(&format!("rule r on Pod {{ deny when {} message \"x\" }}", tokens.join(" "))));
    }

    #[test]
    fn mutilated_policies_are_answered(
        which in any::<prop::sample::Index>(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..12, prop::sample::select(TOKENS)), 1..4),
    ) {
        let mut text = which.get(texts()).clone();
        for (at, length, token) in cuts {
            let mut start = at.index(text.len() + 1);
            while !text.is_char_boundary(start) {
                start -= 1;
            }
            let mut end = (start + length).min(text.len());
            while !text.is_char_boundary(end) {
                end += 1;
            }
            text.replace_range(start..end, token);
        }
        is_sound(&compile_text(&text));
    }

    #[test]
    fn what_is_well_typed_runs(expr in expression()) {
        for text in [around(&expr), conditioned(&expr)] {
            let compiled = compile_text(&text);
            is_sound(&compiled);
            judge(&compiled);
        }
    }

    #[test]
    fn what_has_its_type_runs(
        value in prop::sample::select(vec![Want::Int, Want::Text, Want::Texts, Want::Quantity, Want::Dyn])
            .prop_flat_map(|want| typed(want, 3)),
        cond in typed(Want::Bool, 4),
    ) {
        for text in [around(&value), conditioned(&cond)] {
            let compiled = compile_text(&text);
            is_sound(&compiled);
            judge(&compiled);
        }
        // Law 2: a negation says the opposite of every object.
        let (yes, no) = (compile_text(&conditioned(&cond)), compile_text(&conditioned(&format!("not ({cond})"))));
        if yes.module.is_some() && no.module.is_some() {
            prop_assert_eq!(judge(&yes).len() + judge(&no).len(), 2, "{}", cond);
        }
    }

    #[test]
    fn the_same_text_gives_the_same_module(expr in expression()) {
        let (one, two) = (compile_text(&around(&expr)), compile_text(&around(&expr)));
        prop_assert_eq!(render(&one), render(&two));
        prop_assert_eq!(one.module, two.module);
    }
}

#[test]
fn the_fixtures_and_the_library_are_sound() {
    for text in texts() {
        is_sound(&compile_text(text));
    }
    for name in library_names() {
        let compiled = compile(library(&name, Role::Entry), &NoFiles, &Options::default());
        is_sound(&compiled);
        assert!(!compiled.has_errors(), "{name}: {}", render(&compiled));
    }
}

#[test]
fn every_example_of_a_builtin_holds() {
    let catalog = kpol_stdlib::catalog::Catalog::new();
    let mut wrong = String::new();
    for builtin in catalog.builtins() {
        for (expr, expected) in builtin.examples {
            let text = format!("rule r on Pod {{ let x = {expr} deny message \"{{x}}\" }}");
            let compiled = compile_text(&text);
            let Some(module) = compiled.module.clone() else {
                wrong.push_str(&format!("{}: {expr}{}", builtin.name, render(&compiled)));
                continue;
            };
            let evaluator = match Evaluator::new(module, catalog.builtins(), host(1_000_000)) {
                Ok(evaluator) => evaluator,
                Err(error) => {
                    wrong.push_str(&format!("{}: {expr}: {error}\n", builtin.name));
                    continue;
                }
            };
            let pod = Json::Object(vec![
                ("apiVersion".to_owned(), Json::Str("v1".to_owned())),
                ("kind".to_owned(), Json::Str("Pod".to_owned())),
            ]);
            let outcome = evaluator.review(&Review::create(&pod).unwrap(), &NoCluster).unwrap();
            let found = &outcome.findings[0].message;
            if found != expected {
                wrong.push_str(&format!("{}: {expr} gives {found}, not {expected}\n", builtin.name));
            }
        }
    }
    assert_eq!(wrong, "");
}

/// Programs that would grow without end are refused in no time, with one error.
#[test]
fn what_would_explode_is_refused_soon() {
    let chain = |body: &str| {
        let mut text = String::from("define d0(c: Container) = c.name == \"a\"\n");
        for n in 1..60 {
            text.push_str(&format!(
                "define d{n}(c: Container) = {}\n",
                body.replace('#', &format!("d{}(c)", n - 1))
            ));
        }
        text + "rule r on Pod { for c in pod.spec.containers { deny when d59(c) message \"x\" } }"
    };
    let lets = |body: &str| {
        let mut text = String::from(
            "rule r on Pod { for c in pod.spec.containers {\nlet l0 = c.securityContext.runAsUser == 0\n",
        );
        for n in 1..60 {
            text.push_str(&format!("let l{n} = {}\n", body.replace('#', &format!("l{}", n - 1))));
        }
        text + "deny when l59 message \"x\" } }"
    };
    let nested = |open: &str, leaf: &str, close: &str, depth: usize| {
        format!(
            "rule r on Pod {{ let x = {}{leaf}{} deny when has x message \"x\" }}",
            open.repeat(depth),
            close.repeat(depth)
        )
    };
    let quantified = |depth: usize| {
        let open: String = (0..depth).map(|n| format!("any e{n} in [true] {{ ")).collect();
        nested(&open, "pod.spec.hostPID", &"}".repeat(depth), 1)
    };
    let loops = |depth: usize| {
        let open: String = (0..depth).map(|n| format!("for c{n} in user.groups {{ ")).collect();
        format!(
            "//! max_cost: 18446744073709551615\nrule r on Pod {{ {open} deny message \"x\" {} }}",
            "}".repeat(depth)
        )
    };
    for (text, refused) in [
        (chain("# or #"), true),
        (chain("# and not #"), true),
        (lets("# and #"), false),
        (lets("# or not #"), false),
        (nested("[", "1", "]", 200), true),
        (nested("[", "pod.spec.hostPID", "]", 200), true),
        (nested("len([", "1", "])", 60), false),
        (nested("len([", "pod.spec.hostPID", "])", 60), false),
        (nested("lower(", "pod.spec.nodeName", ")", 120), false),
        (nested("(if true then ", "1", " else 2)", 80), false),
        (nested("not (", "pod.spec.hostPID", ")", 120), false),
        (nested("- (", "len([])", ")", 120), false),
        (nested("not (", "pod.spec.hostPID", ")", 1200), true),
        (lets(&format!("{} #", "not ".repeat(150))), false),
        (quantified(60), false),
        (quantified(210), true),
        (loops(16), false),
        (loops(17), true),
    ] {
        let start = Instant::now();
        let compiled = compile_text(&text);
        is_sound(&compiled);
        assert!(start.elapsed() < Duration::from_secs(5), "{text}");
        let errors: Vec<_> = codes(&compiled).into_iter().filter(|code| code.starts_with('E')).collect();
        assert_eq!(errors.len(), usize::from(refused), "{errors:?} {text:.300}");
    }
}

#[test]
fn many_declarations_take_little_time() {
    let mut text = String::from("let a0 = 1\n");
    for n in 1..4000 {
        text.push_str(&format!("let a{n} = a{}\n", n - 1));
    }
    let start = Instant::now();
    let compiled = compile(vec![entry("a.kpol", &text)], &Crds, &Options::default());
    is_sound(&compiled);
    assert!(start.elapsed() < Duration::from_secs(10));
}

/// The laws of absence, by what a rule says of a pod that has nothing set.
#[test]
fn the_laws_of_absence() {
    let holds = |expr: &str| {
        let text = format!(
            "// allow: W0203 because this tests it\nrule r on Pod {{\n  let user = pod.spec.securityContext.runAsUser\n  \
             deny when ({expr}) or has user and 1 == 2 message \"x\"\n}}"
        )
        .replace("let user", "let uid")
        .replace("has user", "has uid");
        let compiled = compile_text(&text);
        assert!(!compiled.has_errors(), "{}", render(&compiled));
        judge(&compiled).len() == 2
    };
    for (expr, expected) in [
        ("uid == 0", false),
        ("uid != 0", true),
        ("not (uid == 0)", true),
        ("uid == pod.spec.securityContext.runAsGroup", true),
        ("uid < 5 or uid >= 5", false),
        ("not (uid < 5)", true),
        ("uid in [0, 1]", false),
        ("uid not in [0, 1]", true),
        ("pod.spec.nodeName like \"*\"", false),
        ("pod.spec.nodeName not like \"*\"", true),
        ("pod.spec.nodeName not matches re\"x\"", true),
        ("pod.spec.nodeName contains \"\"", false),
        ("any v in pod.spec.volumes { true }", false),
        ("all v in pod.spec.volumes { false }", true),
        ("none v in pod.spec.volumes { true }", true),
        ("(count v in pod.spec.volumes { true }) == 0", true),
        ("empty(pod.spec.volumes)", true),
        ("empty([\"a\"] - object.metadata.finalizers)", false),
        ("pod.spec.automountServiceAccountToken", true),
        ("has pod.spec.automountServiceAccountToken", false),
        ("pod.spec.hostPID == false", true),
        ("(uid ?? 7) + 1 == 8", true),
        ("if uid == 0 then false else true", true),
        ("pod.spec.securityContext.runAsNonRoot", false),
        ("not pod.spec.securityContext.runAsNonRoot", true),
    ] {
        assert_eq!(holds(expr), expected, "{expr}");
    }
}

/// How much of what the generator makes has a type: a law about nothing would hold as well.
#[test]
fn the_generator_makes_programs_that_compile() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let conditions = typed(Want::Bool, 4);
    let good = (0..400)
        .filter(|_| {
            let cond = conditions.new_tree(&mut runner).unwrap().current();
            let compiled = compile_text(&conditioned(&cond));
            if std::env::var_os("KPOL_SHOW").is_some() && compiled.module.is_none() {
                eprintln!("{cond}{}", render(&compiled));
            }
            compiled.module.is_some()
        })
        .count();
    assert!(good > 200, "{good} of 400");
}
