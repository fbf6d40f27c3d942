//! The status of a ModelDeployment.

use super::{inputs::Inputs, rendered::Rendered};
use crate::api::model_deployment_status::{ModelDeploymentStatus, ModelName, PlacementItem, Placements, RejectedEnvironment, Scheduling};
use crate::domain::scheduling::{rejection::summarize, schedule::Plan, search::Decision};
use crate::domain::spec::model::Model;

/// The status.
pub fn render_status(inputs: &Inputs, model: &Model, plan: &Plan, rendered: &[Rendered<'_>]) -> ModelDeploymentStatus {
    let items: Vec<PlacementItem> = rendered.iter().map(|rendered| rendered.item.clone()).collect();
    let ready = count(items.iter().filter(|item| item.ready).count());
    let total = count(items.len());
    ModelDeploymentStatus {
        model: Some(ModelName { name: model.name.clone() }),
        endpoint: None,
        placements: Placements { total, ready, summary: format!("{ready}/{total}"), items },
        scheduling: match &plan.decision {
            Some(decision) => Some(render_scheduling(inputs, decision)),
            None => inputs.status.scheduling.clone(),
        },
        conditions: Vec::new(),
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn render_scheduling(inputs: &Inputs, decision: &Decision) -> Scheduling {
    let most = usize::try_from(inputs.settings.max_rejections).unwrap_or(usize::MAX);
    let rejected = decision.rejections.iter().take(most).map(|rejection| RejectedEnvironment {
        environment: rejection.environment.clone(),
        reason: rejection.reason.word().to_owned(),
        message: rejection.reason.to_string(),
    });
    Scheduling {
        considered: count(decision.considered),
        matched: count(decision.matched),
        rejected_total: count(decision.rejections.len()),
        summary: summarize_decision(decision),
        rejected: rejected.collect(),
    }
}

fn summarize_decision(decision: &Decision) -> String {
    let (rejected, considered) = (decision.rejections.len(), decision.considered);
    match (considered, rejected) {
        (0, _) => "there is no InferenceEnvironment".to_owned(),
        (_, 0) => String::new(),
        _ => format!("{rejected}/{considered} environments rejected: {}", summarize(&decision.rejections)),
    }
}
