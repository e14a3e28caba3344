//! From the bytes of an AdmissionReview to the answer.
//!
//! Nothing here knows of HTTP but the status: the bytes come from the router, and go back through it.
//! [Source](https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#webhook-request-and-response).

mod count;
mod hit;
mod response;

pub use hit::operation_word;

use std::{borrow::Cow, cell::RefCell, time::Instant};

use kpol::{Answer, Effect, Patch, ReviewError, Session};

use hit::{Found, mode_word};
use kpol_admission::report::severity_word;
use response::Response;

use crate::{
    metrics::{HitLabels, Metrics},
    policies::{Policies, Ready},
    settings::FailurePolicy,
};

/// Which of the two webhooks is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Webhook {
    /// Judges.
    Validate,
    /// Changes.
    Mutate,
}

impl Webhook {
    /// As metrics and logs name it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Webhook::Validate => "validate",
            Webhook::Mutate => "mutate",
        }
    }
}

/// What the host decides about answers.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// What becomes of requests that cannot be judged.
    pub failure_policy: FailurePolicy,
    /// Whether mutated objects are judged at once.
    pub validate_mutated: bool,
}

/// An answer over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status: 200 with an AdmissionReview, or another one with a text.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

thread_local! {
    /// One session per bundle, kept by each thread: with their buffers, reviews that pass allocate next to nothing.
    static SESSIONS: RefCell<Vec<Session>> = const { RefCell::new(Vec::new()) };
}

/// Answers one request.
#[must_use]
pub fn answer(
    webhook: Webhook,
    policies: &Policies,
    body: &[u8],
    manner: Manner,
    metrics: &Metrics,
) -> Reply {
    let work = || {
        SESSIONS.with_borrow_mut(|sessions| {
            sessions.resize_with(policies.bundles.len().max(sessions.len()).max(1), Session::new);
            let asked = Asked {
                webhook,
                policies,
                manner,
                metrics,
                started: Instant::now(),
                response: Response::allowed(),
                decision: "allowed",
            };
            match webhook {
                Webhook::Validate => asked.validate(body, sessions),
                Webhook::Mutate => asked.mutate(body, sessions),
            }
        })
    };
    // Nothing in it panics. If something did, it would be this request's trouble and nobody else's.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or_else(|_| {
        SESSIONS.set(Vec::new());
        metrics.reject("panic");
        tracing::error!(
            webhook = webhook.word(),
            bytes = body.len(),
            "judging a request panicked: please report it"
        );
        Reply { status: 500, body: b"judging this request panicked; see the log\n".to_vec() }
    })
}

/// A request while it is answered.
struct Asked<'a> {
    webhook: Webhook,
    policies: &'a Policies,
    manner: Manner,
    metrics: &'a Metrics,
    started: Instant,
    response: Response,
    decision: &'static str,
}

impl<'a> Asked<'a> {
    fn validate(mut self, body: &[u8], sessions: &mut [Session]) -> Reply {
        let mut denials = Vec::new();
        for (ready, session) in self.policies.bundles.iter().zip(sessions.iter_mut()) {
            if let Err(stop) = self.judged(ready, body, session, &mut denials) {
                return self.stopped(stop, session);
            }
        }
        if !denials.is_empty() {
            self.deny(403, "Forbidden", denials.join("\n"));
        }
        let Some(session) = sessions.first_mut() else { return self.unreadable("no session") };
        if self.policies.bundles.is_empty() {
            // Nothing has read it so far, and the answer must repeat its id.
            if let Err(error) = read_without_policies(body, session) {
                return self.unreadable(&error);
            }
        }
        self.done(session)
    }

    /// Judges by one bundle. A review that it does not answer passes, as far as it goes, or ends here.
    fn judged(
        &mut self,
        ready: &Ready,
        body: &[u8],
        session: &mut Session,
        denials: &mut Vec<String>,
    ) -> Result<(), Stop> {
        self.judge(ready, body, session, denials).or_else(|error| self.failed(ready, &error, session))
    }

    fn judge(
        &mut self,
        ready: &Ready,
        body: &[u8],
        session: &mut Session,
        denials: &mut Vec<String>,
    ) -> Result<(), ReviewError> {
        let answer = ready.evaluator.review(body, &ready.cluster, session)?;
        let hits: Vec<Found> = answer.hits().map(Found::new).collect();
        if hits.is_empty() && answer.other_versions().next().is_none() && answer.omitted() == 0 {
            return Ok(());
        }
        self.others(&answer);
        for hit in hits {
            self.found(&hit, session, denials);
        }
        Ok(())
    }

