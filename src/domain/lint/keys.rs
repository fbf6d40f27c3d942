//! Whether the image's vLLM has each key of `--kv-transfer-config`, and takes its value.

use super::exits::{exits, lacking};
use super::phase::PhaseEngine;
use crate::domain::engine::options::{self, KeyType};
use crate::domain::engine::transfer::{KeyFault, KeyWhy, OPTION, key_faults};
use crate::domain::finding::Code::KvConfigInvalid;
use crate::domain::finding::Finding;
use crate::text::spelling::closest;

/// The key whose words have a rule of their own.
const ROLE: &str = "kv_role";

/// The rules of one phase.
pub(super) fn check_phase(phase: &PhaseEngine<'_>, findings: &mut Vec<Finding>) {
    if phase.hidden {
        return;
    }
    let release = phase.release.and_then(options::read);
    let (severity, exits) = exits(release);
    let vllm = match release {
        Some(release) => format!("vLLM {release} knows no key"),
        None => format!("no vLLM up to {} knows the key", options::newest()),
    };
    let others = |fault: &KeyFault| fault.key != ROLE || !matches!(fault.why, KeyWhy::Choice(_));
    for fault in key_faults(&phase.args, release).into_iter().filter(others) {
        let key = &fault.key;
        let place = fault.within.as_ref().map_or_else(|| format!("in --{OPTION}"), |connector| format!("of {connector} in --{OPTION}"));
        let (problem, remedy) = match &fault.why {
            KeyWhy::Lacking(absence) => lacking(*absence, &format!("key {key:?} {place}")).unwrap_or_else(|| {
                let known: Vec<&str> =
                    options::keys().iter().filter(|known| known.is_in(release)).map(|known| known.name.as_str()).collect();
                let meant = closest(key, &known).map_or_else(|| "remove it".to_owned(), |name| format!("write {name}"));
                (format!("{vllm} {key:?} {place}"), meant)
            }),
            KeyWhy::Type(kind) => (format!("the value of {key} {place} is of another type"), format!("make it {}", called(*kind))),
            KeyWhy::Choice(choices) => {
                (format!("the value of {key} {place} is none that it takes"), format!("write {}", choices.join(" or ")))
            }
        };
        findings.push(Finding::new(
            KvConfigInvalid,
            severity,
            phase.option(OPTION),
            format!("{} {exits} {problem}; {remedy}", phase.name()),
        ));
    }
}

/// What people call a type.
fn called(kind: KeyType) -> &'static str {
    match kind {
        KeyType::Anything => "another",
        KeyType::Text | KeyType::Choice => "a string",
        KeyType::Integer => "a whole number",
        KeyType::Number => "a number",
        KeyType::Flag => "true or false",
        KeyType::Object => "an object",
    }
}
