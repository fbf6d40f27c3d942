//! Every name, label key, annotation key and resource key that the function gives.
//!
//! A resource *key* identifies a composed resource within the composition; a *name* is what the object is called.

use sha2::{Digest, Sha256};

use crate::api::model_deployment::Topology;

/// The label of an environment whose pods can use RDMA; its value must be [`RDMA_LABEL_VALUE`].
pub const RDMA_LABEL: &str = "modelplane.ai/rdma";
/// See [`RDMA_LABEL`].
pub const RDMA_LABEL_VALUE: &str = "true";
/// What our labels and annotations start with.
pub const OUR_PREFIX: &str = "modelplane.ai/";
/// The label of a serving resource that says on which environment it stands.
pub const ENVIRONMENT_LABEL: &str = "modelplane.ai/environment";
/// The annotation that holds a placement's record.
pub const PLACEMENT_ANNOTATION: &str = "modelplane.ai/placement";
/// The label by which the Workload Variant Autoscaler knows the accelerator of a phase.
pub const ACCELERATOR_LABEL: &str = "inference.optimization/acceleratorName";
/// Where the control plane keeps what serves environments.
pub const SYSTEM_NAMESPACE: &str = "modelplane-system";
/// The key under which KServe's storage initializer reads a Hugging Face token.
pub const TOKEN_KEY: &str = "HF_TOKEN";
/// The key of an environment's ClusterProviderConfig; Modelplane's own function uses the same.
pub const PROVIDER_CONFIG_KEY: &str = "cluster-provider-config-kubernetes";

/// The container that KServe's presets give the engine.
pub const ENGINE_CONTAINER: &str = "main";
/// The variables to which KServe's presets for single nodes give a value (v0.18.1 to v0.20.0).
pub const PRESET_VARIABLES: [&str; 3] = ["HF_HUB_CACHE", "HOME", "VLLM_LOGGING_LEVEL"];
/// The volume that is `/dev/shm` in them.
pub const SHARED_MEMORY_VOLUME: &str = "dshm";
/// The volumes that they have.
pub const PRESET_VOLUMES: [&str; 5] = [SHARED_MEMORY_VOLUME, "home", "model-cache", "tls-certs", "tmp-dir"];

/// KServe's child names stay unhashed up to this many characters.
const SERVING_NAME_MAX: usize = 38;
/// What is left of it for the stem that both topologies share.
const STEM_MAX: usize = SERVING_NAME_MAX - "-unified".len();
const HASH_DIGITS: usize = 8;

/// Names what one deployment has in a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stem(String);

impl Stem {
    /// The stem of a deployment's names. Where deployments of several namespaces share one (`shared_namespace`), it
    /// always carries a hash over the deployment's own namespace.
    #[must_use]
    pub fn new(namespace: &str, deployment: &str, shared_namespace: bool) -> Self {
        let clean = sanitise(deployment);
        if clean == deployment && clean.len() <= STEM_MAX && !shared_namespace && !looks_hashed(deployment) {
            return Self(clean);
        }
        let hash = if shared_namespace { hash(&[namespace, deployment]) } else { hash(&[deployment]) };
        let room = STEM_MAX.saturating_sub(HASH_DIGITS).saturating_sub(1);
        let kept: String = clean.chars().take(room).collect();
        Self(format!("{}-{hash}", kept.trim_end_matches('-')))
    }

    /// The serving object's name. It differs per topology because KServe's selectors are immutable.
    #[must_use]
    pub fn serving(&self, topology: Topology) -> String {
        format!("{}-{}", self.0, suffix(topology))
    }

    /// The ServiceAccount's name.
    #[must_use]
    pub fn service_account(&self) -> String {
        format!("{}-engine", self.0)
    }

    /// The name of the Secret with the Hugging Face token, where it is a copy.
    #[must_use]
    pub fn token(&self) -> String {
        format!("{}-hf-token", self.0)
    }
}

