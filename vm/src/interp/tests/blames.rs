use super::*;
use crate::{
    ir::{
        Clause, ClauseId, Const, FieldSource, LocalId, Quant, RecordId, Root, SlotTy, Stmt, Template,
        TemplatePart, Ty, Verb,
    },
    testing::{deny, field, field_from, field_or, list, message, record, root, rule},
    types::Type,
};

const POD: RecordId = RecordId(0);
const SPEC: RecordId = RecordId(1);
const CONTAINER: RecordId = RecordId(2);
const CONTEXT: RecordId = RecordId(3);

fn pod() -> Root {
    let scalar = SlotTy::Scalar;
    let containers = || list(SlotTy::Record(CONTAINER));
    let sources = [("initContainers", "init container"), ("containers", "container")];
    let sources = sources.iter().map(|(k, r)| ((*k).to_owned(), (*r).to_owned())).collect();
    root(
        "Pod",
        vec![
            record(
                "Pod",
                vec![
                    field("spec", SlotTy::Record(SPEC)),
                    field(
                        "labels",
                        SlotTy::Map {
                            value: Box::new(scalar(Type::Str)),
                            keys: vec!["acme.io/team".into()],
                            whole: false,
                        },
                    ),
                ],
            ),
            record(
                "PodSpec",
                vec![
                    field_from("all_containers", containers(), FieldSource::Concat(sources)),
                    field_or("hostPID", scalar(Type::Bool), Const::Bool(false)),
                    field_or("hostIPC", scalar(Type::Bool), Const::Bool(false)),
                ],
            ),
            record(
                "Container",
                vec![
                    field("name", scalar(Type::Str)),
                    field_from("role", scalar(Type::Str), FieldSource::Role),
                    field("securityContext", SlotTy::Record(CONTEXT)),
                ],
            ),
            record(
                "SecurityContext",
                vec![
                    field_or("privileged", scalar(Type::Bool), Const::Bool(false)),
                    field("add", list(scalar(Type::Capability))),
                ],
            ),
        ],
    )
}

fn record_ty(id: RecordId) -> Ty {
    Ty::Record(RootId(0), id)
}

/// `pod.spec`
fn spec(c: &mut Coder) -> ExprId {
    let pod = c.push(Op::Root(Slot::Pod, RootId(0)), record_ty(POD));
    c.field(pod, 0, record_ty(SPEC))
}

/// `pod.spec.all_containers`
fn containers(c: &mut Coder) -> ExprId {
    let spec = spec(c);
    c.field(spec, 0, Ty::List(Box::new(record_ty(CONTAINER))))
}

/// `LOCAL.securityContext`
fn context(c: &mut Coder, local: LocalId) -> ExprId {
    let container = c.push(Op::Local(local), record_ty(CONTAINER));
    c.field(container, 2, record_ty(CONTEXT))
}

fn privileged(c: &mut Coder, local: LocalId) -> ExprId {
    let context = context(c, local);
    c.field(context, 0, Ty::BOOL)
}

fn module(coder: Coder, body: Vec<Stmt>, clauses: Vec<Clause>) -> Module {
    Module { roots: vec![pod()], rules: vec![rule(coder, body, clauses)], ..Module::default() }
}

fn verdict(cond: ExprId) -> Stmt {
    Stmt::Verdict { clause: ClauseId(0), cond: Some(cond) }
}

/// Two containers and an init container; the init container is privileged and adds capabilities.
const OBJECT: &str = r#"{"spec":{"containers":[{"name":"app"},{"name":"side"}],
    "initContainers":[{"name":"setup","securityContext":{"privileged":true,"add":["NET_ADMIN","cap_chown"]}}]}}"#;

