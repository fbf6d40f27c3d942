//! The resources of one placement.

use crate::api::metadata::NewMetadata;
use crate::api::model_deployment::Topology;
use crate::api::placement_record::PlacementRecord;
use crate::compose::composition::{Body, Composed};
use crate::compose::hugging_face_token::{render_service_account, render_token};
use crate::compose::model_deployment::Inputs;
use crate::compose::observed::{Identity, ObservedResource};
use crate::compose::readiness::{readiness, reports_ready};
use crate::compose::remote_object::{render_namespace, wrap, wrap_reporting};
use crate::compose::scaled_object::render_scaled_object;
use crate::compose::serving_object::{Serving, render_service};
use crate::domain::names::{ENVIRONMENT_LABEL, Key, PLACEMENT_ANNOTATION, Stem};
use crate::domain::scheduling::placement::{Action, EnvironmentState, Placement};
use crate::domain::scheduling::sizing::{PhaseSizing, Sizing};
use crate::domain::spec::deployment::PhaseScaling;
use crate::domain::spec::environment::{Access, Environment};
use crate::domain::spec::model::{Model, Token};

/// Every resource of a placement that is rendered; nothing for one that is frozen.
#[must_use]
pub fn render_placement(inputs: &Inputs, model: &Model, placement: &Placement) -> Vec<(Key, Composed)> {
    let Action::Render(sizing) = &placement.action else { return Vec::new() };
    let Some(EnvironmentState::Usable(environment)) = inputs.environments.get(&placement.environment) else { return Vec::new() };
    let site = Site::new(inputs, environment, placement);
    let mut resources = Vec::new();
    if let Some(provider) = site.provider {
        let key = Key::Namespace(site.slot.to_owned());
        let ready = reports_ready(site.observed(&key));
        let body = Body::PlainObject(Box::new(render_namespace(&site.namespace, provider)));
        resources.push((key, Composed { body, ready }));
    }
    let service_account = model.token.as_ref().map(|token| render_access(&site, token, &mut resources));
    resources.extend(render_serving(&site, model, placement, sizing, service_account.as_deref()));
    resources.extend(render_autoscaler(&site, sizing));
    resources
}

/// Where a placement's objects are, and what they are called. What exists keeps its name.
struct Site<'a> {
    inputs: &'a Inputs,
    environment: &'a Environment,
    provider: Option<&'a str>,
    slot: &'a str,
    topology: Topology,
    stem: Stem,
    namespace: String,
}

impl<'a> Site<'a> {
    fn new(inputs: &'a Inputs, environment: &'a Environment, placement: &'a Placement) -> Self {
        let deployment = &inputs.deployment;
        let provider = match &environment.access {
            Access::Provider(name) => Some(name.as_str()),
            Access::Local | Access::Missing => None,
        };
        let remote = inputs.settings.remote_namespace.as_ref();
        let wanted = remote.filter(|_| provider.is_some()).unwrap_or(&deployment.namespace);
        Self {
            inputs,
            environment,
            provider,
            slot: &placement.slot,
            topology: placement.topology,
            stem: Stem::new(&deployment.namespace, &deployment.name, remote.is_some()),
            namespace: inputs.observed.namespace_in(&placement.slot).unwrap_or(wanted).to_owned(),
        }
    }

    fn observed(&self, key: &Key) -> Option<&ObservedResource> {
        self.inputs.observed.resources.get(key)
    }

    fn identity(&self, key: &Key, name: String) -> Identity {
        let existing = self.observed(key).and_then(|resource| resource.identity.clone());
        existing.unwrap_or_else(|| Identity { namespace: self.namespace.clone(), name })
    }

    fn serving(&self) -> (Key, Identity) {
        let key = Key::serving(self.slot, self.topology, self.provider.is_none());
        let identity = self.identity(&key, self.stem.serving(self.topology));
        (key, identity)
    }
}

