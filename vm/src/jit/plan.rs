//! What machine code is made of: conditions and values, with every offset, every param and every constant put in.
//!
//! ```text
//! Rule + layouts + params ──planner──▶ Plan { steps, sites, tests } ──codegen──▶ machine code
//! ```
//!
//! A plan is total: what has no form of its own here is a *site*, an expression that `interp` evaluates when the
//! machine code asks for it. Loops over constant lists are rolled out, so that their elements are constants too.

use std::sync::Arc;

use crate::{
    builtin::Builtin,
    ir::{ClauseId, CompareOp, ExprId, LocalId, Quant, RecordId, RootId, Slot},
    layout::SlotLayout,
    types::Type,
    value::Value,
};

use super::text::{Minus, PairTest, TextTest};

/// One rule under one set of params, or several that are fused.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    /// What the steps outside all loops cost.
    pub(super) cost: Cost,
    /// What everything costs, loops too.
    pub(super) bound: Bound,
    /// The facts that machine code reads, in the order of its context.
    pub(super) needs: Vec<(Slot, RootId)>,
    pub(super) sites: Vec<Site>,
    pub(super) tests: Vec<Arc<TextTest>>,
    pub(super) pairs: Vec<Arc<PairTest>>,
    pub(super) calls: Vec<Invoke>,
    pub(super) minuses: Vec<Minus>,
    /// How large it is: its conditions and values.
    pub(super) nodes: usize,
    /// Whether it is of several rules, and says only whether any of them finds something.
    pub(super) is_fused: bool,
}

/// A call of a builtin.
pub(super) struct Invoke {
    pub(super) builtin: &'static Builtin,
    /// Constants, and how the others are handed over, in the order of the frame.
    pub(super) args: Vec<Result<Value, (Kind, Type)>>,
    pub(super) kind: Kind,
}

/// An upper bound of what `interp` would spend: `steps + widths × W`, where `W` is at least the cost of handling the
/// longest text of the facts (and `4 W` that of the longest list).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) steps: u64,
    pub(super) widths: u64,
}

/// An upper bound of a cost, as a polynomial in the bytes of the facts: an element of a list takes some of them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Bound {
    terms: [f64; Bound::TERMS],
    loops: bool,
}

impl Bound {
    const TERMS: usize = 6;

    pub(super) fn spend(&mut self, steps: u64, widths: u64) {
        let [constant, linear, ..] = &mut self.terms;
        *constant += steps as f64 + widths as f64;
        *linear += widths as f64 / 32.0;
    }

    /// Adds a loop: so many bytes of a fact for each turn; 0: any number of turns.
    pub(super) fn add_loop(&mut self, body: Bound, stride: u32) {
        let turns_per_byte = if stride == 0 { f64::INFINITY } else { 1.0 / f64::from(stride) };
        let mut carried = 0.0;
        self.loops = true;
        for (term, of_body) in self.terms.iter_mut().zip(body.terms) {
            *term += of_body + carried;
            carried = if of_body == 0.0 { 0.0 } else { of_body * turns_per_byte };
        }
        if carried > 0.0 {
            self.terms = [f64::INFINITY; Bound::TERMS];
        }
    }

    /// Whether there is a loop in it, over whatever list.
    pub(super) fn has_loops(&self) -> bool {
        self.loops
    }

    pub(super) fn at(&self, bytes: usize) -> f64 {
        let bytes = bytes as f64;
        self.terms.iter().rev().fold(0.0, |sum, term| sum * bytes + term)
    }
}

/// An expression that `interp` evaluates.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) expr: ExprId,
    /// The locals that it reads, in the order of the frame.
    pub(super) locals: Vec<(LocalId, Kind, Type)>,
    /// The locals that are constants here.
    pub(super) consts: Vec<(LocalId, Value)>,
    pub(super) kind: Kind,
}

/// How a value stands in registers.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Bool,
    Int,
    /// Address and length; of scalars that are parsed when they are read, the text too.
    Text,
    /// Address of its bytes, and of the fact's.
    Record(RootId, RecordId),
    /// Address of the first element, count, and the fact's address.
    List(Elements),
    /// Address of its slot, and of the fact's bytes.
    Map(SlotLayout, RootId),
    /// A list that the host holds: handle and count.
    HostList,
    /// A value that the host holds: a handle.
    Opaque,
}

/// How the elements of a list lie.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Elements {
    pub(super) slot: SlotLayout,
    pub(super) head: u32,
    pub(super) stride: u32,
    pub(super) root: RootId,
}

/// A statement.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// The rest of the block only if it holds.
    Where(Cond),
    /// The inner block only if it holds; then the rest. Only [`super::fuse`] makes it.
    If(Cond, Vec<Step>),
    Let(LocalId, Node),
    /// The blocks of a loop over a constant list, one after the other, each with its index.
    Unrolled {
        depth: u32,
        blocks: Vec<Vec<Step>>,
    },
    For {
        depth: u32,
        each: Loop,
        body: Vec<Step>,
    },
    Hit {
        clause: ClauseId,
        depth: u32,
        cond: Cond,
    },
}

