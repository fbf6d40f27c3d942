//! Prefill answers to every name that a client may ask by.

use function_modelplane::api::llm_inference_service::{ServedModel, Workload};
use function_modelplane::compose::served_names::name_prefill;
use k8s_openapi::api::core::v1::PodSpec;
use serde_json::{Value, json};

const NAMES: [&str; 3] = ["'--served-model-name'", "'org/Llama'", "'publishers/team/models/org/Llama'"];

fn template(image: &str, args: &[&str]) -> Value {
    json!({"containers": [{"name": "main", "image": image, "args": args, "resources": {"limits": {"cpu": "8"}}}]})
}

/// The arguments of a prefill that has `--seed=1`, beside what runs.
fn named(running: Option<&Value>) -> Vec<String> {
    let template: PodSpec = serde_json::from_value(template("v2", &["'--seed=1'"])).unwrap();
    let mut prefill = Workload { replicas: Some(1), scaling: None, labels: [].into(), annotations: [].into(), template };
    let model = ServedModel { uri: "hf://org/Llama".to_owned(), name: "org/Llama".to_owned() };
    name_prefill(&mut prefill, &model, "team", running);
    prefill.template.containers.remove(0).args.unwrap()
}

#[test]
fn both_names_come_last_unless_that_alone_would_restart_what_runs() {
    let with: Vec<&str> = [&["'--seed=1'"], NAMES.as_slice()].concat();
    let mut defaulted = template("v2", &["'--seed=1'"]);
    defaulted["containers"][0]["terminationMessagePath"] = json!("/dev/termination-log");
    defaulted["dnsPolicy"] = json!("ClusterFirst");
    let mut more = defaulted.clone();
    more["containers"].as_array_mut().unwrap().push(json!({"name": "other"}));
    let cases: [(Option<Value>, &[&str], &str); 9] = [
        (None, &with, "nothing runs"),
        (
            Some(json!({"template": template("v2", &["'--seed=1'"])})),
            &["'--seed=1'"],
            "what runs is the same, made before there were two names",
        ),
        (
            Some(json!({"template": defaulted, "replicas": 4})),
            &["'--seed=1'"],
            "an API server filled in what was left out, and the number is no pod's",
        ),
        (Some(json!({"template": more})), &with, "another container is another pod"),
        (Some(json!({"template": template("v1", &["'--seed=1'"])})), &with, "another image restarts it anyway"),
        (Some(json!({"template": template("v2", &["'--seed=2'"])})), &with, "another argument, too"),
        (Some(json!({"template": template("v2", &with)})), &with, "it runs with them"),
        (Some(json!({"template": "v2"})), &with, "no pod"),
        (Some(json!([])), &with, "no workload"),
    ];
    for (running, args, reason) in cases {
        assert_eq!(named(running.as_ref()), args, "{reason}");
    }
}
