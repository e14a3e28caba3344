//! Both engines on the same rules: hand-made cases, and generated programs over generated objects.
//!
//! `KPOL_CASES=1000000` runs more generated programs. A disagreement becomes a case of [`cases`].

mod cases;
mod things;

use std::sync::Arc;

use proptest::prelude::*;

use self::things::{objects, thing};
use super::{Frame, Jit, Sources, plan::Step};
use crate::{
    fact::Fact,
    interp::{Env, Hit, NoCluster, Roots, Trap, hits, tests::soundness::Generator},
    ir::{ClauseId, ExprId, Module, Op, RootId, Slot, Stmt, Ty},
    layout::Layout,
    testing::{Coder, deny, json, module_of, rule},
    types::Type,
    value::Value,
    verify::verify,
};

/// What both engines find, with `fuel`. The fast one must not leave anything open unless the reference stops too.
fn agree(module: &Module, object: Option<&str>, fuel: u64) -> Result<Vec<Hit>, Trap> {
    assert_eq!(verify(module, &[]).err(), None, "{}", crate::print::module_text(module));
    let layouts: Vec<_> = module.roots.iter().map(|root| Arc::new(Layout::new(root).unwrap())).collect();
    let params: Vec<Value> =
        module.params.iter().map(|p| Value::from_const(p.default.as_ref().unwrap(), &p.ty)).collect();
    // The rule is fused with itself.
    let sources = Sources {
        module,
        builtins: &[],
        layouts: &layouts,
        params: &params,
        bind_params: &[],
        fixed: &Roots::default(),
        classes: &[vec![0, 0]],
    };
    let jit = Jit::new(sources).unwrap();
    let mut roots = Roots::default();
    if let Some(object) = object {
        let fact = Fact::build(&layouts[0], &json(object), &[]).unwrap();
        roots.insert(Slot::Object, RootId(0), Arc::clone(&fact));
        roots.insert(Slot::Pod, RootId(0), fact);
    }
    let env = Env {
        module,
        builtins: &[],
        params: &params,
        roots: &roots,
        pod_keys: &[],
        cluster: &NoCluster,
        subject: None,
        fuel,
    };
    let expected = hits(&module.rules[0], &env);
    if jit.coverage()[0].compiled {
        let mut frame = Frame::default();
        let mut run = jit.run(&mut frame, env);
        run.ask_together(&[0]);
        if run.cleared.contains(&1) {
            assert_eq!(Ok(Vec::new()), expected, "cleared:\n{}", crate::print::module_text(module));
        }
        run.cleared.fill(0);
        if let Some(found) = run.hits(0, None) {
            assert_eq!(
                Ok(found.to_vec()),
                expected,
                "{}\n{object:?}\n{:#?}",
                crate::print::module_text(module),
                jit.rules[0].plain.as_ref().map(|function| &function.plan.steps)
            );
        } else if fuel > 10_000_000 {
            assert!(expected.is_err(), "left open:\n{}", crate::print::module_text(module));
        }
    }
    expected
}

/// Statements over what a generator has made: verdicts on everything, loops over its lists.
fn body(generator: &mut Generator<'_>, depth: usize, clause: &mut u32) -> Vec<Stmt> {
    let mut stmts = Vec::new();
    let mark = generator.pool.len();
    for _ in 0..=generator.pick(4) {
        for _ in 0..generator.pick(4) {
            generator.step();
        }
        match generator.pick(6) {
            0 => stmts.push(Stmt::Where(generator.some(&Ty::BOOL))),
            1 if generator.coder.code.locals.len() < 40 => {
                let at = generator.pick(generator.pool.len());
                let Some(value) = generator.pool.get(at).copied() else { continue };
                let ty = generator.ty(value);
                let local = generator.coder.local("l", ty.clone());
                generator.push(Op::Local(local), ty);
                stmts.push(Stmt::Let(local, value));
            }
            2 | 3 if depth < 3 => {
                let things = Ty::List(Box::new(Ty::Record(RootId(0), crate::ir::RecordId(0))));
                let ty = if generator.pick(3) == 0 { generator.list_ty() } else { things };
                // There are no constant lists of records.
                let known = generator.pool.iter().any(|id| generator.ty(*id) == ty);
                let list = if known || ty != Ty::List(Box::new(things::record_ty())) {
                    generator.some(&ty)
                } else {
                    let base = generator.push(
                        Op::Root(Slot::Object, RootId(0)),
                        Ty::Record(RootId(0), crate::ir::RecordId(0)),
                    );
                    let field = things::THINGS;
                    generator.push(Op::Field { base, field }, Ty::List(Box::new(things::record_ty())))
                };
                let element = generator.ty(list).element().unwrap().clone();
                let local = generator.coder.local("e", element.clone());
                let inner = generator.pool.len();
                generator.push(Op::Local(local), element);
                let body = body(generator, depth + 1, clause);
                generator.pool.truncate(inner);
                stmts.push(Stmt::For { local, list, body });
            }
            _ => {
                let at = generator.pick(generator.pool.len());
                let Some(id) = generator.pool.get(at).copied() else { continue };
                let cond =
                    if generator.ty(id) == Ty::BOOL { id } else { generator.push(Op::Present(id), Ty::BOOL) };
                stmts.push(Stmt::Verdict { clause: ClauseId(*clause), cond: Some(cond) });
                *clause += 1;
            }
        }
    }
    generator.pool.truncate(mark);
    stmts
}

