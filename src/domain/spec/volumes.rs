//! The rules of volumes, and of where containers see them.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Volume, VolumeMount};

use super::at::At;
use crate::api::limits::Limits;
use crate::domain::kserve::{CONTROLLER_VOLUMES, ENGINE_MOUNTS, PRESET_VOLUMES};

/// The rules of volumes.
pub(super) fn validate_volumes(at: &mut At<'_>, volumes: &[Volume], most: Limits) {
    at.check_count(volumes.len(), most);
    at.check_distinct(volumes.iter().map(|volume| volume.name.as_str()));
    for (index, volume) in volumes.iter().enumerate() {
        let (mut at, name) = (at.index(index), &volume.name);
        at.child("name").check_label_name(name);
        if PRESET_VOLUMES.contains(&name.as_str()) || CONTROLLER_VOLUMES.contains(&name.as_str()) {
            let message = format!("is {name:?}, a volume of KServe's own, with which it would be merged; give it another name");
            at.child("name").refuse(message);
        }
        if sources(volume) > 1 {
            at.refuse("has more than one source; a volume comes from one place");
        }
        at.check_template(volume);
    }
}

/// Of how many places a volume says that it comes from.
fn sources(volume: &Volume) -> usize {
    [
        volume.aws_elastic_block_store.is_some(),
        volume.azure_disk.is_some(),
        volume.azure_file.is_some(),
        volume.cephfs.is_some(),
        volume.cinder.is_some(),
        volume.config_map.is_some(),
        volume.csi.is_some(),
        volume.downward_api.is_some(),
        volume.empty_dir.is_some(),
        volume.ephemeral.is_some(),
        volume.fc.is_some(),
        volume.flex_volume.is_some(),
        volume.flocker.is_some(),
        volume.gce_persistent_disk.is_some(),
        volume.git_repo.is_some(),
        volume.glusterfs.is_some(),
        volume.host_path.is_some(),
        volume.image.is_some(),
        volume.iscsi.is_some(),
        volume.nfs.is_some(),
        volume.persistent_volume_claim.is_some(),
        volume.photon_persistent_disk.is_some(),
        volume.portworx_volume.is_some(),
        volume.projected.is_some(),
        volume.quobyte.is_some(),
        volume.rbd.is_some(),
        volume.scale_io.is_some(),
        volume.secret.is_some(),
        volume.storageos.is_some(),
        volume.vsphere_volume.is_some(),
    ]
    .into_iter()
    .filter(|given| *given)
    .count()
}

/// The rules of the engine's mounts. `volumes` are those that it may name, where they are known.
pub(super) fn validate_mounts(at: &mut At<'_>, mounts: &[VolumeMount], most: Limits, volumes: Option<&BTreeSet<&str>>) {
    at.check_count(mounts.len(), most);
    check_mounts(at, mounts, volumes);
    for (index, mount) in mounts.iter().enumerate() {
        if let Some(own) = ENGINE_MOUNTS.iter().find(|own| mount.mount_path.trim_end_matches('/') == **own) {
            at.index(index)
                .child("mountPath")
                .refuse(format!("is {own}, where KServe or this function mounts what the engine needs; choose another"));
        }
    }
}

/// The rules of any container's mounts.
pub(super) fn check_mounts(at: &mut At<'_>, mounts: &[VolumeMount], volumes: Option<&BTreeSet<&str>>) {
    let mut seen = BTreeSet::new();
    for (index, mount) in mounts.iter().enumerate() {
        let mut at = at.index(index);
        for (field, text) in [("name", &mount.name), ("mountPath", &mount.mount_path)] {
            if text.is_empty() {
                at.child(field).refuse("is missing; a mount names a volume and says where it goes");
            }
        }
        if !mount.name.is_empty() && volumes.is_some_and(|volumes| !volumes.contains(mount.name.as_str())) {
            at.child("name").refuse(format!("is {:?}, which is none of the volumes beside it; add it to them", mount.name));
        }
        if !mount.mount_path.is_empty() && !seen.insert(&mount.mount_path) {
            at.child("mountPath").refuse(format!("repeats {:?}; give each mount a path of its own", mount.mount_path));
        }
        if mount.sub_path.is_some() && mount.sub_path_expr.is_some() {
            at.refuse("has subPath and subPathExpr; keep one of them");
        }
        for (field, path) in [("subPath", &mount.sub_path), ("subPathExpr", &mount.sub_path_expr)] {
            if path.as_ref().is_some_and(|path| path.starts_with('/') || path.split('/').any(|part| part == "..")) {
                at.child(field).refuse("must be a path within the volume, without \"..\"");
            }
        }
        at.check_template(mount);
    }
}
