//! The phases of serving.

use std::fmt;

use serde::Serialize;

use super::model_deployment::Topology;

/// A phase of serving. Its pods are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// The one phase of topology Unified.
    Unified,
    /// Generates tokens.
    Decode,
    /// Computes prompts.
    Prefill,
}

impl Phase {
    /// The phase that a topology always has: its profile, scaling and sizing are called decode's.
    pub fn main(topology: Topology) -> Self {
        match topology {
            Topology::Unified => Self::Unified,
            Topology::PrefillDecode => Self::Decode,
        }
    }

    /// The word that people read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unified => "unified",
            Self::Decode => "decode",
            Self::Prefill => "prefill",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
