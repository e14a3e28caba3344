//! Which loops over the objects of a cluster can look up, and by what.
//!
//! A loop counts, collects or tests objects by a condition. Where a chain of `and` in it (also inside of `any x in …`)
//! has an equality or a membership, one side of which reads the object alone and the other one anything but the object,
//! objects for which it is false do not count. For `all`, it is the denial of one in a chain of `or`.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use crate::{
    ir::{Binder, Code, Expr, ExprId, IndexKey, Local, LocalId, Module, Op, Probe, Quant, RootId, Ty},
    types::Type,
    value::unify,
};

/// Indexes of one root.
const MAX_KEYS: usize = 16;
/// Probes of one loop.
const MAX_PROBES: usize = 4;
/// Loops inside of conditions inside of loops.
const MAX_DEPTH: usize = 16;

/// Gives every loop of the module that can look up its probes; the keys of the indexes that they need.
pub(in super::super) fn plan(module: &mut Module) -> Vec<Arc<IndexKey>> {
    let mut keys = Vec::new();
    let rules = module.rules.iter_mut().map(|rule| &mut rule.code);
    let mutations = module.mutations.iter_mut().map(|mutation| &mut mutation.code);
    let binds = module.binds.iter_mut().flat_map(|bind| &mut bind.conditions);
    let exceptions = module.exceptions.iter_mut().flat_map(|exception| &mut exception.conditions);
    let conditions = binds.chain(exceptions).map(|condition| &mut condition.code);
    for code in rules.chain(mutations).chain(conditions) {
        code.probes = probes(code, &mut keys);
    }
    keys
}

fn probes(code: &Code, keys: &mut Vec<Arc<IndexKey>>) -> Vec<Probe> {
    let mut probes = Vec::new();
    for (at, expr) in (0u32..).map(ExprId).zip(&code.exprs) {
        let (local, list, cond, denied) = if let Op::Quantified { quant, local, list, body } = &expr.op {
            (*local, *list, *body, *quant == Quant::All)
        } else if let Op::Comprehension { local, list, filter: Some(filter), .. } = &expr.op {
            (*local, *list, *filter, false)
        } else {
            continue;
        };
        let Some(Op::Cluster { root, .. }) = code.expr(list).map(|list| &list.op) else { continue };
        let mut search = Search { code, root: *root, at, keys, found: Vec::new() };
        let scope = Scope { inner: vec![local], key: Vec::new(), value: Vec::new() };
        if denied {
            search.denied(cond, &scope, 0);
        } else {
            search.holding(cond, &scope, 0);
        }
        probes.append(&mut search.found);
    }
    probes
}

/// What is bound on the way into a condition.
#[derive(Clone)]
struct Scope {
    /// The object, and what depends on it.
    inner: Vec<LocalId>,
    /// What binds the latter.
    key: Vec<Binder>,
    /// What binds locals that do not depend on the object.
    value: Vec<Binder>,
}

struct Search<'s> {
    code: &'s Code,
    root: RootId,
    at: ExprId,
    keys: &'s mut Vec<Arc<IndexKey>>,
    found: Vec<Probe>,
}

