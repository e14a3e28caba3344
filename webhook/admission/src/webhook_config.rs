//! The requests that a module needs to see, as webhook configurations of the API server.
//!
//! ```text
//!   Module ──▶ targets of rules      ──▶ ValidatingWebhookConfiguration   pods, pods/ephemeralcontainers: CREATE, UPDATE
//!              targets of mutations  ──▶ MutatingWebhookConfiguration
//! ```
//!
//! Only the kinds, operations and subresources that rules are about are named: what no rule looks at costs the API server
//! nothing, and does not wait for the webhook when that is down.
//! [Source](https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/).

use std::collections::{BTreeMap, BTreeSet};

use kpol_vm::ir::{Module, Operation, Target};
use serde_json::{Map, Value, json};

/// Subresources that are connected to, not created or updated.
const CONNECTED: [&str; 4] = ["attach", "exec", "portforward", "proxy"];
/// The label that the API server itself puts on every Namespace.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";
const API_VERSION: &str = "admissionregistration.k8s.io/v1";

/// What happens to a request when the webhook cannot be asked or does not answer in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailurePolicy {
    /// It is refused.
    #[default]
    Fail,
    /// It passes.
    Ignore,
}

impl FailurePolicy {
    /// As Kubernetes writes it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            FailurePolicy::Fail => "Fail",
            FailurePolicy::Ignore => "Ignore",
        }
    }
}

/// Where the API server finds the webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A Service in the cluster.
    Service {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// Its port.
        port: u16,
    },
    /// A URL without a path: `https://127.0.0.1:8443`. For webhooks outside of the cluster.
    Url(String),
}

/// What a configuration says besides its rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The name of both configurations.
    pub name: String,
    /// Where the webhook is.
    pub address: Address,
    /// The PEM of the CA that signed the webhook's certificate; empty if something else puts it in (cert-manager's injector,
    /// the webhook itself).
    pub ca: String,
    /// Namespaces whose objects are never asked about. The webhook's own should be among them, or a webhook that is down keeps
    /// itself from starting.
    pub exempt_namespaces: Vec<String>,
    /// What happens when there is no answer.
    pub failure_policy: FailurePolicy,
    /// How long the API server waits: 1 to 30 seconds.
    pub timeout_seconds: u8,
    /// Annotations of both, as for cert-manager's injector.
    pub annotations: BTreeMap<String, String>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            name: "kpol".into(),
            address: Address::Service {
                namespace: "kpol-system".into(),
                name: "kpol-webhook".into(),
                port: 443,
            },
            ca: String::new(),
            exempt_namespaces: vec!["kpol-system".into(), "kube-system".into()],
            failure_policy: FailurePolicy::Fail,
            timeout_seconds: 5,
            annotations: BTreeMap::new(),
        }
    }
}

/// The configuration for the rules of modules; `None` if they have none on requests.
#[must_use]
pub fn validating<'m>(modules: impl IntoIterator<Item = &'m Module>, settings: &Settings) -> Option<Value> {
    let targets = modules.into_iter().flat_map(|module| module.rules.iter().flat_map(|rule| &rule.targets));
    configuration("ValidatingWebhookConfiguration", ("validate", "/validate"), rules(targets)?, settings)
}

/// The configuration for the mutations of modules; `None` if they have none.
#[must_use]
pub fn mutating<'m>(modules: impl IntoIterator<Item = &'m Module>, settings: &Settings) -> Option<Value> {
    let targets =
        modules.into_iter().flat_map(|module| module.mutations.iter().flat_map(|mutation| &mutation.targets));
    configuration("MutatingWebhookConfiguration", ("mutate", "/mutate"), rules(targets)?, settings)
}

/// A bundle as a `PolicyBundle`, which webhooks watch.
#[must_use]
pub fn policy_bundle(name: &str, bytes: &[u8]) -> Value {
    json!({
        "apiVersion": "kpol.dev/v1alpha1",
        "kind": "PolicyBundle",
        "metadata": {"name": name},
        "spec": {"bundle": base64(bytes)},
    })
}

