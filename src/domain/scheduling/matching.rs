//! Whether an environment can take a new placement, and of which profile.

use std::collections::BTreeMap;

use super::ledger::{Charge, Ledger};
use super::placement::Missing;
use super::rejection::{MissingLabel, PhaseNeed, PoolState, Reason};
use super::sizing::{PhaseDemand, Sizing, phases};
use super::trace::{Check, Trace};
use crate::api::inference_environment::{Availability, Rdma};
use crate::api::input::{LintPolicy, RdmaPolicy};
use crate::api::{model_deployment::Topology, phase::Phase, selector::LabelSelector};
use crate::domain::names::{RDMA_LABEL, RDMA_LABEL_VALUE};
use crate::domain::spec::environment::{Access, Environment, Pool};
use crate::domain::spec::model::{Model, PhaseProfile, Profile};
use crate::domain::spec::violation::{Rule, Violation};
use crate::domain::spec::{deployment::Deployment, engine_env::quote_breaking_references};

/// An environment that can take a placement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The environment's name.
    pub environment: String,
    /// The profile's place in the order of priority.
    pub priority: usize,
    /// The profile's name.
    pub profile: String,
    /// The sizing.
    pub sizing: Sizing,
    /// GPUs that stay free in the environment.
    pub free_after: u64,
    /// Whether it is the very placement that was there before.
    pub again: bool,
}

/// What a match is made for.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// The deployment.
    pub deployment: &'a Deployment,
    /// The model.
    pub model: &'a Model,
    /// Where the RDMA requirement comes from.
    pub rdma: RdmaPolicy,
    /// What the lint's findings do.
    pub lint: LintPolicy,
}

/// Matches an environment with what a deployment wishes; `ledger` is what is free there. Every check is told to `trace`. Where `missing`
/// says what was there before, that comes first.
///
/// # Errors
/// Why the environment cannot take a placement.
pub fn match_environment(
    wish: Wish<'_>,
    environment: &Environment,
    ledger: &Ledger,
    missing: Option<&Missing>,
    trace: &mut Trace,
) -> Result<Candidate, Reason> {
    check_admission(wish, environment, trace).inspect_err(|reason| reason.note(None, trace))?;
    if let Some(candidate) = missing.and_then(|missing| match_again(wish, environment, ledger, missing, trace)) {
        return Ok(candidate);
    }
    let topology = wish.deployment.topology;
    let mut closest: Option<Reason> = None;
    for (priority, profile) in eligible(wish) {
        let matched = match_profile(wish, profile, environment, ledger, None, trace);
        match matched.inspect_err(|reason| reason.note(Some(&profile.name), trace)) {
            Ok(sizing) => return Ok(candidate(environment, ledger, priority, profile, sizing)),
            // Of profiles that came equally far the first speaks.
            Err(reason) if closest.as_ref().is_none_or(|closest| closest.check() < reason.check()) => {
                closest = Some(reason);
            }
            Err(_) => {}
        }
    }
    Err(closest.unwrap_or_else(|| {
        let reason = Reason::NoProfileForTopology { topology: topology.as_str() };
        reason.note(None, trace);
        reason
    }))
}

/// The profiles that can be used for a topology, each with its place in the order of priority.
fn eligible(wish: Wish<'_>) -> impl Iterator<Item = (usize, &Profile)> {
    let topology = wish.deployment.topology;
    let profiles = wish.model.profiles.iter().enumerate();
    profiles.filter(move |(_, profile)| profile.topology == topology && profile.violations.is_empty())
}

/// The very placement that was there before, where it still fits.
fn match_again(wish: Wish<'_>, environment: &Environment, ledger: &Ledger, missing: &Missing, trace: &mut Trace) -> Option<Candidate> {
    let (priority, profile) = eligible(wish).find(|(_, profile)| profile.name == missing.profile)?;
    let again = |trace: &mut Trace| match_profile(wish, profile, environment, ledger, Some(&missing.pools), trace).ok();
    again(&mut Trace::default()).filter(|sizing| sizing.is_on(&missing.pools))?;
    let sizing = again(trace)?;
    Some(Candidate { again: true, ..candidate(environment, ledger, priority, profile, sizing) })
}

fn candidate(environment: &Environment, ledger: &Ledger, priority: usize, profile: &Profile, sizing: Sizing) -> Candidate {
    let free_after = ledger.free_in_all().saturating_sub(sizing.gpus());
    Candidate { environment: environment.name.clone(), priority, profile: profile.name.clone(), sizing, free_after, again: false }
}

