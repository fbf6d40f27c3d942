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
