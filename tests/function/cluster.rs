//! Plays Crossplane around the function: fetches what it requires, applies what it wants, keeps what it reports.
//!
//! Only the calls of a reconcile are those that `preview` plays as well: what that says of a fleet is compared with what becomes of it
//! here, where names, uids and times are given as API servers give them.

use std::collections::BTreeMap;

use function_modelplane::cli::plane::conversation::{Call, converse};
use function_modelplane::function::proto::resource_selector::Match;
use function_modelplane::function::proto::{
    Condition, Ready, Resource, ResourceSelector, Resources, RunFunctionRequest, RunFunctionResponse, Severity, State, Status,
};
use function_modelplane::function::{Report, run};
use function_modelplane::structs::{from_struct, to_struct};
use prost::Message as _;
use serde_json::{Value, json};

/// A control plane with one composite resource under reconciliation.
#[derive(Clone)]
pub(crate) struct Cluster {
    /// Everything that can be required.
    pub(crate) objects: Vec<Value>,
    /// The composite resource.
    pub(crate) composite: Value,
    /// Its composed resources.
    pub(crate) composed: BTreeMap<String, Value>,
    /// The step's input.
    pub(crate) input: Option<Value>,
    /// What an earlier step wants.
    pub(crate) earlier: State,
    /// Whether it is Crossplane v2.4, which begins a reconcile with what the last one required.
    pub(crate) seeds: bool,
    /// Whether environments do not sum up what stands on them.
    pub(crate) stale: bool,
    /// What the last reconcile that was not refused required.
    pub(crate) tracked: BTreeMap<String, ResourceSelector>,
}

/// What came of one reconcile.
pub(crate) struct Reconciled {
    /// The last response.
    pub(crate) response: RunFunctionResponse,
    /// The last request, with everything that was required in the end.
    pub(crate) request: RunFunctionRequest,
    /// What the last call did.
    pub(crate) report: Report,
    /// How often the function was called.
    pub(crate) calls: usize,
    /// Bytes of all requests.
    pub(crate) bytes: usize,
}

impl Reconciled {
    /// The results: severity and message.
    pub(crate) fn results(&self) -> Vec<(Severity, String)> {
        self.response.results.iter().map(|result| (result.severity(), result.message.clone())).collect()
    }

    /// The message of a fatal result.
    pub(crate) fn fatal(&self) -> Option<String> {
        self.results().into_iter().find(|(severity, _)| *severity == Severity::Fatal).map(|(_, message)| message)
    }

