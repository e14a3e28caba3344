//! The fast engine: one function of machine code per rule and set of params, and per condition of a bind, by Cranelift.
//!
//! ```text
//! load     Rule + layouts + params ──planner──▶ Plan ──codegen──▶ machine code
//! review   facts ──▶ Context ──machine code──▶ hits
//!                       │  ▲
//!                       ▼  │ hostcalls: text tests, map entries, and `interp` for what has no machine code
//! ```
//!
//! It answers what [`crate::interp::hits`] answers, and nothing else: messages and blamed paths come from `interp`, for
//! hits alone. Code is made only for modules that [`crate::verify`] took.
//!
//! **Fuel.** Machine code spends an upper bound of what `interp` would: once per function and once per loop. When that
//! is more than there is, or a hostcall could not answer, [`Run::hits`] says nothing and the caller asks `interp`: so the
//! limits of both engines are the same limits.
//!
//! **Params** are constants here: a rule has one function for the module's params, and one for each bind that changes
//! those it reads.

mod codegen;
mod draft;
mod fuse;
mod guard;
mod hostcall;
mod link;
mod plan;
mod planner;
mod run;
mod shared;
mod text;

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use cranelift_jit::JITModule;
use cranelift_module::FuncId;

pub use self::run::Run;
use self::{
    draft::{Drafter, Rules, bits, variants},
    guard::{Gathering, Guards},
    hostcall::{Context, Host, RootAt},
    link::Linker,
    plan::Plan,
};
use crate::{
    builtin::Builtin,
    interp::{Env, Hit, Roots},
    ir::{ExprId, Module, RootId, Slot},
    layout::Layout,
    value::Value,
};

/// Facts that one function reads, at most; rules that read more stay with `interp`.
const MAX_NEEDS: usize = 8;

/// Up to so many rules that the same inputs meet compare constants themselves; of more, the constants are looked up for all
/// together.
const FEW_RULES: usize = 256;

/// The compiled rules of a module.
pub struct Jit {
    /// By rule.
    rules: Vec<Compiled>,
    /// The code of rules without a bind: all that a run reads of most rules.
    plain: Vec<Option<MachineCode>>,
    /// Of each rule, the shared condition that must hold before its code is run.
    before: Vec<Option<usize>>,
    /// Conditions that are evaluated once per input.
    shared: Vec<Option<Function>>,
    /// By bind, by its conditions: which of the shared ones it is.
    conditions: Vec<Vec<Option<usize>>>,
    /// The facts that any function reads; their order is that of [`Frame::roots`].
    needs: Needs,
    /// What is read where the host gives no fact: the blanks of the roots.
    blanks: Vec<RootAt>,
    /// The bytes of the longest blank.
    widest: usize,
    /// Which rules need not be run on an input.
    guards: Guards,
    /// By class of [`Sources::classes`]: its rules, fused.
    fused: Vec<Vec<Fused>>,
    /// Tells frames whose blanks they hold.
    id: u64,
    layouts: Vec<Arc<Layout>>,
    /// Owns the machine code. Never used while it lives, but to free it.
    code: Mutex<Option<JITModule>>,
}

/// Why there is no machine code at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JitError {
    /// This machine is none that code can be made for.
    #[error("there is no code generator for this machine: {0}")]
    Machine(String),
    /// The code could not be put into memory.
    #[error("the machine code cannot be loaded: {0}")]
    Link(String),
}

/// What became of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// The rule's index in the module.
    pub rule: usize,
    /// Whether it has machine code.
    pub compiled: bool,
    /// Those of its expressions that `interp` evaluates, called from machine code.
    pub sites: Vec<ExprId>,
}

/// The machine code of one rule under the params of the module, and under those of binds that change what it reads.
#[derive(Default)]
struct Compiled {
    plain: Option<Function>,
    by_bind: Vec<(usize, Option<Function>)>,
}

/// The machine code of a rule's body or of a bind's condition under one set of params.
struct Function {
    /// What the code is made of; texts and tests in it are read by address.
    plan: Plan,
    code: MachineCode,
}

