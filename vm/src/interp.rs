//! The reference engine: short, readable and slow. What it says is what the language means.
//!
//! ```text
//! Rule + Env ──hits────▶ which verdicts, in which loop iterations        (hot: what the fast engines answer too)
//!            ──explain─▶ message, fix, blamed paths, decision tree       (cold: for hits alone)
//!            ──trace───▶ decision trees of every verdict                 (for `--why`)
//! ```
//!
//! Every operation is total; absent operands follow the laws of `docs/language.md`. A condition that is absent does
//! not hold, and its negation does. The only way to stop is [`Trap`]: fuel (one unit per expression, more for long
//! values) or, in code that no verifier saw, depth.

mod blame;
mod body;
mod change;
mod eval;
mod explain;
mod ops;
mod probe;
mod provenance;
mod why;

pub use body::{Hit, hits};
pub use change::{Change, changes};
pub use eval::Interp;
pub use explain::{Explanation, Trace, TraceBinding, explain, trace};
pub use probe::Ask;
pub use why::WhyNode;

pub(crate) use eval::size;
pub(crate) use ops::{equal_as, is_member, order, under};
pub(crate) use probe::Last;

use std::sync::Arc;

use crate::{
    builtin::Builtin,
    fact::Fact,
    ir::{Module, RootId, Slot},
    value::Value,
};

/// Expressions inside expressions, at most so deep (chains of `and` and of `or` count once).
pub const MAX_DEPTH: usize = 200;

/// Everything that code is evaluated in.
#[derive(Clone, Copy)]
pub struct Env<'e> {
    /// The module that the code is of.
    pub module: &'e Module,
    /// The module's builtins, by [`crate::ir::BuiltinId`].
    pub builtins: &'e [&'static Builtin],
    /// The params' values, by [`crate::ir::ParamId`].
    pub params: &'e [Value],
    /// The facts.
    pub roots: &'e Roots,
    /// The JSON keys from the object to its pod template.
    pub pod_keys: &'e [String],
    /// The other objects of the cluster.
    pub cluster: &'e dyn ClusterView,
    /// The object under review.
    pub subject: Option<Subject<'e>>,
    /// The most steps.
    pub fuel: u64,
}

/// The facts that a host gives, by slot and root.
#[derive(Clone, Debug, Default)]
pub struct Roots {
    facts: Vec<((Slot, RootId), Arc<Fact>)>,
}

impl Roots {
    /// Gives a fact.
    pub fn insert(&mut self, slot: Slot, root: RootId, fact: Arc<Fact>) {
        if self.get(slot, root).is_none() {
            self.facts.push(((slot, root), fact));
        }
    }

    /// Takes all facts away.
    pub fn clear(&mut self) {
        self.facts.clear();
    }

    /// The facts, in the order in which they were given.
    pub fn iter(&self) -> impl Iterator<Item = &((Slot, RootId), Arc<Fact>)> {
        self.facts.iter()
    }

    /// The fact of a slot, as a root.
    #[must_use]
    pub fn get(&self, slot: Slot, root: RootId) -> Option<&Arc<Fact>> {
        self.facts.iter().find(|(key, _)| *key == (slot, root)).map(|(_, fact)| fact)
    }
}

/// Which object is under review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject<'a> {
    /// API group of its kind.
    pub group: &'a str,
    /// Its kind.
    pub kind: &'a str,
    /// Its namespace; empty: none.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
}

/// The objects of a cluster, for rules that look at other objects.
pub trait ClusterView {
    /// The objects that the module watches as this root, in a fixed order; without `except`, if it is of their kind.
    fn facts(&self, root: RootId, except: Option<Subject<'_>>) -> Vec<Arc<Fact>>;

    /// How many objects are watched as this root.
    fn count(&self, root: RootId) -> usize {
        self.facts(root, None).len()
    }

    /// Of [`ClusterView::facts`], in their order: at least all those that every one of `asks` may be true of. `None`: there is
    /// no index for any of them.
    fn find(&self, _root: RootId, _asks: &[Ask<'_>], _except: Option<Subject<'_>>) -> Option<Vec<Arc<Fact>>> {
        None
    }
}

/// A cluster without objects.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCluster;

impl ClusterView for NoCluster {
    fn facts(&self, _root: RootId, _except: Option<Subject<'_>>) -> Vec<Arc<Fact>> {
        Vec::new()
    }
}

/// Why an evaluation stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trap {
    /// It took more steps than allowed.
    #[error("it takes too many steps")]
    OutOfFuel,
    /// Its expressions are nested too deeply; verified code never is.
    #[error("its expressions are nested too deeply")]
    TooDeep,
}

#[cfg(test)]
pub(crate) mod tests;
