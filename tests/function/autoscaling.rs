//! The Workload Variant Autoscaler, per phase: admitted on the fewest replicas, never beside a fixed number.

use function_modelplane::function::proto::Severity;
use serde_json::{Value, json};

use super::cluster::Reconciled;
use super::fleet::{cluster, settled};

fn spec(reconciled: &Reconciled) -> Value {
    reconciled.desired()["object-east-pd"]["spec"]["forProvider"]["manifest"]["spec"].clone()
}

/// The scaling of both phases.
fn scaling(spec: &Value) -> [[Value; 2]; 2] {
    [spec, &spec["prefill"]].map(|phase| [phase["replicas"].clone(), phase["scaling"].clone()])
}

#[test]
fn each_phase_has_its_own_scaling_and_keda_acts_where_nothing_is_said() {
    let mut cluster = cluster(1);
    cluster.composite["spec"]["scaling"] = json!({"signal": "WVA", "wva": {"minReplicas": 1, "maxReplicas": 2}});
    let wva = json!({"minReplicas": 2, "maxReplicas": 4, "variantCost": "2.5", "keda": {"pollingInterval": 15}});
    cluster.composite["spec"]["prefill"]["scaling"] = json!({"signal": "WVA", "wva": wva});
    let reconciled = cluster.reconcile();
    assert_eq!(
        scaling(&spec(&reconciled)),
        [
            [Value::Null, json!({"minReplicas": 1, "maxReplicas": 2, "wva": {"variantCost": "10.0", "keda": {}}})],
            [Value::Null, json!({"minReplicas": 2, "maxReplicas": 4, "wva": {"variantCost": "2.5", "keda": {"pollingInterval": 15}}})],
        ]
    );
    let item = reconciled.status()["placements"]["items"][0].clone();
    assert_eq!(item["decode"], json!({"pool": "h200", "gpusPerReplica": 4, "replicas": 1, "maxReplicas": 2, "ready": false}));
    let warnings = reconciled.results().into_iter().filter(|(severity, _)| *severity == Severity::Warning).count();
    assert_eq!(warnings, 0, "8 and 4 of 16 GPUs");
}

#[test]
fn one_phase_may_be_fixed_and_the_accelerator_is_labelled_whatever_the_signal() {
    let mut cluster = cluster(1);
    let hpa = json!({"behavior": {"scaleDown": {"stabilizationWindowSeconds": 600}}});
    cluster.composite["spec"]["scaling"] = json!({"signal": "WVA", "wva": {"maxReplicas": 2, "hpa": hpa}});
    let spec = spec(&cluster.reconcile());
    assert_eq!(
        scaling(&spec),
        [[Value::Null, json!({"minReplicas": 1, "maxReplicas": 2, "wva": {"variantCost": "10.0", "hpa": hpa}})], [json!(4), Value::Null],]
    );
    let label = json!({"inference.optimization/acceleratorName": "nvidia-h200"});
    assert_eq!((&spec["labels"], &spec["prefill"]["labels"]), (&label, &label));
}

#[test]
fn a_maximum_that_cannot_fit_is_warned_of_once_and_admits_all_the_same() {
    let mut cluster = cluster(1);
    cluster.composite["spec"]["scaling"] = json!({"signal": "WVA", "wva": {"minReplicas": 2, "maxReplicas": 6}});
    let said = "east: maxReplicas cannot be reached beside what others hold; missing are 12 GPUs of pool h200, which has 16";
    let placed = cluster.reconcile();
    assert_eq!(
        placed.results(),
        vec![(Severity::Normal, "PlacementsScheduled: 1/1 placed".to_owned()), (Severity::Warning, said.to_owned())]
    );
    assert_eq!(cluster.reconcile().results(), vec![]);
}

#[test]
fn fixed_to_wva_and_back_changes_the_scaling_alone() {
    let mut cluster = settled();
    let fixed = cluster.reconcile();
    let before = cluster.composite["spec"]["scaling"].clone();
    cluster.composite["spec"]["scaling"] = json!({"signal": "WVA", "wva": {"minReplicas": 2, "maxReplicas": 2}});
    let scaled = cluster.reconcile();
    let (mut expected, mut found) = (spec(&fixed), spec(&scaled));
    expected.as_object_mut().unwrap().remove("replicas");
    assert_eq!(found.as_object_mut().unwrap().remove("scaling").unwrap()["maxReplicas"], json!(2));
    assert_eq!(found, expected);
    assert_eq!(scaled.desired().keys().collect::<Vec<_>>(), fixed.desired().keys().collect::<Vec<_>>());
    cluster.composite["spec"]["scaling"] = before;
    assert_eq!(cluster.reconcile().desired(), fixed.desired());
}

#[test]
fn the_status_says_how_many_replicas_serve_where_kserve_reports_them() {
    let mut cluster = settled();
    cluster.composite["spec"]["scaling"] = json!({"signal": "WVA", "wva": {"minReplicas": 1, "maxReplicas": 3}});
    let manifest = "/status/atProvider/manifest/status/workloads";
    let report = |cluster: &mut super::cluster::Cluster, workloads: Value| {
        cluster.composed.get_mut("object-east-pd").unwrap()["status"]["atProvider"]["manifest"]["status"]["workloads"] = workloads;
        assert!(cluster.composed["object-east-pd"].pointer(manifest).is_some());
        let item = cluster.reconcile().status()["placements"]["items"][0].clone();
        [item["decode"].clone(), item["prefill"].clone()]
    };
    let phases = |decode: Option<u32>, prefill: Option<u32>| {
        let mut phases = [
            json!({"pool": "h200", "gpusPerReplica": 4, "replicas": 1, "maxReplicas": 3, "ready": true}),
            json!({"pool": "h200", "gpusPerReplica": 1, "replicas": 4, "ready": true}),
        ];
        for (phase, replicas) in phases.iter_mut().zip([decode, prefill]) {
            if let Some(replicas) = replicas {
                phase["readyReplicas"] = json!(replicas);
            }
        }
        phases
    };
    let reported = json!({"primary": {"kind": "Deployment", "readyReplicas": 2}, "prefill": {"readyReplicas": 3}});
    assert_eq!(report(&mut cluster, reported), phases(Some(2), Some(3)), "as KServe 0.20 does");
    assert_eq!(report(&mut cluster, json!({"primary": {"kind": "Deployment"}})), phases(None, None), "as KServe 0.19 does");
    assert_eq!(report(&mut cluster, Value::Null), phases(None, None), "as KServe 0.18 does");
}