/// What is asked of an environment whatever the profile.
fn check_admission(wish: Wish<'_>, environment: &Environment, trace: &mut Trace) -> Result<(), Reason> {
    if environment.deleting {
        return Err(Reason::Deleting {});
    }
    trace.passed(Check::Existence, None, || "is not being deleted".to_owned());
    if let Some(violation) = &environment.repointed {
        return Err(Reason::EnvironmentInvalid { violations: vec![violation.clone()] });
    }
    match environment.availability {
        Availability::Schedulable => {}
        Availability::Cordoned => return Err(Reason::Cordoned { draining: false }),
        Availability::Draining => return Err(Reason::Cordoned { draining: true }),
    }
    trace.passed(Check::Availability, None, || "is Schedulable".to_owned());
    match &environment.access {
        Access::Missing => return Err(Reason::NotReady {}),
        Access::Local => trace.passed(Check::Access, None, || "is the control plane's own cluster".to_owned()),
        Access::Provider(name) => trace.passed(Check::Access, None, || format!("through ClusterProviderConfig {name}")),
    }
    let namespace = &wish.deployment.namespace;
    if environment.access == Access::Local
        && let Some((needed, secret)) = wish.model.credentials.unreadable_in(namespace)
    {
        return Err(Reason::SecretElsewhere { needed, secret, namespace: namespace.clone() });
    }
    if let Some(label) = first_missing(&wish.deployment.selector, environment) {
        return Err(Reason::SelectorMismatch { label });
    }
    trace.passed(Check::Selector, None, || describe_selector(&wish.deployment.selector));
    Ok(())
}

fn match_profile(
    wish: Wish<'_>,
    profile: &Profile,
    environment: &Environment,
    ledger: &Ledger,
    before: Option<&[String]>,
    trace: &mut Trace,
) -> Result<Sizing, Reason> {
    let name = Some(profile.name.as_str());
    if wish.lint == LintPolicy::Enforce {
        let errors: Vec<Violation> = profile.errors().map(Violation::from).collect();
        if !errors.is_empty() {
            return Err(Reason::ProfileInvalid { profile: profile.name.clone(), errors });
        }
        trace.passed(Check::Lint, name, || "has no errors".to_owned());
    }
    if let Some(label) = first_missing(&profile.selector, environment) {
        return Err(Reason::ProfileSelectorMismatch { profile: profile.name.clone(), label });
    }
    trace.passed(Check::ProfileSelector, name, || describe_selector(&profile.selector));
    if profile.topology == Topology::PrefillDecode && wish.rdma == RdmaPolicy::Pin {
        let pin = LabelSelector { match_labels: BTreeMap::from([(RDMA_LABEL.to_owned(), RDMA_LABEL_VALUE.to_owned())]) };
        if let Some(label) = first_missing(&pin, environment) {
            return Err(Reason::NoRdma { profile: profile.name.clone(), label });
        }
        trace.passed(Check::Rdma, name, || describe_selector(&pin));
    }
    if let Some(violation) = quoting_violation(profile, environment.rdma.as_ref()) {
        return Err(Reason::EnvironmentInvalid { violations: vec![violation] });
    }
    let (decode, prefill) = phases(profile, wish.deployment);
    let mut pools = Vec::new();
    for phase in std::iter::once(&decode).chain(&prefill) {
        let usable = usable_pools(profile, phase, environment)?;
        trace.passed(Check::Pools, name, || describe_pools(phase, &usable));
        pools.push(usable);
    }
    let decode_pools = pools.first().cloned().unwrap_or_default();
    let sizings = combinations(&decode, &decode_pools, prefill.as_ref().zip(pools.get(1)));
    let same = sizings.iter().filter(|sizing| before.is_some_and(|pools| sizing.is_on(pools)));
    let fitting = same.chain(&sizings).find(|sizing| ledger.fits(&sizing.charges())).cloned();
    if let Some(sizing) = &fitting {
        trace.passed(Check::FreeGpus, name, || describe_sizing(sizing, ledger));
    }
    fitting.ok_or_else(|| {
        let demands = std::iter::once(&decode).chain(&prefill);
        let charges = sizings.first().map(Sizing::charges).unwrap_or_default();
        let needs = demands.zip(charges).zip(&pools).map(|((demand, charge), pools)| need(demand.phase, &charge, pools, ledger));
        Reason::InsufficientGpus { profile: profile.name.clone(), needs: needs.collect() }
    })
}

/// The environment's RDMA variables come under the engine's own, so its arguments may refer to them: one that holds a
/// single quote would end the quoting of such an argument.
pub fn quoting_violation(profile: &Profile, rdma: Option<&Rdma>) -> Option<Violation> {
    let rdma = rdma.filter(|_| profile.topology == Topology::PrefillDecode)?;
    let breaks = |phase: &PhaseProfile| quote_breaking_references(&phase.engine, &rdma.env).into_iter().next();
    let (_, name) = breaks(&profile.decode).or_else(|| profile.prefill.as_ref().and_then(breaks))?;
    let message = format!("{name} holds a single quote and an argument of profile {} refers to it; remove the quote", profile.name);
    Some(Violation::of(Rule::Template, "spec.rdma.env", message))
}

