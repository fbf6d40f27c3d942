//! The composition of a ClusterModel or Model: no resources, only a word on whether it is valid.

use crate::api::condition::Condition;
use crate::compose::composition::Composition;
use crate::compose::conditions::{MODEL_INVALID, NewCondition, PROFILE_VALID};
use crate::compose::events::events;
use crate::domain::model::Model;
use crate::domain::violation::{Violation, join};

/// The composition of a model that was validated, or not. `observed` are the conditions that were reported before.
#[must_use]
pub fn compose(model: &Result<Model, Vec<Violation>>, observed: &[Condition]) -> Composition {
    let condition = match model {
        Ok(model) => profile_valid(model),
        Err(violations) => NewCondition::new(PROFILE_VALID, false, MODEL_INVALID, join(violations)),
    };
    Composition { events: events(std::slice::from_ref(&condition), observed), conditions: vec![condition], ..Composition::default() }
}

/// Whether every serving profile is valid.
#[must_use]
pub fn profile_valid(model: &Model) -> NewCondition {
    let violations = model.violations();
    if violations.is_empty() {
        return NewCondition::new(PROFILE_VALID, true, "Valid", count(model.profiles.len()));
    }
    NewCondition::new(PROFILE_VALID, false, "ProfileInvalid", join(&violations))
}

fn count(profiles: usize) -> String {
    format!("{profiles} serving profile{}", if profiles == 1 { "" } else { "s" })
}
