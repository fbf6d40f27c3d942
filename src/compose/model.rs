//! The composition of a ClusterModel or Model: no resources, only a word on whether it is valid.

use crate::api::condition::Condition;
use crate::api::input::LintPolicy;
use crate::compose::composition::Composition;
use crate::compose::conditions::{LINT_ERRORS, LINT_WARNINGS, MODEL_INVALID, NewCondition, PROFILE_VALID};
use crate::compose::events::events;
use crate::domain::lint::Finding;
use crate::domain::spec::model::Model;
use crate::domain::spec::violation::{Violation, join};

/// The composition of a model that was validated, or not. `observed` are the conditions that were reported before.
#[must_use]
pub fn compose(model: &Result<Model, Vec<Violation>>, lint: LintPolicy, observed: &[Condition]) -> Composition {
    let condition = match model {
        Ok(model) => profile_valid(model, lint),
        Err(violations) => NewCondition::new(PROFILE_VALID, false, MODEL_INVALID, join(violations)),
    };
    Composition { events: events(std::slice::from_ref(&condition), observed), conditions: vec![condition], ..Composition::default() }
}

/// Whether every serving profile is valid, and what the lint finds in them.
#[must_use]
pub fn profile_valid(model: &Model, lint: LintPolicy) -> NewCondition {
    let mut problems = model.violations();
    let invalid = !problems.is_empty();
    let looked_for = model.profiles.iter().filter(|_| lint != LintPolicy::Off);
    let (errors, warnings): (Vec<&Finding>, Vec<&Finding>) =
        looked_for.flat_map(|profile| &profile.findings).partition(|finding| finding.is_error());
    problems.extend(errors.iter().chain(&warnings).map(|finding| Violation::from(*finding)));
    match (invalid, errors.is_empty(), warnings.is_empty()) {
        (true, ..) => NewCondition::new(PROFILE_VALID, false, "ProfileInvalid", join(&problems)),
        (_, false, _) => NewCondition::new(PROFILE_VALID, false, LINT_ERRORS, join(&problems)),
        (_, _, false) => NewCondition::new(PROFILE_VALID, true, LINT_WARNINGS, join(&problems)),
        (false, true, true) => NewCondition::new(PROFILE_VALID, true, "Valid", count(model.profiles.len())),
    }
}

fn count(profiles: usize) -> String {
    format!("{profiles} serving profile{}", if profiles == 1 { "" } else { "s" })
}
