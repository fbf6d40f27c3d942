//! What is wrong with a model's engine arguments, images and resources that only shows at run time, often as silence.
//!
//! Checked against the sources of vLLM 0.9.1 to 0.33.0. Nothing here rewrites anything, and what cannot be read here — a `$(VAR)`, a
//! `--config`, `VLLM_ADDITIONAL_ARGS`, an image that is not vLLM's own — is not guessed: a rule then says nothing, or only what holds for
//! every release. Rules that a spec breaks on its face are the validators'; `Finding::from` lists them beside these.

mod arguments;
mod cache;
mod connector;
mod exits;
mod gpus;
mod image;
mod keys;
mod network;
mod options;
mod parallelism;
mod phase;
mod pods;
mod role;
mod speculative;
mod variables;
mod weights;

pub use crate::domain::finding::{Code, Finding, Severity};

use crate::api::model::{ModelSpec, ServingProfile};
use crate::api::{model_deployment::Topology, phase::Phase};
use crate::domain::spec::{environment::Environment, model::Model};
use phase::{Pair, PhaseEngine};

/// The model of a spec, with what the rules find in each of its profiles.
pub fn linted(mut model: Model, spec: &ModelSpec) -> Model {
    for (index, (profile, written)) in model.profiles.iter_mut().zip(&spec.serving).enumerate() {
        profile.findings = lint_profile(index, spec, written);
    }
    model
}

/// What the rules find in a model: profile by profile, each in the order of [`Code::ALL`].
pub fn lint_model(spec: &ModelSpec) -> Vec<Finding> {
    spec.serving.iter().enumerate().flat_map(|(index, profile)| lint_profile(index, spec, profile)).collect()
}

/// What the rules find in the profile at `index` of a model's `serving`.
pub fn lint_profile(index: usize, spec: &ModelSpec, profile: &ServingProfile) -> Vec<Finding> {
    let mut findings = Vec::new();
    match phases(index, profile) {
        Phases::One(phase) => check_phase(&phase, spec, &mut findings),
        Phases::Two(pair) => {
            for phase in pair.both() {
                check_phase(phase, spec, &mut findings);
            }
            connector::check_pair(&pair, &mut findings);
            image::check_pair(&pair, &mut findings);
            cache::check_pair(&pair, &mut findings);
            speculative::check_pair(&pair, &mut findings);
            parallelism::check_pair(&pair, &mut findings);
            network::check_pair(&pair, &mut findings);
            variables::check_pair(&pair, &mut findings);
        }
    }
    // What is the whole model's is said once, and profiles are what findings are kept with.
    if index == 0 {
        weights::check_model(spec, &mut findings);
    }
    if profile.topology == Topology::PrefillDecode {
        network::check_selector(&format!("spec.serving[{index}]"), profile, &mut findings);
    }
    in_order(findings)
}

/// What the rules find in a model's profiles on the pools of those environments that a profile asks for.
pub fn lint_model_on(spec: &ModelSpec, environments: &[Environment]) -> Vec<Finding> {
    spec.serving.iter().enumerate().flat_map(|(index, profile)| lint_profile_on(index, spec, profile, environments)).collect()
}

/// What the rules find in the profile at `index` of a model's `serving` on the pools of those environments that it asks for.
pub fn lint_profile_on(index: usize, spec: &ModelSpec, profile: &ServingProfile, environments: &[Environment]) -> Vec<Finding> {
    let selects =
        |environment: &&Environment| profile.environment_selector.as_ref().is_none_or(|selector| selector.matches(&environment.labels));
    let mut wanted: Vec<&Environment> = environments.iter().filter(selects).collect();
    wanted.sort_by(|a, b| a.name.cmp(&b.name));
    let phases = phases(index, profile);
    let mut findings = Vec::new();
    for phase in phases.each() {
        gpus::check_on(phase, &spec.resources.vram, &wanted, &mut findings);
        network::check_on(phase, &wanted, &mut findings);
        variables::check_on(phase, &wanted, &mut findings);
    }
    in_order(findings)
}

/// What the rules find in an environment. Paths are those of the environment's own fields.
pub fn lint_environment(environment: &Environment) -> Vec<Finding> {
    let mut findings = Vec::new();
    network::check_environment(environment, &mut findings);
    findings
}

fn check_phase(phase: &PhaseEngine<'_>, spec: &ModelSpec, findings: &mut Vec<Finding>) {
    arguments::check_phase(phase, &spec.model.name, findings);
    options::check_phase(phase, findings);
    connector::check_phase(phase, findings);
    keys::check_phase(phase, findings);
    role::check_phase(phase, findings);
    image::check_phase(phase, findings);
    pods::check_phase(phase, findings);
    gpus::check_phase(phase, findings);
    variables::check_phase(phase, findings);
}

/// The phases of a profile.
enum Phases<'a> {
    One(Box<PhaseEngine<'a>>),
    Two(Box<Pair<'a>>),
}

impl<'a> Phases<'a> {
    fn each(&self) -> Vec<&PhaseEngine<'a>> {
        match self {
            Self::One(phase) => vec![phase],
            Self::Two(pair) => vec![&pair.decode, &pair.prefill],
        }
    }
}

fn phases(index: usize, profile: &ServingProfile) -> Phases<'_> {
    let path = format!("spec.serving[{index}]");
    let main = |role| PhaseEngine::new(role, path.clone(), &profile.engine, profile.resources.as_ref());
    match &profile.prefill {
        Some(prefill) if profile.topology == Topology::PrefillDecode => {
            let prefill = PhaseEngine::new(Phase::Prefill, format!("{path}.prefill"), &prefill.engine, Some(&prefill.resources));
            Phases::Two(Box::new(Pair { decode: main(Phase::Decode), prefill }))
        }
        _ if profile.topology == Topology::PrefillDecode => Phases::One(Box::new(main(Phase::Decode))),
        _ => Phases::One(Box::new(main(Phase::Unified))),
    }
}

/// By rule; within one, decode before prefill.
fn in_order(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by_key(|finding| finding.code);
    findings
}
