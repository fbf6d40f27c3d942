//! Many composite resources under a control plane that is the tests' own, and what `kubectl get -o yaml` would print of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use function_modelplane::cli::manifests::load;
use function_modelplane::cli::yaml_output::to_yaml;
use serde_json::{Value, json};

use crate::function::cluster::{Cluster, Reconciled, number, uid};

/// A control plane.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Fleet {
    /// Every composite resource.
    pub(super) objects: Vec<Value>,
    /// What each deployment has, by resource key.
    pub(super) composed: BTreeMap<String, BTreeMap<String, Value>>,
    /// Why the function refuses a deployment.
    pub(super) refused: BTreeMap<String, String>,
}

/// `namespace/name`; the name alone where there is no namespace.
pub(super) fn name_of(object: &Value) -> String {
    let text = |field: &str| object["metadata"][field].as_str();
    text("namespace").map_or_else(String::new, |namespace| format!("{namespace}/")) + text("name").unwrap()
}

impl Fleet {
    /// What is in files and folders: composite resources, and what is composed for them.
    pub(super) fn read(paths: &[PathBuf]) -> Self {
        let mut fleet = Self::default();
        for manifest in load(paths, &mut std::io::empty(), &mut Vec::new()).unwrap() {
            match manifest.object.pointer("/metadata/annotations/crossplane.io~1composition-resource-name") {
                Some(key) => {
                    let owner = &manifest.object["metadata"]["ownerReferences"][0]["name"];
                    let owner = format!("{}/{}", manifest.namespace.as_deref().unwrap(), owner.as_str().unwrap());
                    fleet.composed.entry(owner).or_default().insert(key.as_str().unwrap().to_owned(), manifest.object.clone());
                }
                None => fleet.objects.push(identified(manifest.object)),
            }
        }
        fleet
    }

    fn of_kind(&self, kind: &str) -> Vec<usize> {
        (0..self.objects.len()).filter(|index| self.objects[*index]["kind"] == json!(kind)).collect()
    }

    /// The deployments by name.
    pub(super) fn deployments(&self) -> BTreeMap<String, &Value> {
        self.of_kind("ModelDeployment").into_iter().map(|index| (name_of(&self.objects[index]), &self.objects[index])).collect()
    }

    /// Applies an object as `kubectl apply` does: the status stays.
    pub(super) fn apply(&mut self, mut object: Value) {
        let same = |other: &&mut Value| other["kind"] == object["kind"] && name_of(other) == name_of(&object);
        match self.objects.iter_mut().find(same) {
            Some(live) => {
                object["status"] = live["status"].clone();
                for field in ["creationTimestamp", "uid"] {
                    object["metadata"][field] = live["metadata"][field].clone();
                }
                *live = object;
            }
            None => self.objects.push(identified(object)),
        }
    }

    /// Deletes an object, and what is composed for it.
    pub(super) fn delete(&mut self, kind: &str, name: &str) {
        self.objects.retain(|object| object["kind"] != json!(kind) || name_of(object) != name);
        self.composed.remove(name);
    }

    fn reconcile(&mut self, index: usize) -> Reconciled {
        let composite = self.objects[index].clone();
        let name = name_of(&composite);
        let others = self.composed.iter().filter(|(owner, _)| **owner != name).flat_map(|(_, composed)| composed.values());
        let mut cluster = Cluster::new(composite, self.objects.iter().chain(others).cloned().collect());
        cluster.composed = self.composed.get(&name).cloned().unwrap_or_default();
        cluster.stale = true;
        let reconciled = cluster.reconcile();
        self.objects[index] = cluster.composite;
        if self.objects[index]["kind"] == json!("ModelDeployment") {
            self.composed.insert(name.clone(), cluster.composed);
            match reconciled.fatal() {
                Some(message) => self.refused.insert(name, message),
                None => self.refused.remove(&name),
            };
        }
        reconciled
    }

    /// Reconciles everything until nothing changes.
    pub(super) fn come_to_rest(&mut self) {
        for _ in 0..32 {
            let before = self.clone();
            for kind in ["InferenceEnvironment", "ModelDeployment"] {
                self.of_kind(kind).into_iter().for_each(|index| _ = self.reconcile(index));
            }
            if *self == before {
                return;
            }
        }
        panic!("the fleet does not come to rest");
    }

    /// What is new becomes ready; returns whether anything was new.
    pub(super) fn become_ready(&mut self) -> bool {
        let mut any = false;
        for (name, composed) in &mut self.composed {
            let mut cluster = Cluster::new(json!({"metadata": {"name": name}}), Vec::new());
            cluster.composed = std::mem::take(composed);
            let new = |object: &Value| object["status"].is_null() && object["kind"] != json!("ServiceAccount");
            let keys: Vec<String> = cluster.composed.iter().filter(|(_, object)| new(object)).map(|(key, _)| key.clone()).collect();
            any |= !keys.is_empty();
            for key in keys {
                let object = &cluster.composed[&key];
                let held = object.pointer("/spec/forProvider/manifest").unwrap_or(object);
                if held["kind"] == json!("LLMInferenceService") {
                    cluster.report(&key, true, true, true);
                } else {
                    let ready = json!([{"type": "Ready", "status": "True", "reason": "Available"}]);
                    cluster.composed.get_mut(&key).unwrap()["status"] = json!({"conditions": ready});
                }
            }
            *composed = cluster.composed;
        }
        any
    }

