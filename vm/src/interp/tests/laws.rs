use super::*;
use crate::{
    ir::{CompareOp, Const, Quant, RecordId, Root, SlotTy, TextOp, Ty},
    testing::{field, field_or, list, record, root},
    types::Type,
};

const PAUSED: u32 = 0;
const COUNT: u32 = 1;
const NAME: u32 = 2;
const ITEMS: u32 = 3;
const SPEC: u32 = 4;
const LABELS: u32 = 5;
const MEMORY: u32 = 6;
const ANY: u32 = 7;
const ALLOWED: u32 = 8;

pub(crate) fn thing() -> Root {
    let scalar = SlotTy::Scalar;
    root(
        "Thing",
        vec![record(
            "Thing",
            vec![
                field("paused", scalar(Type::Bool)),
                field("count", scalar(Type::Int)),
                field("name", scalar(Type::Str)),
                field("items", list(scalar(Type::Str))),
                field("spec", SlotTy::Record(RecordId(0))),
                field(
                    "labels",
                    SlotTy::Map { value: Box::new(scalar(Type::Str)), keys: vec!["a/b".into()], whole: true },
                ),
                field("memory", scalar(Type::Quantity)),
                field("any", scalar(Type::Dyn)),
                field_or("allowed", scalar(Type::Bool), Const::Bool(true)),
            ],
        )],
    )
}

pub(crate) fn field_ty(index: u32) -> Ty {
    match index {
        PAUSED | ALLOWED => Ty::BOOL,
        COUNT => Ty::INT,
        NAME => Ty::STR,
        ITEMS => Ty::List(Box::new(Ty::STR)),
        SPEC => Ty::Record(RootId(0), RecordId(0)),
        LABELS => Ty::Map(Box::new(Ty::STR)),
        MEMORY => Ty::Scalar(Type::Quantity),
        ANY => Ty::DYN,
        other => panic!("{other}"),
    }
}

/// Evaluates what `make` builds, over an object; it is given a function that reads a field of the object.
fn value(object: &str, make: impl FnOnce(&mut Coder, &dyn Fn(&mut Coder, u32) -> ExprId) -> ExprId) -> Value {
    let mut coder = Coder::default();
    let base = coder.object();
    let id = make(&mut coder, &|coder, index| coder.field(base, index, field_ty(index)));
    eval_over(thing(), object, coder, id)
}

fn holds(object: &str, make: impl FnOnce(&mut Coder, &dyn Fn(&mut Coder, u32) -> ExprId) -> ExprId) -> bool {
    let value = value(object, make);
    let Value::Bool(holds) = value else { panic!("{value:?}") };
    holds
}

