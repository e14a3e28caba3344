//! Certificates that the webhook makes itself: a CA and a leaf in one Secret that all replicas share.
//!
//! ```text
//!   Secret { ca.crt, ca.key, tls.crt, tls.key }
//!     read ──▶ plan::State ──decide──▶ Keep ─────────────────────────────────▶ serve what it holds
//!      ▲                                └▶ issue ──▶ create, or update of what was read ──▶ serve that
//!      └───────────────── 409: another replica was faster ◀─────────────────┘
//! ```
//!
//! The Secret is the only truth: a replica serves what it has read there, or written there. Who loses a race uses what the winner
//! wrote. [`crate::configure`] brings the bundle into the webhook configurations.

pub mod issue;
pub mod plan;

use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, Instant, SystemTime},
};

use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{
    Client, Resource,
    api::{GetParams, ObjectMeta, PostParams},
    core::Request,
};
use tracing::info;

use self::plan::{Material, State, Step, Terms};

/// How often a race may be lost before the next round.
const MAX_RACES: usize = 8;
/// Marks a Secret as ours: another one that holds a certificate is not touched.
const MARK: &str = "kpol.dev/certificate";
/// Who writes.
const MANAGER: &str = "kpol-webhook";

/// Why there is no certificate from the Secret.
#[derive(Debug, thiserror::Error)]
pub enum ManagedError {
    /// The webhook's service account may not do that.
    #[error(
        "not allowed to {verb} the Secret {name}; give the Role the verbs get, create and update on secrets, or use --tls-cert"
    )]
    Forbidden {
        /// `get`, `create` or `update`.
        verb: &'static str,
        /// With its namespace.
        name: String,
    },
    /// The Secret holds what somebody else has put there.
    #[error("the Secret {name} holds a certificate that is not kpol's: use another one, by --secret")]
    Foreign {
        /// With its namespace.
        name: String,
    },
    /// The API server does not answer as it should. Nothing of what it says of a Secret is repeated but its own errors.
    #[error("cannot {verb} the Secret {name}: {why}")]
    Failed {
        /// `get`, `create` or `update`.
        verb: &'static str,
        /// With its namespace.
        name: String,
        /// Why.
        why: String,
    },
    /// Other replicas were faster each time.
    #[error("the Secret {name} was changed by others all the time")]
    Races {
        /// With its namespace.
        name: String,
    },
    /// No certificate can be made.
    #[error(transparent)]
    Issue(#[from] issue::IssueError),
}

impl ManagedError {
    /// As metrics name it.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            ManagedError::Forbidden { .. } => "secret-forbidden",
            ManagedError::Foreign { .. } => "secret-foreign",
            ManagedError::Failed { .. } => "secret-failed",
            ManagedError::Races { .. } => "secret-races",
            ManagedError::Issue(_) => "issue",
        }
    }
}

/// The certificate in a Secret.
pub struct Managed {
    client: Client,
    namespace: String,
    secret: String,
    /// The names that the leaf has to have.
    names: Vec<String>,
    terms: Terms,
    /// What the Secret held when it was last read or written: put back if somebody deletes it.
    last: Option<Material>,
    /// The CA that signs, and since when all configurations have been seen to have it.
    known: Option<(Vec<u8>, Instant)>,
}

impl fmt::Debug for Managed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Managed")
            .field("secret", &self.name())
            .field("names", &self.names)
            .field("terms", &self.terms)
            .finish_non_exhaustive()
    }
}

/// What became of an attempt to read or write.
enum Sent {
    Done(Box<Secret>),
    /// It is not there.
    Absent,
    /// Another one was faster.
    Lost,
}

impl Managed {
    /// In this Secret, for these names.
    #[must_use]
    pub fn new(
        client: Client,
        namespace: String,
        secret: String,
        names: Vec<String>,
        terms: Terms,
    ) -> Managed {
        Managed { client, namespace, secret, names, terms, last: None, known: None }
    }

    /// How often to [step](Managed::step).
    #[must_use]
    pub fn poll(&self) -> Duration {
        self.terms.poll
    }

    /// What the Secret holds, after it was renewed if it was time. `knows` says whether all configurations have a CA (DER).
    /// May be dropped at any time.
    ///
    /// # Errors
    /// When the Secret cannot be read or written: what was served before can be served on.
    pub async fn step(
        &mut self,
        knows: impl Fn(&[u8]) -> bool,
        now: SystemTime,
    ) -> Result<Material, ManagedError> {
        for _ in 0..MAX_RACES {
            let found = match self.get().await? {
                Sent::Done(found) => Some(*found),
                Sent::Absent | Sent::Lost => None,
            };
            let material = match &found {
                Some(secret) => self.material(secret)?,
                // It was deleted: what is in use goes back, if it is good.
                None => self.last.clone().unwrap_or_default(),
            };
            let state = State::of(&material, now);
            let known = self.known(&state, &knows);
            let step = plan::decide(&state, &self.terms, &self.names, known, now);
            let next = plan::take(step, (&material, &state), &self.terms, &self.names, now)?;
            let next = match (next, &found) {
                (None, Some(_)) => {
                    self.last = Some(material.clone());
                    return Ok(material);
                }
                (None, None) => material,
                (Some(next), _) => next,
            };
            if let Sent::Done(_) = self.put(found, &next).await? {
                self.say(step);
                self.last = Some(next.clone());
                return Ok(next);
            }
        }
        Err(ManagedError::Races { name: self.name() })
    }

