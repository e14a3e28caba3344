use super::*;
use crate::{
    ir::{
        Bind, ChangeKind, ClauseId, Code, Condition, Const, FieldDemand, FieldSource, MutStmt, Mutation, Op,
        Place, PlaceBase, Quant, RecordId, Root, Rule, RuleId, Slot, SlotTy, Stmt, Target, Template,
        TemplatePart,
    },
    testing::{Coder, deny, field, field_or, list, module_of, pod_target, record, root, rule},
    types::Type,
};

fn thing() -> Root {
    root(
        "Thing",
        vec![record(
            "Thing",
            vec![
                field("a", SlotTy::Scalar(Type::Bool)),
                field("xs", list(SlotTy::Scalar(Type::Str))),
                field(
                    "labels",
                    SlotTy::Map {
                        value: Box::new(SlotTy::Scalar(Type::Str)),
                        keys: vec!["k".into()],
                        whole: false,
                    },
                ),
            ],
        )],
    )
}

/// What is wrong with a rule whose condition `make` builds, over one object.
fn problem(make: impl FnOnce(&mut Coder) -> ExprId) -> Option<Problem> {
    let mut coder = Coder::default();
    let cond = make(&mut coder);
    module_problem(&module_of(thing(), coder, cond))
}

fn module_problem(module: &Module) -> Option<Problem> {
    verify(module, &[]).err().map(|error| error.problem)
}

const OBJECT: Ty = Ty::Record(RootId(0), RecordId(0));

#[test]
fn a_good_rule_passes() {
    assert_eq!(
        problem(|c| {
            let o = c.object();
            c.field(o, 0, Ty::BOOL)
        }),
        None
    );
}

#[test]
fn ids_name_something() {
    assert!(matches!(
        problem(|c| {
            let o = c.object();
            c.field(o, 9, Ty::BOOL)
        }),
        Some(Problem::NoSuch { .. })
    ));
    assert!(matches!(problem(|c| c.bool(Op::Param(crate::ir::ParamId(0)))), Some(Problem::NoSuch { .. })));
    assert!(matches!(problem(|c| c.bool(Op::Local(LocalId(0)))), Some(Problem::NoSuch { .. })));
    assert!(matches!(problem(|_| ExprId(7)), Some(Problem::NoSuch { .. })));
    let call = |c: &mut Coder| c.bool(Op::Call { builtin: crate::ir::BuiltinId(0), args: vec![] });
    assert!(matches!(problem(call), Some(Problem::NoSuch { .. })));
    let key = |c: &mut Coder| {
        let base = c.object();
        c.push(Op::MapKey { base, field: 2, key: 1 }, Ty::STR)
    };
    assert!(matches!(problem(key), Some(Problem::NoSuch { .. })));
    let record =
        |c: &mut Coder| c.push(Op::Root(Slot::Object, RootId(3)), Ty::Record(RootId(3), RecordId(0)));
    assert!(matches!(problem(record), Some(Problem::BadType(_))));
    let module = Module { builtins: vec!["none".into()], ..Module::default() };
    assert_eq!(module_problem(&module), Some(Problem::NoBuiltin("none".into())));
}

#[test]
fn operands_stand_before_their_users() {
    assert_eq!(problem(|c| c.bool(Op::Not(ExprId(0)))), Some(Problem::Order(ExprId(0))));
    assert_eq!(problem(|c| c.bool(Op::Not(ExprId(5)))), Some(Problem::Order(ExprId(5))));
}

#[test]
fn types_fit() {
    assert!(matches!(
        problem(|c| {
            let a = c.int(1);
            c.bool(Op::Not(a))
        }),
        Some(Problem::Type { .. })
    ));
    let eq = |c: &mut Coder| {
        let (a, b) = (c.int(1), c.text("x"));
        c.bool(Op::Eq(a, b))
    };
    assert!(matches!(problem(eq), Some(Problem::Type { .. })));
    let records = |c: &mut Coder| {
        let (a, b) = (c.object(), c.object());
        c.bool(Op::Eq(a, b))
    };
    assert!(matches!(problem(records), Some(Problem::Type { .. })));
    assert!(matches!(
        problem(|c| {
            let o = c.object();
            c.field(o, 0, Ty::INT)
        }),
        Some(Problem::Result(_))
    ));
    assert!(matches!(problem(|c| c.konst(Const::Int(1), Ty::BOOL)), Some(Problem::Const(_))));
    let regex = |c: &mut Coder| c.konst(Const::Text("(".into()), Ty::Scalar(Type::Regex));
    assert!(matches!(problem(regex), Some(Problem::Const(_))));
    assert!(matches!(problem(|c| c.int(1)), Some(Problem::Type { .. })), "a verdict's condition is a bool");
    let nested = (0..20).fold(Ty::STR, |ty, _| Ty::List(Box::new(ty)));
    assert_eq!(problem(|c| c.konst(Const::Absent, nested)), Some(Problem::TooDeep));
    let set = Ty::Set(Box::new(OBJECT));
    assert!(matches!(problem(|c| c.konst(Const::Absent, set)), Some(Problem::BadType(_))));
    let dynamic = |c: &mut Coder| {
        let o = c.object();
        c.push(Op::ToDyn(o), Ty::DYN)
    };
    assert!(matches!(problem(dynamic), Some(Problem::Type { .. })));
}

