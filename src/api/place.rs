//! What a placement is known by.

use std::fmt;

use super::model_deployment::Topology;

/// An environment with a topology: a deployment has at most one placement there.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The environment's name.
    pub environment: String,
    /// The topology.
    pub topology: Topology,
}

impl Place {
    /// A place.
    pub fn new(environment: impl Into<String>, topology: Topology) -> Self {
        Self { environment: environment.into(), topology }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.environment, self.topology.as_str())
    }
}
