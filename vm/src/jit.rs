//! The fast engine: one function of machine code per rule, by Cranelift.
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
//! is more than there is, or a hostcall could not answer, [`Jit::hits`] says nothing and the caller asks `interp`: so the
//! limits of both engines are the same limits.
//!
//! **Params** are constants here: a rule has one function for the module's params, and one for each bind that changes
//! those it reads.

mod codegen;
mod hostcall;
mod plan;
mod planner;
mod text;

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
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
    hostcall::{Context, HOSTCALLS, Host, RootAt},
    plan::Plan,
};
use crate::{
    builtin::Builtin,
    fact::Fact,
    interp::{Env, Hit},
    ir::{ExprId, Module, Op, Rule},
    layout::Layout,
    value::Value,
};

/// Facts that one function reads, at most; rules that read more stay with `interp`.
const MAX_NEEDS: usize = 8;

/// The compiled rules of a module.
pub struct Jit {
    /// By rule, and by bind if the bind changes params that the rule reads.
    functions: HashMap<(usize, Option<usize>), Function>,
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

/// The machine code of one rule under one set of params.
struct Function {
    /// What the code is made of; texts and tests in it are read by address.
    plan: Plan,
    code: extern "C" fn(*mut Context<'_>),
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
}

impl Jit {
    /// Compiles the rules of a module.
    ///
    /// # Errors
    /// When no machine code can be made here at all. A rule that has none is no error.
    pub fn new(sources: Sources<'_>) -> Result<Jit, JitError> {
        let mut linker = Linker::new()?;
        let mut plans = Vec::new();
        for (index, rule) in sources.module.rules.iter().enumerate() {
            for (bind, params) in variants(&sources, index, rule) {
                let Sources { module, builtins, layouts, .. } = sources;
                let source = planner::Source { module, builtins, layouts, params, rule };
                if let Some(plan) = planner::plan(source)
                    && let Some(id) = linker.define(&plan)
                {
                    plans.push(((index, bind), plan, id));
                }
            }
        }
        let module = linker.finish()?;
        let functions = plans.into_iter().map(|(key, plan, id)| {
            (key, Function { plan, code: code_of(module.get_finalized_function(id)) })
        });
        Ok(Jit {
            functions: functions.collect(),
            layouts: sources.layouts.to_vec(),
            code: Mutex::new(Some(module)),
        })
    }

    /// What became of the module's rules (under its own params).
    #[must_use]
    pub fn coverage(&self, module: &Module) -> Vec<Coverage> {
        let of = |rule: usize| {
            let function = self.functions.get(&(rule, None));
            Coverage {
                rule,
                compiled: function.is_some(),
                sites: function
                    .map_or_else(Vec::new, |f| f.plan.sites.iter().map(|site| site.expr).collect()),
            }
        };
        (0..module.rules.len()).map(of).collect()
    }

    /// The verdicts of a rule that hold, in the order of its statements; `env.params` are those of `bind`.
    /// `None`: ask `interp`.
    #[must_use]
    pub fn hits(&self, rule: usize, bind: Option<usize>, env: &Env<'_>) -> Option<Vec<Hit>> {
        let function = self.functions.get(&(rule, bind)).or_else(|| self.functions.get(&(rule, None)))?;
        function.run(env.module.rules.get(rule)?, env, &self.layouts)
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

/// The params that a rule is compiled for.
fn variants<'s>(sources: &Sources<'s>, index: usize, rule: &Rule) -> Vec<(Option<usize>, &'s [Value])> {
    let mut variants = vec![(None, sources.params)];
    for (b, (bind, params)) in sources.module.binds.iter().zip(sources.bind_params).enumerate() {
        let reads =
            |id| rule.code.exprs.iter().any(|expr| matches!(expr.op, Op::Param(param) if param == id));
        if bind.rules.iter().any(|rule| rule.index() == index) && bind.with.iter().any(|(id, _)| reads(*id)) {
            variants.push((Some(b), params.as_slice()));
        }
    }
    variants
}

impl Function {
    fn run(&self, rule: &Rule, env: &Env<'_>, layouts: &[Arc<Layout>]) -> Option<Vec<Hit>> {
        let nothing = RootAt { base: std::ptr::null(), at: std::ptr::null(), given: 0 };
        let mut roots = [nothing; MAX_NEEDS];
        let mut facts: [Option<&Arc<Fact>>; MAX_NEEDS] = [None; MAX_NEEDS];
        let mut bytes = 0;
        for (((slot, root), at), given) in self.plan.needs.iter().zip(&mut roots).zip(&mut facts) {
            let layout = layouts.get(root.index())?;
            *given = env.roots.get(*slot, *root);
            let (buffer, start) = match given {
                Some(fact) if Arc::ptr_eq(fact.layout(), layout) => (fact.bytes(), layout.root_at()),
                // The offsets in the code are those of another layout.
                Some(_) => return None,
                None => (layout.prefix(), layout.record(crate::ir::RecordId(0))?.blank),
            };
            let root = buffer.get(start as usize..)?;
            *at = RootAt { base: buffer.as_ptr(), at: root.as_ptr(), given: u64::from(given.is_some()) };
            bytes += buffer.len();
        }
        let mut context = Context {
            fuel: i64::try_from(env.fuel).unwrap_or(i64::MAX / 2).min(i64::MAX / 2),
            width: i64::try_from(bytes / 32).ok()? + 1,
            roots: roots.as_ptr(),
            stopped: 0,
            host: Host {
                env: *env,
                code: &rule.code,
                sites: &self.plan.sites,
                calls: &self.plan.calls,
                facts: &facts,
                hits: Vec::new(),
                values: Vec::new(),
            },
        };
        (self.code)(&raw mut context);
        (context.stopped == 0 && context.fuel >= 0).then_some(context.host.hits)
    }
}

#[expect(unsafe_code, reason = "machine code is an address until it is called")]
fn code_of(address: *const u8) -> extern "C" fn(*mut Context<'_>) {
    // SAFETY: the linker declared this function with one word as its only parameter and no result, in the platform's
    // calling convention. That calling it is sound rests on: the module is verified, so every slot that the code reads
    // is one of the layouts' (their offsets are within a record's size); `Function::run` gives it facts of these very
    // layouts, whose builder put every record, text and list wholly into the fact's bytes, or the root's blank; and
    // both outlive the call.
    unsafe { std::mem::transmute::<*const u8, extern "C" fn(*mut Context<'_>)>(address) }
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
    fn define(&mut self, plan: &Plan) -> Option<FuncId> {
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
        if codegen::function(&mut builder, plan, &calls).is_none() {
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
