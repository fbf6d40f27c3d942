//! Deployments, models and environments that the tests of scheduling start from.
#![allow(clippy::unwrap_used, reason = "a test's own functions may panic as the test may")]

use std::collections::BTreeMap;

use function_modelplane::api::inference_environment::Availability;
use function_modelplane::api::input::{LintPolicy, RdmaPolicy};
use function_modelplane::api::llm_inference_service::RequestedService;
use function_modelplane::api::model_deployment::{ModelKind, ModelRef, StrategyKind, Topology};
use function_modelplane::api::placement_record::PlacementRecord;
use function_modelplane::api::selector::LabelSelector;
use function_modelplane::domain::scheduling::holdings::{Fleet, Holding, Seniority};
use function_modelplane::domain::scheduling::ledger::Charge;
use function_modelplane::domain::scheduling::matching::Wish;
use function_modelplane::domain::scheduling::placement::{Action, EnvironmentState, Environments, Existing, Placement};
use function_modelplane::domain::scheduling::schedule::{Plan, schedule};
use function_modelplane::domain::scheduling::situation::Situation;
use function_modelplane::domain::spec::deployment::{Deployment, PhaseScaling};
use function_modelplane::domain::spec::environment::{Access, ClusterIdentity, Environment, GpuRequest, Pool};
use function_modelplane::domain::spec::model::{Model, validate_model};
use serde_json::json;

/// What a phase asks for: replicas, and GPUs of each.
pub(super) type Demand = (u32, u32);

/// A deployment of the model `m` to so many environments; with a demand for prefill it is disaggregated.
pub(super) fn deployment(name: &str, environments: usize, decode: Demand, prefill: Option<Demand>) -> Deployment {
    Deployment {
        namespace: "team".to_owned(),
        name: name.to_owned(),
        uid: None,
        created: Some(format!("2026-01-01T00:00:00Z {name}")),
        model_ref: ModelRef { kind: ModelKind::ClusterModel, name: "m".to_owned() },
        environments,
        selector: LabelSelector::default(),
        topology: if prefill.is_some() { Topology::PrefillDecode } else { Topology::Unified },
        strategy: StrategyKind::RollingUpdate,
        decode: PhaseScaling::Fixed { replicas: decode.0 },
        prefill: prefill.map(|(replicas, _)| PhaseScaling::Fixed { replicas }),
    }
}

/// The model `m` with a profile of each topology, whose pods have these GPUs.
pub(super) fn model(decode: u32, prefill: u32, unified: u32) -> Model {
    let engine = json!({"name": "vLLM", "image": "vllm/vllm-openai:v0.19.0"});
    let model = json!({
        "metadata": {"name": "m"},
        "spec": {
            "model": {"name": "m"}, "source": "HuggingFace", "huggingFace": {"repo": "org/m"}, "resources": {"vram": "1Gi"},
            "serving": [
                {"name": "disaggregated", "topology": "PrefillDecode", "engine": engine, "resources": {"gpu": decode},
                 "prefill": {"engine": engine, "resources": {"gpu": prefill}}},
                {"name": "unified", "engine": engine, "resources": {"gpu": unified}},
            ],
        },
    });
    validate_model(ModelKind::ClusterModel, &serde_json::from_value(model).unwrap()).unwrap()
}

/// A model and a deployment of it with the GPUs that its demands say.
pub(super) fn wished(name: &str, environments: usize, decode: Demand, prefill: Option<Demand>) -> (Deployment, Model) {
    (deployment(name, environments, decode, prefill), model(decode.1, prefill.map_or(1, |(_, gpus)| gpus), decode.1))
}