    /// The conditions: type, status, reason.
    pub(crate) fn conditions(&self) -> Vec<(String, &'static str, String)> {
        self.response.conditions.iter().map(|condition| (condition.r#type.clone(), word(condition), condition.reason.clone())).collect()
    }

    /// The composed resources that are wanted.
    pub(crate) fn desired(&self) -> BTreeMap<String, Value> {
        let resources = self.response.desired.iter().flat_map(|state| &state.resources);
        resources.map(|(key, resource)| (key.clone(), from_struct(resource.resource.as_deref().unwrap()).unwrap())).collect()
    }

    /// The status that is wanted.
    pub(crate) fn status(&self) -> Value {
        let composite = self.response.desired.as_ref().and_then(|state| state.composite.as_ref());
        let object: Value =
            composite.and_then(|composite| composite.resource.as_deref()).map_or(Value::Null, |bytes| from_struct(bytes).unwrap());
        object["status"].clone()
    }

    /// Whether the composite resource is held back from being ready.
    pub(crate) fn held_back(&self) -> bool {
        self.response
            .desired
            .as_ref()
            .is_some_and(|state| state.composite.as_ref().is_some_and(|composite| composite.ready() == Ready::False))
    }
}

fn word(condition: &Condition) -> &'static str {
    match condition.status() {
        Status::ConditionTrue => "True",
        Status::ConditionFalse => "False",
        Status::ConditionUnknown => "Unknown",
        Status::ConditionUnspecified => "unspecified",
    }
}

/// A pool of an environment's status as its spec would declare it.
fn declared(pool: &Value) -> Value {
    let name = pool.get("name").unwrap_or(&pool["acceleratorType"]);
    let gpu = json!({"acceleratorType": pool["acceleratorType"], "acceleratorCount": pool["countPerNode"], "memory": pool["memory"]});
    json!({"name": name, "nodeCount": pool["nodes"], "gpu": gpu})
}

/// A number out of a text, the same on every machine.
pub(crate) fn number(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A uid out of a text.
pub(crate) fn uid(text: &str) -> String {
    let (a, b) = (number(text), number(&format!("{text}#")));
    format!("{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}", a >> 32, a >> 16 & 0xffff, a & 0xfff, b >> 48 & 0xfff, b & 0xffff_ffff_ffff)
}

impl Cluster {
    /// A control plane with objects and a composite resource.
    pub(crate) fn new(composite: Value, objects: Vec<Value>) -> Self {
        Self {
            objects,
            composite,
            composed: BTreeMap::new(),
            input: None,
            earlier: State::default(),
            seeds: false,
            stale: false,
            tracked: BTreeMap::new(),
        }
    }

    /// The same under Crossplane v2.4.
    pub(crate) fn seeding(self) -> Self {
        Self { seeds: true, ..self }
    }

    /// The request of a first call.
    pub(crate) fn request(&self) -> RunFunctionRequest {
        let resource = |object: &Value| Resource { resource: Some(to_struct(object).unwrap()), ..Resource::default() };
        RunFunctionRequest {
            observed: Some(State {
                composite: Some(resource(&self.composite)),
                resources: self.composed.iter().map(|(key, object)| (key.clone(), resource(object))).collect(),
            }),
            desired: Some(self.earlier.clone()),
            input: self.input.as_ref().map(|input| to_struct(input).unwrap()),
            ..RunFunctionRequest::default()
        }
    }

    /// What a selector finds, composed resources among it.
    pub(crate) fn select(&self, selector: &ResourceSelector) -> Resources {
        let found = self.objects.iter().chain(self.composed.values()).filter(|object| {
            let metadata = &object["metadata"];
            let matches = match &selector.r#match {
                Some(Match::MatchName(name)) => {
                    metadata["name"] == json!(name) && metadata["namespace"].as_str() == selector.namespace.as_deref()
                }
                Some(Match::MatchLabels(wanted)) => wanted.labels.iter().all(|(key, value)| metadata["labels"][key] == json!(value)),
                None => false,
            };
            matches && object["kind"] == json!(selector.kind) && object["apiVersion"] == json!(selector.api_version)
        });
        Resources { items: found.map(|object| Resource { resource: Some(to_struct(object).unwrap()), ..Resource::default() }).collect() }
    }

    /// Lets the environments sum up what stands on them, and nothing else of their own call.
    pub(crate) fn sum_up(&mut self) {
        self.sum_up_only(|_| true);
    }

    /// Lets some of the environments do so.
    pub(crate) fn sum_up_only(&mut self, chosen: impl Fn(&str) -> bool) {
        let sum = |object: &Value| {
            let mut environment = object.clone();
            let pools = object["status"]["capacity"]["gpuPools"].as_array().cloned().unwrap_or_default();
            let cluster = &mut environment["spec"]["cluster"];
            let source = if cluster["source"] == json!("Local") { "local" } else { "existing" };
            cluster[source]["nodePools"] = pools.iter().filter(|pool| pool["nodes"] != json!(0)).map(declared).collect();
            let request = Self::new(environment, Vec::new()).request();
            self.converse(request, self.seeds.then(BTreeMap::new)).status()["ledger"].clone()
        };
        let is_environment =
            |object: &Value| object["kind"] == json!("InferenceEnvironment") && object["metadata"]["name"].as_str().is_some_and(&chosen);
        let sums: Vec<Value> = self.objects.iter().filter(|object| is_environment(object)).map(sum).collect();
        for (object, sum) in self.objects.iter_mut().filter(|object| is_environment(object)).zip(sums) {
            if sum.is_object() {
                object["status"]["ledger"] = sum;
            }
        }
    }

    /// Calls the function until its requirements no longer change, and changes nothing.
    pub(crate) fn dry_run(&self) -> Reconciled {
        let seeded = self.seeds.then(|| self.tracked.iter().map(|(key, selector)| (key.clone(), self.select(selector))).collect());
        self.converse(self.request(), seeded)
    }

    fn converse(&self, request: RunFunctionRequest, seeded: Option<BTreeMap<String, Resources>>) -> Reconciled {
        let (mut calls, mut bytes) = (0, 0);
        let counted = |request: &RunFunctionRequest| {
            calls += 1;
            bytes += request.encoded_len();
            run(request)
        };
        let last = converse(request, seeded.as_ref(), |selector| self.select(selector), counted);
        let Call { request, response, report } = last.expect("Crossplane gives up after six calls");
        Reconciled { response, request, report, calls, bytes }
    }

    /// Reconciles: a fatal result changes nothing but conditions; otherwise what is not wanted is deleted.
    pub(crate) fn reconcile(&mut self) -> Reconciled {
        if !self.stale {
            self.sum_up();
        }
        let reconciled = self.dry_run();
        let conditions: Vec<Value> = reconciled
            .response
            .conditions
            .iter()
            .map(|condition| {
                json!({"type": condition.r#type, "status": word(condition), "reason": condition.reason, "message": condition.message(),
                       "lastTransitionTime": "2024-01-01T00:00:00Z"})
            })
            .collect();
        if reconciled.fatal().is_none() {
            self.composite["status"] = reconciled.status();
            self.apply(reconciled.desired());
            self.tracked = reconciled.response.requirements.clone().unwrap_or_default().resources;
        }
        let mut all: Vec<Value> = self.composite["status"]["conditions"].as_array().cloned().unwrap_or_default();
        all.retain(|old| conditions.iter().all(|new| new["type"] != old["type"]));
        all.extend(conditions);
        if !self.composite["status"].is_object() {
            self.composite["status"] = json!({});
        }
        self.composite["status"]["conditions"] = Value::Array(all);
        reconciled
    }

    fn apply(&mut self, desired: BTreeMap<String, Value>) {
        let namespace = self.composite["metadata"]["namespace"].clone();
        let before = std::mem::take(&mut self.composed);
        for (key, mut object) in desired {
            let old = before.get(&key).cloned().unwrap_or(Value::Null);
            let metadata = object["metadata"].as_object_mut().map(std::mem::take).unwrap_or_default();
            object["metadata"] = Value::Object(metadata);
            if object["metadata"]["name"].is_null() {
                object["metadata"]["name"] = json!(format!("generated-{key}"));
            }
            object["metadata"]["namespace"] = namespace.clone();
            let owner = self.composite["metadata"]["uid"].as_str().unwrap_or_default();
            object["metadata"]["uid"] = old["metadata"].get("uid").cloned().unwrap_or_else(|| json!(uid(&format!("{owner}/{key}"))));
            object["metadata"]["ownerReferences"] = json!([{
                "apiVersion": self.composite["apiVersion"], "kind": self.composite["kind"], "name": self.composite["metadata"]["name"],
                "uid": self.composite["metadata"]["uid"], "controller": true,
            }]);
            object["metadata"]["managedFields"] = json!([{"manager": "crossplane", "fieldsV1": {"f:spec": {}}}]);
            object["metadata"]["annotations"]["crossplane.io/composition-resource-name"] = json!(key);
            object["status"] = old["status"].clone();
            if object["status"].is_null() {
                object.as_object_mut().unwrap().remove("status");
            }
            self.composed.insert(key, object);
        }
    }

    /// Sets a serving object's conditions, on whatever cluster it is: `True` or `False` for each phase and the router.
    pub(crate) fn report(&mut self, key: &str, decode: bool, prefill: bool, router: bool) {
        let ready = decode && prefill && router;
        let condition = |kind: &str, status: bool| {
            let status = if status { "True" } else { "False" };
            json!({"type": kind, "status": status, "reason": "Reported", "message": "by KServe"})
        };
        let status = json!({
            "url": "http://gateway/served",
            "conditions": [
                condition("PresetsCombined", true), condition("MainWorkloadReady", decode), condition("PrefillWorkloadReady", prefill),
                condition("RouterReady", router), condition("WorkloadsReady", decode && prefill), condition("Ready", ready),
            ],
        });
        let object = self.composed.get_mut(key).unwrap();
        if object["kind"] == json!("Object") {
            let mut manifest = object["spec"]["forProvider"]["manifest"].clone();
            manifest["metadata"]["generation"] = json!(1);
            manifest["status"] = status;
            object["status"] =
                json!({"atProvider": {"manifest": manifest}, "conditions": [condition("Synced", true), condition("Ready", ready)]});
        } else {
            object["status"] = status;
        }
    }

    /// Marks every Object that is not a serving object as there.
    pub(crate) fn create_the_rest(&mut self) {
        for object in self.composed.values_mut().filter(|object| object["kind"] == json!("Object")) {
            if object["spec"]["forProvider"]["manifest"]["kind"] != json!("LLMInferenceService") {
                object["status"] = json!({"conditions": [{"type": "Ready", "status": "True", "reason": "Available"}]});
            }
        }
    }

    /// Changes one of the objects that can be required.
    pub(crate) fn change(&mut self, kind: &str, name: &str, change: impl FnOnce(&mut Value)) {
        let found = self.objects.iter_mut().find(|object| object["kind"] == json!(kind) && object["metadata"]["name"] == json!(name));
        change(found.unwrap());
    }

    /// Deletes one of the objects that can be required.
    pub(crate) fn delete(&mut self, kind: &str, name: &str) {
        self.objects.retain(|object| object["kind"] != json!(kind) || object["metadata"]["name"] != json!(name));
    }
}
