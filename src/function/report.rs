//! What a call did, for whoever watches.

use std::collections::BTreeMap;

/// What one call did, for logs and metrics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The call's identity, as the caller gave it.
    pub tag: String,
    /// The composite resource's kind.
    pub kind: String,
    /// Its namespace; empty where the kind has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Which call of the reconcile it was, from 1 on.
    pub iteration: u32,
    /// How the call ended.
    pub outcome: Outcome,
    /// Placements composed.
    pub placed: u32,
    /// Placements wanted.
    pub wanted: u32,
    /// Rejected environments by reason.
    pub rejected: BTreeMap<&'static str, u32>,
    /// The message of a fatal result.
    pub message: Option<String>,
    /// The path of the field that a refusal, or what holds the composite resource back, is about; empty where there is none.
    pub field: String,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Outcome {
    /// Something is to be fetched first.
    Waiting,
    /// With a composition.
    #[default]
    Done,
    /// With a fatal result: nothing changes.
    Fatal,
}
