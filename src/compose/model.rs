//! The composition of a ClusterModel or Model: no resources, only a word on whether it is valid.

use std::collections::BTreeSet;

use super::composition::{Composition, Desired};
use super::{conditions::NewCondition, events::events};
use crate::api::{condition::Condition, input::LintPolicy, words::ProfileValid};
use crate::domain::lint::Finding;
use crate::domain::names::LINT_IGNORE_ANNOTATION;
use crate::domain::spec::model::Model;
use crate::domain::spec::violation::{Violation, join};

/// The composition of a model that was validated, or not. `observed` are the conditions that were reported before.
pub fn compose(model: &Result<Model, Vec<Violation>>, lint: LintPolicy, observed: &[Condition]) -> Composition {
    let condition = match model {
        Ok(model) => profile_valid(model, lint),
        Err(violations) => NewCondition::new(ProfileValid::ModelInvalid, join(violations)),
    };
    Composition::Composed(Desired { events: events([&condition], observed), conditions: vec![condition], ..Desired::default() })
}

/// Whether every serving profile is valid, and what the lint finds in them.
pub fn profile_valid(model: &Model, lint: LintPolicy) -> NewCondition {
    let mut problems = model.violations();
    let invalid = !problems.is_empty();
    let looked_for = model.profiles.iter().flat_map(|profile| &profile.findings).chain(&model.findings);
    let (errors, warnings): (Vec<&Finding>, Vec<&Finding>) =
        looked_for.filter(|_| lint != LintPolicy::Off).partition(|finding| finding.is_error());
    problems.extend(errors.iter().chain(&warnings).map(|finding| Violation::from(*finding)));
    let reason = match (invalid, errors.is_empty(), warnings.is_empty()) {
        (true, ..) => ProfileValid::ProfileInvalid,
        (_, false, _) => ProfileValid::LintErrors,
        (_, _, false) => ProfileValid::LintWarnings,
        (false, true, true) => ProfileValid::Valid,
    };
    let message = if problems.is_empty() { count(model.profiles.len()) } else { join(&problems) };
    let accepted = if lint == LintPolicy::Off { String::new() } else { accepted(model) };
    NewCondition::new(reason, message + &accepted)
}

/// The rules that are broken and accepted, so that nobody takes the profiles for better than they are.
fn accepted(model: &Model) -> String {
    let rules: BTreeSet<&str> = model.suppressed().map(|suppressed| suppressed.finding.code.as_str()).collect();
    let listed = rules.into_iter().collect::<Vec<_>>().join(", ");
    if listed.is_empty() { listed } else { format!("; ignored by {LINT_IGNORE_ANNOTATION}: {listed}") }
}

fn count(profiles: usize) -> String {
    format!("{profiles} serving profile{}", if profiles == 1 { "" } else { "s" })
}