    /// What else an answer says: rules that could not look, hits that were left out.
    fn others(&mut self, answer: &Answer<'_>) {
        let names: Vec<&str> = answer.other_versions().map(|rule| rule.name()).collect();
        if !names.is_empty() {
            self.response.annotate("unchecked", &names.join(", "));
        }
        if answer.omitted() > 0 {
            self.response.annotate("omitted", &answer.omitted().to_string());
        }
    }

    fn found(&mut self, hit: &Found, session: &Session, denials: &mut Vec<String>) {
        let request = session.request();
        let line = format!("[{}] {}", hit.rule, hit.message);
        let effect = match (&hit.exception, hit.effect) {
            (Some(exception), _) => {
                self.response.annotate("excepted", &format!("{} by {exception}", hit.rule));
                "excepted"
            }
            (None, Effect::Deny | Effect::Kill) => {
                self.response.annotate("denied", &hit.rule);
                denials.push(line);
                "deny"
            }
            (None, Effect::Warn | Effect::Alert) => {
                self.response.annotate("warned", &hit.rule);
                self.warn(line);
                "warn"
            }
            (None, Effect::Record) => {
                self.response.annotate("recorded", &hit.rule);
                "record"
            }
        };
        let mode = mode_word(hit.mode);
        let operation = operation_word(request.operation());
        let kind = self.policies.label(request.group(), request.kind());
        self.metrics
            .hits
            .get_or_create(&HitLabels { rule: hit.rule.clone(), mode, effect, kind, operation })
            .inc();
        tracing::info!(
            rule = hit.rule,
            mode,
            effect,
            severity = hit.severity.map(|severity| severity_word(Some(severity))),
            exception = hit.exception,
            expired_exception = hit.expired,
            text = hit.message,
            blames = hit.blames,
            webhook = self.webhook.word(),
            uid = request.uid(),
            operation,
            group = request.group(),
            kind = request.kind(),
            subresource = request.subresource(),
            namespace = request.namespace(),
            name = request.name(),
            user = request.user(),
            dry_run = request.is_dry_run(),
            "hit"
        );
    }

    fn mutate(mut self, body: &[u8], sessions: &mut [Session]) -> Reply {
        let mut operations: Vec<serde_json::Value> = Vec::new();
        let mut applied = Vec::new();
        let mut current = Cow::Borrowed(body);
        let Some(session) = sessions.first_mut() else { return self.unreadable("no session") };
        if let Err(error) = read_without_policies(body, session) {
            return self.unreadable(&error);
        }
        let policies = self.policies;
        let mutating: Vec<_> =
            policies.bundles.iter().filter(|ready| ready.bundle.mutations().next().is_some()).collect();
        // What one bundle changes, another one may look at: all of them, until none changes anything.
        let mut settled = mutating.is_empty();
        for _ in 0..=mutating.len() {
            settled = true;
            for ready in &mutating {
                let patch = match ready.evaluator.mutate(&current, &ready.cluster, session) {
                    Ok(patch) => patch,
                    Err(error) => match self.failed(ready, &error, session) {
                        Ok(()) => continue,
                        Err(stop) => return self.stopped(stop, session),
                    },
                };
                if patch.is_empty() {
                    continue;
                }
                settled = false;
                let new = patch.applied().iter().filter(|name| !applied.contains(*name)).cloned();
                applied.extend(new.collect::<Vec<_>>());
                match serde_json::from_str(&patch.to_json()) {
                    Ok(serde_json::Value::Array(more)) => operations.extend(more),
                    Ok(_) | Err(_) => return self.unreadable("the patch is no list"),
                }
                match with_object(&current, &patch) {
                    Ok(review) => current = Cow::Owned(review),
                    Err(error) => return self.unreadable(&error),
                }
            }
            if settled {
                break;
            }
        }
        if !settled {
            let error = format!("mutations of several bundles undo each other: {}", applied.join(", "));
            let fault = Fault { error, rule: None, bundle: None, may_block: true, is_bad_input: false };
            if self.fault(&fault, session) {
                return self.done(session);
            }
            operations.clear();
            current = Cow::Borrowed(body);
        }
        if self.manner.validate_mutated {
            let mut denials = Vec::new();
            for ready in &self.policies.bundles {
                if let Err(stop) = self.judged(ready, &current, session, &mut denials) {
                    return self.stopped(stop, session);
                }
            }
            if !denials.is_empty() {
                self.deny(403, "Forbidden", denials.join("\n"));
                return self.done(session);
            }
        }
        if !operations.is_empty() {
            self.decision = "mutated";
            self.response.annotate("mutated", &applied.join(", "));
            self.response.patch(operations);
            let request = session.request();
            tracing::info!(
                mutations = applied.join(", "),
                uid = request.uid(),
                operation = operation_word(request.operation()),
                group = request.group(),
                kind = request.kind(),
                namespace = request.namespace(),
                name = request.name(),
                user = request.user(),
                dry_run = request.is_dry_run(),
                "mutated"
            );
        }
        self.done(session)
    }

