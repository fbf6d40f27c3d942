//! The lint as a whole.

use function_modelplane::api::inference_environment::InferenceEnvironment;
use function_modelplane::api::model::{Model, ModelSpec};
use function_modelplane::api::model_deployment::ModelKind;
use function_modelplane::domain::lint::{Code, Finding, Severity, lint_model, lint_model_on, lint_profile};
use function_modelplane::domain::spec::environment::validate_environment;
use function_modelplane::domain::spec::model::validate_model;
use function_modelplane::domain::spec::violation::Violation;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{args, assert_lines, line, lines, pair, spec_of};

fn example(file: &str) -> Vec<Value> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/llama-405b").join(file);
    serde_saphyr::from_multiple(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The proposal's own example: its image has no NIXL, and one GPU does not hold its model.
#[test]
fn the_proposals_example_gets_the_truth() {
    let spec: ModelSpec = serde_json::from_value(example("clustermodel.yaml").remove(0)["spec"].clone()).unwrap();
    assert_lines(
        &lines(&spec),
        &[
            r#"error ImageWithoutNixl: spec.serving[0].engine.image: decode exits at start with "NIXL is not available" because the official image of vLLM 0.9.1 is built without it; take v0.10.2 or later"#,
            r#"error ImageWithoutNixl: spec.serving[0].prefill.engine.image: prefill exits at start with "NIXL is not available" because the official image of vLLM 0.9.1 is built without it; take v0.10.2 or later"#,
            "warning NoDiskRequest: spec.resources: a model of 810Gi is downloaded to the node's disk, anew for each pod, and none is asked for: a node that has too little evicts the pod, and it starts over; set resources.ephemeralStorage to the size of the weights",
        ],
        "an image without NIXL in both phases, and more than disks have",
    );
    let environments: Vec<_> = example("environments.yaml")
        .into_iter()
        .map(|object| validate_environment(&serde_json::from_value::<InferenceEnvironment>(object).unwrap()).unwrap())
        .collect();
    let found: Vec<String> = lint_model_on(&spec, &environments).iter().map(line).collect();
    assert_lines(
        &found,
        &[
            "warning ModelTooLarge: spec.serving[0].resources.gpu: decode runs out of memory on pool h200 of environment us-east and 1 more: 4 x 141Gi is less than the model's 810Gi; give a pod more GPUs, or name a larger pool in resources.accelerator",
            "warning ModelTooLarge: spec.serving[0].prefill.resources.gpu: prefill runs out of memory on pool h200 of environment us-east and 1 more: 1 x 141Gi is less than the model's 810Gi; give a pod more GPUs, or name a larger pool in resources.accelerator",
            "warning GpuUnused: spec.serving[1].engine.args: the engine states no number of GPUs: on pool h100 of environment eu-central a pod gets 11 to hold the model's 810Gi, of which vLLM uses 1; set --tensor-parallel-size",
        ],
        "one GPU for 810Gi, and eleven of which one is used",
    );
}

#[test]
fn profiles_come_in_order_and_findings_in_that_of_the_rules() {
    let mut spec = pair(args(&["--port=1", "x"]), args(&["-tp=3", "--block-size=7", "--port=1"]));
    spec.serving.push(spec.serving[0].clone());
    let found = lint_model(&spec);
    let profile = |index: usize| lint_profile(index, &spec, &spec.serving[index]);
    assert_eq!(found, [profile(0), profile(1)].concat(), "profile by profile");
    let codes: Vec<Code> = profile(0).iter().map(|finding| finding.code).collect();
    assert!(codes.is_sorted(), "{codes:?}");
    let place = |code: Code| Code::ALL.iter().position(|other| *other == code).unwrap();
    assert!(codes.iter().map(|code| place(*code)).is_sorted(), "the rules' own order is that of the list");
}

#[test]
fn every_rule_says_what_it_is() {
    for code in Code::ALL {
        let summary = code.meaning();
        assert!(summary.ends_with('.') && !summary.contains('|'), "{}: {summary} is a cell of a table", code.as_str());
        assert!(code.severities().is_sorted() && !code.severities().is_empty(), "{}", code.as_str());
    }
    let mut names: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Code::ALL.len(), "names are unique");
}

