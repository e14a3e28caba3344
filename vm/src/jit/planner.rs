//! Makes a [`Plan`] of a rule: `interp`'s meaning of every operation, with what is known at load put in.
//!
//! An operation that has no form of its own, or operands of a form that it does not take, becomes a site; so a plan
//! never guesses. Costs are those of `interp` or above, and both branches of a choice count.
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "what has no form in a plan is left to `interp`, whatever it is"
)]

use std::{collections::HashMap, sync::Arc};

use super::plan::{Cond, Cost, Elements, Invoke, Kind, Loop, Node, Plan, Site, Step};
use super::text::{Minus, PairTest, TextTest};
use crate::{
    builtin::{Builtin, Intrinsic},
    interp::{self, Env, Interp, NoCluster, Roots},
    ir::{
        BuiltinId, ClauseId, Code, CompareOp, Expr, ExprId, LocalId, Module, Op, Quant, RecordId, RootId,
        Rule, Slot, Stmt, TextOp, Ty,
    },
    layout::{Layout, SlotLayout},
    scalar::{canonical_text, glob::Glob, regex::Pattern},
    types::Type,
    value::{Value, unify},
};

/// Loops over constant lists of at most so many elements are rolled out.
const MAX_UNROLLED: usize = 16;
/// Texts that are compared in place, one after the other, at most.
const MAX_INLINE_TEXTS: usize = 8;
/// Parts of a plan, at most; larger rules stay with `interp`.
const MAX_NODES: usize = 8_000;
/// The most steps that are spent on the constants of one rule.
const CONST_FUEL: u64 = 1_000_000;
/// Sites of a plan, at most.
const MAX_SITES: usize = 256;
/// The greatest cost that is told apart; it uses up every fuel.
const MAX_COST: u64 = 1 << 24;

/// What a plan is made from.
#[derive(Clone, Copy)]
pub(super) struct Source<'p> {
    pub(super) module: &'p Module,
    pub(super) builtins: &'p [&'static Builtin],
    pub(super) layouts: &'p [Arc<Layout>],
    pub(super) params: &'p [Value],
    /// Facts that are the same for every input.
    pub(super) fixed: &'p Roots,
    pub(super) body: Body<'p>,
}

/// What is planned.
#[derive(Clone, Copy)]
pub(super) enum Body<'p> {
    Rule(&'p Rule),
    /// A rule whose first statement, a `where`, holds already.
    Rest(&'p Rule),
    /// A condition, as a rule whose only verdict (clause 0) it is.
    Condition(&'p Code, ExprId),
}

impl<'p> Body<'p> {
    fn code(self) -> &'p Code {
        match self {
            Body::Rule(rule) | Body::Rest(rule) => &rule.code,
            Body::Condition(code, _) => code,
        }
    }
}

/// The plan of a rule or condition; `None` if it is too large.
pub(super) fn plan(source: Source<'_>) -> Option<Plan> {
    // A local that is only asked about has no value that a site could read.
    plan_with(source, true).or_else(|| plan_with(source, false))
}

fn plan_with(source: Source<'_>, may_ask: bool) -> Option<Plan> {
    let code = source.body.code();
    let mut planner = Planner {
        source,
        code,
        env: HashMap::new(),
        closed: closed(code, source.fixed),
        has_cluster: code.exprs.iter().any(|expr| matches!(expr.op, Op::Cluster { .. })),
        cost: Cost::default(),
        bound: super::plan::Bound::default(),
        nodes: 0,
        made_up: 0,
        const_fuel: CONST_FUEL,
        may_ask,
        plan: Plan::default(),
    };
    let steps = match source.body {
        Body::Rule(rule) => planner.block(&rule.body, 0),
        Body::Rest(rule) => {
            let (first, rest) = rule.body.split_first()?;
            // Its cost counts all the same: the limits are those of the whole rule.
            if let Stmt::Where(cond) = first {
                planner.cond(*cond);
            }
            planner.block(rest, 0)
        }
        Body::Condition(_, cond) => {
            vec![Step::Hit { clause: ClauseId(0), depth: 0, cond: planner.cond(cond) }]
        }
    };
    if planner.nodes > MAX_NODES || planner.plan.needs.len() > super::MAX_NEEDS {
        return None;
    }
    planner.plan.steps = steps;
    planner.plan.cost = planner.cost;
    planner.plan.bound = planner.bound;
    planner.plan.nodes = planner.nodes;
    Some(planner.plan)
}

/// Which expressions read neither locals nor the cluster nor facts, but those that are fixed.
fn closed(code: &Code, fixed: &Roots) -> Vec<bool> {
    let mut closed: Vec<bool> = Vec::with_capacity(code.exprs.len());
    for expr in &code.exprs {
        let leaf = match &expr.op {
            Op::Local(_) | Op::Cluster { .. } => true,
            Op::Root(slot, root) => fixed.get(*slot, *root).is_none(),
            _ => false,
        };
        let operands = expr.op.operands();
        closed.push(!leaf && operands.iter().all(|id| closed.get(id.index()).copied().unwrap_or(false)));
    }
    closed
}

/// What a local is while its scope is planned.
#[derive(Clone)]
enum Bound {
    Const(Value),
    At(Kind, Type),
    /// Nobody asks for the value, only whether there is something in it: what it is computed from.
    Asked(ExprId),
}

struct Planner<'p> {
    source: Source<'p>,
    code: &'p Code,
    env: HashMap<LocalId, Bound>,
    closed: Vec<bool>,
    has_cluster: bool,
    cost: Cost,
    bound: super::plan::Bound,
    nodes: usize,
    made_up: u32,
    const_fuel: u64,
    may_ask: bool,
    plan: Plan,
}

