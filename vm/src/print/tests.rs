use super::*;
use crate::{
    ir::{ClauseId, Op, Stmt},
    testing::{Coder, deny, field_or, record, root, rule},
    types::Type,
};

#[test]
fn a_module_in_print() {
    let mut c = Coder::default();
    let object = c.object();
    let cond = c.field(object, 0, Ty::BOOL);
    c.bool(Op::Not(cond));
    let body = vec![Stmt::Verdict { clause: ClauseId(0), cond: Some(cond) }];
    let pod = root(
        "Pod",
        vec![record("Pod", vec![field_or("hostPID", SlotTy::Scalar(Type::Bool), Const::Bool(false))])],
    );
    let module =
        Module { roots: vec![pod], rules: vec![rule(c, body, vec![deny("no \"x\"")])], ..Module::default() };
    assert_eq!(
        module_text(&module),
        r#"root r0 "Pod"
  record .0 "Pod"
    .0 "hostPID": bool = false
rule #0 "test.rule"
  target kind "" "v1" "Pod" "pods" (create, update) object r0 pod r0 []
  %0: r0.0? = root object r0
  %1: bool? = field %0 .0
  %2: bool? = not %1
  body
    verdict !0 when %1
  clause !0 deny ["no \"x\""]
"#
    );
}

