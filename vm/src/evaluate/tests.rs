//! Binds, modes, exceptions, other objects of the cluster, mutations.

use super::*;
use crate::{
    ir::{
        Bind, ChangeKind, Clause, ClauseId, Condition, Const, Exception, ExprId, FieldSource, Meta, MutStmt,
        Mutation, Op, Operation, Param, ParamId, Place, PlaceBase, RecordId, Root, RootId, RuleId, Slot,
        SlotTy, Stmt, Target, Template, TemplatePart, Ty, Verb, Watch,
    },
    testing::{Coder, deny, field, field_from, field_or, json, list, pod_target, record, root, rule},
    types::Type,
};

fn pod() -> Root {
    let scalar = SlotTy::Scalar;
    root(
        "Pod",
        vec![
            record(
                "Pod",
                vec![
                    field_or("hostPID", scalar(Type::Bool), Const::Bool(false)),
                    field("metadata", SlotTy::Record(RecordId(1))),
                    field("containers", list(SlotTy::Record(RecordId(2)))),
                    field_from("id", scalar(Type::Str), FieldSource::ObjectId),
                    field("seconds", scalar(Type::Int)),
                ],
            ),
            record("Meta", vec![field("name", scalar(Type::Str)), field("namespace", scalar(Type::Str))]),
            record("Container", vec![field("name", scalar(Type::Str))]),
        ],
    )
}

fn options() -> Options {
    Options {
        params: Vec::new(),
        default_mode: Mode::Deny,
        max_mode: Mode::Deny,
        today: Date::constant(2027, 3, 31),
        kubernetes: (1, 37),
        fuel: DEFAULT_FUEL,
        engine: Engine::default(),
    }
}

/// `deny when object.hostPID` and a param `max` of 10 that `deny when object.seconds > max` uses.
fn module() -> Module {
    let mut c = Coder::default();
    let object = c.object();
    let host_pid = c.field(object, 0, Ty::BOOL);
    let seconds = c.field(object, 4, Ty::INT);
    let max = c.push(Op::Param(ParamId(0)), Ty::INT);
    let above = c.bool(Op::Compare(crate::ir::CompareOp::Gt, seconds, max));
    let message = Template { parts: vec![TemplatePart::Text("above ".into()), TemplatePart::Hole(max)] };
    let clauses = vec![deny("hostPID is not allowed"), Clause { verb: Verb::Deny, message, fix: None }];
    let body = vec![
        Stmt::Verdict { clause: ClauseId(0), cond: Some(host_pid) },
        Stmt::Verdict { clause: ClauseId(1), cond: Some(above) },
    ];
    Module {
        roots: vec![pod()],
        params: vec![Param {
            name: "acme.max".into(),
            doc: String::new(),
            ty: Ty::INT,
            default: Some(Const::Int(10)),
        }],
        rules: vec![rule(c, body, clauses)],
        ..Module::default()
    }
}

fn condition(make: impl FnOnce(&mut Coder) -> ExprId) -> Condition {
    let mut coder = Coder::default();
    let cond = make(&mut coder);
    Condition { code: coder.code, cond: Some(cond) }
}

/// `object.metadata.namespace == name`
fn in_namespace(name: &str) -> Condition {
    condition(|c| {
        let object = c.object();
        let meta = c.field(object, 1, Ty::Record(RootId(0), RecordId(1)));
        let (namespace, wanted) = (c.field(meta, 1, Ty::STR), c.text(name));
        c.bool(Op::Eq(namespace, wanted))
    })
}

fn judge_with(module: Module, options: Options, object: &str) -> Outcome {
    let object = json(object);
    let evaluator = Evaluator::new(module, &[], options).unwrap();
    evaluator.review(&Review::create(&object).unwrap(), &Inventory::empty()).unwrap()
}

fn judge(module: Module, object: &str) -> Outcome {
    judge_with(module, options(), object)
}

const BAD: &str =
    r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","namespace":"shop"},"hostPID":true}"#;

#[test]
fn an_unbound_rule_holds_in_the_default_mode() {
    let outcome = judge(module(), BAD);
    assert_eq!(outcome.decision, Decision::Deny);
    assert_eq!(outcome.findings[0].message, "hostPID is not allowed");
    assert_eq!(outcome.findings[0].blames, ["hostPID"]);
    let dry = judge_with(module(), Options { default_mode: Mode::Dryrun, ..options() }, BAD);
    assert_eq!((dry.decision, dry.findings[0].effect), (Decision::Allow, Effect::Record));
    let weak = judge_with(module(), Options { max_mode: Mode::Warn, ..options() }, BAD);
    assert_eq!(weak.warnings(), ["hostPID is not allowed"]);
    assert_eq!(weak.decision, Decision::Allow);
}

