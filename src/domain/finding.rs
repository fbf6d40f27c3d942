//! What the lint finds, and its rules by name.

use Severity::{Error, Warning};

use crate::api::words::words;
use crate::text::{bounded::bounded, spelling::closest};

/// No longer word is taken for a misspelt rule.
const LONGEST_RULE: usize = 64;

/// A field that a rule objects to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub code: Code,
    /// How sure it is.
    pub severity: Severity,
    /// The field's path, e.g. `spec.serving[0].prefill.engine.args[2]`.
    pub path: String,
    /// What happens at run time and what to do, in one sentence.
    pub message: String,
}

impl Finding {
    /// What an error is about. Path and message are cut where they get too long.
    pub(crate) fn error(code: Code, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, path, message)
    }

    /// What a warning is about. Path and message are cut where they get too long.
    pub(crate) fn warning(code: Code, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Warning, path, message)
    }

    /// What a finding is about. Path and message are cut where they get too long.
    pub(crate) fn new(code: Code, severity: Severity, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code, severity, path: bounded(path.into()), message: bounded(message.into()) }
    }

    /// Whether it is certain to fail.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It does not work: the engine exits, cannot be reached, or never transfers.
    Error,
    /// It may not work, or works worse than it looks.
    Warning,
}

impl Severity {
    /// The word that machines read.
    pub fn as_str(self) -> &'static str {
        match self {
            Error => "error",
            Warning => "warning",
        }
    }
}

/// One line a rule: its name, how sure its findings are, and what it checks and why. The rest is in a file of its name in `rules`.
macro_rules! codes {
    ($($code:ident $severities:expr, $summary:literal;)*) => {
        words! {
            /// A rule.
            Code { $($code $summary;)* }
        }

        impl Code {
            /// How sure its findings can be, the surest first.
            pub fn severities(self) -> &'static [Severity] {
                match self {
                    $(Self::$code => &$severities,)*
                }
            }

            /// What happens at run time, a bad and a good example, since when, and where that was read, in Markdown: src/domain/rules.
            pub fn page(self) -> &'static str {
                match self {
                    $(Self::$code => include_str!(concat!("rules/", stringify!($code), ".md")),)*
                }
            }
        }
    };
}

impl Code {
    /// The rule of that name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == name)
    }

    /// The rule of that name, whoever wrote it.
    ///
    /// # Errors
    /// That there is none, and what to write instead, of those rules that fit.
    pub fn named(name: &str, fits: impl Fn(Self) -> bool) -> Result<Self, String> {
        Self::of(name).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().copied().filter(|code| fits(*code)).map(Self::as_str).collect();
            // The comparison takes time by the length of both.
            let meant = if name.len() > LONGEST_RULE { None } else { closest(name, &names) };
            let remedy = meant.map_or_else(|| "`lint --rules` lists them".to_owned(), |name| format!("write {name}"));
            format!("there is no such rule; {remedy}")
        })
    }

    /// Whether anybody may look away: what breaks the other rules is not used at all, whoever accepts it.
    pub fn can_be_dropped(self) -> bool {
        !matches!(self, Self::SpecInvalid | Self::TemplateText)
    }

    /// Whether an object's own annotation may accept it; not what is wrong with that annotation.
    pub fn can_be_accepted(self) -> bool {
        self.can_be_dropped() && !matches!(self, Self::SuppressionInvalid | Self::SuppressionUnused)
    }

    /// Whether it may find more in an object where it sees others as well, so that alone it cannot say that there is nothing.
    pub fn sees_others(self) -> bool {
        matches!(
            self,
            Self::GpuUnused
                | Self::SlicesJoined
                | Self::ModelTooLarge
                | Self::AllocatorRemaps
                | Self::EfaWithoutLibfabric
                | Self::ReferenceMissing
        )
    }
}

