//! Whether pods get at the weights, and what getting them that way changes. What KServe does is that of v0.18.1 to v0.20.0
//! (`pkg/controller/v1alpha2/llmisvc/workload_storage.go`, `pkg/utils/storage.go`).

use crate::api::model::{ModelSpec, Source};
use crate::api::{model_deployment::Topology, quantity::Quantity};
use crate::domain::finding::Code::{ModelcarUser, NoDiskRequest, NoStorageAccount};
use crate::domain::finding::Finding;

/// More than nodes have unless somebody gave them more: what clouds give by default is about half of it.
const DISK_OF_A_NODE_GIB: u32 = 200;

/// The rules of a model as a whole.
pub(super) fn check_model(spec: &ModelSpec, findings: &mut Vec<Finding>) {
    let uri = spec.uri.as_deref().unwrap_or_default();
    let disaggregated = spec.serving.iter().any(|profile| profile.topology == Topology::PrefillDecode);
    if uri.starts_with("oci://") && disaggregated {
        findings.push(Finding::warning(
            ModelcarUser,
            "spec.uri",
            "KServe runs the engine of an oci:// model as its uidModelcar, 1010 unless set, so IPC_LOCK has no effect and RDMA works only on \
             nodes where anybody may lock memory; set uidModelcar to 0 in ConfigMap inferenceservice-config of each cluster, or from KServe \
             0.20 on ociModelMode to native",
        ));
    }
    if uri.starts_with("s3://") && spec.uri_secret_ref.is_none() && spec.service_account_name.is_none() {
        findings.push(Finding::warning(
            NoStorageAccount,
            "spec.uri",
            "no account is named that may read it: pods have only the Secrets of their namespace's ServiceAccount default, and decode of \
             two phases none of its cloud identity; set uriSecretRef or serviceAccountName, or the download is refused wherever the bucket is private",
        ));
    }
    let downloaded = spec.source == Source::HuggingFace || uri.starts_with("hf://") || uri.starts_with("s3://");
    let vram = &spec.resources.vram;
    if downloaded && *vram > Quantity::gibibytes(DISK_OF_A_NODE_GIB) && spec.resources.ephemeral_storage.is_none() {
        let message = format!(
            "a model of {vram} is downloaded to the node's disk, anew for each pod, and none is asked for: a node that has too little evicts \
             the pod, and it starts over; set resources.ephemeralStorage to the size of the weights"
        );
        findings.push(Finding::warning(NoDiskRequest, "spec.resources", message));
    }
}
