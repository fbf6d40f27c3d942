//! The composition of an InferenceEnvironment: how its cluster is reached, and what it has.

use std::collections::BTreeMap;

use super::composition::{Body, Composed, CompositeStatus, Composition, Desired, Tally};
use super::{conditions::NewCondition, events::events};
use crate::api::inference_environment::{
    Capacity, ClusterSource, ExistingCluster, IdentitySecret, InferenceEnvironment, InferenceEnvironmentStatus, KubeconfigSecret,
    ProviderConfigRef,
};
use crate::api::object::{
    API_VERSION, ClusterProviderConfig, ClusterProviderConfigSpec, CredentialsSource, IdentitySource, PROVIDER_CONFIG_KIND, SecretKeyRef,
};
use crate::api::{condition::Condition, environment_ledger::EnvironmentLedger, metadata::NewMetadata, words::EnvironmentValid};
use crate::domain::names::{PROVIDER_CONFIG_KEY, SYSTEM_NAMESPACE, provider_config};
use crate::domain::spec::environment::{repointed, validate_environment};
use crate::domain::spec::{cluster::declared_pools, violation::join};

/// Everything the composition of an InferenceEnvironment depends on.
#[derive(Debug, Clone, PartialEq)]
pub struct EnvironmentInputs {
    /// The environment.
    pub environment: InferenceEnvironment,
    /// The conditions that were reported before.
    pub conditions: Vec<Condition>,
    /// Composed resources that exist, are not ours, and that no earlier step wants: `key (kind name)`.
    pub foreign: Vec<String>,
    /// Whether earlier steps compose anything, or write a status.
    pub provisioned: bool,
    /// The Secret that the cluster is reached with until now.
    pub reached_with: Option<KubeconfigSecret>,
    /// What is promised of its pools.
    pub ledger: Option<EnvironmentLedger>,
}

/// The environment with the pools that its status is to have: declared ones, or those that somebody reports of a cluster that is
/// provisioned.
pub fn reported_pools(environment: &InferenceEnvironment) -> InferenceEnvironment {
    let reported = environment.status.capacity.clone().filter(|_| environment.spec.cluster.source == ClusterSource::Gke);
    let status = InferenceEnvironmentStatus { capacity: reported, ..InferenceEnvironmentStatus::default() };
    InferenceEnvironment { status, ..environment.clone() }
}

/// The composition of an InferenceEnvironment.
pub fn compose(inputs: &EnvironmentInputs) -> Composition {
    let declared = InferenceEnvironment { status: InferenceEnvironmentStatus::default(), ..inputs.environment.clone() };
    if let Err(violations) = validate_environment(&declared) {
        return refuse(
            EnvironmentValid::SpecInvalid,
            join(&violations),
            violations.first().map(|violation| violation.path.clone()).unwrap_or_default(),
        );
    }
    if !inputs.foreign.is_empty() {
        let message = format!(
            "cannot take over: {} would be deleted, because no step of the pipeline wants it; keep the function that composed it in the \
             pipeline, in front of this one",
            inputs.foreign.join(", ")
        );
        return refuse(EnvironmentValid::ForeignResources, message, String::new());
    }
    let name = &inputs.environment.metadata.name;
    let cluster = &inputs.environment.spec.cluster;
    let reached = InferenceEnvironmentStatus { cluster: inputs.reached_with.clone(), ..InferenceEnvironmentStatus::default() };
    if let Some(violation) = repointed(&InferenceEnvironment { status: reached, ..inputs.environment.clone() }) {
        return refuse(EnvironmentValid::ClusterChanged, violation.to_string(), violation.path);
    }
    let ledger = inputs.ledger.clone();
    let capacity = Some(Capacity { gpu_pools: declared_pools(cluster) });
    let status = InferenceEnvironmentStatus { capacity, ledger: ledger.clone(), ..InferenceEnvironmentStatus::default() };
    let desired = match (cluster.source, &cluster.existing) {
        (ClusterSource::Existing, Some(existing)) => {
            let body = Body::ProviderConfig(render_provider_config(name, existing));
            let status = InferenceEnvironmentStatus {
                provider_config_ref: Some(ProviderConfigRef { name: provider_config(name) }),
                namespace: Some(SYSTEM_NAMESPACE.to_owned()),
                cluster: Some(existing.secret_ref.clone()),
                ..status
            };
            // A ClusterProviderConfig has no conditions: it is there or not.
            let resources = BTreeMap::from([(PROVIDER_CONFIG_KEY.to_owned(), Composed { body, ready: true })]);
            Desired { resources, ..valid(inputs, status) }
        }
        (ClusterSource::Local, _) => valid(inputs, status),
        // Whoever provisions the cluster writes the status.
        (ClusterSource::Gke, _) if inputs.provisioned => {
            valid(inputs, InferenceEnvironmentStatus { ledger, ..InferenceEnvironmentStatus::default() })
        }
        // Or wrote it already: a status that nobody repeats is gone, and what runs there with it.
        (ClusterSource::Gke, _) if inputs.environment.status.provider_config().is_some() => {
            valid(inputs, InferenceEnvironmentStatus { ledger, ..inputs.environment.status.clone() })
        }
        (ClusterSource::Gke | ClusterSource::Existing, _) => {
            let field = "spec.cluster.source";
            let message = format!(
                "{field}: GKE clusters are provisioned by another function; put it in front of this one in the pipeline, or write \
                 status.providerConfigRef of a cluster that is there"
            );
            Desired { unready: true, field, ..conclude(inputs, EnvironmentValid::NotProvisioned, &message) }
        }
    };
    Composition::Composed(desired)
}

fn valid(inputs: &EnvironmentInputs, status: InferenceEnvironmentStatus) -> Desired {
    let status = Some(CompositeStatus::InferenceEnvironment(Box::new(status)));
    Desired { status, ..conclude(inputs, EnvironmentValid::Valid, "the spec keeps the rules") }
}

fn conclude(inputs: &EnvironmentInputs, reason: EnvironmentValid, message: &str) -> Desired {
    let condition = NewCondition::new(reason, message);
    Desired { events: events([&condition], &inputs.conditions), conditions: vec![condition], ..Desired::default() }
}

fn refuse(reason: EnvironmentValid, message: String, field: String) -> Composition {
    let conditions = vec![NewCondition::new(reason, &message)];
    Composition::Refused { message, field, conditions, tally: Tally::default() }
}

fn render_provider_config(environment: &str, existing: &ExistingCluster) -> ClusterProviderConfig {
    let secret =
        |name: &str, key: &str| SecretKeyRef { namespace: SYSTEM_NAMESPACE.to_owned(), name: name.to_owned(), key: key.to_owned() };
    let identity = |reference: &IdentitySecret| IdentitySource {
        kind: "GoogleApplicationCredentials",
        source: "Secret",
        secret_ref: secret(&reference.name, &reference.key),
    };
    ClusterProviderConfig {
        api_version: API_VERSION,
        kind: PROVIDER_CONFIG_KIND,
        metadata: NewMetadata { name: Some(provider_config(environment)), ..NewMetadata::default() },
        spec: ClusterProviderConfigSpec {
            credentials: CredentialsSource { source: "Secret", secret_ref: secret(&existing.secret_ref.name, &existing.secret_ref.key) },
            identity: existing.identity_secret_ref.as_ref().map(identity),
        },
    }
}
