//! Resource keys: what identifies a composed resource within a composition. What the object is called is its *name*.

use std::fmt;

use super::names::{LABEL_VALUE_MAX, suffix};
use crate::api::model_deployment::Topology;

/// The key of one composed resource of a ModelDeployment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The environment it belongs to, by the name it had when it was placed there.
    pub environment: String,
    /// What it is to the placement.
    pub part: Part,
    /// Whether an Object holds it, because it is on another cluster than the control plane's own.
    pub held: bool,
}

/// What a composed resource is to a placement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The LLMInferenceService, which stands for its placement.
    Serving(Topology),
    /// The Namespace; always held.
    Namespace,
    /// The ServiceAccount.
    ServiceAccount,
    /// The Secret with the Hugging Face token; always held.
    Token,
    /// The Secret with the account of an object store; always held.
    StorageSecret,
    /// The ScaledObject; the topology is Unified.
    Autoscaler,
}

impl Part {
    /// Whether the object has a `Ready` condition of its own.
    pub fn reports(self) -> bool {
        matches!(self, Self::Serving(_) | Self::Autoscaler)
    }
}

const HELD: &str = "object-";
const SERVICE_ACCOUNT: &str = "serviceaccount-";
const AUTOSCALER: &str = "scaledobject-";
/// What is composed in one place only.
const ONE_PLACE: [(&str, Part); 3] = [("namespace-", Part::Namespace), ("token-", Part::Token), ("storage-secret-", Part::StorageSecret)];

/// What an environment's name must not start with: two keys would be equal.
const RESERVED_PREFIXES: [&str; 2] = [SERVICE_ACCOUNT, AUTOSCALER];

/// Why an environment of this name cannot be used.
pub fn environment_name_error(name: &str) -> Option<String> {
    if let Some(prefix) = RESERVED_PREFIXES.iter().find(|prefix| name.starts_with(**prefix)) {
        return Some(format!("the prefix {prefix:?} is reserved; rename the environment"));
    }
    // Serving objects carry it as a label's value.
    (name.len() > LABEL_VALUE_MAX)
        .then(|| format!("has {} characters and may have at most {LABEL_VALUE_MAX}; rename the environment", name.len()))
}

impl Key {
    /// The key of a part of what a deployment has on an environment.
    pub fn new(environment: &str, part: Part, held: bool) -> Self {
        Self { environment: environment.to_owned(), part, held }
    }

    /// Reads a key back; `None` when it is not one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let (held, rest) = text.strip_prefix(HELD).map_or((false, text), |rest| (true, rest));
        let (environment, part, held) = if let Some(environment) = rest.strip_prefix(SERVICE_ACCOUNT) {
            (environment, Part::ServiceAccount, held)
        } else if let Some(placement) = rest.strip_prefix(AUTOSCALER) {
            let (environment, topology) = split_topology(placement)?;
            (topology == Topology::Unified).then_some((environment, Part::Autoscaler, held))?
        } else if let Some(placement) = if held { Some(rest) } else { rest.strip_prefix("llmisvc-") } {
            let (environment, topology) = split_topology(placement)?;
            (environment, Part::Serving(topology), held)
        } else {
            ONE_PLACE.iter().find_map(|(prefix, part)| Some((rest.strip_prefix(prefix)?, *part, true)))?
        };
        (!environment.is_empty()).then(|| Self::new(environment, part, held))
    }

    /// Whether it is of a serving resource, which stands for its placement.
    pub fn serves(&self) -> bool {
        matches!(self.part, Part::Serving(_))
    }

    /// The topology; none of what an environment's placements share.
    pub fn topology(&self) -> Option<Topology> {
        match self.part {
            Part::Serving(topology) => Some(topology),
            Part::Autoscaler => Some(Topology::Unified),
            Part::Namespace | Part::ServiceAccount | Part::Token | Part::StorageSecret => None,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { environment, part, held } = self;
        let held = if *held { HELD } else { "" };
        match part {
            Part::Serving(topology) => {
                let kind = if held.is_empty() { "llmisvc-" } else { held };
                write!(f, "{kind}{environment}-{}", suffix(*topology))
            }
            Part::ServiceAccount => write!(f, "{held}{SERVICE_ACCOUNT}{environment}"),
            Part::Autoscaler => write!(f, "{held}{AUTOSCALER}{environment}-{}", suffix(Topology::Unified)),
            Part::Namespace | Part::Token | Part::StorageSecret => {
                let prefix = ONE_PLACE.iter().find(|(_, other)| other == part).map(|(prefix, _)| *prefix).unwrap_or_default();
                write!(f, "{prefix}{environment}")
            }
        }
    }
}

fn split_topology(placement: &str) -> Option<(&str, Topology)> {
    let mut topologies = [Topology::PrefillDecode, Topology::Unified].into_iter();
    topologies.find_map(|topology| Some((placement.strip_suffix(suffix(topology))?.strip_suffix('-')?, topology)))
}
