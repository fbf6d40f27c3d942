//! Whether a placement serves, from the serving object's own conditions.

use crate::api::condition::{Condition, find};
use crate::api::llm_inference_service::Workloads;
use crate::api::model_deployment::Topology;
use crate::compose::observed::ObservedResource;

/// Whether a placement serves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Readiness {
    /// Whether all of it does.
    pub ready: bool,
    /// Decode, or the one phase of Unified.
    pub decode: PhaseReadiness,
    /// Prefill.
    pub prefill: PhaseReadiness,
    /// Why not, as one word and one sentence.
    pub why_not: Option<(String, String)>,
    /// Where it answers.
    pub endpoint: Option<String>,
}

/// Whether a phase serves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PhaseReadiness {
    /// Whether it is available.
    pub ready: bool,
    /// With how many replicas, where KServe says so.
    pub replicas: Option<u32>,
}

/// Reads the readiness of a placement off its serving resource.
///
/// KServe's conditions: `PresetsCombined`; `MainWorkloadReady` (or `WorkerWorkloadReady`) of decode;
/// `PrefillWorkloadReady` (or `PrefillWorkerWorkloadReady`); `RouterReady`; `Ready`, which covers all but the first.
#[must_use]
pub fn readiness(resource: Option<&ObservedResource>, topology: Topology) -> Readiness {
    let Some(resource) = resource else {
        return waiting("Creating", "the serving object is being created".to_owned());
    };
    if resource.deleting {
        return waiting("Deleting", "the serving object is being deleted".to_owned());
    }
    let unsynced = find(&resource.conditions, "Synced").filter(|synced| synced.status == "False");
    let Some(service) = &resource.service else {
        return match unsynced {
            Some(synced) => waiting("NotSynced", explain(synced, "the cluster cannot be reached")),
            None => waiting("Creating", "the serving object is being created".to_owned()),
        };
    };
    let conditions = &service.status.conditions;
    let either = |first: &str, second: &str| find(conditions, first).or_else(|| find(conditions, second));
    let decode = either("MainWorkloadReady", "WorkerWorkloadReady");
    let prefill = either("PrefillWorkloadReady", "PrefillWorkerWorkloadReady");
    let is_true = |condition: Option<&Condition>| condition.is_some_and(Condition::is_true);
    let needs_prefill = topology == Topology::PrefillDecode;
    // KServe up to v0.20 never writes observedGeneration; once it does, it counts.
    let generations = service.metadata.generation.zip(service.status.observed_generation);
    let current = generations.is_none_or(|(generation, observed)| observed >= generation);
    let checks = [
        ("PresetsNotCombined", is_true(find(conditions, "PresetsCombined")), find(conditions, "PresetsCombined")),
        (if needs_prefill { "DecodeNotReady" } else { "WorkloadNotReady" }, is_true(decode), decode),
        ("PrefillNotReady", !needs_prefill || is_true(prefill), prefill),
        ("RouterNotReady", is_true(find(conditions, "RouterReady")), find(conditions, "RouterReady")),
        ("NotReady", is_true(find(conditions, "Ready")), find(conditions, "Ready")),
    ];
    let failed = checks.iter().find(|(_, passed, _)| !passed);
    let why_not = match (failed, current) {
        _ if conditions.is_empty() => Some(("Creating".to_owned(), "KServe has not reported on the serving object yet".to_owned())),
        (Some((reason, _, condition)), _) => {
            let text = condition.map_or_else(|| "KServe has not reported it yet".to_owned(), |condition| explain(condition, "not ready"));
            Some(((*reason).to_owned(), text))
        }
        (None, false) => Some(("Reconciling".to_owned(), "KServe has not looked at the latest change yet".to_owned())),
        (None, true) => None,
    };
    let Workloads { primary, prefill: secondary } = &service.status.workloads;
    let addresses = service.status.addresses.iter().find_map(|address| address.url.clone());
    Readiness {
        ready: why_not.is_none(),
        decode: PhaseReadiness { ready: is_true(decode), replicas: primary.ready_replicas },
        prefill: PhaseReadiness { ready: needs_prefill && is_true(prefill), replicas: secondary.ready_replicas },
        why_not,
        endpoint: service.status.url.clone().or(addresses),
    }
}

fn waiting(reason: &str, message: String) -> Readiness {
    Readiness { why_not: Some((reason.to_owned(), message)), ..Readiness::default() }
}

/// A condition's own words.
fn explain(condition: &Condition, otherwise: &str) -> String {
    match (condition.reason.as_str(), condition.message.as_str()) {
        ("", "") => otherwise.to_owned(),
        (reason, "") => reason.to_owned(),
        ("", message) => message.to_owned(),
        (reason, message) => format!("{reason}: {message}"),
    }
}

/// Whether something that a placement needs beside its serving object says that it is ready: an Object, or a ScaledObject.
#[must_use]
pub fn reports_ready(resource: Option<&ObservedResource>) -> bool {
    resource.is_some_and(|resource| find(&resource.conditions, "Ready").is_some_and(Condition::is_true))
}
