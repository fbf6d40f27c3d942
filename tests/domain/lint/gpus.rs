use function_modelplane::domain::lint::lint_model_on;
use function_modelplane::domain::spec::environment::{Environment, validate_environment};
use serde_json::{Value, json};

use super::{Phase, args, assert_found, assert_lines, line, lines, spec_of, unified};

const fn gpus(gpu: u32, args: &'static [&'static str]) -> Phase {
    Phase { args, image: None, env: &[], gpu: Some(gpu) }
}

#[test]
fn a_pod_has_the_gpus_that_its_engine_uses() {
    assert_found(&[
        (gpus(4, &["-tp=4"]), gpus(2, &["-tp=1", "-dp=2"]), &[], "as many as it has"),
        (
            gpus(2, &["-tp=4"]),
            gpus(1, &["-tp=1", "-dp=2"]),
            &[
                "error GpuTooFew: spec.serving[0].resources.gpu: decode exits at start because its arguments need 4 GPUs and a pod has 2; set gpu to 4",
                "error GpuTooFew: spec.serving[0].prefill.resources.gpu: prefill exits at start because its arguments need 2 GPUs and a pod has 1; set gpu to 2",
            ],
            "too few",
        ),
        (
            gpus(8, &["-tp=4"]),
            gpus(2, &[]),
            &[
                "warning GpuUnused: spec.serving[0].resources.gpu: decode uses 4 of a pod's 8 GPUs; set gpu to 4, or --tensor-parallel-size to what the pod has",
                "warning GpuUnused: spec.serving[0].prefill.resources.gpu: prefill uses 1 of a pod's 2 GPUs; set gpu to 1, or --tensor-parallel-size to what the pod has",
            ],
            "too many: without a size vLLM uses one",
        ),
        (
            gpus(2, &["-tp=4", "--distributed-executor-backend=ray"]),
            gpus(1, &[]),
            &[
                "warning GpuTooFew: spec.serving[0].resources.gpu: decode exits at start because its arguments need 4 GPUs and a pod has 2; set gpu to 4",
            ],
            "Ray may find the others elsewhere",
        ),
        (gpus(8, &["-tp=$(TP)"]), gpus(2, &["--config=a.yaml"]), &[], "nobody knows"),
        (args(&["-tp=4"]), gpus(1, &[]), &[], "the arguments decide where nothing else does"),
    ]);
    assert_lines(
        &lines(&unified(gpus(2, &["-tp=4"]))),
        &[
            "error GpuTooFew: spec.serving[0].resources.gpu: the engine exits at start because its arguments need 4 GPUs and a pod has 2; set gpu to 4",
        ],
        "Unified, too",
    );
}

fn environment(name: &str, labels: &Value, pools: &[(&str, &str)]) -> Environment {
    let pools: Vec<Value> = pools
        .iter()
        .map(|(name, memory)| json!({"name": name, "gpu": {"acceleratorType": format!("nvidia-{name}"), "acceleratorCount": 8, "memory": memory}}))
        .collect();
    let object = json!({
        "metadata": {"name": name, "labels": labels},
        "spec": {"cluster": {"source": "Local", "local": {"nodePools": pools}}},
    });
    validate_environment(&serde_json::from_value(object).unwrap()).unwrap()
}

fn on(profile: Value, environments: &[Environment]) -> Vec<String> {
    lint_model_on(&spec_of(profile), environments).iter().map(line).collect()
}

