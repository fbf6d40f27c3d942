//! The connectors that vLLM 0.9.1 to 0.33.0 have, read off the `KVConnectorFactory` of its releases.

use super::release::{Release, v0};

/// The releases whose connectors are known.
const CHECKED: (Release, Release) = (v0(9, 1), v0(34, 0));

/// A connector that comes with vLLM.
#[derive(Clone, Copy)]
pub(crate) struct Known {
    name: &'static str,
    pub(crate) kind: Kind,
    /// Connectors that speak the same meet.
    pub(crate) protocol: &'static str,
    /// How it calls the blocks that both phases look up, where it goes by a hash that may be seeded.
    pub(crate) hashed: Option<Hashed>,
    /// The releases that have it: from one until before another.
    releases: &'static [(Release, Release)],
}

/// What a connector does, as far as the rules care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// NIXL, where decode reads from prefill. It ignores `kv_role`.
    Pull,
    /// NIXL, where prefill writes to decode. It ignores `kv_role`.
    Push,
    /// `kv_role` decides which way it carries.
    Directed,
    /// It carries both ways whatever `kv_role` says.
    Undirected,
    /// It keeps the cache with its engine.
    Local,
    /// It combines others.
    Multi,
}

/// Whose hash of a block's tokens is its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hashed {
    /// That of vLLM's prefix cache.
    ByVllm,
    /// LMCache's own: Python's, unless it is told otherwise (`lmcache/v1/token_database.py`).
    ByLmCache,
}

use Kind::{Directed, Local, Multi, Pull, Push, Undirected};

const FIRST: Release = v0(0, 0);
const LAST: Release = CHECKED.1;

const fn known_as(name: &'static str, kind: Kind, protocol: &'static str, releases: &'static [(Release, Release)]) -> Known {
    Known { name, kind, protocol, hashed: None, releases }
}

const fn stored_by(hashed: Hashed, known: Known) -> Known {
    Known { hashed: Some(hashed), ..known }
}

const KNOWN: [Known; 21] = [
    known_as("NixlConnector", Pull, "NixlConnector", &[(FIRST, LAST)]),
    known_as("NixlPullConnector", Pull, "NixlConnector", &[(v0(24, 0), LAST)]),
    known_as("NixlPushConnector", Push, "NixlPushConnector", &[(v0(24, 0), LAST)]),
    known_as("MultiConnector", Multi, "MultiConnector", &[(FIRST, LAST)]),
    stored_by(Hashed::ByVllm, known_as("OffloadingConnector", Local, "OffloadingConnector", &[(v0(11, 0), LAST)])),
    known_as("SimpleCPUOffloadConnector", Local, "SimpleCPUOffloadConnector", &[(v0(19, 0), LAST)]),
    known_as("HiSparseConnector", Local, "HiSparseConnector", &[(v0(30, 0), LAST)]),
    known_as("DecodeBenchConnector", Local, "DecodeBenchConnector", &[(v0(11, 1), LAST)]),
    known_as("ExampleHiddenStatesConnector", Local, "ExampleHiddenStatesConnector", &[(v0(17, 0), LAST)]),
    known_as("P2pNcclConnector", Directed, "P2pNcclConnector", &[(v0(9, 2), v0(24, 0))]),
    known_as("MooncakeConnector", Directed, "MooncakeConnector", &[(FIRST, v0(10, 1)), (v0(13, 0), LAST)]),
    known_as("MoRIIOConnector", Directed, "MoRIIOConnector", &[(v0(14, 0), LAST)]),
    known_as("PyNcclConnector", Directed, "PyNcclConnector", &[(FIRST, v0(10, 1))]),
    stored_by(Hashed::ByLmCache, known_as("LMCacheConnector", Directed, "LMCache", &[(FIRST, v0(10, 1))])),
    stored_by(Hashed::ByLmCache, known_as("LMCacheConnectorV1", Directed, "LMCache", &[(FIRST, LAST)])),
    known_as("LMCacheMPConnector", Undirected, "LMCache", &[(v0(11, 1), LAST)]),
    stored_by(
        Hashed::ByVllm,
        known_as("MooncakeStoreConnector", Undirected, "MooncakeStoreConnector", &[(FIRST, v0(10, 1)), (v0(21, 0), LAST)]),
    ),
    known_as("SharedStorageConnector", Undirected, "storage", &[(FIRST, v0(13, 0))]),
    known_as("ExampleConnector", Undirected, "storage", &[(v0(13, 0), LAST)]),
    known_as("FlexKVConnectorV1", Undirected, "FlexKVConnectorV1", &[(v0(18, 0), LAST)]),
    stored_by(Hashed::ByVllm, known_as("HF3FSKVConnector", Undirected, "HF3FSKVConnector", &[(v0(20, 0), LAST)])),
];

/// What is known of a connector.
pub(crate) fn known(name: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|connector| connector.name == name)
}

/// Why a release cannot load a connector; `None` when it can, or nobody knows.
pub(crate) fn lacks(release: Release, name: &str) -> Option<String> {
    if !(CHECKED.0..CHECKED.1).contains(&release) {
        return None;
    }
    let Some(connector) = known(name) else { return Some("no release up to 0.33 has it".to_owned()) };
    if connector.releases.iter().any(|(since, until)| (*since..*until).contains(&release)) {
        return None;
    }
    let ranges = connector.releases.iter().map(|(since, until)| match (*since == FIRST, *until == LAST) {
        (true, _) => format!("before {until}"),
        (false, true) => format!("from {since}"),
        (false, false) => format!("from {since} and before {until}"),
    });
    Some(format!("vLLM has it {}", ranges.collect::<Vec<_>>().join(", or ")))
}
