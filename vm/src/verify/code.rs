//! Checks one code: every expression by itself, then which locals it needs and how deep it is.

use super::{Checker, MAX_EXPRS, MAX_LOCALS, Problem, VerifyError, at_most, check_ty, ops};
use crate::{
    interp::MAX_DEPTH,
    ir::{Code, ExprId, LocalId, Op, Ty},
};

/// A checked code, for the statements that use it.
pub(super) struct Checked<'m> {
    pub(super) checker: Checker<'m>,
    pub(super) place: String,
    pub(super) code: &'m Code,
    /// The locals that each expression needs from outside.
    free: Vec<Locals>,
    /// What binds each local: at most one place.
    bound: Locals,
    /// The locals that statements have bound so far.
    scope: Locals,
}

/// A set of locals.
#[derive(Clone, Debug, Default, PartialEq)]
struct Locals(Vec<u64>);

impl Locals {
    fn insert(&mut self, local: LocalId) -> bool {
        let word = local.index() / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        let bit = 1 << (local.index() % 64);
        match self.0.get_mut(word) {
            Some(bits) if *bits & bit == 0 => {
                *bits |= bit;
                true
            }
            Some(_) | None => false,
        }
    }

    fn remove(&mut self, local: LocalId) {
        if let Some(bits) = self.0.get_mut(local.index() / 64) {
            *bits &= !(1 << (local.index() % 64));
        }
    }

    fn merge(&mut self, other: &Locals) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        self.0.iter_mut().zip(&other.0).for_each(|(bits, more)| *bits |= more);
    }

    fn contains(&self, local: LocalId) -> bool {
        self.0.get(local.index() / 64).is_some_and(|bits| bits >> (local.index() % 64) & 1 == 1)
    }

    /// One that is not in `other`.
    fn outside(&self, other: &Locals) -> Option<LocalId> {
        let all = 0..u32::try_from(self.0.len() * 64).unwrap_or(u32::MAX);
        all.map(LocalId).find(|local| self.contains(*local) && !other.contains(*local))
    }
}

