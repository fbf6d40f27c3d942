//! What exists of a deployment, as far as anything is decided on it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api::condition::Condition;
use crate::api::llm_inference_service::ObservedService;
use crate::api::metadata::NewMetadata;
use crate::api::model_deployment::Topology;
use crate::api::model_deployment_status::{ModelDeploymentStatus, PlacementItem};
use crate::api::placement_record::{PhaseRecord, PlacementRecord};
use crate::compose::readiness::readiness;
use crate::domain::deployment::Deployment;
use crate::domain::names::{ACCELERATOR_LABEL, Key};
use crate::domain::placement::Existing;

/// The composed resources that exist.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observed {
    /// Those under our keys.
    pub resources: BTreeMap<Key, ObservedResource>,
    /// Serving resources under other keys that no earlier step wants: `key (kind name)`.
    pub foreign: Vec<String>,
}

/// One composed resource that exists.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ObservedResource {
    /// Whether it is being deleted: it may still report that it is ready.
    pub deleting: bool,
    /// What is emitted to leave it exactly as it is.
    pub frozen: Value,
    /// The namespace and name of the object itself; of an Object, those of what it holds.
    pub identity: Option<Identity>,
    /// The memory of the placement.
    pub record: Option<PlacementRecord>,
    /// The serving object's own report, as far as it can be seen.
    pub service: Option<ObservedService>,
    /// The conditions of the Object that holds it.
    pub conditions: Vec<Condition>,
}

/// The namespace and name of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// Namespace; empty where the kind has none.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl Identity {
    /// The metadata of an object that is emitted under it.
    #[must_use]
    pub fn metadata(&self) -> NewMetadata {
        NewMetadata { name: Some(self.name.clone()), namespace: Some(self.namespace.clone()), ..NewMetadata::default() }
    }
}

impl Observed {
    /// The placements that exist, sorted by environment and topology. `status` is the second memory.
    #[must_use]
    pub fn placements(&self, status: &ModelDeploymentStatus, deployment: &Deployment) -> Vec<Existing> {
        let mut placements: Vec<Existing> = self
            .resources
            .iter()
            .filter(|(key, _)| key.serves())
            .filter_map(|(key, resource)| {
                let (environment, topology) = (key.environment(), key.topology()?);
                let item = status.placements.items.iter().find(|item| item.environment == environment && item.topology == topology);
                let remembered = || item.and_then(|item| record_of_item(item, deployment));
                let mut record = resource.record.clone().or_else(remembered);
                // The annotation of what is frozen stays as it was, also when it becomes ready.
                if let (Some(record), Some(item)) = (&mut record, item) {
                    record.settled |= item.settled;
                }
                Some(Existing {
                    environment: environment.to_owned(),
                    topology,
                    record,
                    local: matches!(key, Key::Service(..)),
                    ready: readiness(Some(resource), topology).ready,
                    accelerators: accelerators(&resource.frozen),
                })
            })
            .collect();
        placements.sort_by(|a, b| (&a.environment, a.topology).cmp(&(&b.environment, b.topology)));
        placements
    }

    /// The namespace of what exists in an environment: a deployment has one there, whatever else changes.
    #[must_use]
    pub fn namespace_in(&self, environment: &str) -> Option<&str> {
        let mut identities = self.resources.iter().filter(|(key, _)| key.environment() == environment);
        identities.find_map(|(_, resource)| Some(resource.identity.as_ref()?.namespace.as_str()))
    }

    /// The serving resource of a placement.
    #[must_use]
    pub fn serving(&self, environment: &str, topology: Topology) -> Option<(&Key, &ObservedResource)> {
        [true, false].into_iter().find_map(|local| self.resources.get_key_value(&Key::serving(environment, topology, local)))
    }
}

/// A record out of what the status says, for a placement that lost its annotation.
fn record_of_item(item: &PlacementItem, deployment: &Deployment) -> Option<PlacementRecord> {
    Some(PlacementRecord {
        model: deployment.model_ref.clone(),
        profile: item.profile.clone(),
        decode: item.decode.as_ref().map(PhaseRecord::from)?,
        prefill: item.prefill.as_ref().map(PhaseRecord::from),
        selector: deployment.selector.clone(),
        cluster: None,
        settled: item.settled,
    })
}

/// The accelerator labels of decode and prefill as we wrote them, on whatever cluster they are.
fn accelerators(serving: &Value) -> (Option<String>, Option<String>) {
    let spec = serving.pointer("/spec/forProvider/manifest/spec").or_else(|| serving.pointer("/spec"));
    let label = |labels: Option<&Value>| Some(labels?.get(ACCELERATOR_LABEL)?.as_str()?.to_owned());
    (label(spec.and_then(|spec| spec.pointer("/labels"))), label(spec.and_then(|spec| spec.pointer("/prefill/labels"))))
}
