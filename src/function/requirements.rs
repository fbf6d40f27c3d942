//! What a decision needs to see, and what has been fetched of it.

use std::collections::BTreeMap;

use crate::api::model_deployment::{ModelKind, ModelRef};
use crate::api::{API_VERSION, inference_environment, model_deployment};
use crate::function::proto::resource_selector::Match;
use crate::function::proto::{MatchLabels, Resource, ResourceSelector, RunFunctionRequest};

/// The key of the model.
pub(crate) const MODEL: &str = "model";
/// The key of all environments.
pub(crate) const ENVIRONMENTS: &str = "environments";
/// The key of all deployments.
pub(crate) const DEPLOYMENTS: &str = "deployments";

/// Selections of existing resources.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Requirements {
    /// By key.
    pub(crate) selectors: BTreeMap<String, ResourceSelector>,
    /// Whether everything was asked for only after a look at the model and the placements' own environments.
    pub(crate) widened: bool,
}

impl Requirements {
    /// The model of a deployment.
    pub(crate) fn require_model(&mut self, reference: &ModelRef, namespace: &str) {
        let namespace = (reference.kind == ModelKind::Model).then(|| namespace.to_owned());
        let selector = select(reference.kind.as_str(), Match::MatchName(reference.name.clone()), namespace);
        self.selectors.insert(MODEL.to_owned(), selector);
    }

    /// One environment by name.
    pub(crate) fn require_environment(&mut self, name: &str) {
        self.selectors.insert(environment_key(name), select(inference_environment::KIND, Match::MatchName(name.to_owned()), None));
    }

    /// Every environment, and every deployment in every namespace: an empty label selector matches all.
    pub(crate) fn require_everything(&mut self) {
        for (key, kind) in [(ENVIRONMENTS, inference_environment::KIND), (DEPLOYMENTS, model_deployment::KIND)] {
            let all = Match::MatchLabels(MatchLabels { labels: BTreeMap::new() });
            self.selectors.insert(key.to_owned(), select(kind, all, None));
        }
    }

    /// Whether all of it has been fetched, found or not.
    pub(crate) fn are_resolved(&self, request: &RunFunctionRequest) -> bool {
        self.selectors.keys().all(|key| request.required_resources.contains_key(key))
    }
}

/// The key of one environment.
pub(crate) fn environment_key(name: &str) -> String {
    format!("environment-{name}")
}

fn select(kind: &str, matching: Match, namespace: Option<String>) -> ResourceSelector {
    ResourceSelector { api_version: API_VERSION.to_owned(), kind: kind.to_owned(), r#match: Some(matching), namespace }
}

/// What was fetched under a key.
pub(crate) fn fetched<'a>(request: &'a RunFunctionRequest, key: &str) -> impl Iterator<Item = &'a Resource> {
    request.required_resources.get(key).into_iter().flat_map(|resources| &resources.items)
}

/// Which call of the reconcile a request is, as far as its keys of ours show: 1 while none has been fetched, else 2. A
/// composition can have more required resources, which are there from the first call on.
pub(crate) fn iteration(request: &RunFunctionRequest) -> u32 {
    let prefix = environment_key("");
    let ours = |key: &String| [MODEL, ENVIRONMENTS, DEPLOYMENTS].contains(&key.as_str()) || key.starts_with(&prefix);
    if request.required_resources.keys().any(ours) { 2 } else { 1 }
}
