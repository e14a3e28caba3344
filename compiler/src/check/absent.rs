//! `absent-passes`: a rule that denies nothing when an optional field is not set, although nobody said so.
//!
//! For each unguarded optional scalar `p` that the conditions of `deny` read, those conditions are evaluated with
//! `p` absent and everything else unknown. If every condition that reads `p` folds to false, absence opens the door.
//! A path that the rule mentions in `has` or `??` is guarded: the author has thought of it.

use std::collections::{BTreeMap, BTreeSet};

use kpol_stdlib::catalog::Catalog;
use kpol_vm::{
    ir::{BuiltinId, Code, Const, ExprId, Op, Quant, SlotTy, Stmt, Ty, Verb},
    types::Type,
};

use crate::{
    check::{
        paths::{self, Bindings},
        walk,
    },
    diagnostics as d,
    elab::Ctx,
    items::rule::Lowered,
    module::ModuleBuilder,
};

/// What is known of a value when one path is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    True,
    False,
    Absent,
    Unknown,
}

pub(crate) fn rule(ctx: &mut Ctx<'_>, module: &ModuleBuilder, lowered: &Lowered, bindings: &Bindings) {
    let rule = &lowered.rule;
    let mut analysis = Analysis {
        module,
        catalog: ctx.catalog,
        code: &rule.code,
        bindings,
        closed: &lowered.closed,
        paths: Vec::new(),
    };
    analysis.paths = (0..rule.code.exprs.len())
        .map(|index| paths::text(module, &rule.code, bindings, ExprId(index as u32)))
        .collect();
    let analysis = analysis;
    let guarded = analysis.guarded();
    let mut conditions = Vec::new();
    walk::each_stmt(&rule.body, &mut |stmt| {
        if let Stmt::Verdict { clause, cond: Some(cond) } = stmt
            && rule.clauses.get(clause.index()).is_some_and(|clause| clause.verb == Verb::Deny)
        {
            conditions.push(*cond);
        }
    });
    let mut reads: BTreeMap<String, (ExprId, Vec<ExprId>)> = BTreeMap::new();
    for cond in &conditions {
        for (path, at) in analysis.optional_reads(*cond) {
            let entry = reads.entry(path).or_insert((at, Vec::new()));
            if !entry.1.contains(cond) {
                entry.1.push(*cond);
            }
        }
    }
    for (path, (at, readers)) in reads {
        // A Namespace object always has its name: it is what the host found it by.
        if path == "namespace.metadata.name"
            || guarded.iter().any(|guard| path == *guard || is_below(&path, guard))
        {
            continue;
        }
        let question = Question::ask_all(&analysis, &path);
        let never = readers.iter().all(|cond| question.eval(cond) == Known::False);
        if never && let Some(span) = lowered.debug.exprs.get(at.index()) {
            let written = analysis.written(at).unwrap_or_else(|| path.clone());
            ctx.diagnostics.push(d::absent_passes(
                *span,
                &analysis.leaf(at).unwrap_or_default(),
                &written,
                &path,
            ));
        }
    }
}

fn is_below(path: &str, parent: &str) -> bool {
    path.strip_prefix(parent).is_some_and(|rest| rest.starts_with(['.', '[']))
}

struct Analysis<'m> {
    module: &'m ModuleBuilder,
    catalog: &'m Catalog,
    code: &'m Code,
    bindings: &'m Bindings,
    closed: &'m BTreeSet<ExprId>,
    /// By expression.
    paths: Vec<Option<String>>,
}

/// What is known of every expression when one path is absent. Each is asked once, operands first: names make the
/// tree a graph, and a deep one.
struct Question<'a, 'm> {
    analysis: &'a Analysis<'m>,
    absent: &'a str,
    known: Vec<Known>,
}