fn program(choices: &[u32], steps: usize) -> Module {
    let mut generator =
        Generator { coder: Coder::default(), choices: choices.iter(), pool: vec![], depth: 0 };
    for _ in 0..steps {
        generator.step();
    }
    let mut clause = 0;
    let mut body = body(&mut generator, 0, &mut clause);
    for id in generator.pool.clone() {
        let cond = if generator.ty(id) == Ty::BOOL { id } else { generator.push(Op::Present(id), Ty::BOOL) };
        body.push(Stmt::Verdict { clause: ClauseId(clause), cond: Some(cond) });
        clause += 1;
    }
    let clauses = (0..clause).map(|_| deny("no")).collect();
    Module { roots: vec![thing()], rules: vec![rule(generator.coder, body, clauses)], ..Module::default() }
}

fn cases() -> u32 {
    std::env::var("KPOL_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(1_000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn generated_programs_hit_the_same(
        choices in prop::collection::vec(any::<u32>(), 10..300),
        steps in 0..40_usize,
        object in objects(),
        given in prop::bool::weighted(0.9),
        fuel in prop_oneof![4 => Just(20_000_000_u64), 1 => 0..2_000_u64],
    ) {
        let module = program(&choices, steps);
        let _ = agree(&module, given.then_some(object.as_str()), fuel);
    }
}

/// `deny when cond` over an object, on both engines.
fn holds(object: &str, make: impl FnOnce(&mut Coder, ExprId) -> ExprId) -> bool {
    let mut coder = Coder::default();
    let base = coder.object();
    let cond = make(&mut coder, base);
    !agree(&module_of(thing(), coder, cond), Some(object), 20_000_000).unwrap().is_empty()
}

#[test]
fn a_rule_that_is_too_large_stays_with_the_reference() {
    let mut coder = Coder::default();
    let base = coder.object();
    let mut id = coder.field(base, 0, Ty::BOOL);
    for _ in 0..40 {
        id = coder.bool(Op::Or(id, id));
    }
    let module = module_of(thing(), coder, id);
    assert_eq!(agree(&module, Some("{}"), 1_000_000), Err(Trap::OutOfFuel));
}

#[test]
fn what_the_fuel_does_not_last_for_is_left_to_the_reference() {
    let object = r#"{"things":[{"name":"a"},{"name":"b"},{"name":"c"}]}"#;
    for fuel in 0..200 {
        let mut coder = Coder::default();
        let base = coder.object();
        let list = coder.field(base, things::THINGS, Ty::List(Box::new(things::record_ty())));
        let local = coder.local("x", things::record_ty());
        let x = coder.push(Op::Local(local), things::record_ty());
        let name = coder.field(x, 2, Ty::STR);
        let b = coder.text("b");
        let cond = coder.bool(Op::Eq(name, b));
        let verdict = Stmt::Verdict { clause: ClauseId(0), cond: Some(cond) };
        let body = vec![Stmt::For { local, list, body: vec![verdict] }];
        let module = Module {
            roots: vec![thing()],
            rules: vec![rule(coder, body, vec![deny("no")])],
            ..Module::default()
        };
        let found = agree(&module, Some(object), fuel);
        assert_eq!(found.is_ok(), found == Ok(vec![Hit { clause: ClauseId(0), bindings: vec![1] }]));
    }
}