#[test]
fn a_loop_blames_the_field_of_its_element_in_the_real_list() {
    let mut c = Coder::default();
    let local = c.local("c", record_ty(CONTAINER));
    let list = containers(&mut c);
    let cond = privileged(&mut c, local);
    let name = {
        let e = c.push(Op::Local(local), record_ty(CONTAINER));
        c.field(e, 0, Ty::STR)
    };
    let role = {
        let e = c.push(Op::Local(local), record_ty(CONTAINER));
        c.field(e, 1, Ty::STR)
    };
    let words = Template {
        parts: vec![
            TemplatePart::Hole(role),
            TemplatePart::Text(" ".into()),
            TemplatePart::Hole(name),
            TemplatePart::Text(" must not be privileged".into()),
        ],
    };
    let clause = Clause { verb: Verb::Deny, message: words, fix: Some(message("remove it")) };
    let module = module(c, vec![Stmt::For { local, list, body: vec![verdict(cond)] }], vec![clause]);
    let rule = &module.rules[0];
    with_env(&module, OBJECT, |env| {
        let hits = hits(rule, env).unwrap();
        assert_eq!(hits, [Hit { clause: ClauseId(0), bindings: vec![0] }]);
        let explanation = explain(rule, env, &hits[0], true).unwrap();
        assert_eq!(explanation.message, "init container setup must not be privileged");
        assert_eq!(explanation.fix.as_deref(), Some("remove it"));
        assert_eq!(explanation.blames, ["spec.initContainers[0].securityContext.privileged"]);
        let traces = trace(rule, env);
        assert_eq!(traces.len(), 3);
        assert_eq!(traces[1].bindings[0].label, "c = spec.containers[0]");
        assert_eq!(traces[1].conditions[0].value, "(default) false");
        assert_eq!(traces.iter().map(|t| t.hit).collect::<Vec<_>>(), [true, false, false]);
    });
}

#[test]
fn a_let_is_blamed_for_what_it_stands_for() {
    let mut c = Coder::default();
    let local = c.local("c", record_ty(CONTAINER));
    let extra = c.local("extra", Ty::Set(Box::new(Ty::Scalar(Type::Capability))));
    let caps = Ty::List(Box::new(Ty::Scalar(Type::Capability)));
    let list = containers(&mut c);
    let context = context(&mut c, local);
    let add = c.field(context, 1, caps);
    let allowed = c.konst(
        Const::List(vec![Const::Text("CHOWN".into())]),
        Ty::Set(Box::new(Ty::Scalar(Type::Capability))),
    );
    let difference = c.push(Op::Difference(add, allowed), Ty::Set(Box::new(Ty::Scalar(Type::Capability))));
    let extra_value = c.push(Op::Local(extra), Ty::Set(Box::new(Ty::Scalar(Type::Capability))));
    // Stands for `unless empty(extra)`.
    let x = c.local("x", Ty::Scalar(Type::Capability));
    let yes = c.bool(Op::Const(Const::Bool(true)));
    let count =
        c.push(Op::Quantified { quant: Quant::Count, local: x, list: extra_value, body: yes }, Ty::INT);
    let zero = c.int(0);
    let empty = c.bool(Op::Eq(count, zero));
    let cond = c.bool(Op::Not(empty));
    let body = vec![Stmt::For { local, list, body: vec![Stmt::Let(extra, difference), verdict(cond)] }];
    let module = module(c, body, vec![deny("no")]);
    assert_eq!(blames_of(&module, OBJECT), [["spec.initContainers[0].securityContext.add[0]"]]);
}

