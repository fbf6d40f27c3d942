//! What runs is recognised as what it was made of, and keeps what cannot change.

use std::collections::BTreeMap;

use function_modelplane::compose::running_pods::{kept_labels, runs_as};
use k8s_openapi::api::core::v1::PodSpec;
use serde_json::{Value, json};

fn template(image: &str, args: &[&str]) -> Value {
    json!({"containers": [{"name": "main", "image": image, "args": args, "resources": {"limits": {"cpu": "8"}}}]})
}

#[test]
fn pods_are_what_is_wanted_though_an_api_server_filled_in_the_rest() {
    let wanted: PodSpec = serde_json::from_value(template("v2", &["'--seed=1'"])).unwrap();
    let mut defaulted = template("v2", &["'--seed=1'"]);
    defaulted["containers"][0]["terminationMessagePath"] = json!("/dev/termination-log");
    defaulted["dnsPolicy"] = json!("ClusterFirst");
    let mut more = defaulted.clone();
    more["containers"].as_array_mut().unwrap().push(json!({"name": "other"}));
    let mut canonical = template("v2", &["'--seed=1'"]);
    canonical["containers"][0]["resources"]["limits"]["cpu"] = json!("8000m");
    let mut less = canonical.clone();
    less["containers"][0]["resources"]["limits"]["cpu"] = json!("7999m");
    let cases: [(Value, bool, &str); 10] = [
        (json!({"template": canonical}), true, "KServe writes amounts in its own way"),
        (json!({"template": less}), false, "another amount"),
        (json!({"template": template("v2", &["'--seed=1'"])}), true, "the same"),
        (json!({"template": defaulted, "replicas": 4}), true, "what was left out is filled in, and the number is no pod's"),
        (json!({"template": more}), false, "another container is another pod"),
        (json!({"template": template("v1", &["'--seed=1'"])}), false, "another image"),
        (json!({"template": template("v2", &["'--seed=2'"])}), false, "another argument"),
        (json!({"template": template("v2", &["'--seed=1'", "'--served-model-name'"])}), false, "one more"),
        (json!({"template": "v2"}), false, "no pod"),
        (json!([]), false, "no workload"),
    ];
    for (running, expected, why) in cases {
        assert_eq!(runs_as(&running, &wanted), expected, "{why}");
    }
}

/// They are part of an immutable selector: with others KServe could change nothing of the Deployment any more.
#[test]
fn labels_are_those_of_what_runs() {
    let text = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<BTreeMap<_, _>>();
    let wanted = || text(&[("team", "b"), ("queue", "q")]);
    let cases = [
        (None, wanted(), "nothing runs"),
        (
            Some(json!({"labels": {"team": "a", "accelerator": "h100"}})),
            text(&[("accelerator", "h100"), ("team", "a")]),
            "those that it has",
        ),
        (Some(json!({"labels": {"team": 1}})), text(&[]), "no label"),
        (Some(json!({"labels": "team"})), text(&[]), "no labels"),
        (Some(json!({"template": {}})), text(&[]), "it runs without"),
    ];
    for (running, expected, why) in cases {
        assert_eq!(kept_labels(wanted(), running.as_ref()), expected, "{why}");
    }
}
