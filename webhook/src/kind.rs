//! A kind of objects in the cluster, as lists and watches name it.

use kpol::Json;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, TypeMeta};

/// A kind whose objects are looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// The API group; empty: core.
    pub group: String,
    /// The API version.
    pub version: String,
    /// The kind.
    pub kind: String,
    /// Its name in URLs.
    pub plural: String,
}

impl Kind {
    /// `apps/v1`.
    #[must_use]
    pub fn api_version(&self) -> String {
        match self.group.as_str() {
            "" => self.version.clone(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// `apps/v1 Deployment`, for people.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} {}", self.api_version(), self.kind)
    }

    /// What a client of the API asks for.
    pub(crate) fn resource(&self) -> ApiResource {
        let gvk = GroupVersionKind::gvk(&self.group, &self.version, &self.kind);
        ApiResource::from_gvk_with_plural(&gvk, &self.plural)
    }

    /// An object of this kind as rules see the one under review. Lists leave its type out.
    ///
    /// # Errors
    /// When it is nested too deeply.
    pub(crate) fn json(&self, mut object: DynamicObject) -> Result<Json, String> {
        object.types = Some(TypeMeta { api_version: self.api_version(), kind: self.kind.clone() });
        let bytes = serde_json::to_vec(&object).map_err(|error| error.to_string())?;
        kpol::json(&bytes).map_err(|error| error.to_string())
    }
}