fn configuration(
    kind: &str,
    (verb, path): (&str, &str),
    rules: Vec<Value>,
    settings: &Settings,
) -> Option<Value> {
    let mut client = match &settings.address {
        Address::Service { namespace, name, port } => {
            json!({"service": {"namespace": namespace, "name": name, "port": port, "path": path}})
        }
        Address::Url(url) => json!({"url": format!("{}{path}", url.trim_end_matches('/'))}),
    };
    if !settings.ca.is_empty() {
        client.as_object_mut()?.insert("caBundle".into(), base64(settings.ca.as_bytes()).into());
    }
    let mut webhook = json!({
        "name": format!("{verb}.kpol.dev"),
        "clientConfig": client,
        "rules": rules,
        "matchPolicy": "Equivalent",
        "failurePolicy": settings.failure_policy.word(),
        "sideEffects": "None",
        "timeoutSeconds": settings.timeout_seconds.clamp(1, 30),
        "admissionReviewVersions": ["v1"],
    });
    let fields = webhook.as_object_mut()?;
    if verb == "mutate" {
        // What another webhook adds afterwards is mutated, too.
        fields.insert("reinvocationPolicy".into(), "IfNeeded".into());
    }
    if !settings.exempt_namespaces.is_empty() {
        let exempt: BTreeSet<&String> = settings.exempt_namespaces.iter().collect();
        fields.insert(
            "namespaceSelector".into(),
            json!({"matchExpressions": [{"key": NAMESPACE_NAME, "operator": "NotIn", "values": exempt}]}),
        );
    }
    let mut metadata: Map<String, Value> = Map::new();
    metadata.insert("name".into(), settings.name.clone().into());
    metadata.insert(
        "labels".into(),
        json!({"app.kubernetes.io/name": "kpol-webhook", "app.kubernetes.io/managed-by": "kpol"}),
    );
    if !settings.annotations.is_empty() {
        metadata.insert("annotations".into(), json!(settings.annotations));
    }
    Some(json!({"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "webhooks": [webhook]}))
}

/// The rules of targets: one for each group, version and set of operations. `None` if there are none.
fn rules<'m>(targets: impl Iterator<Item = &'m Target>) -> Option<Vec<Value>> {
    // What is asked for a resource, whichever rules ask.
    let mut operations: BTreeMap<(&str, &str, String), BTreeSet<&str>> = BTreeMap::new();
    for target in targets {
        let Target::Kind { group, version, plural, subresource, operations: wanted, .. } = target else {
            continue;
        };
        let resource = match subresource {
            Some(subresource) => format!("{plural}/{subresource}"),
            None => plural.clone(),
        };
        operations
            .entry((group, version, resource))
            .or_default()
            .extend(asked(subresource.as_deref(), wanted));
    }
    let mut by_operations: BTreeMap<(&str, &str, BTreeSet<&str>), BTreeSet<String>> = BTreeMap::new();
    for ((group, version, resource), operations) in operations {
        by_operations.entry((group, version, operations)).or_default().insert(resource);
    }
    let rule =
        |((group, version, operations), resources): ((&str, &str, BTreeSet<&str>), BTreeSet<String>)| {
            json!({
                "apiGroups": [group],
                "apiVersions": [version],
                "operations": operations,
                "resources": resources,
                "scope": "*",
            })
        };
    let rules: Vec<Value> = by_operations.into_iter().map(rule).collect();
    (!rules.is_empty()).then_some(rules)
}

/// The operations that a target means. Without any, it is about what is written, and connected to where that is all that
/// can be done.
fn asked(subresource: Option<&str>, operations: &[Operation]) -> Vec<&'static str> {
    let default: &[Operation] = match subresource {
        Some(subresource) if CONNECTED.contains(&subresource) => &[Operation::Connect],
        Some(_) | None => &[Operation::Create, Operation::Update],
    };
    let operations = if operations.is_empty() { default } else { operations };
    operations.iter().map(|operation| word(*operation)).collect()
}

fn word(operation: Operation) -> &'static str {
    match operation {
        Operation::Create => "CREATE",
        Operation::Update => "UPDATE",
        Operation::Delete => "DELETE",
        Operation::Connect => "CONNECT",
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests;
