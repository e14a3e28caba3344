//! Bundles from the cluster: `PolicyBundle` resources, watched.
//!
//! ```text
//!   PolicyBundle ──▶ check, compile ──▶ sound: in use, status Loaded
//!                                       not: refused, status and an Event say why; what was in use stays
//! ```
//!
//! Every replica watches for itself and writes the same status, so none of them leads.

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use base64::Engine as _;
use futures_util::StreamExt as _;
use k8s_openapi::api::core::v1::ObjectReference;
use kpol::Day;
use kube::{
    Api, Client, CustomResource, Resource, ResourceExt,
    api::{Patch, PatchParams},
    runtime::{
        WatchStreamExt,
        events::{Event as Report, EventType, Recorder, Reporter},
        watcher::{self, Event},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::{
    metrics::{BundleLabels, Metrics},
    policies::{Maker, Ready, Refused, Store, until_tomorrow},
};

/// What the store calls these bundles together.
pub const SOURCE: &str = "PolicyBundles";
/// PolicyBundles that are held, at most.
const MAX_BUNDLES: usize = 256;
/// The most bytes of the note of an Event. [Source](https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/).
const MAX_NOTE: usize = 1_000;

/// A bundle of policies for every webhook that watches.
#[derive(Clone, Debug, Deserialize, Serialize, CustomResource, JsonSchema)]
#[kube(
    group = "kpol.dev",
    version = "v1alpha1",
    kind = "PolicyBundle",
    plural = "policybundles",
    shortname = "kpolb",
    status = "PolicyBundleStatus",
    printcolumn = r#"{"name": "Loaded", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Loaded\")].status"}"#,
    printcolumn = r#"{"name": "Rules", "type": "integer", "jsonPath": ".status.rules"}"#,
    printcolumn = r#"{"name": "Digest", "type": "string", "jsonPath": ".status.digest"}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#
)]
pub struct PolicyBundleSpec {
    /// What `kpolc build` made, in base64: `kpolc build policies --emit policy-bundle` writes it here.
    pub bundle: String,
}

/// What the webhooks say of a bundle.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyBundleStatus {
    /// What names the content that is in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// How many rules and mutations are in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<u32>,
    /// The generation of the spec that this is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Loaded`: whether this generation is in use.
    #[serde(default)]
    pub conditions: Vec<Condition>,
}

/// A condition, as Kubernetes has them.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// `Loaded`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True` or `False`.
    pub status: String,
    /// `InUse` or `Refused`.
    pub reason: String,
    /// Why.
    pub message: String,
    /// When `status` last changed (RFC 3339).
    pub last_transition_time: String,
    /// The generation of the spec that this is about.
    pub observed_generation: i64,
}

/// One PolicyBundle as far as it is held.
#[derive(Debug, Default)]
struct Held {
    generation: i64,
    uid: String,
    ready: Option<Arc<Ready>>,
    refused: Option<String>,
}

/// All of them.
#[derive(Debug, Default)]
struct Bundles {
    held: BTreeMap<String, Held>,
    /// The names of a list that is arriving.
    listed: Option<Vec<String>>,
}

/// What a generation of a PolicyBundle came to.
type Made = Result<Arc<Ready>, String>;

impl Bundles {
    /// Whether a generation has been looked at already.
    fn knows(&self, bundle: &PolicyBundle) -> bool {
        self.held.get(&bundle.name_any()).is_some_and(|held| {
            held.generation == generation(bundle)
                && Some(&held.uid) == bundle.meta().uid.as_ref()
                && (held.ready.is_some() || held.refused.is_some())
        })
    }

    fn put(&mut self, bundle: &PolicyBundle, made: Made) {
        let held = self.held.entry(bundle.name_any()).or_default();
        held.generation = generation(bundle);
        held.uid = bundle.meta().uid.clone().unwrap_or_default();
        match made {
            Ok(ready) => (held.ready, held.refused) = (Some(ready), None),
            // What was in use stays.
            Err(refused) => held.refused = Some(refused),
        }
    }

    fn list_begins(&mut self) {
        self.listed = Some(Vec::new());
    }

    fn is_listed(&mut self, name: String) {
        self.listed.get_or_insert_default().push(name);
    }

    fn list_ends(&mut self) {
        if let Some(listed) = self.listed.take() {
            self.held.retain(|name, _| listed.contains(name));
        }
    }

