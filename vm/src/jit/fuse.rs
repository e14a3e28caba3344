//! Several rules as one function, which says only whether any of them finds something.
//!
//! ```text
//! rule a { for c in containers { where P(c)  deny when A(c) } }  ┐      for c in containers {
//! rule b { for c in containers { where P(c)  deny when B(c) } }  ├──▶     if P(c) { found when A(c)  found when B(c) }
//! rule c { for c in containers { deny when C(c) } }              ┘        found when C(c)  }
//! ```
//!
//! Nearly every review passes nearly every rule. So this is asked first; the rules of a function that found something are run one
//! by one. The order in which rules look does not matter to the answer: therefore statements that begin alike become one,
//! and what they have in common (a list, a condition, the way to a field) is worked out once. The code is small, too: ten thousand rules stay in
//! the processor's caches.
//!
//! Statements begin alike if they are equal once locals are numbered by how deep they are bound, and facts and tests by what they are.
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "few forms of statements and conditions are split up; the others stay whole"
)]

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use super::{
    plan::{Cond, Cost, Loop, Node, Plan, Step},
    shared,
    text::{PairTest, TextTest},
};
use crate::ir::{LocalId, Quant};

/// Conditions and values of rules that are fused, at most: the code generator takes longer than its input grows.
const MAX_NODES: usize = 3_000;
/// Rules that are fused, at most: where one of them finds something, all are run.
const MAX_RULES: usize = 64;

/// A plan that may become part of a function, with the numbers of its needs.
#[derive(Clone, Copy)]
pub(super) struct Member<'p> {
    pub(super) plan: &'p Plan,
    pub(super) needs: &'p [usize],
}

/// Whether a plan can be fused: what hostcalls look up by rule cannot.
pub(super) fn can_be_fused(plan: &Plan) -> bool {
    plan.sites.is_empty() && plan.calls.is_empty() && plan.minuses.is_empty() && plan.nodes <= MAX_NODES
}

/// How many of the first members make a function of a good size.
pub(super) fn fitting(members: &[Member<'_>]) -> usize {
    let mut nodes = 0;
    let fits = |member: &&Member<'_>| {
        nodes += member.plan.nodes;
        nodes <= MAX_NODES
    };
    members.iter().take(MAX_RULES).take_while(fits).count().max(1)
}

/// The members as one plan, and the numbers of its needs.
pub(super) fn fuse(members: &[Member<'_>]) -> (Plan, Vec<usize>) {
    let mut names = Names::default();
    let mut cost = Cost::default();
    let mut threads = Vec::new();
    for member in members {
        cost = sum(cost, member.plan.cost);
        let mut steps = member.plan.steps.clone();
        Renaming { names: &mut names, member: *member, scope: Vec::new() }.block(&mut steps);
        threads.push(VecDeque::from(steps));
    }
    let steps = merge(threads);
    let needs = names.needs.iter().map(|(_, need)| *need).collect();
    let plan = Plan {
        steps,
        cost,
        needs: names.needs.into_iter().map(|(need, _)| need).collect(),
        tests: names.tests,
        pairs: names.pairs,
        nodes: members.iter().map(|member| member.plan.nodes).sum(),
        is_fused: true,
        ..Plan::default()
    };
    (plan, needs)
}

fn sum(a: Cost, b: Cost) -> Cost {
    Cost { steps: a.steps.saturating_add(b.steps), widths: a.widths.saturating_add(b.widths) }
}

// Names.

/// What facts and tests are called in the fused plan.
#[derive(Default)]
struct Names {
    needs: Vec<((crate::ir::Slot, crate::ir::RootId), usize)>,
    tests: Vec<Arc<TextTest>>,
    pairs: Vec<Arc<PairTest>>,
    by_text: HashMap<String, usize>,
}

impl Names {
    fn need(&mut self, member: Member<'_>, need: usize) -> usize {
        let (Some(of_plan), Some(number)) = (member.plan.needs.get(need), member.needs.get(need)) else {
            return usize::MAX;
        };
        self.needs.iter().position(|(_, known)| known == number).unwrap_or_else(|| {
            self.needs.push((*of_plan, *number));
            self.needs.len() - 1
        })
    }

    fn test(&mut self, member: Member<'_>, test: usize) -> usize {
        let Some(test) = member.plan.tests.get(test) else { return usize::MAX };
        *self.by_text.entry(shared::test_key(test)).or_insert_with(|| {
            self.tests.push(Arc::clone(test));
            self.tests.len() - 1
        })
    }

    fn pair(&mut self, member: Member<'_>, pair: usize) -> usize {
        let Some(pair) = member.plan.pairs.get(pair) else { return usize::MAX };
        *self.by_text.entry(format!("pair {pair:?}")).or_insert_with(|| {
            self.pairs.push(Arc::clone(pair));
            self.pairs.len() - 1
        })
    }
}

/// Gives the parts of one member their names in the fused plan.
struct Renaming<'n> {
    names: &'n mut Names,
    member: Member<'n>,
    /// The locals that are bound here, from the outside in.
    scope: Vec<LocalId>,
}

