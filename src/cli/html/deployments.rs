//! Deployments as the page shows them: placements, rejections, conditions and checks.

use std::collections::{BTreeMap, BTreeSet};

use super::fleet::{EnvironmentView, phases};
use super::tally::{Tally, Use};
use crate::api::model_deployment_status::{PhaseItem, PlacementItem};
use crate::cli::plane::{control_plane::status_word, session::Previewed};
use crate::compose::explanation::ExplainedEnvironment;
use crate::domain::scheduling::trace::Checked;
use crate::function::proto::Condition;

/// A deployment.
#[derive(Debug)]
pub(crate) struct DeploymentView<'a> {
    pub(crate) number: usize,
    pub(crate) name: String,
    pub(crate) model: &'a str,
    pub(crate) topology: &'static str,
    pub(crate) placed: bool,
    pub(crate) message: &'a str,
    pub(crate) wanted: usize,
    pub(crate) total: u32,
    pub(crate) ready: u32,
    pub(crate) gpus: u64,
    pub(crate) rejected: u32,
    /// Rejected environments that are not listed.
    pub(crate) unlisted: u32,
    pub(crate) placements: Vec<PlacementView<'a>>,
    pub(crate) rejections: Vec<RejectionView<'a>>,
    pub(crate) conditions: Vec<ConditionView<'a>>,
    pub(crate) explained: Vec<ExplainedView<'a>>,
}

impl DeploymentView<'_> {
    /// Whether the message is more than the numbers that are shown anyway.
    pub(crate) fn says_more(&self) -> bool {
        self.message != format!("{}/{} placed", self.total, self.wanted)
    }
}

/// One environment and topology that serves a deployment.
#[derive(Debug)]
pub(crate) struct PlacementView<'a> {
    pub(crate) item: &'a PlacementItem,
    /// The environment's number on the page.
    pub(crate) environment: usize,
    pub(crate) phases: Vec<PhaseView<'a>>,
    pub(crate) pools: Vec<PoolShares<'a>>,
}

/// One phase of a placement.
#[derive(Debug)]
pub(crate) struct PhaseView<'a> {
    pub(crate) purpose: Use,
    pub(crate) pool: &'a str,
    /// "2", or "1–3" where an autoscaler decides.
    pub(crate) replicas: String,
    pub(crate) gpus_each: u32,
    pub(crate) gpus: u64,
    pub(crate) ready: String,
}

/// A pool as one deployment sees it: its own, others', free.
#[derive(Debug)]
pub(crate) struct PoolShares<'a> {
    pub(crate) pool: &'a str,
    pub(crate) tally: Tally,
}

/// An environment that was turned down.
#[derive(Debug)]
pub(crate) struct RejectionView<'a> {
    pub(crate) name: &'a str,
    /// The environment's number on the page.
    pub(crate) environment: usize,
    pub(crate) reason: &'a str,
    pub(crate) message: &'a str,
}

/// A condition of the deployment.
#[derive(Debug)]
pub(crate) struct ConditionView<'a> {
    pub(crate) kind: &'a str,
    pub(crate) status: &'static str,
    pub(crate) reason: &'a str,
    pub(crate) message: &'a str,
}

/// Environments with the same outcome; the checks of the one there is.
#[derive(Debug)]
pub(crate) struct ExplainedView<'a> {
    pub(crate) outcome: &'a str,
    pub(crate) environments: Vec<&'a str>,
    /// Environments that are not listed.
    pub(crate) unlisted: usize,
    pub(crate) checks: &'a [Checked],
}

/// The most checks that a page shows: some two megabytes.
const MOST_CHECKS: usize = 15_000;
/// The most environments of one outcome that are named.
const MOST_NAMES: usize = 100;

/// Every deployment, numbered from 1.
pub(crate) fn deployments<'a>(previewed: &'a [Previewed], environments: &[EnvironmentView]) -> Vec<DeploymentView<'a>> {
    let known: BTreeMap<&str, &EnvironmentView> = environments.iter().map(|view| (view.name.as_str(), view)).collect();
    let checks = previewed.iter().flat_map(|previewed| &previewed.explained).map(|explained| explained.checks.len());
    let with_checks = checks.fold(0, usize::saturating_add) <= MOST_CHECKS;
    previewed.iter().enumerate().map(|(index, previewed)| view(index.saturating_add(1), previewed, &known, with_checks)).collect()
}

