//! Judges one review or event: rules × binds, hits explained, exceptions applied.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::{
    Decision, Effect, EvalError, Evaluator, Finding, Outcome, Review, RuleTrace, effect,
    facts::Inputs,
    outcome::limited,
    plan::{BindAt, NeedAt, needs_at},
    route::{Item, Route},
};
use crate::{
    interp::{ClusterView, Env, Hit, Interp, NoCluster, Roots, Subject, Trap, explain, hits, trace},
    ir::{ClauseId, Condition, Exception, Mode, Rule, RuleId, Target},
    jit::{Frame, Run},
    json::Json,
    value::Value,
};

/// Findings of one verdict of one rule under one bind; explaining thousands of them helps nobody and takes long.
const MAX_FINDINGS: usize = 128;

/// Buffers that are kept between inputs.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    pub(super) roots: Roots,
    pub(super) frame: Frame,
    /// The name of a route.
    pub(super) key: String,
}

/// Judges a request.
pub(super) fn review(
    evaluator: &Evaluator,
    review: &Review<'_>,
    cluster: &dyn ClusterView,
    why: bool,
) -> Result<Outcome, EvalError> {
    let object = review.subject();
    let inputs = Inputs::of_review(evaluator, review, object);
    let mut outcome = Outcome::default();
    let subject = subject(review, object);
    let mut buffers = Buffers::default();
    let route = evaluator.routes.find(review, &mut buffers.key);
    with(route, &inputs, subject, cluster, why, &mut buffers, &mut outcome)?;
    Ok(outcome)
}

/// Judges a request whose facts come from `inputs`, by the rules of `route`.
pub(super) fn with(
    route: Option<&Route>,
    inputs: &Inputs<'_>,
    subject: Subject<'_>,
    cluster: &dyn ClusterView,
    why: bool,
    buffers: &mut Buffers,
    outcome: &mut Outcome,
) -> Result<(), EvalError> {
    let evaluator = inputs.evaluator;
    if let Some(route) = route {
        let judge = Judge { evaluator, cluster, subject: Some(subject), runtime: false, why };
        return judge.route(route, inputs, buffers, outcome);
    }
    // No rule is for it; rules for other versions of the kind are worth knowing.
    outcome.clear();
    if let Some(review) = inputs.review
        && evaluator.plan.covers(review.group, review.kind)
    {
        let matched = evaluator.plan.rules(&evaluator.module, review);
        outcome.other_versions.extend(matched.other_versions.into_iter().filter_map(rule_id));
    }
    Ok(())
}

/// Judges an event.
pub(super) fn event(
    evaluator: &Evaluator,
    name: &str,
    event: &Json,
    why: bool,
) -> Result<Outcome, EvalError> {
    let inputs = Inputs::of_event(evaluator, event);
    let judge = Judge { evaluator, cluster: &NoCluster, subject: None, runtime: true, why };
    let mut outcome = Outcome::default();
    judge.route(evaluator.routes.event(name), &inputs, &mut Buffers::default(), &mut outcome)?;
    Ok(outcome)
}

/// Which object a review is about.
pub(super) fn subject<'a>(review: &'a Review<'_>, object: Option<&'a Json>) -> Subject<'a> {
    let text = |key, otherwise: &'a str| {
        object.and_then(|object| object.at(&["metadata", key])).and_then(Json::as_str).unwrap_or(otherwise)
    };
    Subject {
        group: review.group,
        kind: review.kind,
        namespace: text("namespace", &review.request.namespace),
        name: text("name", &review.request.name),
    }
}

/// The JSON keys to the pod template of a target.
pub(super) fn pod_keys(target: Option<&Target>) -> &[String] {
    match target {
        Some(Target::Kind { pod: Some((_, keys)), .. }) => keys,
        Some(Target::Kind { .. } | Target::Event { .. }) | None => &[],
    }
}

fn rule_id(index: usize) -> Option<RuleId> {
    u32::try_from(index).ok().map(RuleId)
}

