//! The totals of the last run, from which the next one tells the trend: in a file, or in a ConfigMap of the cluster.

use std::path::PathBuf;

use k8s_openapi::api::core::v1::ConfigMap;
use kpol_admission::report::{Report, Summary};
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use serde_json::json;

use super::{AuditError, write};

/// The key of the ConfigMap.
const KEY: &str = "summary.json";
/// The most bytes of a summary that is read.
const MAX_BYTES: u64 = 16 << 20;

/// Where totals are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// A file.
    File(PathBuf),
    /// A ConfigMap: namespace and name.
    ConfigMap(String, String),
}

impl std::str::FromStr for Keeper {
    type Err = String;

    fn from_str(text: &str) -> Result<Keeper, String> {
        let Some(rest) = text.strip_prefix("configmap:") else { return Ok(Keeper::File(text.into())) };
        match rest.split_once('/') {
            Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() => {
                Ok(Keeper::ConfigMap(namespace.into(), name.into()))
            }
            _ => Err("expected a file, or configmap:NAMESPACE/NAME".into()),
        }
    }
}

impl Keeper {
    /// The totals of the last run; `None` if there was none, or none that can be read.
    pub async fn last(&self, client: &Client) -> Option<Summary> {
        let text = match self {
            Keeper::File(path) => {
                if std::fs::metadata(path).ok()?.len() > MAX_BYTES {
                    tracing::warn!(path = %path.display(), "the last run's totals are too large: no trend");
                    return None;
                }
                std::fs::read_to_string(path).ok()?
            }
            Keeper::ConfigMap(namespace, name) => {
                let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
                match api.get_opt(name).await {
                    Ok(found) => found?.data?.remove(KEY)?,
                    Err(error) => {
                        tracing::warn!(
                            error = error.to_string(),
                            "the last run's totals cannot be read: no trend"
                        );
                        return None;
                    }
                }
            }
        };
        Summary::from_json(&text)
            .inspect_err(|error| tracing::warn!(error, "the last run's totals cannot be read: no trend"))
            .ok()
    }

    /// Keeps the totals of this run.
    ///
    /// # Errors
    /// When they cannot be written.
    pub async fn keep(&self, client: &Client, report: &Report) -> Result<(), AuditError> {
        let text = serde_json::to_string_pretty(&Summary::of(report))
            .map_err(|error| AuditError::Stopped(error.to_string()))?;
        match self {
            Keeper::File(path) => write(path, |out| out.write_all(text.as_bytes())),
            Keeper::ConfigMap(namespace, name) => {
                let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
                let wanted = json!({
                    "apiVersion": "v1", "kind": "ConfigMap",
                    "metadata": {"name": name, "labels": {"app.kubernetes.io/managed-by": "kpol"}},
                    "data": {KEY: text},
                });
                let params = PatchParams::apply("kpol-webhook").force();
                let done = api.patch(name, &params, &Patch::Apply(&wanted)).await;
                done.map(drop).map_err(|error| AuditError::File {
                    path: format!("ConfigMap {namespace}/{name}"),
                    why: error.to_string(),
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keeper_is_a_file_or_a_configmap() {
        assert_eq!("last.json".parse(), Ok(Keeper::File("last.json".into())));
        assert_eq!("configmap:a/b".parse(), Ok(Keeper::ConfigMap("a".into(), "b".into())));
        assert!("configmap:b".parse::<Keeper>().is_err());
        assert!("configmap:/b".parse::<Keeper>().is_err());
    }
}