impl<'p> Planner<'p> {
    fn ty(&self, id: ExprId) -> &'p Ty {
        self.code.expr(id).map_or(&Ty::DYN, |expr| &expr.ty)
    }

    fn spend(&mut self, steps: u64, widths: u64) {
        self.bound.spend(steps, widths);
        self.cost.steps = self.cost.steps.saturating_add(steps).min(MAX_COST);
        self.cost.widths = self.cost.widths.saturating_add(widths).min(MAX_COST);
    }

    fn over(&mut self) -> bool {
        self.nodes += 1;
        self.nodes > MAX_NODES
    }

    // Statements.

    fn block(&mut self, stmts: &'p [Stmt], depth: u32) -> Vec<Step> {
        let mut steps = Vec::with_capacity(stmts.len());
        let mut lets = Vec::new();
        for stmt in stmts {
            match stmt {
                Stmt::Where(cond) => steps.push(Step::Where(self.cond(*cond))),
                Stmt::Let(local, value) => {
                    let node = self.bound(*local, *value);
                    steps.extend(node.map(|node| Step::Let(*local, node)));
                    lets.push(*local);
                }
                Stmt::For { local, list, body } => steps.push(self.each(*local, *list, body, depth)),
                Stmt::Verdict { clause, cond } => {
                    let cond = cond.map_or(Cond::Const(true), |cond| self.cond(cond));
                    steps.push(Step::Hit { clause: *clause, depth, cond });
                }
            }
        }
        for local in lets {
            self.env.remove(&local);
        }
        steps
    }

    /// Binds a local to a value; `None` if the value is a constant.
    fn bound(&mut self, local: LocalId, value: ExprId) -> Option<Node> {
        if let Some(Node::Const(constant)) = self.node_or_const(value) {
            self.env.insert(local, Bound::Const(constant));
            return None;
        }
        if self.may_ask && self.is_only_asked(local, value) {
            // `interp` computes it here, so that its cost counts; what it is made of does not.
            let plan = &self.plan;
            let before = (plan.sites.len(), plan.calls.len(), plan.minuses.len());
            self.value(value);
            self.plan.sites.truncate(before.0);
            self.plan.calls.truncate(before.1);
            self.plan.minuses.truncate(before.2);
            self.env.insert(local, Bound::Asked(value));
            return None;
        }
        let mut node = self.value(value);
        // What cannot be handed to the host is held by it.
        if !node.kind().is_some_and(|kind| is_handed_over(&kind)) {
            node = self.site_node(value);
        }
        let kind = node.kind().unwrap_or(Kind::Opaque);
        self.env.insert(local, Bound::At(kind, scalar(self.ty(value))));
        Some(node)
    }

    /// Whether a local is the difference of a list and a constant one, and code asks only whether it is empty.
    fn is_only_asked(&mut self, local: LocalId, value: ExprId) -> bool {
        let Some(Op::Difference(list, taken)) = self.code.expr(value).map(|expr| &expr.op) else {
            return false;
        };
        if self.all_in(*list, *taken).is_none() {
            return false;
        }
        let is_it = |id: ExprId| self.code.expr(id).is_some_and(|expr| expr.op == Op::Local(local));
        let code = self.code;
        let asks = |op: &Op| matches!(op, Op::Call { builtin, .. } if self.intrinsic(*builtin) == Some(Intrinsic::IsEmpty));
        let in_code =
            code.exprs.iter().all(|expr| asks(&expr.op) || !expr.op.operands().iter().any(|id| is_it(*id)));
        in_code && !self.statements().is_some_and(|body| reads(body, &is_it))
    }

    fn statements(&self) -> Option<&'p [Stmt]> {
        match self.source.body {
            Body::Rule(rule) | Body::Rest(rule) => Some(&rule.body),
            Body::Condition(..) => None,
        }
    }

    fn intrinsic(&self, builtin: BuiltinId) -> Option<Intrinsic> {
        self.source.builtins.get(builtin.index()).and_then(|builtin| builtin.intrinsic)
    }

    fn each(&mut self, local: LocalId, list: ExprId, body: &'p [Stmt], depth: u32) -> Step {
        if let Some(items) = self.constant_items(list) {
            let mut blocks = Vec::with_capacity(items.len());
            for item in items.iter() {
                self.spend(2, 0);
                self.env.insert(local, Bound::Const(item.clone()));
                blocks.push(self.block(body, depth + 1));
                self.env.remove(&local);
            }
            return Step::Unrolled { depth, blocks };
        }
        let (list, item) = self.list(list);
        let (each, body) = self.scoped(local, list, item, |planner| planner.block(body, depth + 1));
        Step::For { depth, each, body }
    }

    /// The elements of a constant list, if they are few.
    fn constant_items(&mut self, list: ExprId) -> Option<Arc<[Value]>> {
        let Some(Node::Const(value)) = self.node_or_const(list) else { return None };
        let items = value.elements();
        (items.len() <= MAX_UNROLLED).then_some(items)
    }

    /// A list that is no constant, and what its elements are.
    fn list(&mut self, id: ExprId) -> (Node, (Kind, Type)) {
        let element = self.ty(id).element().unwrap_or(&Ty::DYN);
        let node = self.value(id);
        if let Some(Kind::List(elements)) = node.kind() {
            if let Some(kind) = self.kind_of_slot(&elements.slot, elements.root)
                && !matches!(kind, Kind::List(_) | Kind::Map(..))
            {
                return (node, (kind, scalar(element)));
            }
        } else if node.kind() == Some(Kind::HostList) {
            return (node, (self.host_kind(element), scalar(element)));
        }
        let (kind, ty) = (self.host_kind(element), scalar(element));
        (self.site_as(id, Kind::HostList), (kind, ty))
    }

    /// Plans what is inside a loop, with a cost of its own.
    fn scoped<T>(
        &mut self,
        local: LocalId,
        list: Node,
        (item, ty): (Kind, Type),
        work: impl FnOnce(&mut Self) -> T,
    ) -> (Loop, T) {
        let outer = std::mem::take(&mut self.cost);
        let outer_bound = std::mem::take(&mut self.bound);
        // The list's own size, the step of a statement's loop.
        self.spend(4, 0);
        self.env.insert(local, Bound::At(item.clone(), ty));
        let body = work(self);
        self.env.remove(&local);
        let cost = std::mem::replace(&mut self.cost, outer);
        let stride = if let Some(Kind::List(elements)) = list.kind() { elements.stride } else { 0 };
        let body_bound = std::mem::replace(&mut self.bound, outer_bound);
        self.bound.add_loop(body_bound, stride);
        (Loop { list: Box::new(list), item, local, cost }, body)
    }

    // Sites.

    /// How the host hands out a value of a type.
    fn host_kind(&self, ty: &Ty) -> Kind {
        match ty {
            Ty::Scalar(Type::Bool) => Kind::Bool,
            Ty::Scalar(Type::Int | Type::Port) => Kind::Int,
            Ty::Scalar(ty) if ty.is_text() => Kind::Text,
            // Objects of the cluster are not among the facts whose sizes are known.
            Ty::Record(root, record) if !self.has_cluster => Kind::Record(*root, *record),
            Ty::List(_) | Ty::Set(_) => Kind::HostList,
            Ty::Scalar(_) | Ty::Record(..) | Ty::Map(_) => Kind::Opaque,
        }
    }

    fn site(&mut self, expr: ExprId, kind: Kind) -> usize {
        if self.plan.sites.len() >= MAX_SITES {
            self.nodes = MAX_NODES + 1;
        }
        let mut site = Site { expr, locals: Vec::new(), consts: Vec::new(), kind };
        let mut seen = vec![false; expr.index() + 1];
        let mut open = vec![expr];
        while let Some(id) = open.pop() {
            let Some(seen) = seen.get_mut(id.index()).filter(|seen| !**seen) else { continue };
            *seen = true;
            let Some(expr) = self.code.expr(id) else { continue };
            open.extend(expr.op.operands());
            let Op::Local(local) = expr.op else { continue };
            match self.env.get(&local) {
                Some(Bound::Const(value)) if !site.consts.iter().any(|(l, _)| *l == local) => {
                    site.consts.push((local, value.clone()));
                }
                Some(Bound::At(kind, ty)) if !site.locals.iter().any(|(l, ..)| *l == local) => {
                    site.locals.push((local, kind.clone(), ty.clone()));
                }
                Some(Bound::Const(_) | Bound::At(..)) | None => {}
                // What asks is never a site, and nothing else reads it.
                Some(Bound::Asked(_)) => self.nodes = MAX_NODES + 1,
            }
        }
        self.plan.sites.push(site);
        self.plan.sites.len() - 1
    }

    fn site_as(&mut self, id: ExprId, kind: Kind) -> Node {
        Node::Site(self.site(id, kind.clone()), kind)
    }

    fn site_node(&mut self, id: ExprId) -> Node {
        // An absent record needs a blank to be read through: that the host does.
        let kind = match self.host_kind(self.ty(id)) {
            Kind::Record(..) => Kind::Opaque,
            kind => kind,
        };
        self.site_as(id, kind)
    }

    fn site_cond(&mut self, id: ExprId) -> Cond {
        Cond::Site(self.site(id, Kind::Bool))
    }

    // Values.

    /// A value, by a site if need be.
    fn value(&mut self, id: ExprId) -> Node {
        match self.node(id) {
            Some(node) if is_simple(&node) => node,
            Some(_) | None => self.site_node(id),
        }
    }

    /// A constant of any type, or what [`Planner::node`] says.
    fn node_or_const(&mut self, id: ExprId) -> Option<Node> {
        if let Some(Expr { op: Op::Local(local), .. }) = self.code.expr(id)
            && let Some(Bound::Const(value)) = self.env.get(local)
        {
            let value = value.clone();
            self.spend(1 + 2 * size(&value), 0);
            return Some(Node::Const(value));
        }
        if self.closed.get(id.index()).copied().unwrap_or(false) {
            return self.fold(id).map(Node::Const);
        }
        None
    }

    /// The value of an expression that reads nothing but params.
    fn fold(&mut self, id: ExprId) -> Option<Value> {
        let env = Env {
            module: self.source.module,
            builtins: self.source.builtins,
            params: self.source.params,
            roots: self.source.fixed,
            pod_keys: &[],
            cluster: &NoCluster,
            subject: None,
            fuel: 0,
        };
        let mut interp = Interp::new(Env { fuel: self.const_fuel, ..env }, self.code);
        let value = interp.eval(id).ok();
        let spent = self.const_fuel - interp.fuel_left();
        self.const_fuel = interp.fuel_left();
        // A record is read through, and not handed on.
        let value = value.filter(|value| !matches!(value, Value::Record(_)))?;
        // What its user spends on handling it is at most its size, twice.
        self.spend(spent + 2 * size(&value), 0);
        Some(value)
    }

    /// A value in registers, if its operation has a form here. A constant may be of any type.
    fn node(&mut self, id: ExprId) -> Option<Node> {
        if self.over() {
            return None;
        }
        if let Some(constant) = self.node_or_const(id) {
            return Some(constant);
        }
        let expr = self.code.expr(id)?;
        self.spend(1, 0);
        match &expr.op {
            Op::Local(local) => match self.env.get(local)? {
                Bound::Const(_) => None,
                Bound::At(kind, _) => Some(Node::Local(*local, kind.clone())),
                Bound::Asked(_) => {
                    self.nodes = MAX_NODES + 1;
                    None
                }
            },
            Op::Root(slot, root) => Some(Node::Root { need: self.need(*slot, *root), root: *root }),
            Op::Field { base, field } => self.field(*base, *field),
            Op::MapKey { base, field, key } => self.map_key(*base, *field, *key),
            Op::MapGet { map, key } => self.map_get(*map, *key),
            Op::If { cond, then, otherwise } => {
                let cond = self.cond(*cond);
                let (then, otherwise) = (self.node(*then)?, self.node(*otherwise)?);
                let kind = common(&then, &otherwise)?;
                let cond = Box::new(cond);
                Some(Node::Choice { cond, then: Box::new(then), otherwise: Box::new(otherwise), kind })
            }
            Op::Coalesce(first, second) => {
                let (first, second) = (self.node(*first)?, self.node(*second)?);
                let kind = common(&first, &second)?;
                Some(Node::First { first: Box::new(first), second: Box::new(second), kind })
            }
            Op::Let { local, value, body } => {
                let value = self.bound(*local, *value);
                let body = self.node(*body);
                self.env.remove(local);
                Some(match value {
                    None => body?,
                    Some(value) => Node::Let { local: *local, value: Box::new(value), body: Box::new(body?) },
                })
            }
            Op::Add(a, b) if expr.ty == Ty::INT => {
                Some(Node::Add(Box::new(self.int(*a)?), Box::new(self.int(*b)?)))
            }
            Op::Sub(a, b) if expr.ty == Ty::INT => {
                Some(Node::Sub(Box::new(self.int(*a)?), Box::new(self.int(*b)?)))
            }
            Op::Call { builtin, args } => match (self.intrinsic(*builtin), args.as_slice()) {
                (Some(Intrinsic::IsEmpty), _) => Some(Node::Cond(Box::new(self.cond(id)))),
                (Some(Intrinsic::Length), [list]) => self.length(*builtin, *list, &expr.ty),
                (Some(Intrinsic::Text), [value]) => self.as_written(*builtin, *value, &expr.ty),
                (Some(Intrinsic::Length | Intrinsic::Text), _) => None,
                (None, _) => self.call(*builtin, args, &expr.ty),
            },
            Op::Difference(a, b) => self.difference(*a, *b, &expr.ty),
            Op::Quantified { quant: Quant::Count, local, list, body } => self.count(*local, *list, *body),
            Op::Written { .. }
            | Op::Present(_)
            | Op::Not(_)
            | Op::And(..)
            | Op::Or(..)
            | Op::Eq(..)
            | Op::Compare(..)
            | Op::In { .. }
            | Op::Under { .. }
            | Op::Like { .. }
            | Op::Matches { .. }
            | Op::Text(..)
            | Op::Quantified { .. } => Some(Node::Cond(Box::new(self.cond(id)))),
            Op::Const(_)
            | Op::Param(_)
            | Op::ListGet { .. }
            | Op::DynField { .. }
            | Op::DynIndex { .. }
            | Op::ToDyn(_)
            | Op::Add(..)
            | Op::Sub(..)
            | Op::Neg(_)
            | Op::Concat(..)
            | Op::MakeList(_)
            | Op::Comprehension { .. }
            | Op::Cluster { .. } => None,
        }
    }

    /// A builtin, called with values from registers.
    fn call(&mut self, builtin: BuiltinId, args: &[ExprId], ty: &Ty) -> Option<Node> {
        let builtin = *self.source.builtins.get(builtin.index())?;
        let (mut nodes, mut consts) = (Vec::new(), Vec::new());
        for arg in args {
            let node = self.node(*arg)?;
            match (node.kind(), node) {
                (_, Node::Const(value)) => consts.push(Ok(value)),
                (Some(kind), node) if is_handed_over(&kind) => {
                    consts.push(Err((kind, scalar(self.ty(*arg)))));
                    nodes.push(node);
                }
                _ => return None,
            }
        }
        if args.len() != builtin.params.len() {
            return None;
        }
        let kind = match self.host_kind(ty) {
            Kind::Record(..) => Kind::Opaque,
            kind => kind,
        };
        self.plan.calls.push(Invoke { builtin, args: consts, kind: kind.clone() });
        Some(Node::Call { call: self.plan.calls.len() - 1, args: nodes, kind })
    }

    /// What `interp` spends on a call, beside its arguments.
    fn spend_call(&mut self, builtin: BuiltinId) {
        let cost = self.source.builtins.get(builtin.index()).map_or(0, |builtin| builtin.cost);
        self.spend(cost.saturating_add(2), 8);
    }

    fn length(&mut self, builtin: BuiltinId, list: ExprId, ty: &Ty) -> Option<Node> {
        let node = self.node(list)?;
        if matches!(node.kind(), Some(Kind::List(_) | Kind::HostList)) {
            self.spend_call(builtin);
            return Some(Node::Length(Box::new(node)));
        }
        self.call(builtin, &[list], ty)
    }

    /// `string(x)`: of a type that stays text, the text that stands there.
    fn as_written(&mut self, builtin: BuiltinId, value: ExprId, ty: &Ty) -> Option<Node> {
        if !matches!(self.ty(value), Ty::Scalar(scalar) if scalar.is_text()) {
            return self.call(builtin, &[value], ty);
        }
        let node = self.node(value)?;
        if node.kind() == Some(Kind::Text) {
            self.spend_call(builtin);
            return Some(node);
        }
        self.call(builtin, &[value], ty)
    }

    /// `empty(x)`.
    fn is_empty(&mut self, builtin: BuiltinId, id: ExprId) -> Option<Cond> {
        self.spend_call(builtin);
        let expr = self.code.expr(id)?;
        let asked = match &expr.op {
            Op::Local(local) => match self.env.get(local) {
                Some(Bound::Asked(value)) => self.code.expr(*value),
                Some(Bound::Const(_) | Bound::At(..)) | None => Some(expr),
            },
            _ => Some(expr),
        };
        if let Some(Op::Difference(list, taken)) = asked.map(|expr| &expr.op)
            && let Some(cond) = self.all_in(*list, *taken)
        {
            self.spend(1, 4);
            return Some(cond);
        }
        let node = self.node(id)?;
        match node.kind() {
            Some(Kind::List(_) | Kind::HostList | Kind::Text) => Some(Cond::Empty(Box::new(node))),
            _ => {
                let call = self.call(builtin, &[id], &Ty::BOOL)?;
                Some(Cond::Holds(Box::new(call)))
            }
        }
    }

    /// Whether all texts of a list in a fact are in a constant one.
    fn all_in(&mut self, list: ExprId, taken: ExprId) -> Option<Cond> {
        let common = unify(self.ty(list).element()?, self.ty(taken).element()?)?;
        let (list, taken) = self.operands(list, taken)?;
        let (Ty::Scalar(ty), Node::Const(Value::List(taken))) = (common, taken) else { return None };
        let Some(Kind::List(elements)) = list.kind() else { return None };
        if !ty.is_text() || self.kind_of_slot(&elements.slot, elements.root)? != Kind::Text {
            return None;
        }
        self.made_up += 1;
        let local = LocalId(u32::MAX - self.made_up);
        let (each, body) = self.scoped(local, list, (Kind::Text, Type::Str), |planner| {
            planner.spend(1, 2);
            let texts = taken.iter().filter_map(Value::as_text);
            let texts = texts.map(|text| canonical_text(&ty, text).as_ref().into()).collect();
            planner.one_of(Node::Local(local, Kind::Text), &ty, texts)
        });
        Some(Cond::Quant { quant: Quant::All, each, body: Box::new(body) })
    }

    /// Whether a text is one of these under a type; they are in its canonical form.
    fn one_of(&mut self, text: Node, ty: &Type, texts: Vec<Box<str>>) -> Cond {
        if texts.is_empty() {
            return Cond::Const(false);
        }
        let few = texts.len() <= MAX_INLINE_TEXTS;
        if few && *ty == Type::Str {
            return Cond::TextIs(Box::new(text), texts);
        }
        // Most are written in the canonical form, which needs no call to be known.
        let plainly = copy(&text).filter(|_| few).map(|text| Cond::TextIs(Box::new(text), texts.clone()));
        let test = self.test(TextTest::OneOf(ty.clone(), texts.into_iter().collect()), text);
        any(plainly.into_iter().chain([test]).collect())
    }

    /// The texts of a list that are not in a constant one.
    fn difference(&mut self, a: ExprId, b: ExprId, ty: &Ty) -> Option<Node> {
        let common = unify(self.ty(a).element()?, self.ty(b).element()?)?;
        let (list, taken) = self.operands(a, b)?;
        let (Ty::Scalar(text), Node::Const(Value::List(taken))) = (common, taken) else { return None };
        let Some(Kind::List(elements)) = list.kind() else { return None };
        if !text.is_text() || self.kind_of_slot(&elements.slot, elements.root)? != Kind::Text {
            return None;
        }
        let taken = taken.iter().filter_map(Value::as_text);
        let taken = taken.map(|item| canonical_text(&text, item).as_ref().into()).collect();
        self.plan.minuses.push(Minus { text, taken, ty: ty.clone() });
        let minus = self.plan.minuses.len() - 1;
        Some(Node::Minus { list: Box::new(list), minus, stride: elements.stride })
    }

    fn int(&mut self, id: ExprId) -> Option<Node> {
        let node = self.node(id)?;
        matches!(node.kind(), None | Some(Kind::Int)).then_some(node).filter(is_simple)
    }

    fn need(&mut self, slot: Slot, root: RootId) -> usize {
        let needs = &mut self.plan.needs;
        needs.iter().position(|need| *need == (slot, root)).unwrap_or_else(|| {
            needs.push((slot, root));
            needs.len() - 1
        })
    }

    /// How a slot's value stands in registers; `None`: not at all.
    fn kind_of_slot(&self, slot: &SlotLayout, root: RootId) -> Option<Kind> {
        Some(match slot {
            SlotLayout::Scalar(Type::Bool) => Kind::Bool,
            SlotLayout::Scalar(Type::Int | Type::Port) => Kind::Int,
            SlotLayout::Scalar(Type::Dyn) => return None,
            SlotLayout::Scalar(_) => Kind::Text,
            SlotLayout::Inline(record) | SlotLayout::Boxed(record) => Kind::Record(root, *record),
            SlotLayout::List { element, head, stride } => {
                Kind::List(Elements { slot: SlotLayout::clone(element), head: *head, stride: *stride, root })
            }
            SlotLayout::Map { .. } => Kind::Map(slot.clone(), root),
        })
    }

    /// A record in registers, its root and its layout's id.
    fn record(&mut self, base: ExprId) -> Option<(Node, RootId, RecordId)> {
        let node = self.node(base)?;
        match node.kind() {
            Some(Kind::Record(root, record)) => Some((node, root, record)),
            Some(_) | None => None,
        }
    }

    fn field(&mut self, base: ExprId, field: u32) -> Option<Node> {
        let (base, root, record) = self.record(base)?;
        let layout = self.source.layouts.get(root.index())?.field(record, field)?;
        let kind = self.kind_of_slot(&layout.slot, root)?;
        self.spend(0, width(&kind));
        Some(Node::Field {
            base: Box::new(base),
            bit: field,
            at: layout.at,
            has_default: layout.has_default,
            kind,
            boxed: matches!(layout.slot, SlotLayout::Boxed(_)),
        })
    }

    fn map_key(&mut self, base: ExprId, field: u32, key: u32) -> Option<Node> {
        let (base, root, record) = self.record(base)?;
        let layout = self.source.layouts.get(root.index())?.field(record, field)?;
        let SlotLayout::Map { value, keys, keys_at, key_stride, .. } = &layout.slot else { return None };
        if key as usize >= keys.len() {
            return None;
        }
        let kind = self.kind_of_slot(value, root)?;
        self.spend(0, width(&kind));
        Some(Node::Key {
            base: Box::new(base),
            bit: field,
            at: layout.at,
            key_bit: key,
            key_at: keys_at.checked_add(key.checked_mul(*key_stride)?)?,
            kind,
            boxed: matches!(**value, SlotLayout::Boxed(_)),
        })
    }

    fn map_get(&mut self, map: ExprId, key: ExprId) -> Option<Node> {
        let map = self.node(map)?;
        let key = self.text(key)?;
        let Some(Kind::Map(SlotLayout::Map { value, whole_at: Some(whole_at), stride, .. }, root)) =
            map.kind()
        else {
            return None;
        };
        // An absent record needs a blank to be read through, and there is none at hand.
        let kind = self.kind_of_slot(&value, root).filter(|kind| !matches!(kind, Kind::Record(..)))?;
        self.spend(0, width(&kind));
        let boxed = matches!(*value, SlotLayout::Boxed(_));
        Some(Node::Entry { map: Box::new(map), key: Box::new(key), whole_at, stride, kind, boxed })
    }

    /// A text, or an absent one.
    fn text(&mut self, id: ExprId) -> Option<Node> {
        let node = self.node(id)?;
        matches!(node.kind(), None | Some(Kind::Text)).then_some(node).filter(is_simple)
    }

    fn count(&mut self, local: LocalId, list: ExprId, body: ExprId) -> Option<Node> {
        if let Some(items) = self.constant_items(list) {
            let conds = items.iter().map(|item| self.cond_with(local, item, body)).collect();
            return Some(Node::CountOf(conds));
        }
        let (list, item) = self.list(list);
        let (each, body) = self.scoped(local, list, item, |planner| planner.cond(body));
        Some(Node::Count { each, body: Box::new(body) })
    }

    fn cond_with(&mut self, local: LocalId, item: &Value, body: ExprId) -> Cond {
        self.spend(2, 0);
        self.env.insert(local, Bound::Const(item.clone()));
        let cond = self.cond(body);
        self.env.remove(&local);
        cond
    }

    // Conditions.

    fn cond(&mut self, id: ExprId) -> Cond {
        if self.over() {
            return Cond::Const(false);
        }
        if let Some(Node::Const(value)) = self.node_or_const(id) {
            return Cond::Const(value.holds());
        }
        self.native(id).unwrap_or_else(|| self.site_cond(id))
    }

    fn native(&mut self, id: ExprId) -> Option<Cond> {
        let expr = self.code.expr(id)?;
        self.spend(1, 0);
        match &expr.op {
            Op::Written { base, field } => {
                let (base, ..) = self.record(*base)?;
                Some(Cond::Written { base: Box::new(base), bit: *field })
            }
            Op::Present(operand) => {
                let node = self.node(*operand)?;
                Some(match node {
                    Node::Const(value) => Cond::Const(!value.is_absent()),
                    node => Cond::Present(Box::new(node)),
                })
            }
            Op::Not(operand) => Some(not(self.cond(*operand))),
            Op::And(..) => {
                let links = self.links(id, false);
                Some(all(links.into_iter().map(|link| self.cond(link)).collect()))
            }
            Op::Or(..) => {
                let links = self.links(id, true);
                Some(any(links.into_iter().map(|link| self.cond(link)).collect()))
            }
            Op::If { cond, then, otherwise } => {
                let (cond, then, otherwise) = (self.cond(*cond), self.cond(*then), self.cond(*otherwise));
                Some(match cond {
                    Cond::Const(true) => then,
                    Cond::Const(false) => otherwise,
                    cond => Cond::If(Box::new(cond), Box::new(then), Box::new(otherwise)),
                })
            }
            Op::Eq(a, b) => self.equal(*a, *b),
            Op::Compare(op, a, b) => self.compare(*op, *a, *b),
            Op::In { value, set } => self.member(*value, *set),
            Op::Under { value, prefix } => self.under(*value, *prefix),
            Op::Like { value, pattern } => self.like(*value, *pattern),
            Op::Matches { value, pattern } => self.matches(*value, *pattern),
            Op::Text(op, a, b) => self.text_op(*op, *a, *b),
            Op::Quantified { quant, local, list, body } => self.quantified(*quant, *local, *list, *body),
            Op::Call { builtin, args }
                if self.intrinsic(*builtin) == Some(Intrinsic::IsEmpty) && args.len() == 1 =>
            {
                self.is_empty(*builtin, *args.first()?)
            }
            Op::Let { local, value, body } => {
                let value = self.bound(*local, *value);
                let body = self.cond(*body);
                self.env.remove(local);
                Some(match value {
                    None => body,
                    Some(value) => Cond::Let { local: *local, value: Box::new(value), body: Box::new(body) },
                })
            }
            Op::Local(_)
            | Op::Field { .. }
            | Op::MapKey { .. }
            | Op::MapGet { .. }
            | Op::Coalesce(..)
            | Op::Call { .. } => {
                let node = self.node(id)?;
                (node.kind() == Some(Kind::Bool)).then(|| Cond::Holds(Box::new(node)))
            }
            Op::Const(_)
            | Op::Param(_)
            | Op::Root(..)
            | Op::ListGet { .. }
            | Op::DynField { .. }
            | Op::DynIndex { .. }
            | Op::ToDyn(_)
            | Op::Add(..)
            | Op::Sub(..)
            | Op::Neg(_)
            | Op::Concat(..)
            | Op::Difference(..)
            | Op::MakeList(_)
            | Op::Comprehension { .. }
            | Op::Cluster { .. } => None,
        }
    }

    /// The operands of a chain of `and` (or of `or`), from left to right. The chain may be long, so no recursion.
    fn links(&self, id: ExprId, or: bool) -> Vec<ExprId> {
        let mut links = Vec::new();
        let mut at = id;
        loop {
            let (left, right) = match self.code.expr(at).map(|expr| &expr.op) {
                Some(Op::And(left, right)) if !or && left.0 < at.0 => (*left, *right),
                Some(Op::Or(left, right)) if or && left.0 < at.0 => (*left, *right),
                _ => break,
            };
            links.push(right);
            at = left;
        }
        links.push(at);
        links.reverse();
        links
    }

    /// The operands of a comparison: constants of any type, or values in registers. With what handling them costs.
    fn operands(&mut self, a: ExprId, b: ExprId) -> Option<(Node, Node)> {
        let (a, b) = (self.node(a)?, self.node(b)?);
        let widths = a.kind().map_or(0, |kind| width(&kind)) + b.kind().map_or(0, |kind| width(&kind));
        self.spend(0, widths);
        Some((a, b))
    }

    fn equal(&mut self, a: ExprId, b: ExprId) -> Option<Cond> {
        let ty = unify(self.ty(a), self.ty(b))?;
        let (a, b) = match self.operands(a, b)? {
            (a @ Node::Const(_), b) => (b, a),
            pair => pair,
        };
        if let Node::Const(Value::Absent) = b {
            return Some(not(Cond::Present(Box::new(a))));
        }
        let Ty::Scalar(ty) = ty else { return None };
        match (a.kind()?, b) {
            (Kind::Bool | Kind::Int, b) if b.kind() == a.kind() => Some(Cond::Same(Box::new(a), Box::new(b))),
            (Kind::Text, Node::Const(value)) => Some(self.text_equal(a, ty, value)),
            (Kind::Text, b) if b.kind() == Some(Kind::Text) => {
                Some(self.pair(PairTest::Equal(ty), a, b, true))
            }
            _ => None,
        }
    }

    fn text_equal(&mut self, text: Node, ty: Type, value: Value) -> Cond {
        match value {
            Value::Text(value) if ty.is_text() => {
                let value = canonical_text(&ty, &value).as_ref().into();
                self.one_of(text, &ty, vec![value])
            }
            value => self.test(TextTest::Equal(ty, value), text),
        }
    }

    fn pair(&mut self, test: PairTest, a: Node, b: Node, or_both_absent: bool) -> Cond {
        self.plan.pairs.push(Arc::new(test));
        let test = self.plan.pairs.len() - 1;
        Cond::Pair { a: Box::new(a), b: Box::new(b), test, or_both_absent }
    }

    fn test(&mut self, test: TextTest, text: Node) -> Cond {
        self.plan.tests.push(Arc::new(test));
        Cond::Test(Box::new(text), self.plan.tests.len() - 1)
    }

    fn compare(&mut self, op: CompareOp, a: ExprId, b: ExprId) -> Option<Cond> {
        let Some(Ty::Scalar(ty)) = unify(self.ty(a), self.ty(b)) else { return None };
        if ty == Type::Dyn {
            return None;
        }
        let (op, a, b) = match self.operands(a, b)? {
            (a @ Node::Const(_), b) => (turned(op), b, a),
            (a, b) => (op, a, b),
        };
        if let Node::Const(Value::Absent) = b {
            return Some(Cond::Const(false));
        }
        match (a.kind()?, b) {
            (Kind::Int, b) if b.kind() == Some(Kind::Int) => Some(Cond::Order(op, Box::new(a), Box::new(b))),
            (Kind::Text, Node::Const(value)) => Some(self.test(TextTest::Order(ty, op, value), a)),
            (Kind::Text, b) if b.kind() == Some(Kind::Text) => {
                Some(self.pair(PairTest::Order(ty, op), a, b, false))
            }
            _ => None,
        }
    }

    fn member(&mut self, value: ExprId, set: ExprId) -> Option<Cond> {
        let (value_ty, set_ty) = (self.ty(value), self.ty(set));
        let (node, set) = self.operands(value, set)?;
        if let Node::Const(Value::Absent) = node {
            return Some(Cond::Const(false));
        }
        match (set.kind(), set) {
            (_, Node::Const(Value::List(items))) => {
                self.member_of_const(node, value_ty, set_ty.element()?, &items)
            }
            (_, Node::Const(Value::Absent)) => Some(Cond::Const(false)),
            (Some(Kind::Map(SlotLayout::Map { whole_at: Some(whole_at), stride, .. }, _)), map) => {
                let text = Some(node).filter(is_simple).filter(|n| n.kind() == Some(Kind::Text))?;
                // The entry's slot is not read, so that it is of any kind.
                let (map, key) = (Box::new(map), Box::new(text));
                let entry = Node::Entry { map, key, whole_at, stride, kind: Kind::Int, boxed: false };
                Some(Cond::Present(Box::new(entry)))
            }
            (Some(Kind::List(elements)), list) => self.member_of_list(node, value_ty, set_ty, elements, list),
            _ => None,
        }
    }

    fn member_of_const(
        &mut self,
        node: Node,
        value_ty: &Ty,
        element: &Ty,
        items: &Arc<[Value]>,
    ) -> Option<Cond> {
        if items.is_empty() {
            return Some(Cond::Const(false));
        }
        match (node.kind()?, unify(value_ty, element)) {
            (Kind::Text, Some(Ty::Scalar(ty)))
                if ty.is_text() && *element != Ty::Scalar(Type::HostPattern) =>
            {
                let texts = items.iter().filter_map(Value::as_text);
                let texts = texts.map(|text| canonical_text(&ty, text).as_ref().into()).collect();
                Some(self.one_of(node, &ty, texts))
            }
            (Kind::Text, _) => {
                let Ty::Scalar(ty) = value_ty else { return None };
                let items = items.to_vec();
                Some(self.test(TextTest::Member { ty: ty.clone(), element: element.clone(), items }, node))
            }
            (Kind::Int, Some(_)) if items.len() <= MAX_UNROLLED && is_small(&node) => {
                let mut conds = Vec::with_capacity(items.len());
                for item in items.iter() {
                    let Value::Int(value) = item else { return None };
                    let copy = copy(&node)?;
                    conds.push(Cond::Same(Box::new(copy), Box::new(Node::Const(Value::Int(*value)))));
                }
                Some(any(conds))
            }
            _ => None,
        }
    }

    /// A constant text, or one in a local, in a list of texts.
    fn member_of_list(
        &mut self,
        node: Node,
        value_ty: &Ty,
        set_ty: &Ty,
        elements: Elements,
        list: Node,
    ) -> Option<Cond> {
        let element = set_ty.element()?;
        if *element == Ty::Scalar(Type::HostPattern) {
            return None;
        }
        let Some(Ty::Scalar(ty)) = unify(value_ty, element) else { return None };
        if self.kind_of_slot(&elements.slot, elements.root)? != Kind::Text || !ty.is_text() {
            return None;
        }
        self.made_up += 1;
        let local = LocalId(u32::MAX - self.made_up);
        let item = (Kind::Text, Type::Str);
        let value = copy(&node)?;
        let (each, body) = self.scoped(local, list, item, |planner| {
            let item = Node::Local(local, Kind::Text);
            planner.spend(1, 2);
            match value {
                Node::Const(value) => planner.text_equal(item, ty, value),
                value => planner.pair(PairTest::Equal(ty), value, item, false),
            }
        });
        Some(Cond::Quant { quant: Quant::Any, each, body: Box::new(body) })
    }

    fn under(&mut self, value: ExprId, prefix: ExprId) -> Option<Cond> {
        let ty = self.ty(value);
        let (node, prefix) = self.operands(value, prefix)?;
        let prefixes = match prefix {
            Node::Const(Value::List(items)) => items.to_vec(),
            Node::Const(value) => vec![value],
            _ => return None,
        };
        if prefixes.is_empty() {
            return Some(Cond::Const(false));
        }
        let Ty::Scalar(ty) = ty else { return None };
        (node.kind()? == Kind::Text).then(|| self.test(TextTest::Under(ty.clone(), prefixes), node))
    }

    fn like(&mut self, value: ExprId, pattern: ExprId) -> Option<Cond> {
        let ty = self.ty(value);
        let (node, patterns) = self.operands(value, pattern)?;
        let Ty::Scalar(ty) = ty else { return None };
        let patterns = const_texts(patterns)?;
        for pattern in &patterns {
            self.spend(1, pattern.len() as u64 / 4 + 1);
        }
        let globs = patterns.iter().filter_map(|pattern| Glob::new(pattern).ok()).collect();
        (node.kind()? == Kind::Text).then(|| self.test(TextTest::Like(ty.clone(), globs), node))
    }

    fn matches(&mut self, value: ExprId, pattern: ExprId) -> Option<Cond> {
        let (node, patterns) = self.operands(value, pattern)?;
        let patterns = const_texts(patterns)?;
        for pattern in &patterns {
            self.spend(2 + pattern.len() as u64 / 16, 2);
        }
        let patterns = patterns.iter().filter_map(|pattern| Pattern::new(pattern).ok()).collect();
        (node.kind()? == Kind::Text).then(|| self.test(TextTest::Matches(patterns), node))
    }

    fn text_op(&mut self, op: TextOp, a: ExprId, b: ExprId) -> Option<Cond> {
        let (a, b) = self.operands(a, b)?;
        if a.kind().is_none() || b.kind().is_none() {
            let absent = |node: &Node| matches!(node, Node::Const(Value::Absent));
            return (absent(&a) || absent(&b)).then_some(Cond::Const(false));
        }
        if a.kind()? != Kind::Text || b.kind()? != Kind::Text {
            return None;
        }
        Some(match b {
            Node::Const(Value::Text(part)) => self.test(TextTest::Text(op, (&*part).into()), a),
            b => self.pair(PairTest::Text(op), a, b, false),
        })
    }

    fn quantified(&mut self, quant: Quant, local: LocalId, list: ExprId, body: ExprId) -> Option<Cond> {
        if quant == Quant::Count {
            return None;
        }
        if let Some(items) = self.constant_items(list) {
            let conds = items.iter().map(|item| self.cond_with(local, item, body)).collect();
            return Some(match quant {
                Quant::Any => any(conds),
                Quant::All => all(conds),
                Quant::None | Quant::Count => not(any(conds)),
            });
        }
        let (list, item) = self.list(list);
        let (each, body) = self.scoped(local, list, item, |planner| planner.cond(body));
        Some(Cond::Quant { quant, each, body: Box::new(body) })
    }
}

