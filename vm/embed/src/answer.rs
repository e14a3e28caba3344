//! The answer to one review, object or event.

use std::fmt;

use kpol_vm::{
    evaluate::{Decision, Effect, Finding, Outcome},
    ir::{Mode, Module, RuleId, Severity, Verb},
};

use crate::Rule;

/// The answer: a decision, and the hits that it comes from. It borrows the [`Session`](crate::Session), which keeps it.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    outcome: &'a Outcome,
    module: &'a Module,
}

impl<'a> Answer<'a> {
    pub(crate) fn new(outcome: &'a Outcome, module: &'a Module) -> Answer<'a> {
        Answer { outcome, module }
    }

    /// Whether the request passes. Events always do: look at the [`Effect`] of their hits.
    #[must_use]
    pub fn decision(&self) -> Decision {
        self.outcome.decision
    }

    /// Whether the request passes.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.outcome.decision == Decision::Allow
    }

    /// Every hit, in the order of the bundle's rules. Those that an exception excuses are among them: [`Hit::exception`].
    pub fn hits(&self) -> impl Iterator<Item = Hit<'a>> + use<'a> {
        let module = self.module;
        self.outcome.findings.iter().map(move |finding| Hit { finding, module })
    }

    /// The hits that no exception excuses and that come to this.
    pub fn hits_with(&self, effect: Effect) -> impl Iterator<Item = Hit<'a>> + use<'a> {
        self.hits().filter(move |hit| hit.exception().is_none() && hit.effect() == effect)
    }

    /// Why the request is refused: the messages of the hits that deny it.
    pub fn denials(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.hits_with(Effect::Deny).map(|hit| hit.message())
    }

    /// The messages of the hits that only warn, for `response.warnings`.
    pub fn warnings(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.hits_with(Effect::Warn).map(|hit| hit.message())
    }

    /// The rules that applied to this kind and operation, or event, hit or not.
    pub fn applied(&self) -> impl Iterator<Item = Rule<'a>> + use<'a> {
        rules(self.module, &self.outcome.applied)
    }

    /// The rules on this kind that know other API versions of it only and so have not looked at the object.
    pub fn other_versions(&self) -> impl Iterator<Item = Rule<'a>> + use<'a> {
        rules(self.module, &self.outcome.other_versions)
    }

    /// How many hits were left out because their verdict has very many already.
    #[must_use]
    pub fn omitted(&self) -> usize {
        self.outcome.omitted
    }
}

fn rules<'a>(module: &'a Module, ids: &'a [RuleId]) -> impl Iterator<Item = Rule<'a>> + use<'a> {
    ids.iter().filter_map(move |id| module.rules.get(id.index())).map(Rule::new)
}

/// One hit of one rule: something is wrong.
#[derive(Clone, Copy, Debug)]
pub struct Hit<'a> {
    finding: &'a Finding,
    module: &'a Module,
}

impl<'a> Hit<'a> {
    /// The rule's name with its package: `acme.pods.no_privileged`.
    #[must_use]
    pub fn rule(&self) -> &'a str {
        &self.finding.rule_name
    }

    /// Everything else about the rule: documentation, MITRE, CIS, tags, owner.
    #[must_use]
    pub fn about(&self) -> Option<Rule<'a>> {
        self.module.rules.get(self.finding.rule.index()).map(Rule::new)
    }

    /// How bad it is, if the rule says so.
    #[must_use]
    pub fn severity(&self) -> Option<Severity> {
        self.finding.meta.severity
    }

    /// What the rule asks for.
    #[must_use]
    pub fn verb(&self) -> Verb {
        self.finding.verb
    }

    /// How hard the rule holds here, within the host's limit.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.finding.mode
    }

    /// What comes of verb and mode, unless there is an [`exception`](Hit::exception).
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.finding.effect
    }

    /// What is wrong.
    #[must_use]
    pub fn message(&self) -> &'a str {
        &self.finding.message
    }

    /// How to mend it.
    #[must_use]
    pub fn fix(&self) -> Option<&'a str> {
        self.finding.fix.as_deref()
    }

    /// The paths in the object that are to blame: `spec.containers[0].securityContext.privileged`.
    #[must_use]
    pub fn blames(&self) -> &'a [String] {
        &self.finding.blames
    }

    /// The exception that excuses it.
    #[must_use]
    pub fn exception(&self) -> Option<&'a str> {
        self.finding.excepted.as_deref()
    }

    /// An exception that would excuse it, had it not expired.
    #[must_use]
    pub fn expired_exception(&self) -> Option<&'a str> {
        self.finding.expired.as_deref()
    }
}

impl fmt::Display for Hit<'_> {
    /// One line: `denied[high] acme.pods.no_host_pid: hostPID is not allowed (spec.hostPID)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.exception(), self.effect()) {
            (Some(_), _) => "excepted",
            (None, Effect::Deny) => "denied",
            (None, Effect::Warn) => "warning",
            (None, Effect::Record) => "recorded",
            (None, Effect::Alert) => "alert",
            (None, Effect::Kill) => "killed",
        })?;
        if let Some(severity) = self.severity() {
            let severity = match severity {
                Severity::Low => "low",
                Severity::Medium => "medium",
                Severity::High => "high",
                Severity::Critical => "critical",
            };
            write!(f, "[{severity}]")?;
        }
        write!(f, " {}: {}", self.rule(), self.message())?;
        if !self.blames().is_empty() {
            write!(f, " ({})", self.blames().join(", "))?;
        }
        Ok(())
    }
}