/// The pools that a phase may use.
fn usable_pools<'a>(profile: &Profile, phase: &PhaseDemand<'_>, environment: &'a Environment) -> Result<Vec<&'a Pool>, Reason> {
    let accepted: Vec<&Pool> = environment.pools.iter().filter(|pool| phase.accepts(pool)).collect();
    if accepted.is_empty() {
        if let Some((key, value)) = environment.pools.iter().filter(|pool| phase.means(pool)).find_map(|pool| phase.excluded_by(pool)) {
            let label = format!("{key}={value}");
            return Err(Reason::NodesExcluded { profile: profile.name.clone(), phase: phase.phase, label });
        }
        return Err(Reason::NoAccelerator {
            profile: profile.name.clone(),
            phase: phase.phase,
            accelerator: phase.profile.accelerator.clone(),
        });
    }
    let fitting: Vec<&Pool> =
        accepted.iter().copied().filter(|pool| phase.gpus_on(pool).is_some_and(|gpus| gpus <= pool.gpus_per_node)).collect();
    if fitting.is_empty() {
        let sizes = accepted.iter().map(|pool| (phase.gpus_on(pool).unwrap_or(u32::MAX), pool.gpus_per_node));
        let closest = sizes.min_by_key(|(needed, largest)| needed.saturating_sub(*largest));
        let (needed, largest) = closest.unwrap_or((u32::MAX, 0));
        return Err(Reason::NodeTooSmall { profile: profile.name.clone(), phase: phase.phase, needed, largest });
    }
    Ok(fitting)
}

/// Every way to put the phases on pools: fewest GPUs first, then by the pools' names.
fn combinations(decode: &PhaseDemand<'_>, decode_pools: &[&Pool], prefill: Option<(&PhaseDemand<'_>, &Vec<&Pool>)>) -> Vec<Sizing> {
    let mut sizings = Vec::new();
    for decode in decode_pools.iter().filter_map(|pool| decode.size_on(pool)) {
        match prefill {
            None => sizings.push(Sizing { decode, prefill: None }),
            Some((demand, pools)) => {
                let prefills = pools.iter().filter_map(|pool| demand.size_on(pool));
                sizings.extend(prefills.map(|prefill| Sizing { decode: decode.clone(), prefill: Some(prefill) }));
            }
        }
    }
    // The pools are sorted, and the sort is stable.
    sizings.sort_by_key(Sizing::gpus);
    sizings
}

/// What a phase needs, and what its pools have.
pub fn need(phase: Phase, charge: &Charge, pools: &[&Pool], ledger: &Ledger) -> PhaseNeed {
    let state = |pool: &&Pool| PoolState { pool: pool.id.clone(), free: ledger.free(&pool.id), total: ledger.total(&pool.id) };
    PhaseNeed { phase, replicas: charge.replicas, gpus_per_replica: charge.gpus_per_replica, pools: pools.iter().map(state).collect() }
}

fn first_missing(selector: &LabelSelector, environment: &Environment) -> Option<MissingLabel> {
    let mismatch = selector.missing(&environment.labels).into_iter().next()?;
    Some(MissingLabel { key: mismatch.key.to_owned(), wanted: mismatch.wanted.to_owned(), actual: mismatch.actual.map(str::to_owned) })
}

fn describe_selector(selector: &LabelSelector) -> String {
    let labels: Vec<String> = selector.match_labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    if labels.is_empty() { "asks for no label".to_owned() } else { format!("has {}", labels.join(", ")) }
}

fn describe_pools(phase: &PhaseDemand<'_>, pools: &[&Pool]) -> String {
    let pool =
        |pool: &&Pool| format!("{} (needs {} of {} GPUs on a node)", pool.id, phase.gpus_on(pool).unwrap_or(u32::MAX), pool.gpus_per_node);
    format!("{} can run on {}", phase.phase, pools.iter().map(pool).collect::<Vec<_>>().join(", "))
}

fn describe_sizing(sizing: &Sizing, ledger: &Ledger) -> String {
    let phase = |charge: &Charge| {
        let (free, total) = (ledger.free(&charge.pool), ledger.total(&charge.pool));
        format!("{} x {} GPUs on {} ({free} of {total} free)", charge.replicas, charge.gpus_per_replica, charge.pool)
    };
    format!("needs {}", sizing.charges().iter().map(phase).collect::<Vec<_>>().join(" and "))
}
