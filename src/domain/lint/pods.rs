//! Whether an engine fits into one pod: a replica is one, so no other takes its ranks, nodes or server.
//!
//! Read in `engine/arg_utils.py` and `entrypoints/cli/serve.py` of vLLM 0.9.2 to 0.33.0.

use super::phase::{PhaseEngine, Setting};
use crate::domain::engine::{options, values::integer};
use crate::domain::finding::Code::EngineSpansPods;
use crate::domain::finding::{Finding, Severity};

const SIZE: &str = "data-parallel-size";
const LOCAL: &str = "data-parallel-size-local";
const RANK: &str = "data-parallel-rank";
const EXTERNAL: &str = "data-parallel-external-lb";
const HYBRID: &str = "data-parallel-hybrid-lb";

/// The rules of one phase.
pub(super) fn check_phase(phase: &PhaseEngine<'_>, findings: &mut Vec<Finding>) {
    if phase.hidden {
        return;
    }
    for (option, severity, problem, remedy) in [headless(phase), nodes(phase), ranks(phase)].into_iter().flatten() {
        let message = format!("{} never becomes ready because {problem}, and a replica is one pod; {remedy}", phase.name());
        findings.push(Finding::new(EngineSpansPods, severity, phase.option(option), message));
    }
}

/// What makes one engine of several pods: the option, how sure that is, what is wrong, and what to do.
type Spanning = (&'static str, Severity, String, String);

fn headless(phase: &PhaseEngine<'_>) -> Option<Spanning> {
    const OPTION: &str = "headless";
    let on = knows(phase, OPTION) && phase.flag(OPTION) == Setting::Is("on");
    let problem = "with --headless it opens no port: its server would be another pod's".to_owned();
    on.then(|| (OPTION, Severity::Error, problem, "remove it".to_owned()))
}

fn nodes(phase: &PhaseEngine<'_>) -> Option<Spanning> {
    const OPTION: &str = "nnodes";
    let nodes = number(phase, OPTION).filter(|nodes| *nodes > 1)?;
    let problem = format!("with --{OPTION} {nodes} it waits for engines of other pods");
    Some((OPTION, Severity::Error, problem, "remove it and choose sizes that one pod's GPUs hold".to_owned()))
}

/// Data parallel ranks beyond the pod. One finding says it, wherever several options do.
fn ranks(phase: &PhaseEngine<'_>) -> Option<Spanning> {
    let size = if phase.setting(SIZE) == Setting::Absent { 1 } else { number(phase, SIZE)? };
    let pinned = knows(phase, RANK) && is_set(phase, RANK);
    if pinned || knows(phase, EXTERNAL) && phase.flag(EXTERNAL) == Setting::Is("on") {
        let option = if pinned { RANK } else { EXTERNAL };
        let problem = format!("with --{option} it is one rank of {size}, and the others would be other pods'");
        return (size > 1).then(|| (option, Severity::Error, problem, format!("remove it, so that one pod has all {size} ranks")));
    }
    let hybrid = knows(phase, HYBRID) && phase.flag(HYBRID) == Setting::Is("on");
    if !is_set(phase, LOCAL) {
        let problem = format!("--{HYBRID} is for ranks in several pods, and exits without --{LOCAL}");
        return hybrid.then(|| (HYBRID, Severity::Error, problem, "remove it".to_owned()));
    }
    let local = number(phase, LOCAL).filter(|local| (0..size).contains(local))?;
    let others = size.saturating_sub(local);
    let problem = format!("--{SIZE} is {size} and --{LOCAL} {local}, so {others} of its ranks would be other pods'");
    // A Ray cluster may have the others in other pods.
    let severity = if phase.leaves_to_ray() { Severity::Warning } else { Severity::Error };
    let load_balancing = if hybrid { format!(", without --{HYBRID}") } else { String::new() };
    Some((LOCAL, severity, problem, format!("set both to the ranks that one pod has GPUs for{load_balancing}")))
}

/// Whether the image's vLLM has an option: of one that it lacks another rule speaks.
fn knows(phase: &PhaseEngine<'_>, option: &str) -> bool {
    phase.release.and_then(options::read).is_none_or(|release| options::knows(option, release))
}

/// Whether an option has a value other than vLLM's word for none.
fn is_set(phase: &PhaseEngine<'_>, option: &str) -> bool {
    match phase.setting(option) {
        Setting::Absent | Setting::Is("" | "None") => false,
        Setting::Is(_) | Setting::Unknown => true,
    }
}

/// The number that an option is set to, where it can be read.
fn number(phase: &PhaseEngine<'_>, option: &str) -> Option<i64> {
    match phase.setting(option) {
        Setting::Is(value) if knows(phase, option) => integer(value),
        Setting::Is(_) | Setting::Absent | Setting::Unknown => None,
    }
}
