//! An engine's environment variables: the rules of a list of them, and what becomes of the arguments that refer to them.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::EnvVar;

use super::{at::At, violation::Rule};
use crate::api::{limits::Limits, model::Engine};
use crate::domain::engine::template_text::{env_refs, holds_template};
use crate::domain::kserve::PRESET_VARIABLES;

/// The rules of the engine's environment variables.
pub fn validate_env(at: &mut At<'_>, env: &[EnvVar], most: Limits) {
    check_env(at, env, most);
    for (index, variable) in env.iter().enumerate() {
        let name = variable.name.as_str();
        if variable.value_from.is_some() && PRESET_VARIABLES.contains(&name) {
            at.index(index).child("valueFrom").refuse(format!(
                "cannot be where {name} comes from, because KServe's presets give it a value and both would remain; write a value"
            ));
        }
    }
}

/// The rules of any container's environment variables.
pub(super) fn check_env(at: &mut At<'_>, env: &[EnvVar], most: Limits) {
    at.check_count(env.len(), most);
    at.check_distinct(env.iter().map(|variable| variable.name.as_str()));
    for (index, variable) in env.iter().enumerate() {
        let (mut at, name) = (at.index(index), &variable.name);
        let plain = |c: char| (c == ' ' || c.is_ascii_graphic()) && c != '=';
        // An argument may refer to the name, and a quote in it would end the argument's quoting.
        let interpreted = name.contains('\'') || holds_template(name);
        if name.is_empty() || !name.chars().all(plain) || interpreted {
            let rule = if interpreted { Rule::Template } else { Rule::Spec };
            at.child("name").refuse_as(rule, "must be a variable's name: printable ASCII without '=', single quotes and \"{{\"");
        }
        if variable.value.is_some() && variable.value_from.is_some() {
            at.refuse("has value and valueFrom; keep one of them");
        }
        at.child("value").check_template(&variable.value);
        at.child("valueFrom").check_template(&variable.value_from);
    }
}

/// Arguments that refer to a variable whose literal value holds a single quote, with that variable's name. `below` are
/// variables that the engine's own override.
pub fn quote_breaking_references(engine: &Engine, below: &[EnvVar]) -> Vec<(usize, String)> {
    let values: BTreeMap<&str, &str> =
        below.iter().chain(&engine.env).map(|variable| (variable.name.as_str(), variable.value.as_deref().unwrap_or_default())).collect();
    let mut carriers: BTreeSet<&str> = values.iter().filter(|(_, value)| value.contains('\'')).map(|(name, _)| *name).collect();
    loop {
        let more: Vec<&str> = values
            .iter()
            .filter(|(name, value)| !carriers.contains(*name) && env_refs(value).iter().any(|reference| carriers.contains(reference)))
            .map(|(name, _)| *name)
            .collect();
        if more.is_empty() {
            break;
        }
        carriers.extend(more);
    }
    let mut found = Vec::new();
    for (index, arg) in engine.args.iter().enumerate() {
        found.extend(env_refs(arg).into_iter().find(|name| carriers.contains(name)).map(|name| (index, name.to_owned())));
    }
    found
}