/// Whether statements use an expression as a whole.
fn reads(body: &[Stmt], is_it: &impl Fn(ExprId) -> bool) -> bool {
    body.iter().any(|stmt| match stmt {
        Stmt::Where(id) | Stmt::Let(_, id) => is_it(*id),
        Stmt::For { list, body, .. } => is_it(*list) || reads(body, is_it),
        Stmt::Verdict { cond, .. } => cond.is_some_and(is_it),
    })
}

/// What handling a value costs `interp`, in widths.
fn width(kind: &Kind) -> u64 {
    match kind {
        Kind::Bool | Kind::Int | Kind::Record(..) => 0,
        Kind::Text => 1,
        Kind::List(_) | Kind::Map(..) | Kind::HostList | Kind::Opaque => 4,
    }
}

fn size(value: &Value) -> u64 {
    interp::size(value) as u64
}

/// Whether a value of this kind can be handed to the host.
fn is_handed_over(kind: &Kind) -> bool {
    match kind {
        Kind::Bool | Kind::Int | Kind::Text | Kind::Record(..) | Kind::HostList | Kind::Opaque => true,
        Kind::List(elements) => {
            matches!(&elements.slot, SlotLayout::Inline(_))
                || matches!(&elements.slot, SlotLayout::Scalar(ty) if *ty != Type::Dyn)
        }
        Kind::Map(..) => false,
    }
}

