//! Reports as resources of the cluster.

use std::collections::BTreeSet;

use kpol_admission::report::{Report, ReportApi, policy_reports};
use kube::{
    Api, Client,
    api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams},
};
use serde_json::Value;

/// Who writes the resources.
const MANAGER: &str = "kpol-webhook";
/// What marks ours.
const OURS: &str = "app.kubernetes.io/managed-by=kpol";

/// What became of the resources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// Resources that were written.
    pub written: usize,
    /// Resources of earlier runs that were deleted, because their namespaces have nothing to say any more.
    pub deleted: usize,
    /// Why some are missing.
    pub failures: Vec<String>,
}

fn resource(api: ReportApi, is_cluster: bool) -> ApiResource {
    let (group, version) = api.api_version().split_once('/').unwrap_or(("", api.api_version()));
    ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, api.kind(is_cluster)))
}

/// Writes a report, and deletes what earlier ones wrote and this one does not.
pub async fn publish(client: &Client, report: &Report, api: ReportApi) -> Published {
    let mut done = Published::default();
    let mut kept: BTreeSet<(String, String)> = BTreeSet::new();
    for value in policy_reports(report, api) {
        let metadata = value.get("metadata");
        let text = |key: &str| {
            metadata.and_then(|metadata| metadata.get(key)?.as_str()).unwrap_or_default().to_owned()
        };
        let (namespace, name) = (text("namespace"), text("name"));
        kept.insert((namespace.clone(), name.clone()));
        match apply(client, api, &namespace, &name, &value).await {
            Ok(()) => done.written += 1,
            Err(error) => done.failures.push(match namespace.as_str() {
                "" => format!("{} {name}: {}", api.kind(true), why(&error, api)),
                namespace => format!("{} {namespace}/{name}: {}", api.kind(false), why(&error, api)),
            }),
        }
        if done.written == 0 && !done.failures.is_empty() {
            // Without the CRD, or the right to write, every other one fails the same way.
            break;
        }
    }
    if done.failures.is_empty() {
        for is_cluster in [false, true] {
            clear(client, &resource(api, is_cluster), &kept, &mut done).await;
        }
    }
    done
}

/// Why a report was not taken, in words that help.
fn why(error: &kube::Error, api: ReportApi) -> String {
    if let kube::Error::Api(status) = error
        && status.code == 404
    {
        return format!("the API server does not have {}: its CRDs must be applied first", api.api_version());
    }
    error.to_string()
}

async fn apply(
    client: &Client,
    api: ReportApi,
    namespace: &str,
    name: &str,
    value: &Value,
) -> Result<(), kube::Error> {
    let of = resource(api, namespace.is_empty());
    let api: Api<DynamicObject> = match namespace {
        "" => Api::all_with(client.clone(), &of),
        namespace => Api::namespaced_with(client.clone(), namespace, &of),
    };
    api.patch(name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(value)).await.map(drop)
}

async fn clear(client: &Client, of: &ApiResource, kept: &BTreeSet<(String, String)>, done: &mut Published) {
    let all: Api<DynamicObject> = Api::all_with(client.clone(), of);
    let ours = match all.list_metadata(&ListParams::default().labels(OURS)).await {
        Ok(list) => list,
        Err(error) => {
            done.failures.push(format!("{} of earlier runs: {error}", of.kind));
            return;
        }
    };
    for old in ours {
        let namespace = old.metadata.namespace.unwrap_or_default();
        let name = old.metadata.name.unwrap_or_default();
        if kept.contains(&(namespace.clone(), name.clone())) {
            continue;
        }
        let api: Api<DynamicObject> = match namespace.as_str() {
            "" => Api::all_with(client.clone(), of),
            namespace => Api::namespaced_with(client.clone(), namespace, of),
        };
        match api.delete(&name, &DeleteParams::default()).await {
            Ok(_) => done.deleted += 1,
            Err(error) => done.failures.push(format!("{} {namespace}/{name}: {error}", of.kind)),
        }
    }
}