/// An environment with RDMA and pools of so many nodes with so many GPUs each.
pub(super) fn environment(name: &str, pools: &[(&str, u32, u32)]) -> Environment {
    let pool = |(id, nodes, gpus_per_node): &(&str, u32, u32)| Pool {
        id: (*id).to_owned(),
        named: true,
        accelerator_type: "nvidia-h200".to_owned(),
        memory: serde_json::from_value(json!("141Gi")).unwrap(),
        gpus_per_node: *gpus_per_node,
        nodes: *nodes,
        request: GpuRequest::Counted("nvidia.com/gpu".to_owned()),
        node_selector: BTreeMap::new(),
        tolerations: Vec::new(),
    };
    Environment {
        name: name.to_owned(),
        labels: BTreeMap::from([("modelplane.ai/rdma".to_owned(), "true".to_owned())]),
        deleting: false,
        availability: Availability::Schedulable,
        access: Access::Provider(format!("{name}-cluster-kubeconfig")),
        cluster: ClusterIdentity::Own(name.to_owned()),
        pools: pools.iter().map(pool).collect(),
        rdma: None,
        pod: None,
        namespace_labels: BTreeMap::new(),
        repointed: None,
        ledger: None,
    }
}

/// A selector of one label.
pub(super) fn label(key: &str, value: &str) -> LabelSelector {
    LabelSelector { match_labels: BTreeMap::from([(key.to_owned(), value.to_owned())]) }
}

/// Environments as they are looked up.
pub(super) fn environments(all: impl IntoIterator<Item = Environment>) -> Environments {
    all.into_iter().map(|environment| (environment.name.clone(), EnvironmentState::Usable(Box::new(environment)))).collect()
}

/// What another deployment holds.
pub(super) fn holding(owner: &Deployment, settled: bool, environment: &str, pool: &str, (replicas, gpus_per_replica): Demand) -> Holding {
    let charge = Charge { pool: pool.to_owned(), gpus_per_replica, replicas };
    Holding { environment: environment.to_owned(), charge, seniority: Seniority::of(owner, settled) }
}

/// Decides with everything in sight.
pub(super) fn plan(deployment: &Deployment, model: &Model, environments: &Environments, existing: &[Existing], fleet: &Fleet) -> Plan {
    let wish = Wish { deployment, model, rdma: RdmaPolicy::Pin, lint: LintPolicy::Warn };
    schedule(Situation { wish, environments, existing, missing: &[], fleet, deciding: true, explain: false })
}

/// A placement of a plan as it exists after it was applied.
pub(super) fn applied(deployment: &Deployment, placement: &Placement, before: &[Existing], ready: bool) -> Existing {
    let known = before.iter().find(|known| known.place == placement.place);
    let settled = ready || known.and_then(|known| known.record.as_ref()).is_some_and(|record| record.settled);
    let record = match &placement.action {
        Action::Freeze(_, record) => record.clone(),
        Action::Render(sizing) => Some(PlacementRecord {
            model: deployment.model_ref.clone(),
            profile: placement.profile.clone(),
            decode: sizing.decode.record(),
            prefill: sizing.prefill.as_ref().map(function_modelplane::domain::scheduling::sizing::PhaseSizing::record),
            selector: deployment.selector.clone(),
            cluster: None,
            created: deployment.created.clone(),
            settled,
            uid: None,
        }),
    };
    let accelerators = match (&placement.action, known) {
        (Action::Render(sizing), _) => {
            (Some(sizing.decode.accelerator.clone()), sizing.prefill.as_ref().map(|phase| phase.accelerator.clone()))
        }
        (Action::Freeze(..), Some(known)) => known.accelerators.clone(),
        (Action::Freeze(..), None) => (None, None),
    };
    Existing {
        slot: placement.slot.clone(),
        requested: RequestedService::default(),
        place: placement.place.clone(),
        record,
        local: known.is_some_and(|known| known.local),
        ready,
        accelerators,
    }
}

/// All placements of a plan as they exist after it was applied, none of them newly ready.
pub(super) fn apply(deployment: &Deployment, plan: &Plan, before: &[Existing]) -> Vec<Existing> {
    let ready = |placement: &Placement| before.iter().any(|known| known.place == placement.place && known.ready);
    plan.placements.iter().map(|placement| applied(deployment, placement, before, ready(placement))).collect()
}

/// Which environments a plan has, with their topologies.
pub(super) fn places(plan: &Plan) -> Vec<(String, Topology)> {
    plan.placements.iter().map(|placement| (placement.place.environment.clone(), placement.place.topology)).collect()
}
