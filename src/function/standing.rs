//! What stands on an environment: serving resources that carry its label, whoever's they are.

use super::requirements::{fetched, placements_key};
use super::{observed::read_seen, proto::RunFunctionRequest};
use crate::api::GROUP;
use crate::api::condition::find;
use crate::api::metadata::{Header, Metadata, OwnerReference};
use crate::api::model_deployment::{self, Topology};
use crate::compose::{observed::ObservedResource, readiness::readiness};
use crate::domain::key::{Key, Part};
use crate::domain::scheduling::footprint::{Footprint, footprint, topology_of};
use crate::domain::scheduling::{holdings::Standing, ledger::Charge};
use crate::domain::spec::deployment::{Deployment, holder};
use crate::domain::spec::environment::{Access, Environment};
use crate::structs::from_struct;

/// A placement, and the deployment that it was made for.
#[derive(Debug)]
pub(crate) struct Seen {
    namespace: String,
    owner: OwnerReference,
    /// What it holds.
    pub(crate) standing: Standing,
}

impl Seen {
    /// Whether it is one of a deployment's own. One of the same name that is gone was another.
    pub(crate) fn is_of(&self, deployment: &Deployment) -> bool {
        let uid = deployment.uid.as_deref().filter(|_| !self.owner.uid.is_empty());
        let same_name = self.namespace == deployment.namespace && self.owner.name == deployment.name;
        uid.map_or(same_name, |uid| uid == self.owner.uid)
    }
}

/// What stands on an environment; `None` where that was not fetched.
pub(crate) fn read_standing(request: &RunFunctionRequest, environment: &Environment) -> Option<Vec<Seen>> {
    let is_local = environment.access == Access::Local;
    let key = placements_key(&environment.name, is_local);
    request.required_resources.get(&key)?;
    let objects = fetched(request, &key).map(|resource| resource.resource.as_deref().unwrap_or_default());
    Some(objects.filter_map(|bytes| read_placement(bytes, environment, is_local)).collect())
}

fn read_placement(bytes: &[u8], environment: &Environment, is_local: bool) -> Option<Seen> {
    let Header { metadata, .. } = from_struct(bytes).ok()?;
    // A label alone can be written by whoever may write objects; who composed it, only Crossplane says.
    let composed = |owner: &&OwnerReference| {
        owner.controller && owner.kind == model_deployment::KIND && owner.api_version.split('/').next() == Some(GROUP)
    };
    let owner = metadata.owner_references.iter().find(composed)?.clone();
    let resource = read_seen(&Key::new(&environment.name, Part::Serving(Topology::Unified), !is_local), bytes, &metadata);
    let topology = topology_of(&resource.requested);
    let record = resource.record.as_ref();
    let settled = is_believed(&metadata, &resource)
        && (record.is_some_and(|record| record.is_settled(resource.uid.as_deref())) || readiness(Some(&resource), topology).ready);
    let recorded = (record.map(|record| &record.decode), record.and_then(|record| record.prefill.as_ref()));
    let charges = footprint(&resource.requested, recorded, &environment.pools).as_ref().map(Footprint::charges);
    let remembered = || record.iter().flat_map(|record| record.phases()).map(Charge::from).collect();
    Some(Seen {
        standing: Standing {
            holder: holder(Some(&owner.uid), &metadata.namespace, &owner.name),
            created: record.and_then(|record| record.created.clone()).or(metadata.creation_timestamp),
            topology,
            settled,
            charges: charges.unwrap_or_else(remembered),
        },
        namespace: metadata.namespace,
        owner,
    })
}

/// Whether what an object says of having been ready counts: not where nobody keeps it as it was made.
fn is_believed(metadata: &Metadata, resource: &ObservedResource) -> bool {
    !metadata.is_paused() && find(&resource.conditions, "Synced").is_none_or(|synced| !synced.is_false())
}