codes! {
    SpecInvalid [Error], "A field breaks a rule of its own, so the profile or the whole model is not used.";
    TemplateText [Error], "Text that KServe's templates or the shell of its presets would interpret: it fails every reconcile, or runs something else.";
    FusedArg [Error, Warning], "Each argument is an option, a value, or both joined by '=': a word that belongs to no option makes vLLM exit.";
    OptionUnknown [Error, Warning], "The image's vLLM has the option: it exits on one that it has no more, not yet, or never had, and on a beginning of several names.";
    OptionValue [Error, Warning], "The image's vLLM takes the option's value: it exits on a missing one, one for a switch, and one of another type, choice or size.";
    PortArg [Error, Warning], "The model, its served name, port, host and TLS are KServe's: an engine that listens elsewhere never becomes ready.";
    KvConfigInvalid [Error, Warning], "--kv-transfer-config is one JSON object of the keys that the image's vLLM has: the engine exits on anything else.";
    KvConnectorMissing [Error], "Both phases name a connector that transfers the KV cache: without one nothing is transferred, and nobody says so.";
    KvConnectorMismatch [Error, Warning], "Both phases transfer with the same connectors: different ones never meet.";
    NixlBackendMismatch [Warning], "With NIXL both phases have a backend in common: with UCX in one and LIBFABRIC in the other no block moves.";
    ConnectorUnknown [Error], "The image's vLLM has the connector: the engine exits on one that it lacks.";
    KvRole [Error, Warning], "Every connector has a kv_role that suits its phase: the engine exits without one.";
    EngineIdPinned [Warning], "No engine_id is pinned: after a restart of prefill, decode goes on with the dead engine's addresses, and no request is answered any more.";
    HandshakeKillsDecode [Warning], "The image's vLLM survives the loss of the other phase: from 0.11.1 and before 0.22, a prefill pod that is gone when decode first asks it takes decode with it.";
    HandshakeUnchecked [Warning], "With NIXL both ends compare releases, data types and backends: with enforce_handshake_compat off, blocks that mean something else become wrong answers.";
    SilentRecompute [Warning], "kv_load_failure_policy is set where vLLM's default hides every failed transfer by computing the prompt again.";
    ImageWithoutNixl [Error], "An official image with a NIXL connector contains NIXL: before vLLM 0.10.2 (0.21.0 for ROCm) it does not, and the engine exits.";
    ImageMismatch [Error, Warning], "Both phases run one image: since 0.13 different versions of vLLM refuse to transfer.";
    DtypeMismatch [Error, Warning], "Both phases agree on data types, attention backend, quantization and context length: cached blocks mean the same in both.";
    HybridKvMismatch [Error, Warning], "Both phases set the hybrid KV cache manager alike: it decides how the cache is laid out, and decode refuses another layout.";
    KvLayoutMismatch [Warning], "Both phases set VLLM_KV_CACHE_LAYOUT alike: NIXL refuses to transfer between different layouts.";
    CrossLayersMismatch [Warning], "With NIXL both phases set enable_cross_layers_blocks alike, from vLLM 0.16 and before 0.29: decode refuses blocks of another shape.";
    BlockSizeMismatch [Error, Warning], "Both phases cache blocks of one size: others are refused, or were seen to give wrong answers with status 200.";
    KvScalesLocal [Warning], "With NIXL no phase computes the scales of an fp8 cache itself: they do not travel with the blocks.";
    SpeculativeMismatch [Error, Warning], "With NIXL both phases draft with the same method and model: a draft has cached layers of its own, and since 0.28 decode refuses another.";
    TpIndivisible [Error], "With NIXL one phase's tensor parallel size divides the other's: the handshake fails otherwise.";
    TpPrefillLarger [Error, Warning], "With NIXL prefill's tensor parallel size is not above decode's: before vLLM 0.14 the handshake fails.";
    PipelineParallel [Error], "With NIXL's pull connector neither phase is pipeline parallel: decode finds other layers than it has.";
    EngineSpansPods [Error, Warning], "An engine fits into one pod, which is what a replica is: one that waits for ranks or nodes of other pods, or leaves its server to one, never becomes ready.";
    GpuTooFew [Error, Warning], "A pod has as many GPUs as its arguments need: the engine exits with fewer.";
    GpuUnused [Warning], "A pod has no more GPUs than its arguments use: the others are paid for and idle.";
    SlicesJoined [Warning], "An engine is not split over slices of GPUs (nvidia.com/mig-*): a process sees one of them, and they cannot read each other's memory.";
    ModelTooLarge [Warning], "A pod's GPUs hold the model: the engine runs out of memory otherwise.";
    SideChannelHost [Error, Warning], "VLLM_NIXL_SIDE_CHANNEL_HOST is an address that the other phase can reach: with localhost decode asks itself.";
    AllocatorRemaps [Error, Warning], "Beside a connector PyTorch's allocator has no expandable_segments: memory that is registered would move, and vLLM exits on it since 0.21.";
    HashSeedMismatch [Warning], "Where blocks are looked up by a hash, as with LMCache, both phases set PYTHONHASHSEED alike: decode finds nothing otherwise.";
    ModelcarUser [Warning], "Weights of oci:// do not take root from engines with phases: KServe gives them the user of its modelcar, and without root RDMA rests on how much memory a node lets anybody lock.";
    NoStorageAccount [Warning], "A model of s3:// names the account that reads it: prefill and decode have different ServiceAccounts otherwise, and neither is anybody's.";
    NoDiskRequest [Warning], "A large model that is downloaded asks for disk: without it pods land on nodes that cannot hold it, and are evicted.";
    NoRdmaSelector [Warning], "A PrefillDecode profile asks for an environment with RDMA: over TCP the first token takes minutes, not a fraction of a second.";
    RdmaUndeclared [Error, Warning], "An environment that is labelled for RDMA says how a pod gets the device: without one the engine exits where the type of RDMA is known, and transfer falls back to TCP elsewhere.";
    RdmaUnprivileged [Warning], "With RDMA engines run as root, with IPC_LOCK: as anybody else they register memory only on nodes where everybody may lock it.";
    EfaWithoutLibfabric [Warning], "On EFA NIXL has LIBFABRIC among its backends: UCX, which it takes otherwise, is as slow there as TCP.";
    ReferenceMissing [Warning], "What an object refers to by name is among the files, where they hold others of its kind: a model or a Secret that is nowhere keeps it waiting.";
    SuppressionInvalid [Warning], "Each entry of annotation modelplane.ai/lint-ignore is a rule that can be ignored, and a reason: what is not does not count.";
    SuppressionUnused [Warning], "Each entry of annotation modelplane.ai/lint-ignore ignores something: one that is left over would hide what is found later.";
}