impl<'s> Search<'s> {
    fn op(&self, id: ExprId) -> Option<&'s Op> {
        self.code.expr(id).map(|expr| &expr.op)
    }

    fn ty(&self, id: ExprId) -> &'s Ty {
        self.code.expr(id).map_or(&Ty::DYN, |expr| &expr.ty)
    }

    /// Looks for what must be true of an object for which the condition holds.
    fn holding(&mut self, id: ExprId, scope: &Scope, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        for link in self.code.links(id, false) {
            match self.op(link) {
                Some(Op::And(..)) if link != id => self.holding(link, scope, depth + 1),
                Some(Op::Quantified { quant: Quant::Any, local, list, body }) => {
                    if let Some(scope) = self.bound(scope, Binder::Each(*local, *list)) {
                        self.holding(*body, &scope, depth + 1);
                    }
                }
                Some(Op::Let { local, value, body }) => {
                    if let Some(scope) = self.bound(scope, Binder::Let(*local, *value)) {
                        self.holding(*body, &scope, depth + 1);
                    }
                }
                Some(Op::Eq(a, b)) => self.equal(*a, *b, scope),
                Some(Op::In { value, set }) => self.member(*value, *set, scope),
                _ => {}
            }
        }
    }

    /// Looks for what must be true of an object for which the condition does not hold.
    fn denied(&mut self, id: ExprId, scope: &Scope, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        for link in self.code.links(id, true) {
            match self.op(link) {
                Some(Op::Or(..)) if link != id => self.denied(link, scope, depth + 1),
                Some(Op::Not(operand)) => self.holding(*operand, scope, depth + 1),
                Some(Op::Quantified { quant: Quant::None, local, list, body }) => {
                    if let Some(scope) = self.bound(scope, Binder::Each(*local, *list)) {
                        self.holding(*body, &scope, depth + 1);
                    }
                }
                _ => {}
            }
        }
    }

    /// The scope behind a binder; `None` if its local is bound already.
    fn bound(&self, scope: &Scope, binder: Binder) -> Option<Scope> {
        let (Binder::Each(local, from) | Binder::Let(local, from)) = binder;
        let values = scope.value.iter().map(|(Binder::Each(local, _) | Binder::Let(local, _))| local);
        if scope.inner.iter().chain(values).any(|bound| *bound == local) {
            return None;
        }
        let mut scope = scope.clone();
        if self.locals(from).iter().any(|read| scope.inner.contains(read)) {
            scope.inner.push(local);
            scope.key.push(binder);
        } else {
            scope.value.push(binder);
        }
        Some(scope)
    }

    fn equal(&mut self, a: ExprId, b: ExprId, scope: &Scope) {
        let Some(ty) = unify(self.ty(a), self.ty(b)) else { return };
        for (key, value) in [(a, b), (b, a)] {
            self.probe((key, false), (value, false), &ty, scope);
        }
    }

    fn member(&mut self, value: ExprId, set: ExprId, scope: &Scope) {
        let element = match self.ty(set) {
            // These hold more than what is equal to one of them.
            Ty::List(element) | Ty::Set(element)
                if !matches!(**element, Ty::Scalar(Type::Cidr | Type::HostPattern)) =>
            {
                element
            }
            Ty::Scalar(_) | Ty::Record(..) | Ty::List(_) | Ty::Set(_) | Ty::Map(_) => return,
        };
        let Some(ty) = unify(self.ty(value), element) else { return };
        self.probe((value, false), (set, true), &ty, scope);
        self.probe((set, true), (value, false), &ty, scope);
    }

    /// Keeps a pair of key and value, if they are that.
    fn probe(
        &mut self,
        (key, key_each): (ExprId, bool),
        (value, value_each): (ExprId, bool),
        ty: &Ty,
        scope: &Scope,
    ) {
        let reads_inner = |id| self.locals(id).iter().any(|local| scope.inner.contains(local));
        if self.found.len() >= MAX_PROBES || !reads_inner(key) || reads_inner(value) {
            return;
        }
        let mut copy = Copy::new(self.code);
        let Some(binders) = self.copied(&mut copy, key, scope) else { return };
        let Some(key) = copy.expr(key) else { return };
        let key = IndexKey { root: self.root, code: copy.to, binders, key, each: key_each, ty: ty.clone() };
        let Some(key) = self.kept(key) else { return };
        let binders = self.needed(value, &scope.value);
        self.found.push(Probe { at: self.at, key, binders, value, each: value_each });
    }

    /// Copies what binds the locals that a key reads, the object first.
    fn copied(&self, copy: &mut Copy<'s>, key: ExprId, scope: &Scope) -> Option<Vec<Binder>> {
        copy.local(*scope.inner.first()?)?;
        let mut binders = Vec::new();
        for binder in self.needed(key, &scope.key) {
            binders.push(match binder {
                Binder::Each(local, list) => {
                    let list = copy.expr(list)?;
                    Binder::Each(copy.local(local)?, list)
                }
                Binder::Let(local, value) => {
                    let value = copy.expr(value)?;
                    Binder::Let(copy.local(local)?, value)
                }
            });
        }
        Some(binders)
    }

    /// Of these binders, those that an expression needs. Without the others it is true of no fewer objects.
    fn needed(&self, id: ExprId, binders: &[Binder]) -> Vec<Binder> {
        let mut locals = self.locals(id);
        let mut needed = Vec::new();
        for binder in binders.iter().rev() {
            let (Binder::Each(local, from) | Binder::Let(local, from)) = binder;
            if locals.contains(local) {
                locals.extend(self.locals(*from));
                needed.push(*binder);
            }
        }
        needed.reverse();
        needed
    }

    /// The one index of this key.
    fn kept(&mut self, key: IndexKey) -> Option<Arc<IndexKey>> {
        if let Some(known) = self.keys.iter().find(|known| ***known == key) {
            return Some(Arc::clone(known));
        }
        if self.keys.iter().filter(|known| known.root == key.root).count() >= MAX_KEYS {
            return None;
        }
        let key = Arc::new(key);
        self.keys.push(Arc::clone(&key));
        Some(key)
    }

    /// The locals that an expression reads or binds.
    fn locals(&self, id: ExprId) -> BTreeSet<LocalId> {
        let mut locals = BTreeSet::new();
        let (mut open, mut seen) = (vec![id], BTreeSet::new());
        while let Some(id) = open.pop() {
            let Some(op) = self.op(id).filter(|_| seen.insert(id)) else { continue };
            if let Op::Local(local)
            | Op::Let { local, .. }
            | Op::Quantified { local, .. }
            | Op::Comprehension { local, .. } = op
            {
                locals.insert(*local);
            }
            open.extend(op.operands());
        }
        locals
    }
}