    /// Until nothing changes and everything is ready.
    pub(super) fn settle(&mut self) {
        self.come_to_rest();
        while self.become_ready() {
            self.come_to_rest();
        }
    }

    /// Two files, as `kubectl get --all-namespaces -o yaml` prints them.
    pub(super) fn export(&self) -> [(&'static str, String); 2] {
        let mut composed = Vec::new();
        let mut composites = Vec::new();
        for object in &self.objects {
            let name = name_of(object);
            let mut composite = stored(object.clone());
            let mut references = Vec::new();
            for (key, object) in self.composed.get(&name).into_iter().flatten() {
                let object = stored_composed(object.clone(), key, &composite);
                references.push(json!({"apiVersion": object["apiVersion"], "kind": object["kind"], "name": object["metadata"]["name"]}));
                composed.push(object);
            }
            if !references.is_empty() {
                let composition = format!("{}s.modelplane.ai", object["kind"].as_str().unwrap().to_lowercase());
                composite["spec"]["crossplane"] = json!({"compositionRef": {"name": composition}, "resourceRefs": references});
            }
            composites.push(composite);
        }
        let list = |items: Vec<Value>| {
            format!(
                "# Written by `./generate schemas`.\n{}",
                to_yaml(&json!({"apiVersion": "v1", "items": items, "kind": "List", "metadata": {"resourceVersion": ""}})).unwrap()
            )
        };
        [("modelplane.yaml", list(composites)), ("composed.yaml", list(composed))]
    }
}

/// Reads files below the example.
pub(super) fn fleet_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/fleet").join(name)
}

/// What an API server adds to an object by which others know it.
fn identified(mut object: Value) -> Value {
    let seed = format!("{}/{}", object["kind"].as_str().unwrap(), name_of(&object));
    if object["metadata"]["uid"].is_null() {
        object["metadata"]["uid"] = json!(uid(&seed));
        object["metadata"]["creationTimestamp"] = json!(created(&seed));
    }
    object
}

/// What an API server and Crossplane add to a composite resource.
fn stored(mut object: Value) -> Value {
    let name = name_of(&object);
    let seed = format!("{}/{name}", object["kind"].as_str().unwrap());
    let metadata = &mut object["metadata"];
    metadata["generation"] = json!(1);
    metadata["resourceVersion"] = json!((number(&seed) % 1_000_000).to_string());
    metadata["finalizers"] = json!(["composite.apiextensions.crossplane.io"]);
    let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let crossplane = [("Synced", "ReconcileSuccess"), ("Ready", "Available")]
        .map(|(kind, reason)| json!({"type": kind, "status": "True", "reason": reason, "message": ""}));
    let all: Vec<Value> = conditions.into_iter().chain(crossplane).collect();
    object["status"]["conditions"] = json!(all);
    for condition in object["status"]["conditions"].as_array_mut().unwrap() {
        condition["lastTransitionTime"] = json!(created(&seed));
    }
    object
}

fn created(seed: &str) -> String {
    format!("2026-0{}-{:02}T09:{:02}:00Z", 1 + number(seed) % 8, 1 + number(seed) / 8 % 28, number(seed) / 256 % 60)
}

/// What an API server, Crossplane and provider-kubernetes add to a composed resource.
fn stored_composed(mut object: Value, key: &str, composite: &Value) -> Value {
    let owner = &composite["metadata"];
    let seed = format!("{}/{key}", owner["uid"].as_str().unwrap());
    let metadata = object["metadata"].as_object_mut().unwrap();
    metadata.remove("managedFields");
    if metadata["name"].as_str().unwrap().starts_with("generated-") {
        let prefix = format!("{}-", owner["name"].as_str().unwrap());
        metadata.insert("name".to_owned(), json!(format!("{prefix}{:012x}", number(&seed) & 0xffff_ffff_ffff)));
        metadata.insert("generateName".to_owned(), json!(prefix));
    }
    metadata.insert("creationTimestamp".to_owned(), owner["creationTimestamp"].clone());
    metadata.entry("labels").or_insert_with(|| json!({}))["crossplane.io/composite"] = owner["name"].clone();
    metadata["ownerReferences"][0]["blockOwnerDeletion"] = json!(true);
    if object["kind"] == json!("Object") {
        // The defaults of its definition.
        let spec = object["spec"].as_object_mut().unwrap();
        spec.entry("managementPolicies").or_insert(json!(["*"]));
        spec.entry("readiness").or_insert(json!({"policy": "SuccessfulCreate"}));
        spec.entry("watch").or_insert(json!(false));
        // What is there is what is wanted, and the report.
        if let Some(held) = object.pointer_mut("/status/atProvider/manifest").and_then(Value::as_object_mut) {
            held.remove("spec");
        }
    }
    object
}
