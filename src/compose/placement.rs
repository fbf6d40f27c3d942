//! The resources of one placement.

use super::composition::{Body, Composed, ComposedObject};
use super::credentials::{render_secret, render_service_account, storage_references, token_reference};
use super::observed::{Identity, ObservedResource};
use super::serving_object::{Serving, render_service};
use super::{inputs::Inputs, readiness::is_ready, remote_object::wrap, scaled_object::render_scaled_object};
use crate::api::object::{PlainObject, Reference};
use crate::api::{metadata::NewMetadata, placement_record::PlacementRecord};
use crate::domain::key::{Key, Part};
use crate::domain::kserve::TOKEN_KEY;
use crate::domain::names::{ENVIRONMENT_LABEL, PLACEMENT_ANNOTATION, Stem};
use crate::domain::scheduling::placement::{Existing, Placement};
use crate::domain::scheduling::search::usable;
use crate::domain::scheduling::sizing::{PhaseSizing, Sizing};
use crate::domain::spec::deployment::PhaseScaling;
use crate::domain::spec::environment::{Access, Environment};
use crate::domain::spec::{credentials::Credentials, model::Model};

/// Every resource of a placement of this size; none where its environment is not there.
pub fn render_placement(
    inputs: &Inputs,
    model: &Model,
    placement: &Placement,
    existing: Option<&Existing>,
    sizing: &Sizing,
) -> Vec<(Key, Composed)> {
    let Some(environment) = usable(&inputs.environments, &placement.place.environment) else { return Vec::new() };
    let site = Site::new(inputs, environment, placement);
    let mut resources = Vec::new();
    if site.provider.is_some() {
        let labels = environment.namespace_labels.clone();
        let namespace = NewMetadata { name: Some(site.namespace.clone()), labels, ..NewMetadata::default() };
        resources.push(site.place(Part::Namespace, ComposedObject::Plain(PlainObject::new("Namespace", namespace))));
    }
    let service_account = render_access(&site, &model.credentials, &mut resources);
    resources.extend(render_serving(&site, model, existing, sizing, service_account.as_deref()));
    resources.extend(render_autoscaler(&site, sizing));
    resources
}

/// The serving object of a placement; none where its environment is not there.
pub fn serving_identity(inputs: &Inputs, placement: &Placement) -> Option<Identity> {
    let environment = usable(&inputs.environments, &placement.place.environment)?;
    Some(Site::new(inputs, environment, placement).serving())
}

/// Where a placement's objects are, and what they are called. What exists keeps its name.
struct Site<'a> {
    inputs: &'a Inputs,
    environment: &'a Environment,
    provider: Option<&'a str>,
    placement: &'a Placement,
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
            placement,
            stem: Stem::new(&deployment.namespace, &deployment.name, remote.is_some()),
            namespace: inputs.observed.namespace_in(&placement.slot).unwrap_or(wanted).to_owned(),
        }
    }

    fn key(&self, part: Part) -> Key {
        Key::new(&self.placement.slot, part, self.provider.is_some())
    }

    fn observed(&self, part: Part) -> Option<&ObservedResource> {
        self.inputs.observed.resources.get(&self.key(part))
    }

    fn identity(&self, part: Part, name: String) -> Identity {
        let existing = self.observed(part).and_then(|resource| resource.identity.clone());
        existing.unwrap_or_else(|| Identity { namespace: self.namespace.clone(), name })
    }

    fn serving(&self) -> Identity {
        let topology = self.placement.place.topology;
        self.identity(Part::Serving(topology), self.stem.serving(topology))
    }

    /// A part under its key: as it is, or wrapped where the environment is another cluster.
    fn place(&self, part: Part, manifest: ComposedObject) -> (Key, Composed) {
        self.place_with(part, manifest, Vec::new())
    }

    fn place_with(&self, part: Part, manifest: ComposedObject, references: Vec<Reference>) -> (Key, Composed) {
        let key = self.key(part);
        let ready = is_ready(&key, self.observed(part));
        let body = match self.provider {
            Some(provider) => Body::Held(Box::new(wrap(part, manifest, provider, references))),
            None => Body::Own(manifest),
        };
        (key, Composed { body, ready })
    }
}

