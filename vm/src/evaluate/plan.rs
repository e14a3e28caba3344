//! What is worked out once: params, which rules are about which kind or event, and which facts their code reads.

use std::collections::{BTreeMap, BTreeSet};

use super::{LoadError, Review};
use crate::{
    ir::{Bind, Code, Condition, Const, Module, Op, Operation, RootId, Slot, Target},
    value::{Value, const_fits},
};

/// The params' values: those given, else the defaults.
pub(super) fn bind_params(module: &Module, given: &[(String, Const)]) -> Result<Vec<Value>, LoadError> {
    if let Some((name, _)) = given.iter().find(|(name, _)| !module.params.iter().any(|p| p.name == *name)) {
        return Err(LoadError::UnknownParam(name.clone()));
    }
    module
        .params
        .iter()
        .map(|param| {
            let found = given.iter().rev().find(|(name, _)| *name == param.name).map(|(_, value)| value);
            let value = found
                .or(param.default.as_ref())
                .ok_or_else(|| LoadError::MissingParam(param.name.clone()))?;
            if found.is_some_and(|value| *value == Const::Absent || !const_fits(value, &param.ty)) {
                return Err(LoadError::ParamType {
                    name: param.name.clone(),
                    expected: crate::print::ty_text(module, &param.ty),
                });
            }
            Ok(Value::from_const(value, &param.ty))
        })
        .collect()
}

/// The params' values under a bind.
pub(super) fn override_params(module: &Module, params: &[Value], bind: &Bind) -> Vec<Value> {
    let mut params = params.to_vec();
    for (id, value) in &bind.with {
        if let (Some(slot), Some(param)) = (params.get_mut(id.index()), module.params.get(id.index())) {
            *slot = Value::from_const(value, &param.ty);
        }
    }
    params
}

/// A fact that code reads.
pub(super) type Need = (Slot, RootId);
/// A fact that rules need, and the keys from the object to its root.
pub(super) type NeedAt = (Need, Vec<String>);

/// The same, with the keys to the pod template where they lead there.
pub(super) fn needs_at(needs: &[Need], pod_keys: &[String]) -> Vec<NeedAt> {
    let at = |need: &Need| if need.0 == Slot::Pod { pod_keys.to_vec() } else { Vec::new() };
    needs.iter().map(|need| (*need, at(need))).collect()
}

/// A bind of a rule.
#[derive(Clone, Copy, Debug)]
pub(super) struct BindAt {
    pub(super) bind: usize,
    /// The rule's position in it.
    pub(super) position: usize,
    /// Whether its condition is known to hold.
    pub(super) always: bool,
}

/// Whether a condition reads nothing but the cluster's version.
pub(super) fn is_about_the_cluster(code: &Code) -> bool {
    let asks_more = |op: &Op| {
        matches!(op, Op::Cluster { .. } | Op::Call { .. })
            || matches!(op, Op::Root(slot, _) if *slot != Slot::Cluster)
    };
    !code.exprs.iter().any(|expr| asks_more(&expr.op))
}

/// What is about what.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// By group and kind: rules and their targets.
    rules: BTreeMap<(String, String), Vec<(usize, usize)>>,
    mutations: BTreeMap<(String, String), Vec<(usize, usize)>>,
    /// By event: rules and their targets.
    events: BTreeMap<String, Vec<(usize, usize)>>,
    /// Of each rule, its binds' and exceptions' code too.
    pub(super) rule_needs: Vec<Vec<Need>>,
    pub(super) mutation_needs: Vec<Vec<Need>>,
    /// Of each rule: binds, with the rule's position in them. Without those that [`Plan::settle`] has taken out.
    pub(super) binds: Vec<Vec<BindAt>>,
    /// Of each rule: whether it has binds, none of which ever holds in this cluster.
    pub(super) is_off: Vec<bool>,
    /// Of each rule: exceptions, with the rule's position in them.
    pub(super) exceptions: Vec<Vec<(usize, usize)>>,
}

/// Rules or mutations for a request, with their targets' positions.
pub(super) struct Matched {
    pub(super) items: Vec<(usize, usize)>,
    pub(super) other_versions: Vec<usize>,
}