    fn publish(&self, store: &Store, metrics: &Metrics) {
        let ready = self.held.values().filter_map(|held| held.ready.clone()).collect();
        let missing = self
            .held
            .iter()
            .filter_map(|(name, held)| Some(format!("PolicyBundle {name}: {}", held.refused.as_ref()?)));
        store.update(SOURCE, ready, missing.collect(), metrics);
    }

    /// Makes bundles ready anew that were made ready on another day.
    fn next_day(&mut self, maker: &Maker, today: Day) -> bool {
        let mut changed = false;
        for held in self.held.values_mut() {
            let Some(ready) = held.ready.as_ref().filter(|ready| ready.day != today) else { continue };
            match maker.again(ready) {
                Ok(again) => {
                    held.ready = Some(Arc::new(again));
                    changed = true;
                }
                Err(error) => {
                    tracing::error!(
                        bundle = ready.name,
                        error = error.to_string(),
                        "not made ready for today"
                    );
                }
            }
        }
        changed
    }
}

fn generation(bundle: &PolicyBundle) -> i64 {
    bundle.meta().generation.unwrap_or_default()
}

fn make(name: &str, spec: &PolicyBundleSpec, maker: &Maker) -> Result<Ready, Refused> {
    let text: String = spec.bundle.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(text)
        .map_err(|error| Refused::Source(format!("spec.bundle is no base64: {error}")))?;
    maker.make(name, &bytes)
}

/// Watches until `stop` is true.
pub async fn run(
    client: Client,
    maker: Maker,
    store: Arc<Store>,
    metrics: Arc<Metrics>,
    mut stop: watch::Receiver<bool>,
) {
    let api: Api<PolicyBundle> = Api::all(client.clone());
    let reporter = Reporter { controller: "kpol-webhook".into(), instance: std::env::var("HOSTNAME").ok() };
    let recorder = Recorder::new(client, reporter);
    let config = watcher::Config::default().page_size(16);
    let mut events = std::pin::pin!(watcher::watcher(api.clone(), config).default_backoff());
    let mut bundles = Bundles::default();
    loop {
        let event = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(until_tomorrow(SystemTime::now())) => {
                if bundles.next_day(&maker, Day::utc(SystemTime::now())) {
                    bundles.publish(&store, &metrics);
                }
                continue;
            }
            event = events.next() => event,
        };
        match event {
            None => return,
            Some(Err(error)) => {
                // The watcher tries again by itself, later and later.
                tracing::warn!(error = error.to_string(), "PolicyBundles cannot be watched");
                if bundles.held.is_empty() {
                    let missing = vec![format!("PolicyBundles cannot be watched: {error}")];
                    store.update(SOURCE, Vec::new(), missing, &metrics);
                }
            }
            Some(Ok(Event::Init)) => bundles.list_begins(),
            Some(Ok(Event::InitApply(bundle))) => {
                bundles.is_listed(bundle.name_any());
                take(&mut bundles, bundle, &maker, &metrics, &api, &recorder).await;
            }
            Some(Ok(Event::InitDone)) => {
                bundles.list_ends();
                bundles.publish(&store, &metrics);
            }
            Some(Ok(Event::Apply(bundle))) => {
                if take(&mut bundles, bundle, &maker, &metrics, &api, &recorder).await {
                    bundles.publish(&store, &metrics);
                }
            }
            Some(Ok(Event::Delete(bundle))) => {
                let name = bundle.name_any();
                tracing::info!(bundle = name, "a PolicyBundle is gone");
                bundles.held.remove(&name);
                bundles.publish(&store, &metrics);
            }
        }
    }
}

