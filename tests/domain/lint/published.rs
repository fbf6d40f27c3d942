//! Published manifests are free of errors, and one mistake planted into one of them is found.

use function_modelplane::domain::lint::{Code, Finding, lint_profile};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{line, spec_of};

#[derive(Deserialize)]
struct Profiles {
    published: Vec<Published>,
    planted: Vec<Planted>,
}

#[derive(Deserialize)]
struct Published {
    name: String,
    from: String,
    /// Why its engine is one of several pods, where it is.
    several_pods: Option<String>,
    profile: Value,
}

#[derive(Deserialize)]
struct Planted {
    code: String,
    severity: String,
    r#in: String,
    change: serde_json::Map<String, Value>,
}

fn profiles() -> Profiles {
    serde_saphyr::from_str(include_str!("profiles.yaml")).unwrap()
}

fn lint(mut profile: Value) -> Vec<Finding> {
    if profile.get("prefill").is_some() {
        profile["topology"] = json!("PrefillDecode");
        profile["environmentSelector"] = json!({"matchLabels": {"modelplane.ai/rdma": "true"}});
        profile["prefill"]["engine"]["name"] = json!("vLLM");
    }
    profile["engine"]["name"] = json!("vLLM");
    let spec = spec_of(profile);
    lint_profile(0, &spec, &spec.serving[0])
}

fn codes(findings: &[Finding]) -> Vec<Code> {
    findings.iter().map(|finding| finding.code).collect()
}

#[test]
fn published_manifests_have_no_error() {
    let published = profiles().published;
    assert_eq!(published.len(), 20);
    let errors: Vec<(String, String)> = published
        .into_iter()
        .flat_map(|one| {
            let excused = |finding: &Finding| one.several_pods.is_some() && finding.code == Code::EngineSpansPods;
            let errors = lint(one.profile.clone()).into_iter().filter(|finding| finding.is_error() && !excused(finding));
            errors.map(|error| (one.from.clone(), line(&error))).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(errors, [], "they are deployed as they are");
}

/// A replica here is one pod, whatever these are deployed as.
#[test]
fn those_of_several_pods_are_told_in_both_phases() {
    let several: Vec<Published> = profiles().published.into_iter().filter(|one| one.several_pods.is_some()).collect();
    assert_eq!(several.len(), 1);
    for one in several {
        let spans: Vec<String> = lint(one.profile).iter().filter(|finding| finding.code == Code::EngineSpansPods).map(line).collect();
        let [decode, prefill] = [("", "decode"), ("prefill.", "prefill")].map(|(path, phase)| {
            format!(
                "error EngineSpansPods: spec.serving[0].{path}engine.args[14]: {phase} never becomes ready because --data-parallel-size is 8 and --data-parallel-size-local 4, so 4 of its ranks would be other pods', and a replica is one pod; set both to the ranks that one pod has GPUs for, without --data-parallel-hybrid-lb"
            )
        });
        assert_eq!(spans, [decode, prefill], "{}", one.name);
    }
}

#[test]
fn their_warnings_are_few_and_true() {
    let warnings = |profile: Value| lint(profile).into_iter().filter(|finding| !finding.is_error()).map(|finding| finding.code).collect();
    let named = |name: &str| profiles().published.into_iter().find(|one| one.name == name).unwrap().profile;
    let different: Vec<Code> = warnings(named("Qwen3-0.6B from Gaudi to NVIDIA"));
    let all: Vec<Code> = profiles().published.into_iter().flat_map(|one| -> Vec<Code> { warnings(one.profile) }).collect();
    let old = |code: &Code| *code == Code::HandshakeKillsDecode;
    assert_eq!(all.iter().filter(|code| old(code)).count(), 2, "of those with vLLM's own image of 0.19.1, the ones with NIXL");
    let others: Vec<Code> = all.into_iter().filter(|code| !old(code)).collect();
    assert_eq!(others, different, "only the one that transfers between different hardware differs between its phases");
    assert_eq!(
        different,
        [Code::HandshakeUnchecked, Code::ImageMismatch, Code::DtypeMismatch, Code::KvLayoutMismatch],
        "it switches the comparison off, for images, context lengths and layouts that differ"
    );
}

#[test]
fn a_planted_mistake_is_found() {
    let profiles = profiles();
    assert_eq!(profiles.planted.len(), 32);
    for planted in profiles.planted {
        let mut profile = profiles.published.iter().find(|one| one.name == planted.r#in).unwrap().profile.clone();
        let before = codes(&lint(profile.clone()));
        for (pointer, value) in planted.change {
            *profile.pointer_mut(&pointer).unwrap() = value;
        }
        let findings = lint(profile);
        let by_it = findings.iter().filter(|finding| !before.contains(&finding.code));
        let mut found: Vec<(&str, &str)> = by_it.map(|finding| (finding.code.as_str(), finding.severity.as_str())).collect();
        found.dedup();
        assert_eq!(found, [(planted.code.as_str(), planted.severity.as_str())], "in {}: {findings:?}", planted.r#in);
    }
}