#[test]
fn a_pods_gpus_hold_the_model() {
    let west = environment("west", &json!({"modelplane.ai/rdma": "true"}), &[("h100", "80Gi"), ("l4", "24Gi")]);
    let east = environment("east", &json!({}), &[("l40s", "48Gi")]);
    let both = [west, east];
    let profile = |args: &[&str], resources: Value| json!({"engine": {"name": "vLLM", "image": "i", "args": args}, "resources": resources});
    let cases: [(Value, &[&str], &str); 7] = [
        (profile(&["-tp=4"], json!({"gpu": 4})), &[], "70Gi fit four of the smallest"),
        (
            profile(&[], json!({"gpu": 1})),
            &[
                "warning ModelTooLarge: spec.serving[0].resources.gpu: the engine runs out of memory on pool l40s of environment east and 1 more: 1 x 48Gi is less than the model's 70Gi; give a pod more GPUs, or name a larger pool in resources.accelerator",
            ],
            "and one of the largest only",
        ),
        (profile(&[], json!({"gpu": 1, "accelerator": "h100"})), &[], "which can be asked for"),
        (
            profile(&["--seed=1", "-tp=2"], json!({"accelerator": "nvidia-l4"})),
            &[
                "warning ModelTooLarge: spec.serving[0].engine.args[1]: the engine runs out of memory on pool l4 of environment west: 2 x 24Gi is less than the model's 70Gi; give a pod more GPUs, or name a larger pool in resources.accelerator",
            ],
            "what the arguments say counts where nothing else does",
        ),
        (
            profile(&["--max-model-len=32768"], json!({})),
            &[
                "warning GpuUnused: spec.serving[0].engine.args: the engine states no number of GPUs: on pool l40s of environment east a pod gets 2 to hold the model's 70Gi, of which vLLM uses 1; set --tensor-parallel-size",
            ],
            "the pod is sized by the model, the engine uses one",
        ),
        (profile(&["--max-model-len=32768"], json!({"accelerator": "h100"})), &[], "where one is enough"),
        (profile(&["$(MORE)"], json!({})), &[], "nobody knows"),
    ];
    for (profile, found, reason) in cases {
        assert_lines(&on(profile, &both), found, reason);
    }
    let mut selective = profile(&[], json!({"gpu": 1}));
    selective["environmentSelector"] = json!({"matchLabels": {"modelplane.ai/rdma": "true"}});
    assert_lines(
        &on(selective, &both),
        &[
            "warning ModelTooLarge: spec.serving[0].resources.gpu: the engine runs out of memory on pool l4 of environment west: 1 x 24Gi is less than the model's 70Gi; give a pod more GPUs, or name a larger pool in resources.accelerator",
        ],
        "environments that the profile does not ask for do not matter",
    );
    assert_eq!(on(profile(&[], json!({"gpu": 1})), &[]), Vec::<String>::new(), "without environments nothing is known");
}

/// MIG divides a GPU so that its parts do not know of one another.
#[test]
fn a_model_is_not_split_over_slices_of_a_gpu() {
    let pool = |name: &str, resource: &str| json!({"name": name, "gpu": {"acceleratorType": format!("nvidia-{name}"), "acceleratorCount": 8, "memory": "80Gi", "resourceName": resource}});
    let object = |name: &str| {
        let pools = [pool("slices", "nvidia.com/mig-3g.40gb"), pool("whole", "nvidia.com/gpu"), pool("others", "amd.com/gpu")];
        json!({"metadata": {"name": name}, "spec": {"cluster": {"source": "Local", "local": {"nodePools": pools}}}})
    };
    let environments = ["west", "east"].map(|name| validate_environment(&serde_json::from_value(object(name)).unwrap()).unwrap());
    let found = |args: &[&str], resources: Value| {
        on(json!({"engine": {"name": "vLLM", "image": "i", "args": args}, "resources": resources}), &environments)
    };
    assert_lines(
        &found(&["--seed=1", "-tp=2"], json!({"gpu": 2})),
        &[
            "warning SlicesJoined: spec.serving[0].engine.args[1]: the engine is split over 2 GPUs, which are slices of GPUs (nvidia.com/mig-3g.40gb) on pool slices of environment east and 1 more: NCCL does not join slices, so the engine exits, or is slow; let one slice or a whole GPU hold the model",
        ],
        "two slices for one tensor",
    );
    assert_lines(
        &found(&["-pp=2", "-tp=2"], json!({"gpu": 4, "accelerator": "slices"})),
        &[
            "warning SlicesJoined: spec.serving[0].engine.args[1]: the engine is split over 4 GPUs, which are slices of GPUs (nvidia.com/mig-3g.40gb) on pool slices of environment east and 1 more: NCCL does not join slices, so the engine exits, or is slow; let one slice or a whole GPU hold the model",
        ],
        "split both ways",
    );
    assert_lines(&found(&["-tp=1"], json!({"gpu": 1})), &[], "one slice");
    assert_lines(&found(&["-dp=2"], json!({"gpu": 2})), &[], "a copy of the model in each");
    assert_lines(&found(&["-tp=2"], json!({"gpu": 2, "accelerator": "whole"})), &[], "whole GPUs are asked for");
    assert_lines(&found(&["-tp=$(TP)"], json!({"gpu": 2})), &[], "the kubelet knows it");
}
