//! Whether the phases are split over GPUs in ways that NIXL can join.

use super::phase::{Pair, PhaseEngine};
use crate::domain::engine::{connectors::Kind, release::v0};
use crate::domain::finding::Code::{PipelineParallel, TpIndivisible, TpPrefillLarger};
use crate::domain::finding::Finding;

const TP: &str = "tensor-parallel-size";
const PP: &str = "pipeline-parallel-size";

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
    } else if prefill > decode && pair.release().is_some_and(|release| release < v0(14, 0)) {
        let message = format!(
            "{sizes}, so NIXL's handshake fails and {}: vLLM before 0.14 cannot gather from a larger prefill; give prefill at most {decode}",
            pair.failed_handshake().effect()
        );
        findings.push(Finding::error(TpPrefillLarger, path, message));
    } else if prefill > decode {
        let message = format!(
            "{sizes}, so NIXL's handshake fails before vLLM 0.14, and later where prefill has more ranks than the model has KV heads; give prefill at most {decode}"
        );
        findings.push(Finding::warning(TpPrefillLarger, path, message));
    }
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
