//! How far a reconcile is.
//!
//! Crossplane calls again until what is required no longer changes, and hands the context that a call answers with to the next call of
//! the same reconcile (`req.Context = rsp.GetContext()` in internal/xfn/required_resources.go, v2.3 and v2.4). What was asked for is
//! noted there, because the request does not show it: since v2.4 the first call holds already what the last reconcile required.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{proto::RunFunctionRequest, requirements::Requirements};
use crate::api::environment_ledger::EnvironmentLedger;
use crate::structs::{from_struct, with_field, without_field};

/// The context's field. It is gone before another step of the pipeline is called.
const FIELD: &str = "modelplane.ai/reconcile";

/// What the calls before this one of the same reconcile did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Progress {
    /// How many there were.
    pub(crate) calls: u32,
    /// The keys that the last of them asked for.
    pub(crate) asked: BTreeSet<String>,
    /// The sum that it made of what it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ledger: Option<Box<EnvironmentLedger>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Context {
    #[serde(rename = "modelplane.ai/reconcile")]
    progress: Progress,
}

impl Progress {
    /// Reads it out of a request's context; none where there is none that can be read.
    pub(crate) fn of(request: &RunFunctionRequest) -> Self {
        let context = request.context.as_deref().unwrap_or_default();
        from_struct::<Context>(context).unwrap_or_default().progress
    }

    /// The context of an answer that waits, from that of its request.
    pub(crate) fn note(&self, context: Option<&Bytes>, requirements: &Requirements) -> Option<Bytes> {
        let asked = requirements.selectors.keys().cloned().collect();
        let next = Self { calls: self.calls.saturating_add(1), asked, ledger: requirements.carried.clone() };
        let noted = with_field(&context.cloned().unwrap_or_default(), FIELD, &next);
        noted.ok().or_else(|| context.cloned())
    }

    /// The context of an answer that does not wait. One that requires what it was given is the last of its reconcile, and leaves nothing
    /// of ours to the steps that follow.
    pub(crate) fn conclude(&self, context: Option<&Bytes>, requirements: &Requirements) -> Option<Bytes> {
        if self.calls == 0 || self.asked.iter().eq(requirements.selectors.keys()) {
            context.map(|context| without_field(context, FIELD))
        } else {
            self.note(context, requirements)
        }
    }
}
