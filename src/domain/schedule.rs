//! Where a deployment is placed: a pure function of what is observed.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::deployment::Deployment;
use crate::domain::environment::{ClusterIdentity, Environment};
use crate::domain::ledger::Ledger;
use crate::domain::matching::{Candidate, Wish, match_environment};
use crate::domain::placement::{Action, EnvironmentState, Environments, Existing, Holding, Placement};
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::retention::retain;

/// Everything a schedule depends on.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// What is wished.
    pub wish: Wish<'a>,
    /// The environments that were looked up: all of them, or the placements' own.
    pub environments: &'a Environments,
    /// The deployment's placements.
    pub existing: &'a [Existing],
    /// What other deployments hold.
    pub others: &'a [Holding],
}

/// Where a deployment is placed.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Every placement that is to be, sorted by environment and topology.
    pub placements: Vec<Placement>,
    /// How the new ones were found; `None` when none was needed, or a profile of the topology breaks rules.
    pub decision: Option<Decision>,
}

/// How new placements were found.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Environments that were looked at.
    pub considered: usize,
    /// Environments that passed every check, or hold a placement already.
    pub matched: usize,
    /// The others, sorted by name.
    pub rejections: Vec<Rejection>,
}

impl Plan {
    /// Placements that count towards what is wanted.
    #[must_use]
    pub fn staying(&self) -> usize {
        self.placements.iter().filter(|placement| !placement.is_leaving()).count()
    }
}

/// Whether the observed placements alone show that something is to be decided. Where they do not, a deployment needs
/// only its model and its own environments.
#[must_use]
pub fn needs_decision(deployment: &Deployment, existing: &[Existing]) -> bool {
    let settled = |placement: &Existing| {
        placement.record.as_ref().is_some_and(|record| {
            let replicas = |phase: &crate::api::placement_record::PhaseRecord| phase.replicas;
            record.settled
                && record.model == deployment.model_ref
                && record.selector == deployment.selector
                && record.decode.replicas == deployment.decode.admitted_replicas()
                && record.prefill.as_ref().map(replicas)
                    == deployment.prefill.as_ref().map(super::deployment::PhaseScaling::admitted_replicas)
        })
    };
    existing.len() != deployment.environments
        || existing.iter().any(|placement| placement.topology != deployment.topology || !settled(placement))
}

/// Places a deployment.
#[must_use]
pub fn schedule(situation: Situation<'_>) -> Plan {
    let Situation { wish, environments, existing, .. } = situation;
    let wanted = wish.deployment.environments;
    let mut existing: Vec<&Existing> = existing.iter().collect();
    existing.sort_by_key(|placement| (&placement.environment, placement.topology));
    let retained: Vec<(&Existing, Placement)> =
        existing.iter().map(|placement| (*placement, retain(wish, placement, environments))).collect();
    let (leaving, staying): (Vec<_>, Vec<_>) = retained.into_iter().partition(|(_, placement)| placement.is_leaving());
    let staying = shrink(staying, wanted);
    let ready = staying.iter().filter(|(existing, _)| existing.ready).count();
    let leaving = still_needed(wish.deployment, leaving, wanted.saturating_sub(ready));
    let missing = wanted.saturating_sub(staying.len());
    let mut placements: Vec<Placement> = staying.into_iter().chain(leaving).map(|(_, placement)| placement).collect();
    // A broken profile is not passed over in silence for the next one.
    let blocked = !wish.model.violations_of(wish.deployment.topology).is_empty();
    let decision = (missing > 0 && !blocked).then(|| place(situation, &mut placements, missing));
    placements.sort_by(|a, b| (&a.environment, a.topology).cmp(&(&b.environment, b.topology)));
    Plan { placements, decision }
}

/// Where fewer environments are wanted, placements that are not ready go first, then the last by name.
fn shrink(mut staying: Vec<(&Existing, Placement)>, wanted: usize) -> Vec<(&Existing, Placement)> {
    staying.sort_by_key(|(existing, _)| (!existing.ready, existing.environment.clone()));
    staying.truncate(wanted);
    staying
}

