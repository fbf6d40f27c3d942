//! What the function emits beside the serving objects: provider-kubernetes' `Object` and `ClusterProviderConfig`
//! (`kubernetes.m.crossplane.io/v1alpha1`), Namespaces, ServiceAccounts and Secrets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::metadata::{Metadata, NewMetadata};
use super::{absent::null_is_default, condition::Condition, llm_inference_service::ObservedService};

/// Group and version.
pub const API_VERSION: &str = "kubernetes.m.crossplane.io/v1alpha1";
/// The kind that wraps an object of another cluster.
pub const KIND: &str = "Object";
/// The kind that reaches a cluster.
pub const PROVIDER_CONFIG_KIND: &str = "ClusterProviderConfig";

/// An object of another cluster, as it is emitted.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Object<M> {
    /// Group and version.
    pub api_version: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Metadata.
    pub metadata: NewMetadata,
    /// What the provider is to do.
    pub spec: ObjectSpec<M>,
}

/// What the provider is to do.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectSpec<M> {
    /// How the cluster is reached.
    pub provider_config_ref: ConfigRef,
    /// What the provider may do; everything where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub management_policies: Option<Vec<&'static str>>,
    /// When the Object is ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readiness: Option<ReadinessPolicy>,
    /// Values taken from objects of the control plane.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<Reference>,
    /// The object itself.
    pub for_provider: ForProvider<M>,
}

/// Names a ClusterProviderConfig.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfigRef {
    /// Kind.
    pub kind: &'static str,
    /// Name.
    pub name: String,
}

/// When an Object is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReadinessPolicy {
    /// The policy.
    pub policy: &'static str,
}

/// The wrapped object.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ForProvider<M> {
    /// The wrapped object.
    pub manifest: M,
}

/// A value taken from an object of the control plane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reference {
    /// From where.
    pub patches_from: PatchesFrom,
    /// To where in the manifest.
    pub to_field_path: String,
}

/// Where a value is taken from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PatchesFrom {
    /// Group and version.
    pub api_version: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// The field.
    pub field_path: String,
}

/// An object that is nothing but its metadata, for a ServiceAccount the Secrets it lists, and for a Secret its data.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlainObject {
    /// Group and version.
    pub api_version: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Metadata.
    pub metadata: NewMetadata,
    /// The Secrets of a ServiceAccount.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretName>,
    /// The data of a Secret.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub data: BTreeMap<&'static str, &'static str>,
}

impl PlainObject {
    /// One that is nothing but its metadata.
    pub fn new(kind: &'static str, metadata: NewMetadata) -> Self {
        Self { api_version: "v1", kind, metadata, secrets: Vec::new(), data: BTreeMap::new() }
    }
}

/// Names a Secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecretName {
    /// Name.
    pub name: String,
}

/// A ClusterProviderConfig as it is emitted.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterProviderConfig {
    /// Group and version.
    pub api_version: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Metadata.
    pub metadata: NewMetadata,
    /// How the cluster is reached.
    pub spec: ClusterProviderConfigSpec,
}

/// How a cluster is reached.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClusterProviderConfigSpec {
    /// The kubeconfig.
    pub credentials: CredentialsSource,
    /// Who asks, where the kubeconfig does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<IdentitySource>,
}

/// Where a kubeconfig is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CredentialsSource {
    /// `Secret`.
    pub source: &'static str,
    /// The Secret.
    pub secret_ref: SecretKeyRef,
}

/// Where an identity is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IdentitySource {
    /// `GoogleApplicationCredentials`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// `Secret`.
    pub source: &'static str,
    /// The Secret.
    pub secret_ref: SecretKeyRef,
}

/// Names a key of a Secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecretKeyRef {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Key.
    pub key: String,
}

/// A ClusterProviderConfig as it is observed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ObservedProviderConfig {
    /// How the cluster is reached.
    #[serde(deserialize_with = "null_is_default")]
    pub spec: ObservedProviderConfigSpec,
}

/// How a cluster is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ObservedProviderConfigSpec {
    /// The kubeconfig.
    #[serde(deserialize_with = "null_is_default")]
    pub credentials: ObservedCredentials,
}

/// Where a kubeconfig is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObservedCredentials {
    /// The Secret.
    #[serde(deserialize_with = "null_is_default")]
    pub secret_ref: ObservedSecretRef,
}

/// Names a key of a Secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ObservedSecretRef {
    /// Name.
    #[serde(deserialize_with = "null_is_default")]
    pub name: String,
    /// Key.
    #[serde(deserialize_with = "null_is_default")]
    pub key: String,
}

/// An Object as it is observed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ObservedObject {
    /// Metadata.
    #[serde(deserialize_with = "null_is_default")]
    pub metadata: Metadata,
    /// The provider's report.
    #[serde(deserialize_with = "null_is_default")]
    pub status: ObservedObjectStatus,
}

/// The provider's report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObservedObjectStatus {
    /// Conditions.
    #[serde(deserialize_with = "null_is_default")]
    pub conditions: Vec<Condition>,
    /// What the provider sees on the other cluster.
    #[serde(deserialize_with = "null_is_default")]
    pub at_provider: AtProvider,
}

/// What the provider sees on the other cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct AtProvider {
    /// The object there.
    pub manifest: Option<ObservedService>,
}