impl<'m> Checked<'m> {
    /// Checks the expressions of a code.
    pub(super) fn new(
        checker: Checker<'m>,
        place: String,
        code: &'m Code,
    ) -> Result<Checked<'m>, VerifyError> {
        let mut checked = Checked {
            checker,
            place,
            code,
            free: Vec::with_capacity(code.exprs.len().min(MAX_EXPRS)),
            bound: Locals::default(),
            scope: Locals::default(),
        };
        checked.check().map_err(|(expr, problem)| checked.error(expr, problem))?;
        Ok(checked)
    }

    pub(super) fn error(&self, expr: Option<ExprId>, problem: Problem) -> VerifyError {
        VerifyError { place: self.place.clone(), expr, problem }
    }

    fn check(&mut self) -> Result<(), (Option<ExprId>, Problem)> {
        let whole = |problem| (None, problem);
        at_most("expressions", self.code.exprs.len(), MAX_EXPRS).map_err(whole)?;
        at_most("locals", self.code.locals.len(), MAX_LOCALS).map_err(whole)?;
        for local in &self.code.locals {
            check_ty(self.checker.module, &local.ty, 0).map_err(whole)?;
        }
        let mut depths: Vec<usize> = Vec::with_capacity(self.code.exprs.len());
        for (id, expr) in (0u32..).map(ExprId).zip(&self.code.exprs) {
            let here = |problem| (Some(id), problem);
            check_ty(self.checker.module, &expr.ty, 0).map_err(here)?;
            let operands = expr.op.operands();
            if let Some(late) = operands.iter().find(|operand| operand.0 >= id.0) {
                return Err(here(Problem::Order(*late)));
            }
            let ops = ops::Ops { checker: self.checker, code: self.code, expr };
            ops.check().map_err(here)?;
            self.scope_of(&expr.op, &operands).map_err(here)?;
            let depth = self.depth_of(&expr.op, &operands, &depths);
            if depth >= MAX_DEPTH {
                return Err(here(Problem::TooDeep));
            }
            depths.push(depth);
        }
        Ok(())
    }

    /// The left operand of a chain of `and` or of `or` is as deep as the chain.
    fn depth_of(&self, op: &Op, operands: &[ExprId], depths: &[usize]) -> usize {
        let depth = |id: &ExprId| depths.get(id.index()).copied().unwrap_or(MAX_DEPTH);
        let op_of = |id: &ExprId| self.code.expr(*id).map(|expr| &expr.op);
        if let Op::And(left, right) = op
            && matches!(op_of(left), Some(Op::And(..)))
        {
            return depth(left).max(depth(right) + 1);
        }
        if let Op::Or(left, right) = op
            && matches!(op_of(left), Some(Op::Or(..)))
        {
            return depth(left).max(depth(right) + 1);
        }
        operands.iter().map(depth).max().unwrap_or(0) + 1
    }

    fn scope_of(&mut self, op: &Op, operands: &[ExprId]) -> Result<(), Problem> {
        let mut free = Locals::default();
        if let Op::Local(local) = op {
            free.insert(*local);
        } else if let Op::Quantified { local, list, body: inner, .. }
        | Op::Let { local, value: list, body: inner } = op
        {
            self.bind_in(*local, &[*inner], *list, &mut free)?;
        } else if let Op::Comprehension { local, list, filter, head } = op {
            let inner: Vec<ExprId> = filter.iter().chain([head]).copied().collect();
            self.bind_in(*local, &inner, *list, &mut free)?;
        } else {
            operands.iter().for_each(|operand| self.merge_free(*operand, &mut free));
        }
        self.free.push(free);
        Ok(())
    }

    fn merge_free(&self, operand: ExprId, free: &mut Locals) {
        if let Some(more) = self.free.get(operand.index()) {
            free.merge(more);
        }
    }

    /// `local` is bound in `inner`, not in `outer`.
    fn bind_in(
        &mut self,
        local: LocalId,
        inner: &[ExprId],
        outer: ExprId,
        free: &mut Locals,
    ) -> Result<(), Problem> {
        inner.iter().for_each(|operand| self.merge_free(*operand, free));
        free.remove(local);
        self.merge_free(outer, free);
        self.bind_once(local)
    }

    fn bind_once(&mut self, local: LocalId) -> Result<(), Problem> {
        if self.bound.insert(local) { Ok(()) } else { Err(Problem::BoundTwice(local)) }
    }

    /// Binds a local for the statements that follow.
    pub(super) fn bind(&mut self, local: LocalId) -> Result<(), VerifyError> {
        if local.index() >= self.code.locals.len() {
            return Err(self.error(None, Problem::NoSuch { what: "local", id: local.0 }));
        }
        self.bind_once(local).map_err(|problem| self.error(None, problem))?;
        self.scope.insert(local);
        Ok(())
    }

    /// Ends the scope of a statement's local.
    pub(super) fn unbind(&mut self, local: LocalId) {
        self.scope.remove(local);
    }

    /// Whether statements have bound a local here.
    pub(super) fn in_scope(&self, local: LocalId) -> bool {
        self.scope.contains(local)
    }

    /// The type of an expression that a statement uses here.
    pub(super) fn used(&self, id: ExprId) -> Result<&'m Ty, VerifyError> {
        let expr = self.code.expr(id);
        let expr = expr.ok_or_else(|| self.error(None, Problem::NoSuch { what: "expression", id: id.0 }))?;
        match self.free.get(id.index()).and_then(|free| free.outside(&self.scope)) {
            Some(local) => Err(self.error(Some(id), Problem::Scope(local))),
            None => Ok(&expr.ty),
        }
    }

    /// The same for a condition.
    pub(super) fn condition(&self, id: ExprId) -> Result<(), VerifyError> {
        let ty = self.used(id)?;
        if *ty == Ty::BOOL { Ok(()) } else { Err(self.wrong(Some(id), "a condition", ty)) }
    }

    pub(super) fn wrong(&self, expr: Option<ExprId>, what: &'static str, ty: &Ty) -> VerifyError {
        self.error(expr, Problem::Type { what, found: self.checker.show(ty) })
    }
}
