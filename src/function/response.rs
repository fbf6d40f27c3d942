//! From a composition to a response. Earlier steps' resources and the context pass through untouched.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use prost::Message as _;
use serde::Serialize;

use super::proto::{self, Ready, Resource, ResponseMeta, RunFunctionRequest, RunFunctionResponse, Severity, State, Target};
use super::report::{Outcome, Report};
use super::request::{composite, reported_conditions};
use super::{answer::Answer, progress::Progress, requirements::Requirements};
use crate::api::condition::{Condition, Status, find};
use crate::api::{input::Input, metadata::Header, words::ConditionType};
use crate::compose::composition::{Composed, CompositeStatus, Composition, Desired};
use crate::compose::{conditions::NewCondition, events::Event};
use crate::structs::{StructError, from_struct, merge, to_struct};
use crate::text::visible::visible;

/// Crossplane's gRPC client refuses a larger response.
const MAX_RESPONSE_BYTES: usize = 4 << 20;

/// The response to a request, and what is to be logged of it.
pub(crate) fn respond(request: &RunFunctionRequest, header: &Header, answer: Answer) -> (RunFunctionResponse, Report) {
    let progress = Progress::of(request);
    let mut report = report_of(request, header, &progress);
    let response = match answer {
        Answer::Waiting(requirements) => {
            report.outcome = Outcome::Waiting;
            let context = progress.note(request.context.as_ref(), &requirements);
            RunFunctionResponse { context, ..pass_on(request, requirements) }
        }
        Answer::Done(requirements, composition, settings) => {
            let context = progress.conclude(request.context.as_ref(), &requirements);
            let passed_on = RunFunctionResponse { context, ..pass_on(request, requirements) };
            let (tally, field) = match &*composition {
                Composition::Refused { tally, field, .. } => (tally, field.as_str()),
                Composition::Composed(Desired { tally, field, .. }) => (tally, *field),
            };
            field.clone_into(&mut report.field);
            report.placed = u32::try_from(tally.placed).unwrap_or(u32::MAX);
            report.wanted = u32::try_from(tally.wanted).unwrap_or(u32::MAX);
            report.rejected.clone_from(&tally.rejected);
            conclude(request, header, &composition, &settings, passed_on)
        }
    };
    finish(request, response, report)
}

/// The response to a request whose answer panicked.
pub(crate) fn after_panic(request: &RunFunctionRequest) -> (RunFunctionResponse, Report) {
    // What panicked may have been the reading of these.
    let read = || (from_struct::<Header>(composite(request)).unwrap_or_default(), reported(request));
    let (header, conditions) = catch_unwind(AssertUnwindSafe(read)).unwrap_or_default();
    let message = "the function failed unexpectedly, so nothing is changed; please report this with the function's log";
    let response = fatal(pass_on(request, Requirements::default()), message, conditions);
    finish(request, response, report_of(request, &header, &Progress::default()))
}

fn report_of(request: &RunFunctionRequest, header: &Header, progress: &Progress) -> Report {
    Report {
        tag: request.meta.as_ref().map(|meta| meta.tag.clone()).unwrap_or_default(),
        kind: header.kind.clone(),
        namespace: header.metadata.namespace.clone(),
        name: header.metadata.name.clone(),
        iteration: progress.calls.saturating_add(1),
        ..Report::default()
    }
}

/// What every response goes through last.
fn finish(request: &RunFunctionRequest, response: RunFunctionResponse, mut report: Report) -> (RunFunctionResponse, Report) {
    let response = bounded(request, response);
    if let Some(message) = fatal_message(&response) {
        report.outcome = Outcome::Fatal;
        report.message = Some(message.to_owned());
    }
    (response, report)
}

/// The response, or a fatal one where Crossplane would not take it.
fn bounded(request: &RunFunctionRequest, response: RunFunctionResponse) -> RunFunctionResponse {
    let size = response.encoded_len();
    if size <= MAX_RESPONSE_BYTES {
        return response;
    }
    let is_fatal = fatal_message(&response).is_some();
    // A fatal result ends the pipeline before Crossplane looks at what is left out here.
    let bare = RunFunctionResponse { desired: None, context: None, requirements: None, ..response };
    if is_fatal && bare.encoded_len() <= MAX_RESPONSE_BYTES {
        return bare;
    }
    let message = format!(
        "cannot answer: the response has {size} bytes and Crossplane takes at most {MAX_RESPONSE_BYTES}; serve from fewer environments, \
         split the deployment, or let earlier steps of the pipeline compose less"
    );
    // Conditions of a decision that does not happen would mislead.
    fatal(RunFunctionResponse { meta: Some(meta(request)), ..RunFunctionResponse::default() }, &message, reported(request))
}

fn fatal_message(response: &RunFunctionResponse) -> Option<&str> {
    response.results.iter().find(|result| result.severity() == Severity::Fatal).map(|result| result.message.as_str())
}

/// Nothing may change; `conditions` are all there is to say beside why.
fn fatal(passed_on: RunFunctionResponse, message: &str, conditions: Vec<proto::Condition>) -> RunFunctionResponse {
    RunFunctionResponse { results: vec![render_result(Severity::Fatal, message, None)], conditions, ..passed_on }
}

