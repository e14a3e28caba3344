//! Keeps the cluster in step with the webhook: the Secret of its certificate, and the webhook configurations.
//!
//! ```text
//!   one round:   configurations ──read──▶ which CAs does the API server trust?
//!                Secret         ──read──▶ renewed, if it is time and they are trusted ──▶ Certificates
//!                configurations ◀─write── the CAs, if others; and the rules, if the policies have changed
//! ```
//!
//! The order matters. What is written in the end is refused by the API server when the configuration has changed since it was
//! read, and the Secret was read after that: so a replica that knows an older Secret never takes a newer CA away again. A replica
//! that cannot read the Secret writes nothing.
//!
//! While a Deployment is rolled out, replicas with two sets of policies differ about the rules. Each writes its own when it
//! starts and when its policies change; apart from that, what differs is written only after some minutes, so that they do
//! not fight, and the last one standing prevails.

mod api;
pub mod objects;

use std::{
    net::IpAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use kpol_admission::webhook_config::{self, Address, FailurePolicy, Settings};
use kube::Client;
use tracing::{info, warn};

use self::{
    api::{Api, ApiError},
    objects::{Act, Kind, Seen, Wanted},
};
use crate::{
    certs::{
        BadPair, Certificates, certificates, files,
        managed::{Managed, ManagedError, plan::Terms},
    },
    metrics::{Metrics, ReasonLabels},
    policies::{Policies, Store},
    settings::{self, Serve},
};

/// How long a configuration that is not as this replica wants it is left alone.
const DRIFT: Duration = Duration::from_secs(300);
/// How often the configurations are looked at when no certificate of ours asks for more.
const POLL: Duration = Duration::from_secs(30);
/// How soon there is another round when another replica was faster, and how often the policies are looked at.
const SOON: Duration = Duration::from_secs(1);
/// How long a round may take.
const ROUND: Duration = Duration::from_secs(60);
/// How long something that goes wrong in the same way is not said again.
const SILENCE: Duration = Duration::from_secs(3600);

/// What went wrong in a round. Everything else of the round was done.
#[derive(Debug, thiserror::Error)]
enum Wrong {
    #[error(transparent)]
    Secret(#[from] ManagedError),
    #[error("the certificate of the Secret cannot be used: {0}")]
    Pair(#[from] BadPair),
    #[error(
        "not allowed to {verb} the {kind} {name}; give the ClusterRole the verbs get, create, patch and delete on \
         validatingwebhookconfigurations and mutatingwebhookconfigurations, or apply what `kpolc build --emit \
         webhook-config` writes"
    )]
    Forbidden { verb: &'static str, kind: Kind, name: String },
    #[error("cannot {verb} the {kind} {name}: {why}")]
    Failed { verb: &'static str, kind: Kind, name: String, why: String },
    #[error("cannot take the CA of {}: {why}", path.display())]
    Ca { path: PathBuf, why: String },
    #[error("the API server does not answer")]
    Slow,
}

impl Wrong {
    fn reason(&self) -> &'static str {
        match self {
            Wrong::Secret(error) => error.reason(),
            Wrong::Pair(error) => error.reason(),
            Wrong::Forbidden { .. } => "configuration-forbidden",
            Wrong::Failed { .. } => "configuration-failed",
            Wrong::Ca { .. } => "ca-bundle",
            Wrong::Slow => "timeout",
        }
    }
}

/// Keeps the Secret and the configurations.
#[derive(Debug)]
pub struct Keeper {
    managed: Option<Managed>,
    ca_file: Option<PathBuf>,
    /// How the configurations are written; `None`: others write them, and only the CA is put in.
    settings: Option<Settings>,
    api: Api,
    certificates: Certificates,
    store: Arc<Store>,
    metrics: Arc<Metrics>,
    /// The PEM of the CAs of the last round in which they could be read.
    ca: String,
    /// What was wanted when it was last written, and when that was.
    written: Option<([Wanted; 2], Instant)>,
    /// What was said, and when.
    said: Vec<(String, Instant)>,
}

impl Keeper {
    /// Whether the command line asks for anything that it would do; if not, no client for the cluster is needed for it.
    #[must_use]
    pub fn is_needed(serve: &Serve) -> bool {
        let (certificate, configure) = (&serve.certificate, &serve.configure);
        certificate.self_signed || configure.configure || configure.ca_bundle.is_some()
    }

    /// As the command line says. With `--self-signed`, `certificates` gets its certificate from here.
    #[must_use]
    pub fn new(
        serve: &Serve,
        client: Client,
        certificates: Certificates,
        store: Arc<Store>,
        metrics: Arc<Metrics>,
    ) -> Keeper {
        let (certificate, configure) = (&serve.certificate, &serve.configure);
        let namespace =
            certificate.service_namespace.clone().unwrap_or_else(|| client.default_namespace().to_owned());
        let managed = certificate.self_signed.then(|| {
            let terms =
                Terms::new(certificate.cert_validity, certificate.ca_validity, certificate.renew_before);
            let names = names(&certificate.service_name, &namespace, configure.webhook_url.as_deref());
            Managed::new(client.clone(), namespace.clone(), certificate.secret.clone(), names, terms)
        });
        Keeper {
            managed,
            ca_file: configure.ca_bundle.clone(),
            settings: configure.configure.then(|| configuration(serve, &namespace)),
            api: Api::new(client, configure.configuration_name.clone()),
            certificates,
            store,
            metrics,
            ca: String::new(),
            written: None,
            said: Vec::new(),
        }
    }

    /// Goes round for ever; may be dropped at any time.
    pub async fn run(mut self) {
        loop {
            let policies = self.store.get();
            let pause = match tokio::time::timeout(ROUND, self.step(SystemTime::now())).await {
                Ok(pause) => pause,
                Err(_) => {
                    self.say(&[Wrong::Slow]);
                    SOON
                }
            };
            let until = Instant::now() + pause;
            loop {
                let left = until.saturating_duration_since(Instant::now());
                let have_changed = self.settings.is_some() && !Arc::ptr_eq(&policies, &self.store.get());
                if left.is_zero() || have_changed {
                    break;
                }
                tokio::time::sleep(left.min(SOON)).await;
            }
        }
    }

    /// One round, and how long until the next. What goes wrong is logged and counted, and tried again then.
    pub async fn step(&mut self, now: SystemTime) -> Duration {
        let mut wrong = Vec::new();
        let seen = self.see(&mut wrong).await;
        let is_known = self.certificate(&seen, now, &mut wrong).await;
        let is_late = is_known && self.configure(&seen, &mut wrong).await;
        self.say(&wrong);
        match (is_late, &self.managed) {
            (true, _) => SOON,
            (false, Some(managed)) => managed.poll(),
            (false, None) => POLL,
        }
    }

    async fn see(&self, wrong: &mut Vec<Wrong>) -> [Seen; 2] {
        let mut see = async |kind| match self.api.read(kind).await {
            Ok(seen) => seen,
            Err(error) => {
                wrong.extend(self.wrong("get", kind, error));
                Seen::Unknown
            }
        };
        let [validating, mutating] = Kind::ALL;
        [see(validating).await, see(mutating).await]
    }

    /// Takes the certificate of the Secret into use, and notes which CAs the configurations should have. False when that
    /// is not known.
    async fn certificate(&mut self, seen: &[Seen], now: SystemTime, wrong: &mut Vec<Wrong>) -> bool {
        if let Some(path) = self.ca_file.clone() {
            match bundle(path.clone()).await {
                Ok(ca) => self.ca = ca,
                Err(why) => wrong.push(Wrong::Ca { path, why }),
            }
        }
        let Some(managed) = &mut self.managed else { return true };
        let material = match managed.step(|ca| objects::know(seen, ca), now).await {
            Ok(material) => material,
            Err(error) => {
                wrong.push(error.into());
                return false;
            }
        };
        match material.pair(now) {
            Err(error) => wrong.push(error.into()),
            Ok(pair) if self.certificates.serves(&pair) => {}
            Ok(pair) => {
                files::use_pair(&self.certificates, &self.metrics, pair);
                info!("the certificate of the Secret is in use");
            }
        }
        self.ca = material.bundle;
        true
    }

    /// Writes the configurations. True when another replica was faster.
    async fn configure(&mut self, seen: &[Seen; 2], wrong: &mut Vec<Wrong>) -> bool {
        let [validating, mutating] = self.wanted(&self.store.get());
        let has_changed = self.written.as_ref().is_none_or(|(before, since)| {
            let is_same =
                [&validating, &mutating].into_iter().zip(before).all(|(now, then)| is_same(now, then));
            !is_same || since.elapsed() > DRIFT
        });
        let (mut is_late, mut is_written) = (false, true);
        for ((kind, seen), wanted) in Kind::ALL.into_iter().zip(seen).zip([&validating, &mutating]) {
            let act = objects::act(kind, self.api.name(), (seen, wanted), &self.ca, has_changed);
            let verb = match &act {
                Act::Nothing => continue,
                Act::Apply(_) => "apply",
                Act::PatchCa(_) => "patch",
                Act::Delete { .. } => "delete",
            };
            match self.api.write(kind, act).await {
                Ok(()) => {
                    info!(%kind, name = self.api.name(), done = verb, "the webhook configuration was written")
                }
                Err(error) => {
                    is_late |= matches!(error, ApiError::Late);
                    is_written = false;
                    wrong.extend(self.wrong(verb, kind, error));
                }
            }
        }
        if has_changed && is_written && !seen.contains(&Seen::Unknown) {
            self.written = Some(([validating, mutating], Instant::now()));
        }
        is_late
    }

    /// How the configurations should be. As long as not all policies are known, nothing is said of their rules, nor before
    /// there is a CA.
    fn wanted(&self, policies: &Policies) -> [Wanted; 2] {
        let Some(settings) = &self.settings else { return [Wanted::TheirOwn, Wanted::TheirOwn] };
        let needs_ca = self.managed.is_some() || self.ca_file.is_some();
        if !policies.missing.is_empty() || (needs_ca && self.ca.is_empty()) {
            return [Wanted::TheirOwn, Wanted::TheirOwn];
        }
        let settings = Settings { ca: self.ca.clone(), ..settings.clone() };
        let modules = || policies.bundles.iter().map(|ready| ready.bundle.module());
        [webhook_config::validating(modules(), &settings), webhook_config::mutating(modules(), &settings)]
            .map(|wanted| wanted.map_or(Wanted::Absent, Wanted::Is))
    }

    fn wrong(&self, verb: &'static str, kind: Kind, error: ApiError) -> Option<Wrong> {
        let name = self.api.name().to_owned();
        match error {
            ApiError::Late => None,
            ApiError::Forbidden => Some(Wrong::Forbidden { verb, kind, name }),
            ApiError::Failed(why) => Some(Wrong::Failed { verb, kind, name, why }),
        }
    }

    /// Counts everything, and logs what is new.
    fn say(&mut self, wrong: &[Wrong]) {
        self.said.retain(|(said, since)| {
            since.elapsed() < SILENCE && wrong.iter().any(|wrong| wrong.to_string() == *said)
        });
        for wrong in wrong {
            self.metrics.configure_errors.get_or_create(&ReasonLabels { reason: wrong.reason() }).inc();
            let text = wrong.to_string();
            if !self.said.iter().any(|(said, _)| *said == text) {
                warn!("{text}");
                self.said.push((text, Instant::now()));
            }
        }
    }
}

/// The CAs of a file, in PEM.
async fn bundle(path: PathBuf) -> Result<String, String> {
    let read = tokio::task::spawn_blocking(move || files::read(&path).map_err(|error| error.to_string()));
    let pem = read.await.map_err(|error| error.to_string())??;
    certificates(&pem).ok_or("it is no PEM of X.509 certificates")?;
    String::from_utf8(pem).map_err(|_| "it is no text".to_owned())
}

/// Whether the same is wanted, but for the CA: that is written whenever it differs.
fn is_same(now: &Wanted, then: &Wanted) -> bool {
    let rules = |wanted: &Wanted| match wanted {
        Wanted::TheirOwn | Wanted::Absent => wanted.clone(),
        Wanted::Is(object) => {
            let mut object = object.clone();
            let ca = object.pointer_mut("/webhooks/0/clientConfig/caBundle");
            if let Some(ca) = ca {
                *ca = serde_json::Value::Null;
            }
            Wanted::Is(object)
        }
    };
    rules(now) == rules(then)
}

/// The names that the API server knows the webhook by.
/// [Source](https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#service-reference).
fn names(service: &str, namespace: &str, url: Option<&str>) -> Vec<String> {
    let mut names =
        vec![format!("{service}.{namespace}.svc"), format!("{service}.{namespace}.svc.cluster.local")];
    let url = url.and_then(|url| url.parse::<axum::http::Uri>().ok());
    if let Some(host) = url.as_ref().and_then(axum::http::Uri::host) {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        names.push(host.parse::<IpAddr>().map_or_else(|_| host.to_owned(), |address| address.to_string()));
    }
    names
}

/// What the configurations say besides their rules and the CA.
fn configuration(serve: &Serve, namespace: &str) -> Settings {
    let (certificate, configure) = (&serve.certificate, &serve.configure);
    let mut exempt_namespaces = configure.exempt_namespace.clone();
    let address = match &configure.webhook_url {
        Some(url) => Address::Url(url.clone()),
        None => {
            // Or a webhook that is down would keep its own pods from starting.
            exempt_namespaces.push(namespace.to_owned());
            Address::Service {
                namespace: namespace.to_owned(),
                name: certificate.service_name.clone(),
                port: certificate.service_port,
            }
        }
    };
    Settings {
        name: configure.configuration_name.clone(),
        address,
        ca: String::new(),
        exempt_namespaces,
        failure_policy: match serve.policies.failure_policy {
            settings::FailurePolicy::Fail => FailurePolicy::Fail,
            settings::FailurePolicy::Ignore => FailurePolicy::Ignore,
        },
        timeout_seconds: configure.webhook_timeout,
        ..Settings::default()
    }
}

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod tests;