impl Renaming<'_> {
    /// Binds a local: its new name is its depth.
    fn bind(&mut self, local: &mut LocalId) {
        self.scope.push(*local);
        *local = depth(self.scope.len() - 1);
    }

    fn block(&mut self, steps: &mut [Step]) {
        let outer = self.scope.len();
        for step in steps {
            match step {
                Step::Where(cond) | Step::Hit { cond, .. } => self.cond(cond),
                Step::If(cond, body) => {
                    self.cond(cond);
                    self.block(body);
                }
                Step::Let(local, value) => {
                    self.node(value);
                    self.bind(local);
                }
                Step::Unrolled { blocks, .. } => blocks.iter_mut().for_each(|steps| self.block(steps)),
                Step::For { each, body, .. } => self.each(each, |names| names.block(body)),
            }
        }
        self.scope.truncate(outer);
    }

    fn each(&mut self, each: &mut Loop, body: impl FnOnce(&mut Self)) {
        self.node(&mut each.list);
        self.bind(&mut each.local);
        body(self);
        self.scope.pop();
    }

    fn cond(&mut self, cond: &mut Cond) {
        match cond {
            Cond::Const(_) | Cond::Site(_) => {}
            Cond::Not(cond) => self.cond(cond),
            Cond::All(conds) | Cond::Any(conds) => conds.iter_mut().for_each(|cond| self.cond(cond)),
            Cond::If(cond, then, otherwise) => {
                [cond, then, otherwise].into_iter().for_each(|cond| self.cond(cond));
            }
            Cond::Present(node)
            | Cond::Empty(node)
            | Cond::Holds(node)
            | Cond::TextIs(node, _)
            | Cond::Written { base: node, .. } => self.node(node),
            Cond::Same(a, b) | Cond::Order(_, a, b) => [a, b].into_iter().for_each(|node| self.node(node)),
            Cond::Test(node, test) => {
                *test = self.names.test(self.member, *test);
                self.node(node);
            }
            Cond::Pair { a, b, test, .. } => {
                *test = self.names.pair(self.member, *test);
                [a, b].into_iter().for_each(|node| self.node(node));
            }
            Cond::Quant { each, body, .. } => self.each(each, |names| names.cond(body)),
            Cond::Let { local, value, body } => {
                self.node(value);
                self.bind(local);
                self.cond(body);
                self.scope.pop();
            }
        }
    }

    fn node(&mut self, node: &mut Node) {
        match node {
            Node::Const(_) | Node::Site(..) => {}
            Node::Root { need, .. } => *need = self.names.need(self.member, *need),
            Node::Local(local, _) => {
                // The innermost one of that name is meant. Verified code reads no local that is not bound.
                let at = self.scope.iter().rposition(|known| known == local);
                *local = at.map_or(LocalId(u32::MAX), depth);
            }
            Node::Field { base, .. } | Node::Key { base, .. } => self.node(base),
            Node::Entry { map: a, key: b, .. }
            | Node::First { first: a, second: b, .. }
            | Node::Add(a, b)
            | Node::Sub(a, b) => [a, b].into_iter().for_each(|node| self.node(node)),
            Node::Choice { cond, then, otherwise, .. } => {
                self.cond(cond);
                [then, otherwise].into_iter().for_each(|node| self.node(node));
            }
            Node::Let { local, value, body } => {
                self.node(value);
                self.bind(local);
                self.node(body);
                self.scope.pop();
            }
            Node::Cond(cond) => self.cond(cond),
            Node::Count { each, body } => self.each(each, |names| names.cond(body)),
            Node::CountOf(conds) => conds.iter_mut().for_each(|cond| self.cond(cond)),
            Node::Length(list) | Node::Minus { list, .. } => self.node(list),
            Node::Call { args, .. } => args.iter_mut().for_each(|node| self.node(node)),
        }
    }
}

fn depth(at: usize) -> LocalId {
    LocalId(u32::try_from(at).unwrap_or(u32::MAX - 1))
}

// Merging.

/// Statements of one rule that follow each other.
type Thread = VecDeque<Step>;

