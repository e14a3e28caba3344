//! What a rule's target lets it name: the roots.

use kpol_vm::ir::{Operation, RootId, Slot, Target};

/// The input of a rule, mutation or condition.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    /// Names that stand for a root value.
    pub(crate) roots: Vec<(&'static str, Slot, RootId)>,
    /// The event root, whose fields are names of their own.
    pub(crate) event: Option<RootId>,
    /// Whether `cluster.others(K)` and `cluster.all(K)` have an answer.
    pub(crate) admission: bool,
    /// Whether `old` is always there.
    pub(crate) update_only: bool,
    /// Where it applies; also what a `define .. on X` is matched against.
    pub(crate) targets: Vec<Target>,
    /// The targets as the author named them, for messages.
    pub(crate) title: String,
    /// Steps of a correlation and other names with an event behind them.
    pub(crate) steps: Vec<(String, RootId)>,
    /// Steps with a mistake that is reported where they stand.
    pub(crate) excused: Vec<String>,
    /// Names that the world of the definition does not know while a define without `on` is checked.
    pub(crate) bare: bool,
}

impl World {
    /// The root value called `name`.
    pub(crate) fn root(&self, name: &str) -> Option<(Slot, RootId)> {
        if self.bare {
            return None;
        }
        self.roots.iter().find(|(root, _, _)| *root == name).map(|(_, slot, id)| (*slot, *id))
    }
}

/// Whether every target is an update and nothing else.
pub(crate) fn update_only(targets: &[Target]) -> bool {
    targets.iter().all(|target| match target {
        Target::Kind { operations, .. } => operations.as_slice() == [Operation::Update],
        Target::Event { .. } => false,
    })
}