/// A loop over a list that is not constant.
#[derive(Clone, Debug)]
pub(super) struct Loop {
    pub(super) list: Box<Node>,
    /// What an element is.
    pub(super) item: Kind,
    pub(super) local: LocalId,
    /// What one iteration costs, loops inside it apart.
    pub(super) cost: Cost,
}

/// A condition.
#[derive(Clone, Debug)]
pub(super) enum Cond {
    Const(bool),
    Not(Box<Cond>),
    All(Vec<Cond>),
    Any(Vec<Cond>),
    If(Box<Cond>, Box<Cond>, Box<Cond>),
    /// A value is there.
    Present(Box<Node>),
    /// Somebody wrote a field.
    Written {
        base: Box<Node>,
        bit: u32,
    },
    /// A list or text is absent or has nothing in it.
    Empty(Box<Node>),
    /// A boolean is there and true.
    Holds(Box<Node>),
    /// Two booleans or integers are equal, or both absent.
    Same(Box<Node>, Box<Node>),
    /// Two integers are there and in order.
    Order(CompareOp, Box<Node>, Box<Node>),
    /// A text is there and one of these, byte by byte.
    TextIs(Box<Node>, Vec<Box<str>>),
    /// A text is there and passes a test of [`Plan::tests`].
    Test(Box<Node>, usize),
    /// Two texts are there and pass a test of [`Plan::pairs`], or (if said so) both are absent.
    Pair {
        a: Box<Node>,
        b: Box<Node>,
        test: usize,
        or_both_absent: bool,
    },
    Quant {
        quant: Quant,
        each: Loop,
        body: Box<Cond>,
    },
    Let {
        local: LocalId,
        value: Box<Node>,
        body: Box<Cond>,
    },
    /// A site of kind `Bool` holds.
    Site(usize),
}

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// Absent, a boolean, an integer or a text.
    Const(Value),
    Root {
        need: usize,
        root: RootId,
    },
    Local(LocalId, Kind),
    /// A field: bit of its presence, offset of its slot in the record.
    Field {
        base: Box<Node>,
        bit: u32,
        at: u32,
        has_default: bool,
        kind: Kind,
        boxed: bool,
    },
    /// A named key of a map field: also the key's bit, and the offset of its slot in the map.
    Key {
        base: Box<Node>,
        bit: u32,
        at: u32,
        key_bit: u32,
        key_at: u32,
        kind: Kind,
        boxed: bool,
    },
    /// What a map holds under a key.
    Entry {
        map: Box<Node>,
        key: Box<Node>,
        whole_at: u32,
        stride: u32,
        kind: Kind,
        boxed: bool,
    },
    Choice {
        cond: Box<Cond>,
        then: Box<Node>,
        otherwise: Box<Node>,
        kind: Kind,
    },
    First {
        first: Box<Node>,
        second: Box<Node>,
        kind: Kind,
    },
    Let {
        local: LocalId,
        value: Box<Node>,
        body: Box<Node>,
    },
    Cond(Box<Cond>),
    Add(Box<Node>, Box<Node>),
    Sub(Box<Node>, Box<Node>),
    /// For how many elements the condition holds.
    Count {
        each: Loop,
        body: Box<Cond>,
    },
    /// How many of these hold.
    CountOf(Vec<Cond>),
    /// How many elements a list has; an absent one has none.
    Length(Box<Node>),
    Site(usize, Kind),
    /// A call of [`Plan::calls`], with those of its arguments that are no constants.
    Call {
        call: usize,
        args: Vec<Node>,
        kind: Kind,
    },
    /// A list of texts without those of [`Plan::minuses`].
    Minus {
        list: Box<Node>,
        minus: usize,
        stride: u32,
    },
}

impl Node {
    /// How it stands in registers; `None`: as absent, which is of every kind.
    pub(super) fn kind(&self) -> Option<Kind> {
        match self {
            Node::Const(Value::Bool(_)) | Node::Cond(_) => Some(Kind::Bool),
            Node::Const(Value::Int(_))
            | Node::Add(..)
            | Node::Sub(..)
            | Node::Count { .. }
            | Node::CountOf(_)
            | Node::Length(_) => Some(Kind::Int),
            Node::Const(Value::Text(_)) => Some(Kind::Text),
            Node::Const(_) => None,
            Node::Root { root, .. } => Some(Kind::Record(*root, RecordId(0))),
            Node::Local(_, kind)
            | Node::Field { kind, .. }
            | Node::Key { kind, .. }
            | Node::Entry { kind, .. }
            | Node::Choice { kind, .. }
            | Node::First { kind, .. }
            | Node::Call { kind, .. }
            | Node::Site(_, kind) => Some(kind.clone()),
            Node::Minus { .. } => Some(Kind::HostList),
            Node::Let { body, .. } => body.kind(),
        }
    }
}