    /// A review that a bundle did not answer.
    fn failed(&mut self, ready: &Ready, error: &ReviewError, session: &Session) -> Result<(), Stop> {
        if error.byte().is_some() {
            return Err(Stop::Refused(self.refused(&error.to_string())));
        }
        let fault = Fault {
            error: error.to_string(),
            rule: error.rule(),
            bundle: Some(&ready.name),
            // What only counts hits does not block because it cannot look.
            may_block: self.webhook == Webhook::Mutate || ready.can_deny,
            is_bad_input: error.is_bad_input(),
        };
        if self.fault(&fault, session) { Err(Stop::Blocks) } else { Ok(()) }
    }

    fn stopped(self, stop: Stop, session: &Session) -> Reply {
        match stop {
            Stop::Refused(reply) => reply,
            Stop::Blocks => self.done(session),
        }
    }

    /// A request that cannot be judged; whether it is refused for that.
    fn fault(&mut self, fault: &Fault<'_>, session: &Session) -> bool {
        let request = session.request();
        let blocks = fault.may_block && self.manner.failure_policy == FailurePolicy::Fail;
        tracing::error!(
            error = fault.error,
            rule = fault.rule,
            bundle = fault.bundle,
            webhook = self.webhook.word(),
            uid = request.uid(),
            operation = operation_word(request.operation()),
            group = request.group(),
            kind = request.kind(),
            namespace = request.namespace(),
            name = request.name(),
            user = request.user(),
            blocks,
            "the request cannot be judged"
        );
        self.response.annotate("error", &fault.error);
        let message = format!("kpol cannot judge this request: {}", fault.error);
        if blocks {
            let (code, reason) = if fault.is_bad_input { (422, "Invalid") } else { (500, "InternalError") };
            self.deny(code, reason, message);
        } else {
            self.warn(message);
        }
        self.decision = "error";
        blocks
    }

    fn deny(&mut self, code: u16, reason: &'static str, message: String) {
        self.decision = "denied";
        self.response.deny(code, reason, message);
    }

    fn warn(&mut self, message: String) {
        if self.decision == "allowed" {
            self.decision = "warned";
        }
        self.response.warn(message);
    }

    fn done(self, session: &Session) -> Reply {
        let Asked { webhook, policies, metrics, started, mut response, decision, .. } = self;
        let request = session.request();
        let reply = match response.answer(request.uid()) {
            Ok(body) => Reply { status: 200, body },
            Err(error) => {
                Reply { status: 500, body: format!("the answer cannot be written: {error}\n").into() }
            }
        };
        count::answered(metrics, policies, (webhook, decision), request, started.elapsed());
        reply
    }

    /// Bytes that are no review: whoever sent them is no API server.
    fn refused(&self, error: &str) -> Reply {
        self.metrics.reject("not_a_review");
        tracing::warn!(error, webhook = self.webhook.word(), "the bytes are no AdmissionReview");
        Reply { status: 400, body: format!("{error}\n").into() }
    }

    fn unreadable(self, error: &str) -> Reply {
        self.refused(error)
    }
}

/// Why a request cannot be judged.
struct Fault<'a> {
    error: String,
    rule: Option<&'a str>,
    bundle: Option<&'a str>,
    may_block: bool,
    is_bad_input: bool,
}

/// Why a request is not looked at any further.
enum Stop {
    /// Its bytes are no review.
    Refused(Reply),
    /// It is refused because it cannot be judged.
    Blocks,
}

/// Reads a request that no bundle has read.
fn read_without_policies(body: &[u8], session: &mut Session) -> Result<(), String> {
    session.read(body).map_err(|error| error.to_string())
}

/// The review with the object as a patch leaves it.
fn with_object(body: &[u8], patch: &Patch) -> Result<Vec<u8>, String> {
    let mut review: serde_json::Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let object = review.pointer_mut("/request/object").ok_or("this request has no object")?;
    *object = patch.object().into();
    serde_json::to_vec(&review).map_err(|error| error.to_string())
}
