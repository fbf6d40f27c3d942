//! The step's input in a Composition.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::absent::{defaults, null_is_default};
use super::{duration::GoDuration, limits};

/// The input's group and version.
pub const API_VERSION: &str = "modelplane.fn.crossplane.io/v1beta1";
/// The input's kind.
pub const KIND: &str = "Input";

/// How the function behaves in this pipeline. Everything is optional.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// `modelplane.fn.crossplane.io/v1beta1`; an input without it is taken for one.
    #[serde(default, deserialize_with = "null_is_default")]
    #[schemars(skip)]
    pub api_version: String,
    /// `Input`; likewise.
    #[serde(default, deserialize_with = "null_is_default")]
    #[schemars(skip)]
    pub kind: String,
    /// Not read.
    #[serde(default)]
    #[schemars(skip)]
    pub metadata: serde::de::IgnoredAny,
    /// Whether a `PrefillDecode` placement needs the label `modelplane.ai/rdma: "true"` on its environment even where the profile does not ask for it.
    #[serde(default, deserialize_with = "null_is_default")]
    pub rdma: RdmaPolicy,
    /// What findings about a serving profile do.
    #[serde(default, deserialize_with = "null_is_default")]
    pub lint: LintPolicy,
    /// How long Crossplane may cache a final answer: a Go duration.
    #[serde(default = "Ttl::value", deserialize_with = "Ttl::or_null")]
    pub ttl: GoDuration,
    /// The namespace on remote clusters; by default the deployment's own.
    pub remote_namespace: Option<String>,
    /// The Prometheus that KEDA asks on each cluster about requests in flight. By default that of KServe's own installation for
    /// autoscaling, `https://prometheus-prometheus.monitoring.svc:9090`, whose certificate, which it signed itself, is not verified.
    #[serde(default, deserialize_with = "null_is_default")]
    pub prometheus: Prometheus,
    /// How many rejected environments the status lists.
    #[serde(default = "MaxRejections::value", deserialize_with = "MaxRejections::or_null")]
    #[schemars(range(min = limits::REJECTIONS.min, max = limits::REJECTIONS.max))]
    pub max_rejections: u32,
}

/// Where the RDMA requirement of a `PrefillDecode` placement comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum RdmaPolicy {
    /// Every such environment must be labelled for RDMA.
    #[default]
    Pin,
    /// Only what the profile's selector says.
    Profile,
}

/// What findings about a serving profile do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum LintPolicy {
    /// Nothing is looked for.
    Off,
    /// They are shown.
    #[default]
    Warn,
    /// Errors keep new placements away from the profile.
    Enforce,
}

/// A Prometheus, as KEDA reaches it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Prometheus {
    /// Where it listens.
    #[schemars(regex(pattern = "^https?://.+"), length(min = limits::ADDRESS.min, max = limits::ADDRESS.max))]
    pub server_address: String,
    /// Whether its certificate is not verified.
    #[serde(default, deserialize_with = "null_is_default")]
    pub unsafe_ssl: bool,
}

impl Default for Prometheus {
    /// The Prometheus of KServe's own script for autoscaling with KEDA: the Workload Variant Autoscaler insists on TLS, so
    /// it serves with a certificate that it signed itself.
    fn default() -> Self {
        Self { server_address: "https://prometheus-prometheus.monitoring.svc:9090".to_owned(), unsafe_ssl: true }
    }
}

impl Default for Input {
    fn default() -> Self {
        Self {
            api_version: String::new(),
            kind: String::new(),
            metadata: serde::de::IgnoredAny,
            rdma: RdmaPolicy::default(),
            lint: LintPolicy::default(),
            ttl: Ttl::value(),
            remote_namespace: None,
            prometheus: Prometheus::default(),
            max_rejections: MaxRejections::value(),
        }
    }
}

defaults! {
    Ttl: GoDuration = GoDuration::seconds(60);
    MaxRejections: u32 = 20;
}
