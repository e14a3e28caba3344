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
mod fuse;
mod guard;
mod hostcall;
mod plan;
mod planner;
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

use cranelift_codegen::{
    Context as Compiler,
    ir::{AbiParam, FuncRef, Function as Clif, types::I64},
    settings::{self, Configurable},
};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{FuncId, Linkage, Module as _};

use self::{
    guard::{Gathering, Guards},
    hostcall::{Context, HOSTCALLS, Host, RootAt},
    plan::Plan,
};
use crate::{
    builtin::Builtin,
    interp::{Env, Hit, Roots},
    ir::{ExprId, Module, Op, RootId, Rule, Slot, Stmt},
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

/// Machine code on the facts of one input.
pub struct Run<'f> {
    jit: &'f Jit,
    context: Context<'f>,
    roots: &'f [RootAt],
    fuel: i64,
    /// The params where no bind gives others.
    params: &'f [Value],
    active: &'f [u64],
    cleared: &'f mut [u64],
    answers: &'f mut [Option<bool>],
    /// All facts together.
    bytes: usize,
    /// Whether a fact is of another layout, so that its offsets are not those in the code.
    foreign: bool,
    /// Whether the context is not as it was at first: there are hits, values or params of the last call.
    used: bool,
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

impl<'f> Run<'f> {
    /// The verdicts of a rule that hold, in the order of its statements, under the params of `bind`.
    /// `None`: ask `interp`.
    pub fn hits(&mut self, rule: usize, bind: Option<(usize, &'f [Value])>) -> Option<&[Hit]> {
        if self.is_ruled_out(rule) {
            self.context.host.hits.clear();
            return Some(self.context.host.hits);
        }
        let which = Which::Rule { rule, bind: bind.map(|(bind, _)| bind) };
        let code = match bind {
            None => self.jit.plain.get(rule).copied()?,
            Some(_) => self.jit.function(which).map(|function| function.code),
        };
        if let Some(number) = self.jit.before.get(rule).copied().flatten()
            && !self.shared(number, Which::Shared(number), None)?
        {
            self.context.host.hits.clear();
            return Some(self.context.host.hits);
        }
        self.call(which, code?, bind.map(|(_, params)| params))?;
        Some(self.context.host.hits)
    }

    /// Whether a rule without a bind surely finds nothing. This is the answer for nearly all rules; where it is `false`,
    /// [`Run::hits`] says what there is.
    #[inline]
    pub fn finds_nothing(&mut self, rule: usize) -> bool {
        if self.is_ruled_out(rule) {
            return true;
        }
        let (Some(Some(code)), false) = (self.jit.plain.get(rule), self.foreign) else { return false };
        if let Some(Some(number)) = self.jit.before.get(rule) {
            match self.shared(*number, Which::Shared(*number), None) {
                Some(true) => {}
                Some(false) => return true,
                None => return false,
            }
        }
        let context = &mut self.context;
        if self.used {
            context.stopped = 0;
            context.host.env.params = self.params;
            context.host.hits.clear();
            context.host.values.clear();
        }
        context.fuel = self.fuel;
        context.host.which = Which::Rule { rule, bind: None };
        code(&raw mut *context);
        let nothing = context.stopped == 0 && context.fuel >= 0 && context.host.hits.is_empty();
        self.used = !nothing || !context.host.values.is_empty();
        nothing
    }

    /// The same for a rule with binds, if none of them changes params that it reads: then it finds nothing under any of them.
    #[inline]
    pub fn finds_nothing_bound(&mut self, rule: usize) -> bool {
        self.jit.rules.get(rule).is_some_and(|compiled| compiled.by_bind.is_empty())
            && self.finds_nothing(rule)
    }

    /// Asks the rules of classes all together. Those that find nothing are known afterwards, and not run any more.
    pub fn ask_together(&mut self, classes: &[usize]) {
        if self.foreign {
            return;
        }
        let jit = self.jit;
        let all = classes.iter().filter_map(|class| jit.fused.get(*class));
        for Fused { rules, function } in all.flatten() {
            let context = &mut self.context;
            context.stopped = 0;
            context.fuel = self.fuel;
            (function.code)(&raw mut *context);
            if context.stopped != 0 || context.fuel < 0 {
                continue;
            }
            for (word, bits) in rules {
                if let Some(cleared) = self.cleared.get_mut(*word) {
                    *cleared |= bits;
                }
            }
        }
        self.context.stopped = 0;
    }

    /// Whether nothing in the input speaks for a rule, so that it need not be run.
    #[inline]
    fn is_ruled_out(&self, rule: usize) -> bool {
        if self.cleared.get(rule / 64).is_some_and(|word| word >> (rule % 64) & 1 == 1) {
            return true;
        }
        if self.active.is_empty() {
            return false;
        }
        let given = |need: usize| self.roots.get(need).is_some_and(|root| root.given == 1);
        !self.foreign
            && self.context.host.env.fuel >= guard::FUEL
            && self.jit.guards.rules_out(rule, self.bytes, self.active, given)
    }

    /// Whether the condition of a bind at a position holds. `None`: ask `interp`.
    pub fn holds(&mut self, bind: (usize, &'f [Value]), position: usize) -> Option<bool> {
        let number = self.jit.conditions.get(bind.0)?.get(position).copied().flatten()?;
        self.shared(number, Which::Condition { bind: bind.0, position }, Some(bind.1))
    }

    /// Whether a shared condition holds; it is evaluated once. `None`: ask `interp`.
    fn shared(&mut self, number: usize, which: Which, params: Option<&'f [Value]>) -> Option<bool> {
        match self.answers.get(number) {
            Some(Some(known)) => return Some(*known),
            Some(None) => {}
            None => return None,
        }
        let code = self.jit.shared.get(number)?.as_ref()?.code;
        self.call(which, code, params)?;
        let holds = !self.context.host.hits.is_empty();
        if let Some(answer) = self.answers.get_mut(number) {
            *answer = Some(holds);
        }
        Some(holds)
    }

    /// Runs machine code; what it hits is in the host's list.
    fn call(&mut self, which: Which, code: MachineCode, params: Option<&'f [Value]>) -> Option<()> {
        if self.foreign {
            return None;
        }
        let context = &mut self.context;
        self.used = true;
        context.fuel = self.fuel;
        context.stopped = 0;
        context.host.which = which;
        // Those of the call before may be a bind's.
        context.host.env.params = params.unwrap_or(self.params);
        context.host.hits.clear();
        context.host.values.clear();
        code(&raw mut *context);
        (context.stopped == 0 && context.fuel >= 0).then_some(())
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

/// Plans and compiles.
struct Drafter<'s> {
    sources: Sources<'s>,
    linker: Linker,
    needs: Needs,
    /// The shared conditions, by [`shared::key`].
    keys: HashMap<String, usize>,
    shared: Vec<Option<(Plan, FuncId)>>,
}

/// A plan, and the numbers of its needs.
type Draft = Option<(Plan, Vec<usize>)>;

/// The drafts of a rule.
struct Rules {
    whole: Draft,
    by_bind: Vec<(usize, Draft)>,
    can_be_fused: bool,
}

/// Rules as bits of words.
fn bits(rules: &[usize]) -> Vec<(usize, u64)> {
    let mut words: Vec<(usize, u64)> = Vec::new();
    for rule in rules {
        let bit = 1 << (rule % 64);
        match words.last_mut() {
            Some((word, bits)) if *word == rule / 64 => *bits |= bit,
            _ => words.push((rule / 64, bit)),
        }
    }
    words
}

impl Drafter<'_> {
    fn plan(&mut self, body: planner::Body<'_>, params: &[Value]) -> Draft {
        let Sources { module, builtins, layouts, fixed, .. } = self.sources;
        let plan = planner::plan(planner::Source { module, builtins, layouts, params, fixed, body })?;
        let needs = plan.needs.iter().map(|need| self.needs.number(*need)).collect();
        Some((plan, needs))
    }

    fn define(&mut self, draft: Draft) -> Option<(Plan, FuncId)> {
        let (plan, needs) = draft?;
        let id = self.linker.define(&plan, &needs)?;
        Some((plan, id))
    }

    /// The functions of the rules of a class that can be fused, with the rules of each. A rule that none is made for is
    /// run alone.
    fn fused(&mut self, class: &[usize], drafts: &[Rules]) -> Vec<(Vec<usize>, (Plan, FuncId))> {
        let mut open = Vec::new();
        for rule in class {
            if let Some(Rules { whole: Some((plan, needs)), can_be_fused: true, .. }) = drafts.get(*rule) {
                open.push((*rule, fuse::Member { plan, needs }));
            }
        }
        let mut functions = Vec::new();
        let mut rest = open.as_slice();
        while rest.len() > 1 {
            let members: Vec<_> = rest.iter().map(|(_, member)| *member).collect();
            let (now, later) = rest.split_at(fuse::fitting(&members).min(rest.len()));
            rest = later;
            let plan = fuse::fuse(members.get(..now.len()).unwrap_or_default());
            let rules: Vec<usize> = now.iter().map(|(rule, _)| *rule).collect();
            functions.push((rules, plan));
        }
        functions.into_iter().filter_map(|(rules, draft)| Some((rules, self.define(Some(draft))?))).collect()
    }

    /// Of each rule that is run alone, the shared condition that it begins with, if another one begins with it too.
    fn firsts(&mut self, drafts: &[Rules]) -> Vec<Option<usize>> {
        let mut by_key: HashMap<String, (Vec<usize>, Draft)> = HashMap::new();
        for (index, rule) in self.sources.module.rules.iter().enumerate() {
            let is_alone = drafts.get(index).is_some_and(|draft| {
                draft.whole.is_some() && draft.by_bind.is_empty() && !draft.can_be_fused
            });
            let (Some(Stmt::Where(cond)), true) = (rule.body.first(), is_alone) else { continue };
            let draft = self.plan(planner::Body::Condition(&rule.code, *cond), self.sources.params);
            let draft = draft.filter(|(plan, _)| shared::is_worth_sharing(plan));
            let Some(key) = draft.as_ref().and_then(|(plan, needs)| shared::key(plan, needs)) else {
                continue;
            };
            let (rules, kept) = by_key.entry(key).or_default();
            rules.push(index);
            *kept = draft;
        }
        let mut firsts = vec![None; self.sources.module.rules.len()];
        let mut common: Vec<_> = by_key.into_iter().filter(|(_, (rules, _))| rules.len() > 1).collect();
        common.sort_by_key(|(_, (rules, _))| rules.first().copied());
        for (key, (rules, draft)) in common {
            let Some(defined) = self.define(draft) else { continue };
            let number = self.shared.len();
            self.shared.push(Some(defined));
            self.keys.insert(key, number);
            for rule in rules {
                if let Some(first) = firsts.get_mut(rule) {
                    *first = Some(number);
                }
            }
        }
        firsts
    }

    /// The conditions of binds: one for each that says something else.
    fn conditions(&mut self) -> Vec<Vec<Option<usize>>> {
        let mut conditions = Vec::new();
        for (bind, params) in self.sources.module.binds.iter().zip(self.sources.bind_params) {
            let mut numbers = Vec::with_capacity(bind.conditions.len());
            for condition in &bind.conditions {
                let draft = condition
                    .cond
                    .and_then(|cond| self.plan(planner::Body::Condition(&condition.code, cond), params));
                let key = draft.as_ref().and_then(|(plan, needs)| shared::key(plan, needs));
                let known = key.as_ref().and_then(|key| self.keys.get(key)).copied();
                let number = known.or_else(|| {
                    let defined = self.define(draft)?;
                    self.shared.push(Some(defined));
                    Some(self.shared.len() - 1)
                });
                if let (Some(key), Some(number)) = (key, number) {
                    self.keys.insert(key, number);
                }
                numbers.push(number);
            }
            conditions.push(numbers);
        }
        conditions
    }
}

/// The binds that change params which a rule reads, with the params' values there.
fn variants<'s>(
    sources: &Sources<'s>,
    index: usize,
    rule: &'s Rule,
) -> impl Iterator<Item = (usize, &'s [Value])> {
    let binds = sources.module.binds.iter().zip(sources.bind_params).enumerate();
    binds.filter_map(move |(b, (bind, params))| {
        let reads =
            |id| rule.code.exprs.iter().any(|expr| matches!(expr.op, Op::Param(param) if param == id));
        let is_own =
            bind.rules.iter().any(|rule| rule.index() == index) && bind.with.iter().any(|(id, _)| reads(*id));
        is_own.then_some((b, params.as_slice()))
    })
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

/// Cranelift's module while functions are added.
struct Linker {
    module: JITModule,
    calls: Vec<FuncId>,
    compiler: Compiler,
    builder: FunctionBuilderContext,
}

impl Linker {
    fn new() -> Result<Linker, JitError> {
        let machine = |error: &dyn std::fmt::Display| JitError::Machine(error.to_string());
        if cfg!(not(all(target_endian = "little", target_pointer_width = "64"))) {
            return Err(JitError::Machine("facts are read as 64-bit little-endian words".into()));
        }
        let mut flags = settings::builder();
        let verifier = if cfg!(debug_assertions) { "true" } else { "false" };
        for (name, value) in [
            ("opt_level", "speed"),
            ("enable_verifier", verifier),
            ("use_colocated_libcalls", "false"),
            ("is_pic", "false"),
            ("unwind_info", "false"),
        ] {
            flags.set(name, value).map_err(|error| machine(&error))?;
        }
        let isa = cranelift_native::builder().map_err(|error| machine(&error))?;
        let isa = isa.finish(settings::Flags::new(flags)).map_err(|error| machine(&error))?;
        let mut builder = JITBuilder::with_isa(isa, cranelift_module::default_libcall_names());
        for call in HOSTCALLS {
            builder.symbol(call.name, (call.address)());
        }
        let mut module = JITModule::new(builder);
        let mut calls = Vec::with_capacity(HOSTCALLS.len());
        for call in HOSTCALLS {
            let mut signature = module.make_signature();
            signature.params.extend(std::iter::repeat_n(AbiParam::new(I64), call.params));
            signature.returns.extend(call.gives.then(|| AbiParam::new(I64)));
            let id = module.declare_function(call.name, Linkage::Import, &signature);
            calls.push(id.map_err(|error| JitError::Link(error.to_string()))?);
        }
        let compiler = module.make_context();
        Ok(Linker { module, calls, compiler, builder: FunctionBuilderContext::new() })
    }

    /// Compiles a plan; `None` if no code can be made of it.
    fn define(&mut self, plan: &Plan, needs: &[usize]) -> Option<FuncId> {
        self.compiler.clear();
        let mut signature = self.module.make_signature();
        signature.params.push(AbiParam::new(I64));
        let id = self.module.declare_anonymous_function(&signature).ok()?;
        self.compiler.func = Clif::with_name_signature(Default::default(), signature);
        let calls: Vec<FuncRef> = self
            .calls
            .iter()
            .map(|call| self.module.declare_func_in_func(*call, &mut self.compiler.func))
            .collect();
        let mut builder = FunctionBuilder::new(&mut self.compiler.func, &mut self.builder);
        if codegen::function(&mut builder, plan, needs, &calls).is_none() {
            self.builder = FunctionBuilderContext::new();
            return None;
        }
        builder.seal_all_blocks();
        builder.finalize(self.module.target_config());
        self.module.define_function(id, &mut self.compiler).ok()?;
        Some(id)
    }

    fn finish(mut self) -> Result<JITModule, JitError> {
        self.module.finalize_definitions().map_err(|error| JitError::Link(error.to_string()))?;
        Ok(self.module)
    }
}
