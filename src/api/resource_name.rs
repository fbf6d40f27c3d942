//! The names of extended resources, such as `nvidia.com/gpu`.

use super::selector::label_key_error;

/// Says what is wrong with an extended resource's name, or nothing, as Kubernetes has it.
pub fn extended_resource_error(name: &str) -> Option<&'static str> {
    if !name.contains('/') {
        return Some("a device's resource has a domain in front, as in \"nvidia.com/gpu\"");
    }
    if name.contains("kubernetes.io/") {
        return Some("the domain kubernetes.io is Kubernetes' own, and no device's");
    }
    if name.starts_with("requests.") {
        return Some("a domain that starts with \"requests.\" is for quotas, and no device's");
    }
    // Quotas put this in front, and the whole must still be a name.
    label_key_error(&format!("requests.{name}"))
}