impl Analysis<'_> {
    fn path(&self, id: ExprId) -> Option<String> {
        self.paths.get(id.index()).cloned().flatten()
    }

    /// A path as the author would write it in the rule: loops by their names.
    fn written(&self, id: ExprId) -> Option<String> {
        match &self.code.expr(id)?.op {
            Op::Local(local) if self.bindings.loops.contains_key(local) => {
                self.code.locals.get(local.index()).map(|local| local.name.clone())
            }
            Op::Local(local) => self.written(*self.bindings.lets.get(local)?),
            Op::Field { base, .. } | Op::MapKey { base, .. } => {
                let (base, leaf) = (self.written(*base)?, self.leaf(id)?);
                Some(if base.is_empty() { leaf } else { format!("{base}.{leaf}") })
            }
            _ => self.path(id),
        }
    }

    /// Whether a builtin of an absent argument is absent.
    fn is_strict(&self, builtin: BuiltinId) -> bool {
        let name = self.module.builtins.get(builtin.index());
        name.and_then(|name| self.catalog.builtin(name)).is_some_and(|builtin| builtin.strict)
    }

    /// The last step of a path: `runAsUser`, `limits["memory"]`.
    fn leaf(&self, id: ExprId) -> Option<String> {
        match &self.code.expr(id)?.op {
            Op::Field { base, field } => {
                Some(paths::demanded(self.module, self.code, *base, *field)?.name.clone())
            }
            Op::MapKey { base, field, key } => {
                let demand = paths::demanded(self.module, self.code, *base, *field)?;
                let SlotTy::Map { keys, .. } = &demand.slot else { return None };
                Some(format!("{}[{:?}]", demand.name, keys.get(*key as usize)?))
            }
            _ => None,
        }
    }

    /// Every path that the rule mentions in `has` or on the left of `??`.
    fn guarded(&self) -> BTreeSet<String> {
        let mut guarded = BTreeSet::new();
        for (index, expr) in self.code.exprs.iter().enumerate() {
            let id = ExprId(index as u32);
            match &expr.op {
                Op::Written { .. } => guarded.extend(self.path(id)),
                Op::Present(inner) => guarded.extend(self.path(*inner)),
                Op::Coalesce(inner, _) if !self.closed.contains(&id) => {
                    guarded.extend(self.path(*inner));
                }
                _ => {}
            }
        }
        guarded
    }

    /// Optional scalars that `cond` reads.
    fn optional_reads(&self, cond: ExprId) -> Vec<(String, ExprId)> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        let mut pending = vec![cond];
        while let Some(id) = pending.pop() {
            if !seen.insert(id) {
                continue;
            }
            let Some(expr) = self.code.expr(id) else { continue };
            let scalar = matches!(&expr.ty, Ty::Scalar(ty) if *ty != Type::Dyn);
            if matches!(expr.op, Op::Field { .. } | Op::MapKey { .. }) && expr.optional && scalar {
                found.extend(self.path(id).map(|path| (path, id)));
            }
            if let Op::Local(local) = &expr.op {
                pending.extend(self.bindings.lets.get(local));
            }
            pending.extend(expr.op.operands());
        }
        found
    }
}

impl<'a, 'm> Question<'a, 'm> {
    fn ask_all(analysis: &'a Analysis<'m>, absent: &'a str) -> Self {
        let mut question =
            Question { analysis, absent, known: Vec::with_capacity(analysis.code.exprs.len()) };
        for index in 0..analysis.code.exprs.len() {
            let known = question.ask(ExprId(index as u32));
            question.known.push(known);
        }
        question
    }

    fn eval(&self, id: &ExprId) -> Known {
        self.known.get(id.index()).copied().unwrap_or(Known::Unknown)
    }

