//! The step's input in a Composition.

use schemars::JsonSchema;
use serde::Deserialize;

use super::duration::GoDuration;

/// How the function behaves in this pipeline. Everything is optional.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// `modelplane.fn.crossplane.io/v1beta1`.
    #[serde(default)]
    #[schemars(skip)]
    pub api_version: String,
    /// `Input`.
    #[serde(default)]
    #[schemars(skip)]
    pub kind: String,
    /// Not read.
    #[serde(default)]
    #[schemars(skip)]
    pub metadata: serde::de::IgnoredAny,
    /// Whether a `PrefillDecode` placement needs the label `modelplane.ai/rdma: "true"` on its environment even where the profile does not ask for it.
    #[serde(default)]
    pub rdma: RdmaPolicy,
    /// What findings about a serving profile do.
    #[serde(default)]
    pub lint: LintPolicy,
    /// How long Crossplane may cache a final answer: a Go duration.
    #[serde(default = "default_ttl")]
    pub ttl: GoDuration,
    /// The namespace on remote clusters; by default the deployment's own.
    pub remote_namespace: Option<String>,
    /// How many rejected environments the status lists.
    #[serde(default = "default_max_rejections")]
    #[schemars(range(min = 0, max = 1000))]
    pub max_rejections: u32,
}

/// Where the RDMA requirement of a `PrefillDecode` placement comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum RdmaPolicy {
    /// Every such environment must be labelled for RDMA.
    #[default]
    Pin,
    /// Only what the profile's selector says.
    Profile,
}

/// What findings about a serving profile do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum LintPolicy {
    /// Nothing is looked for.
    Off,
    /// They are shown.
    #[default]
    Warn,
    /// Errors keep new placements away from the profile.
    Enforce,
}

impl Default for Input {
    fn default() -> Self {
        Self {
            api_version: String::new(),
            kind: String::new(),
            metadata: serde::de::IgnoredAny,
            rdma: RdmaPolicy::default(),
            lint: LintPolicy::default(),
            ttl: default_ttl(),
            remote_namespace: None,
            max_rejections: default_max_rejections(),
        }
    }
}

fn default_ttl() -> GoDuration {
    GoDuration::seconds(60)
}

fn default_max_rejections() -> u32 {
    20
}
