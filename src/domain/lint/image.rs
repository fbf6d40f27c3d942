//! Whether the image can transfer, and is the same in both phases.

use super::phase::{Pair, PhaseEngine, severity_of};
use crate::domain::engine::handshake::{COMPARED_SINCE, Difference};
use crate::domain::engine::release::{Flavour, canonical, v0};
use crate::domain::engine::transfer::Connector;
use crate::domain::finding::Code::{ImageMismatch, ImageWithoutNixl};
use crate::domain::finding::Finding;

/// The rules of one phase.
pub(super) fn check_phase(phase: &PhaseEngine<'_>, findings: &mut Vec<Finding>) {
    let Some((release, flavour)) = phase.release.zip(Flavour::of(&phase.engine.image)) else { return };
    // Read in docker/Dockerfile.rocm of 0.14.0 to 0.21.0: it built NIXL for tests, and did not put it into the image.
    let (since, image) = match flavour {
        Flavour::Cuda => (v0(10, 2), "official image"),
        Flavour::Rocm => (v0(21, 0), "official ROCm image"),
    };
    if release < since && phase.transfer.connector().is_some_and(Connector::has_nixl) {
        let message = format!(
            "{} exits at start with \"NIXL is not available\" because the {image} of vLLM {release} is built without it; take v{since} or later",
            phase.name()
        );
        findings.push(Finding::error(ImageWithoutNixl, phase.field("engine.image"), message));
    }
}

/// The rules of both phases together.
pub(super) fn check_pair(pair: &Pair<'_>, findings: &mut Vec<Finding>) {
    let (decode, prefill) = (&pair.decode.engine.image, &pair.prefill.engine.image);
    if canonical(decode) == canonical(prefill) {
        return;
    }
    let path = pair.prefill.field("engine.image");
    let difference = pair.difference(COMPARED_SINCE);
    findings.push(match pair.both().map(|phase| phase.release) {
        [Some(decode), Some(prefill)] if decode != prefill && difference != Difference::Unknown => {
            let effect = pair.effect(difference);
            let message = format!("prefill runs vLLM {prefill} and decode {decode}, so {effect}; run one image in both phases");
            Finding::new(ImageMismatch, severity_of(difference), path, message)
        }
        [..] => {
            let effect = match difference {
                Difference::Unchecked => pair.effect(difference),
                Difference::Refused | Difference::Unknown => pair.failed_handshake().effect(),
            };
            let message =
                format!("prefill runs {prefill} and decode {decode}: where their vLLM differs, {effect}; run one image in both phases");
            Finding::warning(ImageMismatch, path, message)
        }
    });
}
