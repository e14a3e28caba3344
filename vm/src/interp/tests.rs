//! The laws of absence per operation, on small hand-built code; what hits, and what is blamed.

mod blames;
pub(crate) mod laws;
pub(crate) mod soundness;

use super::*;
use crate::{
    fact::Fact,
    ir::{ExprId, Op, Rule},
    layout::Layout,
    testing::{Coder, json, module_of},
    value::Value,
};

/// Evaluates one expression over an object of the given root.
fn eval_over(root: crate::ir::Root, object: &str, coder: Coder, id: ExprId) -> Value {
    let module = module_of(root, coder, id);
    let rule = &module.rules[0];
    with_env(&module, object, |env| Interp::new(*env, &rule.code).eval(id).unwrap())
}

/// Runs something with the environment of a module whose root 0 is the object.
fn with_env<T>(module: &Module, object: &str, work: impl FnOnce(&Env<'_>) -> T) -> T {
    let mut roots = Roots::default();
    for (index, root) in module.roots.iter().enumerate() {
        let layout = Arc::new(Layout::new(root).unwrap());
        let fact = Fact::build(&layout, &json(object), &[]).unwrap();
        let id = RootId(u32::try_from(index).unwrap());
        roots.insert(Slot::Object, id, Arc::clone(&fact));
        roots.insert(Slot::Pod, id, fact);
    }
    let params: Vec<Value> = module
        .params
        .iter()
        .map(|param| Value::from_const(param.default.as_ref().unwrap(), &param.ty))
        .collect();
    work(&Env {
        module,
        builtins: &[],
        params: &params,
        roots: &roots,
        pod_keys: &[],
        cluster: &NoCluster,
        subject: None,
        fuel: 1_000_000,
    })
}

fn blames_of(module: &Module, object: &str) -> Vec<Vec<String>> {
    let rule: &Rule = &module.rules[0];
    with_env(module, object, |env| {
        hits(rule, env).unwrap().iter().map(|hit| explain(rule, env, hit, true).unwrap().blames).collect()
    })
}

#[test]
fn fuel_stops_what_takes_too_long() {
    let mut coder = Coder::default();
    let mut id = coder.int(1);
    for _ in 0..50 {
        id = coder.push(Op::Add(id, id), crate::ir::Ty::INT);
    }
    let module = module_of(crate::testing::root("R", vec![crate::testing::record("R", vec![])]), coder, id);
    let result = with_env(&module, "{}", |env| Interp::new(*env, &module.rules[0].code).eval(id).err());
    assert_eq!(result, Some(Trap::OutOfFuel));
}

#[test]
fn the_deepest_code_fits_a_small_stack() {
    let mut coder = Coder::default();
    let mut id = coder.bool(Op::Const(crate::ir::Const::Bool(true)));
    for i in 0..MAX_DEPTH - 2 {
        id = match i % 3 {
            0 => coder.bool(Op::Not(id)),
            1 => {
                let local = coder.local("x", crate::ir::Ty::BOOL);
                coder.bool(Op::Let { local, value: id, body: id })
            }
            _ => coder.bool(Op::If { cond: id, then: id, otherwise: id }),
        };
    }
    let root = crate::testing::root("R", vec![crate::testing::record("R", vec![])]);
    let module = module_of(root, coder, id);
    assert_eq!(crate::verify::verify(&module, &[]).err(), None);
    let run = move || {
        with_env(&module, "{}", |env| {
            // Doubling at each level: the fuel ends it, at full depth.
            assert_eq!(Interp::new(*env, &module.rules[0].code).eval(id).err(), Some(Trap::OutOfFuel));
            let hit = Hit { clause: crate::ir::ClauseId(0), bindings: vec![] };
            explain(&module.rules[0], env, &hit, true).unwrap();
            let _ = trace(&module.rules[0], env);
        });
    };
    std::thread::Builder::new().stack_size(1 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn a_long_chain_of_or_is_not_deep() {
    let mut coder = Coder::default();
    let mut id = coder.bool(Op::Const(crate::ir::Const::Bool(false)));
    for _ in 0..5_000 {
        let next = coder.bool(Op::Const(crate::ir::Const::Bool(false)));
        id = coder.bool(Op::Or(id, next));
    }
    let root = crate::testing::root("R", vec![crate::testing::record("R", vec![])]);
    assert!(!eval_over(root, "{}", coder, id).holds());
}