fn decide(outcome: &mut Outcome) {
    let denied = outcome.with_effect(Effect::Deny).next().is_some();
    outcome.decision = if denied { Decision::Deny } else { Decision::Allow };
}

/// One rule held in one way.
struct Holding<'p> {
    bind: Option<usize>,
    mode: Mode,
    params: &'p [Value],
}

struct Judge<'j> {
    evaluator: &'j Evaluator,
    cluster: &'j dyn ClusterView,
    subject: Option<Subject<'j>>,
    runtime: bool,
    why: bool,
}

impl<'j> Judge<'j> {
    fn route(
        &self,
        route: &Route,
        inputs: &Inputs<'_>,
        buffers: &mut Buffers,
        outcome: &mut Outcome,
    ) -> Result<(), EvalError> {
        outcome.clear();
        outcome.other_versions.extend_from_slice(&route.other_versions);
        if route.mixed {
            for item in &route.items {
                let index = item.rule.index();
                let rule = self.evaluator.module.rules.get(index);
                let keys = pod_keys(rule.and_then(|rule| rule.targets.get(item.target as usize)));
                let needs = self.evaluator.plan.rule_needs.get(index).map_or(&[][..], Vec::as_slice);
                let needs = needs_at(needs, keys);
                self.rules((&[*item], &[]), &needs, inputs, buffers, outcome)?;
            }
        } else {
            self.rules((&route.items, &route.classes), &route.needs, inputs, buffers, outcome)?;
        }
        decide(outcome);
        Ok(())
    }

    /// Judges by rules that see the same facts, all rules of these classes among them.
    fn rules(
        &self,
        (items, classes): (&[Item], &[usize]),
        needs: &[NeedAt],
        inputs: &Inputs<'_>,
        buffers: &mut Buffers,
        outcome: &mut Outcome,
    ) -> Result<(), EvalError> {
        let Buffers { roots, frame, .. } = buffers;
        roots.clear();
        inputs.fill(needs, roots)?;
        let evaluator = self.evaluator;
        let env = self.env(&evaluator.params, roots, &[]);
        let mut machine = evaluator.jit.as_ref().map(|jit| jit.run(frame, env));
        if let (Some(machine), false) = (&mut machine, self.why) {
            machine.ask_together(classes);
        }
        for Item { rule: id, target, is_bound } in items {
            let index = id.index();
            // Most rules find nothing, and that is all there is to say of them.
            if let (Some(machine), false, false) = (&mut machine, is_bound, self.why)
                && machine.finds_nothing(index)
            {
                outcome.applied.push(*id);
                continue;
            }
            let Some(rule) = evaluator.module.rules.get(index) else { continue };
            if *is_bound && !self.why && machine.is_some() {
                if !self.is_held((index, rule), &env, &mut machine)? {
                    continue;
                }
                if machine.as_mut().is_some_and(|machine| machine.finds_nothing_bound(index)) {
                    outcome.applied.push(*id);
                    continue;
                }
            }
            let pod_keys = pod_keys(rule.targets.get(*target as usize));
            self.rule((*id, rule), &Env { pod_keys, ..env }, &mut machine, outcome)?;
        }
        Ok(())
    }

