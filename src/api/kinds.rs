//! The kinds that people write: how each is named, and whether its objects have a namespace.

use super::model_deployment::ModelKind;
use super::{GROUP, inference_environment, model_deployment};

/// A kind that people write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// As manifests have it.
    pub name: &'static str,
    /// As its resource is called.
    pub plural: &'static str,
    /// Its abbreviation; empty where it has none.
    pub short: &'static str,
    /// Whether its objects have a namespace.
    pub namespaced: bool,
}

/// All of them.
pub const KINDS: [Kind; 4] = [
    Kind { name: model_deployment::KIND, plural: "modeldeployments", short: "md", namespaced: true },
    Kind { name: inference_environment::KIND, plural: "inferenceenvironments", short: "ie", namespaced: false },
    Kind { name: ModelKind::ClusterModel.as_str(), plural: "clustermodels", short: "cm", namespaced: false },
    Kind { name: ModelKind::Model.as_str(), plural: "models", short: "", namespaced: true },
];

impl Kind {
    /// What people mean by a word on a command line: the kind, its plural or its abbreviation, in any case, with the group or without.
    pub fn meant(word: &str) -> Option<&'static Self> {
        let word = word.to_lowercase();
        let word = word.strip_suffix(&format!(".{GROUP}")).unwrap_or(&word);
        KINDS.iter().find(|kind| !word.is_empty() && [&*kind.name.to_lowercase(), kind.plural, kind.short].contains(&word))
    }

    /// The kind of that name.
    pub fn of(name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.name == name)
    }
}
