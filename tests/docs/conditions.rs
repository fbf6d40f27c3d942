//! Conditions, reasons, rejections and events.

use std::collections::BTreeSet;

use function_modelplane::compose::conditions;
use function_modelplane::domain::scheduling::freeze::Freeze;
use function_modelplane::domain::scheduling::rejection::{CODES, MissingLabel, PhaseNeed, PoolState, Reason};
use function_modelplane::domain::spec::violation::Violation;

use super::reasons::{CONDITIONS, EVENTS, OTHER_WORDS, REFUSALS, WAITING};
use super::{code, hold, project, table};

/// Where reasons are given.
const SOURCES: [&str; 10] = [
    "compose/conditions.rs",
    "compose/deployment_conditions.rs",
    "compose/guard.rs",
    "compose/inference_environment.rs",
    "compose/model.rs",
    "compose/model_deployment.rs",
    "compose/readiness.rs",
    "function/inference_environment.rs",
    "function/model_deployment.rs",
    "server/grpc.rs",
];

const TYPES: [&str; 7] = [
    conditions::MODEL_RESOLVED,
    conditions::PROFILE_VALID,
    conditions::PLACEMENTS_SCHEDULED,
    conditions::DECODE_READY,
    conditions::PREFILL_READY,
    conditions::PLACEMENTS_READY,
    conditions::ENVIRONMENT_VALID,
];

/// One of each reason to leave a placement as it is. A new one does not compile here before it is added.
fn freezes() -> Vec<Freeze> {
    use Freeze as F;
    let next = |freeze: &Freeze| match freeze {
        F::EnvironmentGone => Some(F::EnvironmentDeleting),
        F::EnvironmentDeleting => Some(F::EnvironmentDraining),
        F::EnvironmentDraining => Some(F::SelectorChanged),
        F::SelectorChanged => Some(F::TopologyChanged),
        F::TopologyChanged => Some(F::EnvironmentInvalid("…".to_owned())),
        F::EnvironmentInvalid(_) => Some(F::EnvironmentChanged),
        F::EnvironmentChanged => Some(F::ProviderConfigGone),
        F::ProviderConfigGone => Some(F::ProfileGone),
        F::ProfileGone => Some(F::ProfileInvalid),
        F::ProfileInvalid => Some(F::ModelChanged),
        F::ModelChanged => Some(F::PoolGone("h200".to_owned())),
        F::PoolGone(_) => Some(F::RecordGone),
        F::RecordGone => None,
    };
    std::iter::successors(Some(F::EnvironmentGone), next).collect()
}

/// One of each reason to turn an environment down.
fn rejections() -> Vec<Reason> {
    let (profile, phase) = ("vllm-disagg".to_owned(), "prefill");
    let label = |key: &str, wanted: &str| MissingLabel { key: key.to_owned(), wanted: wanted.to_owned(), actual: None };
    let rdma = label("modelplane.ai/rdma", "true");
    let pools = vec![PoolState { pool: "h200".to_owned(), free: 4, total: 16 }];
    let violation = |path: &str, message: &str| vec![Violation::new(path, message)];
    vec![
        Reason::Deleting,
        Reason::Cordoned { draining: false },
        Reason::NotReady,
        Reason::SecretElsewhere { secret: "key HF_TOKEN of modelplane-system/hugging-face".to_owned(), namespace: "ml-team-a".to_owned() },
        Reason::EnvironmentInvalid { violations: violation("spec.rdma.env[0].value", "…") },
        Reason::SelectorMismatch { label: label("region", "us") },
        Reason::NoProfileForTopology { topology: "PrefillDecode" },
        Reason::ProfileInvalid {
            profile: profile.clone(), errors: violation("spec.serving[0].engine.args[2]", "… (KvConnectorMissing)")
        },
        Reason::ProfileSelectorMismatch { profile: profile.clone(), label: rdma.clone() },
        Reason::NoRdma { profile: profile.clone(), label: rdma },
        Reason::NoAccelerator { profile: profile.clone(), phase, accelerator: Some("h200".to_owned()) },
        Reason::NodeTooSmall { profile: profile.clone(), phase, needed: 16, largest: 8 },
        Reason::InsufficientGpus { profile, needs: vec![PhaseNeed { phase, replicas: 8, gpus_per_replica: 1, pools }] },
        Reason::SameCluster { environment: "us-east".to_owned() },
    ]
}

fn words(rows: &[(&str, &str)]) -> String {
    let rows: Vec<[String; 2]> = rows.iter().map(|(word, meaning)| [code(word), (*meaning).to_owned()]).collect();
    table(["Reason", "Meaning"], &rows)
}