#[test]
fn the_native_part_is_native() {
    let mut coder = Coder::default();
    let base = coder.object();
    let name = coder.field(base, 2, Ty::STR);
    let a = coder.text("a");
    let eq = coder.bool(Op::Eq(name, a));
    let glob = coder.konst(crate::ir::Const::Text("a*".into()), Ty::Scalar(Type::Glob));
    let like = coder.bool(Op::Like { value: name, pattern: glob });
    let cond = coder.bool(Op::And(eq, like));
    let module = module_of(thing(), coder, cond);
    let layouts = [Arc::new(Layout::new(&module.roots[0]).unwrap())];
    let sources = Sources {
        module: &module,
        builtins: &[],
        layouts: &layouts,
        params: &[],
        bind_params: &[],
        fixed: &Roots::default(),
        classes: &[],
    };
    let coverage = Jit::new(sources).unwrap().coverage();
    assert_eq!((coverage[0].compiled, coverage[0].sites.len()), (true, 0));
}

#[test]
fn rules_that_begin_with_one_condition_share_it() {
    let begins_with = |text: &str, spare_locals: usize| {
        let mut coder = Coder::default();
        // Rules number their locals differently.
        for _ in 0..spare_locals {
            coder.local("spare", Ty::STR);
        }
        let base = coder.object();
        let list = coder.field(base, things::THINGS, Ty::List(Box::new(things::record_ty())));
        let local = coder.local("x", things::record_ty());
        let x = coder.push(Op::Local(local), things::record_ty());
        let name = coder.field(x, 2, Ty::STR);
        let wanted = coder.text(text);
        let body = coder.bool(Op::Eq(name, wanted));
        let any = coder.bool(Op::Quantified { quant: crate::ir::Quant::Any, local, list, body });
        let body = vec![Stmt::Where(any), Stmt::Verdict { clause: ClauseId(0), cond: None }];
        rule(coder, body, vec![deny("no")])
    };
    let rules = vec![begins_with("a", 0), begins_with("b", 0), begins_with("a", 3)];
    let module = Module { roots: vec![thing()], rules, ..Module::default() };
    assert_eq!(verify(&module, &[]).err(), None);
    let layouts = [Arc::new(Layout::new(&module.roots[0]).unwrap())];
    let sources = Sources {
        module: &module,
        builtins: &[],
        layouts: &layouts,
        params: &[],
        bind_params: &[],
        fixed: &Roots::default(),
        classes: &[],
    };
    let jit = Jit::new(sources).unwrap();
    assert_eq!((jit.before.as_slice(), jit.shared.len()), ([Some(0), None, Some(0)].as_slice(), 1));
    let mut frame = Frame::default();
    for (object, expected) in [
        (r#"{"things":[{"name":"a"}]}"#, [true, false, true]),
        (r#"{"things":[{"name":"b"}]}"#, [false, true, false]),
        (r#"{"things":[]}"#, [false; 3]),
    ] {
        let mut roots = Roots::default();
        roots.insert(Slot::Object, RootId(0), Fact::build(&layouts[0], &json(object), &[]).unwrap());
        let env = Env {
            module: &module,
            builtins: &[],
            params: &[],
            roots: &roots,
            pod_keys: &[],
            cluster: &NoCluster,
            subject: None,
            fuel: crate::evaluate::DEFAULT_FUEL,
        };
        // Forwards and backwards: an answer is kept for later rules, not for later inputs.
        for order in [[0, 1, 2], [2, 1, 0]] {
            let mut run = jit.run(&mut frame, env);
            for rule in order {
                assert_eq!(!run.finds_nothing(rule), expected[rule], "{object} {rule}");
                assert_eq!(!run.hits(rule, None).unwrap().is_empty(), expected[rule], "{object} {rule}");
                assert_eq!(!hits(&module.rules[rule], &env).unwrap().is_empty(), expected[rule]);
            }
        }
    }
}

/// `for x in things { where has x.name  deny when x.name == text }`, or without the `where`.
fn denies_name(text: &str, spare_locals: usize, guarded: bool) -> crate::ir::Rule {
    let mut coder = Coder::default();
    for _ in 0..spare_locals {
        coder.local("spare", Ty::STR);
    }
    let base = coder.object();
    let list = coder.field(base, things::THINGS, Ty::List(Box::new(things::record_ty())));
    let local = coder.local("x", things::record_ty());
    let x = coder.push(Op::Local(local), things::record_ty());
    let name = coder.field(x, 2, Ty::STR);
    let wanted = coder.text(text);
    let cond = coder.bool(Op::Eq(name, wanted));
    let mut body = vec![Stmt::Verdict { clause: ClauseId(0), cond: Some(cond) }];
    if guarded {
        let there = coder.bool(Op::Present(name));
        body.insert(0, Stmt::Where(there));
    }
    rule(coder, vec![Stmt::For { local, list, body }], vec![deny("no")])
}

#[test]
fn fused_rules_share_their_loop_and_their_conditions() {
    let rules = vec![denies_name("a", 0, true), denies_name("b", 2, true), denies_name("c", 1, false)];
    let module = Module { roots: vec![thing()], rules, ..Module::default() };
    assert_eq!(verify(&module, &[]).err(), None);
    let layouts = [Arc::new(Layout::new(&module.roots[0]).unwrap())];
    let plan = |rule| {
        super::planner::plan(super::planner::Source {
            module: &module,
            builtins: &[],
            layouts: &layouts,
            params: &[],
            fixed: &Roots::default(),
            body: super::planner::Body::Rule(rule),
        })
        .unwrap()
    };
    let plans: Vec<_> = module.rules.iter().map(plan).collect();
    let members: Vec<_> = plans.iter().map(|plan| super::fuse::Member { plan, needs: &[0] }).collect();
    let (fused, needs) = super::fuse::fuse(&members);
    assert_eq!(needs, [0]);
    let [Step::For { body, .. }] = fused.steps.as_slice() else { panic!("{:#?}", fused.steps) };
    let [Step::If(_, inner), Step::Hit { .. }] = body.as_slice() else { panic!("{body:#?}") };
    assert!(matches!(inner.as_slice(), [Step::Hit { .. }, Step::Hit { .. }]), "{inner:#?}");
}

#[test]
fn what_fused_rules_find_is_found_by_the_rule_that_finds_it() {
    let rules = vec![
        denies_name("a", 0, true),
        denies_name("b", 2, true),
        denies_name("c", 1, false),
        denies_name("a", 4, false),
    ];
    let module = Module { roots: vec![thing()], rules, ..Module::default() };
    let layouts = [Arc::new(Layout::new(&module.roots[0]).unwrap())];
    let sources = Sources {
        module: &module,
        builtins: &[],
        layouts: &layouts,
        params: &[],
        bind_params: &[],
        fixed: &Roots::default(),
        classes: &[vec![0, 1], vec![2, 3]],
    };
    let jit = Jit::new(sources).unwrap();
    assert_eq!(jit.fused.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1]);
    let mut frame = Frame::default();
    for (object, cleared, expected) in [
        (r#"{"things":[{"name":"a"},{"name":"x"}]}"#, 0b0000, [true, false, false, true]),
        (r#"{"things":[{"name":"x"},{"name":"b"}]}"#, 0b1100, [false, true, false, false]),
        (r#"{"things":[{"name":"c"}]}"#, 0b0011, [false, false, true, false]),
        (r#"{"things":[{"name":"x"},{}]}"#, 0b1111, [false; 4]),
        (r#"{"things":[]}"#, 0b1111, [false; 4]),
        ("{}", 0b1111, [false; 4]),
    ] {
        let mut roots = Roots::default();
        roots.insert(Slot::Object, RootId(0), Fact::build(&layouts[0], &json(object), &[]).unwrap());
        let env = Env {
            module: &module,
            builtins: &[],
            params: &[],
            roots: &roots,
            pod_keys: &[],
            cluster: &NoCluster,
            subject: None,
            fuel: crate::evaluate::DEFAULT_FUEL,
        };
        let mut run = jit.run(&mut frame, env);
        run.ask_together(&[0, 1]);
        assert_eq!(*run.cleared, [cleared], "{object}");
        for (rule, expected) in expected.into_iter().enumerate() {
            assert_eq!(!run.finds_nothing(rule), expected, "{object} {rule}");
            assert_eq!(!run.hits(rule, None).unwrap().is_empty(), expected, "{object} {rule}");
            assert_eq!(!hits(&module.rules[rule], &env).unwrap().is_empty(), expected);
        }
        // Where the fuel does not last for all together, each is run alone.
        let mut run = jit.run(&mut frame, Env { fuel: 1, ..env });
        run.ask_together(&[0, 1]);
        assert_eq!(*run.cleared, [0], "{object}");
    }
}
