//! As whom the containers of a pod run.

use k8s_openapi::DeepMerge;
use k8s_openapi::api::core::v1::{Capabilities, PodSecurityContext, SeccompProfile, SecurityContext};

use crate::api::pod_overlay::{PodOverlay, SecurityProfile};
use crate::domain::fabric::Setting;
use crate::domain::spec::pod_overlay::takes_root;

/// The engine's security context: what is asked for over root, or over the restricted one of KServe's presets.
pub(super) fn engine_security(overlay: &PodOverlay, settings: &[Setting]) -> Option<SecurityContext> {
    let wanted = overlay.container_security_context.clone().unwrap_or_default();
    let mut context = SecurityContext::default();
    match overlay.security_profile.unwrap_or(SecurityProfile::Root) {
        SecurityProfile::Restricted => {}
        SecurityProfile::Root => {
            // Official engine images run as root and write beside their code; the presets forbid both. Another user that the pod has stays.
            let root = takes_root(overlay).is_none();
            context.run_as_non_root = root.then_some(false);
            context.run_as_user = root.then_some(0);
            context.read_only_root_filesystem = Some(false);
            let capability = |setting: &Setting| match setting {
                Setting::Capability(name) => Some((*name).to_owned()),
                Setting::Variable(..) => None,
            };
            let add: Vec<String> = settings.iter().filter_map(capability).collect();
            context.capabilities = (!add.is_empty()).then(|| Capabilities { add: Some(add), ..Capabilities::default() });
        }
    }
    // The presets forbid to escalate privileges, which Kubernetes refuses beside privileged.
    if wanted.privileged == Some(true) {
        context.allow_privilege_escalation = Some(true);
    }
    context.merge_from(wanted);
    Some(context).filter(|context| *context != SecurityContext::default())
}

/// The pod's security context. The presets give decode's routing sidecar no seccomp profile, without which no pod is restricted.
pub(super) fn pod_security(overlay: &PodOverlay) -> Option<PodSecurityContext> {
    let mut context = PodSecurityContext::default();
    if overlay.security_profile == Some(SecurityProfile::Restricted) {
        context.seccomp_profile = Some(SeccompProfile { type_: "RuntimeDefault".to_owned(), ..SeccompProfile::default() });
    }
    context.merge_from(overlay.security_context.clone().unwrap_or_default());
    Some(context).filter(|context| *context != PodSecurityContext::default())
}
