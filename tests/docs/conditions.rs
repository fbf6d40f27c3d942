//! Conditions, reasons, rejections and events.

use function_modelplane::api::phase::Phase;
use function_modelplane::api::words::{EventReason, Listed, Undecided, Waiting, conditions};
use function_modelplane::domain::scheduling::freeze::Freeze;
use function_modelplane::domain::scheduling::rejection::{MissingLabel, PhaseNeed, PoolState, Reason};
use function_modelplane::domain::spec::credentials::SecretUse;
use function_modelplane::domain::spec::violation::Violation;

use super::{code, hold, table};

/// One of each reason to leave a placement as it is.
fn freezes() -> Vec<Freeze> {
    use Freeze as F;
    vec![
        F::EnvironmentGone,
        F::EnvironmentDeleting,
        F::EnvironmentDraining,
        F::SelectorChanged,
        F::TopologyChanged,
        F::EnvironmentInvalid("…".to_owned()),
        F::EnvironmentChanged,
        F::ProviderConfigGone,
        F::ProfileGone,
        F::ProfileInvalid,
        F::ModelChanged,
        F::PoolGone("h200".to_owned()),
        F::RecordGone,
    ]
}

/// One of each reason to turn an environment down.
fn rejections() -> Vec<Reason> {
    let (profile, phase) = ("vllm-disagg".to_owned(), Phase::Prefill);
    let label = |key: &str, wanted: &str| MissingLabel { key: key.to_owned(), wanted: wanted.to_owned(), actual: None };
    let rdma = label("modelplane.ai/rdma", "true");
    let pools = vec![PoolState { pool: "h200".to_owned(), free: 4, total: 16 }];
    let violation = |path: &str, message: &str| vec![Violation::new(path, message)];
    vec![
        Reason::Deleting {},
        Reason::Cordoned { draining: false },
        Reason::NotReady {},
        Reason::SecretElsewhere {
            needed: SecretUse::Token,
            secret: "key HF_TOKEN of modelplane-system/hugging-face".to_owned(),
            namespace: "ml-team-a".to_owned(),
        },
        Reason::EnvironmentInvalid { violations: violation("spec.rdma.env[0].value", "…") },
        Reason::SelectorMismatch { label: label("region", "us") },
        Reason::NoProfileForTopology { topology: "PrefillDecode" },
        Reason::ProfileInvalid {
            profile: profile.clone(), errors: violation("spec.serving[0].engine.args[2]", "… (KvConnectorMissing)")
        },
        Reason::ProfileSelectorMismatch { profile: profile.clone(), label: rdma.clone() },
        Reason::NoRdma { profile: profile.clone(), label: rdma },
        Reason::NoAccelerator { profile: profile.clone(), phase, accelerator: Some("h200".to_owned()) },
        Reason::NodesExcluded { profile: profile.clone(), phase, label: "zone=a".to_owned() },
        Reason::NodeTooSmall { profile: profile.clone(), phase, needed: 16, largest: 8 },
        Reason::InsufficientGpus { profile, needs: vec![PhaseNeed { phase, replicas: 8, gpus_per_replica: 1, pools }] },
        Reason::SameCluster { environment: "us-east".to_owned() },
    ]
}

fn words<'a>(rows: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let rows: Vec<[String; 2]> = rows.map(|(word, meaning)| [code(word), meaning.to_owned()]).collect();
    table(["Reason", "Meaning"], &rows)
}

#[test]
fn the_page_lists_every_condition_reason_rejection_and_event() {
    let mut text = "# Conditions, reasons, events

Beside Crossplane's own `Ready` and `Synced`. *Fatal* means that Crossplane changes nothing and says `Synced=False`; what serves goes on.

## Conditions
"
    .to_owned();
    for Listed { conditions, kinds, meaning, reasons } in conditions() {
        let types: Vec<String> = conditions.iter().map(|condition| code(condition.as_str())).collect();
        text.extend([format!("\n### {}\n\nOf {kinds}: {meaning}\n\n", types.join(" and "))]);
        let rows: Vec<[String; 3]> =
            reasons.iter().map(|(status, reason, meaning)| [status.as_str().to_owned(), code(reason), (*meaning).to_owned()]).collect();
        text += &table(["Status", "Reason", "Meaning"], &rows);
    }
    text += "\n### Deployments that are not decided on\n\nThe conditions of a ModelDeployment have one reason then:\n\n";
    text += &words(Undecided::ALL.iter().map(|word| (word.as_str(), word.meaning())));
    text += "\n## Placements\n\n`reason` and `message` of `status.placements.items` say why a placement is not ready:\n\n";
    text += &words(Waiting::ALL.iter().map(|word| (word.as_str(), word.meaning())));
    text += "\nor why it is frozen, that is left exactly as it is. One that *leaves* is removed once its replacement is ready:\n\n";
    let frozen: Vec<[String; 3]> = freezes()
        .iter()
        .map(|freeze| [code(freeze.word()), if freeze.is_leaving() { "leaves" } else { "stays" }.to_owned(), freeze.to_string()])
        .collect();
    text += &table(["Reason", "", "Message"], &frozen);
    text += "\n## Rejections\n\n`status.scheduling.rejected` says why an environment was not chosen, in the order of the checks:\n\n";
    let rejected: Vec<[String; 3]> =
        rejections().iter().map(|reason| [code(reason.word()), reason.check().to_string(), reason.to_string()]).collect();
    text += &table(["Reason", "Check", "Message, for example"], &rejected);
    text += "\n## Events

A change of a condition's status or reason is an event with that reason: a Warning when it becomes False (placements that are not ready
yet are none), Normal when it is True again and when placements are scheduled or ready. A placement that becomes frozen is a Warning, and
so are environments that are turned down for other reasons than before, and what the lint finds, each time it changes. These are only events:

";
    text += &words(EventReason::ALL.iter().map(|word| (word.as_str(), word.meaning())));
    hold("conditions.md", &text);
}

#[test]
fn what_is_shown_of_freezes_and_rejections_is_each_of_them_once_in_its_order() {
    let freezes: Vec<&str> = freezes().iter().map(Freeze::word).collect();
    assert_eq!(freezes, Freeze::WORDS);
    let rejections = rejections();
    let words: Vec<&str> = rejections.iter().map(Reason::word).collect();
    assert_eq!(words, Reason::WORDS);
    assert!(rejections.is_sorted_by_key(Reason::check), "a rejection that comes later was reached by more checks");
}