#[test]
fn absent_is_not_equal_to_false() {
    let paused_is_false = |object: &str| {
        holds(object, |c, read| {
            let (paused, no) = (read(c, PAUSED), c.bool(Op::Const(Const::Bool(false))));
            c.bool(Op::Eq(paused, no))
        })
    };
    assert!(!paused_is_false("{}"));
    assert!(!paused_is_false(r#"{"paused":null}"#));
    assert!(paused_is_false(r#"{"paused":false}"#));
}

#[test]
fn absent_is_equal_to_absent() {
    assert!(holds("{}", |c, read| {
        let (a, b) = (read(c, NAME), read(c, NAME));
        c.bool(Op::Eq(a, b))
    }));
}

#[test]
fn order_with_an_absent_operand_is_false_both_ways() {
    for op in [CompareOp::Lt, CompareOp::Le, CompareOp::Gt, CompareOp::Ge] {
        assert!(!holds("{}", |c, read| {
            let (count, zero) = (read(c, COUNT), c.int(0));
            c.bool(Op::Compare(op, count, zero))
        }));
        assert!(!holds("{}", |c, read| {
            let (zero, count) = (c.int(0), read(c, COUNT));
            c.bool(Op::Compare(op, zero, count))
        }));
    }
    assert!(holds(r#"{"count":3}"#, |c, read| {
        let (count, two) = (read(c, COUNT), c.int(2));
        c.bool(Op::Compare(CompareOp::Gt, count, two))
    }));
}

#[test]
fn quantities_compare_by_amount() {
    assert!(holds(r#"{"memory":"1025Mi"}"#, |c, read| {
        let limit = Const::Quantity("1Gi".parse().unwrap());
        let (memory, limit) = (read(c, MEMORY), c.konst(limit, Ty::Scalar(Type::Quantity)));
        c.bool(Op::Compare(CompareOp::Gt, memory, limit))
    }));
}

#[test]
fn membership_prefix_pattern_and_text_of_absent_are_false() {
    let text_set = |c: &mut Coder, items: &[&str], ty: Type| {
        let items = items.iter().map(|s| Const::Text((*s).into())).collect();
        c.konst(Const::List(items), Ty::Set(Box::new(Ty::Scalar(ty))))
    };
    assert!(!holds("{}", |c, read| {
        let (name, set) = (read(c, NAME), text_set(c, &["a"], Type::Str));
        c.bool(Op::In { value: name, set })
    }));
    assert!(!holds(r#"{"name":"a"}"#, |c, read| {
        let (name, set) = (read(c, NAME), read(c, ITEMS));
        c.bool(Op::In { value: name, set })
    }));
    assert!(!holds("{}", |c, read| {
        let (name, prefix) = (read(c, NAME), text_set(c, &["/etc"], Type::Path));
        c.bool(Op::Under { value: name, prefix })
    }));
    assert!(!holds("{}", |c, read| {
        let (name, pattern) = (read(c, NAME), c.konst(Const::Text("*".into()), Ty::Scalar(Type::Glob)));
        c.bool(Op::Like { value: name, pattern })
    }));
    assert!(!holds("{}", |c, read| {
        let (name, pattern) = (read(c, NAME), c.konst(Const::Text("".into()), Ty::Scalar(Type::Regex)));
        c.bool(Op::Matches { value: name, pattern })
    }));
    for op in [TextOp::StartsWith, TextOp::EndsWith, TextOp::Contains] {
        assert!(!holds("{}", |c, read| {
            let (name, part) = (read(c, NAME), c.text(""));
            c.bool(Op::Text(op, name, part))
        }));
    }
}

#[test]
fn quantifiers_read_an_absent_list_as_empty() {
    let quantified = |object: &str, quant: Quant| {
        value(object, |c, read| {
            let (items, local) = (read(c, ITEMS), c.local("x", Ty::STR));
            let (x, a) = (c.push(Op::Local(local), Ty::STR), c.text("a"));
            let body = c.bool(Op::Eq(x, a));
            let ty = if quant == Quant::Count { Ty::INT } else { Ty::BOOL };
            c.push(Op::Quantified { quant, local, list: items, body }, ty)
        })
        .to_string()
    };
    for object in ["{}", r#"{"items":[]}"#, r#"{"items":null}"#, r#"{"items":[null]}"#] {
        assert_eq!(quantified(object, Quant::Any), "false");
        assert_eq!(quantified(object, Quant::All), "true");
        assert_eq!(quantified(object, Quant::None), "true");
        assert_eq!(quantified(object, Quant::Count), "0");
    }
    let some = r#"{"items":["a","b","a"]}"#;
    assert_eq!(quantified(some, Quant::Any), "true");
    assert_eq!(quantified(some, Quant::All), "false");
    assert_eq!(quantified(some, Quant::None), "false");
    assert_eq!(quantified(some, Quant::Count), "2");
}

#[test]
fn sets_read_absent_as_empty() {
    let set = |c: &mut Coder, text: &str| {
        c.konst(Const::List(vec![Const::Text(text.into())]), Ty::Set(Box::new(Ty::STR)))
    };
    assert_eq!(
        value("{}", |c, read| {
            let (items, b) = (read(c, ITEMS), set(c, "b"));
            c.push(Op::Difference(items, b), Ty::Set(Box::new(Ty::STR)))
        })
        .to_string(),
        "[]"
    );
    assert_eq!(
        value(r#"{"items":["a","b","a"]}"#, |c, read| {
            let (items, b) = (read(c, ITEMS), set(c, "b"));
            c.push(Op::Difference(items, b), Ty::Set(Box::new(Ty::STR)))
        })
        .to_string(),
        "[a]"
    );
    assert_eq!(
        value("{}", |c, read| {
            let (b, items) = (set(c, "b"), read(c, ITEMS));
            c.push(Op::Concat(b, items), Ty::List(Box::new(Ty::STR)))
        })
        .to_string(),
        "[b]"
    );
}

