//! Fleets as Crossplane core sends them: objects with statuses, conditions and managedFields, which are half of the bytes.

use serde_json::{Map, Value, json};

use super::cluster::Cluster;
use super::objects::{deployment, environment, model};

/// A deployment to two environments, in a fleet of so many environments and other deployments.
pub(super) fn fleet(environments: usize, others: usize) -> Cluster {
    let mut objects = vec![stored(model())];
    objects.extend((0..environments).map(|number| stored(roomy(&format!("env-{number:04}")))));
    objects.extend((0..others).map(|number| stored(other(number, environments))));
    let own = stored(deployment(2));
    objects.push(own.clone());
    Cluster::new(own, objects)
}

/// The same when the deployment has been placed and is ready.
pub(super) fn steady(environments: usize, others: usize) -> Cluster {
    let mut cluster = fleet(environments, others);
    cluster.reconcile();
    cluster.create_the_rest();
    let serving: Vec<String> = cluster.composed.keys().filter(|key| key.ends_with("-pd")).cloned().collect();
    for key in serving {
        cluster.report(&key, true, true, true);
    }
    cluster.reconcile();
    cluster
}

/// An environment with enough nodes for all that is placed there.
fn roomy(name: &str) -> Value {
    let mut environment = environment(name);
    environment["status"]["capacity"]["gpuPools"][0]["nodes"] = json!(2000);
    environment["status"]["conditions"] = conditions(&["Ready", "Synced", "EnvironmentValid"]);
    environment
}

/// Another team's deployment, placed on two environments.
fn other(number: usize, environments: usize) -> Value {
    let mut other = deployment(2);
    other["metadata"]["name"] = json!(format!("other-{number:04}"));
    other["metadata"]["namespace"] = json!(format!("team-{:03}", number % 100));
    let item = |environment: usize| {
        json!({
            "environment": format!("env-{environment:04}"), "topology": "PrefillDecode", "profile": "disagg", "ready": true, "settled": true,
            "environmentSelector": {"matchLabels": {"modelplane.ai/rdma": "true"}}, "endpoint": "http://gateway/team/other/v1",
            "decode": {"pool": "h200", "gpusPerReplica": 4, "replicas": 2, "ready": true},
            "prefill": {"pool": "h200", "gpusPerReplica": 1, "replicas": 4, "ready": true},
        })
    };
    other["status"] = json!({
        "model": {"name": "meta-llama/Llama"},
        "placements": {"total": 2, "ready": 2, "summary": "2/2", "items": [item(number % environments), item((number + 1) % environments)]},
        "scheduling": {"considered": environments, "matched": environments, "rejectedTotal": 0},
        "conditions": conditions(&["Ready", "Synced", "ModelResolved", "ProfileValid", "PlacementsScheduled", "DecodeReady", "PrefillReady", "PlacementsReady"]),
    });
    other
}

fn conditions(kinds: &[&str]) -> Value {
    let condition = |kind: &&str| {
        json!({"type": kind, "status": "True", "reason": "Available", "message": "as it should be", "observedGeneration": 3,
               "lastTransitionTime": "2026-01-01T00:00:00Z"})
    };
    kinds.iter().map(condition).collect()
}

/// The object as an API server returns it.
fn stored(mut object: Value) -> Value {
    let managed = json!([
        {"manager": "kubectl-client-side-apply", "operation": "Update", "apiVersion": "modelplane.ai/v1alpha1", "fieldsType": "FieldsV1",
         "time": "2026-01-01T00:00:00Z", "fieldsV1": {"f:spec": fields(&object["spec"])}},
        {"manager": "apiextensions.crossplane.io/composite", "operation": "Apply", "apiVersion": "modelplane.ai/v1alpha1",
         "fieldsType": "FieldsV1", "subresource": "status", "time": "2026-01-01T00:00:00Z", "fieldsV1": {"f:status": fields(&object["status"])}},
    ]);
    let metadata = &mut object["metadata"];
    metadata["uid"] = json!("6c1fbb52-0b5f-4d0a-9a53-5c8a3a2e7c11");
    metadata["resourceVersion"] = json!("123456789");
    metadata["generation"] = json!(3);
    metadata["managedFields"] = managed;
    object
}

/// Field ownership: the same tree, with `f:` in front of every name.
fn fields(value: &Value) -> Value {
    let mut owned = Map::new();
    match value {
        Value::Object(children) => owned.extend(children.iter().map(|(name, child)| (format!("f:{name}"), fields(child)))),
        Value::Array(items) => {
            owned.extend(items.iter().enumerate().map(|(index, item)| (format!("k:{{\"index\":{index}}}"), fields(item))));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    owned.insert(".".to_owned(), json!({}));
    Value::Object(owned)
}
