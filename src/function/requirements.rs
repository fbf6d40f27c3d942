//! What a decision needs to see, and what has been fetched of it.
//!
//! A key says what was asked for, kind and name: since Crossplane v2.4 a request holds under a key what an earlier reconcile asked for
//! by it, which may have been something else.

use std::collections::BTreeMap;

use super::proto::resource_selector::Match;
use super::proto::{MatchLabels, Resource, ResourceSelector, RunFunctionRequest};
use crate::api::environment_ledger::EnvironmentLedger;
use crate::api::model_deployment::{ModelKind, ModelRef};
use crate::api::{API_VERSION, inference_environment, llm_inference_service, model_deployment, object};
use crate::domain::names::ENVIRONMENT_LABEL;

/// The key of all environments.
pub(crate) const ENVIRONMENTS: &str = "environments";
/// The key of all deployments.
pub(crate) const DEPLOYMENTS: &str = "deployments";

/// Selections of existing resources.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Requirements {
    /// By key.
    pub(crate) selectors: BTreeMap<String, ResourceSelector>,
    /// What the next call of the reconcile is to know without asking again.
    pub(crate) carried: Option<Box<EnvironmentLedger>>,
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

    /// Every environment: an empty label selector matches all.
    pub(crate) fn require_environments(&mut self) {
        self.selectors.insert(ENVIRONMENTS.to_owned(), select(inference_environment::KIND, labelled(BTreeMap::new()), None));
    }

    /// Every deployment in every namespace. Only v0.1.0 left what others hold to be read there.
    pub(crate) fn require_deployments(&mut self) {
        self.selectors.insert(DEPLOYMENTS.to_owned(), select(model_deployment::KIND, labelled(BTreeMap::new()), None));
    }

    /// What serves on an environment, in every namespace.
    pub(crate) fn require_placements(&mut self, environment: &str, is_local: bool) {
        let api_version = if is_local { llm_inference_service::API_VERSION } else { object::API_VERSION };
        let label = BTreeMap::from([(ENVIRONMENT_LABEL.to_owned(), environment.to_owned())]);
        let selector = select(serving_kind(is_local), labelled(label), None);
        let selector = ResourceSelector { api_version: api_version.to_owned(), ..selector };
        self.selectors.insert(placements_key(environment, is_local), selector);
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

/// The key of what serves on an environment.
pub(crate) fn placements_key(environment: &str, is_local: bool) -> String {
    format!("placements-{}-{environment}", serving_kind(is_local))
}

/// The kind of the control plane that stands for a placement.
fn serving_kind(is_local: bool) -> &'static str {
    if is_local { llm_inference_service::KIND } else { object::KIND }
}

/// The key of one environment.
pub(crate) fn environment_key(name: &str) -> String {
    format!("environment-{name}")
}

fn labelled(labels: BTreeMap<String, String>) -> Match {
    Match::MatchLabels(MatchLabels { labels })
}

fn select(kind: &str, matching: Match, namespace: Option<String>) -> ResourceSelector {
    ResourceSelector { api_version: API_VERSION.to_owned(), kind: kind.to_owned(), r#match: Some(matching), namespace }
}

/// What was fetched under a key.
pub(crate) fn fetched<'a>(request: &'a RunFunctionRequest, key: &str) -> impl Iterator<Item = &'a Resource> {
    request.required_resources.get(key).into_iter().flat_map(|resources| &resources.items)
}
