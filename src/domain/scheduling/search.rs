//! The search for new placements: every environment is considered, and each that is not chosen says why.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::matching::{Candidate, match_environment, need};
use super::placement::{Action, EnvironmentState, Environments, Existing, Missing, Placement};
use super::rejection::{Reason, Rejection};
use super::trace::{Checked, Trace};
use super::{ledger::Charge, retention::Retained, situation::Situation};
use crate::api::{phase::Phase, place::Place};
use crate::domain::spec::environment::{ClusterIdentity, Environment};

/// How new placements were found.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Environments that were looked at.
    pub considered: usize,
    /// Environments that passed every check, or hold a placement already.
    pub matched: usize,
    /// The others, sorted by name.
    pub rejections: Vec<Rejection>,
    /// The checks of every environment that was looked at for a new placement, by name; empty unless somebody asked.
    pub checks: BTreeMap<String, Vec<Checked>>,
}

/// The search for new placements.
pub(super) struct Search<'a> {
    /// What is observed.
    pub(super) situation: Situation<'a>,
    /// Placements that stay.
    pub(super) staying: &'a [Retained<'a>],
    /// Placements that leave.
    pub(super) leaving: &'a [Retained<'a>],
    /// Placements that have just yielded to others.
    pub(super) yielding: Vec<Retained<'a>>,
}