/// What lets pods at the weights; returns the name of their ServiceAccount where it is not KServe's to choose.
fn render_access(site: &Site<'_>, credentials: &Credentials, resources: &mut Vec<(Key, Composed)>) -> Option<String> {
    let (part, copy, secret, keys, references) = match credentials {
        Credentials::Default => return None,
        Credentials::ServiceAccount(name) => return Some(name.clone()),
        Credentials::Token(token) => (Part::Token, site.stem.token(), &token.name, vec![TOKEN_KEY], vec![token_reference(token)]),
        Credentials::Storage(secret) => {
            (Part::StorageSecret, site.stem.storage_secret(), &secret.name, secret.keys.clone(), storage_references(secret))
        }
    };
    let mut secret = secret.clone();
    if site.provider.is_some() {
        let copy = site.identity(part, copy);
        resources.push(site.place_with(part, ComposedObject::Plain(render_secret(&copy, keys)), references));
        secret = copy.name;
    }
    let account = site.identity(Part::ServiceAccount, site.stem.service_account());
    resources.push(site.place(Part::ServiceAccount, ComposedObject::Plain(render_service_account(&account, &secret))));
    Some(account.name)
}

fn render_serving(
    site: &Site<'_>,
    model: &Model,
    existing: Option<&Existing>,
    sizing: &Sizing,
    service_account: Option<&str>,
) -> Option<(Key, Composed)> {
    let Site { environment, placement, .. } = site;
    let topology = placement.place.topology;
    let profile = model.profile(&placement.profile, topology)?;
    let running = site.observed(Part::Serving(topology)).map(|observed| &observed.frozen);
    let service = render_service(Serving { identity: &site.serving(), model, profile, environment, sizing, service_account, running })?;
    let (key, mut composed) = site.place(Part::Serving(topology), ComposedObject::Service(Box::new(service)));
    let record = record(site, existing, sizing, composed.ready);
    mark(&mut composed.body, &environment.name, &record);
    Some((key, composed))
}

/// What others know a serving object by.
fn mark(body: &mut Body, environment: &str, record: &PlacementRecord) {
    let metadata: &mut NewMetadata = match body {
        Body::Own(ComposedObject::Service(service)) => &mut service.metadata,
        Body::Held(object) => &mut object.metadata,
        Body::Own(ComposedObject::ScaledObject(_) | ComposedObject::Plain(_)) | Body::ProviderConfig(_) | Body::Frozen(_) => return,
    };
    metadata.labels.insert(ENVIRONMENT_LABEL.to_owned(), environment.to_owned());
    metadata.annotations.insert(PLACEMENT_ANNOTATION.to_owned(), encode_record(record));
}

/// What scales the placement, where KServe does not.
fn render_autoscaler(site: &Site<'_>, sizing: &Sizing) -> Option<(Key, Composed)> {
    let PhaseScaling::Concurrency(concurrency) = &sizing.decode.scaling else { return None };
    let serving = site.serving();
    let identity = site.identity(Part::Autoscaler, serving.name.clone());
    let scaled = render_scaled_object(&identity, &serving, concurrency, &site.inputs.settings.prometheus);
    Some(site.place(Part::Autoscaler, ComposedObject::ScaledObject(Box::new(scaled))))
}

fn record(site: &Site<'_>, existing: Option<&Existing>, sizing: &Sizing, ready: bool) -> PlacementRecord {
    let deployment = &site.inputs.deployment;
    let settled = ready || existing.and_then(|existing| existing.record.as_ref()).is_some_and(|record| record.settled);
    let uid = site.observed(Part::Serving(site.placement.place.topology)).and_then(|observed| observed.uid.clone());
    PlacementRecord {
        model: deployment.model_ref.clone(),
        profile: site.placement.profile.clone(),
        decode: sizing.decode.record(),
        prefill: sizing.prefill.as_ref().map(PhaseSizing::record),
        selector: deployment.selector.clone(),
        cluster: site.environment.kubeconfig().cloned(),
        created: deployment.created.clone(),
        settled,
        uid: uid.filter(|_| settled),
    }
}

/// JSON without `{{`, which KServe would take for a template: in JSON it can only be part of a string.
pub(super) fn encode_record(record: &PlacementRecord) -> String {
    serde_json::to_string(record).unwrap_or_default().replace("{{", r"{\u007b")
}
