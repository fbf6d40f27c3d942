//! `crossplane render`, and objects that are older than a rule, bypass the schemas: the function holds every bound of them by itself.
//!
//! A schema is walked along manifests that hold every field. At each bound the manifest is changed to what is just allowed, which must
//! break no rule that it did not break before, and to what is just not, which must be refused with the field's path.

use std::collections::BTreeSet;

use function_modelplane::api::inference_environment::InferenceEnvironmentSpec;
use function_modelplane::api::input::Input;
use function_modelplane::api::model::ModelSpec;
use function_modelplane::api::model_deployment::{ModelDeploymentSpec, ModelKind};
use function_modelplane::domain::spec::deployment::validate_deployment;
use function_modelplane::domain::spec::environment::validate_environment;
use function_modelplane::domain::spec::input::validate_input;
use function_modelplane::domain::spec::model::validate_model;
use function_modelplane::domain::spec::violation::Violation;
use function_modelplane::structs::{from_struct, to_struct};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::schema::structural;

const BOUNDS: [&str; 9] =
    ["minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern", "x-kubernetes-list-map-keys", "default"];

/// The pattern of quantities that count things.
const WHOLE: &str = r"^\+?0*[1-9][0-9]*([KMGTPE]i|[kMGTPE])?$";

type Judge = fn(&Value) -> Vec<Violation>;

fn read<T: DeserializeOwned>(object: &Value) -> Result<T, Vec<Violation>> {
    from_struct(&to_struct(object).unwrap()).map_err(|error| vec![Violation::new(error.path, error.message)])
}

fn judge_deployment(object: &Value) -> Vec<Violation> {
    read(object).and_then(|deployment| validate_deployment(&deployment)).err().unwrap_or_default()
}

fn judge_model(object: &Value) -> Vec<Violation> {
    read(object).and_then(|model| validate_model(ModelKind::ClusterModel, &model)).map_or_else(|broken| broken, |model| model.violations())
}

fn judge_environment(object: &Value) -> Vec<Violation> {
    read(object).and_then(|environment| validate_environment(&environment)).err().unwrap_or_default()
}

fn judge_input(object: &Value) -> Vec<Violation> {
    read::<Input>(object).and_then(|input| validate_input(&input)).err().unwrap_or_default()
}

fn named(spec: &Value) -> Value {
    json!({"metadata": {"name": "it", "namespace": "team"}, "spec": spec})
}

fn deployments() -> Vec<Value> {
    let scalings = [
        json!({"signal": "Fixed", "fixed": {"replicas": 2}}),
        json!({"signal": "Concurrency", "concurrency":
              {"minReplicas": 1, "maxReplicas": 100_000, "target": 8, "utilization": 70, "scaleDownDelay": 300}}),
        json!({"signal": "WVA", "wva": {"minReplicas": 1, "maxReplicas": 100_000, "variantCost": "10",
              "keda": {"pollingInterval": 5, "cooldownPeriod": 60}}}),
        json!({"signal": "WVA", "wva": {"maxReplicas": 2, "hpa": {"behavior": {"scaleDown": {}}}}}),
    ];
    let deployment = |scaling: &Value| {
        named(&json!({
            "modelRef": {"kind": "ClusterModel", "name": "llama"}, "environments": 2, "topology": "PrefillDecode",
            "environmentSelector": {"matchLabels": {"a": "b"}}, "strategy": {"type": "RollingUpdate"},
            "scaling": scaling, "prefill": {"scaling": scaling},
        }))
    };
    scalings.iter().map(deployment).collect()
}

