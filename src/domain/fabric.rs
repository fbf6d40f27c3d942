//! What a pod of a PrefillDecode placement is told of the fabric: a table by the vendor of its GPUs and the type of RDMA that its environment
//! names. Where nobody can know, it says nothing.

use crate::api::inference_environment::RdmaKind;
use crate::api::words::words;

/// The variable that says what UCX may transfer with.
pub const TRANSPORTS_ENV: &str = "UCX_TLS";

/// The variable that says where the other phase asks for cached blocks.
pub const SIDE_CHANNEL_HOST_ENV: &str = "VLLM_NIXL_SIDE_CHANNEL_HOST";

words! {
    /// Who makes a GPU, as far as the resource says that pods ask for.
    Vendor {
        Nvidia "NVIDIA, whole GPUs";
        NvidiaMig "NVIDIA, MIG slices";
        Amd "AMD";
        Habana "Intel Gaudi";
        Intel "Intel";
        Google "Google TPU";
    }
}

impl Vendor {
    /// The vendor of an extended resource; none where it is no GPU that we know.
    pub fn of(resource: &str) -> Option<Self> {
        let (domain, device) = resource.split_once('/')?;
        match domain {
            "nvidia.com" if device.starts_with("mig-") => Some(Self::NvidiaMig),
            "nvidia.com" if device.contains("gpu") => Some(Self::Nvidia),
            "amd.com" if device.contains("gpu") => Some(Self::Amd),
            "habana.ai" => Some(Self::Habana),
            "gpu.intel.com" => Some(Self::Intel),
            "google.com" if device.contains("tpu") => Some(Self::Google),
            _ => None,
        }
    }
}

/// A row of the table: what is set where all of it fits, and why.
#[derive(Debug)]
pub struct Cell {
    /// The GPUs; any where there is none, also those that are claimed.
    pub vendors: &'static [Vendor],
    /// The types of RDMA.
    pub kinds: &'static [RdmaKind],
    /// What is set.
    pub sets: Setting,
    /// Why, and where that is from.
    pub why: &'static str,
}

/// What is set in the engine's container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// An environment variable and its value.
    Variable(&'static str, &'static str),
    /// A Linux capability.
    Capability(&'static str),
}

const ALL_KINDS: &[RdmaKind] = &[RdmaKind::InfiniBand, RdmaKind::RoCE, RdmaKind::Efa, RdmaKind::Other];

/// The table. What it does not set: anything of EFA's, whose variables and backend are the user's (llm-d, Dynamo and AWS differ); `UCX_TLS` for
/// MIG (CUDA IPC is not there under MIG, and no manifest that disaggregates over slices is known), AMD (`cuda_*` are another vendor's; no list
/// with `rc` works on Pollara, which has no shared receive queues, and llm-d sets none), Gaudi and Intel (tcp, or transports of a UCX that is
/// built for them: llm-d's and vllm-gaudi's files differ by whether the cache goes through the host), TPU (no NIXL).
pub const CELLS: &[Cell] = &[
    Cell {
        vendors: &[Vendor::Nvidia],
        kinds: &[RdmaKind::InfiniBand, RdmaKind::RoCE],
        sets: Setting::Variable(TRANSPORTS_ENV, "rc,sm,self,cuda_copy,cuda_ipc"),
        why: "KServe's samples for NVIDIA have it (v0.20.0, docs/samples/llmisvc). There is no TCP among it, so that nothing is slow in silence: without a device an engine exits at start with NIXL_ERR_BACKEND (vLLM 0.19.0 and 0.32.0 with NIXL 1.0.1 and 1.5.1)",
    },
    Cell {
        vendors: &[],
        kinds: &[RdmaKind::RoCE],
        sets: Setting::Variable("KSERVE_INFER_ROCE", "true"),
        why: "KServe's presets then look for active mlx5 devices in the pod and tell NCCL, NVSHMEM and UCX the index of their RoCE v2 address; where there are none they warn and set nothing (v0.18.1 to v0.20.0)",
    },
    Cell {
        vendors: &[],
        kinds: &[RdmaKind::RoCE],
        sets: Setting::Variable("UCX_NET_DEVICES", "all"),
        why: "With KSERVE_INFER_ROCE the presets before v0.20 tell UCX the first device only (KServe pull request 5603); all is UCX's own default, and leaves the choice to it",
    },
    Cell {
        vendors: &[],
        kinds: ALL_KINDS,
        sets: Setting::Capability("IPC_LOCK"),
        why: "RDMA pins memory, and the presets drop every capability; without it the limit of locked memory that the node gives a container counts",
    },
];

/// What 0.1.0 set, whatever the GPUs: pods that run with it go on so until they change anyway.
const CELLS_OF_0_1_0: &[(&[RdmaKind], Setting)] = &[
    (&[RdmaKind::InfiniBand, RdmaKind::RoCE], Setting::Variable(TRANSPORTS_ENV, "rc,sm,self,cuda_copy,cuda_ipc")),
    (&[RdmaKind::RoCE], Setting::Variable("KSERVE_INFER_ROCE", "true")),
    (ALL_KINDS, Setting::Capability("IPC_LOCK")),
];

/// What 0.1.0 set for a type of RDMA.
pub fn settings_of_0_1_0(kind: RdmaKind) -> Vec<Setting> {
    CELLS_OF_0_1_0.iter().filter(|(kinds, _)| kinds.contains(&kind)).map(|(_, setting)| *setting).collect()
}

impl Cell {
    /// Whether it is for these GPUs and this type of RDMA.
    fn fits(&self, vendor: Option<Vendor>, kind: RdmaKind) -> bool {
        self.kinds.contains(&kind) && (self.vendors.is_empty() || vendor.is_some_and(|vendor| self.vendors.contains(&vendor)))
    }
}

/// What is set for these GPUs and this type of RDMA, in the order of the table.
pub fn settings(vendor: Option<Vendor>, kind: RdmaKind) -> Vec<Setting> {
    CELLS.iter().filter(|cell| cell.fits(vendor, kind)).map(|cell| cell.sets).collect()
}

/// Whether an engine is told to transfer over nothing but RDMA, so that it exits where there is no device.
pub fn forbids_tcp(vendor: Option<Vendor>, kind: RdmaKind) -> bool {
    settings(vendor, kind).iter().any(|setting| matches!(setting, Setting::Variable(TRANSPORTS_ENV, _)))
}
