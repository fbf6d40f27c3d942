//! The calls of one reconcile: Crossplane calls a function again and again, until what that requires no longer changes.

use std::collections::BTreeMap;

use crate::function::Report;
use crate::function::proto::{ResourceSelector, Resources, RunFunctionRequest, RunFunctionResponse, Severity};

/// Crossplane gives up after so many calls.
const MAX_CALLS: usize = 6;

/// A call of the function.
#[derive(Debug, Default)]
pub struct Call {
    /// What it was asked.
    pub request: RunFunctionRequest,
    /// What it answered.
    pub response: RunFunctionResponse,
    /// What it did.
    pub report: Report,
}

/// The last call of a reconcile, with everything that the function requires; nothing where Crossplane gives up. This is
/// `FetchingFunctionRunner.RunFunction` of internal/xfn/required_resources.go, v2.3.4; since v2.4.0 the first call is `seeded` with what
/// the reconcile before required.
pub fn converse(
    mut request: RunFunctionRequest,
    seeded: Option<&BTreeMap<String, Resources>>,
    fetch: impl Fn(&ResourceSelector) -> Resources,
    mut call: impl FnMut(&RunFunctionRequest) -> (RunFunctionResponse, Report),
) -> Option<Call> {
    request.required_resources = seeded.cloned().unwrap_or_default();
    let mut before = None;
    for number in 1..=MAX_CALLS {
        let (response, report) = call(&request);
        let fatal = response.results.iter().any(|result| result.severity() == Severity::Fatal);
        if fatal || response.requirements == before {
            return Some(Call { request, response, report });
        }
        let mut next = seeded.cloned().unwrap_or_default();
        let required = response.requirements.iter().flat_map(|requirements| &requirements.resources);
        next.extend(required.map(|(key, selector)| (key.clone(), fetch(selector))));
        if number == 1 && seeded.is_some() && request.required_resources == next {
            return Some(Call { request, response, report });
        }
        before = response.requirements;
        request = RunFunctionRequest { required_resources: next, context: response.context, ..request };
    }
    None
}