    /// Judges by one rule: by each bind whose condition holds; without binds, in the default mode.
    fn rule<'e>(
        &self,
        (id, rule): (RuleId, &Rule),
        env: &Env<'e>,
        machine: &mut Option<Run<'e>>,
        outcome: &mut Outcome,
    ) -> Result<(), EvalError>
    where
        'j: 'e,
    {
        let evaluator = self.evaluator;
        let options = &evaluator.options;
        let mode = |mode: Mode| limited(mode, options.max_mode, self.runtime);
        let binds = evaluator.plan.binds.get(id.index()).map_or(&[][..], Vec::as_slice);
        let mut findings = Vec::new();
        if binds.is_empty() {
            outcome.applied.push(id);
            let holding = Holding { bind: None, mode: mode(options.default_mode), params: &evaluator.params };
            self.held((id, rule), &holding, env, machine, &mut findings, outcome)?;
        }
        let mut applied = false;
        for BindAt { bind: number, position, always } in binds.iter().copied() {
            let (Some(bind), Some(params)) =
                (evaluator.module.binds.get(number), evaluator.bind_params.get(number))
            else {
                continue;
            };
            let env = Env { params, ..*env };
            if !always && !self.bind_holds(rule, (number, params), position, &env, machine)? {
                continue;
            }
            if !applied {
                outcome.applied.push(id);
                applied = true;
            }
            let mode = mode(bind.mode.unwrap_or(options.default_mode));
            let holding = Holding { bind: Some(number), mode, params };
            self.held((id, rule), &holding, &env, machine, &mut findings, outcome)?;
        }
        if !findings.is_empty() {
            outcome.findings.extend(hardest(findings));
        }
        Ok(())
    }

    /// Whether any bind of a rule holds. All of them are looked at, so that one that is stopped is an error whatever the others say.
    fn is_held<'e>(
        &self,
        (index, rule): (usize, &Rule),
        env: &Env<'e>,
        machine: &mut Option<Run<'e>>,
    ) -> Result<bool, EvalError>
    where
        'j: 'e,
    {
        let mut held = false;
        for at in self.evaluator.plan.binds.get(index).into_iter().flatten() {
            let Some(params) = self.evaluator.bind_params.get(at.bind) else { continue };
            let env = Env { params, ..*env };
            held |= at.always || self.bind_holds(rule, (at.bind, params), at.position, &env, machine)?;
        }
        Ok(held)
    }

    /// Whether the condition of a bind holds for a rule.
    fn bind_holds<'e>(
        &self,
        rule: &Rule,
        (number, params): (usize, &'e [Value]),
        position: usize,
        env: &Env<'e>,
        machine: &mut Option<Run<'e>>,
    ) -> Result<bool, EvalError>
    where
        'j: 'e,
    {
        if let Some(holds) = machine.as_mut().and_then(|machine| machine.holds((number, params), position)) {
            return Ok(holds);
        }
        let bind = self.evaluator.module.binds.get(number);
        let Some(condition) = bind.and_then(|bind| bind.conditions.get(position)) else { return Ok(true) };
        let stopped = |trap| EvalError::Trap { rule: format!("{} (bind)", rule.name), trap };
        holds(condition, env).map_err(stopped)
    }

    /// What a rule finds where it holds.
    fn held<'e>(
        &self,
        (id, rule): (RuleId, &Rule),
        holding: &Holding<'e>,
        env: &Env<'e>,
        machine: &mut Option<Run<'e>>,
        findings: &mut Vec<Finding>,
        outcome: &mut Outcome,
    ) -> Result<(), EvalError> {
        let stopped = |trap| EvalError::Trap { rule: rule.name.clone(), trap };
        // What the fast engine leaves open, the reference decides.
        let bind = holding.bind.map(|bind| (bind, holding.params));
        let native = machine.as_mut().and_then(|machine| machine.hits(id.index(), bind));
        let reference;
        let hits = match native {
            Some(hits) => hits,
            None => {
                reference = hits(rule, env).map_err(stopped)?;
                &reference
            }
        };
        if !hits.is_empty() {
            let mut explained: BTreeMap<ClauseId, usize> = BTreeMap::new();
            let first = findings.len();
            for hit in hits {
                let count = explained.entry(hit.clause).or_default();
                *count += 1;
                if *count > MAX_FINDINGS {
                    outcome.omitted += 1;
                    continue;
                }
                findings.push(self.finding(id, rule, hit, holding, env).map_err(stopped)?);
            }
            // An exception sees the params that the rule has here.
            let (excepted, expired) = self.exceptions(id.index(), env)?;
            for finding in findings.iter_mut().skip(first) {
                finding.excepted.clone_from(&excepted);
                finding.expired.clone_from(&expired);
            }
        }
        if self.why {
            outcome.traces.push(RuleTrace { rule: id, traces: trace(rule, env) });
        }
        Ok(())
    }

    fn env<'e>(&self, params: &'e [Value], roots: &'e Roots, pod_keys: &'e [String]) -> Env<'e>
    where
        'j: 'e,
    {
        Env {
            module: &self.evaluator.module,
            builtins: &self.evaluator.builtins,
            params,
            roots,
            pod_keys,
            cluster: self.cluster,
            subject: self.subject,
            fuel: self.evaluator.options.fuel,
        }
    }

    fn finding(
        &self,
        id: RuleId,
        rule: &Rule,
        hit: &Hit,
        holding: &Holding<'_>,
        env: &Env<'_>,
    ) -> Result<Finding, Trap> {
        let explanation = explain(rule, env, hit, self.why)?;
        let verb = rule.clauses.get(hit.clause.index()).map_or(crate::ir::Verb::Audit, |clause| clause.verb);
        Ok(Finding {
            rule: id,
            rule_name: rule.name.clone(),
            clause: hit.clause,
            bindings: hit.bindings.clone(),
            verb,
            mode: holding.mode,
            effect: effect(verb, holding.mode),
            message: explanation.message,
            fix: explanation.fix,
            blames: explanation.blames,
            meta: rule.meta.clone(),
            excepted: None,
            expired: None,
            bind: holding.bind,
            why: explanation.why,
        })
    }

    /// The first exception that excuses a rule's findings here, and the first that would if it had not expired.
    fn exceptions(&self, rule: usize, env: &Env<'_>) -> Result<(Option<String>, Option<String>), EvalError> {
        let (mut excepted, mut expired) = (None, None);
        for (index, position) in self.evaluator.plan.exceptions.get(rule).into_iter().flatten().copied() {
            let Some(exception) = self.evaluator.module.exceptions.get(index) else { continue };
            let stopped = |trap| EvalError::Trap { rule: exception.name.clone(), trap };
            let Some(condition) = exception.conditions.get(position) else { continue };
            if !holds(condition, env).map_err(stopped)? {
                continue;
            }
            let slot =
                if is_over(exception, self.evaluator.options.today) { &mut expired } else { &mut excepted };
            slot.get_or_insert_with(|| exception.name.clone());
        }
        Ok((excepted, expired))
    }
}