/// Not to be cached: fatal and waiting answers are asked for again.
fn meta(request: &RunFunctionRequest) -> ResponseMeta {
    let tag = request.meta.as_ref().map(|meta| meta.tag.clone()).unwrap_or_default();
    ResponseMeta { tag, ttl: Some(prost_types::Duration::default()) }
}

/// What earlier steps want, and nothing else.
fn pass_on(request: &RunFunctionRequest, requirements: Requirements) -> RunFunctionResponse {
    // Requirements that are present but empty would cost a second call.
    let selectors = requirements.selectors;
    let requirements = (!selectors.is_empty()).then(|| proto::Requirements { resources: selectors, ..proto::Requirements::default() });
    RunFunctionResponse {
        meta: Some(meta(request)),
        desired: request.desired.clone(),
        context: request.context.clone(),
        requirements,
        ..RunFunctionResponse::default()
    }
}

fn conclude(
    request: &RunFunctionRequest,
    header: &Header,
    composition: &Composition,
    settings: &Input,
    passed_on: RunFunctionResponse,
) -> RunFunctionResponse {
    let render = |conditions: &[NewCondition]| conditions.iter().map(render_condition).collect::<Vec<_>>();
    let ours = match composition {
        Composition::Composed(desired) => desired,
        Composition::Refused { message, conditions, .. } if conditions.is_empty() => return fatal(passed_on, message, reported(request)),
        Composition::Refused { message, conditions, .. } => return fatal(passed_on, message, render(conditions)),
    };
    match merge_desired(request.desired.clone().unwrap_or_default(), header, ours) {
        Err(message) => fatal(passed_on, &message, reported(request)),
        Ok(desired) => RunFunctionResponse {
            meta: Some(ResponseMeta { ttl: prost_types::Duration::try_from(settings.ttl.length()).ok(), ..meta(request) }),
            desired: Some(desired),
            conditions: render(&ours.conditions),
            results: ours.events.iter().map(render_event).collect(),
            ..passed_on
        },
    }
}

/// Our conditions as they were reported before: Crossplane makes Unknown what a fatal response leaves out, and their
/// return would be an event.
fn reported(request: &RunFunctionRequest) -> Vec<proto::Condition> {
    let observed = reported_conditions(request);
    let again = |kind: &ConditionType| {
        let Condition { kind, status, reason, message, .. } = find(&observed, kind.as_str())?;
        let status = [Status::True, Status::False].into_iter().find(|known| known.as_str() == status).unwrap_or(Status::Unknown);
        Some(condition(kind, status, reason, &visible(message)))
    };
    ConditionType::ALL.iter().filter_map(again).collect()
}

fn merge_desired(mut desired: State, header: &Header, ours: &Desired) -> Result<State, String> {
    for (key, composed) in &ours.resources {
        if desired.resources.contains_key(key) {
            return Err(format!("composed resource {key} is wanted by an earlier step of the pipeline already; rename it there"));
        }
        let resource = render_resource(composed).map_err(|error| format!("cannot render composed resource {key}: {error}"))?;
        desired.resources.insert(key.clone(), resource);
    }
    let mut composite = desired.composite.take().unwrap_or_default();
    if let Some(status) = &ours.status {
        let overlay = Composite { api_version: &header.api_version, kind: &header.kind, status };
        let merged = merge(composite.resource.as_ref(), &overlay).map_err(|error| format!("cannot write the status: {error}"))?;
        composite.resource = Some(merged);
    }
    if ours.unready {
        composite.set_ready(Ready::False);
    }
    desired.composite = Some(composite);
    Ok(desired)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Composite<'a> {
    api_version: &'a str,
    kind: &'a str,
    status: &'a CompositeStatus,
}

fn render_resource(composed: &Composed) -> Result<Resource, StructError> {
    let ready = if composed.ready { Ready::True } else { Ready::False };
    Ok(Resource { resource: Some(to_struct(&composed.body)?), connection_details: BTreeMap::new(), ready: ready.into() })
}

fn render_condition(new: &NewCondition) -> proto::Condition {
    condition(new.kind.as_str(), new.status, new.reason, &new.message)
}

fn condition(kind: &str, status: Status, reason: &str, message: &str) -> proto::Condition {
    let status = match status {
        Status::True => proto::Status::ConditionTrue,
        Status::False => proto::Status::ConditionFalse,
        Status::Unknown => proto::Status::ConditionUnknown,
    };
    proto::Condition {
        r#type: kind.to_owned(),
        status: status.into(),
        reason: reason.to_owned(),
        message: Some(message.to_owned()).filter(|message| !message.is_empty()),
        target: Some(Target::Composite.into()),
    }
}

/// What Crossplane makes an event of.
pub(crate) fn render_event(event: &Event) -> proto::Result {
    let severity = if event.warning { Severity::Warning } else { Severity::Normal };
    render_result(severity, &event.message, Some(event.reason))
}

fn render_result(severity: Severity, message: &str, reason: Option<&str>) -> proto::Result {
    proto::Result {
        severity: severity.into(),
        message: visible(message),
        reason: reason.map(str::to_owned),
        target: Some(Target::Composite.into()),
    }
}
