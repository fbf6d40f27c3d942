//! What an InferenceEnvironment may not say, beyond the bounds that the schemas state, and the pools that it has.

use function_modelplane::domain::spec::environment::{Pool, validate_environment};
use serde_json::{Value, json};

const TEMPLATE: &str = "holds \"{{\", which KServe takes for a template of its own; only an engine's arguments may hold it";

fn environment() -> Value {
    json!({
        "metadata": {"name": "east"},
        "spec": {
            "cluster": {"source": "Existing", "existing": {"secretRef": {"name": "east"}, "nodePools": [
                {"name": "h100", "gpu": {"acceleratorType": "nvidia-h100", "memory": "80Gi"}},
            ]}},
            "rdma": {"type": "InfiniBand"},
        },
    })
}

/// What is wrong, each on a line of its own, when `value` is at `pointer`.
fn violations(pointer: &str, value: Value) -> Vec<String> {
    let mut object = environment();
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    object.pointer_mut(parent).unwrap()[field] = value;
    let found = validate_environment(&serde_json::from_value(object).unwrap()).err().unwrap_or_default();
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn what_no_pod_could_have_is_refused_with_its_place() {
    let pool = "/spec/cluster/existing/nodePools/0";
    let text = "may have letters, digits, '-', '_' and '.' only, and must start and end with a letter or digit";
    let cases = [
        (
            format!("{pool}/nodeSelector"),
            json!({"bad key": "x", "zone": "a b"}),
            vec![
                format!("spec.cluster.existing.nodePools[0].nodeSelector[\"bad key\"]: is not a label's key: the name {text}"),
                format!("spec.cluster.existing.nodePools[0].nodeSelector[\"zone\"]: is not a label's value: the value {text}"),
            ],
            "no node has such labels, so no pod would start",
        ),
        (
            format!("{pool}/gpu/resourceName"),
            json!("cpu"),
            vec![
                "spec.cluster.existing.nodePools[0].gpu.resourceName: is not a device's resource: a device's resource has a domain in front, \
                 as in \"nvidia.com/gpu\""
                    .to_owned(),
            ],
            "the GPUs would take the place of the pod's CPU",
        ),
        (
            format!("{pool}/tolerations"),
            json!([{"key": "{{ x }}"}]),
            vec![format!("spec.cluster.existing.nodePools[0].tolerations: {TEMPLATE}")],
            "KServe would fail to reconcile",
        ),
        (
            "/spec/rdma/resources".to_owned(),
            json!({"memory": 1, "nvidia.com/gpu": 1, "rdma/ib": 1}),
            vec![
                "spec.rdma.resources[\"memory\"]: is what the resources of the profile or the model say; write it there".to_owned(),
                "spec.rdma.resources[\"nvidia.com/gpu\"]: is what the GPUs of pool h100 go by; remove it".to_owned(),
            ],
            "both would be overwritten by what the pod itself asks for",
        ),
        (
            "/spec/rdma/annotations".to_owned(),
            json!({"K8s.v1.CNI.cncf.io/networks": "a", "a b": "c", "d": "{{ x }}"}),
            vec![
                format!("spec.rdma.annotations[\"a b\"]: is not an annotation's key: the name {text}"),
                format!("spec.rdma.annotations[\"d\"]: {TEMPLATE}"),
            ],
            "upper case is fine in an annotation's key",
        ),
        (
            "/spec/rdma/nodeSelector".to_owned(),
            json!({"a": "{{ x }}"}),
            vec![format!("spec.rdma.nodeSelector[\"a\"]: is not a label's value: the value {text}")],
            "no label holds a template",
        ),
    ];
    for (pointer, value, expected, why) in cases {
        assert_eq!(violations(&pointer, value), expected, "{why}");
    }
}

#[test]
fn what_would_break_the_engines_container_is_refused_with_its_place() {
    let cases = [
        (
            "/spec/rdma/env".to_owned(),
            json!([{"name": "IT'S", "value": "a"}, {"name": "B", "value": "{{"}, {"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "{{"}}}]),
            vec![
                "spec.rdma.env[0].name: must be a variable's name: printable ASCII without '=', single quotes and \"{{\"".to_owned(),
                format!("spec.rdma.env[1].value: {TEMPLATE}"),
                format!("spec.rdma.env[2].valueFrom: {TEMPLATE}"),
            ],
            "an argument may refer to the name, and the quote would end the argument's own",
        ),
        (
            "/spec/rdma/env".to_owned(),
            json!([{"name": "HOME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}, {"name": "HF_HUB_CACHE", "value": "/fast"}]),
            vec![
                "spec.rdma.env[0].valueFrom: cannot be where HOME comes from, because KServe's presets give it a value and both would \
                 remain; write a value"
                    .to_owned(),
            ],
            "no Deployment could be made of it; another value is merged over the preset's",
        ),
        (
            "/spec/rdma/volumes".to_owned(),
            json!([{"name": "model-cache", "hostPath": {"path": "/fast"}}, {"name": "b", "hostPath": {"path": "/b"}}]),
            vec![
                "spec.rdma.volumes[0].name: is \"model-cache\", a volume of KServe's own, with which it would be merged; give it another name"
                    .to_owned(),
            ],
            "a volume of two kinds is none",
        ),
        (
            "/spec/rdma/volumes".to_owned(),
            json!([{"name": "a", "hostPath": {"path": "{{"}}]),
            vec![format!("spec.rdma.volumes[0]: {TEMPLATE}")],
            "the place is the volume",
        ),
        (
            "/spec/rdma/volumeMounts".to_owned(),
            json!([{"name": "a"}, {"mountPath": "/{{"}]),
            vec![
                "spec.rdma.volumeMounts[0].mountPath: is missing; a mount names a volume and says where it goes".to_owned(),
                "spec.rdma.volumeMounts[1].name: is missing; a mount names a volume and says where it goes".to_owned(),
                format!("spec.rdma.volumeMounts[1]: {TEMPLATE}"),
            ],
            "a mount without a path",
        ),
    ];
    for (pointer, value, expected, why) in cases {
        assert_eq!(violations(&pointer, value), expected, "{why}");
    }
}

#[test]
fn what_somebody_reports_keeps_the_same_rules() {
    let pool = |name: &str| json!({"name": name, "acceleratorType": "a", "memory": "80Gi", "countPerNode": 8, "nodes": 1});
    let mut odd = pool("h100");
    odd["memory"] = json!("0");
    odd["resourceName"] = json!("gpu");
    odd["nodeSelector"] = json!({"a": "-"});
    let found = violations("/status", json!({"capacity": {"gpuPools": [pool("h100"), odd]}}));
    let paths: Vec<&str> = found.iter().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(
        paths,
        [
            "status.capacity.gpuPools[1].name",
            "status.capacity.gpuPools[1].memory",
            "status.capacity.gpuPools[1].resourceName",
            "status.capacity.gpuPools[1].nodeSelector[\"a\"]",
        ]
    );
}

#[test]
fn a_spec_that_breaks_rules_is_invalid_whatever_the_status_says() {
    let mut object = environment();
    object["spec"]["cluster"]["existing"]["nodePools"][0]["nodeCount"] = json!(0);
    object["status"] = json!({"capacity": {"gpuPools": []}});
    let found = validate_environment(&serde_json::from_value(object).unwrap()).unwrap_err();
    assert_eq!(
        found.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["spec.cluster.existing.nodePools[0].nodeCount: is 0; set it to 1 to 100000"]
    );
}

/// The pools of an environment whose cluster and status are these.
fn pools(cluster: &Value, status: &Value) -> Vec<Pool> {
    let object = json!({"metadata": {"name": "east"}, "spec": {"cluster": cluster}, "status": status});
    validate_environment(&serde_json::from_value(object).unwrap()).unwrap().pools
}

/// A record knows its pool by the id alone: of two with one id a placement would be charged to the other.
#[test]
fn a_pool_without_a_name_goes_by_its_accelerator_type_and_by_no_given_name() {
    let pool = |name: Value, kind: &str| json!({"name": name, "acceleratorType": kind, "memory": "80Gi", "countPerNode": 8, "nodes": 1});
    let reported = [
        pool(Value::Null, "h100"),
        pool(Value::Null, "h200"),
        pool(json!("h100"), "h200"),
        pool(Value::Null, "h100"),
        pool(json!("h100-2"), "l4"),
    ];
    let cluster = json!({"source": "Existing", "existing": {"secretRef": {"name": "east"}}});
    let found = pools(&cluster, &json!({"capacity": {"gpuPools": reported}}));
    let found: Vec<_> = found.iter().map(|pool| (pool.id.as_str(), pool.named, pool.accelerator_type.as_str())).collect();
    let expected =
        [("h100", true, "h200"), ("h100-2", true, "l4"), ("h100-3", false, "h100"), ("h100-4", false, "h100"), ("h200", false, "h200")];
    assert_eq!(found, expected);
}

/// A pool that scales has room for a placement before its nodes are there.
#[test]
fn the_most_nodes_of_a_pool_count_instead_of_those_it_has() {
    let gpu = json!({"acceleratorType": "h100", "acceleratorCount": 8, "memory": "80Gi"});
    let declared = |name: &str, most: Value| json!({"name": name, "nodeCount": 2, "maxNodeCount": most, "gpu": gpu});
    let node_pools = [declared("fixed", Value::Null), declared("scales", json!(5))];
    let gke = [json!(5), Value::Null].map(|most| {
        json!({"name": format!("most-{most}"), "role": "GPU", "machineType": "a3", "nodeCount": 2, "maxNodeCount": most, "gpu": gpu})
    });
    let cases = [
        (
            json!({"source": "Existing", "existing": {"secretRef": {"name": "east"}, "nodePools": node_pools}}),
            vec![("fixed", 2), ("scales", 5)],
        ),
        (json!({"source": "Local", "local": {"nodePools": node_pools}}), vec![("fixed", 2), ("scales", 5)]),
        (
            json!({"source": "GKE", "gke": {"project": "my-project", "region": "us-east1", "nodePools": gke}}),
            // Where nothing is said it is 8.
            vec![("most-5", 5), ("most-null", 8)],
        ),
    ];
    for (cluster, expected) in cases {
        let found = pools(&cluster, &json!({}));
        assert_eq!(found.iter().map(|pool| (pool.id.as_str(), pool.nodes)).collect::<Vec<_>>(), expected, "{}", cluster["source"]);
    }
}
