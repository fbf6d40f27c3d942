//! Whether the phases are split over GPUs in ways that NIXL can join.

use super::phase::{Pair, PhaseEngine};
use crate::domain::engine::release::{Release, v0};
use crate::domain::engine::{attention::is_mla, connectors::Kind};
use crate::domain::finding::Code::{PipelineParallel, TpIndivisible, TpPrefillLarger};
use crate::domain::finding::Finding;

const TP: &str = "tensor-parallel-size";
const PP: &str = "pipeline-parallel-size";

/// From then on decode reads MLA's cache from one rank of prefill, however many there are.
const MLA_SINCE: Release = v0(21, 0);

/// The rules of both phases together.
pub(super) fn check_pair(pair: &Pair<'_>, findings: &mut Vec<Finding>) {
    if pair.uses_nixl() {
        check_tensor(pair, findings);
    }
    for phase in pair.both() {
        check_pipeline(phase, findings);
    }
}

fn check_tensor(pair: &Pair<'_>, findings: &mut Vec<Finding>) {
    let Some((decode, prefill)) = pair.decode.count(TP).zip(pair.prefill.count(TP)) else { return };
    let sizes = format!("the tensor parallel size is {prefill} in prefill and {decode} in decode");
    let path = pair.option(TP);
    if decode.max(prefill).checked_rem(decode.min(prefill)) != Some(0) {
        let message = format!(
            "{sizes}, so NIXL's handshake fails and {}; choose sizes of which one divides the other",
            pair.failed_handshake().effect()
        );
        findings.push(Finding::error(TpIndivisible, path, message));
    } else if prefill > decode {
        check_larger(pair, decode, &sizes, path, findings);
    }
}

/// Prefill is split further than decode.
fn check_larger(pair: &Pair<'_>, decode: u32, sizes: &str, path: String, findings: &mut Vec<Finding>) {
    let effect = pair.failed_handshake().effect();
    // The older decides where they differ.
    let release = pair.decode.release.zip(pair.prefill.release).map(|(decode, prefill)| decode.min(prefill));
    if release.is_some_and(|release| release < v0(14, 0)) {
        let message = format!(
            "{sizes}, so NIXL's handshake fails and {effect}: vLLM before 0.14 cannot gather from a larger prefill; give prefill at most {decode}"
        );
        findings.push(Finding::error(TpPrefillLarger, path, message));
        return;
    }
    if release.is_none_or(|release| release >= MLA_SINCE) && pair.both().into_iter().any(has_mla) {
        return;
    }
    let message = match release {
        None => format!(
            "{sizes}, so NIXL's handshake fails before vLLM 0.14, and later where prefill has more ranks than the model has KV heads; give prefill {decode} as in decode, or later at most that many"
        ),
        Some(release) => {
            let (ranks, most) = if release < v0(20, 0) {
                ("as many ranks as the model has KV heads, or more", "fewer")
            } else {
                ("more ranks than the model has KV heads", "at most that many")
            };
            format!(
                "{sizes}: where prefill has {ranks}, NIXL's handshake fails and {effect}; give prefill {most}, or {decode} as in decode"
            )
        }
    };
    findings.push(Finding::warning(TpPrefillLarger, path, message));
}

/// Whether arguments name an attention backend for MLA, where every rank has the whole cache.
fn has_mla(phase: &PhaseEngine<'_>) -> bool {
    phase.attention_backend().is_some_and(|backend| is_mla(&backend))
}

fn check_pipeline(phase: &PhaseEngine<'_>, findings: &mut Vec<Finding>) {
    let pulls = phase.transfer.connector().is_some_and(|connector| connector.has(Kind::Pull));
    if let Some(stages) = phase.count(PP).filter(|stages| pulls && *stages > 1) {
        let message = format!(
            "{} splits the layers over {stages} pipeline stages, which NIXL's pull connector cannot transfer; use --{TP} instead",
            phase.name()
        );
        findings.push(Finding::error(PipelineParallel, phase.option(PP), message));
    }
}
