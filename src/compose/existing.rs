//! The placements that exist, as their resources and the status remember them.

use serde_json::Value;

use super::{observed::Observed, readiness::readiness, serving_object::spec_of};
use crate::api::model_deployment_status::{ModelDeploymentStatus, PlacementItem};
use crate::api::place::Place;
use crate::api::placement_record::{PhaseRecord, PlacementRecord, same_object};
use crate::domain::scheduling::placement::{Existing, Missing};
use crate::domain::spec::deployment::Deployment;
use crate::domain::{key::Key, names::ACCELERATOR_LABEL};

/// The placements that exist, sorted by environment and topology. `status` is the second memory.
pub fn existing_placements(observed: &Observed, status: &ModelDeploymentStatus, deployment: &Deployment) -> Vec<Existing> {
    let serving = observed.resources.iter().filter(|(key, _)| key.serves());
    let existing = serving.filter_map(|(key, resource)| {
        let (slot, topology) = (&key.environment, key.topology()?);
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
            place: Place::new(environment, topology),
            record,
            requested: resource.requested.clone(),
            local: !key.held,
            ready: readiness(Some(resource), topology).ready,
            accelerators: accelerators(&resource.frozen),
        })
    });
    let mut placements: Vec<Existing> = existing.collect();
    placements.sort_by(|a, b| (&a.place, &a.slot).cmp(&(&b.place, &b.slot)));
    placements
}

/// Placements that were reported and of which no serving resource is seen.
pub fn missing_placements(observed: &Observed, status: &ModelDeploymentStatus) -> Vec<Missing> {
    let is_seen = |item: &PlacementItem| {
        let mut serving = observed.resources.iter().filter(|(key, _)| key.serves());
        serving.any(|(key, resource)| is_about(item, key, resource.environment.as_deref().unwrap_or(&key.environment)))
    };
    let missing = status.placements.items.iter().filter(|item| !is_seen(item)).map(|item| Missing {
        place: item.place(),
        profile: item.profile.clone(),
        pools: item.phases().map(|phase| phase.pool.clone()).collect(),
        was_seen: item.uid.is_some(),
    });
    missing.collect()
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
    let spec = spec_of(serving);
    let label = |labels: Option<&Value>| Some(labels?.get(ACCELERATOR_LABEL)?.as_str()?.to_owned());
    (label(spec.and_then(|spec| spec.pointer("/labels"))), label(spec.and_then(|spec| spec.pointer("/prefill/labels"))))
}
