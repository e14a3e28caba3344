//! From a verified module to decisions: what the hosts and `kpolc` call.
//!
//! ```text
//!   Module + builtins + Options ──▶ Evaluator          once: verify, lay out, resolve, bind params, plan by kind
//!   Review + Inventory          ──▶ Outcome            each: project facts, run rules × binds, explain hits, except
//!   Review                      ──▶ Mutated            each: mutations until nothing changes
//! ```
//!
//! It does no I/O and has no clock: objects, the day and the cluster's version are given.

mod bytes;
mod facts;
mod inventory;
mod mutate;
mod namespaces;
mod outcome;
mod plan;
mod review;
mod route;
mod run;

pub use bytes::{ReviewError, Scratch};
pub use inventory::{Filling, Inventory, KindSize, LiveInventory, View};
pub use namespaces::LiveNamespaces;
pub use outcome::{Decision, Effect, Finding, Mutated, Outcome, PatchOp, RuleTrace, effect};
pub use review::{Request, Review, User, operation_word};

use std::sync::Arc;

pub use jiff::civil::Date;

use crate::{
    builtin::Builtin,
    fact::{Fact, FactError},
    interp::{ClusterView, Trap},
    ir::{Const, Mode, Module, RootId, Slot},
    jit::{Jit, JitError, Sources},
    json::Json,
    layout::{Layout, LayoutError},
    value::Value,
    verify::{self, VerifyError},
};

/// What a host decides at load.
#[derive(Clone, Debug)]
pub struct Options {
    /// Values of params by name, in place of their defaults.
    pub params: Vec<(String, Const)>,
    /// The mode of rules without a bind, and of binds without a mode.
    pub default_mode: Mode,
    /// The hardest mode that this host applies.
    pub max_mode: Mode,
    /// The day on which exceptions expire or not.
    pub today: Date,
    /// The cluster's version.
    pub kubernetes: (u32, u32),
    /// The most steps of one rule's evaluation.
    pub fuel: u64,
    /// What finds the hits.
    pub engine: Engine,
}

/// What finds the hits; both find the same. Explanations, mutations and conditions of
/// exceptions are always `interp`'s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// The reference: nothing to prepare, slow.
    #[default]
    Interp,
    /// Machine code, made at load ([`crate::jit`]); rules that have none run on the reference.
    Jit,
}

/// Enough steps for every rule over every manifest that the API server accepts, and few enough to end soon.
pub const DEFAULT_FUEL: u64 = 20_000_000;

/// A module made ready.
pub struct Evaluator {
    module: Module,
    layouts: Vec<Arc<Layout>>,
    builtins: Vec<&'static Builtin>,
    params: Vec<Value>,
    bind_params: Vec<Vec<Value>>,
    plan: plan::Plan,
    routes: route::Routes,
    tries: bytes::Tries,
    /// The record `cluster`, as each root that rules read it as.
    cluster: Vec<(RootId, Arc<Fact>)>,
    jit: Option<Jit>,
    setup: Arc<inventory::Setup>,
    options: Options,
}

