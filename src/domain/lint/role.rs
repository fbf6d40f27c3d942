//! Whether every connector has a `kv_role` that suits its phase.

use super::phase::PhaseEngine;
use crate::api::phase::Phase;
use crate::domain::engine::transfer::{Connector, OPTION};
use crate::domain::engine::{connectors::Kind, template_text::env_refs};
use crate::domain::{finding::Code::KvRole, finding::Finding};

const ROLES: [&str; 3] = ["kv_producer", "kv_consumer", "kv_both"];

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
    let (suited, choice) = match phase.which {
        Phase::Decode => ("kv_consumer", r#""kv_consumer" or "kv_both""#),
        Phase::Prefill => ("kv_producer", r#""kv_producer" or "kv_both""#),
        Phase::Unified => ("kv_both", r#""kv_both""#),
    };
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
        Some(Kind::Pull | Kind::Push | Kind::Directed | Kind::Undirected) | None => None,
    }
}
