//! Fleets as Crossplane core sends them: objects with statuses, conditions and managedFields, which are half of the bytes.

use serde_json::{Map, Value, json};

use super::cluster::Cluster;
use super::objects::{deployment, environment, model};

/// A deployment to two environments, in a fleet of so many environments and other deployments, each placed on two of them.
pub(super) fn fleet(environments: usize, others: usize) -> Cluster {
    let mut cluster = unlabelled(environments, others);
    let served = served();
    let places = |number: usize| [number % environments, (number + 1) % environments];
    let standing = (0..others).flat_map(|number| places(number).map(|environment| standing(&served, number, environment)));
    cluster.objects.extend(standing.collect::<Vec<_>>());
    // They have summed up before: nothing stands there of which only statuses tell.
    for environment in cluster.objects.iter_mut().filter(|object| object["kind"] == json!("InferenceEnvironment")) {
        environment["status"]["ledger"] = json!({});
    }
    cluster.sum_up();
    cluster
}

/// The same as v0.1.0 left it: only the statuses of the deployments tell what stands where.
pub(super) fn unlabelled(environments: usize, others: usize) -> Cluster {
    let mut objects = vec![stored(model())];
    objects.extend((0..environments).map(|number| stored(roomy(&format!("env-{number:04}")))));
    objects.extend((0..others).map(|number| stored(other(number, environments))));
    let own = stored(deployment(2));
    objects.push(own.clone());
    Cluster::new(own, objects)
}

/// What serves a deployment on another cluster.
fn served() -> Value {
    let mut cluster = unlabelled(2, 0);
    cluster.reconcile();
    cluster.report("object-env-0000-pd", true, true, true);
    cluster.composed["object-env-0000-pd"].clone()
}

/// What serves another team's deployment on an environment.
fn standing(served: &Value, number: usize, environment: usize) -> Value {
    let mut standing = served.clone();
    let metadata = &mut standing["metadata"];
    metadata["name"] = json!(format!("other-{number:04}-{environment:04}"));
    metadata["namespace"] = json!(format!("team-{:03}", number % 100));
    metadata["labels"]["modelplane.ai/environment"] = json!(format!("env-{environment:04}"));
    metadata["ownerReferences"][0]["name"] = json!(format!("other-{number:04}"));
    metadata["ownerReferences"][0]["uid"] = json!(format!("uid-of-{number:04}"));
    standing
}

/// The first environment of a fleet, about to be reconciled.
pub(super) fn environment_of(fleet: Cluster) -> Cluster {
    let mut own = fleet.objects.iter().find(|object| object["metadata"]["name"] == json!("env-0000")).unwrap().clone();
    let gpu = json!({"acceleratorType": "nvidia-h200", "acceleratorCount": 8, "memory": "141Gi"});
    own["spec"]["cluster"]["existing"]["nodePools"] = json!([{"name": "h200", "nodeCount": 2000, "gpu": gpu}]);
    Cluster { composite: own, ..fleet }
}

/// A deployment as it is while its engines load.
pub(super) fn loading(environments: usize, others: usize) -> Cluster {
    let mut cluster = fleet(environments, others);
    cluster.reconcile();
    cluster
}

/// A deployment that waits for room.
pub(super) fn waiting(environments: usize, others: usize) -> Cluster {
    let mut cluster = fleet(environments, others);
    cluster.composite["spec"]["scaling"]["fixed"]["replicas"] = json!(10_000);
    cluster.reconcile();
    cluster
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