#[test]
fn and_blames_both_or_blames_the_true_one() {
    let object = r#"{"spec":{"hostPID":true,"hostIPC":true}}"#;
    let blames = |or: bool, object: &str| {
        let mut c = Coder::default();
        let spec = spec(&mut c);
        let (pid, ipc) = (c.field(spec, 1, Ty::BOOL), c.field(spec, 2, Ty::BOOL));
        let cond = c.bool(if or { Op::Or(pid, ipc) } else { Op::And(pid, ipc) });
        blames_of(&module(c, vec![verdict(cond)], vec![deny("no")]), object)
    };
    assert_eq!(blames(false, object), [["spec.hostPID", "spec.hostIPC"]]);
    assert_eq!(blames(true, object), [["spec.hostPID"]]);
    assert_eq!(blames(true, r#"{"spec":{"hostIPC":true}}"#), [["spec.hostIPC"]]);
}

#[test]
fn a_quantifier_blames_its_witnesses() {
    let mut c = Coder::default();
    let local = c.local("c", record_ty(CONTAINER));
    let list = containers(&mut c);
    let body = privileged(&mut c, local);
    let cond = c.bool(Op::Quantified { quant: Quant::Any, local, list, body });
    let module = module(c, vec![verdict(cond)], vec![deny("no")]);
    assert_eq!(blames_of(&module, OBJECT), [["spec.initContainers[0].securityContext.privileged"]]);
}

#[test]
fn an_all_that_fails_blames_the_counter_examples() {
    let mut c = Coder::default();
    let local = c.local("c", record_ty(CONTAINER));
    let list = containers(&mut c);
    let privileged = privileged(&mut c, local);
    let all = c.bool(Op::Quantified { quant: Quant::All, local, list, body: privileged });
    let cond = c.bool(Op::Not(all));
    let module = module(c, vec![verdict(cond)], vec![deny("no")]);
    assert_eq!(
        blames_of(&module, OBJECT),
        [["spec.containers[0].securityContext.privileged", "spec.containers[1].securityContext.privileged"]]
    );
}

#[test]
fn a_field_that_nobody_wrote_is_blamed_at_its_own_path() {
    let mut c = Coder::default();
    let spec = spec(&mut c);
    let pid = c.field(spec, 1, Ty::BOOL);
    let cond = c.bool(Op::Not(pid));
    let module = module(c, vec![verdict(cond)], vec![deny("no")]);
    assert_eq!(blames_of(&module, "{}"), [["spec.hostPID"]]);
}

#[test]
fn a_map_key_is_blamed_in_brackets() {
    let mut c = Coder::default();
    let pod = c.object();
    let team = c.push(Op::MapKey { base: pod, field: 1, key: 0 }, Ty::STR);
    let has = c.bool(Op::Present(team));
    let cond = c.bool(Op::Not(has));
    let module = module(c, vec![verdict(cond)], vec![deny("no")]);
    assert_eq!(blames_of(&module, "{}"), [["labels[\"acme.io/team\"]"]]);
}

#[test]
fn a_verdict_without_a_condition_blames_the_conditions_before_it() {
    let mut c = Coder::default();
    let spec = spec(&mut c);
    let pid = c.field(spec, 1, Ty::BOOL);
    let body = vec![Stmt::Where(pid), Stmt::Verdict { clause: ClauseId(0), cond: None }];
    let module = module(c, body, vec![deny("no")]);
    assert_eq!(blames_of(&module, r#"{"spec":{"hostPID":true}}"#), [["spec.hostPID"]]);
    assert!(blames_of(&module, "{}").is_empty());
}

#[test]
fn an_element_of_a_comprehension_is_blamed_where_it_came_from() {
    let mut c = Coder::default();
    let local = c.local("c", record_ty(CONTAINER));
    let n = c.local("n", Ty::STR);
    let names_local = c.local("names", Ty::List(Box::new(Ty::STR)));
    let list = containers(&mut c);
    let element = c.push(Op::Local(local), record_ty(CONTAINER));
    let name = c.field(element, 0, Ty::STR);
    let privileged = privileged(&mut c, local);
    let names = c.push(
        Op::Comprehension { local, list, filter: Some(privileged), head: name },
        Ty::List(Box::new(Ty::STR)),
    );
    let names_value = c.push(Op::Local(names_local), Ty::List(Box::new(Ty::STR)));
    let n_value = c.push(Op::Local(n), Ty::STR);
    let setup = c.text("setup");
    let cond = c.bool(Op::Eq(n_value, setup));
    let body = vec![
        Stmt::Let(names_local, names),
        Stmt::For { local: n, list: names_value, body: vec![verdict(cond)] },
    ];
    let module = module(c, body, vec![deny("no")]);
    assert_eq!(blames_of(&module, OBJECT), [["spec.initContainers[0].name"]]);
}
