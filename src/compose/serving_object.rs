//! The serving object: an LLMInferenceService with decode as its main workload and prefill beside it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::engine_pod::{EnginePod, render_annotations, render_pod};
use super::observed::Identity;
use super::served_names::name_prefill;
use crate::api::llm_inference_service::{
    API_VERSION, Empty, KIND, LlmInferenceService, LlmInferenceServiceSpec, Router, ServedModel, VariantAutoscaling, Workload,
    WorkloadScaling,
};
use crate::api::model_deployment::Wva;
use crate::domain::names::ACCELERATOR_LABEL;
use crate::domain::scheduling::sizing::{PhaseSizing, Sizing};
use crate::domain::spec::model::{Model, PhaseProfile, Profile};
use crate::domain::spec::{deployment::PhaseScaling, environment::Environment};

/// What a serving object is made of.
#[derive(Debug, Clone, Copy)]
pub struct Serving<'a> {
    /// Its namespace and name.
    pub identity: &'a Identity,
    /// The model.
    pub model: &'a Model,
    /// The profile.
    pub profile: &'a Profile,
    /// The environment.
    pub environment: &'a Environment,
    /// The sizing of each phase.
    pub sizing: &'a Sizing,
    /// The ServiceAccount that lets it at the weights.
    pub service_account: Option<&'a str>,
    /// What exists of it.
    pub running: Option<&'a Value>,
}

/// The serving object; `None` when a pool of the sizing is not there.
pub fn render_service(serving: Serving<'_>) -> Option<LlmInferenceService> {
    let decode = render_workload(serving, &serving.profile.decode, &serving.sizing.decode)?;
    let model = ServedModel { uri: serving.model.uri.clone(), name: serving.model.name.clone() };
    let phases = serving.profile.prefill.as_ref().zip(serving.sizing.prefill.as_ref());
    let prefill = match phases {
        Some((profile, sizing)) => {
            let mut prefill = render_workload(serving, profile, sizing)?;
            name_prefill(
                &mut prefill,
                &model,
                &serving.identity.namespace,
                serving.running.and_then(|running| spec_of(running)?.get("prefill")),
            );
            Some(prefill)
        }
        None => None,
    };
    Some(LlmInferenceService {
        api_version: API_VERSION,
        kind: KIND,
        metadata: serving.identity.metadata(),
        spec: LlmInferenceServiceSpec {
            model,
            decode,
            // Without the endpoint picker requests still succeed, but every prompt is computed by decode.
            router: Router { route: Empty {}, gateway: Empty {}, scheduler: prefill.is_some().then_some(Empty {}) },
            prefill,
        },
    })
}

/// The spec of a serving object that exists, by itself or in an Object.
pub(super) fn spec_of(running: &Value) -> Option<&Value> {
    running.pointer("/spec/forProvider/manifest/spec").or_else(|| running.get("spec"))
}

/// Labels and annotations have the same keys in both phases, because KServe copies decode's to prefill.
fn render_workload(serving: Serving<'_>, profile: &PhaseProfile, sizing: &PhaseSizing) -> Option<Workload> {
    let pod = EnginePod {
        profile,
        sizing,
        pool: serving.environment.pool(&sizing.pool)?,
        disaggregated: serving.profile.prefill.is_some(),
        rdma: serving.environment.rdma.as_ref(),
        service_account: serving.service_account,
    };
    let (replicas, scaling) = match &sizing.scaling {
        PhaseScaling::Fixed { replicas } => (Some(*replicas), None),
        PhaseScaling::Wva(wva) => (None, Some(render_scaling(wva))),
        // KServe keeps the number that KEDA set.
        PhaseScaling::Concurrency(_) => (None, None),
    };
    Some(Workload {
        replicas,
        scaling,
        labels: BTreeMap::from([(ACCELERATOR_LABEL.to_owned(), sizing.accelerator.clone())]),
        annotations: render_annotations(pod),
        template: render_pod(pod),
    })
}

fn render_scaling(wva: &Wva) -> WorkloadScaling {
    let Wva { min_replicas, max_replicas, variant_cost, keda, hpa } = wva.clone();
    WorkloadScaling { min_replicas, max_replicas, wva: VariantAutoscaling { variant_cost, keda, hpa } }
}
