//! What other deployments hold, read as far as it can be: GPUs that are not counted are promised a second time.

use serde::{Deserialize, Deserializer};

use crate::api::metadata::Metadata;
use crate::api::model_deployment_status::{ModelDeploymentStatus, PhaseItem, PlacementItem, Placements};
use crate::domain::deployment::Deployment;
use crate::domain::holdings::{Holding, holdings};
use crate::function::proto::RunFunctionRequest;
use crate::function::requirements::{DEPLOYMENTS, fetched};
use crate::function::structs::from_struct;

/// What every other deployment holds.
pub(crate) fn read_holdings(request: &RunFunctionRequest, own: &Deployment) -> Vec<Holding> {
    let mut all = Vec::new();
    for resource in fetched(request, DEPLOYMENTS) {
        let holder: Holder = from_struct(resource.resource.as_deref().unwrap_or_default()).unwrap_or_default();
        let Holder { metadata: Lenient(metadata), status: Lenient(status) } = holder;
        if metadata.namespace != own.namespace || metadata.name != own.name {
            all.extend(holdings(&metadata, &status.into()));
        }
    }
    all
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
    status: Lenient<Status>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
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
    settled: Lenient<bool>,
    ready: Lenient<bool>,
    decode: Lenient<Option<PhaseItem>>,
    prefill: Lenient<Option<PhaseItem>>,
}

impl From<Status> for ModelDeploymentStatus {
    fn from(status: Status) -> Self {
        let items = status.placements.0.items.0.into_iter().map(|Lenient(item)| PlacementItem {
            environment: item.environment,
            settled: item.settled.0,
            ready: item.ready.0,
            decode: item.decode.0,
            prefill: item.prefill.0,
            ..PlacementItem::default()
        });
        Self { placements: Placements { items: items.collect(), ..Placements::default() }, ..Self::default() }
    }
}
