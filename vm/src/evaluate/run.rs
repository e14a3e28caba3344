//! Judges one review or event: rules × binds, hits explained, exceptions applied.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::{
    Decision, Effect, EvalError, Evaluator, Finding, Outcome, Review, RuleTrace, effect, facts::Inputs,
    outcome::limited,
};
use crate::{
    interp::{ClusterView, Env, Hit, Interp, NoCluster, Roots, Subject, Trap, explain, hits, trace},
    ir::{ClauseId, Condition, Exception, Mode, Rule, RuleId, Target},
    json::Json,
    value::Value,
};

/// Findings of one verdict of one rule under one bind; explaining thousands of them helps nobody and takes long.
const MAX_FINDINGS: usize = 128;

/// Judges a request.
pub(super) fn review(
    evaluator: &Evaluator,
    review: &Review<'_>,
    cluster: &dyn ClusterView,
    why: bool,
) -> Result<Outcome, EvalError> {
    let object = review.subject();
    let inputs = Inputs::of_review(evaluator, review, object);
    with(evaluator, review, inputs, subject(review, object), cluster, why)
}

/// Judges a request whose facts come from `inputs`.
pub(super) fn with(
    evaluator: &Evaluator,
    review: &Review<'_>,
    mut inputs: Inputs<'_>,
    subject: Subject<'_>,
    cluster: &dyn ClusterView,
    why: bool,
) -> Result<Outcome, EvalError> {
    let matched = evaluator.plan.rules(&evaluator.module, review);
    let mut outcome = Outcome {
        other_versions: matched.other_versions.into_iter().filter_map(rule_id).collect(),
        ..Outcome::default()
    };
    for (rule, target) in matched.items {
        let judge = Judge { evaluator, cluster, subject: Some(subject), runtime: false, why };
        judge.rule(rule, target, &mut inputs, &mut outcome)?;
    }
    decide(&mut outcome);
    Ok(outcome)
}

/// Judges an event.
pub(super) fn event(
    evaluator: &Evaluator,
    name: &str,
    event: &Json,
    why: bool,
) -> Result<Outcome, EvalError> {
    let mut inputs = Inputs::of_event(evaluator, event);
    let mut outcome = Outcome::default();
    for (rule, target) in evaluator.plan.event_rules(name).iter().copied() {
        let judge = Judge { evaluator, cluster: &NoCluster, subject: None, runtime: true, why };
        judge.rule(rule, target, &mut inputs, &mut outcome)?;
    }
    decide(&mut outcome);
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
    fn rule(
        &self,
        index: usize,
        target: usize,
        inputs: &mut Inputs<'_>,
        outcome: &mut Outcome,
    ) -> Result<(), EvalError> {
        let evaluator = self.evaluator;
        let (Some(rule), Some(id), Some(needs)) =
            (evaluator.module.rules.get(index), rule_id(index), evaluator.plan.rule_needs.get(index))
        else {
            return Ok(());
        };
        let pod_keys = pod_keys(rule.targets.get(target));
        let roots = inputs.roots(needs, pod_keys)?;
        let holdings = self.holdings(index, &roots, pod_keys)?;
        if holdings.is_empty() {
            return Ok(());
        }
        outcome.applied.push(id);
        let mut findings = Vec::new();
        for holding in &holdings {
            let env = self.env(holding.params, &roots, pod_keys);
            let stopped = |trap| EvalError::Trap { rule: rule.name.clone(), trap };
            let mut explained: BTreeMap<ClauseId, usize> = BTreeMap::new();
            let first = findings.len();
            for hit in self.hits(index, holding, &env).map_err(stopped)? {
                let count = explained.entry(hit.clause).or_default();
                *count += 1;
                if *count > MAX_FINDINGS {
                    outcome.omitted += 1;
                    continue;
                }
                findings.push(self.finding(id, rule, &hit, holding, &env).map_err(stopped)?);
            }
            // An exception sees the params that the rule has here.
            if findings.len() > first {
                let (excepted, expired) = self.exceptions(index, &env)?;
                for finding in findings.iter_mut().skip(first) {
                    finding.excepted.clone_from(&excepted);
                    finding.expired.clone_from(&expired);
                }
            }
            if self.why {
                outcome.traces.push(RuleTrace { rule: id, traces: trace(rule, &env) });
            }
        }
        outcome.findings.extend(hardest(findings));
        Ok(())
    }

    /// What the engine finds; what the fast one leaves open, the reference decides.
    fn hits(&self, index: usize, holding: &Holding<'_>, env: &Env<'_>) -> Result<Vec<Hit>, Trap> {
        let found = self.evaluator.jit.as_ref().and_then(|jit| jit.hits(index, holding.bind, env));
        match (found, env.module.rules.get(index)) {
            (Some(found), _) => Ok(found),
            (None, Some(rule)) => hits(rule, env),
            (None, None) => Ok(Vec::new()),
        }
    }

    fn env<'e>(&'e self, params: &'e [Value], roots: &'e Roots, pod_keys: &'e [String]) -> Env<'e> {
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

    /// The ways in which a rule holds here: by each bind whose condition holds; without binds, in the default mode.
    fn holdings(
        &self,
        rule: usize,
        roots: &Roots,
        pod_keys: &[String],
    ) -> Result<Vec<Holding<'j>>, EvalError> {
        let evaluator = self.evaluator;
        let options = &evaluator.options;
        let mode = |mode: Mode| limited(mode, options.max_mode, self.runtime);
        let binds = evaluator.plan.binds.get(rule).map_or(&[][..], Vec::as_slice);
        if binds.is_empty() {
            let mode = mode(options.default_mode);
            return Ok(vec![Holding { bind: None, mode, params: &evaluator.params }]);
        }
        let mut holdings = Vec::new();
        for (index, position) in binds.iter().copied() {
            let (Some(bind), Some(params)) =
                (evaluator.module.binds.get(index), evaluator.bind_params.get(index))
            else {
                continue;
            };
            let env = self.env(params, roots, pod_keys);
            let holds = bind.conditions.get(position).map_or(Ok(true), |condition| holds(condition, &env));
            let name = || evaluator.module.rules.get(rule).map_or_else(String::new, |rule| rule.name.clone());
            if holds.map_err(|trap| EvalError::Trap { rule: format!("{} (bind)", name()), trap })? {
                let mode = mode(bind.mode.unwrap_or(options.default_mode));
                holdings.push(Holding { bind: Some(index), mode, params });
            }
        }
        Ok(holdings)
    }

    fn finding(
        &self,
        id: RuleId,
        rule: &Rule,
        hit: &Hit,
        holding: &Holding<'_>,
        env: &Env<'_>,
    ) -> Result<Finding, Trap> {
        let explanation = explain(rule, env, hit)?;
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
            why: if self.why { explanation.why } else { Vec::new() },
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

fn holds(condition: &Condition, env: &Env<'_>) -> Result<bool, Trap> {
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