/// Rules that one function asks whether any of them finds something.
struct Fused {
    /// Those of bits in words.
    rules: Vec<(usize, u64)>,
    function: Function,
}

type MachineCode = extern "C" fn(*mut Context<'_>);

/// The facts that functions read, numbered.
#[derive(Default)]
struct Needs {
    all: Vec<(Slot, RootId)>,
    numbers: HashMap<(Slot, RootId), usize>,
}

/// What machine code is made from.
#[derive(Clone, Copy)]
pub struct Sources<'s> {
    /// A module that the verifier took.
    pub module: &'s Module,
    /// Its builtins, resolved.
    pub builtins: &'s [&'static Builtin],
    /// The layouts of its roots; facts must have these very ones.
    pub layouts: &'s [Arc<Layout>],
    /// The params' values.
    pub params: &'s [Value],
    /// The params' values under each bind.
    pub bind_params: &'s [Vec<Value>],
    /// Facts that are the same for every input, as the cluster's version is: constants, too.
    pub fixed: &'s Roots,
    /// Rules that always meet the same inputs, by index.
    pub classes: &'s [Vec<usize>],
}

/// Buffers of [`Run`]s, kept between inputs.
#[derive(Debug, Default)]
pub struct Frame {
    /// The [`Jit`] whose needs these are.
    of: u64,
    /// Where the facts are, or their blanks.
    roots: Vec<RootAt>,
    /// Those that are facts of the last input.
    set: Vec<usize>,
    /// A bit for each rule that something in the input speaks for.
    active: Vec<u64>,
    /// A bit for each rule that finds nothing, because no rule does that it is fused with.
    cleared: Vec<u64>,
    /// What the shared conditions came to.
    answers: Vec<Option<bool>>,
    hits: Vec<Hit>,
    values: Vec<Value>,
}

