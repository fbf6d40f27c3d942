//! What a serving object takes, as it says itself: it counts also when everything that was written down about it is lost.

use std::collections::BTreeMap;

use function_modelplane::api::llm_inference_service::RequestedService;
use function_modelplane::api::placement_record::PhaseRecord;
use function_modelplane::domain::scheduling::footprint::{Footprint, footprint};
use function_modelplane::domain::spec::environment::{GpuRequest, Pool};
use serde_json::{Value, json};

use crate::domain::fleet::environment;

/// Pools that an object can tell apart by node labels, by the kind of GPU and by the vendor.
fn pools() -> Vec<Pool> {
    let mut pools = environment("e", &[("amd", 2, 8), ("any", 2, 8), ("h100", 2, 8), ("zone-a", 2, 8)]).pools;
    pools[0].request = GpuRequest::Counted("amd.com/gpu".to_owned());
    "nvidia-h100".clone_into(&mut pools[2].accelerator_type);
    pools[3].node_selector = BTreeMap::from([("zone".to_owned(), "a".to_owned())]);
    pools
}

/// An object whose decode pods ask for this.
fn object(resource: &str, gpus: &Value, node_selector: &Value, labels: &Value) -> RequestedService {
    let limits = json!({resource: gpus, "cpu": "8"});
    let containers = json!([{"name": "sidecar"}, {"name": "main", "resources": {"limits": limits}}]);
    serde_json::from_value(json!({"replicas": 2, "labels": labels, "template": {"nodeSelector": node_selector, "containers": containers}}))
        .unwrap()
}

fn phase(pool: &str, gpus_per_replica: u32, replicas: u32) -> PhaseRecord {
    PhaseRecord { pool: pool.to_owned(), gpus_per_replica, replicas, max_replicas: None }
}

fn found(service: &RequestedService, recorded: Option<&PhaseRecord>) -> Option<PhaseRecord> {
    footprint(service, (recorded, None), &pools()).map(|Footprint { decode, .. }| decode)
}

#[test]
fn its_pool_is_the_one_that_it_describes_most_closely() {
    let nvidia = "nvidia.com/gpu";
    let h200 = json!({"inference.optimization/acceleratorName": "nvidia-h200"});
    for (service, pool) in [
        (object(nvidia, &json!("4"), &json!({}), &json!({})), "any"),
        (object(nvidia, &json!(4), &json!({"zone": "a"}), &json!({})), "zone-a"),
        (object(nvidia, &json!("4"), &json!({"zone": "b"}), &h200), "any"),
        (object(nvidia, &json!("4"), &json!({}), &json!({"inference.optimization/acceleratorName": "nvidia-h100"})), "h100"),
        (object("amd.com/gpu", &json!("4"), &json!({}), &json!({})), "amd"),
    ] {
        assert_eq!(found(&service, None), Some(phase(pool, 4, 2)), "{service:?}");
    }
}

/// Where several would do, the record knows which; where it says what cannot be, it is not believed.
#[test]
fn a_record_says_which_pool_and_never_how_much() {
    let service = object("nvidia.com/gpu", &json!("4"), &json!({}), &json!({}));
    assert_eq!(found(&service, Some(&phase("zone-a", 1, 1))), Some(phase("zone-a", 4, 2)));
    assert_eq!(found(&service, Some(&phase("amd", 1, 1))), Some(phase("any", 4, 2)), "its GPUs are of another vendor");
    assert_eq!(found(&service, Some(&phase("gone", 1, 1))), Some(phase("any", 4, 2)));
}

#[test]
fn what_asks_for_no_gpu_that_is_there_has_no_footprint() {
    for service in [
        object("gpu.intel.com/i915", &json!("4"), &json!({}), &json!({})),
        object("nvidia.com/gpu", &json!("0"), &json!({}), &json!({})),
        object("nvidia.com/gpu", &json!("500m"), &json!({}), &json!({})),
        RequestedService::default(),
    ] {
        assert_eq!(found(&service, None), None, "{service:?}");
    }
}

/// A pool whose GPUs are claimed: each claim from its template is one, whatever else the pod claims.
#[test]
fn claimed_gpus_count_as_any_others() {
    let mut pools = pools();
    pools[1].request = GpuRequest::Claimed("one-gpu".to_owned());
    let service = |claims: &[(&str, &str)]| -> RequestedService {
        let claims: Vec<Value> =
            claims.iter().map(|(name, template)| json!({"name": name, "resourceClaimTemplateName": template})).collect();
        let pod = json!({"containers": [{"name": "main"}], "resourceClaims": claims});
        serde_json::from_value(json!({"replicas": 2, "template": pod})).unwrap()
    };
    let found = |service: &RequestedService| footprint(service, (None, None), &pools).map(|Footprint { decode, .. }| decode);
    let nics = [("nic-0", "one-gpu"), ("gpu-x", "one-gpu"), ("gpu-7", "other")];
    let gpus = [("gpu-0", "one-gpu"), ("gpu-1", "one-gpu")];
    assert_eq!(found(&service(&[gpus.as_slice(), &nics].concat())), Some(phase("any", 2, 2)));
    assert_eq!(found(&service(&nics)), None, "no GPU of the pool's");
}

#[test]
fn an_autoscaled_phase_counts_with_its_minimum() {
    let mut service = object("nvidia.com/gpu", &json!("4"), &json!({}), &json!({}));
    service.decode.replicas = None;
    assert_eq!(found(&service, None), Some(phase("any", 4, 1)), "nobody says how many: one starts");
    assert_eq!(found(&service, Some(&phase("any", 4, 3))), Some(phase("any", 4, 3)));
    service.decode.scaling = serde_json::from_value(json!({"minReplicas": 2, "maxReplicas": 5})).unwrap();
    assert_eq!(found(&service, Some(&phase("any", 4, 3))), Some(PhaseRecord { max_replicas: Some(5), ..phase("any", 4, 2) }));
}