#[test]
fn the_page_lists_every_condition_reason_rejection_and_event() {
    let mut text = "# Conditions, reasons, events

Beside Crossplane's own `Ready` and `Synced`. *Fatal* means that Crossplane changes nothing and says `Synced=False`; what serves goes on.

## Conditions
"
    .to_owned();
    for (types, kinds, meaning, reasons) in CONDITIONS {
        let types: Vec<String> = types.iter().copied().map(code).collect();
        text.extend([format!("\n### {}\n\nOf {kinds}: {meaning}\n\n", types.join(" and "))]);
        let rows: Vec<[String; 3]> =
            reasons.iter().map(|(status, reason, meaning)| [(*status).to_owned(), code(reason), (*meaning).to_owned()]).collect();
        text += &table(["Status", "Reason", "Meaning"], &rows);
    }
    text += "\n### Deployments that are not decided on\n\nThe conditions of a ModelDeployment have one reason then:\n\n";
    text += &words(REFUSALS);
    text += "\n## Placements\n\n`reason` and `message` of `status.placements.items` say why a placement is not ready:\n\n";
    text += &words(WAITING);
    text += "\nor why it is frozen, that is left exactly as it is. One that *leaves* is removed once its replacement is ready:\n\n";
    let frozen: Vec<[String; 3]> = freezes()
        .iter()
        .map(|freeze| [code(freeze.word()), if freeze.is_leaving() { "leaves" } else { "stays" }.to_owned(), freeze.to_string()])
        .collect();
    text += &table(["Reason", "", "Message"], &frozen);
    text += "\n## Rejections\n\n`status.scheduling.rejected` says why an environment was not chosen, in the order of the checks:\n\n";
    let rejected: Vec<[String; 3]> =
        rejections().iter().map(|reason| [code(reason.word()), reason.check().to_owned(), reason.to_string()]).collect();
    text += &table(["Reason", "Check", "Message, for example"], &rejected);
    text += "\n## Events

A change of a condition's status or reason is an event with that reason: a Warning when it becomes False (placements that are not ready
yet are none), Normal when it is True again and when placements are scheduled or ready. A placement that becomes frozen is a Warning, and
so are environments that are turned down for other reasons than before, and what the lint finds, each time it changes. These are only events:

";
    text += &words(EVENTS);
    hold("conditions.md", &text);
}

#[test]
fn what_is_listed_is_what_the_code_has() {
    let types: Vec<&str> = CONDITIONS.iter().flat_map(|(types, ..)| *types).copied().collect();
    assert_eq!(types, TYPES.to_vec());
    let codes: Vec<&str> = rejections().iter().map(Reason::word).collect();
    assert_eq!(codes, CODES.to_vec(), "each rejection once, in the order of the checks");
}

/// Words of one capital letter and more letters in string literals.
fn capitalised(source: &str) -> BTreeSet<&str> {
    let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    let quoted = code.flat_map(|line| line.split('"').skip(1).step_by(2));
    quoted.filter(|word| word.len() > 2 && word.starts_with(char::is_uppercase) && word.chars().all(|c| c.is_ascii_alphabetic())).collect()
}

#[test]
fn every_reason_in_the_code_is_listed_and_every_listed_one_is_in_the_code() {
    let sources: Vec<String> = SOURCES.iter().map(|file| std::fs::read_to_string(project().join("src").join(file)).unwrap()).collect();
    let found: BTreeSet<&str> = sources.iter().flat_map(|source| capitalised(source)).collect();
    let reasons = CONDITIONS.iter().flat_map(|(.., reasons)| reasons.iter().map(|(_, reason, _)| *reason));
    let lists = [REFUSALS, WAITING, EVENTS].into_iter().flatten().map(|(word, _)| *word);
    let listed: BTreeSet<&str> = reasons.chain(lists).chain(TYPES).chain(OTHER_WORDS.iter().copied()).collect();
    assert_eq!(found, listed);
}

#[test]
fn no_other_file_gives_a_reason() {
    for folder in ["compose", "function"] {
        for entry in std::fs::read_dir(project().join("src").join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{folder}/{}", path.file_name().unwrap().to_str().unwrap());
            if path.is_dir() || SOURCES.contains(&name.as_str()) {
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            let gives = ["NewCondition::new(", "Event {", "Refusal {"].iter().any(|made| source.contains(made));
            let own = ["compose/events.rs", "compose/composition.rs", "function/response.rs"].contains(&name.as_str());
            assert!(own || !gives, "{name} gives reasons: add it to SOURCES");
        }
    }
}
