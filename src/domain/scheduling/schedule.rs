//! Where a deployment is placed: a pure function of what is observed.

use std::collections::BTreeSet;

use super::contention::{self, Shortage, Verdict, judge};
use super::holdings::{Fleet, Seniority};
use super::placement::{Action, Environments, Existing, Placement};
use super::retention::{Retained, retain, shrink, still_needed};
use super::search::{Decision, Search, charges_in, usable};
use super::{ledger::Charge, situation::Situation};
use crate::domain::spec::deployment::Deployment;

/// Where a deployment is placed.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Every placement that is to be, sorted by environment and topology.
    pub placements: Vec<Placement>,
    /// How the new ones were found; `None` when none was needed, or a profile of the topology breaks rules.
    pub decision: Option<Decision>,
    /// What is missing to placements that stay.
    pub shortages: Vec<Shortage>,
    /// What is missing to placements for the most replicas that an autoscaler may give them.
    pub ceilings: Vec<Shortage>,
    /// How a switch of topology goes on, where there is one.
    pub switch: Option<Switch>,
    /// Environments on whose holdings the plan relies, and of which only a sum is known.
    pub unverified: BTreeSet<String>,
}

/// A switch of topology.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// The new placements are there, the old ones stay until every new one is ready.
    UnderWay {
        /// Old placements.
        old: usize,
    },
    /// The new placements do not all fit, so nothing moves.
    Waiting {
        /// Old placements.
        old: usize,
        /// GPUs that are missing; `None` where more GPUs alone would not do.
        missing_gpus: Option<u64>,
    },
}

impl Plan {
    /// Placements that count towards what is wanted.
    pub fn staying(&self) -> usize {
        self.placements.iter().filter(|placement| !placement.is_leaving()).count()
    }

    /// Whether nothing is to be placed, replaced or given up. More replicas are rendered at once, and what is frozen for another
    /// reason than leaving stays as it is, whatever the rest of the fleet does.
    pub fn is_steady(&self, deployment: &Deployment) -> bool {
        self.staying() == deployment.environments && self.placements.len() == deployment.environments
    }
}

/// Whether the observed placements alone show that something is to be decided. Where they do not, a deployment needs
/// only its model and its own environments, until these show it.
pub fn needs_decision(deployment: &Deployment, existing: &[Existing]) -> bool {
    existing.len() != deployment.environments || existing.iter().any(|existing| existing.place.topology != deployment.topology)
}

/// Places a deployment.
pub fn schedule(situation: Situation<'_>) -> Plan {
    let Situation { wish, environments, existing, fleet, deciding, .. } = situation;
    let wanted = wish.deployment.environments;
    let mut sorted: Vec<&Existing> = existing.iter().collect();
    sorted.sort_by(|a, b| a.place.cmp(&b.place));
    let retained = sorted.into_iter().map(|placement| (placement, retain(wish, placement, existing, environments)));
    let (leaving, staying): (Vec<Retained<'_>>, Vec<Retained<'_>>) = retained.partition(|(_, placement)| placement.is_leaving());
    let Contended { staying, leaving, yielding, mut shortages } = contend(situation, staying, leaving);
    let mut relied: BTreeSet<String> = yielding.iter().map(|(_, placement)| placement.place.environment.clone()).collect();
    let staying = shrink(staying, wanted);
    shortages.retain(|shortage| staying.iter().any(|(_, placement)| placement.place.environment == shortage.environment));

    let old = leaving.iter().filter(|(existing, _)| existing.place.topology != wish.deployment.topology).count();
    let missing = wanted.saturating_sub(staying.len());
    // A broken profile is not passed over in silence for the next one.
    let blocked = !wish.model.violations_of(wish.deployment.topology).is_empty();
    let search = Search { situation, staying: &staying, leaving: &leaving, yielding };
    let (mut found, decision) = if deciding && missing > 0 && !blocked {
        let (found, decision) = search.run(missing);
        (found, Some(decision))
    } else {
        (Vec::new(), None)
    };
    relied.extend(found.iter().map(|placement| placement.place.environment.clone()));
    // A switch of topology happens as a whole or not at all.
    let complete = found.len() == missing;
    let switch = (old > 0).then(|| switch(old, complete, missing.saturating_sub(found.len()), decision.as_ref()));
    if old > 0 && !complete {
        found.clear();
    }
    let ready = staying.iter().filter(|(existing, _)| existing.ready).count();
    let mut leaving = still_needed(wish.deployment.topology, leaving, wanted.saturating_sub(ready));
    leaving.retain(|(existing, _)| !(complete && situation.gives_up(existing)));
    let kept = staying.into_iter().chain(leaving).map(|(_, placement)| placement);
    let mut placements: Vec<Placement> = kept.chain(found).collect();
    placements.sort_by(|a, b| a.place.cmp(&b.place));
    let ceilings = ceilings(environments, fleet, &placements);
    let unverified = relied.into_iter().filter(|environment| !fleet.is_verified(environment)).collect();
    Plan { placements, decision, shortages, ceilings, switch, unverified }
}

