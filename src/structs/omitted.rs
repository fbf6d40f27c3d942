//! Parts of an object that are read as if they were not there.

use std::collections::BTreeMap;

use super::error::Step;

/// What is left out of a value: all of it, or parts.
#[derive(Debug, Default)]
pub(super) struct Omitted {
    whole: bool,
    parts: BTreeMap<Step, Omitted>,
}

impl Omitted {
    /// Leaves out what is at a place. `false` where it is already, or is everything.
    pub(super) fn add<'a>(&mut self, place: impl Iterator<Item = &'a Step>) -> bool {
        let mut here = &mut *self;
        let mut below = false;
        for step in place {
            here = here.parts.entry(step.clone()).or_default();
            below = true;
        }
        below && !std::mem::replace(&mut here.whole, true)
    }

    /// What is left out one step further.
    pub(super) fn at(&self, step: &Step) -> Option<&Self> {
        self.parts.get(step)
    }

    /// Whether nothing is there.
    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    /// Whether anything below is left out.
    pub(super) fn is_partial(&self) -> bool {
        !self.parts.is_empty()
    }
}