/// The type of a text in a local: what its text is read as again.
fn scalar(ty: &Ty) -> Type {
    match ty {
        Ty::Scalar(ty) if !ty.is_text() => ty.clone(),
        Ty::List(element) | Ty::Set(element) => scalar(element),
        Ty::Scalar(_) | Ty::Record(..) | Ty::Map(_) => Type::Str,
    }
}

/// Whether it is no constant but of the kinds that stand in registers.
fn is_simple(node: &Node) -> bool {
    !matches!(node, Node::Const(value) if !matches!(value, Value::Absent | Value::Bool(_) | Value::Int(_) | Value::Text(_)))
}

/// The kind of both; a list or map of two places would have to be merged, which the host does.
fn common(a: &Node, b: &Node) -> Option<Kind> {
    if !is_simple(a) || !is_simple(b) {
        return None;
    }
    let kind = match (a.kind(), b.kind()) {
        (Some(a), Some(b)) if a == b => a,
        (Some(kind), None) | (None, Some(kind)) if !matches!(kind, Kind::Record(..)) => kind,
        _ => return None,
    };
    matches!(kind, Kind::Bool | Kind::Int | Kind::Text | Kind::Record(..)).then_some(kind)
}

/// Whether evaluating it again costs no more than remembering it.
fn is_small(node: &Node) -> bool {
    matches!(node, Node::Local(..) | Node::Const(_))
        || matches!(node, Node::Field { base, .. } if is_small_base(base))
}

