//! What an engine is told of the fabric, by the type of RDMA that an environment names.

use crate::api::inference_environment::RdmaKind;

/// The variable that says what UCX may transfer with.
pub(crate) const TRANSPORTS_ENV: &str = "UCX_TLS";

/// What UCX may transfer with; `None` where it chooses itself.
///
/// There is no TCP among it, so that nothing is slow in silence: without a device an engine exits at start with `NIXL_ERR_BACKEND` (vLLM 0.19.0
/// and 0.32.0 with NIXL 1.0.1 and 1.5.1).
pub(crate) fn transports(kind: RdmaKind) -> Option<&'static str> {
    match kind {
        RdmaKind::InfiniBand | RdmaKind::RoCE => Some("rc,sm,self,cuda_copy,cuda_ipc"),
        RdmaKind::Efa | RdmaKind::Other => None,
    }
}
