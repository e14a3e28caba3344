//! What a loop over the objects of a cluster looks up, so that it need not ask every one of them.
//!
//! ```text
//! [o.id for o in cluster.others(Ingress) where any x in o.spec.rules { x.host == r.host }]
//!                                        └──────────── key ─────────┘    └─ value ──┘
//! ```
//!
//! The key is worked out once for every object that is kept, the value once for every loop. An object whose keys do not
//! hold the value makes the condition false, whatever else is in it; the others are asked as ever.

use std::sync::Arc;

use super::{Code, ExprId, LocalId, RootId, Ty};

/// Something that an index tells objects apart by: expressions that read one object and nothing else.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexKey {
    /// The root of the objects.
    pub root: RootId,
    /// The expressions. [`IndexKey::OBJECT`] is the object.
    pub code: Code,
    /// What is bound before the key is read, from the outside in.
    pub binders: Vec<Binder>,
    /// The key.
    pub key: ExprId,
    /// Whether each element of the key is a key.
    pub each: bool,
    /// The type under which keys and values are equal.
    pub ty: Ty,
}

impl IndexKey {
    /// The local that is the object.
    pub const OBJECT: LocalId = LocalId(0);
}

/// A local on the way to a key or value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binder {
    /// Each element of a list in turn.
    Each(LocalId, ExprId),
    /// A value.
    Let(LocalId, ExprId),
}

/// How one loop looks up.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// The loop: an [`Op::Quantified`](super::Op::Quantified) or [`Op::Comprehension`](super::Op::Comprehension) over
    /// [`Op::Cluster`](super::Op::Cluster).
    pub at: ExprId,
    /// What the index holds.
    pub key: Arc<IndexKey>,
    /// What is bound before the value is read; the loop's own local is not among it.
    pub binders: Vec<Binder>,
    /// What is looked up: an expression of the loop's own code.
    pub value: ExprId,
    /// Whether each element of the value is looked up.
    pub each: bool,
}
