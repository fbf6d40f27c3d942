//! Whether both phases name connectors that meet, and that their vLLM has.

use super::phase::{Pair, PhaseEngine};
use crate::domain::engine::transfer::{Connector, EXAMPLE, OPTION, Transfer};
use crate::domain::engine::{connectors::lacks, release::v0, template_text::env_refs};
use crate::domain::finding::Code::{
    ConnectorUnknown, EngineIdPinned, KvConfigInvalid, KvConnectorMismatch, KvConnectorMissing, SilentRecompute,
};
use crate::domain::finding::Finding;

/// The rules of one phase.
pub(super) fn check_phase(phase: &PhaseEngine<'_>, findings: &mut Vec<Finding>) {
    let (name, path) = (phase.name(), phase.option(OPTION));
    if let Transfer::Invalid(problem) = phase.transfer {
        let message = format!("{name} exits at start because --{OPTION} {problem}; write one, as in {EXAMPLE}");
        findings.push(Finding::error(KvConfigInvalid, path.clone(), message));
    }
    let Some((release, connector)) = phase.release.zip(phase.transfer.connector()) else { return };
    for connector in connector.all().into_iter().filter(|connector| !connector.is_custom() && !connector.name().is_empty()) {
        if let Some(why) = lacks(release, connector.name()) {
            let message = format!(
                "{name} exits at start because vLLM {release} lacks {}: {why}; take another connector or image, or name its code in kv_connector_module_path",
                connector.name()
            );
            findings.push(Finding::warning(ConnectorUnknown, path.clone(), message));
        }
    }
}

/// The rules of both phases together.
pub(super) fn check_pair(pair: &Pair<'_>, findings: &mut Vec<Finding>) {
    for phase in pair.both() {
        check_present(phase, findings);
        check_engine_id(phase, findings);
    }
    check_failure_policy(&pair.decode, findings);
    if let Some((decode, prefill)) = pair.decode.transfer.connector().zip(pair.prefill.transfer.connector()) {
        check_same(pair, decode, prefill, findings);
    }
}

fn check_present(phase: &PhaseEngine<'_>, findings: &mut Vec<Finding>) {
    let carries = match &phase.transfer {
        Transfer::Unknown | Transfer::Invalid(_) => true,
        Transfer::Absent => false,
        Transfer::With(connector) => !connector.carriers().is_empty(),
    };
    if !carries {
        let message = format!(
            "{} names no connector that transfers the KV cache, so decode silently computes every prompt again; give both phases {EXAMPLE}",
            phase.name()
        );
        findings.push(Finding::error(KvConnectorMissing, phase.option(OPTION), message));
    }
}

fn check_same(pair: &Pair<'_>, decode: &Connector, prefill: &Connector, findings: &mut Vec<Finding>) {
    let (here, there) = (decode.protocols(), prefill.protocols());
    if here == there || here.is_empty() || there.is_empty() {
        return;
    }
    let list = |connector: &Connector| connector.carriers().iter().map(|carrier| carrier.name()).collect::<Vec<_>>().join(" and ");
    let names = format!("decode transfers with {} and prefill with {}", list(decode), list(prefill));
    // Two classes of somebody's own may be the two ends of one connector.
    let certain = decode.carriers().iter().chain(&prefill.carriers()).all(|carrier| carrier.kind().is_some());
    let path = pair.option(OPTION);
    findings.push(if !here.is_disjoint(&there) {
        let message = format!("{names}, so only what both have transfers between them; name the same connectors in both phases");
        Finding::warning(KvConnectorMismatch, path, message)
    } else if certain {
        let message = format!("{names}, which never meet, so decode computes every prompt again; name the same connector in both phases");
        Finding::error(KvConnectorMismatch, path, message)
    } else {
        let message = format!("{names}: unless these meet, decode computes every prompt again; name the same connector in both phases");
        Finding::warning(KvConnectorMismatch, path, message)
    });
}

fn check_engine_id(phase: &PhaseEngine<'_>, findings: &mut Vec<Finding>) {
    let connectors = phase.transfer.connector().into_iter().flat_map(Connector::all);
    let mut ids = connectors.filter_map(|connector| connector.engine_id.as_deref());
    if let Some(id) = ids.find(|id| env_refs(id).is_empty()) {
        let message = format!(
            "{} keeps engine_id {id:?} when it restarts, and every pod has the same, so decode reads from addresses that are gone; leave engine_id out and vLLM makes one up",
            phase.name()
        );
        findings.push(Finding::warning(EngineIdPinned, phase.option(OPTION), message));
    }
}

fn check_failure_policy(phase: &PhaseEngine<'_>, findings: &mut Vec<Finding>) {
    let hides = phase.release.is_some_and(|release| (v0(13, 0)..v0(17, 0)).contains(&release));
    let Some(connector) = phase.transfer.connector().filter(|_| hides) else { return };
    if connector.failure_policy.is_none() {
        let message = format!(
            "{} computes a prompt again whenever its transfer fails, and nobody sees it; set \"kv_load_failure_policy\":\"fail\" in --{OPTION}",
            phase.name()
        );
        findings.push(Finding::warning(SilentRecompute, phase.option(OPTION), message));
    }
}