impl Search<'_> {
    /// Up to `missing` new placements, the best ones first.
    pub(super) fn run(&self, missing: usize) -> (Vec<Placement>, Decision) {
        let environments = self.situation.environments;
        let occupied: BTreeSet<&str> = self.staying.iter().map(|(_, placement)| placement.place.environment.as_str()).collect();
        let mut candidates: Vec<(Candidate, &Environment)> = Vec::new();
        let mut rejections = Vec::new();
        let mut checks = BTreeMap::new();
        for (name, state) in environments.iter().filter(|(name, _)| !occupied.contains(name.as_str())) {
            let mut trace = Trace::new(self.situation.explain);
            match self.consider(name, state, &mut trace) {
                Ok(candidate) => candidates.push(candidate),
                Err(reason) => rejections.push(Rejection { environment: name.clone(), reason }),
            }
            if self.situation.explain {
                checks.insert(name.clone(), trace.checks());
            }
        }
        candidates.sort_by(|(a, _), (b, _)| {
            let was_there = |candidate: &Candidate| self.missing_in(&candidate.environment).is_some();
            let rank = |candidate: &Candidate| (!candidate.again, candidate.priority, Reverse(candidate.free_after), !was_there(candidate));
            rank(a).cmp(&rank(b)).then_with(|| a.environment.cmp(&b.environment))
        });
        let mut matched = occupied.iter().filter(|name| environments.contains_key(**name)).count();
        let mut clusters = self.clusters();
        let mut found = Vec::new();
        for (candidate, environment) in candidates {
            let holder = clusters.get(&environment.cluster).filter(|holder| **holder != candidate.environment);
            if let Some(holder) = holder {
                let reason = Reason::SameCluster { environment: holder.clone() };
                if let Some(checks) = checks.get_mut(&candidate.environment) {
                    let mut trace = Trace::new(true);
                    reason.note(None, &mut trace);
                    checks.extend(trace.checks());
                }
                rejections.push(Rejection { environment: candidate.environment, reason });
                continue;
            }
            matched = matched.saturating_add(1);
            if found.len() < missing {
                clusters.insert(environment.cluster.clone(), candidate.environment.clone());
                let Candidate { environment, profile, sizing, .. } = candidate;
                let slot = self.slot_for(&environment);
                let place = Place::new(environment, self.situation.wish.deployment.topology);
                found.push(Placement { slot, place, profile, action: Action::Render(sizing) });
            }
        }
        rejections.sort_by(|a, b| a.environment.cmp(&b.environment));
        (found, Decision { considered: environments.len(), matched, rejections, checks })
    }

    /// Whether one environment can take a placement.
    fn consider<'e>(&self, name: &str, state: &'e EnvironmentState, trace: &mut Trace) -> Result<(Candidate, &'e Environment), Reason> {
        let environment = match state {
            EnvironmentState::Invalid(environment) => {
                let reason = Reason::EnvironmentInvalid { violations: environment.violations.clone() };
                reason.note(None, trace);
                return Err(reason);
            }
            EnvironmentState::Usable(environment) => environment,
        };
        let wish = self.situation.wish;
        let mut ledger = self.situation.fleet.ledger(environment);
        let own = self.staying.iter().chain(self.leaving).filter(|(existing, _)| !self.situation.gives_up(existing));
        charges_in(name, own).for_each(|charge| ledger.charge(&charge));
        // It is gone first, and then it may come back.
        if let Some((_, placement)) = self.yielding.iter().find(|(_, placement)| placement.place.environment == name) {
            let phases = [Phase::main(placement.place.topology), Phase::Prefill].into_iter().zip(placement.charges());
            let needs = phases.map(|(phase, charge)| {
                let pools: Vec<_> = environment.pool(&charge.pool).into_iter().collect();
                need(phase, &charge, &pools, &ledger)
            });
            return Err(Reason::InsufficientGpus { profile: placement.profile.clone(), needs: needs.collect() });
        }
        match_environment(wish, environment, &ledger, self.missing_in(name), trace).map(|candidate| (candidate, environment.as_ref()))
    }

    /// What was reported there and is not seen.
    fn missing_in(&self, environment: &str) -> Option<&Missing> {
        let topology = self.situation.wish.deployment.topology;
        self.situation.missing.iter().find(|missing| missing.place.environment == environment && missing.place.topology == topology)
    }

    /// The name that the keys of a new placement go by: one with another that is there already, else the environment's, unless that is
    /// taken by one whose environment has been renamed.
    fn slot_for(&self, environment: &str) -> String {
        let placements = || self.yielding.iter().chain(self.leaving).chain(self.staying).map(|(_, placement)| placement);
        if let Some(beside) = placements().find(|placement| placement.place.environment == environment) {
            return beside.slot.clone();
        }
        let most = placements().count().saturating_add(2);
        let numbered = (2..=most).map(|number| format!("{environment}-{number}"));
        let is_free = |slot: &String| placements().all(|placement| placement.slot != *slot);
        std::iter::once(environment.to_owned()).chain(numbered).find(is_free).unwrap_or_default()
    }

    /// The clusters that have a placement, whatever has become of its environment, each with that environment's name.
    fn clusters(&self) -> BTreeMap<ClusterIdentity, String> {
        // What yields is still there until it is deleted, by name.
        let placements = self.yielding.iter().chain(self.leaving).chain(self.staying);
        placements.map(|(existing, placement)| (self.cluster_of(existing), placement.place.environment.clone())).collect()
    }

    fn cluster_of(&self, existing: &Existing) -> ClusterIdentity {
        let now = || usable(self.situation.environments, &existing.place.environment).map(|environment| environment.cluster.clone());
        // An environment may have been pointed at another cluster since.
        existing.cluster().or_else(now).unwrap_or_else(|| ClusterIdentity::Own(existing.place.environment.clone()))
    }
}

/// An environment that keeps the rules.
pub fn usable<'a>(environments: &'a Environments, name: &str) -> Option<&'a Environment> {
    match environments.get(name) {
        Some(EnvironmentState::Usable(environment)) => Some(environment),
        Some(EnvironmentState::Invalid(_)) | None => None,
    }
}

/// What placements hold in one environment.
pub(super) fn charges_in<'a>(environment: &'a str, placements: impl Iterator<Item = &'a Retained<'a>>) -> impl Iterator<Item = Charge> {
    placements.filter(move |(_, placement)| placement.place.environment == environment).flat_map(|(_, placement)| placement.charges())
}