fn models() -> Vec<Value> {
    let engine = json!({
        "name": "vLLM", "image": "image", "args": ["--a"], "startupTimeoutSeconds": 60, "env": [{"name": "a", "value": "b"}], "pod": overlay(),
    });
    let resources = json!({"gpu": 4, "cpu": "4", "memory": "4Gi", "accelerator": "h100", "sharedMemory": "1Gi"});
    let profile = json!({
        "name": "profile", "topology": "PrefillDecode", "environmentSelector": {"matchLabels": {"a": "b"}},
        "engine": engine, "resources": resources, "prefill": {"engine": engine, "resources": resources},
    });
    let spec = json!({"model": {"name": "meta/Llama"}, "resources": {"vram": "80Gi", "cpu": "4", "memory": "4Gi", "ephemeralStorage": "80Gi"}, "serving": [profile]});
    let (mut hub, mut uri) = (spec.clone(), spec);
    hub["source"] = json!("HuggingFace");
    hub["huggingFace"] =
        json!({"repo": "meta/Llama", "revision": "main", "secretRef": {"name": "hub", "namespace": "hubs", "key": "HF_TOKEN"}});
    uri["source"] = json!("URI");
    uri["uri"] = json!("s3://a");
    let mut reader = uri.clone();
    reader["serviceAccountName"] = json!("reader");
    uri["uriSecretRef"] = json!({"name": "weights", "namespace": "stores", "keys": ["S3_ENDPOINT"]});
    for place in ["/serving/0/engine", "/serving/0/prefill/engine"] {
        reader.pointer_mut(place).unwrap()["pod"] = sharing();
    }
    vec![named(&hub), named(&uri), named(&reader)]
}

fn environments() -> Vec<Value> {
    let gpu = json!({"acceleratorType": "h100", "acceleratorCount": 8, "memory": "80Gi", "resourceName": "nvidia.com/gpu"});
    let claimed = json!({"acceleratorType": "gb200", "acceleratorCount": 4, "memory": "186Gi", "resourceClaimTemplateName": "one-gpu"});
    let pools = |gpu: &Value| {
        json!([{
            "name": "pool", "nodeCount": 2, "maxNodeCount": 4, "gpu": gpu, "nodeSelector": {"a": "b"}, "tolerations": [{"operator": "Exists"}],
        }])
    };
    let existing = json!({"secretRef": {"name": "east", "key": "kubeconfig"}, "identitySecretRef": {"name": "east", "key": "private_key"},
                          "nodePools": pools(&gpu)});
    let mut claiming = existing.clone();
    claiming["nodePools"] = pools(&claimed);
    let gke = json!({"project": "my-project", "region": "us-east1", "kubernetesVersion": "1.35", "nodePools": [{
        "name": "pool", "role": "GPU", "machineType": "a3", "diskSizeGb": 100, "nodeCount": 1, "minNodeCount": 0, "maxNodeCount": 8,
        "gpu": gpu, "zones": ["a"],
    }]});
    let mut claiming_gke = gke.clone();
    claiming_gke["nodePools"][0]["gpu"] = claimed.clone();
    let rdma = json!({
        "type": "InfiniBand", "resources": {"rdma/ib": 1}, "resourcesPerGpu": {"a.b/c": 2}, "annotations": {"a": "b"},
        "nodeSelector": {"a": "b"}, "env": [{"name": "a", "value": "b"}], "volumes": [{"name": "a", "hostPath": {"path": "/a"}}],
        "volumeMounts": [{"name": "a", "mountPath": "/a"}],
        "resourceClaims": [{"name": "nic", "resourceClaimTemplateName": "nic", "per": "GPU", "request": "nic"}],
    });
    let environment = |source: &str, block: &str, cluster: &Value| {
        named(
            &json!({"availability": "Cordoned", "rdma": rdma, "pod": overlay(), "namespaceLabels": {"a": "b"}, "cluster": {"source": source, block: cluster}}),
        )
    };
    let mut shared = environment("Existing", "existing", &existing);
    shared["spec"]["pod"] = sharing();
    shared["spec"]["rdma"]["resourceClaims"] = json!([{"name": "nics", "resourceClaimName": "nics"}]);
    vec![
        environment("Existing", "existing", &existing),
        environment("Existing", "existing", &claiming),
        shared,
        environment("GKE", "gke", &gke),
        environment("GKE", "gke", &claiming_gke),
        environment("Local", "local", &json!({"nodePools": pools(&gpu)})),
        environment("Local", "local", &json!({"nodePools": pools(&claimed)})),
    ]
}

