//! What exists of a deployment, as far as anything is decided on it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api::llm_inference_service::{ObservedService, RequestedService};
use crate::api::{condition::Condition, metadata::NewMetadata, model_deployment::Topology, placement_record::PlacementRecord};
use crate::domain::key::{Key, Part};

/// The composed resources that exist.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observed {
    /// Those under our keys.
    pub resources: BTreeMap<Key, ObservedResource>,
    /// Serving resources under other keys that no earlier step wants: `key (kind name)`.
    pub foreign: Vec<String>,
}

/// One composed resource that exists.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ObservedResource {
    /// Whether it is being deleted: it may still report that it is ready.
    pub deleting: bool,
    /// What is emitted to leave it exactly as it is.
    pub frozen: Value,
    /// The namespace and name of the object itself; of an Object, those of what it holds.
    pub identity: Option<Identity>,
    /// The memory of the placement.
    pub record: Option<PlacementRecord>,
    /// The serving object's own report, as far as it can be seen.
    pub service: Option<ObservedService>,
    /// The conditions of the Object that holds it.
    pub conditions: Vec<Condition>,
    /// Its uid.
    pub uid: Option<String>,
    /// The environment that it is labelled with.
    pub environment: Option<String>,
    /// What a serving object asks for.
    pub requested: RequestedService,
}

/// The namespace and name of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// Namespace; empty where the kind has none.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl Identity {
    /// The metadata of an object that is emitted under it.
    pub fn metadata(&self) -> NewMetadata {
        NewMetadata { name: Some(self.name.clone()), namespace: Some(self.namespace.clone()), ..NewMetadata::default() }
    }
}

impl Observed {
    /// The namespace of what exists under a slot: a deployment has one there, whatever else changes.
    pub fn namespace_in(&self, slot: &str) -> Option<&str> {
        let mut identities = self.resources.iter().filter(|(key, _)| key.environment == slot);
        identities.find_map(|(_, resource)| Some(resource.identity.as_ref()?.namespace.as_str()))
    }

    /// The serving resource of a placement.
    pub fn serving(&self, slot: &str, topology: Topology) -> Option<(&Key, &ObservedResource)> {
        [false, true].into_iter().find_map(|held| self.resources.get_key_value(&Key::new(slot, Part::Serving(topology), held)))
    }
}