#[test]
fn a_map_is_read_as_a_whole_only_if_demanded_so() {
    let whole = |c: &mut Coder| {
        let o = c.object();
        c.field(o, 2, Ty::Map(Box::new(Ty::STR)))
    };
    assert_eq!(problem(whole), Some(Problem::NotWhole("labels".into())));
}

#[test]
fn locals_are_used_in_their_scope_and_bound_once() {
    let escaped = |c: &mut Coder| {
        let local = c.local("x", Ty::STR);
        let o = c.object();
        let list = c.field(o, 1, Ty::List(Box::new(Ty::STR)));
        let x = c.push(Op::Local(local), Ty::STR);
        let body = c.bool(Op::Present(x));
        let any = c.bool(Op::Quantified { quant: Quant::Any, local, list, body });
        c.bool(Op::And(any, body))
    };
    assert_eq!(problem(escaped), Some(Problem::Scope(LocalId(0))));
    let twice = |c: &mut Coder| {
        let local = c.local("x", Ty::STR);
        let o = c.object();
        let list = c.field(o, 1, Ty::List(Box::new(Ty::STR)));
        let x = c.push(Op::Local(local), Ty::STR);
        let body = c.bool(Op::Present(x));
        let a = c.bool(Op::Quantified { quant: Quant::Any, local, list, body });
        let b = c.bool(Op::Quantified { quant: Quant::All, local, list, body });
        c.bool(Op::And(a, b))
    };
    assert_eq!(problem(twice), Some(Problem::BoundTwice(LocalId(0))));
}

#[test]
fn a_loops_local_ends_with_the_loop() {
    let mut c = Coder::default();
    let local = c.local("x", Ty::STR);
    let o = c.object();
    let list = c.field(o, 1, Ty::List(Box::new(Ty::STR)));
    let x = c.push(Op::Local(local), Ty::STR);
    let cond = c.bool(Op::Present(x));
    let body = vec![
        Stmt::For { local, list, body: vec![Stmt::Where(cond)] },
        Stmt::Verdict { clause: ClauseId(0), cond: Some(cond) },
    ];
    let module =
        Module { roots: vec![thing()], rules: vec![rule(c, body, vec![deny("no")])], ..Module::default() };
    assert_eq!(module_problem(&module), Some(Problem::Scope(local)));
}

#[test]
fn depth_is_bounded_but_chains_are_not_deep() {
    let not = |n: usize| {
        problem(|c| {
            let yes = c.bool(Op::Const(Const::Bool(true)));
            (0..n).fold(yes, |id, _| c.bool(Op::Not(id)))
        })
    };
    assert_eq!(not(100), None);
    assert_eq!(not(1_000), Some(Problem::TooDeep));
    let and = problem(|c| {
        let yes = c.bool(Op::Const(Const::Bool(true)));
        (0..10_000).fold(yes, |id, _| c.bool(Op::And(id, yes)))
    });
    assert_eq!(and, None);
}

#[test]
fn code_reads_only_what_its_targets_give() {
    let event = |c: &mut Coder| c.push(Op::Root(Slot::Event, RootId(0)), OBJECT);
    assert_eq!(
        problem(|c| {
            let e = event(c);
            c.field(e, 0, Ty::BOOL)
        }),
        Some(Problem::Slot("event"))
    );
    let asked = |c: &mut Coder| {
        let all = c.push(Op::Cluster { root: RootId(0), others: false }, Ty::List(Box::new(OBJECT)));
        c.bool(Op::Present(all))
    };
    assert_eq!(problem(asked), Some(Problem::NotWatched(RootId(0))));
}

