//! Whether each argument is one that vLLM takes, and the user's to give.

use super::phase::PhaseEngine;
use crate::api::phase::Phase;
use crate::domain::engine::{release::v0, template_text::env_refs};
use crate::domain::finding::Code::{FusedArg, PortArg};
use crate::domain::finding::Finding;
use crate::domain::kserve::{DECODE_PORT, ENGINE_PORT, OWNED_OPTIONS, SERVED_NAME_OPTION};

/// The rules of one phase. `model` is the name that requests use.
pub(super) fn check_phase(phase: &PhaseEngine<'_>, model: &str, findings: &mut Vec<Finding>) {
    check_strays(phase, findings);
    for option in OWNED_OPTIONS.into_iter().filter(|option| phase.args.is_given(option)) {
        let path = phase.option(option);
        let readable = phase.args.values(option).iter().all(|value| env_refs(value).is_empty());
        // What the kubelet fills in behind it may undo it.
        let effect = effect(phase, option, model).filter(|_| readable && !phase.args.is_opaque());
        findings.push(match effect {
            Some(effect) => Finding::error(PortArg, path, format!("--{option} is KServe's: {effect}; remove it")),
            None => Finding::warning(
                PortArg,
                path,
                format!("--{option} is KServe's: at best it changes nothing, until KServe's changes; remove it"),
            ),
        });
    }
}

fn check_strays(phase: &PhaseEngine<'_>, findings: &mut Vec<Finding>) {
    // What cannot be read here may be an option that takes the word for its value.
    let strays = phase.args.strays().iter().filter(|(at, _)| !phase.args.is_opaque() && (*at > 0 || !phase.hidden));
    for (at, word) in strays {
        let problem = if word.starts_with('-') && word.contains(' ') {
            "is an option and its value in one; write two arguments, or join them with '='"
        } else {
            "belongs to no option; remove it, or write its option in front of it"
        };
        let message = format!("{} exits at start because the argument {word:?} {problem}", phase.name());
        findings.push(Finding::error(FusedArg, phase.arg(*at), message));
    }
}

/// What an option of KServe's does where it is set to something else than KServe sets it to.
fn effect(phase: &PhaseEngine<'_>, option: &str, model: &str) -> Option<String> {
    let name = phase.name();
    let value = phase.args.value(option).unwrap_or_default();
    match option {
        "port" => {
            let port = if phase.which == Phase::Decode { DECODE_PORT } else { ENGINE_PORT };
            (value.trim() != port).then(|| format!("{name} must listen on {port}, or it never becomes ready"))
        }
        "host" => {
            (!["0.0.0.0", "::", ""].contains(&value)).then(|| format!("{name} must listen on every address, or it never becomes ready"))
        }
        // What is composed names prefill behind it.
        SERVED_NAME_OPTION if phase.which == Phase::Prefill => None,
        SERVED_NAME_OPTION => {
            let served = phase.args.values(option).iter().any(|name| name == model);
            (!served).then(|| format!("requests ask for {model} and are answered that there is no such model"))
        }
        "model" => {
            // Before 0.12 the model in front wins over one that is joined by '='.
            let joined = phase.args.at(option).and_then(|at| phase.engine.args.get(at)).is_some_and(|arg| arg.contains('='));
            let ignored = joined && phase.release.is_none_or(|release| release < v0(12, 0));
            (!ignored).then(|| format!("{name} exits at start, because the model comes first on its command line already"))
        }
        "uds" => Some(format!("{name} listens on a socket instead of a port and never becomes ready")),
        "ssl-certfile" | "ssl-keyfile" => Some(format!("{name} speaks TLS with files that KServe does not mount, and never becomes ready")),
        _ => None,
    }
}
