//! What deployments hold as their status says, which is all that v0.1.0 left to be read, as far as it can be: GPUs that are not counted are
//! promised a second time. A status can be written by the team whose it is, so it is believed no further than the spec goes.

use serde::{Deserialize, Deserializer};

use super::requirements::{DEPLOYMENTS, fetched};
use super::{proto::RunFunctionRequest, reading::read_deployment};
use crate::api::model_deployment_status::{ModelDeploymentStatus, PhaseItem, PlacementItem, Placements};
use crate::api::{metadata::Metadata, model_deployment::Topology};
use crate::domain::scheduling::holdings::{Standing, reported};
use crate::domain::spec::deployment::{Deployment, PhaseScaling};
use crate::structs::from_struct;

/// What every deployment that was fetched holds, each placement with its environment; not those of `own`.
pub(crate) fn read_reported(request: &RunFunctionRequest, own: Option<&Deployment>) -> Vec<(String, Standing)> {
    let mut all = Vec::new();
    for resource in fetched(request, DEPLOYMENTS) {
        let bytes = resource.resource.as_deref().unwrap_or_default();
        let Holder { metadata: Lenient(metadata), status: Lenient(status) } = from_struct(bytes).unwrap_or_default();
        if own.is_some_and(|own| metadata.namespace == own.namespace && metadata.name == own.name) {
            continue;
        }
        // Crossplane does not write again the status of a deployment that it leaves alone.
        let status = bounded(status.into(), read_deployment(bytes).ok().as_ref(), metadata.is_paused());
        all.extend(reported(&metadata, &status));
    }
    all
}

fn bounded(mut status: ModelDeploymentStatus, deployment: Option<&Deployment>, paused: bool) -> ModelDeploymentStatus {
    for item in &mut status.placements.items {
        item.settled &= !paused;
        item.ready &= !paused;
        let Some(deployment) = deployment.filter(|deployment| deployment.topology == item.topology) else { continue };
        let most = [Some(&deployment.decode), deployment.prefill.as_ref()].map(|scaling| scaling.map(PhaseScaling::admitted_replicas));
        for (phase, most) in [&mut item.decode, &mut item.prefill].into_iter().zip(most) {
            if let (Some(phase), Some(most)) = (phase, most) {
                phase.replicas = phase.replicas.min(most);
            }
        }
    }
    status
}

/// A value, or its default where it cannot be read: the one after it begins where it ends all the same.
#[derive(Default)]
struct Lenient<T>(T);

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(T::deserialize(deserializer).unwrap_or_default()))
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Holder {
    metadata: Lenient<Metadata>,
    status: Lenient<WrittenStatus>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WrittenStatus {
    placements: Lenient<Items>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Items {
    items: Lenient<Vec<Lenient<Item>>>,
}

/// Of a placement only what it holds and how firmly: whatever else a newer version says of it, it holds that.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Item {
    environment: String,
    topology: Lenient<Topology>,
    settled: Lenient<bool>,
    ready: Lenient<bool>,
    decode: Lenient<Option<PhaseItem>>,
    prefill: Lenient<Option<PhaseItem>>,
}

impl From<WrittenStatus> for ModelDeploymentStatus {
    fn from(status: WrittenStatus) -> Self {
        let items = status.placements.0.items.0.into_iter().map(|Lenient(item)| PlacementItem {
            environment: item.environment,
            topology: item.topology.0,
            settled: item.settled.0,
            ready: item.ready.0,
            decode: item.decode.0,
            prefill: item.prefill.0,
            ..PlacementItem::default()
        });
        Self { placements: Placements { items: items.collect(), ..Placements::default() }, ..Self::default() }
    }
}