/// Looks at a PolicyBundle; whether it is a generation that had not been looked at.
async fn take(
    bundles: &mut Bundles,
    bundle: PolicyBundle,
    maker: &Maker,
    metrics: &Metrics,
    api: &Api<PolicyBundle>,
    recorder: &Recorder,
) -> bool {
    if bundles.knows(&bundle) {
        return false;
    }
    let name = bundle.name_any();
    if bundles.held.len() >= MAX_BUNDLES && !bundles.held.contains_key(&name) {
        tracing::error!(bundle = name, "more than {MAX_BUNDLES} PolicyBundles; this one is left out");
        return false;
    }
    let made = {
        let (maker, spec, name) = (maker.clone(), bundle.spec.clone(), name.clone());
        let made = tokio::task::spawn_blocking(move || make(&name, &spec, &maker)).await;
        match made {
            Ok(Ok(ready)) => Ok(Arc::new(ready)),
            Ok(Err(refused)) => Err(refused.to_string()),
            Err(error) => Err(error.to_string()),
        }
    };
    match &made {
        Ok(ready) => tracing::info!(
            bundle = name,
            digest = ready.bundle.digest().to_string(),
            producer = ready.bundle.producer(),
            rules = ready.bundle.rules().count(),
            "a PolicyBundle is in use"
        ),
        Err(error) => {
            let stays = bundles.held.get(&name).is_some_and(|held| held.ready.is_some());
            tracing::error!(bundle = name, error, stays, "a PolicyBundle is refused");
            metrics.refused.get_or_create(&BundleLabels { bundle: name.clone() }).inc();
        }
    }
    bundles.put(&bundle, made.clone());
    say(&bundle, &made, bundles.held.get(&name).and_then(|held| held.ready.as_ref()), api, recorder).await;
    true
}

/// Says in the resource and by an Event what became of it.
async fn say(
    bundle: &PolicyBundle,
    made: &Made,
    in_use: Option<&Arc<Ready>>,
    api: &Api<PolicyBundle>,
    recorder: &Recorder,
) {
    let name = bundle.name_any();
    let now = k8s_openapi::jiff::Timestamp::now().to_string();
    let status = status(bundle, made, in_use, now);
    if bundle.status.as_ref().is_none_or(|known| differs(known, &status)) {
        let patch = serde_json::json!({"status": status});
        let params = PatchParams { field_manager: Some("kpol-webhook".into()), ..PatchParams::default() };
        if let Err(error) = api.patch_status(&name, &params, &Patch::Merge(&patch)).await {
            tracing::warn!(bundle = name, error = error.to_string(), "its status cannot be written");
        }
    }
    if let Err(refused) = made {
        let end = (0..=MAX_NOTE).rev().find(|at| refused.is_char_boundary(*at)).unwrap_or_default();
        let report = Report {
            type_: EventType::Warning,
            reason: "Refused".into(),
            note: Some(refused.get(..end).unwrap_or(refused).to_owned()),
            action: "Load".into(),
            secondary: None,
        };
        let reference: ObjectReference = bundle.object_ref(&());
        if let Err(error) = recorder.publish(&report, &reference).await {
            tracing::warn!(bundle = name, error = error.to_string(), "no Event can be written");
        }
    }
}

fn status(
    bundle: &PolicyBundle,
    made: &Made,
    in_use: Option<&Arc<Ready>>,
    now: String,
) -> PolicyBundleStatus {
    let (status, reason, message) = match made {
        Ok(_) => ("True", "InUse", "the bundle is in use".to_owned()),
        Err(refused) if in_use.is_some() => {
            ("False", "Refused", format!("{refused}; the bundle before it stays in use"))
        }
        Err(refused) => ("False", "Refused", refused.clone()),
    };
    let before = bundle.status.as_ref().and_then(|known| known.conditions.first());
    let since = before.filter(|before| before.status == status);
    PolicyBundleStatus {
        digest: in_use.map(|ready| ready.bundle.digest().to_string()),
        rules: in_use.map(|ready| {
            u32::try_from(ready.bundle.rules().count() + ready.bundle.mutations().count()).unwrap_or(u32::MAX)
        }),
        observed_generation: Some(generation(bundle)),
        conditions: vec![Condition {
            kind: "Loaded".into(),
            status: status.into(),
            reason: reason.into(),
            message,
            last_transition_time: since.map_or(now, |before| before.last_transition_time.clone()),
            observed_generation: generation(bundle),
        }],
    }
}

/// Whether two statuses differ in more than when they were written.
fn differs(a: &PolicyBundleStatus, b: &PolicyBundleStatus) -> bool {
    let timeless = |status: &PolicyBundleStatus| {
        let mut status = status.clone();
        status.conditions.iter_mut().for_each(|condition| condition.last_transition_time.clear());
        status
    };
    timeless(a) != timeless(b)
}

#[cfg(test)]
#[path = "policy_bundles/tests.rs"]
mod tests;
