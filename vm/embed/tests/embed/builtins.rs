//! Builtins of the host.

use kpol::{
    Cluster, Compiler, Engine, Evaluator, Loader, Mode, Options, Session,
    builtin::{Builtin, BuiltinError, Builtins, Sig, Type, Value},
};

static BLESSED: Builtin =
    Builtin::new("blessed", &[("image", Sig::Is(Type::Image))], Sig::Is(Type::Bool), blessed);

fn blessed(args: &[Value]) -> Value {
    Value::Bool(args.first().and_then(Value::as_text).is_some_and(|image| image.ends_with(":blessed")))
}

static INITIAL: Builtin =
    Builtin::new("string.initial", &[("string", Sig::Is(Type::Str))], Sig::Is(Type::Str), initial)
        .partial()
        .as_property();

fn initial(args: &[Value]) -> Value {
    let first = args.first().and_then(Value::as_text).and_then(|text| text.chars().next());
    first.map_or(Value::Absent, |first| Value::Text(first.to_string().into()))
}

/// Lies about its result.
static LIAR: Builtin =
    Builtin::new("liar", &[("s", Sig::Is(Type::Str))], Sig::Is(Type::Int), |_| Value::Bool(true));

const POLICY: &str = "package acme\nrule r on Pod {\n  for c in object.spec.containers {\n    \
    let initial = c.name.initial ?? \"?\"\n    deny unless blessed(c.image) message \"{c.name} at {initial}\"\n  }\n}\n";

fn builtins() -> Builtins {
    Builtins::new().with(&BLESSED).unwrap().with(&INITIAL).unwrap()
}

fn pod(image: &str) -> kpol::Json {
    let text = format!(
        r#"{{"apiVersion": "v1", "kind": "Pod", "spec": {{"containers": [{{"name": "web", "image": "{image}"}}]}}}}"#
    );
    kpol::json(text.as_bytes()).unwrap()
}

#[test]
fn policies_call_what_the_host_brings_on_every_engine() {
    let compiler = Compiler::new().with_builtins(builtins()).with_source("a.kpol", POLICY);
    let compiled = compiler.compile().unwrap_or_else(|error| panic!("{error}"));
    let bundle = Loader::new().with_builtins(builtins()).load(compiled.bytes()).unwrap();
    for engine in [Engine::Jit, Engine::Interp] {
        let options = Options::new().with_default_mode(Mode::Deny).with_engine(engine);
        let evaluator = Evaluator::new(&bundle, options).unwrap();
        let mut session = Session::new();
        let mut messages = |image: &str| -> Vec<String> {
            let pod = pod(image);
            let answer = evaluator.object(&pod, &Cluster::empty(), &mut session).unwrap();
            answer.denials().map(str::to_owned).collect()
        };
        assert_eq!(messages("nginx:blessed"), [""; 0], "{engine:?}");
        assert_eq!(messages("nginx:1"), ["web at w"], "{engine:?}");
    }
}

#[test]
fn a_host_without_the_builtin_refuses_the_bundle_and_names_it() {
    let compiled = Compiler::new().with_builtins(builtins()).with_source("a.kpol", POLICY).compile().unwrap();
    let error = Loader::new().load(compiled.bytes()).unwrap_err();
    assert_eq!(error.missing_builtin(), Some("string.initial"));
    assert!(error.to_string().contains("`string.initial`"), "{error}");
    let error = Compiler::new().with_source("a.kpol", POLICY).compile().unwrap_err();
    assert!(error.to_string().contains("blessed"), "{error}");
}

#[test]
fn another_signature_under_the_same_name_is_refused() {
    static TEXT: Builtin =
        Builtin::new("blessed", &[("image", Sig::Is(Type::Image))], Sig::Is(Type::Str), blessed);
    let compiled = Compiler::new().with_builtins(builtins()).with_source("a.kpol", POLICY).compile().unwrap();
    let others = Builtins::new().with(&TEXT).unwrap().with(&INITIAL).unwrap();
    assert!(Loader::new().with_builtins(others).load(compiled.bytes()).is_err());
}

#[test]
fn names_are_taken_once() {
    static LEN: Builtin =
        Builtin::new("len", &[("s", Sig::Is(Type::Str))], Sig::Is(Type::Int), |_| Value::Int(0));
    assert_eq!(builtins().with(&BLESSED).unwrap_err(), BuiltinError::Taken("blessed"));
    assert_eq!(Builtins::new().with(&LEN).unwrap_err(), BuiltinError::Taken("len"));
    assert_eq!(builtins().names().collect::<Vec<_>>(), ["blessed", "string.initial"]);
}

#[test]
fn a_builtin_that_lies_about_its_result_harms_nobody() {
    let text = "package acme\nrule r on Pod {\n  for c in object.spec.containers {\n    \
        let lie = liar(c.name)\n    deny when lie > 3 message \"{lie}\"\n    audit when lie == 1 message \"{lie}\"\n    warn when liar(c.name) + 1 == 2 message \"m\"\n  }\n}\n";
    let builtins = Builtins::new().with(&LIAR).unwrap();
    let compiled = Compiler::new().with_builtins(builtins).with_source("a.kpol", text).compile();
    let compiled = compiled.unwrap_or_else(|error| panic!("{error}"));
    let shown: Vec<String> = [Engine::Jit, Engine::Interp]
        .into_iter()
        .map(|engine| {
            let evaluator = Evaluator::new(compiled.bundle(), Options::new().with_engine(engine)).unwrap();
            let mut session = Session::new();
            let pod = pod("nginx");
            let answer = evaluator.object(&pod, &Cluster::empty(), &mut session);
            format!("{:?}", answer.map(|answer| answer.hits().map(|hit| hit.to_string()).collect::<Vec<_>>()))
        })
        .collect();
    assert_eq!(shown[0], shown[1]);
}
