//! Names and keys: short enough, never shared by two deployments, and read back as they were written.

use std::collections::BTreeSet;

use function_modelplane::api::model_deployment::Topology;
use function_modelplane::domain::key::{Key, Part, environment_name_error};
use function_modelplane::domain::names::{Stem, label_value};
use proptest::prelude::*;

fn serving(namespace: &str, deployment: &str, shared: bool) -> String {
    Stem::new(namespace, deployment, shared).serving(Topology::PrefillDecode)
}

#[test]
fn a_plain_name_stays_as_it_is_and_any_other_carries_a_hash() {
    assert_eq!(serving("team", "llama-405b-prod", false), "llama-405b-prod-pd");
    assert_eq!(Stem::new("team", "chat", false).serving(Topology::Unified), "chat-unified");
    let cases = [
        ("405b", "starts with a digit, which a Service must not"),
        ("chat.v2", "a dot is no part of a Service's name"),
        ("a-deployment-with-a-name-that-is-long", "child names would be hashed by KServe"),
        ("chat-0a1b2c3d", "looks like a hashed name"),
    ];
    for (name, reason) in cases {
        let served = serving("team", name, false);
        assert_ne!(served, format!("{name}-pd"), "{reason}, so it is another");
        let tail = served.strip_suffix("-pd").unwrap().rsplit_once('-').unwrap().1;
        assert!(tail.len() == 8 && tail.chars().all(|c| c.is_ascii_hexdigit()), "{name}: {served} ({reason})");
    }
    assert_ne!(serving("team", "chat.v2", false), serving("team", "chat-v2", false), "sanitised alike, but not the same");
    assert_ne!(serving("team-a", "chat", true), serving("team-b", "chat", true), "one namespace for both");
}

/// Two that meet would be one object, which both apply and either deletes.
#[test]
fn what_a_name_is_hashed_to_is_no_other_deployments_name() {
    for (name, reason) in [("a-deployment-with-a-name-that-is-long", "shortened"), ("chat.v2", "sanitised")] {
        let hashed = serving("team", name, false);
        let taken = hashed.strip_suffix("-pd").unwrap();
        assert_ne!(serving("team", taken, false), hashed, "{name} is {reason}, and another deployment is called {taken}");
    }
}

#[test]
fn label_values_are_what_kubernetes_takes() {
    assert_eq!(label_value("nvidia-h200-141gb"), "nvidia-h200-141gb");
    assert_eq!(label_value("NVIDIA H100 80GB HBM3"), "NVIDIA-H100-80GB-HBM3");
    assert_eq!(label_value("_odd/"), "odd");
    assert_eq!(label_value(&"x".repeat(80)).len(), 63);
}

#[test]
fn environments_whose_keys_would_meet_are_refused() {
    assert!(environment_name_error("serviceaccount-a").is_some());
    assert!(environment_name_error("scaledobject-a").is_some());
    assert_eq!(environment_name_error("us-east"), None);
}

/// Crossplane takes no longer name for a composite resource either, but a file that was never applied may have one.
#[test]
fn an_environments_name_is_a_label_value() {
    assert_eq!(environment_name_error(&"e".repeat(63)), None);
    let problem = "has 64 characters and may have at most 63; rename the environment";
    assert_eq!(environment_name_error(&"e".repeat(64)).as_deref(), Some(problem));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn every_serving_name_is_a_dns_label_of_at_most_38_characters(
        namespace in "[a-z][a-z0-9-]{0,20}", name in "[a-z0-9]([a-z0-9.-]{0,60}[a-z0-9])?", shared in any::<bool>()
    ) {
        for topology in [Topology::PrefillDecode, Topology::Unified] {
            let served = Stem::new(&namespace, &name, shared).serving(topology);
            prop_assert!(served.len() <= 38, "{served}");
            prop_assert!(served.starts_with(|c: char| c.is_ascii_lowercase()), "{served}");
            prop_assert!(served.ends_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()), "{served}");
            prop_assert!(served.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{served}");
        }
    }

    /// Keys are the identity of what exists: two that meet, or one that is read back wrong, would delete something.
    #[test]
    fn every_key_is_read_back_as_it_was_written(name in "[a-z0-9]([a-z0-9.-]{0,30}[a-z0-9])?") {
        prop_assume!(environment_name_error(&name).is_none());
        let both = [Part::Serving(Topology::PrefillDecode), Part::Serving(Topology::Unified), Part::ServiceAccount, Part::Autoscaler];
        let own = both.map(|part| Key::new(&name, part, false));
        let held = both.into_iter().chain([Part::Namespace, Part::Token, Part::StorageSecret]).map(|part| Key::new(&name, part, true));
        let keys: Vec<Key> = own.into_iter().chain(held).collect();
        let texts: BTreeSet<String> = keys.iter().map(ToString::to_string).collect();
        prop_assert_eq!(texts.len(), keys.len());
        for key in keys {
            prop_assert_eq!(Key::parse(&key.to_string()), Some(key));
        }
    }
}
