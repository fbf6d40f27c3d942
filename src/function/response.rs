//! From a composition to a response. Earlier steps' resources and the context pass through untouched.

use std::collections::BTreeMap;

use prost::Message as _;
use serde::Serialize;

use crate::api::input::Input;
use crate::api::metadata::Header;
use crate::compose::composition::{Composed, Composition, Status as CompositeStatus};
use crate::compose::conditions::{NewCondition, Status};
use crate::compose::events::Event;
use crate::function::proto::{self, Ready, Resource, ResponseMeta, RunFunctionRequest, RunFunctionResponse, Severity, State, Target};
use crate::function::requirements::{Requirements, iteration};
use crate::function::structs::{StructError, merge, to_struct};
use crate::function::{Answer, Outcome, Report};

/// Crossplane's gRPC client refuses a larger response.
const MAX_RESPONSE_BYTES: usize = 4 << 20;

/// The response to a request, and what is to be logged of it.
pub(crate) fn respond(request: &RunFunctionRequest, header: &Header, answer: Answer) -> (RunFunctionResponse, Report) {
    let tag = request.meta.as_ref().map(|meta| meta.tag.clone()).unwrap_or_default();
    let mut report = Report {
        tag: tag.clone(),
        kind: header.kind.clone(),
        namespace: header.metadata.namespace.clone(),
        name: header.metadata.name.clone(),
        iteration: iteration(request),
        ..Report::default()
    };
    let response = match answer {
        Answer::Waiting(requirements) => {
            report.outcome = Outcome::Waiting;
            pass_on(request, tag, requirements)
        }
        Answer::Done(requirements, composition, settings) => {
            let conclusion = conclude(request, header, &composition, &settings, pass_on(request, tag, requirements));
            report.placed = u32::try_from(composition.tally.placed).unwrap_or(u32::MAX);
            report.wanted = u32::try_from(composition.tally.wanted).unwrap_or(u32::MAX);
            report.rejected = composition.tally.rejected;
            conclusion
        }
    };
    let fatal = response.results.iter().find(|result| result.severity() == Severity::Fatal);
    if let Some(fatal) = fatal {
        report.outcome = Outcome::Fatal;
        report.message = Some(fatal.message.clone());
    }
    (response, report)
}

/// What earlier steps want, and nothing else.
fn pass_on(request: &RunFunctionRequest, tag: String, requirements: Requirements) -> RunFunctionResponse {
    // Requirements that are present but empty would cost a second call.
    let requirements =
        (!requirements.0.is_empty()).then(|| proto::Requirements { resources: requirements.0, ..proto::Requirements::default() });
    RunFunctionResponse {
        meta: Some(ResponseMeta { tag, ttl: Some(prost_types::Duration::default()) }),
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
    let mut response = passed_on.clone();
    response.conditions = composition.conditions.iter().map(render_condition).collect();
    if let Some(message) = &composition.fatal {
        response.results = vec![render_result(Severity::Fatal, message, None)];
        return response;
    }
    response.results = composition.events.iter().map(render_event).collect();
    let written = merge_desired(request.desired.clone().unwrap_or_default(), header, composition);
    let failure = match written {
        Ok(desired) => {
            response.desired = Some(desired);
            let ttl = settings.ttl.length();
            if let Some(meta) = &mut response.meta {
                meta.ttl = prost_types::Duration::try_from(ttl).ok();
            }
            let size = response.encoded_len();
            (size > MAX_RESPONSE_BYTES).then(|| {
                format!(
                    "cannot answer: the response has {size} bytes and Crossplane takes at most {MAX_RESPONSE_BYTES}; serve from fewer \
                     environments or split the deployment"
                )
            })
        }
        Err(message) => Some(message),
    };
    match failure {
        None => response,
        Some(message) => {
            // Conditions of a decision that does not happen would mislead.
            RunFunctionResponse { results: vec![render_result(Severity::Fatal, &message, None)], ..passed_on }
        }
    }
}

fn merge_desired(mut desired: State, header: &Header, composition: &Composition) -> Result<State, String> {
    for (key, composed) in &composition.resources {
        if desired.resources.contains_key(key) {
            return Err(format!("composed resource {key} is wanted by an earlier step of the pipeline already; rename it there"));
        }
        let resource = render_resource(composed).map_err(|error| format!("cannot render composed resource {key}: {error}"))?;
        desired.resources.insert(key.clone(), resource);
    }
    let mut composite = desired.composite.take().unwrap_or_default();
    if let Some(status) = &composition.status {
        let overlay = Composite { api_version: &header.api_version, kind: &header.kind, status };
        let merged = merge(composite.resource.as_ref(), &overlay).map_err(|error| format!("cannot write the status: {error}"))?;
        composite.resource = Some(merged);
    }
    if composition.unready {
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

fn render_condition(condition: &NewCondition) -> proto::Condition {
    let status = match condition.status {
        Status::True => proto::Status::ConditionTrue,
        Status::False => proto::Status::ConditionFalse,
        Status::Unknown => proto::Status::ConditionUnknown,
    };
    proto::Condition {
        r#type: condition.kind.to_owned(),
        status: status.into(),
        reason: condition.reason.clone(),
        message: Some(condition.message.clone()).filter(|message| !message.is_empty()),
        target: Some(Target::Composite.into()),
    }
}

fn render_event(event: &Event) -> proto::Result {
    let severity = if event.warning { Severity::Warning } else { Severity::Normal };
    render_result(severity, &event.message, Some(&event.reason))
}

fn render_result(severity: Severity, message: &str, reason: Option<&str>) -> proto::Result {
    proto::Result {
        severity: severity.into(),
        message: message.to_owned(),
        reason: reason.map(str::to_owned),
        target: Some(Target::Composite.into()),
    }
}