/// Why a module is not loaded.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LoadError {
    /// The module breaks a rule of the IR.
    #[error("the module is malformed: {0}")]
    Verify(#[from] VerifyError),
    /// A root cannot be laid out.
    #[error("the demand of `{root}` cannot be laid out: {error}")]
    Layout {
        /// The root's name.
        root: String,
        /// Why.
        error: LayoutError,
    },
    /// No machine code can be made here.
    #[error("{0}")]
    Jit(#[from] JitError),
    /// A param without a default has no value.
    #[error("param `{0}` needs a value")]
    MissingParam(String),
    /// A value is given for a param that the module does not have.
    #[error("there is no param `{0}`")]
    UnknownParam(String),
    /// A value of the wrong type is given for a param.
    #[error("param `{name}` cannot have this value: it is of type `{expected}`")]
    ParamType {
        /// The param.
        name: String,
        /// Its type.
        expected: String,
    },
}

/// Why a review cannot be answered.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EvalError {
    /// There is nothing to judge.
    #[error("no request was read, or the last one could not be read")]
    NoRequest,
    /// The object (or another input) does not have the form that its kind has.
    #[error("{what} does not have the form of its kind: {}", join(errors))]
    Fact {
        /// Which input: `the object`, `the namespace`.
        what: &'static str,
        /// Where and why.
        errors: Vec<FactError>,
    },
    /// A rule's evaluation was stopped.
    #[error("rule `{rule}` was stopped: {trap}")]
    Trap {
        /// The rule, bind or mutation.
        rule: String,
        /// Why.
        trap: Trap,
    },
    /// A mutation would write below a value that is no object or list.
    #[error("mutation `{mutation}` cannot write `{path}`: there is {found}")]
    Place {
        /// The mutation.
        mutation: String,
        /// Where it would write.
        path: String,
        /// What stands in the way.
        found: String,
    },
    /// The mutations do not settle.
    #[error("these mutations undo each other: {}", names.join(", "))]
    Unsettled {
        /// The mutations that still changed the object in the last round.
        names: Vec<String>,
    },
}

/// The record `cluster` for every root that code reads it as. A root of another form has none.
fn cluster_facts(
    plan: &plan::Plan,
    layouts: &[Arc<Layout>],
    (major, minor): (u32, u32),
) -> Vec<(RootId, Arc<Fact>)> {
    let json = review::object(vec![("version", Json::Str(format!("{major}.{minor}")))]);
    let mut facts: Vec<(RootId, Arc<Fact>)> = Vec::new();
    for (slot, root) in plan.rule_needs.iter().chain(&plan.mutation_needs).flatten().copied() {
        if slot == Slot::Cluster
            && facts.iter().all(|(known, _)| *known != root)
            && let Some(layout) = layouts.get(root.index())
            && let Ok(fact) = Fact::build(layout, &json, &[])
        {
            facts.push((root, fact));
        }
    }
    facts
}

