//! Every name, label key and annotation key that the function gives.

use sha2::{Digest, Sha256};

use super::kserve::SERVING_NAME_MAX;
use crate::api::{model_deployment::Topology, selector::is_dns_subdomain};

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
/// The annotation by which whoever owns an object accepts what the lint finds in it.
pub const LINT_IGNORE_ANNOTATION: &str = "modelplane.ai/lint-ignore";
/// The label by which the Workload Variant Autoscaler knows the accelerator of a phase.
pub const ACCELERATOR_LABEL: &str = "inference.optimization/acceleratorName";
/// Where the control plane keeps what serves environments.
pub const SYSTEM_NAMESPACE: &str = "modelplane-system";
/// The key of an environment's ClusterProviderConfig; Modelplane's own function uses the same.
pub const PROVIDER_CONFIG_KEY: &str = "cluster-provider-config-kubernetes";

/// What is left of [`SERVING_NAME_MAX`] for the stem that both topologies share.
const STEM_MAX: usize = SERVING_NAME_MAX - "-unified".len();
const HASH_DIGITS: usize = 8;

/// Names what one deployment has in a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stem(String);

impl Stem {
    /// The stem of a deployment's names. Where deployments of several namespaces share one (`shared_namespace`), it
    /// always carries a hash over the deployment's own namespace.
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
    pub fn serving(&self, topology: Topology) -> String {
        format!("{}-{}", self.0, suffix(topology))
    }

    /// The ServiceAccount's name.
    pub fn service_account(&self) -> String {
        format!("{}-engine", self.0)
    }

    /// The name of the Secret with the Hugging Face token, where it is a copy.
    pub fn token(&self) -> String {
        format!("{}-hf-token", self.0)
    }

    /// The name of the Secret with the account of an object store, where it is a copy.
    pub fn storage_secret(&self) -> String {
        format!("{}-storage-account", self.0)
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

/// How a topology is told apart in names and keys.
pub(super) fn suffix(topology: Topology) -> &'static str {
    match topology {
        Topology::Unified => "unified",
        Topology::PrefillDecode => "pd",
    }
}

/// The kind that Modelplane's own functions compose for a ModelDeployment: it serves.
pub const FOREIGN_PLACEMENT: &str = "ModelPlacement";

/// Characters of a label's value.
pub(super) const LABEL_VALUE_MAX: usize = 63;

/// Why a text cannot be the name of a namespace, a container or a volume.
pub fn label_name_error(name: &str) -> Option<String> {
    let fits = is_dns_subdomain(name) && !name.contains('.') && name.len() <= 63;
    (!fits).then(|| format!("is {name:?}; write 1 to 63 lower case letters, digits and '-', with a letter or digit at both ends"))
}

/// Why a text cannot be the name of most objects, such as a Secret.
pub fn object_name_error(name: &str) -> Option<String> {
    let fits = is_dns_subdomain(name) && name.len() <= 253;
    (!fits).then(|| format!("is {name:?}; write 1 to 253 lower case letters, digits, '-' and '.', with a letter or digit at both ends"))
}

/// A label value out of any text: what is not allowed becomes `-`, at most 63 characters.
pub fn label_value(text: &str) -> String {
    let mapped: String = text
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' })
        .take(LABEL_VALUE_MAX)
        .collect();
    mapped.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned()
}

/// The name of an environment's ClusterProviderConfig; Modelplane's own function gives the same.
pub fn provider_config(environment: &str) -> String {
    format!("{environment}-cluster-kubeconfig")
}
