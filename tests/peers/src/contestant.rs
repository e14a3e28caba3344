//! Who is measured, and the proof that they judge right before they are.
//!
//! ```text
//!   Id ──prepare (once)──▶ Judge ──check──▶ every case right? ──▶ measured     else the run fails
//! ```

use kpol_tests::reviews::{Place, Pod, Policy, Size, review};
use kpol_vm::evaluate::Decision;

/// Judges reviews.
pub(crate) trait Judge {
    /// Takes what is not measured. Only those that measure evaluation alone need it.
    fn given(&mut self, _body: &[u8]) -> Result<(), String> {
        Ok(())
    }

    /// The decision on a review; this is measured.
    fn decide(&mut self, body: &[u8]) -> Result<Decision, String>;
}

impl<F: FnMut(&[u8]) -> Result<Decision, String>> Judge for F {
    fn decide(&mut self, body: &[u8]) -> Result<Decision, String> {
        self(body)
    }
}

/// Who.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Id {
    KpolJit,
    KpolInterp,
    KpolJitAlone,
    KpolJitJudged,
    HandScan,
    HandSonicStream,
    HandStream,
    HandSonic,
    HandSimd,
    HandValue,
    HandTypedAlone,
    RegoMinimal,
    RegoTemplates,
    RegoQuantities,
    RegoRestricted,
    CelBorrowed,
    CelValue,
}

impl Id {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Id::KpolJit => "**kpol, jit**",
            Id::KpolInterp => "kpol, interp",
            Id::KpolJitAlone => "kpol, jit, evaluation alone: facts to hits",
            Id::KpolJitJudged => "kpol, jit, facts to decision",
            Id::HandScan => "by hand: AVX2 scanner, validates nothing",
            Id::HandSonicStream => "by hand: sonic-rs streaming visitor",
            Id::HandStream => "by hand: serde_json streaming visitor",
            Id::HandSonic => "by hand: sonic-rs value",
            Id::HandSimd => "by hand: simd-json tape",
            Id::HandValue => "by hand: `serde_json::Value`",
            Id::HandTypedAlone => "by hand: typed structs, evaluation alone",
            Id::RegoMinimal => "regorus RVM, minimal Rego",
            Id::RegoTemplates => "regorus RVM, gatekeeper-library, resources need only be there",
            Id::RegoQuantities => "regorus RVM, gatekeeper-library",
            Id::RegoRestricted => "regorus RVM, gatekeeper-library (has less of it)",
            Id::CelBorrowed => "cel, values borrowed from the bytes",
            Id::CelValue => "cel, over `serde_json::Value`",
        }
    }
}

/// How much of the nine rules of `std.workload` a contestant says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All of it.
    Whole,
    /// Gatekeeper's templates: the nine policies, without resources of the pod as a whole, without Windows.
    Nine,
}

/// One of those who are measured.
pub(crate) struct Contestant {
    pub(crate) id: Id,
    pub(crate) scope: Scope,
    pub(crate) judge: Box<dyn Judge>,
}

impl Contestant {
    pub(crate) fn new(id: Id, scope: Scope, judge: impl Judge + 'static) -> Contestant {
        Contestant { id, scope, judge: Box::new(judge) }
    }

    /// Fails unless every case comes out right.
    pub(crate) fn check(&mut self, cases: &[Case]) -> Result<(), String> {
        for case in cases.iter().filter(|case| case.scope == Scope::Nine || self.scope == Scope::Whole) {
            let body = review(&case.pod);
            let said = self.judge.given(body.as_bytes()).and_then(|()| self.judge.decide(body.as_bytes()));
            if said != Ok(case.expected) {
                return Err(format!(
                    "{} says {said:?} to {}, which is {:?}",
                    self.id.name(),
                    case.what,
                    case.expected
                ));
            }
        }
        Ok(())
    }
}

/// A review whose answer is known.
pub(crate) struct Case {
    what: String,
    pod: Pod,
    expected: Decision,
    scope: Scope,
}

fn case(what: &str, scope: Scope, expected: Decision, pod: Pod) -> Case {
    Case { what: what.to_owned(), pod, expected, scope }
}

/// What keeps and what breaks the nine policies.
pub(crate) fn nine() -> Vec<Case> {
    let base = Pod { init: 1, ephemeral: 1, ..Size::Medium.pod() };
    let mut cases: Vec<Case> = Size::ALL
        .map(|size| {
            case(&format!("a clean review of {}", size.name()), Scope::Nine, Decision::Allow, size.pod())
        })
        .into();
    cases.push(case("clean containers of all lists", Scope::Nine, Decision::Allow, base));
    let more = Pod { adds: "SYS_ADMIN", ..base };
    cases.push(case("SYS_ADMIN", Scope::Nine, Decision::Deny, more));
    for policy in Policy::ALL {
        for place in [Place::Main, Place::Init, Place::Ephemeral] {
            let resources = matches!(policy, Policy::ResourceLimits | Policy::ResourceRequests);
            if place == Place::Ephemeral && resources {
                continue;
            }
            let what = format!("a broken {policy:?} ({place:?})");
            cases.push(case(&what, Scope::Nine, Decision::Deny, Pod { breaks: Some(policy), place, ..base }));
        }
    }
    let whole = Scope::Whole;
    let windows = Pod { windows: true, ..base };
    cases.push(case("a Windows pod without Linux fields", whole, Decision::Allow, windows));
    let privileged = Pod { breaks: Some(Policy::Privileged), ..windows };
    cases.push(case("a privileged Windows pod", whole, Decision::Deny, privileged));
    let shared = Pod { pod_resources: true, ..base };
    cases.push(case("resources of the pod as a whole", whole, Decision::Allow, shared));
    cases
}

/// What the Pod Security Standard says to the same reviews.
pub(crate) fn restricted() -> Vec<Case> {
    use Policy as P;
    let mut cases: Vec<Case> = Size::ALL
        .map(|size| {
            case(&format!("a clean review of {}", size.name()), Scope::Nine, Decision::Allow, size.pod())
        })
        .into();
    for policy in [P::Privileged, P::HostNetwork, P::HostPid, P::HostIpc, P::PrivilegeEscalation, P::DropAll]
    {
        let pod = Pod { breaks: Some(policy), ..Size::Medium.pod() };
        cases.push(case(&format!("a broken {policy:?}"), Scope::Nine, Decision::Deny, pod));
    }
    for policy in [P::ResourceLimits, P::ResourceRequests, P::ReadOnlyRoot] {
        let pod = Pod { breaks: Some(policy), ..Size::Medium.pod() };
        cases.push(case(
            &format!("{policy:?}, which is not its business"),
            Scope::Nine,
            Decision::Allow,
            pod,
        ));
    }
    cases
}
