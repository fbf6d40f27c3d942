//! The function protocol: from a request to a response.

pub mod proto;

use std::collections::BTreeMap;

// The rest of this file stands in for the function until it is merged.

/// How a call ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Outcome {
    /// More was asked for; the call will be repeated with it.
    Waiting,
    /// The response is final.
    #[default]
    Done,
    /// The response stops the pipeline.
    Fatal,
}

/// What one call did, for logs and metrics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The request's tag.
    pub tag: String,
    /// The composite resource's kind.
    pub kind: String,
    /// The composite resource's namespace; empty for a cluster scoped one.
    pub namespace: String,
    /// The composite resource's name.
    pub name: String,
    /// How many calls of this reconcile came before.
    pub iteration: u32,
    /// How the call ended.
    pub outcome: Outcome,
    /// How many placements the response holds.
    pub placed: u32,
    /// How many placements the owner asked for.
    pub wanted: u32,
    /// How many environments were turned down, by reason.
    pub rejected: BTreeMap<String, u32>,
    /// The message of a fatal result.
    pub message: Option<String>,
}

/// Answers one call.
#[must_use]
pub fn run(request: proto::RunFunctionRequest) -> (proto::RunFunctionResponse, Report) {
    let tag = request.meta.map(|meta| meta.tag).unwrap_or_default();
    let meta = Some(proto::ResponseMeta { tag: tag.clone(), ttl: None });
    (proto::RunFunctionResponse { meta, desired: request.desired, ..Default::default() }, Report { tag, ..Report::default() })
}