/// A module with every sort of line.
fn full() -> Module {
    use crate::{
        ir::{
            Bind, ChangeKind, Condition, Cost, Exception, FieldSource, LocalId, Meta, Mode, MutStmt,
            Mutation, Param, ParamId, Place, PlaceBase, RecordId, RootId, RuleId, Severity, Target, Template,
            TemplatePart, Watch,
        },
        testing::{field, field_from, list},
    };
    let mut c = Coder::default();
    let object = c.object();
    let xs = c.field(object, 1, Ty::List(Box::new(Ty::STR)));
    let x = c.local("x", Ty::STR);
    let all = c.local("all", Ty::Map(Box::new(Ty::Set(Box::new(Ty::DYN)))));
    let map = c.konst(
        Const::Map(vec![("k".into(), Const::List(vec![Const::Dyn("{\"a\":1}".into())]))]),
        Ty::Map(Box::new(Ty::Set(Box::new(Ty::DYN)))),
    );
    for value in [
        Const::Absent,
        Const::Int(i64::MIN),
        Const::Text("line\n\"quoted\" %1 é".into()),
        Const::Quantity("1.5Gi".parse().unwrap()),
        Const::Duration("90d".parse().unwrap()),
        Const::Time("2027-03-31".parse().unwrap()),
        Const::Version("1.34".parse().unwrap()),
        Const::Ip("::1".parse().unwrap()),
        Const::Cidr("10.0.0.0/8".parse().unwrap()),
    ] {
        c.konst(value, Ty::DYN);
    }
    let value = c.push(Op::Local(x), Ty::STR);
    let yes = c.bool(Op::Present(value));
    c.push(
        Op::Comprehension { local: x, list: xs, filter: Some(yes), head: value },
        Ty::Set(Box::new(Ty::STR)),
    );
    c.push(
        Op::Cluster { root: RootId(0), others: true },
        Ty::List(Box::new(Ty::Record(RootId(0), RecordId(0)))),
    );
    let body = vec![
        Stmt::Let(all, map),
        Stmt::For {
            local: x,
            list: xs,
            body: vec![Stmt::Where(yes), Stmt::Verdict { clause: ClauseId(0), cond: None }],
        },
        Stmt::Verdict { clause: ClauseId(1), cond: Some(yes) },
    ];
    let mut clause = deny("a");
    clause.fix = Some(Template { parts: vec![TemplatePart::Hole(value), TemplatePart::Text(String::new())] });
    let mut rule = rule(c, body, vec![clause, deny("b")]);
    rule.meta = Meta {
        doc: "Two\nlines.".into(),
        severity: Some(Severity::Critical),
        mitre: vec!["T1611".into(), "T1059.004".into()],
        cis: vec!["5.2.2".into()],
        tags: vec!["t".into()],
        refs: vec!["https://x".into()],
        owner: Some("team".into()),
    };
    rule.exceptions_need = vec!["proc.exe".into()];
    rule.cost = Cost { formula: "12 + 7·|xs|".into(), worst: 99 };
    rule.targets.push(Target::Event { name: "exec".into(), root: RootId(0) });
    let map_slot = SlotTy::Map {
        value: Box::new(SlotTy::Scalar(Type::Quantity)),
        keys: vec!["a/b".into()],
        whole: true,
    };
    let pod = root(
        "Pod",
        vec![record(
            "Pod",
            vec![
                field_or("p", SlotTy::Scalar(Type::Str), Const::Text("Always".into())),
                field("xs", list(SlotTy::Scalar(Type::Str))),
                field_from(
                    "all",
                    list(SlotTy::Record(RecordId(0))),
                    FieldSource::Concat(vec![("a".into(), "r".into())]),
                ),
                field_from("role", SlotTy::Scalar(Type::Str), FieldSource::Role),
                field_from("id", SlotTy::Scalar(Type::Str), FieldSource::ObjectId),
                field("limits", map_slot),
            ],
        )],
    );
    let mut c = Coder::default();
    let one = c.int(1);
    let place = |base| Place { base, keys: vec!["spec".into(), "a.b/c".into()] };
    let change = |kind, base, value| MutStmt::Change { kind, place: place(base), value };
    let mutation = Mutation {
        name: "m".into(),
        meta: Meta { severity: Some(Severity::Low), ..Meta::default() },
        targets: vec![crate::testing::pod_target()],
        code: c.code,
        body: vec![MutStmt::For {
            local: LocalId(0),
            list: one,
            body: vec![
                MutStmt::Where(one),
                MutStmt::Let(LocalId(1), one),
                change(ChangeKind::Default, PlaceBase::Local(LocalId(0)), Some(one)),
                change(ChangeKind::Remove, PlaceBase::Pod, None),
                change(ChangeKind::Add, PlaceBase::Object, Some(one)),
            ],
        }],
    };
    let mut c = Coder::default();
    let cond = c.bool(Op::Const(Const::Bool(true)));
    let conditions = vec![Condition { code: c.code, cond: Some(cond) }, Condition::default()];
    let rules = vec![RuleId(0), RuleId(0)];
    Module {
        roots: vec![pod],
        watches: vec![Watch {
            root: RootId(0),
            group: "networking.k8s.io".into(),
            version: "v1".into(),
            kind: "Ingress".into(),
            plural: "ingresses".into(),
        }],
        builtins: vec!["len".into()],
        params: vec![Param {
            name: "a.max".into(),
            doc: "d".into(),
            ty: Ty::Set(Box::new(Ty::Scalar(Type::Cidr))),
            default: None,
        }],
        rules: vec![rule],
        mutations: vec![mutation],
        binds: vec![Bind {
            rules: rules.clone(),
            mode: Some(Mode::Warn),
            conditions: conditions.clone(),
            with: vec![(ParamId(0), Const::List(vec![]))],
        }],
        exceptions: vec![Exception {
            name: "e".into(),
            rules,
            conditions,
            reason: "r".into(),
            owner: "o".into(),
            until: Some("2027-01-01".into()),
        }],
    }
}

#[test]
fn what_is_printed_is_read_back() {
    let module = full();
    let text = module_text(&module);
    let read = parse_module(&text).unwrap();
    assert_eq!(read, module, "{text}");
    assert_eq!(module_text(&read), text);
}

#[test]
fn a_text_that_is_no_module_says_where() {
    let error = |text: &str| parse_module(text).unwrap_err().to_string();
    assert_eq!(error("rool"), "line 1: there is no item `rool`");
    assert_eq!(error("root r0 \"A\"\n  record .0 \"A"), "line 2: a text has no end");
    assert_eq!(error("rule #0 \"a\"\n  %0: bool = nor %1"), "line 2: there is no operation `nor`");
    assert_eq!(error("builtin ^0 \"a\"\n      x"), "line 2: this line is part of nothing");
}

mod any_text {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_reader_never_panics(text in ".{0,80}", cut in 0usize..3000, junk in ".{0,4}") {
            let _ = parse_module(&text);
            let mut module = module_text(&full());
            let cut = module.floor_char_boundary(cut.min(module.len()));
            module.insert_str(cut, &junk);
            let _ = parse_module(&module);
            module.truncate(cut);
            let _ = parse_module(&module);
        }
    }
}
