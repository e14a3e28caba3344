//! Webhook configurations in the cluster: read, applied, deleted.

use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use kube::{
    Client,
    api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, Preconditions},
};

use super::objects::{Act, Found, Kind, Seen};

/// Who writes; also the owner of what is applied.
const MANAGER: &str = "kpol-webhook";

/// Why something could not be done.
#[derive(Debug)]
pub(super) enum ApiError {
    /// The webhook's service account may not.
    Forbidden,
    /// It has changed since it was read.
    Late,
    /// Something else.
    Failed(String),
}

impl From<kube::Error> for ApiError {
    fn from(error: kube::Error) -> ApiError {
        let kube::Error::Api(status) = error else { return ApiError::Failed(error.to_string()) };
        match status.code {
            401 | 403 => ApiError::Forbidden,
            409 => ApiError::Late,
            code => ApiError::Failed(format!("{code} {}", status.message)),
        }
    }
}

/// The two configurations of one name.
pub(super) struct Api {
    client: Client,
    name: String,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Api {
    pub(super) fn new(client: Client, name: String) -> Api {
        Api { client, name }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    fn of(&self, kind: Kind) -> kube::Api<DynamicObject> {
        let resource = match kind {
            Kind::Validating => ApiResource::erase::<ValidatingWebhookConfiguration>(&()),
            Kind::Mutating => ApiResource::erase::<MutatingWebhookConfiguration>(&()),
        };
        kube::Api::all_with(self.client.clone(), &resource)
    }

    /// How it is.
    pub(super) async fn read(&self, kind: Kind) -> Result<Seen, ApiError> {
        let found = self.of(kind).get_opt(&self.name).await?;
        Ok(found.map_or(Seen::Absent, |found| Seen::Found(Box::new(Found::of(&found)))))
    }

    /// Does what is to be done.
    pub(super) async fn write(&self, kind: Kind, act: Act) -> Result<(), ApiError> {
        let api = self.of(kind);
        match act {
            Act::Nothing => {}
            Act::Apply(body) => {
                let params = PatchParams::apply(MANAGER).force();
                api.patch(&self.name, &params, &Patch::Apply(&body)).await?;
            }
            Act::PatchCa(body) => {
                let params = PatchParams { field_manager: Some(MANAGER.into()), ..PatchParams::default() };
                api.patch(&self.name, &params, &Patch::Strategic(&body)).await?;
            }
            Act::Delete { uid, version } => {
                let preconditions = Preconditions { uid: Some(uid), resource_version: Some(version) };
                let params = DeleteParams::default().preconditions(preconditions);
                match api.delete(&self.name, &params).await {
                    Ok(_) => {}
                    Err(kube::Error::Api(status)) if status.code == 404 => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }
}
