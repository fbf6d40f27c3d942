//! Why a deployment is placed where it is: every environment with the checks it passed and failed, and who holds its GPUs.

use serde::Serialize;

use super::inputs::{Inputs, ModelState, situation};
use super::observed::Identity;
use super::placement::serving_identity;
use crate::api::model_deployment::Topology;
use crate::domain::engine::metrics::TransferQueries;
use crate::domain::kserve::{decode_pods, engine_pods};
use crate::domain::scheduling::placement::{Action, EnvironmentState, Placement};
use crate::domain::scheduling::schedule::{Plan, schedule};
use crate::domain::scheduling::{holdings::Fleet, ledger::Ledger, situation::Situation, trace::Checked};
use crate::domain::spec::environment::Environment;

/// One environment, as a deployment sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedEnvironment {
    /// The environment's name.
    pub environment: String,
    /// Whether the deployment has a placement there.
    pub placed: bool,
    /// What came of it, in a sentence.
    pub outcome: String,
    /// The checks in their order; empty where there was a placement before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Checked>,
    /// Its pools.
    pub pools: Vec<ExplainedPool>,
    /// What to ask the Prometheus there, to know whether the deployment disaggregates; none where it is not placed, or Unified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<TransferQueries>,
}

/// Who holds a pool's GPUs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedPool {
    /// The pool's name.
    pub pool: String,
    /// Nodes.
    pub nodes: u32,
    /// GPUs of each node.
    pub gpus_per_node: u32,
    /// GPUs in all.
    pub total: u64,
    /// GPUs that other deployments hold.
    pub held_by_others: u64,
    /// GPUs that this deployment holds, with what it is placed on now.
    pub held_by_this: u64,
    /// GPUs that are left.
    pub free: u64,
}

/// Every environment, sorted by name; empty where the model cannot be used.
pub fn explain(inputs: &Inputs) -> Vec<ExplainedEnvironment> {
    let ModelState::Usable(model) = &inputs.model else { return Vec::new() };
    let plan = schedule(Situation { explain: true, ..situation(inputs, model) });
    inputs.environments.iter().map(|(name, state)| explain_environment(inputs, &plan, name, state)).collect()
}

fn explain_environment(inputs: &Inputs, plan: &Plan, name: &str, state: &EnvironmentState) -> ExplainedEnvironment {
    let here: Vec<&Placement> = plan.placements.iter().filter(|placement| placement.place.environment == name).collect();
    let rejection = plan.decision.iter().flat_map(|decision| &decision.rejections).find(|rejection| rejection.environment == name);
    let outcome = match (here.first(), rejection) {
        (Some(placement), _) => describe_placement(placement),
        (None, Some(rejection)) => format!("rejected: {}: {}", rejection.reason.word(), rejection.reason),
        (None, None) if plan.decision.is_some() => "fits, but is not needed".to_owned(),
        (None, None) => "not looked at".to_owned(),
    };
    let checks = plan.decision.iter().filter_map(|decision| decision.checks.get(name)).flatten().cloned().collect();
    let pools = match state {
        EnvironmentState::Usable(environment) => explain_pools(environment, &inputs.fleet, &here),
        EnvironmentState::Invalid(_) => Vec::new(),
    };
    let prometheus = here.iter().find_map(|placement| transfer_queries(inputs, placement));
    ExplainedEnvironment { environment: name.to_owned(), placed: !here.is_empty(), outcome, checks, pools, prometheus }
}

fn transfer_queries(inputs: &Inputs, placement: &Placement) -> Option<TransferQueries> {
    match placement.place.topology {
        Topology::Unified => None,
        Topology::PrefillDecode => {
            let Identity { namespace, name } = serving_identity(inputs, placement)?;
            Some(TransferQueries::new(&namespace, &decode_pods(&name), &engine_pods(&name)))
        }
    }
}

fn describe_placement(placement: &Placement) -> String {
    match &placement.action {
        Action::Render(_) => format!("placed with profile {}", placement.profile),
        Action::Freeze(freeze, _) => format!("left as it is: {}: {freeze}", freeze.word()),
    }
}

fn explain_pools(environment: &Environment, fleet: &Fleet, here: &[&Placement]) -> Vec<ExplainedPool> {
    let others = fleet.ledger(environment);
    let mut own = Ledger::new(&environment.pools);
    here.iter().flat_map(|placement| placement.charges()).for_each(|charge| own.charge(&charge));
    let pool = |pool: &crate::domain::spec::environment::Pool| {
        let (total, held_by_others, held_by_this) = (others.total(&pool.id), others.held(&pool.id), own.held(&pool.id));
        ExplainedPool {
            pool: pool.id.clone(),
            nodes: pool.nodes,
            gpus_per_node: pool.gpus_per_node,
            total,
            held_by_others,
            held_by_this,
            free: total.saturating_sub(held_by_others).saturating_sub(held_by_this),
        }
    };
    environment.pools.iter().map(pool).collect()
}