/// DNS-1035: lower case, starts with a letter, ends with a letter or digit.
fn sanitise(name: &str) -> String {
    let mapped: String = name.to_lowercase().chars().map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' }).collect();
    let trimmed = mapped.trim_matches('-');
    if trimmed.starts_with(|c: char| c.is_ascii_lowercase()) { trimmed.to_owned() } else { format!("m-{trimmed}") }
}

/// Whether a plain name could be taken for a hashed one.
fn looks_hashed(name: &str) -> bool {
    name.rsplit_once('-').is_some_and(|(_, tail)| tail.len() == HASH_DIGITS && tail.chars().all(|c| c.is_ascii_hexdigit()))
}

fn hash(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    let number = hasher.finalize().iter().take(HASH_DIGITS / 2).fold(0_u32, |number, byte| (number << 8) | u32::from(*byte));
    format!("{number:08x}")
}

fn suffix(topology: Topology) -> &'static str {
    match topology {
        Topology::Unified => "unified",
        Topology::PrefillDecode => "pd",
    }
}

/// The Deployment that KServe makes of a Unified serving object.
#[must_use]
pub fn engine_deployment(serving: &str) -> String {
    format!("{serving}-kserve")
}

/// The HTTPRoute that KServe makes of a serving object.
#[must_use]
pub fn route(serving: &str) -> String {
    format!("{serving}-kserve-route")
}

/// The key of one composed resource of a ModelDeployment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// An LLMInferenceService of the control plane's own cluster.
    Service(String, Topology),
    /// An Object holding an LLMInferenceService.
    ServiceObject(String, Topology),
    /// An Object holding the Namespace.
    Namespace(String),
    /// A ServiceAccount of the control plane's own cluster.
    ServiceAccount(String),
    /// An Object holding the ServiceAccount.
    ServiceAccountObject(String),
    /// An Object holding the Secret with the Hugging Face token.
    Token(String),
    /// A ScaledObject of the control plane's own cluster; the topology is Unified.
    ScaledObject(String),
    /// An Object holding the ScaledObject.
    ScaledObjectObject(String),
}

/// The kind that Modelplane's own functions compose for a ModelDeployment: it serves.
pub const FOREIGN_PLACEMENT: &str = "ModelPlacement";

/// Characters of a label's value.
const LABEL_VALUE_MAX: usize = 63;

/// Environment names that would make two keys equal.
const RESERVED_PREFIXES: [&str; 2] = ["serviceaccount-", "scaledobject-"];

/// Why an environment of this name cannot be used.
#[must_use]
pub fn environment_name_error(name: &str) -> Option<String> {
    if let Some(prefix) = RESERVED_PREFIXES.iter().find(|prefix| name.starts_with(**prefix)) {
        return Some(format!("the prefix {prefix:?} is reserved; rename the environment"));
    }
    // Serving objects carry it as a label's value.
    (name.len() > LABEL_VALUE_MAX)
        .then(|| format!("has {} characters and may have at most {LABEL_VALUE_MAX}; rename the environment", name.len()))
}

impl Key {
    /// The key of a placement's serving resource.
    #[must_use]
    pub fn serving(environment: &str, topology: Topology, local: bool) -> Self {
        if local { Self::Service(environment.to_owned(), topology) } else { Self::ServiceObject(environment.to_owned(), topology) }
    }

