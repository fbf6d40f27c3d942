//! What becomes of placements that exist: each keeps its environment, profile and pools, or is left as it is; and which of
//! them are still needed.

use super::footprint::{Footprint, footprint};
use super::freeze::Freeze;
use super::matching::{Wish, quoting_violation};
use super::placement::{Action, EnvironmentState, Environments, Existing, Placement};
use super::sizing::{PhaseDemand, PhaseSizing, Sizing, phases};
use crate::api::placement_record::{PhaseRecord, PlacementRecord};
use crate::api::{inference_environment::Availability, model_deployment::Topology, place::Place};
use crate::domain::spec::environment::{Access, Environment};
use crate::domain::spec::{model::Profile, violation::join};

/// Decides about one of a deployment's placements.
pub fn retain(wish: Wish<'_>, existing: &Existing, all: &[Existing], environments: &Environments) -> Placement {
    let home = home(existing, all, environments);
    let (profile, action) = match keep(wish, existing, home) {
        Ok((profile, sizing)) => (profile, Action::Render(sizing)),
        Err(freeze) => {
            let record = existing.record.clone().or_else(|| rebuild(wish, existing, home));
            (record.as_ref().map(|record| record.profile.clone()).unwrap_or_default(), Action::Freeze(freeze, record))
        }
    };
    let environment = home.map_or(existing.place.environment.as_str(), |(name, _)| name);
    Placement { slot: existing.slot.clone(), place: Place::new(environment, existing.place.topology), profile, action }
}

/// The environment that a placement belongs to. One that was renamed has the same cluster under another name.
fn home<'a>(existing: &'a Existing, all: &[Existing], environments: &'a Environments) -> Option<(&'a str, &'a EnvironmentState)> {
    let own = environments.get(&existing.place.environment).map(|state| (existing.place.environment.as_str(), state));
    if own.is_some_and(|(_, state)| !is_deleting(state)) {
        return own;
    }
    let cluster = existing.cluster();
    let has_one = |name: &str| all.iter().any(|other| other.place.environment == name && other.place.topology == existing.place.topology);
    let renamed = environments.iter().find(|(name, state)| match state {
        EnvironmentState::Usable(environment) => {
            let is_open = !environment.deleting && environment.repointed.is_none();
            is_open && Some(&environment.cluster) == cluster.as_ref() && !has_one(name)
        }
        EnvironmentState::Invalid(_) => false,
    });
    renamed.map(|(name, state)| (name.as_str(), state)).or(own)
}

fn is_deleting(state: &EnvironmentState) -> bool {
    match state {
        EnvironmentState::Usable(environment) => environment.deleting,
        EnvironmentState::Invalid(environment) => environment.deleting,
    }
}

fn keep(wish: Wish<'_>, existing: &Existing, home: Option<(&str, &EnvironmentState)>) -> Result<(String, Sizing), Freeze> {
    if existing.place.topology != wish.deployment.topology {
        return Err(Freeze::TopologyChanged);
    }
    let environment = open_environment(home)?;
    let record = existing.record.as_ref().ok_or(Freeze::RecordGone)?;
    let selector = &wish.deployment.selector;
    // Labels that change on the environment move nothing; a selector that its owner changes does.
    if record.selector != *selector && !selector.matches(&environment.labels) {
        return Err(Freeze::SelectorChanged);
    }
    if environment.access == Access::Missing {
        return Err(Freeze::ProviderConfigGone);
    }
    // Its objects would go to the other cluster, or under another key, and what serves would be deleted.
    let elsewhere = existing.cluster().is_some_and(|cluster| cluster != environment.cluster);
    if elsewhere || environment.repointed.is_some() || (environment.access == Access::Local) != existing.local {
        return Err(Freeze::EnvironmentChanged);
    }
    let recorded = record.phases();
    if let Some(gone) = recorded.map(|phase| &phase.pool).find(|pool| environment.pool(pool).is_none()) {
        return Err(Freeze::PoolGone(gone.clone()));
    }
    choose_profile(wish, existing, record, environment)
}

/// The environment, where what is there may stay.
fn open_environment<'a>(home: Option<(&str, &'a EnvironmentState)>) -> Result<&'a Environment, Freeze> {
    let (_, state) = home.ok_or(Freeze::EnvironmentGone)?;
    let availability = match state {
        EnvironmentState::Usable(environment) => environment.availability,
        EnvironmentState::Invalid(environment) => environment.availability,
    };
    // Before what is wrong with it: a move must start while the old place still serves.
    if is_deleting(state) {
        return Err(Freeze::EnvironmentDeleting);
    }
    if availability == Availability::Draining {
        return Err(Freeze::EnvironmentDraining);
    }
    match state {
        EnvironmentState::Usable(environment) => Ok(environment),
        EnvironmentState::Invalid(environment) => Err(Freeze::EnvironmentInvalid(join(&environment.violations))),
    }
}