    fn say(&self, step: Step) {
        let done = match step {
            Step::Keep | Step::Wait => "the Secret was deleted, and written again",
            Step::Leaf => "a new certificate was made",
            Step::Announce => "a new CA was made; it signs the next certificate when the API server knows it",
            Step::Fresh => "a new CA and a certificate were made",
        };
        info!(secret = %self.name(), done);
    }

    /// For how long all configurations have had the CA that signs.
    fn known(&mut self, state: &State, knows: impl Fn(&[u8]) -> bool) -> Option<Duration> {
        let issuer = state.issuer().filter(|issuer| knows(issuer));
        self.known = match (issuer, self.known.take()) {
            (None, _) => None,
            (Some(issuer), Some((known, since))) if known == issuer => Some((known, since)),
            (Some(issuer), _) => Some((issuer.to_vec(), Instant::now())),
        };
        self.known.as_ref().map(|(_, since)| since.elapsed())
    }

    /// What a Secret holds.
    fn material(&self, secret: &Secret) -> Result<Material, ManagedError> {
        let text = |key: &str| {
            let bytes = secret.data.as_ref().and_then(|data| data.get(key));
            bytes.and_then(|bytes| String::from_utf8(bytes.0.clone()).ok()).unwrap_or_default()
        };
        let is_ours = secret.metadata.annotations.as_ref().is_some_and(|found| found.contains_key(MARK));
        let material = Material {
            bundle: text("ca.crt"),
            ca_key: text("ca.key"),
            chain: text("tls.crt"),
            key: text("tls.key"),
        };
        match is_ours || material == Material::default() {
            true => Ok(material),
            false => Err(ManagedError::Foreign { name: self.name() }),
        }
    }

    async fn get(&self) -> Result<Sent, ManagedError> {
        self.send("get", self.requests().get(&self.secret, &GetParams::default())).await
    }

    /// Writes in place of what was found, as long as it is still that.
    async fn put(&self, found: Option<Secret>, material: &Material) -> Result<Sent, ManagedError> {
        let is_new = found.is_none();
        let mut secret = found.unwrap_or_else(|| Secret {
            metadata: ObjectMeta {
                name: Some(self.secret.clone()),
                namespace: Some(self.namespace.clone()),
                labels: Some(labels()),
                ..ObjectMeta::default()
            },
            type_: Some("kubernetes.io/tls".into()),
            ..Secret::default()
        });
        let marks = secret.metadata.annotations.get_or_insert_default();
        marks.insert(MARK.into(), "self-signed".into());
        let data = secret.data.get_or_insert_default();
        for (key, text) in [
            ("ca.crt", &material.bundle),
            ("ca.key", &material.ca_key),
            ("tls.crt", &material.chain),
            ("tls.key", &material.key),
        ] {
            data.insert(key.into(), ByteString(text.clone().into_bytes()));
        }
        let verb = if is_new { "create" } else { "update" };
        let body =
            serde_json::to_vec(&secret).map_err(|_| self.failed(verb, "it cannot be written as JSON"))?;
        let params = PostParams { field_manager: Some(MANAGER.into()), ..PostParams::default() };
        let request = match is_new {
            true => self.requests().create(&params, body),
            false => self.requests().replace(&self.secret, &params, body),
        };
        self.send(verb, request).await
    }

    fn requests(&self) -> Request {
        Request::new(Secret::url_path(&(), Some(&self.namespace)))
    }

    /// Sends a request. Not by [`kube::Api`], which logs an answer that it cannot read, and with it the private keys.
    async fn send(
        &self,
        verb: &'static str,
        request: Result<axum::http::Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<Sent, ManagedError> {
        let request = request.map_err(|error| self.failed(verb, &error.to_string()))?;
        match self.client.request_text(request).await {
            Ok(text) => match serde_json::from_str(&text) {
                Ok(secret) => Ok(Sent::Done(Box::new(secret))),
                Err(_) => Err(self.failed(verb, "the answer is no Secret")),
            },
            Err(kube::Error::Api(status)) => match status.code {
                404 if verb != "create" && status.reason == "NotFound" => Ok(Sent::Absent),
                409 => Ok(Sent::Lost),
                401 | 403 => Err(ManagedError::Forbidden { verb, name: self.name() }),
                code => Err(self.failed(verb, &format!("{code} {}", status.message))),
            },
            Err(error) => Err(self.failed(verb, &error.to_string())),
        }
    }

    fn failed(&self, verb: &'static str, why: &str) -> ManagedError {
        ManagedError::Failed { verb, name: self.name(), why: why.into() }
    }

    fn name(&self) -> String {
        format!("{}/{}", self.namespace, self.secret)
    }
}

/// The labels of what the webhook makes.
fn labels() -> BTreeMap<String, String> {
    [("app.kubernetes.io/name", "kpol-webhook"), ("app.kubernetes.io/managed-by", "kpol")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

#[cfg(test)]
mod tests;
