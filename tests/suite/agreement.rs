//! The engines agree on every program: made-up ones here, as text over made-up schemas and objects.
//!
//! By default a short run. `KPOL_LONG=N` makes N million evaluations (in release: some minutes for each), one evaluation
//! being one input judged on both engines, parsed and from bytes. A disagreement is printed as a small program with a
//! small input; it becomes a case of the engine's own tests.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use kpol_stdlib::catalog::Catalog;
use kpol_tests::{
    engines::{self, Engines},
    generate::{Case, Cases, Dice, Input},
};
use kpol_vm::{
    evaluate::{self, Mutated, Outcome},
    ir::{Mode, Module, Op},
};
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

/// What a run saw: a run that saw nothing proves nothing.
#[derive(Default)]
struct Seen {
    programs: usize,
    evaluations: usize,
    hits: usize,
    errors: usize,
    patches: usize,
    excepted: usize,
    events: usize,
    /// Rules, and those that both hit and missed.
    rules: usize,
    decided: usize,
    compiled: usize,
}

impl Seen {
    fn case(&mut self, case: &Case) -> Result<(), String> {
        let options = evaluate::Options {
            fuel: case.fuel,
            max_mode: if case.fuel.is_multiple_of(2) { Mode::Deny } else { Mode::Warn },
            ..engines::options((1, 34), &[])
        };
        let engines = Engines::new(&case.module, Catalog::new().builtins(), &options)
            .map_err(|error| format!("it compiles and does not load: {error}"))?;
        let mut by_rule: BTreeMap<u32, usize> = BTreeMap::new();
        for input in &case.inputs {
            let outcome = match input {
                Input::Event { name, event } => {
                    self.events += 1;
                    engines.event(name, event)?
                }
                Input::Review(request) => {
                    if !case.module.mutations.is_empty() {
                        let mutated = engines.mutate(&request.review(), &request.cluster)?;
                        self.patches +=
                            usize::from(mutated.is_ok_and(|Mutated { patch, .. }| !patch.is_empty()));
                    }
                    engines.review(&request.review(), &request.cluster)?
                }
            };
            self.evaluations += 1;
            match outcome {
                Err(_) => self.errors += 1,
                Ok(Outcome { findings, .. }) => {
                    self.hits += usize::from(!findings.is_empty());
                    self.excepted += findings.iter().filter(|finding| finding.excepted.is_some()).count();
                    let rules: BTreeSet<u32> = findings.iter().map(|finding| finding.rule.0).collect();
                    rules.into_iter().for_each(|rule| *by_rule.entry(rule).or_default() += 1);
                }
            }
        }
        self.programs += 1;
        self.rules += case.module.rules.len();
        self.decided += by_rule.values().filter(|count| **count < case.inputs.len()).count();
        let coverage = engines.jit.jit().map(|jit| jit.coverage()).unwrap_or_default();
        self.compiled += coverage.iter().filter(|rule| rule.compiled).count();
        Ok(())
    }

    fn share(&self, part: usize) -> usize {
        100 * part / self.evaluations.max(1)
    }
}

/// The names of the operations and builtins in a module's rules.
fn operations(module: &Module) -> BTreeSet<String> {
    let exprs = module.rules.iter().flat_map(|rule| &rule.code.exprs);
    let builtins = module.builtins.iter().cloned();
    exprs.map(|expr| operation(&expr.op).to_owned()).chain(builtins).collect()
}

macro_rules! operations {
    ($($name:ident),+ $(,)?) => {
        /// Every operation of the IR: a new one does not compile here until it has a name.
        fn operation(op: &Op) -> &'static str {
            match op {
                $(Op::$name { .. } => stringify!($name),)+
            }
        }

        const OPERATIONS: &[&str] = &[$(stringify!($name)),+];
    };
}

operations! {
    Const, Param, Local, Root, Field, Written, MapKey, MapGet, ListGet, DynField, DynIndex, ToDyn, Present, Not, And, Or,
    If, Coalesce, Eq, Compare, In, Under, Like, Matches, Text, Add, Sub, Neg, Concat, Difference, MakeList, Quantified,
    Comprehension, Let, Call, Cluster,
}

#[test]
fn generated_programs_have_every_operation_and_builtin() {
    let mut runner = TestRunner::deterministic();
    let mut missing: BTreeSet<String> = OPERATIONS.iter().map(|name| (*name).to_owned()).collect();
    missing.extend(Catalog::new().builtins().iter().map(|builtin| builtin.name.to_owned()));
    for _ in 0..2000 {
        let Some(case) = (Cases { inputs: 1 }).draw(&mut Dice(runner.rng())) else { continue };
        missing.retain({
            let made = operations(&case.module);
            move |name| !made.contains(name)
        });
        if missing.is_empty() {
            return;
        }
    }
    panic!("never made: {missing:?}");
}

/// Millions of evaluations to make; 0: a short run.
fn long() -> usize {
    std::env::var("KPOL_LONG").ok().and_then(|millions| millions.parse().ok()).unwrap_or(0)
}

#[test]
fn both_engines_agree_on_generated_programs() {
    let start = Instant::now();
    let (cases, inputs) = if long() > 0 { (20, 1000) } else { (120, 20) };
    let goal = long() * 1_000_000;
    let seen = RefCell::new(Seen::default());
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    loop {
        // A runner that has had its cases runs no more.
        let result = TestRunner::new(config.clone())
            .run(&Cases { inputs }, |case| seen.borrow_mut().case(&case).map_err(TestCaseError::fail));
        match result {
            Ok(()) => {}
            Err(TestError::Fail(why, case)) => panic!("{why}\n\n{case:?}"),
            Err(TestError::Abort(why)) => panic!("{why}"),
        }
        if seen.borrow().evaluations >= goal {
            break;
        }
        let Seen { evaluations, programs, .. } = *seen.borrow();
        eprintln!("{evaluations} evaluations of {programs} programs in {:?}", start.elapsed());
    }
    let seen = seen.into_inner();
    eprintln!(
        "{} evaluations of {} programs in {:?}: {} % hit, {} % errors; {} events, {} patched, {} excepted; {} rules, of which \
         {} have machine code and {} both hit and miss",
        seen.evaluations,
        seen.programs,
        start.elapsed(),
        seen.share(seen.hits),
        seen.share(seen.errors),
        seen.events,
        seen.patches,
        seen.excepted,
        seen.rules,
        seen.compiled,
        seen.decided
    );
    assert!(seen.share(seen.hits) >= 30, "too few hit: {} %", seen.share(seen.hits));
    assert!(seen.share(seen.errors) <= 20, "too many have no answer: {} %", seen.share(seen.errors));
    assert!(seen.decided * 5 >= seen.rules, "{} of {} rules both hit and miss", seen.decided, seen.rules);
}
