//! What the engine answers: findings, and what they come to.
//!
//! ```text
//!   verb × mode ──▶ effect          deny     warn     dryrun
//!                       deny        Deny     Warn     Record
//!                       warn        Warn     Warn     Record
//!                       audit       Record   Record   Record
//!                                   enforce  alert    dryrun
//!                       alert       Alert    Alert    Record
//!                       kill        Kill     Alert    Record
//! ```

use crate::{
    interp::{Trace, WhyNode},
    ir::{ClauseId, Meta, Mode, RuleId, Verb},
    json::Json,
};

/// The answer to one review or event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Every hit, in the order of the module's rules; excepted ones are kept and marked.
    pub findings: Vec<Finding>,
    /// Allow or deny.
    pub decision: Decision,
    /// The rules that applied to this kind and operation, hit or not.
    pub applied: Vec<RuleId>,
    /// Rules for this kind that know other versions of it only, and so did not run.
    pub other_versions: Vec<RuleId>,
    /// Hits that are not among the findings, because their verdict has very many there already.
    pub omitted: usize,
    /// Why each applied rule came out as it did; only when asked for.
    pub traces: Vec<RuleTrace>,
}

impl Outcome {
    /// As new, with its buffers kept.
    pub(super) fn clear(&mut self) {
        let Outcome { findings, decision, applied, other_versions, omitted, traces } = self;
        findings.clear();
        *decision = Decision::Allow;
        applied.clear();
        other_versions.clear();
        *omitted = 0;
        traces.clear();
    }

    /// The findings with this effect that no exception excuses.
    pub fn with_effect(&self, effect: Effect) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.excepted.is_none() && finding.effect == effect)
    }

    /// The messages of the findings that only warn.
    #[must_use]
    pub fn warnings(&self) -> Vec<&str> {
        self.with_effect(Effect::Warn).map(|finding| finding.message.as_str()).collect()
    }
}

/// Whether a request passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Decision {
    /// It passes.
    #[default]
    Allow,
    /// It is refused.
    Deny,
}

/// What a finding comes to, by its verb and the mode of its rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Effect {
    /// Recorded only.
    Record,
    /// A warning to who asks.
    Warn,
    /// An alert.
    Alert,
    /// The request is refused.
    Deny,
    /// The process is killed, with an alert.
    Kill,
}

/// One hit of one rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The rule.
    pub rule: RuleId,
    /// Its name with its package.
    pub rule_name: String,
    /// Which of its verdicts.
    pub clause: ClauseId,
    /// The indices of the loops around the verdict.
    pub bindings: Vec<u32>,
    /// What the verdict asks for.
    pub verb: Verb,
    /// How hard the rule holds here, after the host's limit.
    pub mode: Mode,
    /// What comes of it.
    pub effect: Effect,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub fix: Option<String>,
    /// The JSON paths in the object that are to blame: `spec.containers[0].securityContext.privileged`.
    pub blames: Vec<String>,
    /// The rule's documentation, severity and so on.
    pub meta: Meta,
    /// The exception that excuses it.
    pub excepted: Option<String>,
    /// An exception that would excuse it but has expired.
    pub expired: Option<String>,
    /// The bind that made the rule hold, as an index of the module's binds.
    pub bind: Option<usize>,
    /// The decision tree: the conditions on the way to the verdict, then its own; only when asked for.
    pub why: Vec<WhyNode>,
}

/// Why an applied rule came out as it did.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleTrace {
    /// The rule.
    pub rule: RuleId,
    /// Its verdicts, in every loop iteration (bounded).
    pub traces: Vec<Trace>,
}

/// What the mutations made of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Mutated {
    /// The object after all mutations.
    pub object: Json,
    /// What to change, as RFC 6902 has it.
    pub patch: Vec<PatchOp>,
    /// The mutations that changed something, in order.
    pub applied: Vec<String>,
}

/// One operation of RFC 6902.
pub type PatchOp = json_patch::PatchOperation;

/// How much a mode asks for, whether it is one of admission or of run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    Record,
    Tell,
    Act,
}

fn strength(mode: Mode) -> Strength {
    match mode {
        Mode::Dryrun => Strength::Record,
        Mode::Warn | Mode::Alert => Strength::Tell,
        Mode::Deny | Mode::Enforce => Strength::Act,
    }
}

/// The weaker of a mode and the host's limit, in the words of the world that the rule is of.
pub(super) fn limited(mode: Mode, max: Mode, runtime: bool) -> Mode {
    match (strength(mode).min(strength(max)), runtime) {
        (Strength::Record, _) => Mode::Dryrun,
        (Strength::Tell, false) => Mode::Warn,
        (Strength::Tell, true) => Mode::Alert,
        (Strength::Act, false) => Mode::Deny,
        (Strength::Act, true) => Mode::Enforce,
    }
}

/// What a verdict comes to under a mode.
#[must_use]
pub fn effect(verb: Verb, mode: Mode) -> Effect {
    match (verb, strength(mode)) {
        (_, Strength::Record) | (Verb::Audit, _) => Effect::Record,
        (Verb::Deny, Strength::Act) => Effect::Deny,
        (Verb::Deny, Strength::Tell) | (Verb::Warn, _) => Effect::Warn,
        (Verb::Kill, Strength::Act) => Effect::Kill,
        (Verb::Kill, Strength::Tell) | (Verb::Alert, _) => Effect::Alert,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_only_weakens() {
        assert_eq!(limited(Mode::Deny, Mode::Warn, false), Mode::Warn);
        assert_eq!(limited(Mode::Dryrun, Mode::Deny, false), Mode::Dryrun);
        assert_eq!(limited(Mode::Deny, Mode::Deny, true), Mode::Enforce);
    }

    #[test]
    fn a_warning_is_never_a_denial() {
        assert_eq!(effect(Verb::Warn, Mode::Deny), Effect::Warn);
        assert_eq!(effect(Verb::Audit, Mode::Deny), Effect::Record);
        assert_eq!(effect(Verb::Deny, Mode::Warn), Effect::Warn);
        assert_eq!(effect(Verb::Kill, Mode::Alert), Effect::Alert);
    }
}
