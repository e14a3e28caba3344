//! Laws of the whole compiler, on made-up and on broken programs.

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

/// The fixtures and the examples: texts that compile, alone or with what they name.
fn texts() -> Vec<String> {
    let mut texts = Vec::new();
    for dir in ["grammar/tests/fixtures", "examples/language", "compiler/tests/ui"] {
        let mut paths: Vec<_> = std::fs::read_dir(root().join(dir)).unwrap().map(|e| e.unwrap().path()).collect();
        paths.sort();
        let kpol = paths.into_iter().filter(|path| path.extension().is_some_and(|e| e == "kpol"));
        texts.extend(kpol.map(|path| std::fs::read_to_string(path).unwrap()));
    }
    texts
}

/// Words and signs of the language, and names that mean something.
const TOKENS: &[&str] = &[
    "rule", "on", "Pod", "Workload", "exec", "connect", "{", "}", "deny", "alert", "when", "unless", "message", "\"x {c.name}\"",
    "for", "c", "in", "pod", ".", "spec", "containers", "all_containers", "securityContext", "privileged", "let", "=", "==",
    "!=", "(", ")", "[", "]", ",", "define", "param", "set", "<", ">", "cidr", "\"10.0.0.0/8\"", "not", "and", "or", "has",
    "any", "count", "x", "y", "object", "metadata", "labels", "\"team\"", "proc", "name", "??", "1", "4Gi", "90d", "500m",
    "2027-01-01", "re\"a+\"", "if", "then", "else", "true", "under", "like", "matches", "contains", "starts_with", "+", "-",
    "mutate", "default", "overwrite", "add", "to", "remove", "exception", "reason", "owner", "until", "bind", "mode", "warn",
    "test", "given", "expect", "pass", "correlate", "within", "by", "step", "at_least", "reset", "cluster", "others",
    "Ingress", "len", "empty", "sum", "image", "use", "std", "package", "dyn", "list", "map", "string", "int", "where",
    "severity", "high", "user", "old", "(update)", "container", "keys", "kind", "from", "\"crd.yaml\"", ":",
];

/// An expression that mostly has a type.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "1", "true", "\"a\"", "4Gi", "90d", "500m", "2027-01-01", "[]", "c.name", "c.image", "c.securityContext.runAsUser",
        "c.securityContext.privileged", "c.resources.limits[\"memory\"]", "c.resources.limits", "object.metadata.labels",
        "object.metadata.labels[\"team\"]", "pod.spec", "pod.spec.containers", "c.ports", "c.env", "xs", "p", "nets", "d", "q",
        "namespace.name", "user.groups", "cluster.version", "c.securityContext.capabilities.add", "cluster.others(Pod)",
        "c.image.tag", "request.operation", "re\"a+\"", "\"10.0.0.0/8\"", "texts", "c",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(5, 40, 3, |inner| {
        let op = prop::sample::select(vec![
            "==", "!=", "<", ">=", "in", "not in", "and", "or", "+", "-", "??", "under", "like", "matches", "contains",
            "starts_with",
        ]);
        let call = prop::sample::select(vec![
            "len", "empty", "sum", "max", "min", "unique", "string", "int", "quantity", "image", "path", "lower", "keys",
            "values", "items", "json", "is_root", "same", "semver", "abs",
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

fn around(expr: &str) -> String {
    format!(
        "param xs: list<string> = []\nparam p: int? \nparam nets: set<cidr> = []\nparam d: dyn = 1\nparam q: quantity = 1\n\
         let texts = [\"a\", \"b\"]\n\
         define is_root(c: Container) = c.securityContext.runAsUser == 0\n\
         define same(x: string) = x\n\
         rule r on Workload {{\n  for c in pod.spec.all_containers {{\n    let v = {expr}\n\
         deny when has v and v == v message \"{{v}}\"\n  }}\n}}\n"
    )
}

fn conditioned(expr: &str) -> String {
    around("1").replace("has v and v == v", &format!("v == 1 and {expr}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

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
        let mut text = which.get(&texts()).clone();
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
        is_sound(&compile_text(&around(&expr)));
        is_sound(&compile_text(&conditioned(&expr)));
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
        is_sound(&compile_text(&text));
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
            let host = Host {
                params: Vec::new(),
                default_mode: Mode::Deny,
                max_mode: Mode::Deny,
                today: jiff::civil::date(2026, 11, 23),
                kubernetes: (1, 37),
                fuel: 1_000_000,
            };
            let evaluator = match Evaluator::new(module, catalog.builtins(), host) {
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
            text.push_str(&format!("define d{n}(c: Container) = {}\n", body.replace('#', &format!("d{}(c)", n - 1))));
        }
        text + "rule r on Pod { for c in pod.spec.containers { deny when d59(c) message \"x\" } }"
    };
    let lets = |body: &str| {
        let mut text = String::from("rule r on Pod { for c in pod.spec.containers {\nlet l0 = c.securityContext.runAsUser == 0\n");
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
        format!("//! max_cost: 18446744073709551615\nrule r on Pod {{ {open} deny message \"x\" {} }}", "}".repeat(depth))
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