/// The token and the ServiceAccount that lists it; returns the latter's name.
fn render_access(site: &Site<'_>, token: &Token, resources: &mut Vec<(Key, Composed)>) -> String {
    let slot = site.slot.to_owned();
    let Some(provider) = site.provider else {
        let key = Key::ServiceAccount(slot);
        let identity = site.identity(&key, site.stem.service_account());
        let ready = site.observed(&key).is_some();
        resources.push((key, Composed { body: Body::Plain(render_service_account(&identity, &token.name)), ready }));
        return identity.name;
    };
    let token_key = Key::Token(slot.clone());
    let secret = site.identity(&token_key, site.stem.token());
    let ready = reports_ready(site.observed(&token_key));
    let body = Body::PlainObject(Box::new(render_token(&secret, token, provider)));
    resources.push((token_key, Composed { body, ready }));
    let account_key = Key::ServiceAccountObject(slot);
    let account = site.identity(&account_key, site.stem.service_account());
    let ready = reports_ready(site.observed(&account_key));
    let body = Body::PlainObject(Box::new(wrap(render_service_account(&account, &secret.name), provider)));
    resources.push((account_key, Composed { body, ready }));
    account.name
}

fn render_serving(
    site: &Site<'_>,
    model: &Model,
    placement: &Placement,
    sizing: &Sizing,
    service_account: Option<&str>,
) -> Option<(Key, Composed)> {
    let profile = model.profiles.iter().find(|profile| profile.name == placement.profile && profile.topology == placement.topology)?;
    let (key, identity) = site.serving();
    let environment = site.environment;
    let mut service = render_service(Serving { identity: &identity, model, profile, environment, sizing, service_account })?;
    let observed = site.observed(&key);
    let ready = readiness(observed, placement.topology).ready;
    let record = record(site, placement, sizing, ready, observed.and_then(|observed| observed.uid.clone()));
    let mark = |metadata: &mut NewMetadata| {
        metadata.labels.insert(ENVIRONMENT_LABEL.to_owned(), environment.name.clone());
        metadata.annotations.insert(PLACEMENT_ANNOTATION.to_owned(), encode_record(&record));
    };
    let body = if let Some(provider) = site.provider {
        let mut object = wrap_reporting(service, provider);
        mark(&mut object.metadata);
        Body::ServiceObject(Box::new(object))
    } else {
        mark(&mut service.metadata);
        Body::Service(Box::new(service))
    };
    Some((key, Composed { body, ready }))
}

/// What scales the placement, where KServe does not.
fn render_autoscaler(site: &Site<'_>, sizing: &Sizing) -> Option<(Key, Composed)> {
    let PhaseScaling::Concurrency(concurrency) = &sizing.decode.scaling else { return None };
    let slot = site.slot.to_owned();
    let key = if site.provider.is_some() { Key::ScaledObjectObject(slot) } else { Key::ScaledObject(slot) };
    let (_, serving) = site.serving();
    let identity = site.identity(&key, serving.name.clone());
    let scaled = render_scaled_object(&identity, &serving, concurrency, &site.inputs.settings.prometheus);
    let ready = reports_ready(site.observed(&key));
    let body = match site.provider {
        Some(provider) => Body::ScaledObjectObject(Box::new(wrap_reporting(scaled, provider))),
        None => Body::ScaledObject(Box::new(scaled)),
    };
    Some((key, Composed { body, ready }))
}

fn record(site: &Site<'_>, placement: &Placement, sizing: &Sizing, ready: bool, uid: Option<String>) -> PlacementRecord {
    let inputs = site.inputs;
    let before = inputs.existing(placement).and_then(|existing| existing.record.as_ref());
    let settled = ready || before.is_some_and(|record| record.settled);
    PlacementRecord {
        model: inputs.deployment.model_ref.clone(),
        profile: placement.profile.clone(),
        decode: sizing.decode.record(),
        prefill: sizing.prefill.as_ref().map(PhaseSizing::record),
        selector: inputs.deployment.selector.clone(),
        cluster: site.environment.kubeconfig().cloned(),
        created: inputs.deployment.created.clone(),
        settled,
        uid: uid.filter(|_| settled),
    }
}

/// JSON without `{{`, which KServe would take for a template: in JSON it can only be part of a string.
pub(super) fn encode_record(record: &PlacementRecord) -> String {
    serde_json::to_string(record).unwrap_or_default().replace("{{", r"{\u007b")
}
