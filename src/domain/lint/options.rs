//! Whether the image's vLLM has each option, and takes its value.

use super::exits::{exits, lacking};
use super::phase::{PhaseEngine, Setting};
use crate::domain::engine::options::{self, Absence, Bounds, Type};
use crate::domain::engine::refusals::{Refusal, Why, refusals};
use crate::domain::engine::release::Release;
use crate::domain::engine::replaced::instead;
use crate::domain::engine::transfer::OPTION;
use crate::domain::engine::values::Refused;
use crate::domain::finding::Code::{FusedArg, OptionUnknown, OptionValue};
use crate::domain::finding::{Code, Finding};
use crate::text::spelling::closest;

/// How many choices a sentence lists.
const LISTED: usize = 12;

/// Sizes that the parser refuses below one from 0.23 on, and the engine before: seen with 0.19.0.
const AT_LEAST_ONE: [&str; 2] = ["tensor-parallel-size", "pipeline-parallel-size"];

/// The rules of one phase.
pub(super) fn check_phase(phase: &PhaseEngine<'_>, findings: &mut Vec<Finding>) {
    let release = phase.release.and_then(options::read);
    // What the variable holds may end in an option that takes the first word for its value. The transfer has rules of its own.
    let first = usize::from(phase.env("VLLM_ADDITIONAL_ARGS") != Setting::Absent);
    let certain = |refusal: &Refusal| refusal.at >= first && (refusal.name != OPTION || matches!(refusal.why, Why::Ambiguous(_)));
    let (severity, exits) = exits(release);
    let mut refused = Vec::new();
    for refusal in refusals(&phase.args, release).into_iter().filter(certain) {
        let (code, problem, remedy) = sentence(&refusal, release);
        let message = format!("{} {exits} {problem}; {remedy}", phase.name());
        findings.push(Finding::new(code, severity, phase.arg(refusal.at), message));
        refused.push(refusal.at);
    }
    for name in AT_LEAST_ONE.into_iter().filter(|name| phase.args.at(name).is_none_or(|at| !refused.contains(&at))) {
        if let Setting::Is(value) = phase.setting(name)
            && value.trim().parse::<i64>().is_ok_and(|size| size < 1)
        {
            let message = format!("{} {exits} --{name} is {}; set it to at least 1", phase.name(), value.trim());
            findings.push(Finding::new(OptionValue, severity, phase.option(name), message));
        }
    }
}

/// The rule, what is wrong, and what to do.
fn sentence(refusal: &Refusal, release: Option<Release>) -> (Code, String, String) {
    let written = &refusal.written;
    // With a release it is this one that lacks something, without one all do.
    let lacks = |has: &str, what: &str| match release {
        Some(release) => format!("vLLM {release} {has} no {what}"),
        None => format!("no vLLM up to {} {has} {what}", options::newest()),
    };
    match &refusal.why {
        Why::Lacking(absence) => {
            let (problem, remedy) = lacking(*absence, written).unwrap_or_else(|| {
                let names = options::long_names(release);
                let meant = closest(&refusal.name, &names).map_or_else(|| "remove it".to_owned(), |name| format!("write --{name}"));
                (lacks("knows", &format!("option {written}")), meant)
            });
            let dropped = matches!(absence, Absence::Since(_));
            let remedy = instead(&refusal.name).filter(|_| dropped).map_or(remedy, str::to_owned);
            (OptionUnknown, problem, remedy)
        }
        Why::Ambiguous(names) => (OptionUnknown, format!("{written} may be {}", listed(names, "or")), "write the whole name".to_owned()),
        Why::Fused => {
            let problem = format!("the argument {written:?} is an option and its value in one");
            (FusedArg, problem, "write two arguments, or join them with '='".to_owned())
        }
        Why::Switch(value) => {
            (OptionValue, format!("{written} is a switch and takes no value, but has {value:?}"), "remove the value".to_owned())
        }
        Why::Missing => (OptionValue, format!("{written} has no value"), "write one behind it, or remove it".to_owned()),
        Why::Value(value, refused) => {
            let (problem, remedy) = refusal_of(written, value, refused, &lacks);
            (OptionValue, problem, remedy)
        }
    }
}

fn refusal_of(written: &str, value: &str, refused: &Refused, lacks: &dyn Fn(&str, &str) -> String) -> (String, String) {
    match refused {
        Refused::Type(kind) => {
            let takes = match kind {
                Type::Text => "text",
                Type::Integer => "a whole number",
                Type::IntegerOrObject => "a whole number or a JSON object",
                Type::Number => "a number",
                Type::Count => "a whole number, perhaps with one of kmgtKMGT behind it",
                Type::CountOrAuto => "a whole number, perhaps with one of kmgtKMGT behind it, or auto",
                Type::Json => "JSON",
                Type::Object | Type::TextOrObject => "a JSON object",
            };
            (format!("{written} is {value:?}"), format!("set it to {takes}"))
        }
        Refused::Choice(choices) => {
            let known: Vec<&str> = choices.iter().map(String::as_str).collect();
            // A number is not misspelt.
            let word = value.parse::<f64>().is_err();
            let meant = closest(value, &known).filter(|_| word).map(|choice| format!("write {choice}"));
            let rest = choices.len().saturating_sub(LISTED);
            let more = if rest == 0 { String::new() } else { format!(", or {rest} more") };
            let first: Vec<String> = choices.iter().take(LISTED).cloned().collect();
            let all = if rest == 0 { listed(&first, "or") } else { first.join(", ") };
            (lacks("takes", &format!("{value:?} for {written}")), meant.unwrap_or_else(|| format!("choose {all}{more}")))
        }
        Refused::Bounds(bounds) => (format!("{written} is {}", value.trim()), format!("set it to {}", within(bounds))),
    }
}

/// `a, b or c`.
fn listed(words: &[String], conjunction: &str) -> String {
    match words {
        [first @ .., last] if !first.is_empty() => format!("{} {conjunction} {last}", first.join(", ")),
        [..] => words.join(", "),
    }
}

/// What a number has to be.
fn within(bounds: &Bounds) -> String {
    let parts = [("at least", bounds.ge), ("more than", bounds.gt), ("at most", bounds.le), ("less than", bounds.lt)];
    parts.into_iter().filter_map(|(word, bound)| Some(format!("{word} {}", bound?))).collect::<Vec<_>>().join(" and ")
}