/// Statements of all threads, so that those which begin alike begin once.
fn merge(threads: Vec<Thread>) -> Vec<Step> {
    let mut groups: Vec<(Step, Vec<Thread>)> = Vec::new();
    let mut numbers: HashMap<String, usize> = HashMap::new();
    let mut open: VecDeque<Thread> = threads.into();
    while let Some(mut thread) = open.pop_front() {
        let Some(first) = thread.pop_front() else { continue };
        let (head, rest) = match first {
            // A loop says nothing about what comes behind it.
            Step::For { depth, each, body } => {
                open.push_front(thread);
                (Step::For { depth, each, body: Vec::new() }, body.into())
            }
            Step::Unrolled { blocks, .. } => {
                open.push_front(thread);
                blocks.into_iter().rev().for_each(|block| open.push_front(block.into()));
                continue;
            }
            Step::If(cond, body) => {
                open.push_front(thread);
                (Step::Where(cond), body.into())
            }
            Step::Hit { clause, depth, cond } => {
                open.push_front(thread);
                match split(cond) {
                    Split::Never => continue,
                    Split::Whole(cond) => (Step::Hit { clause, depth, cond }, Thread::new()),
                    Split::Into(threads) => {
                        for steps in threads.into_iter().rev() {
                            open.push_front(steps.into_iter().map(|step| step.with(clause, depth)).collect());
                        }
                        continue;
                    }
                }
            }
            Step::Where(Cond::Const(false)) => continue,
            Step::Where(Cond::Const(true)) => {
                open.push_front(thread);
                continue;
            }
            Step::Where(Cond::All(conds)) => {
                conds.into_iter().rev().for_each(|cond| thread.push_front(Step::Where(cond)));
                open.push_front(thread);
                continue;
            }
            head @ (Step::Where(_) | Step::Let(..)) => (head, thread),
        };
        let number = *numbers.entry(key(&head)).or_insert(groups.len());
        match groups.get_mut(number) {
            Some((known, threads)) => {
                add_cost(known, &head);
                threads.push(rest);
            }
            None => groups.push((head, vec![rest])),
        }
    }
    let mut steps = Vec::with_capacity(groups.len());
    for (head, threads) in groups {
        match head {
            Step::Where(cond) => steps.push(Step::If(cond, merge(threads))),
            Step::For { depth, each, .. } => steps.push(Step::For { depth, each, body: merge(threads) }),
            // What follows a local reads it under a name that the next group may give to another.
            Step::Let(..) => {
                steps.push(head);
                steps.extend(merge(threads));
            }
            Step::Hit { .. } | Step::If(..) | Step::Unrolled { .. } => steps.push(head),
        }
    }
    steps
}

/// Equal for statements that are one, as they are printed. How much a loop costs does not count.
fn key(head: &Step) -> String {
    match head {
        Step::For { each, .. } => format!("for {:?} {:?} {:?}", each.local, each.item, each.list),
        Step::Hit { cond, .. } => format!("hit {cond:?}"),
        other => format!("{other:?}"),
    }
}

/// A turn of a loop costs what the turns of all its rules cost.
fn add_cost(known: &mut Step, other: &Step) {
    if let (Step::For { each, .. }, Step::For { each: other, .. }) = (known, other) {
        each.cost = sum(each.cost, other.cost);
    }
}

/// A verdict as statements that others may begin like.
enum Split {
    Never,
    Whole(Cond),
    Into(Vec<Vec<Part>>),
}

enum Part {
    Where(Cond),
    Let(LocalId, Node),
    For(Loop, Box<Part>),
    Hit(Cond),
}

impl Part {
    fn with(self, clause: crate::ir::ClauseId, depth: u32) -> Step {
        match self {
            Part::Where(cond) => Step::Where(cond),
            Part::Let(local, value) => Step::Let(local, value),
            Part::For(each, body) => Step::For { depth, each, body: vec![body.with(clause, depth)] },
            Part::Hit(cond) => Step::Hit { clause, depth, cond },
        }
    }
}

fn split(cond: Cond) -> Split {
    match cond {
        Cond::Const(false) => Split::Never,
        Cond::Any(conds) => Split::Into(conds.into_iter().map(|cond| vec![Part::Hit(cond)]).collect()),
        Cond::All(mut conds) => {
            let last = conds.pop().unwrap_or(Cond::Const(true));
            let mut parts: Vec<Part> = conds.into_iter().map(Part::Where).collect();
            parts.push(Part::Hit(last));
            Split::Into(vec![parts])
        }
        Cond::Let { local, value, body } => {
            Split::Into(vec![vec![Part::Let(local, *value), Part::Hit(*body)]])
        }
        Cond::Quant { quant: Quant::Any, each, body } => {
            Split::Into(vec![vec![Part::For(each, Box::new(Part::Hit(*body)))]])
        }
        Cond::Not(cond) => match *cond {
            Cond::Const(true) => Split::Never,
            Cond::Not(cond) => split(*cond),
            Cond::Quant { quant: Quant::None, each, body } => {
                Split::Into(vec![vec![Part::For(each, Box::new(Part::Hit(*body)))]])
            }
            Cond::Quant { quant: Quant::All, each, body } => {
                Split::Into(vec![vec![Part::For(each, Box::new(Part::Hit(Cond::Not(body))))]])
            }
            Cond::Any(conds) => split(Cond::All(conds.into_iter().map(inverse).collect())),
            Cond::All(conds) => split(Cond::Any(conds.into_iter().map(inverse).collect())),
            other => Split::Whole(Cond::Not(Box::new(other))),
        },
        other => Split::Whole(other),
    }
}

fn inverse(cond: Cond) -> Cond {
    Cond::Not(Box::new(cond))
}