/// Takes expressions out of a rule's code that make sense without the rule.
struct Copy<'c> {
    from: &'c Code,
    to: Code,
    exprs: HashMap<ExprId, ExprId>,
    locals: HashMap<LocalId, LocalId>,
}

impl<'c> Copy<'c> {
    fn new(from: &'c Code) -> Copy<'c> {
        Copy { from, to: Code::default(), exprs: HashMap::new(), locals: HashMap::new() }
    }

    /// The local's number in the copy. Its name is left behind: keys that say the same are one key.
    fn local(&mut self, local: LocalId) -> Option<LocalId> {
        if let Some(known) = self.locals.get(&local) {
            return Some(*known);
        }
        let from = self.from.locals.get(local.index())?;
        let copy = LocalId(u32::try_from(self.to.locals.len()).ok()?);
        self.to.locals.push(Local { name: String::new(), ty: from.ty.clone(), optional: from.optional });
        self.locals.insert(local, copy);
        Some(copy)
    }

    /// The expression in the copy; `None` if it reads something besides the locals that are bound there, binds locals
    /// itself, calls a builtin, or is a chain, which may be long.
    fn expr(&mut self, id: ExprId) -> Option<ExprId> {
        if let Some(known) = self.exprs.get(&id) {
            return Some(*known);
        }
        let from = self.from;
        let Expr { op, ty, optional } = from.expr(id)?;
        let mut op = op.clone();
        if matches!(
            op,
            Op::Root(..)
                | Op::Param(_)
                | Op::Cluster { .. }
                | Op::Call { .. }
                | Op::And(..)
                | Op::Or(..)
                | Op::Let { .. }
                | Op::Quantified { .. }
                | Op::Comprehension { .. }
        ) {
            return None;
        }
        if let Op::Local(local) = &mut op {
            *local = *self.locals.get(local)?;
        }
        let mut whole = true;
        op.each_operand(|operand| match self.expr(*operand) {
            Some(copy) => *operand = copy,
            None => whole = false,
        });
        if !whole {
            return None;
        }
        let copy = ExprId(u32::try_from(self.to.exprs.len()).ok()?);
        self.to.exprs.push(Expr { op, ty: ty.clone(), optional: *optional });
        self.exprs.insert(id, copy);
        Some(copy)
    }
}
