//! What `package/install/function-modelplane.yaml` says of the function's pods is what the function needs.

use std::path::PathBuf;

use function_modelplane::cli::manifests::load;
use function_modelplane::server::{Timing, memory};
use serde_json::{Value, json};

/// The only object of this kind.
fn installed(kind: &str) -> Value {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("package/install/function-modelplane.yaml");
    let mut found: Vec<Value> = load(&[file], &mut [].as_slice(), &mut Vec::new())
        .unwrap()
        .into_iter()
        .filter(|manifest| manifest.kind == kind)
        .map(|manifest| manifest.object)
        .collect();
    assert_eq!(found.len(), 1, "{kind}");
    found.remove(0)
}

#[test]
fn only_crossplane_calls_the_function_and_the_function_calls_nobody() {
    let policy = installed("NetworkPolicy");
    let disruption = installed("PodDisruptionBudget");
    assert_eq!(policy["metadata"]["namespace"], disruption["metadata"]["namespace"]);
    assert_eq!(
        policy["spec"],
        json!({
            "podSelector": disruption["spec"]["selector"],
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [
                {"from": [{"podSelector": {"matchLabels": {"app": "crossplane"}}}], "ports": [{"port": 9443}]},
                {"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}], "ports": [{"port": 8080}]},
            ],
        })
    );
}

/// Each is written in two places, because one of them is not ours to read where the function runs.
#[test]
fn a_pod_has_the_memory_and_the_time_that_the_server_counts_on() {
    let config = installed("DeploymentRuntimeConfig");
    let pod = &config["spec"]["deploymentTemplate"]["spec"]["template"]["spec"];
    let nowhere = tempfile::tempdir().unwrap();
    assert_eq!((&pod["containers"][0]["resources"]["limits"]["memory"], memory::limit(nowhere.path())), (&json!("1Gi"), 1 << 30));
    let grace = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
    assert!(Timing::default().drain.as_secs() + 3 <= grace, "the drain, and at the most two seconds for the log: less than {grace}");
}
