//! The serving object: an LLMInferenceService with decode as its main workload and prefill beside it.

use serde_json::Value;

use super::engine_pod::{EnginePod, render_pod};
use super::observed::Identity;
use super::running_pods::{kept_labels, runs_as};
use super::served_names::name_prefill;
use crate::api::llm_inference_service::{
    API_VERSION, Empty, KIND, LlmInferenceService, LlmInferenceServiceSpec, Router, ServedModel, VariantAutoscaling, Workload,
    WorkloadScaling,
};
use crate::api::model_deployment::Wva;
use crate::domain::fabric::{Setting, settings, settings_of_0_1_0};
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
    let running = serving.running.and_then(spec_of);
    let model = ServedModel { uri: serving.model.uri.clone(), name: serving.model.name.clone() };
    let decode = render_workload(serving, &serving.profile.decode, &serving.sizing.decode, running, None)?;
    let phases = serving.profile.prefill.as_ref().zip(serving.sizing.prefill.as_ref());
    let prefill = match phases {
        Some((profile, sizing)) => {
            let running = running.and_then(|running| running.get("prefill"));
            Some(render_workload(serving, profile, sizing, running, Some(&model))?)
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

/// A phase; prefill answers to `names`. `running` is what exists of it: pods that are as 0.1.0 made them stay so.
fn render_workload(
    serving: Serving<'_>,
    profile: &PhaseProfile,
    sizing: &PhaseSizing,
    running: Option<&Value>,
    names: Option<&ServedModel>,
) -> Option<Workload> {
    let environment = serving.environment;
    let (pool, rdma) = (environment.pool(&sizing.pool)?, environment.rdma.as_ref());
    let pod = |settings: &[Setting]| {
        render_pod(EnginePod {
            profile,
            sizing,
            pool,
            disaggregated: serving.profile.prefill.is_some(),
            rdma,
            settings,
            overlay: environment.pod.as_ref(),
            service_account: serving.service_account,
        })
    };
    let first = rdma.map(|rdma| settings_of_0_1_0(rdma.kind)).unwrap_or_default();
    let now = rdma.map(|rdma| settings(pool.vendor(), rdma.kind)).unwrap_or_default();
    // Where nothing was added since, there is nothing to compare.
    let compared = running.filter(|_| names.is_some() || first != now);
    let kept = compared.and_then(|running| Some(pod(&first)).filter(|pod| runs_as(running, &pod.spec)));
    let pod = kept.unwrap_or_else(|| {
        let mut pod = pod(&now);
        if let Some(model) = names {
            name_prefill(&mut pod.spec, model, &serving.identity.namespace);
        }
        pod
    });
    let mut labels = kept_labels(pod.labels, running);
    labels.insert(ACCELERATOR_LABEL.to_owned(), sizing.accelerator.clone());
    let (replicas, scaling) = match &sizing.scaling {
        PhaseScaling::Fixed { replicas } => (Some(*replicas), None),
        PhaseScaling::Wva(wva) => (None, Some(render_scaling(wva))),
        // KServe keeps the number that KEDA set.
        PhaseScaling::Concurrency(_) => (None, None),
    };
    Some(Workload { replicas, scaling, labels, annotations: pod.annotations, template: pod.spec })
}

fn render_scaling(wva: &Wva) -> WorkloadScaling {
    let Wva { min_replicas, max_replicas, variant_cost, keda, hpa } = wva.clone();
    WorkloadScaling { min_replicas, max_replicas, wva: VariantAutoscaling { variant_cost, keda, hpa } }
}