impl Plan {
    pub(super) fn new(module: &Module) -> Plan {
        let mut plan = Plan::default();
        let mut rule_needs: Vec<BTreeSet<Need>> = Vec::new();
        for (index, rule) in module.rules.iter().enumerate() {
            rule_needs.push(needs(&rule.code).collect());
            for (t, target) in rule.targets.iter().enumerate() {
                match target {
                    Target::Kind { group, kind, .. } => {
                        plan.rules.entry((group.clone(), kind.clone())).or_default().push((index, t));
                    }
                    Target::Event { name, .. } => {
                        plan.events.entry(name.clone()).or_default().push((index, t))
                    }
                }
            }
        }
        for (index, mutation) in module.mutations.iter().enumerate() {
            plan.mutation_needs.push(needs(&mutation.code).collect::<BTreeSet<_>>().into_iter().collect());
            for (t, target) in mutation.targets.iter().enumerate() {
                if let Target::Kind { group, kind, .. } = target {
                    plan.mutations.entry((group.clone(), kind.clone())).or_default().push((index, t));
                }
            }
        }
        plan.is_off = vec![false; module.rules.len()];
        let mut binds = vec![Vec::new(); module.rules.len()];
        plan.exceptions = vec![Vec::new(); module.rules.len()];
        for (index, bind) in module.binds.iter().enumerate() {
            attach(&mut binds, &mut rule_needs, index, &bind.rules, &bind.conditions);
        }
        let at = |(bind, position)| BindAt { bind, position, always: false };
        plan.binds = binds.into_iter().map(|of_rule| of_rule.into_iter().map(at).collect()).collect();
        for (index, exception) in module.exceptions.iter().enumerate() {
            attach(&mut plan.exceptions, &mut rule_needs, index, &exception.rules, &exception.conditions);
        }
        plan.rule_needs = rule_needs.into_iter().map(|needs| needs.into_iter().collect()).collect();
        plan
    }

    /// Settles the conditions of binds that read nothing but the cluster's version: they come out the same for every review.
    /// `holds` evaluates one; `None`: that needs the review.
    pub(super) fn settle(&mut self, mut holds: impl FnMut(&BindAt) -> Option<bool>) {
        for (binds, is_off) in self.binds.iter_mut().zip(&mut self.is_off) {
            if binds.is_empty() {
                continue;
            }
            binds.retain_mut(|bind| match holds(bind) {
                Some(holds) => {
                    bind.always = holds;
                    holds
                }
                None => true,
            });
            *is_off = binds.is_empty();
        }
    }

    pub(super) fn covers(&self, group: &str, kind: &str) -> bool {
        let key = (group.to_owned(), kind.to_owned());
        self.rules.contains_key(&key) || self.mutations.contains_key(&key)
    }

    pub(super) fn event_rules(&self, name: &str) -> &[(usize, usize)] {
        self.events.get(name).map_or(&[], Vec::as_slice)
    }

    pub(super) fn rules(&self, module: &Module, review: &Review<'_>) -> Matched {
        matched(&self.rules, review, |rule| module.rules.get(rule).map_or(&[], |rule| &rule.targets))
    }

    pub(super) fn mutations(&self, module: &Module, review: &Review<'_>) -> Matched {
        matched(&self.mutations, review, |item| module.mutations.get(item).map_or(&[], |item| &item.targets))
    }
}

/// Remembers at each rule which bind or exception names it, and what its condition reads.
fn attach(
    lists: &mut [Vec<(usize, usize)>],
    rule_needs: &mut [BTreeSet<Need>],
    index: usize,
    rules: &[crate::ir::RuleId],
    conditions: &[Condition],
) {
    for (position, (rule, condition)) in rules.iter().zip(conditions).enumerate() {
        if let Some(list) = lists.get_mut(rule.index()) {
            list.push((index, position));
        }
        if let Some(list) = rule_needs.get_mut(rule.index()) {
            list.extend(needs(&condition.code));
        }
    }
}

fn needs(code: &Code) -> impl Iterator<Item = Need> {
    code.exprs
        .iter()
        .filter_map(|expr| if let Op::Root(slot, root) = &expr.op { Some((*slot, *root)) } else { None })
}

fn matched<'m>(
    index: &BTreeMap<(String, String), Vec<(usize, usize)>>,
    review: &Review<'_>,
    targets: impl Fn(usize) -> &'m [Target],
) -> Matched {
    let (mut found, mut others) = (BTreeMap::new(), BTreeSet::new());
    let key = (review.group.to_owned(), review.kind.to_owned());
    for (item, t) in index.get(&key).into_iter().flatten().copied() {
        match targets(item).get(t).map_or(Fit::No, |target| fit(target, review)) {
            Fit::Yes => {
                found.entry(item).or_insert(t);
            }
            Fit::OtherVersion => {
                others.insert(item);
            }
            Fit::No => {}
        }
    }
    others.retain(|item| !found.contains_key(item));
    Matched { items: found.into_iter().collect(), other_versions: others.into_iter().collect() }
}

enum Fit {
    Yes,
    OtherVersion,
    No,
}

fn fit(target: &Target, review: &Review<'_>) -> Fit {
    let Target::Kind { version, subresource, operations, .. } = target else { return Fit::No };
    let operation = match operations.as_slice() {
        [] => match review.operation {
            Operation::Create | Operation::Update => true,
            Operation::Connect => subresource.is_some(),
            Operation::Delete => false,
        },
        some => some.contains(&review.operation),
    };
    if !operation || subresource.as_deref() != review.subresource {
        return Fit::No;
    }
    if version == review.version { Fit::Yes } else { Fit::OtherVersion }
}