fn rule_with(change: impl FnOnce(&mut Rule)) -> Option<Problem> {
    let mut c = Coder::default();
    let o = c.object();
    let cond = c.field(o, 0, Ty::BOOL);
    let mut module = module_of(thing(), c, cond);
    change(&mut module.rules[0]);
    module_problem(&module)
}

#[test]
fn verdicts_targets_and_templates() {
    assert!(matches!(rule_with(|rule| rule.clauses.clear()), Some(Problem::NoSuch { .. })));
    let again = |rule: &mut Rule| rule.body.push(rule.body[0].clone());
    assert!(matches!(rule_with(again), Some(Problem::Target(_))));
    let hole = Template { parts: vec![TemplatePart::Hole(ExprId(9))] };
    assert!(matches!(rule_with(|rule| rule.clauses[0].message = hole), Some(Problem::NoSuch { .. })));
    let event = Target::Event { name: "exec".into(), root: RootId(0) };
    assert!(matches!(rule_with(|rule| rule.targets.push(event)), Some(Problem::Target(_))));
    let far = |rule: &mut Rule| {
        if let Target::Kind { object, .. } = &mut rule.targets[0] {
            *object = RootId(4);
        }
    };
    assert!(matches!(rule_with(far), Some(Problem::NoSuch { .. })));
}

#[test]
fn binds_have_a_condition_per_rule() {
    let bind = |conditions| Bind { rules: vec![RuleId(0)], mode: None, conditions, with: vec![] };
    let mut c = Coder::default();
    let yes = c.bool(Op::Const(Const::Bool(true)));
    let module = module_of(thing(), c, yes);
    let with = |bind| module_problem(&Module { binds: vec![bind], ..module.clone() });
    assert_eq!(with(bind(vec![Condition::default()])), None);
    assert_eq!(with(bind(vec![])), Some(Problem::Conditions { rules: 1, conditions: 0 }));
    let bad = Condition { code: Code::default(), cond: Some(ExprId(0)) };
    assert!(matches!(with(bind(vec![bad])), Some(Problem::NoSuch { .. })));
}

#[test]
fn changes_have_places_and_values() {
    let with = |kind, base, keys: &[&str], value: Option<Const>| {
        let mut c = Coder::default();
        let value = value.map(|value| c.konst(value, Ty::INT));
        let place = Place { base, keys: keys.iter().map(|k| (*k).to_owned()).collect() };
        let mutation = Mutation {
            name: "m".into(),
            meta: crate::ir::Meta::default(),
            targets: vec![pod_target()],
            code: c.code,
            body: vec![MutStmt::Change { kind, place, value }],
        };
        module_problem(&Module { roots: vec![thing()], mutations: vec![mutation], ..Module::default() })
    };
    let one = || Some(Const::Int(1));
    assert_eq!(with(ChangeKind::Default, PlaceBase::Object, &["a"], one()), None);
    assert!(matches!(with(ChangeKind::Default, PlaceBase::Object, &[], one()), Some(Problem::Change(_))));
    assert!(matches!(with(ChangeKind::Default, PlaceBase::Object, &["a"], None), Some(Problem::Change(_))));
    assert!(matches!(with(ChangeKind::Remove, PlaceBase::Object, &["a"], one()), Some(Problem::Change(_))));
    let local = PlaceBase::Local(LocalId(0));
    assert_eq!(with(ChangeKind::Remove, local, &["a"], None), Some(Problem::Scope(LocalId(0))));
}

#[test]
fn the_demand_is_checked() {
    let with = |fields: Vec<FieldDemand>| {
        module_problem(&Module { roots: vec![root("R", vec![record("R", fields)])], ..Module::default() })
    };
    assert_eq!(with(vec![]), None);
    assert!(matches!(with(vec![field("r", SlotTy::Record(RecordId(1)))]), Some(Problem::NoSuch { .. })));
    let wrong = field_or("b", SlotTy::Scalar(Type::Bool), Const::Int(1));
    assert_eq!(with(vec![wrong]), Some(Problem::Source("b".into())));
    let role = FieldDemand { source: FieldSource::Role, ..field("n", SlotTy::Scalar(Type::Int)) };
    assert_eq!(with(vec![role]), Some(Problem::Source("n".into())));
    assert!(matches!(
        with(vec![field("s", SlotTy::Scalar(Type::list(Type::Str)))]),
        Some(Problem::BadType(_))
    ));
    assert!(module_problem(&Module { roots: vec![root("R", vec![])], ..Module::default() }).is_some());
}