/// Every field of a pod's overlay that has a bound.
fn overlay() -> Value {
    json!({
        "securityProfile": "Root", "labels": {"a": "b"}, "annotations": {"a": "b"}, "imagePullSecrets": [{"name": "a"}],
        "resourceClaims": [{"name": "nic", "resourceClaimTemplateName": "nic", "per": "Pod", "request": "nic"}],
        "resources": {"example.com/device": 1}, "nodeSelector": {"c": "d"}, "tolerations": [{"operator": "Exists"}],
        "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}],
        "priorityClassName": "a", "schedulerName": "a", "runtimeClassName": "a",
        "volumes": [{"name": "a", "hostPath": {"path": "/a"}}], "volumeMounts": [{"name": "home", "mountPath": "/a"}],
        "initContainers": [{"name": "b", "image": "b"}], "containers": [{"name": "c", "image": "c"}],
        "hostNetwork": false, "hostIPC": false, "dnsPolicy": "Default", "terminationGracePeriodSeconds": 1,
        "securityContext": {"runAsUser": 1}, "containerSecurityContext": {"runAsUser": 1},
    })
}

/// The same with a claim that all pods share.
fn sharing() -> Value {
    json!({"resourceClaims": [{"name": "imex", "resourceClaimName": "imex"}]})
}

fn inputs() -> Vec<Value> {
    vec![json!({"rdma": "Pin", "lint": "Warn", "ttl": "60s", "remoteNamespace": "models", "maxRejections": 20,
                "prometheus": {"serverAddress": "http://prometheus:9090", "unsafeSsl": false}})]
}

/// One place of a manifest, with its schema.
struct Place<'a> {
    schema: &'a Value,
    /// Its path in the words of an error.
    path: String,
    /// The same as a JSON pointer.
    pointer: String,
    /// The same without indexes and keys of maps: the same for every manifest.
    kind: String,
}

impl<'a> Place<'a> {
    fn inside(&self, schema: &'a Value, path: &str, pointer: &str, kind: &str) -> Self {
        let pointer = format!("{}/{}", self.pointer, pointer.replace('~', "~0").replace('/', "~1"));
        Self { schema, path: format!("{}{path}", self.path), pointer, kind: format!("{}{kind}", self.kind) }
    }

    /// The places inside that a manifest holds; without a manifest all that the schema knows.
    fn children(&self, object: Option<&Value>) -> Vec<Place<'a>> {
        let here = object.map(|object| object.pointer(&self.pointer).unwrap());
        let mut children = Vec::new();
        for (name, schema) in self.schema["properties"].as_object().into_iter().flatten() {
            if here.is_none_or(|here| here.get(name).is_some()) {
                let dot = if self.path.is_empty() { "" } else { "." };
                children.push(self.inside(schema, &format!("{dot}{name}"), name, &format!(".{name}")));
            }
        }
        if self.schema["items"].is_object() && here.is_none_or(|here| here.get(0).is_some()) {
            children.push(self.inside(&self.schema["items"], "[0]", "0", "[]"));
        }
        if self.schema["additionalProperties"].is_object() {
            let keys = here.map_or_else(|| vec!["any".to_owned()], |here| here.as_object().unwrap().keys().cloned().collect());
            children.extend(keys.iter().map(|key| self.inside(&self.schema["additionalProperties"], &format!("[{key:?}]"), key, "{}")));
        }
        children
    }

    fn bounds(&self) -> impl Iterator<Item = (String, &'static str)> {
        let held = BOUNDS.into_iter().filter(|bound| self.schema.get(bound).is_some());
        held.map(|bound| (self.kind.clone(), bound))
    }

    /// What is just allowed by a bound, and what is just not, each with the path of the field that is to blame.
    fn around(&self, bound: &str, base: &Value) -> (Vec<Value>, Vec<(Value, String)>) {
        let number = self.schema[bound].as_i64().unwrap_or_default();
        let here = |values: Vec<Value>| values.into_iter().map(|value| (value, self.path.clone())).collect();
        let length = |length: i64| self.fit(base, length);
        match bound {
            // A number of things: more than none, and whole.
            _ if self.schema["x-kubernetes-int-or-string"] == json!(true) && self.schema["pattern"] == json!(WHOLE) => (
                vec![json!(1), json!("2")],
                here(vec![json!("0"), json!("-1"), json!("0.5"), json!("1n"), json!("much"), json!(0), json!(-1)]),
            ),
            // A quantity: the two bounds say that it is more than nothing.
            _ if self.schema["x-kubernetes-int-or-string"] == json!(true) && bound != "default" => (
                vec![json!("1n"), json!("0.5"), json!(1)],
                here(vec![json!("0"), json!("-1"), json!("0.0e3"), json!("much"), json!(0), json!(-1)]),
            ),
            "minimum" => (vec![json!(number)], here(vec![json!(number - 1)])),
            "maximum" => (vec![json!(number)], here(vec![json!(number + 1)])),
            "minLength" | "minItems" if number == 0 => (vec![length(0)], Vec::new()),
            "minLength" | "minItems" => (vec![length(number)], here(vec![length(number - 1)])),
            "maxLength" | "maxItems" => (vec![length(number)], here(vec![length(number + 1)])),
            "pattern" => (Vec::new(), here(vec![json!(" ")])),
            "default" => (vec![Value::Null], Vec::new()),
            _ => (Vec::new(), vec![(json!([base[0], base[0]]), format!("{}[1].{}", self.path, self.list_key().unwrap()))]),
        }
    }

    /// The field by which the entries of a list are told apart.
    fn list_key(&self) -> Option<&str> {
        self.schema.get("x-kubernetes-list-map-keys")?[0].as_str()
    }

    /// A text or a list like `base`, but of a certain length.
    fn fit(&self, base: &Value, length: i64) -> Value {
        let length = usize::try_from(length).unwrap();
        if let Value::Array(items) = base {
            return (0..length)
                .map(|index| {
                    let mut item = items[0].clone();
                    if let Some(key) = self.list_key().filter(|key| item.get(*key).is_some()) {
                        item[key] = json!(if key == "mountPath" { format!("/n{index}") } else { format!("n{index}") });
                    }
                    item
                })
                .collect();
        }
        if self.path.ends_with("resourceName") && length >= 3 {
            let name = (length - 2).min(63);
            return json!(format!("{}/{}", "a".repeat(length - 1 - name), "b".repeat(name)));
        }
        json!(base.as_str().unwrap().chars().cycle().take(length).collect::<String>())
    }
}

