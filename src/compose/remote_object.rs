//! Objects of another cluster, wrapped for provider-kubernetes.

use std::collections::BTreeMap;

use crate::api::metadata::NewMetadata;
use crate::api::object::{
    API_VERSION, ConfigRef, ForProvider, KIND, Object, ObjectSpec, PROVIDER_CONFIG_KIND, PlainObject, ReadinessPolicy, Reference,
};

/// Wraps an object whose readiness is its own `Ready` condition: an LLMInferenceService, a ScaledObject.
#[must_use]
pub fn wrap_reporting<M>(manifest: M, provider_config: &str) -> Object<M> {
    let mut object = wrap(manifest, provider_config);
    object.spec.readiness = Some(ReadinessPolicy { policy: "DeriveFromObject" });
    object
}

/// Wraps an object that is ready once it exists: Namespaces, ServiceAccounts and Secrets have no `Ready` condition, so
/// provider-kubernetes would never find them ready with `DeriveFromObject`.
#[must_use]
pub fn wrap<M>(manifest: M, provider_config: &str) -> Object<M> {
    Object {
        api_version: API_VERSION,
        kind: KIND,
        metadata: NewMetadata::default(),
        spec: ObjectSpec {
            provider_config_ref: ConfigRef { kind: PROVIDER_CONFIG_KIND, name: provider_config.to_owned() },
            management_policies: None,
            readiness: None,
            references: Vec::new(),
            for_provider: ForProvider { manifest },
        },
    }
}

/// The namespace on another cluster. It may hold other deployments, so it is never deleted.
#[must_use]
pub fn render_namespace(name: &str, provider_config: &str) -> Object<PlainObject> {
    let manifest = PlainObject {
        api_version: "v1",
        kind: "Namespace",
        metadata: NewMetadata { name: Some(name.to_owned()), ..NewMetadata::default() },
        secrets: Vec::new(),
        data: BTreeMap::new(),
    };
    let mut object = wrap(manifest, provider_config);
    object.spec.management_policies = Some(vec!["Observe", "Create", "Update", "LateInitialize"]);
    object
}

/// Wraps an object that takes values from objects of the control plane.
#[must_use]
pub fn wrap_with_references<M>(manifest: M, provider_config: &str, references: Vec<Reference>) -> Object<M> {
    let mut object = wrap(manifest, provider_config);
    object.spec.references = references;
    object
}
