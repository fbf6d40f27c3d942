//! How a control plane comes to rest: everything is reconciled until nothing changes, then what is new becomes ready, until
//! that changes nothing either.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api::condition::{Condition, find};
use crate::api::metadata::{Header, Metadata};
use crate::api::model_deployment::{ModelKind, Topology};
use crate::api::model_deployment_status::{ModelDeploymentStatus, PlacementItem, ReportedDeployment};
use crate::api::{API_VERSION, inference_environment, llm_inference_service, model_deployment, object, scaled_object};
use crate::cli::plane::composed::reported_ready;
use crate::cli::plane::control_plane::ControlPlane;
use crate::cli::plane::conversation::Call;
use crate::cli::plane::object_key::ObjectKey;
use crate::domain::key::Key;
use crate::domain::scheduling::freeze::Freeze;
use crate::structs::from_struct;

/// Far more than any fleet needs: each round reconciles everything once.
const MAX_ROUNDS: usize = 64;

/// One deployment at one time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standing {
    /// Name, namespace and age.
    pub(crate) metadata: Metadata,
    /// What it has, by resource key.
    pub(crate) composed: BTreeMap<String, Value>,
    /// What it reports.
    pub(crate) status: ModelDeploymentStatus,
    /// Why nothing of it may change, where that is so.
    pub(crate) refused: Option<String>,
}

/// All deployments at one time.
pub(crate) type Standings = BTreeMap<ObjectKey, Standing>;

/// What becomes of a control plane.
#[derive(Debug, Default)]
pub(crate) struct Course {
    /// At once.
    pub(crate) now: Standings,
    /// The control plane then.
    pub(crate) plane: ControlPlane,
    /// When everything new is ready.
    pub(crate) settled: Standings,
    /// What the function refuses of other kinds.
    pub(crate) refused: BTreeMap<ObjectKey, String>,
    /// Whether it never comes to rest.
    pub(crate) restless: bool,
}

/// Lets a control plane come to rest.
pub(crate) fn settle(plane: ControlPlane) -> Course {
    let mut settling = Settling { plane, refused: BTreeMap::new(), calls: BTreeMap::new() };
    let mut restless = !settling.come_to_rest();
    let (now, plane) = (settling.standings(), settling.plane.clone());
    let mut rounds: usize = 0;
    while settling.go_on() {
        rounds = rounds.saturating_add(1);
        restless |= !settling.come_to_rest() || rounds == MAX_ROUNDS;
        if restless {
            break;
        }
    }
    Course { now, plane, settled: settling.standings(), refused: settling.refused, restless }
}

/// The deployments of a control plane as they are.
pub(crate) fn standings(plane: &ControlPlane) -> Standings {
    let standing = |key: ObjectKey| {
        let ReportedDeployment { metadata, status } = from_struct(plane.bytes(&key)).unwrap_or_default();
        let composed = plane.composed(&key);
        (key, Standing { metadata, composed, status, refused: None })
    };
    plane.keys_of(API_VERSION, model_deployment::KIND).into_iter().map(standing).collect()
}

struct Settling {
    plane: ControlPlane,
    refused: BTreeMap<ObjectKey, String>,
    /// The last call for each object.
    calls: BTreeMap<ObjectKey, Call>,
}

impl Settling {
    fn standings(&self) -> Standings {
        let mut all = standings(&self.plane);
        for (key, standing) in &mut all {
            standing.refused = self.refused.get(key).cloned();
        }
        all
    }

    /// Returns whether it did.
    fn come_to_rest(&mut self) -> bool {
        let models = [ModelKind::ClusterModel.as_str(), ModelKind::Model.as_str()];
        for _ in 0..MAX_ROUNDS {
            let before = self.plane.clone();
            for kind in [inference_environment::KIND].into_iter().chain(models).chain([model_deployment::KIND]) {
                self.plane.keys_of(API_VERSION, kind).iter().for_each(|key| self.reconcile(key));
            }
            if self.plane == before {
                return true;
            }
        }
        false
    }

    /// Crossplane leaves alone what is paused, and what is being deleted.
    fn reconcile(&mut self, key: &ObjectKey) {
        if is_deleting(self.plane.bytes(key)) || is_paused(self.plane.bytes(key)) {
            return;
        }
        if self.calls.get(key).is_some_and(|call| self.plane.would_repeat(key, call)) {
            return;
        }
        let refused = match self.plane.reconcile(key) {
            Ok(call) => {
                let message = call.report.message.clone();
                self.calls.insert(key.clone(), call);
                message
            }
            Err(problem) => Some(problem),
        };
        if let Some(message) = refused {
            self.refused.insert(key.clone(), message);
        } else {
            self.refused.remove(key);
        }
    }

    /// Deployments that are being deleted are gone, and everything that is rendered is ready. Returns whether that changes anything.
    fn go_on(&mut self) -> bool {
        let before = self.plane.clone();
        for key in self.plane.keys_of(API_VERSION, model_deployment::KIND) {
            if is_deleting(self.plane.bytes(&key)) {
                self.plane.delete(&key);
                continue;
            }
            let status = from_struct::<ReportedDeployment>(self.plane.bytes(&key)).unwrap_or_default().status;
            for (name, object) in self.plane.composed(&key) {
                if becomes_ready(&name, &object, &status) {
                    // What was composed can be composed.
                    _ = self.plane.compose(&key, &name, &reported_ready(object));
                }
            }
        }
        self.plane != before
    }
}

fn is_deleting(bytes: &[u8]) -> bool {
    from_struct::<Header>(bytes).unwrap_or_default().metadata.deletion_timestamp.is_some()
}

/// Whether Crossplane was told to leave a composite resource alone.
pub(crate) fn is_paused(bytes: &[u8]) -> bool {
    from_struct::<Header>(bytes).unwrap_or_default().metadata.is_paused()
}

/// Whether a placement is the one whose resource keys go by this name: that of its environment, before that was renamed.
pub(crate) fn is_at(item: &PlacementItem, slot: &str, topology: Topology) -> bool {
    let key = item.resource.as_deref().and_then(Key::parse);
    item.topology == topology && key.as_ref().map_or(item.environment.as_str(), |key| key.environment.as_str()) == slot
}

/// Whether something is not ready, and will be: what is frozen is left as it is, whatever state it is in.
fn becomes_ready(key: &str, object: &Value, status: &ModelDeploymentStatus) -> bool {
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
    if ![llm_inference_service::KIND, object::KIND, scaled_object::KIND].contains(&kind)
        || object.pointer("/metadata/deletionTimestamp").is_some()
    {
        return false;
    }
    let place = Key::parse(key).filter(Key::serves).and_then(|key| Some((key.environment.clone(), key.topology()?)));
    if let Some((environment, topology)) = place {
        let item = status.placements.items.iter().find(|item| is_at(item, &environment, topology));
        return item.is_some_and(|item| !item.ready && !item.reason.as_deref().is_some_and(Freeze::is_word));
    }
    let conditions = object.pointer("/status/conditions").cloned().unwrap_or_default();
    let conditions: Vec<Condition> = serde_json::from_value(conditions).unwrap_or_default();
    !find(&conditions, "Ready").is_some_and(Condition::is_true)
}