fn switch(old: usize, complete: bool, short: usize, decision: Option<&Decision>) -> Switch {
    if complete {
        return Switch::UnderWay { old };
    }
    let rejections = decision.iter().flat_map(|decision| &decision.rejections);
    let mut gaps: Vec<u64> = rejections.filter_map(|rejection| rejection.reason.missing_gpus()).collect();
    gaps.sort_unstable();
    let missing_gpus = (gaps.len() >= short).then(|| gaps.iter().take(short).fold(0, |sum: u64, gap| sum.saturating_add(*gap)));
    Switch::Waiting { old, missing_gpus }
}

/// What is missing for the most replicas of autoscaled phases.
fn ceilings(environments: &Environments, fleet: &Fleet, placements: &[Placement]) -> Vec<Shortage> {
    let mut found = Vec::new();
    for placement in placements {
        let (Action::Render(sizing), Some(environment)) = (&placement.action, usable(environments, &placement.place.environment)) else {
            continue;
        };
        if sizing.most() == sizing.charges() {
            continue;
        }
        let mut ledger = fleet.ledger(environment);
        let beside = placements
            .iter()
            .filter(|other| other.place.environment == placement.place.environment && other.place.topology != placement.place.topology);
        beside.flat_map(Placement::charges).for_each(|charge| ledger.charge(&charge));
        found.extend(contention::shortages(&environment.name, ledger, &sizing.most()));
    }
    found
}

/// Placements beside those of other deployments.
#[derive(Default)]
struct Contended<'a> {
    staying: Vec<Retained<'a>>,
    leaving: Vec<Retained<'a>>,
    /// Those that give up for others that came first.
    yielding: Vec<Retained<'a>>,
    /// What is missing to those that stay.
    shortages: Vec<Shortage>,
}

fn contend<'a>(situation: Situation<'a>, staying: Vec<Retained<'a>>, leaving: Vec<Retained<'a>>) -> Contended<'a> {
    let stand = |(existing, placement): &Retained<'_>, beside: &[Retained<'_>]| {
        let Some(environment) = usable(situation.environments, &placement.place.environment) else { return Verdict::Stays(Vec::new()) };
        let settled = existing.ready || existing.record.as_ref().is_none_or(|record| record.settled);
        let beside = beside.iter().filter(|(existing, _)| !situation.gives_up(existing));
        let beside: Vec<Charge> = charges_in(&placement.place.environment, beside).collect();
        judge(environment, situation.fleet, &Seniority::of(situation.wish.deployment, settled), &placement.charges(), &beside)
    };
    let mut contended = Contended::default();
    for placement in leaving {
        match stand(&placement, &[]) {
            Verdict::Yields => contended.yielding.push(placement),
            Verdict::Stays(_) => contended.leaving.push(placement),
        }
    }
    for placement in staying {
        // What is frozen although it is to stay is left alone whatever others do.
        let rendered = matches!(placement.1.action, Action::Render(_));
        match if rendered { stand(&placement, &contended.leaving) } else { Verdict::Stays(Vec::new()) } {
            Verdict::Yields => contended.yielding.push(placement),
            Verdict::Stays(missing) => {
                contended.shortages.extend(missing);
                contended.staying.push(placement);
            }
        }
    }
    contended
}
