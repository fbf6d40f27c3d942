//! What exists of a deployment, as far as anything is decided on it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api::condition::Condition;
use crate::api::llm_inference_service::{ObservedService, RequestedService};
use crate::api::metadata::NewMetadata;
use crate::api::model_deployment::Topology;
use crate::api::model_deployment_status::{ModelDeploymentStatus, PlacementItem};
use crate::api::placement_record::{PhaseRecord, PlacementRecord, same_object};
use crate::compose::readiness::readiness;
use crate::domain::names::{ACCELERATOR_LABEL, Key};
use crate::domain::scheduling::placement::{Existing, Missing};
use crate::domain::spec::deployment::Deployment;

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
    /// Its uid.
    pub uid: Option<String>,
    /// The environment that it is labelled with.
    pub environment: Option<String>,
    /// What a serving object asks for.
    pub requested: RequestedService,
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
        let serving = self.resources.iter().filter(|(key, _)| key.serves());
        let existing = serving.filter_map(|(key, resource)| {
            let (slot, topology) = (key.environment(), key.topology()?);
            let environment = resource.environment.as_deref().unwrap_or(slot);
            let item = status.placements.items.iter().find(|item| is_about(item, key, environment));
            let mut record = resource.record.clone().or_else(|| item.and_then(|item| record_of_item(item, deployment)));
            if let Some(record) = &mut record {
                let uid = resource.uid.as_deref();
                // The annotation of what is frozen stays as it was, also when it becomes ready.
                let reported = item.is_some_and(|item| item.settled && same_object(item.uid.as_deref(), uid));
                record.settled = record.is_settled(uid) || reported;
            }
            Some(Existing {
                slot: slot.to_owned(),
                environment: environment.to_owned(),
                topology,
                record,
                requested: resource.requested.clone(),
                local: matches!(key, Key::Service(..)),
                ready: readiness(Some(resource), topology).ready,
                accelerators: accelerators(&resource.frozen),
            })
        });
        let mut placements: Vec<Existing> = existing.collect();
        placements.sort_by(|a, b| (&a.environment, a.topology, &a.slot).cmp(&(&b.environment, b.topology, &b.slot)));
        placements
    }

    /// Placements that were reported and of which no serving resource is seen.
    #[must_use]
    pub fn missing(&self, status: &ModelDeploymentStatus) -> Vec<Missing> {
        let is_seen = |item: &PlacementItem| {
            let mut serving = self.resources.iter().filter(|(key, _)| key.serves());
            serving.any(|(key, resource)| is_about(item, key, resource.environment.as_deref().unwrap_or(key.environment())))
        };
        let missing = status.placements.items.iter().filter(|item| !is_seen(item)).map(|item| Missing {
            environment: item.environment.clone(),
            topology: item.topology,
            profile: item.profile.clone(),
            pools: item.decode.iter().chain(&item.prefill).map(|phase| phase.pool.clone()).collect(),
            was_seen: item.uid.is_some(),
        });
        missing.collect()
    }

    /// The namespace of what exists under a slot: a deployment has one there, whatever else changes.
    #[must_use]
    pub fn namespace_in(&self, slot: &str) -> Option<&str> {
        let mut identities = self.resources.iter().filter(|(key, _)| key.environment() == slot);
        identities.find_map(|(_, resource)| Some(resource.identity.as_ref()?.namespace.as_str()))
    }

    /// The serving resource of a placement.
    #[must_use]
    pub fn serving(&self, slot: &str, topology: Topology) -> Option<(&Key, &ObservedResource)> {
        [true, false].into_iter().find_map(|local| self.resources.get_key_value(&Key::serving(slot, topology, local)))
    }
}

/// Whether a status tells of a resource. v0.1.0 did not say of which.
fn is_about(item: &PlacementItem, key: &Key, environment: &str) -> bool {
    match &item.resource {
        Some(resource) => *resource == key.to_string(),
        None => item.environment == environment && Some(item.topology) == key.topology(),
    }
}

/// A record out of what the status says, for a placement that lost its annotation.
fn record_of_item(item: &PlacementItem, deployment: &Deployment) -> Option<PlacementRecord> {
    // Without a profile it was made up of what the object asks for.
    let profile = Some(item.profile.clone()).filter(|profile| !profile.is_empty())?;
    Some(PlacementRecord {
        model: deployment.model_ref.clone(),
        profile,
        decode: item.decode.as_ref().map(PhaseRecord::from)?,
        prefill: item.prefill.as_ref().map(PhaseRecord::from),
        selector: deployment.selector.clone(),
        cluster: item.cluster.clone(),
        created: deployment.created.clone(),
        settled: item.settled,
        uid: item.uid.clone(),
    })
}

/// The accelerator labels of decode and prefill as we wrote them, on whatever cluster they are.
fn accelerators(serving: &Value) -> (Option<String>, Option<String>) {
    let spec = serving.pointer("/spec/forProvider/manifest/spec").or_else(|| serving.pointer("/spec"));
    let label = |labels: Option<&Value>| Some(labels?.get(ACCELERATOR_LABEL)?.as_str()?.to_owned());
    (label(spec.and_then(|spec| spec.pointer("/labels"))), label(spec.and_then(|spec| spec.pointer("/prefill/labels"))))
}
