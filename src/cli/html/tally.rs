//! GPUs counted by what they are held for.

use std::collections::BTreeMap;

use crate::api::phase::Phase;

/// What GPUs are held for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Use {
    /// For a phase of a deployment that the page is about.
    Of(Phase),
    /// By a deployment that the page is not about.
    Other,
    Free,
}

impl Use {
    const ALL: [Self; 5] = [Self::Of(Phase::Decode), Self::Of(Phase::Prefill), Self::Of(Phase::Unified), Self::Other, Self::Free];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Of(phase) => phase.as_str(),
            Self::Other => "other",
            Self::Free => "free",
        }
    }

    /// What stands for it where a word has no room, so that nothing is told by colour alone.
    pub(crate) fn letter(self) -> &'static str {
        match self {
            Self::Of(Phase::Decode) => "D",
            Self::Of(Phase::Prefill) => "P",
            Self::Of(Phase::Unified) => "U",
            Self::Other => "O",
            Self::Free => "",
        }
    }
}

/// GPUs by what they are held for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    held: BTreeMap<Use, u64>,
    /// GPUs that there are.
    pub(crate) total: u64,
}

/// GPUs that are held for one thing, or free.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    pub(crate) purpose: Use,
    pub(crate) gpus: u64,
}

impl Tally {
    /// So many GPUs, all of them free.
    pub(crate) fn of(total: u64) -> Self {
        Self { held: BTreeMap::new(), total }
    }

    pub(crate) fn add(&mut self, purpose: Use, gpus: u64) {
        let held = self.held.entry(purpose).or_default();
        *held = held.saturating_add(gpus);
    }

    pub(crate) fn sum<'a>(all: impl Iterator<Item = &'a Self>) -> Self {
        let mut sum = Self::default();
        for Self { held, total } in all {
            sum.total = sum.total.saturating_add(*total);
            for (purpose, gpus) in held {
                sum.add(*purpose, *gpus);
            }
        }
        sum
    }

    pub(crate) fn used(&self) -> u64 {
        self.held.values().fold(0, |sum: u64, gpus| sum.saturating_add(*gpus))
    }

    fn gpus(&self, purpose: Use) -> u64 {
        match purpose {
            Use::Free => self.total.saturating_sub(self.used()),
            Use::Of(_) | Use::Other => self.held.get(&purpose).copied().unwrap_or_default(),
        }
    }

    /// What is not nothing.
    pub(crate) fn shares(&self) -> Vec<Share> {
        let all = Use::ALL.map(|purpose| Share { purpose, gpus: self.gpus(purpose) });
        all.into_iter().filter(|share| share.gpus > 0).collect()
    }

    /// "8 decode, 8 prefill, 0 free of 16 GPUs".
    pub(crate) fn words(&self) -> String {
        let named = self.shares().into_iter().filter(|share| share.purpose != Use::Free);
        let mut parts: Vec<String> = named.map(|share| format!("{} {}", share.gpus, share.purpose.word())).collect();
        parts.push(format!("{} free of {} GPUs", self.gpus(Use::Free), self.total));
        parts.join(", ")
    }
}