fn is_small_base(node: &Node) -> bool {
    match node {
        Node::Local(..) | Node::Root { .. } => true,
        Node::Field { base, .. } => is_small_base(base),
        _ => false,
    }
}

/// The same value once more, if it is a small one.
fn copy(node: &Node) -> Option<Node> {
    Some(match node {
        Node::Const(value) => Node::Const(value.clone()),
        Node::Local(local, kind) => Node::Local(*local, kind.clone()),
        Node::Root { need, root } => Node::Root { need: *need, root: *root },
        Node::Field { base, bit, at, has_default, kind, boxed } => Node::Field {
            base: Box::new(copy(base)?),
            bit: *bit,
            at: *at,
            has_default: *has_default,
            kind: kind.clone(),
            boxed: *boxed,
        },
        _ => return None,
    })
}

fn const_texts(node: Node) -> Option<Vec<Arc<str>>> {
    let text = |value: &Value| if let Value::Text(text) = value { Some(Arc::clone(text)) } else { None };
    match node {
        Node::Const(Value::List(items)) => Some(items.iter().filter_map(text).collect()),
        Node::Const(value) => Some(text(&value).into_iter().collect()),
        _ => None,
    }
}

fn not(cond: Cond) -> Cond {
    match cond {
        Cond::Const(value) => Cond::Const(!value),
        Cond::Not(cond) => *cond,
        cond => Cond::Not(Box::new(cond)),
    }
}

fn all(mut conds: Vec<Cond>) -> Cond {
    if let Some(end) = conds.iter().position(|cond| matches!(cond, Cond::Const(false))) {
        conds.truncate(end + 1);
    }
    conds.retain(|cond| !matches!(cond, Cond::Const(true)));
    match conds.as_slice() {
        [] => Cond::Const(true),
        [Cond::Const(false)] => Cond::Const(false),
        _ => Cond::All(conds),
    }
}

fn any(mut conds: Vec<Cond>) -> Cond {
    if let Some(end) = conds.iter().position(|cond| matches!(cond, Cond::Const(true))) {
        conds.truncate(end + 1);
    }
    conds.retain(|cond| !matches!(cond, Cond::Const(false)));
    match conds.as_slice() {
        [] => Cond::Const(false),
        [Cond::Const(true)] => Cond::Const(true),
        _ => Cond::Any(conds),
    }
}

/// The order with its sides exchanged.
fn turned(op: CompareOp) -> CompareOp {
    match op {
        CompareOp::Lt => CompareOp::Gt,
        CompareOp::Le => CompareOp::Ge,
        CompareOp::Gt => CompareOp::Lt,
        CompareOp::Ge => CompareOp::Le,
    }
}
