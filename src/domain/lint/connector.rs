//! Whether both phases name connectors that meet, and that their vLLM has.

use std::collections::BTreeSet;

use super::phase::{Pair, PhaseEngine};
use crate::domain::engine::handshake::{BACKENDS_SINCE, COMPARED_SINCE, Difference, hides_failures, kills_decode};
use crate::domain::engine::transfer::{Connector, OPTION, Transfer};
use crate::domain::engine::{connectors::lacks, template_text::env_refs};
use crate::domain::finding::Code::{
    ConnectorUnknown, EngineIdPinned, HandshakeKillsDecode, HandshakeUnchecked, KvConfigInvalid, KvConnectorMismatch, KvConnectorMissing,
    NixlBackendMismatch, SilentRecompute,
};
use crate::domain::finding::Finding;

/// The rules of one phase.
pub(super) fn check_phase(phase: &PhaseEngine<'_>, findings: &mut Vec<Finding>) {
    let (name, path) = (phase.name(), phase.option(OPTION));
    if let Transfer::Invalid(problem) = phase.transfer {
        let message = format!("{name} exits at start because --{OPTION} {problem}; write one, as in {}", phase.example());
        findings.push(Finding::error(KvConfigInvalid, path.clone(), message));
    }
    let Some((release, connector)) = phase.release.zip(phase.transfer.connector()) else { return };
    for connector in connector.all().into_iter().filter(|connector| !connector.is_custom() && !connector.name().is_empty()) {
        if let Some(why) = lacks(release, connector.name()) {
            let message = format!(
                "{name} exits at start because vLLM {release} lacks {}: {why}; take another connector or image, or name its code in kv_connector_module_path",
                connector.name()
            );
            findings.push(Finding::error(ConnectorUnknown, path.clone(), message));
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
    check_unchecked(pair, findings);
    check_handshake(pair, findings);
    if let Some((decode, prefill)) = pair.decode.transfer.connector().zip(pair.prefill.transfer.connector()) {
        check_same(pair, decode, prefill, findings);
        check_backends(pair, decode, prefill, findings);
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
            "{} names no connector that transfers the KV cache, so decode silently computes every prompt again; give it {}",
            phase.name(),
            phase.example()
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
        let message = format!(
            "{names}, so only what both have transfers, and nothing where one switches off the hybrid KV cache manager; name the same connectors in both phases"
        );
        Finding::warning(KvConnectorMismatch, path, message)
    } else if !certain {
        let message = format!("{names}: unless these meet, decode computes every prompt again; name the same connector in both phases");
        Finding::warning(KvConnectorMismatch, path, message)
    } else {
        // Both ends of NIXL shake hands; any other pair ignores what it is given.
        let effect = if pair.uses_nixl() { pair.failed_handshake().effect() } else { "decode computes every prompt again" };
        Finding::error(KvConnectorMismatch, path, format!("{names}, which never meet, so {effect}; name the same connector in both phases"))
    });
}

fn check_backends(pair: &Pair<'_>, decode: &Connector, prefill: &Connector, findings: &mut Vec<Finding>) {
    let chosen = pair.both().iter().all(|phase| phase.release.is_none_or(|release| release >= BACKENDS_SINCE));
    let Some((here, there)) = decode.backends().zip(prefill.backends()).filter(|_| chosen) else { return };
    if here.is_disjoint(&there) {
        let list = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>().join(" and ");
        let message = format!(
            "NIXL has {} in prefill and {} in decode, so they share no way to move a block, and {}; name the same in backends of kv_connector_extra_config in both phases",
            list(there),
            list(here),
            pair.failed_handshake().effect()
        );
        findings.push(Finding::warning(NixlBackendMismatch, pair.option(OPTION), message));
    }
}

fn check_engine_id(phase: &PhaseEngine<'_>, findings: &mut Vec<Finding>) {
    let connectors = phase.transfer.connector().into_iter().flat_map(Connector::all);
    let mut ids = connectors.filter_map(|connector| connector.engine_id.as_deref());
    if let Some(id) = ids.find(|id| env_refs(id).is_empty()) {
        let message = format!(
            "{} keeps engine_id {id:?} when it restarts, and every pod has the same, so when prefill restarts, decode goes on with addresses that are gone and no request is answered; leave engine_id out and vLLM makes one up",
            phase.name()
        );
        findings.push(Finding::warning(EngineIdPinned, phase.option(OPTION), message));
    }
}

fn check_failure_policy(phase: &PhaseEngine<'_>, findings: &mut Vec<Finding>) {
    let hides = phase.release.is_some_and(hides_failures);
    let Some(connector) = phase.transfer.connector().filter(|_| hides) else { return };
    if connector.failure_policy.is_none() {
        let message = format!(
            "{} computes a prompt again whenever its transfer fails, and nobody sees it; set \"kv_load_failure_policy\":\"fail\" in --{OPTION}",
            phase.name()
        );
        findings.push(Finding::warning(SilentRecompute, phase.option(OPTION), message));
    }
}

fn check_handshake(pair: &Pair<'_>, findings: &mut Vec<Finding>) {
    let decode = &pair.decode;
    if let Some(release) = decode.release.filter(|release| pair.uses_nixl() && kills_decode(*release)) {
        let message = format!(
            "decode dies, with everything that it is answering, when a prefill pod is gone before decode asked it for the first time: vLLM {release} looks it up all the same; take v0.22.0 or later in both phases"
        );
        findings.push(Finding::warning(HandshakeKillsDecode, decode.field("engine.image"), message));
    }
}

/// Blocks of bfloat16 read as float16 were answered wrongly with status 200, with vLLM 0.32.0 on CPUs (`tests/e2e/serve --mistakes`).
fn check_unchecked(pair: &Pair<'_>, findings: &mut Vec<Finding>) {
    if pair.difference(COMPARED_SINCE) != Difference::Unchecked {
        return;
    }
    let off = |phase: &&PhaseEngine<'_>| phase.asks() && phase.transfer.connector().and_then(Connector::compares) == Some(false);
    for phase in pair.both().into_iter().filter(off) {
        let message = format!(
            "{} takes blocks of any vLLM, data type and attention backend, because enforce_handshake_compat is off: where these differ, answers may be wrong and have status 200; remove it from --{OPTION}",
            phase.name()
        );
        findings.push(Finding::warning(HandshakeUnchecked, phase.option(OPTION), message));
    }
}