#[test]
fn a_bound_rule_holds_where_a_bind_says_so() {
    let bind = |namespace: &str, mode| Bind {
        rules: vec![RuleId(0)],
        mode: Some(mode),
        conditions: vec![in_namespace(namespace)],
        with: Vec::new(),
    };
    let with = |binds: Vec<Bind>| judge(Module { binds, ..module() }, BAD);
    assert!(with(vec![bind("other", Mode::Deny)]).findings.is_empty());
    assert_eq!(with(vec![bind("shop", Mode::Warn)]).warnings().len(), 1);
    let both = with(vec![bind("shop", Mode::Warn), bind("shop", Mode::Deny)]);
    assert_eq!(both.findings.len(), 1);
    assert_eq!((both.decision, both.findings[0].bind), (Decision::Deny, Some(1)));
}

#[test]
fn a_bind_gives_params_of_its_own() {
    let bind = |max| Bind {
        rules: vec![RuleId(0)],
        mode: None,
        conditions: vec![Condition::default()],
        with: vec![(ParamId(0), Const::Int(max))],
    };
    let module = Module { binds: vec![bind(1), bind(2), bind(100)], ..module() };
    let outcome = judge(module, r#"{"apiVersion":"v1","kind":"Pod","seconds":5}"#);
    let messages: Vec<_> = outcome.findings.iter().map(|f| f.message.as_str()).collect();
    assert_eq!(messages, ["above 1", "above 2"]);
}

#[test]
fn params_are_given_by_name_and_checked() {
    let given = |name: &str, value| Options { params: vec![(name.into(), value)], ..options() };
    let outcome = judge_with(
        module(),
        given("acme.max", Const::Int(3)),
        r#"{"apiVersion":"v1","kind":"Pod","seconds":5}"#,
    );
    assert_eq!(outcome.findings[0].message, "above 3");
    let error = |options| Evaluator::new(module(), &[], options).err().unwrap();
    assert_eq!(error(given("acme.mux", Const::Int(3))), LoadError::UnknownParam("acme.mux".into()));
    let wrong = LoadError::ParamType { name: "acme.max".into(), expected: "int".into() };
    assert_eq!(error(given("acme.max", Const::Bool(true))), wrong);
}

#[test]
fn an_exception_excuses_until_its_last_day() {
    let with = |until: Option<&str>, namespace: &str| {
        let exception = Exception {
            name: "acme.node_exporter".into(),
            rules: vec![RuleId(0)],
            conditions: vec![in_namespace(namespace)],
            reason: "needed".into(),
            owner: "team".into(),
            until: until.map(str::to_owned),
        };
        judge(Module { exceptions: vec![exception], ..module() }, BAD)
    };
    for until in [None, Some("2027-03-31"), Some("2027-04-01")] {
        let outcome = with(until, "shop");
        assert_eq!(outcome.decision, Decision::Allow, "{until:?}");
        assert_eq!(outcome.findings[0].excepted.as_deref(), Some("acme.node_exporter"));
    }
    for until in ["2027-03-30", "never"] {
        let outcome = with(Some(until), "shop");
        assert_eq!(outcome.decision, Decision::Deny);
        assert_eq!(outcome.findings[0].expired.as_deref(), Some("acme.node_exporter"));
    }
    assert_eq!(with(None, "other").decision, Decision::Deny);
}

#[test]
fn a_rule_runs_for_its_version_operation_and_subresource_only() {
    let evaluator = Evaluator::new(module(), &[], options()).unwrap();
    let object = json(BAD);
    let review = Review::create(&object).unwrap();
    let applied = |review: &Review<'_>| evaluator.review(review, &Inventory::empty()).unwrap();
    assert_eq!(applied(&review).applied, [RuleId(0)]);
    assert!(applied(&Review { operation: Operation::Connect, ..review.clone() }).applied.is_empty());
    assert!(applied(&Review { subresource: Some("status"), ..review.clone() }).applied.is_empty());
    let other = applied(&Review { version: "v2", ..review.clone() });
    assert_eq!((other.applied.len(), other.other_versions), (0, vec![RuleId(0)]));
    assert!(evaluator.covers("", "Pod") && !evaluator.covers("apps", "Pod"));
}

#[test]
fn an_object_of_the_wrong_form_is_an_error() {
    let evaluator = Evaluator::new(module(), &[], options()).unwrap();
    let object = json(r#"{"apiVersion":"v1","kind":"Pod","hostPID":"yes"}"#);
    let error = evaluator.review(&Review::create(&object).unwrap(), &Inventory::empty()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the object does not have the form of its kind: hostPID: expected a boolean, found a string"
    );
}

/// `deny when any other object's id is named in the message`.
fn others_module() -> Module {
    let mut c = Coder::default();
    let things = Ty::List(Box::new(Ty::Record(RootId(0), RecordId(0))));
    let others = c.push(Op::Cluster { root: RootId(0), others: true }, things);
    let local = c.local("o", Ty::Record(RootId(0), RecordId(0)));
    let o = c.push(Op::Local(local), Ty::Record(RootId(0), RecordId(0)));
    let id = c.field(o, 3, Ty::STR);
    let ids = c
        .push(Op::Comprehension { local, list: others, filter: None, head: id }, Ty::List(Box::new(Ty::STR)));
    let message = Template { parts: vec![TemplatePart::Text("others: ".into()), TemplatePart::Hole(ids)] };
    let body = vec![Stmt::Verdict { clause: ClauseId(0), cond: None }];
    let clause = Clause { verb: Verb::Warn, message, fix: None };
    let watch = Watch {
        root: RootId(0),
        group: String::new(),
        version: "v1".into(),
        kind: "Pod".into(),
        plural: "pods".into(),
    };
    Module {
        roots: vec![pod()],
        watches: vec![watch],
        rules: vec![rule(c, body, vec![clause])],
        ..Module::default()
    }
}

#[test]
fn others_never_hold_the_object_itself() {
    let evaluator = Evaluator::new(others_module(), &[], options()).unwrap();
    let objects = [
        json(BAD),
        json(r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","namespace":"test"}}"#),
        json(r#"{"apiVersion":"v1","kind":"Service","metadata":{"name":"x","namespace":"shop"}}"#),
        json(r#"{"apiVersion":"v1","kind":"Pod","hostPID":3}"#),
    ];
    let (inventory, errors) = evaluator.inventory(&objects);
    assert_eq!(errors.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [3]);
    let outcome = evaluator.review(&Review::create(&objects[0]).unwrap(), &inventory).unwrap();
    assert_eq!(outcome.warnings(), ["others: [test/web]"]);
}

#[test]
fn an_event_is_judged_by_the_rules_on_it() {
    let mut c = Coder::default();
    let event = c.push(Op::Root(Slot::Event, RootId(0)), Ty::Record(RootId(0), RecordId(0)));
    let cond = c.field(event, 0, Ty::BOOL);
    let body = vec![Stmt::Verdict { clause: ClauseId(0), cond: Some(cond) }];
    let mut rule = rule(c, body, vec![Clause { verb: Verb::Kill, ..deny("killed") }]);
    rule.targets = vec![Target::Event { name: "exec".into(), root: RootId(0) }];
    let module = Module { roots: vec![pod()], rules: vec![rule], ..Module::default() };
    let evaluator = Evaluator::new(module, &[], options()).unwrap();
    let outcome = evaluator.event("exec", &json(r#"{"hostPID":true}"#)).unwrap();
    assert_eq!((outcome.findings[0].effect, outcome.findings[0].mode), (Effect::Kill, Mode::Enforce));
    assert!(evaluator.event("exit", &json("{}")).unwrap().applied.is_empty());
}

#[test]
fn why_is_told_when_asked_for() {
    let evaluator = Evaluator::new(module(), &[], options()).unwrap();
    let object = json(r#"{"apiVersion":"v1","kind":"Pod","seconds":5}"#);
    let outcome = evaluator.review_why(&Review::create(&object).unwrap(), &Inventory::empty()).unwrap();
    let traces = &outcome.traces[0].traces;
    assert_eq!(traces.len(), 2);
    assert_eq!(traces[0].conditions[0].value, "(default) false");
    assert_eq!(traces[1].conditions[0].children[0].path.as_deref(), Some("seconds"));
    assert_eq!(traces[1].conditions[0].children[1].value, "10");
}

/// A mutation of changes to constants.
fn mutation(name: &str, changes: &[(ChangeKind, &[&str], Option<Const>)]) -> Mutation {
    let mut c = Coder::default();
    let mut body = Vec::new();
    for (kind, keys, value) in changes {
        let value = value.clone().map(|value| {
            let ty = if matches!(value, Const::Bool(_)) { Ty::BOOL } else { Ty::Scalar(Type::Capability) };
            c.konst(value, ty)
        });
        let place = Place { base: PlaceBase::Object, keys: keys.iter().map(|k| (*k).to_owned()).collect() };
        body.push(MutStmt::Change { kind: *kind, place, value });
    }
    Mutation { name: name.into(), meta: Meta::default(), targets: vec![pod_target()], code: c.code, body }
}

fn mutated(mutations: Vec<Mutation>, object: &str) -> Result<Mutated, EvalError> {
    let module = Module { roots: vec![pod()], mutations, ..Module::default() };
    let evaluator = Evaluator::new(module, &[], options()).unwrap();
    let object = json(object);
    let result = evaluator.mutate(&Review::create(&object).unwrap(), &Inventory::empty());
    if let Ok(mutated) = &result {
        let again = evaluator.mutate(&Review::create(&mutated.object).unwrap(), &Inventory::empty()).unwrap();
        assert_eq!(again.object, mutated.object);
        assert!(again.applied.is_empty() && again.patch.is_empty());
    }
    result
}

const POD: &str = r#"{"apiVersion":"v1","kind":"Pod","spec":{"x":null,"caps":["NET_ADMIN"]},"hostPID":true}"#;

#[test]
fn mutations_write_and_settle() {
    let text = |text: &str| Some(Const::Text(text.into()));
    let m = mutation(
        "safe",
        &[
            (ChangeKind::Default, &["spec", "x"], text("y")),
            (ChangeKind::Default, &["hostPID"], Some(Const::Bool(false))),
            (ChangeKind::Overwrite, &["a", "b"], text("z")),
            (ChangeKind::Add, &["spec", "caps"], text("cap_net_admin")),
            (ChangeKind::Add, &["spec", "caps"], text("CHOWN")),
            (ChangeKind::Add, &["spec", "more"], text("CHOWN")),
            (ChangeKind::Remove, &["nothing", "here"], None),
        ],
    );
    let result = mutated(vec![m], POD).unwrap();
    assert_eq!(
        result.object.to_string(),
        json(
            r#"{"apiVersion":"v1","kind":"Pod","spec":{"x":"y","caps":["NET_ADMIN","CHOWN"],"more":["CHOWN"]},
                 "hostPID":true,"a":{"b":"z"}}"#
        )
        .to_string()
    );
    assert_eq!(result.applied, ["safe"]);
    let mut patched = serde_json::Value::from(&json(POD));
    json_patch::patch(&mut patched, &result.patch).unwrap();
    assert_eq!(crate::json::Json::from(patched).to_string(), result.object.to_string());
}

#[test]
fn mutations_that_undo_each_other_are_named() {
    let a = mutation("a", &[(ChangeKind::Overwrite, &["x"], Some(Const::Text("1".into())))]);
    let b = mutation("b", &[(ChangeKind::Overwrite, &["x"], Some(Const::Text("2".into())))]);
    let error = mutated(vec![a, b], POD).unwrap_err();
    assert_eq!(error, EvalError::Unsettled { names: vec!["a".into(), "b".into()] });
}

#[test]
fn a_place_that_is_taken_is_an_error() {
    let m = mutation("m", &[(ChangeKind::Overwrite, &["hostPID", "x"], Some(Const::Text("1".into())))]);
    let error = mutated(vec![m], POD).unwrap_err();
    assert_eq!(error.to_string(), "mutation `m` cannot write `hostPID.x`: there is a boolean");
}

#[test]
fn a_loop_changes_each_element_in_its_place() {
    let mut c = Coder::default();
    let object = c.object();
    let element = Ty::Record(RootId(0), RecordId(2));
    let list = c.field(object, 2, Ty::List(Box::new(element.clone())));
    let local = c.local("c", element);
    let value = c.bool(Op::Const(Const::Bool(false)));
    let place = Place { base: PlaceBase::Local(local), keys: vec!["ctx".into(), "escalate".into()] };
    let change = MutStmt::Change { kind: ChangeKind::Default, place, value: Some(value) };
    let m = Mutation {
        name: "m".into(),
        meta: Meta::default(),
        targets: vec![pod_target()],
        code: c.code,
        body: vec![MutStmt::For { local, list, body: vec![change] }],
    };
    let object = r#"{"apiVersion":"v1","kind":"Pod","containers":[{"name":"a"},{"ctx":{"escalate":true}}]}"#;
    let result = mutated(vec![m], object).unwrap();
    let first = result.object.get("containers").unwrap().elements()[0].to_string();
    assert_eq!(first, r#"{"ctx":{"escalate":false},"name":"a"}"#);
    assert_eq!(result.patch.len(), 1);
}