    fn ask(&self, id: ExprId) -> Known {
        let (code, bindings) = (self.analysis.code, self.analysis.bindings);
        let Some(expr) = code.expr(id) else { return Known::Unknown };
        if matches!(expr.op, Op::Field { .. } | Op::MapKey { .. } | Op::Local(_))
            && self.analysis.paths.get(id.index()).is_some_and(|path| path.as_deref() == Some(self.absent))
        {
            return Known::Absent;
        }
        let eval = |id: &ExprId| self.eval(id);
        match &expr.op {
            Op::Const(Const::Bool(true)) => Known::True,
            Op::Const(Const::Bool(false)) => Known::False,
            Op::Const(Const::Absent) => Known::Absent,
            Op::Local(local) => bindings.lets.get(local).map_or(Known::Unknown, eval),
            Op::Not(a) => match eval(a) {
                Known::True => Known::False,
                Known::False | Known::Absent => Known::True,
                Known::Unknown => Known::Unknown,
            },
            Op::And(a, b) => match (eval(a), eval(b)) {
                (Known::False, _) | (_, Known::False) => Known::False,
                (Known::True, Known::True) => Known::True,
                _ => Known::Unknown,
            },
            Op::Or(a, b) => match (eval(a), eval(b)) {
                (Known::True, _) | (_, Known::True) => Known::True,
                (Known::False, Known::False) => Known::False,
                _ => Known::Unknown,
            },
            Op::If { cond, then, otherwise } => match eval(cond) {
                Known::True => eval(then),
                Known::False => eval(otherwise),
                Known::Absent | Known::Unknown => {
                    let (a, b) = (eval(then), eval(otherwise));
                    if a == b { a } else { Known::Unknown }
                }
            },
            Op::Coalesce(a, b) => match eval(a) {
                Known::Absent => eval(b),
                known => known,
            },
            Op::Eq(a, b) => self.equality(*a, *b),
            Op::Compare(_, a, b)
            | Op::In { value: a, set: b }
            | Op::Under { value: a, prefix: b }
            | Op::Like { value: a, pattern: b }
            | Op::Matches { value: a, pattern: b }
            | Op::Text(_, a, b) => {
                if eval(a) == Known::Absent || eval(b) == Known::Absent {
                    Known::False
                } else {
                    Known::Unknown
                }
            }
            Op::Present(a) => {
                if eval(a) == Known::Absent {
                    Known::False
                } else {
                    Known::Unknown
                }
            }
            Op::Quantified { quant, body, .. } => match (quant, eval(body)) {
                (Quant::Any, Known::False) | (Quant::None, Known::True) => Known::False,
                (Quant::All, Known::True) | (Quant::None, Known::False) => Known::True,
                _ => Known::Unknown,
            },
            Op::Let { body, .. } => eval(body),
            Op::Call { builtin, args } => {
                let strict = self.analysis.is_strict(*builtin);
                if strict && args.iter().any(|arg| eval(arg) == Known::Absent) {
                    Known::Absent
                } else {
                    Known::Unknown
                }
            }
            Op::ToDyn(a) => match eval(a) {
                Known::Absent => Known::Absent,
                Known::True | Known::False | Known::Unknown => Known::Unknown,
            },
            Op::Const(_)
            | Op::Param(_)
            | Op::Root(..)
            | Op::Field { .. }
            | Op::Written { .. }
            | Op::MapKey { .. }
            | Op::MapGet { .. }
            | Op::ListGet { .. }
            | Op::DynField { .. }
            | Op::DynIndex { .. }
            | Op::Add(..)
            | Op::Sub(..)
            | Op::Neg(_)
            | Op::Concat(..)
            | Op::Difference(..)
            | Op::MakeList(_)
            | Op::Comprehension { .. }
            | Op::Cluster { .. } => Known::Unknown,
        }
    }

    fn equality(&self, a: ExprId, b: ExprId) -> Known {
        let code = self.analysis.code;
        let may_be_absent = |id: ExprId| code.expr(id).is_none_or(|expr| expr.optional);
        match (self.eval(&a), self.eval(&b)) {
            (Known::Absent, Known::Absent) => Known::True,
            (Known::Absent, _) if !may_be_absent(b) => Known::False,
            (_, Known::Absent) if !may_be_absent(a) => Known::False,
            _ => Known::Unknown,
        }
    }
}