fn view<'a>(number: usize, previewed: &'a Previewed, known: &BTreeMap<&str, &EnvironmentView>, with_checks: bool) -> DeploymentView<'a> {
    let status = &previewed.reported.status;
    let placements: Vec<PlacementView<'_>> = status.placements.items.iter().map(|item| view_placement(number, item, known)).collect();
    let id = |name: &str| known.get(name).map(|view| view.id).unwrap_or_default();
    let rejected = status.scheduling.iter().flat_map(|scheduling| &scheduling.rejected);
    let rejections: Vec<RejectionView<'_>> = rejected
        .map(|rejected| RejectionView {
            name: &rejected.environment,
            environment: id(&rejected.environment),
            reason: &rejected.reason,
            message: &rejected.message,
        })
        .collect();
    let total = status.scheduling.as_ref().map(|scheduling| scheduling.rejected_total).unwrap_or_default();
    DeploymentView {
        number,
        name: previewed.key.full_name(),
        model: status.model.as_ref().map(|model| model.name.as_str()).unwrap_or_default(),
        topology: previewed.deployment.topology.as_str(),
        placed: previewed.is_placed(),
        message: previewed.message(),
        wanted: previewed.deployment.environments,
        total: status.placements.total,
        ready: status.placements.ready,
        gpus: placements.iter().flat_map(|placement| &placement.phases).fold(0, |sum: u64, phase| sum.saturating_add(phase.gpus)),
        rejected: total,
        unlisted: total.saturating_sub(u32::try_from(rejections.len()).unwrap_or(u32::MAX)),
        placements,
        rejections,
        conditions: previewed.response.conditions.iter().map(view_condition).collect(),
        explained: if with_checks { each(&previewed.explained) } else { by_outcome(&previewed.explained) },
    }
}

fn view_placement<'a>(number: usize, item: &'a PlacementItem, known: &BTreeMap<&str, &EnvironmentView>) -> PlacementView<'a> {
    let environment = known.get(item.environment.as_str());
    let own: Vec<&PhaseItem> = item.phases().collect();
    let phases = phases(item).into_iter().zip(&own).map(|((which, charge), phase)| PhaseView {
        purpose: Use::Of(which),
        pool: &phase.pool,
        replicas: phase.max_replicas.map_or_else(|| phase.replicas.to_string(), |most| format!("{}–{most}", phase.replicas)),
        gpus_each: phase.gpus_per_replica,
        gpus: charge.gpus(),
        ready: match (phase.ready, phase.ready_replicas) {
            (true, None) => "yes".to_owned(),
            (false, None) => "no".to_owned(),
            (ready, Some(serving)) => format!("{}, {serving} serve", if ready { "yes" } else { "no" }),
        },
    });
    let pools: BTreeSet<&str> = own.iter().map(|phase| phase.pool.as_str()).collect();
    let shares = |pool: &'a str| Some(PoolShares { pool, tally: seen_by(number, environment?, pool)? });
    PlacementView {
        item,
        environment: environment.map(|view| view.id).unwrap_or_default(),
        phases: phases.collect(),
        pools: pools.into_iter().filter_map(shares).collect(),
    }
}

/// Who holds a pool, where everybody but one deployment is other.
fn seen_by(number: usize, environment: &EnvironmentView, pool: &str) -> Option<Tally> {
    let mut tally = Tally::of(environment.pool(pool)?.tally.total);
    for holder in environment.holders.iter().filter(|holder| holder.charge.pool == pool) {
        let purpose = if holder.number == Some(number) { holder.purpose } else { Use::Other };
        tally.add(purpose, holder.charge.gpus());
    }
    Some(tally)
}

fn view_condition(condition: &Condition) -> ConditionView<'_> {
    ConditionView { kind: &condition.r#type, status: status_word(condition), reason: &condition.reason, message: condition.message() }
}

fn each<'a>(explained: &'a [ExplainedEnvironment]) -> Vec<ExplainedView<'a>> {
    let view = |ExplainedEnvironment { environment, outcome, checks, .. }: &'a ExplainedEnvironment| ExplainedView {
        outcome,
        environments: vec![environment.as_str()],
        unlisted: 0,
        checks,
    };
    explained.iter().map(view).collect()
}

/// The most frequent outcome first.
fn by_outcome(explained: &[ExplainedEnvironment]) -> Vec<ExplainedView<'_>> {
    let mut outcomes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for ExplainedEnvironment { environment, outcome, .. } in explained {
        outcomes.entry(outcome).or_default().push(environment);
    }
    let mut views: Vec<ExplainedView<'_>> = outcomes
        .into_iter()
        .map(|(outcome, mut environments)| {
            let unlisted = environments.len().saturating_sub(MOST_NAMES);
            environments.truncate(MOST_NAMES);
            ExplainedView { outcome, environments, unlisted, checks: &[] }
        })
        .collect();
    views.sort_by_key(|view| std::cmp::Reverse(view.environments.len().saturating_add(view.unlisted)));
    views
}

/// Every number that the deployments need as a width.
pub(crate) fn widths(deployments: &[DeploymentView<'_>]) -> BTreeSet<u64> {
    let placements = deployments.iter().flat_map(|deployment| &deployment.placements);
    let shares = placements.flat_map(|placement| &placement.pools).flat_map(|pool| pool.tally.shares());
    shares.map(|share| share.gpus).collect()
}