    /// Reads a key back; `None` when it is not one of ours.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix("llmisvc-") {
            return split_topology(rest).map(|(environment, topology)| Self::Service(environment, topology));
        }
        if let Some(rest) = text.strip_prefix("object-serviceaccount-") {
            return non_empty(rest).map(Self::ServiceAccountObject);
        }
        if let Some(rest) = text.strip_prefix("object-scaledobject-") {
            return of_unified(rest).map(Self::ScaledObjectObject);
        }
        if let Some(rest) = text.strip_prefix("object-") {
            return split_topology(rest).map(|(environment, topology)| Self::ServiceObject(environment, topology));
        }
        if let Some(rest) = text.strip_prefix("namespace-") {
            return non_empty(rest).map(Self::Namespace);
        }
        if let Some(rest) = text.strip_prefix("serviceaccount-") {
            return non_empty(rest).map(Self::ServiceAccount);
        }
        if let Some(rest) = text.strip_prefix("scaledobject-") {
            return of_unified(rest).map(Self::ScaledObject);
        }
        text.strip_prefix("token-").and_then(non_empty).map(Self::Token)
    }

    /// The environment it belongs to.
    #[must_use]
    pub fn environment(&self) -> &str {
        match self {
            Self::Service(environment, _)
            | Self::ServiceObject(environment, _)
            | Self::Namespace(environment)
            | Self::ServiceAccount(environment)
            | Self::ServiceAccountObject(environment)
            | Self::Token(environment)
            | Self::ScaledObject(environment)
            | Self::ScaledObjectObject(environment) => environment,
        }
    }

    /// Whether it is of a serving resource, which stands for its placement.
    #[must_use]
    pub fn serves(&self) -> bool {
        matches!(self, Self::Service(..) | Self::ServiceObject(..))
    }

    /// The topology; none of what an environment's placements share.
    #[must_use]
    pub fn topology(&self) -> Option<Topology> {
        match self {
            Self::Service(_, topology) | Self::ServiceObject(_, topology) => Some(*topology),
            Self::ScaledObject(_) | Self::ScaledObjectObject(_) => Some(Topology::Unified),
            Self::Namespace(_) | Self::ServiceAccount(_) | Self::ServiceAccountObject(_) | Self::Token(_) => None,
        }
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Service(environment, topology) => write!(f, "llmisvc-{environment}-{}", suffix(*topology)),
            Self::ServiceObject(environment, topology) => write!(f, "object-{environment}-{}", suffix(*topology)),
            Self::Namespace(environment) => write!(f, "namespace-{environment}"),
            Self::ServiceAccount(environment) => write!(f, "serviceaccount-{environment}"),
            Self::ServiceAccountObject(environment) => write!(f, "object-serviceaccount-{environment}"),
            Self::Token(environment) => write!(f, "token-{environment}"),
            Self::ScaledObject(environment) => write!(f, "scaledobject-{environment}-{}", suffix(Topology::Unified)),
            Self::ScaledObjectObject(environment) => write!(f, "object-scaledobject-{environment}-{}", suffix(Topology::Unified)),
        }
    }
}

fn split_topology(rest: &str) -> Option<(String, Topology)> {
    let found = [Topology::PrefillDecode, Topology::Unified].into_iter().find_map(|topology| {
        let environment = rest.strip_suffix(suffix(topology))?.strip_suffix('-')?;
        Some((environment, topology))
    });
    found.and_then(|(environment, topology)| Some((non_empty(environment)?, topology)))
}

fn of_unified(rest: &str) -> Option<String> {
    split_topology(rest).and_then(|(environment, topology)| (topology == Topology::Unified).then_some(environment))
}

fn non_empty(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// Why a text cannot be a namespace's name.
#[must_use]
pub fn namespace_error(name: &str) -> Option<String> {
    let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    let fits = plain && (1..=63).contains(&name.len()) && !name.starts_with('-') && !name.ends_with('-');
    (!fits).then(|| format!("is {name:?}; write 1 to 63 lower case letters, digits and '-', with a letter or digit at both ends"))
}

/// A label value out of any text: what is not allowed becomes `-`, at most 63 characters.
#[must_use]
pub fn label_value(text: &str) -> String {
    let mapped: String = text
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' })
        .take(LABEL_VALUE_MAX)
        .collect();
    mapped.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned()
}

/// The name of an environment's ClusterProviderConfig; Modelplane's own function gives the same.
#[must_use]
pub fn provider_config(environment: &str) -> String {
    format!("{environment}-cluster-kubeconfig")
}
