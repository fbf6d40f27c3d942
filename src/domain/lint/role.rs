//! Whether every connector has a `kv_role` that suits its phase.

use super::phase::PhaseEngine;
use crate::api::phase::Phase;
use crate::domain::engine::release::{Release, v0};
use crate::domain::engine::transfer::{Connector, OPTION};
use crate::domain::engine::{connectors::Kind, template_text::env_refs};
use crate::domain::{finding::Code::KvRole, finding::Finding};

const ROLES: [&str; 3] = ["kv_producer", "kv_consumer", "kv_both"];

/// From then on NIXL warns of `kv_both` (its `connector.py`; still taken by 0.33.0).
const BOTH_DEPRECATED_SINCE: Release = v0(23, 0);

const PCP: &str = "prefill-context-parallel-size";
/// From then on NIXL has prefill context parallelism, and refuses other roles beside it.
const PCP_PRODUCES_SINCE: Release = v0(29, 0);

/// The rules of one phase.
pub(super) fn check_phase(phase: &PhaseEngine<'_>, findings: &mut Vec<Finding>) {
    let connectors = phase.transfer.connector().map(Connector::all).unwrap_or_default();
    // Of several wrong roles, the first that makes the engine exit says enough.
    let checked: Vec<Finding> = connectors.into_iter().filter_map(|connector| check_role(phase, connector)).collect();
    let worst = checked.iter().map(|finding| finding.severity).min();
    findings.extend(checked.into_iter().find(|finding| Some(finding.severity) == worst));
}

fn check_role(phase: &PhaseEngine<'_>, connector: &Connector) -> Option<Finding> {
    let (name, carrier, path) = (phase.name(), connector.name(), phase.option(OPTION));
    let suited = match phase.which {
        Phase::Decode => "kv_consumer",
        Phase::Prefill => "kv_producer",
        Phase::Unified => "kv_both",
    };
    let nixl = matches!(connector.kind(), Some(Kind::Pull | Kind::Push));
    let choice = if nixl || phase.which == Phase::Unified { format!("{suited:?}") } else { format!("{suited:?} or \"kv_both\"") };
    let Some(role) = connector.role.as_deref() else {
        let message = format!("{name} exits at start because {carrier} has no kv_role; set it to {choice}");
        return Some(Finding::error(KvRole, path, message));
    };
    if !env_refs(role).is_empty() {
        return None;
    }
    if !ROLES.contains(&role) {
        let message = format!("{name} exits at start because kv_role of {carrier} is {role:?}; set it to {choice}");
        return Some(Finding::error(KvRole, path, message));
    }
    if nixl && role != "kv_producer" && splits_prompts(phase) {
        let remedy = if phase.which == Phase::Prefill { r#"set kv_role to "kv_producer""#.to_owned() } else { format!("remove --{PCP}") };
        let message = format!("{name} exits at start because {carrier} takes --{PCP} above 1 with no kv_role but kv_producer; {remedy}");
        return Some(Finding::error(KvRole, path, message));
    }
    let swapped = matches!((phase.which, role), (Phase::Decode, "kv_producer") | (Phase::Prefill, "kv_consumer"));
    match connector.kind() {
        Some(Kind::Local | Kind::Multi) => None,
        Some(Kind::Directed) if swapped => {
            let message = format!("{carrier} carries the wrong way with {role} in {name}, so nothing transfers; set kv_role to {suited:?}");
            Some(Finding::error(KvRole, path, message))
        }
        _ if swapped => {
            let message =
                format!("kv_role of {carrier} is {role} in {name}, which only works as long as it ignores it; set kv_role to {suited:?}");
            Some(Finding::warning(KvRole, path, message))
        }
        Some(Kind::Pull | Kind::Push) if role == "kv_both" && deprecates_both(phase) => {
            let message = format!(
                "kv_role of {carrier} is kv_both in {name}, which vLLM has deprecated since {BOTH_DEPRECATED_SINCE} and a later release will refuse; set kv_role to {suited:?}"
            );
            Some(Finding::warning(KvRole, path, message))
        }
        Some(Kind::Pull | Kind::Push | Kind::Directed | Kind::Undirected) | None => None,
    }
}

/// Whether the release warns of `kv_both`, which nothing else suits but an engine that is both phases.
fn deprecates_both(phase: &PhaseEngine<'_>) -> bool {
    phase.which != Phase::Unified && phase.release.is_some_and(|release| release >= BOTH_DEPRECATED_SINCE)
}

/// Whether ranks share a prompt in a release whose NIXL has that for producers only.
fn splits_prompts(phase: &PhaseEngine<'_>) -> bool {
    phase.count(PCP).is_some_and(|ranks| ranks > 1) && phase.release.is_some_and(|release| release >= PCP_PRODUCES_SINCE)
}
