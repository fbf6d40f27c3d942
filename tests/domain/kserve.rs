//! The pods that KServe and Kubernetes make of a serving object are known by their names.

use function_modelplane::domain::kserve::{SERVING_NAME_MAX, decode_pods, engine_pods, prefill_pods};
use regex::Regex;

/// A pod of a Deployment: its template's hash and five random characters follow, of letters and digits that make no words, and what comes before
/// the five is cut at 58 characters (`SimpleNameGenerator` in k8s.io/apiserver v0.35.4, `SafeEncodeString` in k8s.io/apimachinery).
fn pod(deployment: &str, hash: &str) -> String {
    let mut name = format!("{deployment}-{hash}-");
    name.truncate(58);
    format!("{name}x2x4z")
}

/// Which of `pods` a pattern matches, as Prometheus matches: the whole name.
fn matched<'a>(pattern: &str, pods: &'a [String]) -> Vec<&'a str> {
    let pattern = Regex::new(&format!("^(?:{pattern})$")).unwrap();
    pods.iter().map(String::as_str).filter(|pod| pattern.is_match(pod)).collect()
}

#[test]
fn each_phase_is_known_by_the_names_of_its_pods_however_long_the_service_is_called() {
    for length in 4..=SERVING_NAME_MAX {
        let serving = format!("{}-pd", "a".repeat(length - 3));
        // A hash is a number of 32 bits written in its decimal digits, each as another character.
        for hash in ["7d9f6c8b5d", "66b7d9f5d", "5f6d7c8b"] {
            let pods = [
                pod(&format!("{serving}-kserve"), hash),
                pod(&format!("{serving}-kserve-prefill"), hash),
                pod(&format!("{serving}-kserve-router-scheduler"), hash),
                pod(&format!("b{serving}-kserve"), hash),
                pod(&format!("{serving}-kserve-x-pd-kserve"), hash),
                pod(&format!("{serving}-kserve-x-pd-kserve-prefill"), hash),
            ];
            let [decode, prefill, ..] = &pods;
            assert_eq!(matched(&decode_pods(&serving), &pods), [decode], "decode of {serving}");
            assert_eq!(matched(&prefill_pods(&serving), &pods), [prefill], "prefill of {serving}");
            assert_eq!(matched(&engine_pods(&serving), &pods), [decode, prefill], "both of {serving}");
        }
    }
}

/// The alerts are about every service at once, and know by `-pd` which are disaggregated.
#[test]
fn a_unified_service_is_none_that_could_disaggregate() {
    let unified = [pod("chat-unified-kserve", "7d9f6c8b5d"), pod("chat-pd-kserve-x-unified-kserve", "7d9f6c8b5d")];
    for pattern in [decode_pods(".+-pd"), prefill_pods(".+-pd"), engine_pods(".+-pd")] {
        assert_eq!(matched(&pattern, &unified), Vec::<&str>::new(), "{pattern}");
    }
}