#[test]
fn a_field_of_an_absent_record_is_its_default_or_absent() {
    let deep = |object: &str, leaf: u32| {
        value(object, |c, read| {
            let spec = read(c, SPEC);
            let deeper = c.field(spec, SPEC, field_ty(SPEC));
            c.field(deeper, leaf, field_ty(leaf))
        })
        .to_string()
    };
    for object in ["{}", r#"{"spec":{}}"#, r#"{"spec":null}"#, r#"{"spec":{"spec":{"allowed":null}}}"#] {
        assert_eq!(deep(object, ALLOWED), "true");
        assert_eq!(deep(object, NAME), "(not set)");
    }
    assert_eq!(deep(r#"{"spec":{"spec":{"allowed":false,"name":"x"}}}"#, ALLOWED), "false");
    assert_eq!(deep(r#"{"spec":{"spec":{"allowed":false,"name":"x"}}}"#, NAME), "x");
}

#[test]
fn has_asks_what_was_written() {
    let written = |object: &str| {
        holds(object, |c, read| {
            let spec = read(c, SPEC);
            c.bool(Op::Written { base: spec, field: ALLOWED })
        })
    };
    assert!(!written("{}"));
    assert!(!written(r#"{"spec":{"allowed":null}}"#));
    assert!(written(r#"{"spec":{"allowed":true}}"#));
}

#[test]
fn maps_by_key() {
    let by_name = |object: &str| {
        value(object, |c, _| {
            let base = ExprId(0);
            c.push(Op::MapKey { base, field: LABELS, key: 0 }, Ty::STR)
        })
        .to_string()
    };
    assert_eq!(by_name(r#"{"labels":{"a/b":"x"}}"#), "x");
    assert_eq!(by_name(r#"{"labels":{"a":"x"}}"#), "(not set)");
    assert_eq!(by_name("{}"), "(not set)");
    let computed = |object: &str| {
        value(object, |c, read| {
            let (map, key) = (read(c, LABELS), read(c, NAME));
            c.push(Op::MapGet { map, key }, Ty::STR)
        })
        .to_string()
    };
    assert_eq!(computed(r#"{"labels":{"k":"x"},"name":"k"}"#), "x");
    assert_eq!(computed(r#"{"labels":{"k":"x"}}"#), "(not set)");
    assert_eq!(computed(r#"{"name":"k"}"#), "(not set)");
}

#[test]
fn dyn_is_total_and_numbers_are_values() {
    let member_is = |object: &str, other: &str| {
        holds(object, |c, read| {
            let any = read(c, ANY);
            let member = c.push(Op::DynField { base: any, name: "x".into() }, Ty::DYN);
            let other = c.konst(Const::Dyn(other.into()), Ty::DYN);
            c.bool(Op::Eq(member, other))
        })
    };
    assert!(member_is(r#"{"any":{"x":1.0}}"#, "1"));
    assert!(!member_is(r#"{"any":{"x":"1"}}"#, "1"));
    assert!(!member_is(r#"{"any":{}}"#, "1"));
    assert!(!member_is(r#"{"any":[1]}"#, "1"));
    assert!(!member_is(r#"{"any":{"x":null}}"#, "null") || member_is("{}", "null"));
}

#[test]
fn coalesce_and_arithmetic() {
    let plus_one = |object: &str| {
        value(object, |c, read| {
            let (count, zero, one) = (read(c, COUNT), c.int(0), c.int(1));
            let count = c.push(Op::Coalesce(count, zero), Ty::INT);
            c.push(Op::Add(count, one), Ty::INT)
        })
        .to_string()
    };
    assert_eq!(plus_one("{}"), "1");
    assert_eq!(plus_one(r#"{"count":9223372036854775807}"#), "9223372036854775807");
}

#[test]
fn absent_is_left_out_of_lists() {
    let listed = |object: &str| {
        value(object, |c, read| {
            let (name, x) = (read(c, NAME), c.text("x"));
            c.push(Op::MakeList(vec![name, x, x]), Ty::Set(Box::new(Ty::STR)))
        })
        .to_string()
    };
    assert_eq!(listed("{}"), "[x]");
    assert_eq!(listed(r#"{"name":"a"}"#), "[a, x]");
    assert_eq!(listed(r#"{"name":"x"}"#), "[x]");
}

#[test]
fn an_absent_condition_does_not_hold() {
    assert!(holds("{}", |c, read| {
        let paused = read(c, PAUSED);
        c.bool(Op::Not(paused))
    }));
}