/// What the validators find is listed beside the lint's findings, and never found twice.
#[test]
fn broken_rules_of_the_spec_become_findings() {
    let broken = json!({
        "metadata": {"name": "llama"},
        "spec": {
            "model": {"name": "llama"}, "source": "URI", "uri": "pvc://weights", "resources": {"vram": "70Gi"},
            "serving": [{
                "name": "one", "topology": "PrefillDecode",
                "engine": {"name": "vLLM", "image": "{{i}}", "args": ["$(Q)"], "env": [{"name": "A", "value": "{{a}}"}, {"name": "Q", "value": "'"}]},
            }],
        },
    });
    let model: Model = serde_json::from_value(broken).unwrap();
    let violations = validate_model(ModelKind::ClusterModel, &model).unwrap().violations();
    let found: Vec<(Code, Severity, String)> =
        violations.iter().map(Finding::from).map(|finding| (finding.code, finding.severity, finding.path)).collect();
    let path = |field: &str| format!("spec.serving[0].{field}");
    assert_eq!(
        found,
        [
            (Code::SpecInvalid, Severity::Error, path("prefill")),
            (Code::TemplateText, Severity::Error, path("engine.image")),
            (Code::TemplateText, Severity::Error, path("engine.env[0].value")),
            (Code::TemplateText, Severity::Error, path("engine.args[0]")),
        ]
    );
    let codes: Vec<Code> = lint_model(&model.spec).iter().map(|finding| finding.code).collect();
    assert_eq!(codes, [Code::NoRdmaSelector], "the lint itself does not repeat them");
}

#[test]
fn a_finding_is_one_line_wherever_it_is_listed() {
    let finding = &lint_model(&pair(args(&["--port=1"]), args(&[])))[0];
    assert_eq!(
        Violation::from(finding).to_string(),
        "spec.serving[0].engine.args[1]: --port is KServe's: decode must listen on 8001, or it never becomes ready; remove it (PortArg)"
    );
}

proptest! {
    /// Hostile arguments, images and variables are an answer, not a panic, and one that is short and always the same.
    #[test]
    fn anything_is_read(
        args in prop::collection::vec(prop_oneof![
            "\\PC{0,8}",
            "--?(tp|pp|dp|block-size|port|host|served-model-name|dtype|kv-cache-dtype)[=. ][0-9$()A]{0,12}",
            r#"--kv-transfer-config=\{"kv_connector":"(Nixl|Multi|Offloading|X)Connector","kv_role":"kv_(both|producer|x)"(,"kv_connector_extra_config":\{"connectors":\[\{\}\]\})?\}"#,
            r#"--kv-transfer-config=\{"kv_connector":"(NixlConnector|NixlPushConnector|LMCacheConnectorV1)","kv_role":"kv_both","kv_connector_extra_config":\{"(backends|enforce_handshake_compat|enable_cross_layers_blocks|bidirectional_kv_xfer|spec_name)":(true|null|1e9|"[A-Z$()]{0,6}"|\["UCX",1\]|\["LIBFABRIC"\]|\{\})\}\}"#,
            r#"--speculative-config=\{"(method|model|kv-cache-dtype)":(null|1|"(eagle3?|mtp|ngram|x_mtp)"|\{\}|\[\])\}"#,
            "--?(data-parallel-(size|size-local|rank|start-rank|external-lb|hybrid-lb)|nnodes|headless|spec-method|calculate-kv-scales)(=-?[0-9$()A]{0,12})?",
            r#"--attention-(backend|config)[=. ](FLASHMLA|\{"backend":(null|1|"x")\}|backend=1)"#,
        ], 0..8),
        image in prop_oneof!["\\PC{0,12}", "(docker.io/)?vllm/vllm-openai(-rocm)?:v?[0-9.]{0,8}(-[a-z0-9]{0,4})?(@x)?", "vllm/vllm-openai:v0\\.(1[0-9]|2[0-9]|3[0-3])\\.[0-2]"],
        value in "\\PC{0,8}",
    ) {
        let engine = json!({"name": "vLLM", "image": image, "args": args, "env": [
            {"name": "VLLM_NIXL_SIDE_CHANNEL_HOST", "value": value}, {"name": "PYTHONHASHSEED", "value": value},
            {"name": "PYTORCH_CUDA_ALLOC_CONF", "value": format!("expandable_segments:True{value}")},
        ]});
        let spec = spec_of(json!({
            "topology": "PrefillDecode", "engine": engine,
            "prefill": {"engine": engine, "resources": {"gpu": 1}},
        }));
        let found = lint_model(&spec);
        prop_assert!(found.iter().all(|finding| finding.code.severities().contains(&finding.severity)), "{found:?}");
        prop_assert!(found.iter().all(|finding| finding.message.chars().count() <= 1025));
        prop_assert_eq!(found, lint_model(&spec));
    }
}
