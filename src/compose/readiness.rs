//! Whether a placement serves, from the serving object's own conditions.

use super::observed::ObservedResource;
use crate::api::condition::{Condition, find};
use crate::api::{llm_inference_service::Workloads, model_deployment::Topology, words::Waiting};
use crate::domain::key::{Key, Part};
use crate::domain::kserve::{DECODE_READY, PREFILL_READY, PRESETS_COMBINED, READY, ROUTER_READY};

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
    pub why_not: Option<(Waiting, String)>,
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
pub fn readiness(resource: Option<&ObservedResource>, topology: Topology) -> Readiness {
    let Some(resource) = resource else {
        return waiting(Waiting::Creating, "the serving object is being created".to_owned());
    };
    if resource.deleting {
        return waiting(Waiting::Deleting, "the serving object is being deleted".to_owned());
    }
    let unsynced = find(&resource.conditions, "Synced").filter(|synced| synced.is_false());
    let Some(service) = &resource.service else {
        return match unsynced {
            Some(synced) => waiting(Waiting::NotSynced, explain(synced, "the cluster cannot be reached")),
            None => waiting(Waiting::Creating, "the serving object is being created".to_owned()),
        };
    };
    let conditions = &service.status.conditions;
    let either = |kinds: [&str; 2]| kinds.into_iter().find_map(|kind| find(conditions, kind));
    let (decode, prefill) = (either(DECODE_READY), either(PREFILL_READY));
    let [presets, router, all] = [PRESETS_COMBINED, ROUTER_READY, READY].map(|kind| find(conditions, kind));
    let is_true = |condition: Option<&Condition>| condition.is_some_and(Condition::is_true);
    let needs_prefill = topology == Topology::PrefillDecode;
    // KServe up to v0.20 never writes observedGeneration; once it does, it counts.
    let generations = service.metadata.generation.zip(service.status.observed_generation);
    let current = generations.is_none_or(|(generation, observed)| observed >= generation);
    let checks = [
        (Waiting::PresetsNotCombined, is_true(presets), presets),
        (if needs_prefill { Waiting::DecodeNotReady } else { Waiting::WorkloadNotReady }, is_true(decode), decode),
        (Waiting::PrefillNotReady, !needs_prefill || is_true(prefill), prefill),
        (Waiting::RouterNotReady, is_true(router), router),
        (Waiting::NotReady, is_true(all), all),
    ];
    let failed = checks.iter().find(|(_, passed, _)| !passed);
    let why_not = match (failed, current) {
        _ if conditions.is_empty() => Some((Waiting::Creating, "KServe has not reported on the serving object yet".to_owned())),
        (Some((reason, _, condition)), _) => {
            let text = condition.map_or_else(|| "KServe has not reported it yet".to_owned(), |condition| explain(condition, "not ready"));
            Some((*reason, text))
        }
        (None, false) => Some((Waiting::Reconciling, "KServe has not looked at the latest change yet".to_owned())),
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

fn waiting(reason: Waiting, message: String) -> Readiness {
    Readiness { why_not: Some((reason, message)), ..Readiness::default() }
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

/// Whether a part of a placement is ready: what serves by its own report, an object of another cluster and an autoscaler by their condition,
/// anything else by being there.
pub fn is_ready(key: &Key, resource: Option<&ObservedResource>) -> bool {
    match key.part {
        Part::Serving(topology) => readiness(resource, topology).ready,
        Part::Namespace | Part::ServiceAccount | Part::Token | Part::StorageSecret | Part::Autoscaler if key.held || key.part.reports() => {
            resource.is_some_and(|resource| find(&resource.conditions, "Ready").is_some_and(Condition::is_true))
        }
        Part::Namespace | Part::ServiceAccount | Part::Token | Part::StorageSecret | Part::Autoscaler => resource.is_some(),
    }
}
