//! The rules of the step's input.

use super::{at::At, violation::Violation};
use crate::api::input::{API_VERSION, Input, KIND, Prometheus};
use crate::api::limits;
use crate::domain::names::label_name_error;

/// Checks every rule of an input.
///
/// # Errors
/// Every rule that is broken, with the field path.
pub fn validate_input(input: &Input) -> Result<(), Vec<Violation>> {
    let mut violations = Vec::new();
    let mut at = At::new("", &mut violations);
    for (field, text, ours) in [("apiVersion", &input.api_version, API_VERSION), ("kind", &input.kind, KIND)] {
        if !text.is_empty() && text != ours {
            at.child(field).refuse(format!("is {text:?}; write {ours}, this function takes no other"));
        }
    }
    if let Some(problem) = input.remote_namespace.as_deref().and_then(label_name_error) {
        at.child("remoteNamespace").refuse(problem);
    }
    validate_prometheus(&mut at.child("prometheus.serverAddress"), &input.prometheus);
    at.child("maxRejections").check_number(input.max_rejections, limits::REJECTIONS);
    if violations.is_empty() { Ok(()) } else { Err(violations) }
}

fn validate_prometheus(at: &mut At<'_>, prometheus: &Prometheus) {
    let address = &prometheus.server_address;
    at.check_length(address, limits::ADDRESS);
    let host = ["http://", "https://"].iter().find_map(|scheme| address.strip_prefix(scheme));
    if host.is_none_or(str::is_empty) {
        at.refuse(format!("is {address:?}; write a URL such as http://prometheus.monitoring.svc:9090"));
    }
}