impl Jit {
    /// Compiles the rules of a module.
    ///
    /// # Errors
    /// When no machine code can be made here at all. A rule that has none is no error.
    pub fn new(sources: Sources<'_>) -> Result<Jit, JitError> {
        let Sources { module, layouts, .. } = sources;
        let mut drafter = Drafter {
            sources,
            linker: Linker::new()?,
            needs: Needs::default(),
            keys: HashMap::new(),
            shared: Vec::new(),
        };
        let mut gathering = Gathering::default();
        let mut class_sizes: HashMap<usize, usize> = HashMap::new();
        for class in sources.classes {
            class_sizes.extend(class.iter().map(|rule| (*rule, class.len())));
        }
        let mut drafts = Vec::with_capacity(module.rules.len());
        for (index, rule) in module.rules.iter().enumerate() {
            let whole = drafter.plan(planner::Body::Rule(rule), sources.params);
            let mut by_bind = Vec::new();
            for (bind, params) in variants(&sources, index, rule) {
                by_bind.push((bind, drafter.plan(planner::Body::Rule(rule), params)));
            }
            let mut can_be_fused = by_bind.is_empty()
                && class_sizes.contains_key(&index)
                && whole.as_ref().is_some_and(|(plan, _)| fuse::can_be_fused(plan));
            // Fused code compares a few constants in less time than a guard looks them up; other tests are calls.
            let is_cheap = class_sizes.get(&index).is_some_and(|size| *size <= FEW_RULES)
                && whole.as_ref().is_some_and(|(plan, _)| plan.tests.is_empty());
            if can_be_fused && is_cheap {
                gathering.none();
            } else {
                let functions = std::iter::once(&whole).chain(by_bind.iter().map(|(_, draft)| draft));
                let is_guarded = gathering.rule(
                    functions.map(|draft| draft.as_ref().map(|(plan, needs)| (plan, needs.as_slice()))),
                );
                can_be_fused &= !is_guarded;
            }
            drafts.push(Rules { whole, by_bind, can_be_fused });
        }
        let fused: Vec<_> = sources.classes.iter().map(|class| drafter.fused(class, &drafts)).collect();
        let firsts = drafter.firsts(&drafts);
        let (mut rules, mut before) = (Vec::new(), Vec::new());
        for ((rule, draft), first) in module.rules.iter().zip(drafts).zip(firsts) {
            let plain = match first {
                Some(_) => drafter.plan(planner::Body::Rest(rule), sources.params),
                None => draft.whole,
            };
            let by_bind: Vec<_> =
                draft.by_bind.into_iter().map(|(bind, draft)| (bind, drafter.define(draft))).collect();
            rules.push((drafter.define(plain), by_bind));
            before.push(first);
        }
        let conditions = drafter.conditions();
        let Drafter { linker, needs, shared, .. } = drafter;
        let module = linker.finish()?;
        let function = |draft: Option<(Plan, FuncId)>| {
            draft.map(|(plan, id)| Function { plan, code: code_of(module.get_finalized_function(id)) })
        };
        let rules = rules.into_iter().map(|(plain, by_bind)| Compiled {
            plain: function(plain),
            by_bind: by_bind.into_iter().map(|(bind, draft)| (bind, function(draft))).collect(),
        });
        let rules: Vec<Compiled> = rules.collect();
        let shared = shared.into_iter().map(function).collect();
        let fuse = |(rules, draft): (Vec<usize>, _)| {
            Some(Fused { rules: bits(&rules), function: function(Some(draft))? })
        };
        let fused =
            fused.into_iter().map(|of_class| of_class.into_iter().filter_map(fuse).collect()).collect();
        let blanks: Vec<RootAt> =
            needs.all.iter().map(|(_, root)| blank(layouts.get(root.index()))).collect();
        let prefix = |(_, root): &(Slot, RootId)| layouts.get(root.index()).map(|l| l.prefix().len());
        let plain = rules.iter().map(|rule| rule.plain.as_ref().map(|function| function.code)).collect();
        Ok(Jit {
            rules,
            plain,
            before,
            shared,
            conditions,
            widest: needs.all.iter().filter_map(prefix).max().unwrap_or_default(),
            needs,
            blanks,
            guards: gathering.finish(),
            fused,
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            layouts: sources.layouts.to_vec(),
            code: Mutex::new(Some(module)),
        })
    }

    /// What became of the module's rules (under its own params).
    #[must_use]
    pub fn coverage(&self) -> Vec<Coverage> {
        let of = |(rule, compiled): (usize, &Compiled)| {
            let function = compiled.plain.as_ref();
            Coverage {
                rule,
                compiled: function.is_some(),
                sites: function
                    .map_or_else(Vec::new, |f| f.plan.sites.iter().map(|site| site.expr).collect()),
            }
        };
        self.rules.iter().enumerate().map(of).collect()
    }

