//! Whether both phases draft tokens with the same.

use super::phase::{Pair, PhaseEngine, Setting, severity_of};
use crate::domain::engine::handshake::SPECULATIVE_COMPARED_SINCE;
use crate::domain::engine::speculative::Draft;
use crate::domain::finding::Code::SpeculativeMismatch;
use crate::domain::finding::{Finding, Severity};

const OPTION: &str = "speculative-config";
/// Options for single keys of it.
const METHOD: &str = "spec-method";
const MODEL: &str = "spec-model";

/// The rules of both phases together.
pub(super) fn check_pair(pair: &Pair<'_>, findings: &mut Vec<Finding>) {
    let Some((decode, prefill)) = draft(&pair.decode).zip(draft(&pair.prefill)).filter(|_| pair.uses_nixl()) else { return };
    let given = |option: &&str| pair.both().iter().any(|phase| phase.args.is_given(option));
    let path = pair.option([OPTION, METHOD].into_iter().find(given).unwrap_or(MODEL));
    let difference = pair.difference(SPECULATIVE_COMPARED_SINCE);
    let compared = decode.is_compared() || prefill.is_compared();
    if decode.caches() != prefill.caches() {
        // Whatever is compared, both ends must have as many layers, those of a draft among them.
        let message = format!(
            "speculative decoding is {} in prefill and {} in decode, so one phase caches layers that the other lacks and {}; give both phases the same --{OPTION}",
            prefill.called(),
            decode.called(),
            pair.failed_handshake().effect()
        );
        let severity = if compared { severity_of(difference) } else { Severity::Warning };
        findings.push(Finding::new(SpeculativeMismatch, severity, path, message));
        return;
    }
    let Some((key, here, there)) = decode.differs(&prefill).filter(|_| decode.caches()) else { return };
    // What nobody sets may be the same after all.
    let unset = here.is_empty() || there.is_empty();
    let word = |value: &str| if value.is_empty() { "vLLM's choice".to_owned() } else { value.to_owned() };
    let effect = if compared { pair.effect(difference) } else { "decode drafts with blocks of another model" };
    let so = if unset { ": unless these are the same, " } else { ", so " };
    let message = format!(
        "{key} of speculative decoding is {} in prefill and {} in decode{so}{effect}; give both phases the same --{OPTION}",
        word(there),
        word(here)
    );
    let severity = if compared && !unset { severity_of(difference) } else { Severity::Warning };
    findings.push(Finding::new(SpeculativeMismatch, severity, path, message));
}

/// What a phase drafts with, if with anything; `None` where that cannot be read here.
fn draft(phase: &PhaseEngine<'_>) -> Option<Draft> {
    let [config, method, model] = [OPTION, METHOD, MODEL].map(|option| phase.setting(option));
    let read = |setting| match setting {
        Setting::Is("" | "None") | Setting::Absent | Setting::Unknown => None,
        Setting::Is(value) => Some(value),
    };
    let known = [config, method, model].iter().all(|setting| *setting != Setting::Unknown);
    Draft::read(read(config), read(method), read(model)).filter(|_| known)
}
