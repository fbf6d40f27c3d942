//! What a schedule depends on.

use super::placement::{Environments, Existing, Missing};
use super::{holdings::Fleet, matching::Wish};
use crate::api::model_deployment::StrategyKind;

/// Everything a schedule depends on.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// What is wished.
    pub wish: Wish<'a>,
    /// The environments that were looked up: all of them, or the placements' own.
    pub environments: &'a Environments,
    /// The deployment's placements.
    pub existing: &'a [Existing],
    /// Placements that were reported and are not seen.
    pub missing: &'a [Missing],
    /// What other deployments hold in these environments, as far as it is known.
    pub fleet: &'a Fleet,
    /// Whether all environments were looked up, so that new placements can be found.
    pub deciding: bool,
    /// Whether every check is to be kept.
    pub explain: bool,
}

impl Situation<'_> {
    /// Whether a placement makes way for new ones before they are there.
    pub(super) fn gives_up(&self, existing: &Existing) -> bool {
        let deployment = self.wish.deployment;
        deployment.strategy == StrategyKind::Recreate && existing.place.topology != deployment.topology
    }
}