    /// Prepares to run rules on the facts of `env`. Its params are those of rules without a bind.
    pub fn run<'f>(&'f self, frame: &'f mut Frame, env: Env<'f>) -> Run<'f> {
        let Frame { of, roots, set, active, cleared, answers, hits, values } = frame;
        cleared.clear();
        cleared.resize(self.rules.len().div_ceil(64), 0);
        answers.clear();
        answers.resize(self.shared.len(), None);
        if *of == self.id {
            for index in set.drain(..) {
                if let (Some(root), Some(blank)) = (roots.get_mut(index), self.blanks.get(index)) {
                    *root = *blank;
                }
            }
        } else {
            *of = self.id;
            set.clear();
            roots.clone_from(&self.blanks);
        }
        let (mut bytes, mut foreign) = (self.widest, false);
        active.clear();
        if !self.guards.is_empty() {
            active.resize(self.guards.words(), 0);
        }
        for (key, fact) in env.roots.iter() {
            let (Some(number), Some(layout)) = (self.needs.find(*key), self.layouts.get(key.1.index()))
            else {
                continue;
            };
            let root = fact.bytes().get(layout.root_at() as usize..);
            let (Some(place), Some(root), true) =
                (roots.get_mut(number), root, Arc::ptr_eq(fact.layout(), layout))
            else {
                foreign = true;
                continue;
            };
            let base = fact.bytes().as_ptr().expose_provenance();
            *place = RootAt { base, at: root.as_ptr().expose_provenance(), given: 1 };
            set.push(number);
            bytes += fact.bytes().len();
            self.guards.ask(number, fact, active);
        }
        let width = i64::try_from(bytes / 32).unwrap_or(i64::MAX / 4) + 1;
        let fuel = i64::try_from(env.fuel).unwrap_or(i64::MAX / 2).min(i64::MAX / 2);
        let which = Which::Rule { rule: 0, bind: None };
        let host = Host { env, jit: self, which, hits, values };
        let context = Context { fuel: 0, width, roots: roots.as_ptr(), stopped: 0, host };
        Run {
            jit: self,
            context,
            roots,
            params: env.params,
            fuel,
            active,
            cleared,
            answers,
            bytes,
            foreign,
            used: true,
        }
    }
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// The blank of a root.
fn blank(layout: Option<&Arc<Layout>>) -> RootAt {
    let at = layout.and_then(|layout| {
        let blank = layout.record(crate::ir::RecordId(0))?.blank;
        Some((layout.prefix(), layout.prefix().get(blank as usize..)?))
    });
    at.map_or(RootAt::default(), |(base, at)| RootAt {
        base: base.as_ptr().expose_provenance(),
        at: at.as_ptr().expose_provenance(),
        given: 0,
    })
}

impl Needs {
    fn number(&mut self, need: (Slot, RootId)) -> usize {
        *self.numbers.entry(need).or_insert_with(|| {
            self.all.push(need);
            self.all.len() - 1
        })
    }

    fn find(&self, need: (Slot, RootId)) -> Option<usize> {
        // Few modules read more than a handful.
        if self.all.len() <= 8 {
            return self.all.iter().position(|known| *known == need);
        }
        self.numbers.get(&need).copied()
    }
}

/// What machine code is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    /// A rule, under the params of a bind if that changes those it reads.
    Rule { rule: usize, bind: Option<usize> },
    /// A condition of a bind.
    Condition { bind: usize, position: usize },
    /// A condition that rules begin with; no hostcall asks for its code.
    Shared(usize),
}

impl Jit {
    /// The machine code of something.
    fn function(&self, which: Which) -> Option<&Function> {
        match which {
            Which::Rule { rule, bind } => {
                let compiled = self.rules.get(rule)?;
                let own = bind.and_then(|bind| compiled.by_bind.iter().find(|(own, _)| *own == bind));
                own.map_or(&compiled.plain, |(_, function)| function).as_ref()
            }
            Which::Condition { bind, position } => {
                self.shared.get(self.conditions.get(bind)?.get(position).copied().flatten()?)?.as_ref()
            }
            Which::Shared(number) => self.shared.get(number)?.as_ref(),
        }
    }
}

impl Drop for Jit {
    #[expect(unsafe_code, reason = "memory of machine code is freed by hand")]
    fn drop(&mut self) {
        if let Some(module) = self.code.get_mut().ok().and_then(Option::take) {
            // SAFETY: the functions are private to this value, which nobody else can use any more, so none of them
            // runs now or is called again.
            unsafe { module.free_memory() };
        }
    }
}

#[expect(unsafe_code, reason = "machine code is an address until it is called")]
fn code_of(address: *const u8) -> MachineCode {
    // SAFETY: the linker declared this function with one word as its only parameter and no result, in the platform's
    // calling convention. That calling it is sound rests on: the module is verified, so every slot that the code reads
    // is one of the layouts' (their offsets are within a record's size); `Jit::run` gives it facts of these very
    // layouts, whose builder put every record, text and list wholly into the fact's bytes, or the root's blank; and
    // both outlive the call.
    unsafe { std::mem::transmute::<*const u8, MachineCode>(address) }
}
