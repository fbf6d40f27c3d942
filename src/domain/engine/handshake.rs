//! What becomes of requests when decode does not get what prefill computed, by release of vLLM.
//!
//! Done with real engines of 0.19.0 and 0.32.0, by `tests/e2e/serve`; read in NIXL's connector and `KVTransferConfig` of 0.11.1 to 0.33.0.

use super::release::{Release, v0};
use super::transfer::Connector;

/// The releases whose decode looks up the other engine after the handshake with it failed, and dies of a `KeyError` (vllm#40993).
const DIES: (Release, Release) = (v0(11, 1), v0(22, 0));
/// The releases that compute a prompt again unless they are told to fail. Older ones know nothing else, later ones fail.
const HIDES: (Release, Release) = (v0(13, 0), v0(17, 0));

/// From then on both ends of a handshake compare a hash of their release, data types and attention backend; before, they look at sizes only.
pub(crate) const COMPARED_SINCE: Release = v0(13, 0);
/// From then on the hybrid KV cache manager is part of the hash.
pub(crate) const HYBRID_COMPARED_SINCE: Release = v0(18, 0);

/// From then on speculative decoding is part of the hash.
pub(crate) const SPECULATIVE_COMPARED_SINCE: Release = v0(28, 0);
/// From then on NIXL can be told what to move bytes with; before, it takes UCX whatever is written.
pub(crate) const BACKENDS_SINCE: Release = v0(11, 0);
/// From the first until before the second, blocks of all layers can be switched on, and are part of the hash.
pub(crate) const CROSS_LAYERS: (Release, Release) = (v0(16, 0), v0(29, 0));

/// What becomes of something that differs between both ends of a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Difference {
    /// The handshake fails.
    Refused,
    /// Nothing looks at it, because the comparison is switched off.
    Unchecked,
    /// Nobody knows.
    Unknown,
}

/// What decode does when the handshake with prefill fails, be it that prefill is gone or that their caches do not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailedHandshake {
    /// Its engine dies, with all that it is answering.
    Dies,
    /// The request fails.
    Fails,
    /// It computes the prompt itself.
    Recomputes,
    /// Nobody knows.
    Unknown,
}

impl FailedHandshake {
    /// What a release of decode does with its connector.
    pub(crate) fn of(release: Option<Release>, connector: Option<&Connector>) -> Self {
        let Some(release) = release.filter(|release| *release >= DIES.0) else { return Self::Unknown };
        if kills_decode(release) {
            return Self::Dies;
        }
        match connector.and_then(|connector| connector.failure_policy.as_deref()) {
            None | Some("fail") => Self::Fails,
            Some("recompute") => Self::Recomputes,
            Some(_) => Self::Unknown,
        }
    }

    /// What that means where every handshake fails.
    pub(crate) fn effect(self) -> &'static str {
        match self {
            Self::Dies => "decode's engine dies of the first request",
            Self::Fails => "every request fails with status 500",
            Self::Recomputes => "decode computes every prompt again",
            Self::Unknown => "every request fails, or decode computes its prompt again",
        }
    }
}

/// Whether a failed handshake kills decode.
pub(crate) fn kills_decode(release: Release) -> bool {
    (DIES.0..DIES.1).contains(&release)
}

/// Whether a release computes a prompt again, and says nothing, unless it is told to fail.
pub(crate) fn hides_failures(release: Release) -> bool {
    (HIDES.0..HIDES.1).contains(&release)
}