fn choose_profile(
    wish: Wish<'_>,
    existing: &Existing,
    record: &PlacementRecord,
    environment: &Environment,
) -> Result<(String, Sizing), Freeze> {
    let unquotable = |profile: &Profile| quoting_violation(profile, environment.rdma.as_ref());
    let mut profiles = wish.model.profiles.iter().filter(|profile| profile.topology == existing.place.topology);
    if record.model == wish.deployment.model_ref {
        let profile = profiles.find(|profile| profile.name == record.profile).ok_or(Freeze::ProfileGone)?;
        if !profile.violations.is_empty() {
            return Err(Freeze::ProfileInvalid);
        }
        if let Some(violation) = unquotable(profile) {
            return Err(Freeze::EnvironmentInvalid(violation.to_string()));
        }
        let sizing = size(wish, profile, existing, record, environment).ok_or(Freeze::ProfileGone)?;
        return Ok((profile.name.clone(), sizing));
    }
    let profiles = profiles.filter(|profile| profile.violations.is_empty() && unquotable(profile).is_none());
    let fits = |profile: &Profile, sizing: &Sizing| {
        let (decode, prefill) = phases(profile, wish.deployment);
        std::iter::once(decode).chain(prefill).zip(sizing.charges()).all(|(demand, charge)| {
            let pool = environment.pool(&charge.pool);
            pool.is_some_and(|pool| demand.accepts(pool) && charge.gpus_per_replica <= pool.gpus_per_node)
        })
    };
    let mut sized = profiles.filter_map(|profile| Some((profile, size(wish, profile, existing, record, environment)?)));
    let fitting = sized.find(|(profile, sizing)| fits(profile, sizing)).ok_or(Freeze::ModelChanged)?;
    Ok((fitting.0.name.clone(), fitting.1))
}

/// A record of what a serving object takes, without a profile: what holds GPUs counts also when nobody remembers what it was decided on.
fn rebuild(wish: Wish<'_>, existing: &Existing, home: Option<(&str, &EnvironmentState)>) -> Option<PlacementRecord> {
    let Some((_, EnvironmentState::Usable(environment))) = home else { return None };
    let Footprint { decode, prefill } = footprint(&existing.requested, (None, None), &environment.pools)?;
    Some(PlacementRecord {
        model: wish.deployment.model_ref.clone(),
        profile: String::new(),
        decode,
        prefill,
        selector: wish.deployment.selector.clone(),
        cluster: None,
        created: wish.deployment.created.clone(),
        settled: existing.ready,
        uid: None,
    })
}

/// A profile on the pools that a placement has.
fn size(wish: Wish<'_>, profile: &Profile, existing: &Existing, record: &PlacementRecord, environment: &Environment) -> Option<Sizing> {
    let (decode, prefill) = phases(profile, wish.deployment);
    let phase = |demand: &PhaseDemand<'_>, record: &PhaseRecord, accelerator: &Option<String>| {
        let sizing = demand.size_on(environment.pool(&record.pool)?)?;
        // The label sits in an immutable selector: what it was it stays, whatever the pool is called today.
        let accelerator = accelerator.clone().unwrap_or(sizing.accelerator);
        Some(PhaseSizing { accelerator, ..sizing })
    };
    let prefill = match (prefill, &record.prefill) {
        (Some(demand), Some(record)) => Some(phase(&demand, record, &existing.accelerators.1)?),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => return None,
    };
    Some(Sizing { decode: phase(&decode, &record.decode, &existing.accelerators.0)?, prefill })
}

/// A placement that exists, and what becomes of it.
pub type Retained<'a> = (&'a Existing, Placement);

/// Where fewer environments are wanted, placements that are not ready go first, then the last by name.
pub fn shrink(mut staying: Vec<Retained<'_>>, wanted: usize) -> Vec<Retained<'_>> {
    staying.sort_by_key(|(existing, _)| (!existing.ready, existing.place.environment.clone()));
    staying.truncate(wanted);
    staying
}

/// Of the placements that leave, those that serve in place of `short` others: make before break. After a switch of
/// topology all of the old one stay until every new one is ready.
pub fn still_needed(topology: Topology, mut leaving: Vec<Retained<'_>>, short: usize) -> Vec<Retained<'_>> {
    if short == 0 {
        return Vec::new();
    }
    // The first of these stay the longest: what serves, and of that what still has an environment.
    leaving.sort_by_key(|(existing, placement)| {
        let gone = matches!(placement.action, Action::Freeze(Freeze::EnvironmentGone, _));
        (!existing.ready, gone, existing.place.environment.clone())
    });
    let mut kept: usize = 0;
    leaving.retain(|(existing, _)| {
        if existing.place.topology != topology {
            return true;
        }
        kept = kept.saturating_add(1);
        kept <= short
    });
    leaving
}