pub(super) fn holds(condition: &Condition, env: &Env<'_>) -> Result<bool, Trap> {
    condition.cond.map_or(Ok(true), |cond| Interp::new(*env, &condition.code).holds(cond))
}

/// Whether an exception's last day is past. A day that is none counts as past: it must not excuse for ever.
fn is_over(exception: &Exception, today: Date) -> bool {
    exception.until.as_ref().is_some_and(|until| until.parse::<Date>().map_or(true, |last| last < today))
}

/// How much a finding counts beside the same one of another bind.
fn weight(finding: &Finding) -> (bool, Effect, Mode) {
    (finding.excepted.is_none(), finding.effect, finding.mode)
}

/// One finding for each verdict, iteration and message: that of the hardest mode.
fn hardest(findings: Vec<Finding>) -> Vec<Finding> {
    let mut seen: BTreeMap<(u32, Vec<u32>, String), usize> = BTreeMap::new();
    let mut kept: Vec<Finding> = Vec::new();
    for finding in findings {
        let key = (finding.clause.0, finding.bindings.clone(), finding.message.clone());
        match seen.get(&key).and_then(|index| kept.get_mut(*index)) {
            // What one bind's exception excuses, another bind of the rule may still find.
            Some(other) if weight(other) < weight(&finding) => *other = finding,
            Some(_) => {}
            None => {
                seen.insert(key, kept.len());
                kept.push(finding);
            }
        }
    }
    kept
}
