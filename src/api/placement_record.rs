//! The annotation on each placement's composed resource: the memory that survives a lost status.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::model_deployment::{ModelKind, ModelRef};
use super::{
    absent::null_is_default, inference_environment::KubeconfigSecret, model_deployment_status::PhaseItem, selector::LabelSelector,
};

/// What a placement was decided on. Written as JSON into one annotation. A field that is not known, at whatever depth, is passed over: a
/// newer version may have written it, and what is lost with the record is lost for good.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(from = "Written")]
pub struct PlacementRecord {
    /// The model it was decided for.
    pub model: ModelRef,
    /// The serving profile.
    pub profile: String,
    /// The decode phase, or the one phase of Unified.
    pub decode: PhaseRecord,
    /// The prefill phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefill: Option<PhaseRecord>,
    /// The deployment's own selector at the time.
    pub selector: LabelSelector,
    /// The Secret that the environment's cluster was reached with, by which a cluster is known whatever becomes of the environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<KubeconfigSecret>,
    /// When the deployment was created, by which others know who came first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Whether it was ever ready.
    pub settled: bool,
    /// The uid of the object that was; v0.1.0 did not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}

impl PlacementRecord {
    /// Decode, or the one phase of Unified, then prefill.
    pub fn phases(&self) -> impl Iterator<Item = &PhaseRecord> {
        std::iter::once(&self.decode).chain(&self.prefill)
    }

    /// Whether an object was ready once, as far as this record is about the object: another one under the same name starts anew.
    pub fn is_settled(&self, uid: Option<&str>) -> bool {
        self.settled && same_object(self.uid.as_deref(), uid)
    }
}

/// Whether what was said of an object is about the one with this uid. Where one of them is not known, it is taken to be.
pub fn same_object(said: Option<&str>, uid: Option<&str>) -> bool {
    said.zip(uid).is_none_or(|(said, uid)| said == uid)
}

/// A record as it may be written.
#[derive(Deserialize)]
struct Written {
    model: WrittenModel,
    profile: String,
    decode: PhaseRecord,
    prefill: Option<PhaseRecord>,
    #[serde(default, deserialize_with = "null_is_default")]
    selector: WrittenSelector,
    cluster: Option<WrittenSecret>,
    created: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    settled: bool,
    uid: Option<String>,
}

#[derive(Deserialize)]
struct WrittenModel {
    kind: ModelKind,
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WrittenSelector {
    #[serde(deserialize_with = "null_is_default")]
    match_labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct WrittenSecret {
    name: String,
    key: String,
}

impl From<Written> for PlacementRecord {
    fn from(written: Written) -> Self {
        let Written { model, profile, decode, prefill, selector, cluster, created, settled, uid } = written;
        Self {
            model: ModelRef { kind: model.kind, name: model.name },
            profile,
            decode,
            prefill,
            selector: LabelSelector { match_labels: selector.match_labels },
            cluster: cluster.map(|WrittenSecret { name, key }| KubeconfigSecret { name, key }),
            created,
            settled,
            uid,
        }
    }
}

impl From<&PhaseItem> for PhaseRecord {
    fn from(item: &PhaseItem) -> Self {
        let PhaseItem { pool, gpus_per_replica, replicas, max_replicas, .. } = item.clone();
        Self { pool, gpus_per_replica, replicas, max_replicas }
    }
}

/// `1-3 x 4 GPUs on h200`, for people.
impl fmt::Display for PhaseRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pool, gpus_per_replica, replicas, max_replicas } = self;
        let most = max_replicas.map(|most| format!("-{most}")).unwrap_or_default();
        write!(f, "{replicas}{most} x {gpus_per_replica} GPUs on {pool}")
    }
}

/// One phase of a placement.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PhaseRecord {
    /// The node pool.
    pub pool: String,
    /// GPUs of one replica.
    pub gpus_per_replica: u32,
    /// Replicas at the last decision; where an autoscaler decides, the fewest.
    pub replicas: u32,
    /// The most replicas, where an autoscaler decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_replicas: Option<u32>,
}