/// Of the placements that leave, those that serve in place of `short` others: make before break. After a switch of
/// topology all of them stay until every new one is ready.
fn still_needed<'a>(deployment: &Deployment, mut leaving: Vec<(&'a Existing, Placement)>, short: usize) -> Vec<(&'a Existing, Placement)> {
    if short == 0 {
        return Vec::new();
    }
    leaving.sort_by_key(|(existing, _)| (!existing.ready, existing.environment.clone()));
    let mut kept: usize = 0;
    leaving.retain(|(existing, _)| {
        let stays = existing.topology != deployment.topology || kept < short;
        if existing.topology == deployment.topology {
            kept = kept.saturating_add(1);
        }
        stays
    });
    leaving
}

/// Adds up to `missing` new placements.
fn place(situation: Situation<'_>, placements: &mut Vec<Placement>, missing: usize) -> Decision {
    let Situation { wish, environments, others, .. } = situation;
    let mut held: BTreeMap<&str, Vec<&Holding>> = BTreeMap::new();
    for holding in others {
        held.entry(&holding.environment).or_default().push(holding);
    }
    let ours = |placement: &&Placement| placement.topology == wish.deployment.topology;
    let occupied: BTreeSet<String> = placements.iter().filter(ours).map(|placement| placement.environment.clone()).collect();
    let mut clusters = clusters_of(&occupied, environments);
    let mut candidates: Vec<(Candidate, &Environment)> = Vec::new();
    let mut rejections = Vec::new();
    for (name, state) in environments.iter().filter(|(name, _)| !occupied.contains(*name)) {
        let outcome = match state {
            EnvironmentState::Invalid(violations) => Err(Reason::EnvironmentInvalid { violations: violations.clone() }),
            EnvironmentState::Usable(environment) => {
                let mut ledger = Ledger::new(&environment.pools);
                held.get(name.as_str()).into_iter().flatten().for_each(|holding| ledger.charge(&holding.charge));
                let own = placements.iter().filter(|placement| placement.environment == *name).flat_map(Placement::charges);
                own.for_each(|charge| ledger.charge(&charge));
                match_environment(wish, environment, &ledger).map(|candidate| (candidate, environment.as_ref()))
            }
        };
        match outcome {
            Ok(candidate) => candidates.push(candidate),
            Err(reason) => rejections.push(Rejection { environment: name.clone(), reason }),
        }
    }
    candidates.sort_by_key(|(candidate, _)| (candidate.priority, std::cmp::Reverse(candidate.free_after), candidate.environment.clone()));
    let mut matched = occupied.iter().filter(|name| environments.contains_key(*name)).count();
    let mut placed: usize = 0;
    for (candidate, environment) in candidates {
        if let Some(first) = clusters.get(&environment.cluster) {
            let reason = Reason::SameCluster { environment: first.clone() };
            rejections.push(Rejection { environment: candidate.environment, reason });
            continue;
        }
        matched = matched.saturating_add(1);
        if placed < missing {
            placed = placed.saturating_add(1);
            clusters.insert(environment.cluster.clone(), candidate.environment.clone());
            let Candidate { environment, profile, sizing, .. } = candidate;
            placements.push(Placement { environment, topology: wish.deployment.topology, profile, action: Action::Render(sizing) });
        }
    }
    rejections.sort_by(|a, b| a.environment.cmp(&b.environment));
    Decision { considered: environments.len(), matched, rejections }
}

/// The clusters that have a placement, each with its environment.
fn clusters_of(occupied: &BTreeSet<String>, environments: &Environments) -> BTreeMap<ClusterIdentity, String> {
    let usable = occupied.iter().filter_map(|name| match environments.get(name) {
        Some(EnvironmentState::Usable(environment)) => Some((environment.cluster.clone(), name.clone())),
        Some(EnvironmentState::Invalid(_)) | None => None,
    });
    usable.collect()
}
