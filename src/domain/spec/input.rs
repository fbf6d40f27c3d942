//! The rules of the step's input.

use crate::api::input::{API_VERSION, Input, KIND, Prometheus};
use crate::api::limits;
use crate::domain::names::namespace_error;
use crate::domain::spec::bounds::{check_length, check_number};
use crate::domain::spec::violation::Violation;

/// Checks every rule of an input.
///
/// # Errors
/// Every rule that is broken, with the field path.
pub fn validate_input(input: &Input) -> Result<(), Vec<Violation>> {
    let mut violations = Vec::new();
    for (field, text, ours) in [("apiVersion", &input.api_version, API_VERSION), ("kind", &input.kind, KIND)] {
        if !text.is_empty() && text != ours {
            violations.push(Violation::new(field, format!("is {text:?}; write {ours}, this function takes no other")));
        }
    }
    if let Some(problem) = input.remote_namespace.as_deref().and_then(namespace_error) {
        violations.push(Violation::new("remoteNamespace", problem));
    }
    validate_prometheus(&input.prometheus, &mut violations);
    check_number("maxRejections", input.max_rejections, limits::REJECTIONS, &mut violations);
    if violations.is_empty() { Ok(()) } else { Err(violations) }
}

fn validate_prometheus(prometheus: &Prometheus, violations: &mut Vec<Violation>) {
    let path = "prometheus.serverAddress";
    let address = &prometheus.server_address;
    check_length(path, address, limits::ADDRESS, violations);
    let host = ["http://", "https://"].iter().find_map(|scheme| address.strip_prefix(scheme));
    if host.is_none_or(str::is_empty) {
        violations.push(Violation::new(path, format!("is {address:?}; write a URL such as http://prometheus.monitoring.svc:9090")));
    }
}
