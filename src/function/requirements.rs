//! What a decision needs to see, and what has been fetched of it.
//!
//! A key says what was asked for, kind and name: since Crossplane v2.4 a request holds under a key what an earlier reconcile asked for
//! by it, which may have been something else.

use std::collections::BTreeMap;

use crate::api::model_deployment::{ModelKind, ModelRef};
use crate::api::{API_VERSION, inference_environment, model_deployment};
use crate::function::proto::resource_selector::Match;
use crate::function::proto::{MatchLabels, Resource, ResourceSelector, RunFunctionRequest};

/// The key of all environments.
pub(crate) const ENVIRONMENTS: &str = "environments";
/// The key of all deployments.
pub(crate) const DEPLOYMENTS: &str = "deployments";

/// Selections of existing resources.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Requirements {
    /// By key.
    pub(crate) selectors: BTreeMap<String, ResourceSelector>,
}

impl Requirements {
    /// The model of a deployment.
    pub(crate) fn require_model(&mut self, reference: &ModelRef, namespace: &str) {
        let namespace = (reference.kind == ModelKind::Model).then(|| namespace.to_owned());
        let selector = select(reference.kind.as_str(), Match::MatchName(reference.name.clone()), namespace);
        self.selectors.insert(model_key(reference), selector);
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

/// The key of a model.
pub(crate) fn model_key(reference: &ModelRef) -> String {
    format!("model-{}-{}", reference.kind.as_str(), reference.name)
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
