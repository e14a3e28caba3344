//! Plans of a module's rules and conditions, and which of them become functions together.

use std::collections::HashMap;

use cranelift_module::FuncId;

use super::{Needs, Sources, fuse, link::Linker, plan::Plan, planner, shared};
use crate::{
    ir::{Op, Rule, Stmt},
    value::Value,
};

/// Plans and compiles.
pub(super) struct Drafter<'s> {
    pub(super) sources: Sources<'s>,
    pub(super) linker: Linker,
    pub(super) needs: Needs,
    /// The shared conditions, by [`shared::key`].
    pub(super) keys: HashMap<String, usize>,
    pub(super) shared: Vec<Option<(Plan, FuncId)>>,
}

/// A plan, and the numbers of its needs.
pub(super) type Draft = Option<(Plan, Vec<usize>)>;

/// The drafts of a rule.
pub(super) struct Rules {
    pub(super) whole: Draft,
    pub(super) by_bind: Vec<(usize, Draft)>,
    pub(super) can_be_fused: bool,
}

/// Rules as bits of words.
pub(super) fn bits(rules: &[usize]) -> Vec<(usize, u64)> {
    let mut words: Vec<(usize, u64)> = Vec::new();
    for rule in rules {
        let bit = 1 << (rule % 64);
        match words.last_mut() {
            Some((word, bits)) if *word == rule / 64 => *bits |= bit,
            _ => words.push((rule / 64, bit)),
        }
    }
    words
}

impl Drafter<'_> {
    pub(super) fn plan(&mut self, body: planner::Body<'_>, params: &[Value]) -> Draft {
        let Sources { module, builtins, layouts, fixed, .. } = self.sources;
        let plan = planner::plan(planner::Source { module, builtins, layouts, params, fixed, body })?;
        let needs = plan.needs.iter().map(|need| self.needs.number(*need)).collect();
        Some((plan, needs))
    }

    pub(super) fn define(&mut self, draft: Draft) -> Option<(Plan, FuncId)> {
        let (plan, needs) = draft?;
        let id = self.linker.define(&plan, &needs)?;
        Some((plan, id))
    }

    /// The functions of the rules of a class that can be fused, with the rules of each. A rule that none is made for is
    /// run alone.
    pub(super) fn fused(&mut self, class: &[usize], drafts: &[Rules]) -> Vec<(Vec<usize>, (Plan, FuncId))> {
        let mut open = Vec::new();
        for rule in class {
            if let Some(Rules { whole: Some((plan, needs)), can_be_fused: true, .. }) = drafts.get(*rule) {
                open.push((*rule, fuse::Member { plan, needs }));
            }
        }
        let mut functions = Vec::new();
        let mut rest = open.as_slice();
        while rest.len() > 1 {
            let members: Vec<_> = rest.iter().map(|(_, member)| *member).collect();
            let (now, later) = rest.split_at(fuse::fitting(&members).min(rest.len()));
            rest = later;
            let plan = fuse::fuse(members.get(..now.len()).unwrap_or_default());
            let rules: Vec<usize> = now.iter().map(|(rule, _)| *rule).collect();
            functions.push((rules, plan));
        }
        functions.into_iter().filter_map(|(rules, draft)| Some((rules, self.define(Some(draft))?))).collect()
    }

    /// Of each rule that is run alone, the shared condition that it begins with, if another one begins with it too.
    pub(super) fn firsts(&mut self, drafts: &[Rules]) -> Vec<Option<usize>> {
        let mut by_key: HashMap<String, (Vec<usize>, Draft)> = HashMap::new();
        for (index, rule) in self.sources.module.rules.iter().enumerate() {
            let is_alone = drafts.get(index).is_some_and(|draft| {
                draft.whole.is_some() && draft.by_bind.is_empty() && !draft.can_be_fused
            });
            let (Some(Stmt::Where(cond)), true) = (rule.body.first(), is_alone) else { continue };
            let draft = self.plan(planner::Body::Condition(&rule.code, *cond), self.sources.params);
            let draft = draft.filter(|(plan, _)| shared::is_worth_sharing(plan));
            let Some(key) = draft.as_ref().and_then(|(plan, needs)| shared::key(plan, needs)) else {
                continue;
            };
            let (rules, kept) = by_key.entry(key).or_default();
            rules.push(index);
            *kept = draft;
        }
        let mut firsts = vec![None; self.sources.module.rules.len()];
        let mut common: Vec<_> = by_key.into_iter().filter(|(_, (rules, _))| rules.len() > 1).collect();
        common.sort_by_key(|(_, (rules, _))| rules.first().copied());
        for (key, (rules, draft)) in common {
            let Some(defined) = self.define(draft) else { continue };
            let number = self.shared.len();
            self.shared.push(Some(defined));
            self.keys.insert(key, number);
            for rule in rules {
                if let Some(first) = firsts.get_mut(rule) {
                    *first = Some(number);
                }
            }
        }
        firsts
    }

    /// The conditions of binds: one for each that says something else.
    pub(super) fn conditions(&mut self) -> Vec<Vec<Option<usize>>> {
        let mut conditions = Vec::new();
        for (bind, params) in self.sources.module.binds.iter().zip(self.sources.bind_params) {
            let mut numbers = Vec::with_capacity(bind.conditions.len());
            for condition in &bind.conditions {
                let draft = condition
                    .cond
                    .and_then(|cond| self.plan(planner::Body::Condition(&condition.code, cond), params));
                let key = draft.as_ref().and_then(|(plan, needs)| shared::key(plan, needs));
                let known = key.as_ref().and_then(|key| self.keys.get(key)).copied();
                let number = known.or_else(|| {
                    let defined = self.define(draft)?;
                    self.shared.push(Some(defined));
                    Some(self.shared.len() - 1)
                });
                if let (Some(key), Some(number)) = (key, number) {
                    self.keys.insert(key, number);
                }
                numbers.push(number);
            }
            conditions.push(numbers);
        }
        conditions
    }
}

/// The binds that change params which a rule reads, with the params' values there.
pub(super) fn variants<'s>(
    sources: &Sources<'s>,
    index: usize,
    rule: &'s Rule,
) -> impl Iterator<Item = (usize, &'s [Value])> {
    let binds = sources.module.binds.iter().zip(sources.bind_params).enumerate();
    binds.filter_map(move |(b, (bind, params))| {
        let reads =
            |id| rule.code.exprs.iter().any(|expr| matches!(expr.op, Op::Param(param) if param == id));
        let is_own =
            bind.rules.iter().any(|rule| rule.index() == index) && bind.with.iter().any(|(id, _)| reads(*id));
        is_own.then_some((b, params.as_slice()))
    })
}