fn join(errors: &[FactError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl Evaluator {
    /// Verifies and prepares a module.
    ///
    /// # Errors
    /// When the module is malformed or a param's value is missing or wrong.
    pub fn new(
        mut module: Module,
        builtins: &[&'static Builtin],
        options: Options,
    ) -> Result<Evaluator, LoadError> {
        let builtins = verify::verify(&module, builtins)?;
        let keys = inventory::plan(&mut module);
        let mut layouts = Vec::with_capacity(module.roots.len());
        for root in &module.roots {
            let layout =
                Layout::new(root).map_err(|error| LoadError::Layout { root: root.name.clone(), error })?;
            layouts.push(Arc::new(layout));
        }
        let setup = Arc::new(inventory::Setup::new(&module, &layouts, &keys));
        let params = plan::bind_params(&module, &options.params)?;
        let bind_params: Vec<Vec<Value>> =
            module.binds.iter().map(|bind| plan::override_params(&module, &params, bind)).collect();
        let plan = plan::Plan::new(&module);
        let routes = route::Routes::new(&module, &plan);
        let tries = bytes::Tries::new(&module, &plan, &routes, &layouts);
        let cluster = cluster_facts(&plan, &layouts, options.kubernetes);
        let jit = match options.engine {
            Engine::Interp => None,
            Engine::Jit => Some(Jit::new(Sources {
                module: &module,
                builtins: &builtins,
                layouts: &layouts,
                params: &params,
                bind_params: &bind_params,
                classes: &routes.classes,
            })?),
        };
        Ok(Evaluator {
            module,
            layouts,
            builtins,
            params,
            bind_params,
            plan,
            routes,
            tries,
            cluster,
            jit,
            setup,
            options,
        })
    }

    fn cluster_fact(&self, root: RootId) -> Option<Arc<Fact>> {
        self.cluster.iter().find(|(known, _)| *known == root).map(|(_, fact)| Arc::clone(fact))
    }

    /// The module.
    #[must_use]
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// What the host decided.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The machine code, if this evaluator's engine is [`Engine::Jit`].
    #[must_use]
    pub fn jit(&self) -> Option<&Jit> {
        self.jit.as_ref()
    }

    /// The objects of a cluster, made ready for this module: only the kinds that its code asks for are kept.
    /// Objects without the form of their kind are left out and reported, with their position in `objects`.
    #[must_use]
    pub fn inventory(&self, objects: &[Json]) -> (Inventory, Vec<(usize, Vec<FactError>)>) {
        Inventory::new(&self.setup, objects)
    }

    /// An inventory without objects yet, which a host keeps up to date.
    #[must_use]
    pub fn live_inventory(&self) -> LiveInventory {
        LiveInventory::new(&self.setup)
    }

    /// Namespaces, none yet, which a host keeps up to date.
    #[must_use]
    pub fn live_namespaces(&self) -> LiveNamespaces {
        LiveNamespaces::new(&self.module, &self.plan)
    }

    /// Whether any rule is about this kind, in any version.
    #[must_use]
    pub fn covers(&self, group: &str, kind: &str) -> bool {
        self.plan.covers(group, kind)
    }

    /// Judges a request.
    ///
    /// # Errors
    /// When an input does not have the form of its kind, or a rule takes too many steps.
    pub fn review(&self, review: &Review<'_>, cluster: &dyn ClusterView) -> Result<Outcome, EvalError> {
        run::review(self, review, cluster, false)
    }

    /// Judges the request of an `AdmissionReview` as it comes over the wire: [`Evaluator::read`], then
    /// [`Evaluator::judge`]. What the answer needs, also when this fails, is in `scratch` afterwards.
    ///
    /// # Errors
    /// As the two.
    pub fn review_bytes<'s>(
        &self,
        body: &[u8],
        scratch: &'s mut Scratch,
        cluster: &dyn ClusterView,
        namespaces: &dyn Fn(&str) -> Option<Arc<Json>>,
    ) -> Result<&'s Outcome, ReviewError> {
        self.read(body, scratch)?;
        Ok(self.judge(scratch, cluster, namespaces)?)
    }

    /// Reads an `AdmissionReview` and keeps of its objects what the rules for them read.
    ///
    /// # Errors
    /// When the bytes are no `AdmissionReview`.
    pub fn read(&self, body: &[u8], scratch: &mut Scratch) -> Result<(), ReviewError> {
        Ok(bytes::read(self, body, scratch)?)
    }

    /// Judges the request that was read last. `namespaces` gives the Namespace object of a name, if the host knows it;
    /// it is asked only when a rule reads it.
    ///
    /// # Errors
    /// When no request was read, and as [`Evaluator::review`].
    pub fn judge<'s>(
        &self,
        scratch: &'s mut Scratch,
        cluster: &dyn ClusterView,
        namespaces: &dyn Fn(&str) -> Option<Arc<Json>>,
    ) -> Result<&'s Outcome, EvalError> {
        bytes::judge(self, scratch, cluster, namespaces)
    }

    /// The same with decision trees and traces of every rule that applied.
    ///
    /// # Errors
    /// As [`Evaluator::review`].
    pub fn review_why(&self, review: &Review<'_>, cluster: &dyn ClusterView) -> Result<Outcome, EvalError> {
        run::review(self, review, cluster, true)
    }

    /// Judges a runtime event.
    ///
    /// # Errors
    /// As [`Evaluator::review`].
    pub fn event(&self, name: &str, event: &Json) -> Result<Outcome, EvalError> {
        run::event(self, name, event, false)
    }

    /// The same with decision trees and traces.
    ///
    /// # Errors
    /// As [`Evaluator::review`].
    pub fn event_why(&self, name: &str, event: &Json) -> Result<Outcome, EvalError> {
        run::event(self, name, event, true)
    }

    /// Applies the mutations to the object until nothing changes any more.
    ///
    /// # Errors
    /// As [`Evaluator::review`]; also when a place is taken by a value of another form, or the mutations do not
    /// settle.
    pub fn mutate(&self, review: &Review<'_>, cluster: &dyn ClusterView) -> Result<Mutated, EvalError> {
        mutate::mutate(self, review, cluster)
    }
}

#[cfg(test)]
mod tests;
