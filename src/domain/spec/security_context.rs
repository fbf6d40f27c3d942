//! The rules of security contexts.

use k8s_openapi::api::core::v1::{PodSecurityContext, SeccompProfile, SecurityContext};

use super::at::At;

/// The largest id of a user or group.
const MOST_ID: i64 = 2_147_483_647;

impl At<'_> {
    /// The security context of a pod.
    pub(super) fn check_pod_security(&mut self, context: &PodSecurityContext) {
        let ids = [("runAsUser", context.run_as_user), ("runAsGroup", context.run_as_group), ("fsGroup", context.fs_group)];
        self.check_user(ids.as_slice(), context.run_as_non_root, context.run_as_user);
        for (index, group) in context.supplemental_groups.iter().flatten().enumerate() {
            self.child("supplementalGroups").index(index).check_id(*group);
        }
        if let Some(policy) = &context.fs_group_change_policy {
            self.child("fsGroupChangePolicy").check_word(policy, &["Always", "OnRootMismatch"]);
        }
        if let Some(policy) = &context.supplemental_groups_policy {
            self.child("supplementalGroupsPolicy").check_word(policy, &["Merge", "Strict"]);
        }
        if let Some(profile) = &context.seccomp_profile {
            self.child("seccompProfile").check_seccomp(profile);
        }
        self.check_template(context);
    }

    /// The security context of a container. KServe's presets forbid the escalation of privileges where nobody allows it.
    pub(super) fn check_container_security(&mut self, context: &SecurityContext) {
        let ids = [("runAsUser", context.run_as_user), ("runAsGroup", context.run_as_group)];
        self.check_user(ids.as_slice(), context.run_as_non_root, context.run_as_user);
        let privileged = context.privileged == Some(true);
        if privileged && context.allow_privilege_escalation == Some(false) {
            self.child("allowPrivilegeEscalation").refuse("is false, which a privileged container cannot have; set it to true");
        }
        let capabilities = context.capabilities.iter().flat_map(|capabilities| capabilities.add.iter().flatten());
        for (index, capability) in capabilities.enumerate() {
            let mut at = self.child("capabilities.add");
            let mut at = at.index(index);
            if capability.is_empty() {
                at.refuse("is empty; name a capability, as in IPC_LOCK");
            }
            if capability == "CAP_SYS_ADMIN" && !privileged && context.allow_privilege_escalation != Some(true) {
                at.refuse("needs allowPrivilegeEscalation: true, which the presets forbid; set it, too");
            }
        }
        if let Some(mount) = &context.proc_mount {
            self.child("procMount").check_word(mount, &["Default", "Unmasked"]);
        }
        if let Some(profile) = &context.seccomp_profile {
            self.child("seccompProfile").check_seccomp(profile);
        }
        self.check_template(context);
    }

    /// What makes a container more than one.
    pub(super) fn refuse_privileges(&mut self, context: &SecurityContext, message: &str) {
        let pins_memory_only =
            |added: &[String]| added.iter().all(|capability| ["IPC_LOCK", "NET_BIND_SERVICE"].contains(&capability.as_str()));
        let added = context.capabilities.as_ref().and_then(|capabilities| capabilities.add.as_deref());
        let privileges = [
            ("privileged", context.privileged == Some(true)),
            ("allowPrivilegeEscalation", context.allow_privilege_escalation == Some(true)),
            ("capabilities.add", !added.is_none_or(pins_memory_only)),
            ("procMount", context.proc_mount.as_deref().is_some_and(|mount| mount != "Default")),
            ("seccompProfile", context.seccomp_profile.as_ref().is_some_and(|profile| profile.type_ == "Unconfined")),
            ("appArmorProfile", context.app_armor_profile.as_ref().is_some_and(|profile| profile.type_ == "Unconfined")),
            ("seLinuxOptions", context.se_linux_options.is_some()),
        ];
        for (field, _) in privileges.into_iter().filter(|(_, given)| *given) {
            self.child(field).refuse(message);
        }
    }

    fn check_user(&mut self, ids: &[(&str, Option<i64>)], non_root: Option<bool>, user: Option<i64>) {
        for (field, id) in ids {
            if let Some(id) = id {
                self.child(field).check_id(*id);
            }
        }
        if non_root == Some(true) && user == Some(0) {
            self.child("runAsNonRoot").refuse("is true, but runAsUser is 0, which is root; no container would start");
        }
    }

    fn check_id(&mut self, id: i64) {
        if !(0..=MOST_ID).contains(&id) {
            self.refuse(format!("is {id}; set it to 0 to {MOST_ID}"));
        }
    }

    fn check_seccomp(&mut self, profile: &SeccompProfile) {
        self.child("type").check_word(&profile.type_, &["Localhost", "RuntimeDefault", "Unconfined"]);
        match (profile.type_.as_str(), &profile.localhost_profile) {
            ("Localhost", None) => self.child("localhostProfile").refuse("is missing; type Localhost needs it"),
            ("Localhost", Some(_)) | (_, None) => {}
            (_, Some(_)) => self.child("localhostProfile").refuse("is set but type is not Localhost; remove it"),
        }
    }
}
