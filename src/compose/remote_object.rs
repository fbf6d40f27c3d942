//! Objects of another cluster, wrapped for provider-kubernetes.

use crate::api::metadata::NewMetadata;
use crate::api::object::{API_VERSION, ConfigRef, ForProvider, KIND, Object, ObjectSpec, PROVIDER_CONFIG_KIND, ReadinessPolicy, Reference};
use crate::compose::composition::ComposedObject;
use crate::domain::key::Part;

/// Wraps a part of a placement, which takes `references` from objects of the control plane.
///
/// Where it has a `Ready` condition, that is the Object's readiness; Namespaces, ServiceAccounts and Secrets have none, so
/// provider-kubernetes would never find them ready with `DeriveFromObject`: they are ready once they exist. A Namespace may hold other
/// deployments, so it is never deleted.
#[must_use]
pub fn wrap(part: Part, manifest: ComposedObject, provider_config: &str, references: Vec<Reference>) -> Object<ComposedObject> {
    let kept = part == Part::Namespace;
    Object {
        api_version: API_VERSION,
        kind: KIND,
        metadata: NewMetadata::default(),
        spec: ObjectSpec {
            provider_config_ref: ConfigRef { kind: PROVIDER_CONFIG_KIND, name: provider_config.to_owned() },
            management_policies: kept.then(|| vec!["Observe", "Create", "Update", "LateInitialize"]),
            readiness: part.reports().then_some(ReadinessPolicy { policy: "DeriveFromObject" }),
            references,
            for_provider: ForProvider { manifest },
        },
    }
}