/// Every bound that a schema states.
fn stated(place: &Place<'_>, found: &mut BTreeSet<(String, &'static str)>) {
    found.extend(place.bounds());
    for child in place.children(None) {
        stated(&child, found);
    }
}

/// Holds the bounds at one place of a manifest, and inside.
fn hold(place: &Place<'_>, object: &Value, judge: Judge, held: &mut BTreeSet<(String, &'static str)>) {
    let changed = |value: &Value| {
        let mut changed = object.clone();
        *changed.pointer_mut(&place.pointer).unwrap() = value.clone();
        changed
    };
    for (kind, bound) in place.bounds() {
        let (allowed, refused) = place.around(bound, object.pointer(&place.pointer).unwrap());
        let expected = if bound == "default" { judge(&changed(&place.schema["default"])) } else { judge(object) };
        for value in allowed {
            assert_eq!(judge(&changed(&value)), expected, "{bound} of {}: {value} is allowed", place.path);
        }
        for (value, path) in refused {
            let violations = judge(&changed(&value));
            // What cannot be read at all is named before anyone knows that it is an entry of a map.
            let entry = path.replace("[\"", ".").replace("\"]", "");
            assert!(
                violations.iter().any(|violation| [&path, &entry].contains(&&violation.path)),
                "{bound} of {path}: {value} is not refused: {violations:?}"
            );
        }
        held.insert((kind, bound));
    }
    for child in place.children(Some(object)) {
        hold(&child, object, judge, held);
    }
}

#[test]
fn the_function_holds_every_bound_of_the_schemas() {
    let spec = |schema: Value| json!({"properties": {"spec": schema}});
    let kinds: [(&str, Value, Vec<Value>, Judge); 4] = [
        ("ModelDeployment", spec(structural::<ModelDeploymentSpec>()), deployments(), judge_deployment),
        ("ClusterModel", spec(structural::<ModelSpec>()), models(), judge_model),
        ("InferenceEnvironment", spec(structural::<InferenceEnvironmentSpec>()), environments(), judge_environment),
        ("Input", structural::<Input>(), inputs(), judge_input),
    ];
    for (kind, schema, manifests, judge) in kinds {
        let root = Place { schema: &schema, path: String::new(), pointer: String::new(), kind: kind.to_owned() };
        let (mut wanted, mut held) = (BTreeSet::new(), BTreeSet::new());
        stated(&root, &mut wanted);
        for manifest in &manifests {
            hold(&root, manifest, judge, &mut held);
        }
        assert_eq!(wanted.difference(&held).collect::<Vec<_>>(), Vec::<&(String, &str)>::new(), "{kind}: no manifest holds these");
    }
}
