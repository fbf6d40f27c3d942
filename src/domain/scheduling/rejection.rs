//! Why an environment was not chosen, with the numbers, and what a person is told.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::trace::{Check, Trace};
use crate::api::phase::Phase;
use crate::domain::spec::credentials::SecretUse;
use crate::domain::spec::violation::{Violation, join};

/// An environment that was not chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The environment's name.
    pub environment: String,
    /// Why.
    pub reason: Reason,
}

/// The reasons, in the order of the checks: what is kept of each, the check that failed, how environments that share it are counted, and what
/// a person is told.
macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }
        fails $check:ident, counts $group:expr, says $told:expr;)*) => {
        /// Why an environment was not chosen, in the order of the checks.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Reason {
            $($(#[$doc])* $name { $($(#[$field_doc])* $field: $type,)* },)*
        }

        impl Reason {
            /// The words that machines read, in the order of the checks.
            pub const WORDS: &[&str] = &[$(stringify!($name),)*];

            /// The word that machines read.
            pub fn word(&self) -> &'static str {
                match self {
                    $(Self::$name { .. } => stringify!($name),)*
                }
            }

            /// The check that failed.
            pub fn check(&self) -> Check {
                match self {
                    $(Self::$name { .. } => Check::$check,)*
                }
            }

            /// What environments of the same kind of reason have in common, for counting them.
            #[allow(unused_variables, reason = "environments are counted by less than a person is told")]
            fn group(&self) -> String {
                match self {
                    $(Self::$name { $($field),* } => $group.to_owned(),)*
                }
            }
        }

        impl fmt::Display for Reason {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$name { $($field),* } => f.write_str(&$told),)*
                }
            }
        }
    };
}

reasons! {
    /// It is being deleted.
    Deleting {} fails Existence, counts "being deleted", says "is being deleted";
    /// It takes nothing new.
    Cordoned {
        /// Whether what is there moves away too.
        draining: bool,
    } fails Availability, counts "cordoned",
        says format!("spec.availability is {}: it takes nothing new", if *draining { "Draining" } else { "Cordoned" });
    /// It has no ClusterProviderConfig.
    NotReady {} fails Access, counts "not ready", says "has no status.providerConfigRef yet, so nothing can be created there";
    /// KServe cannot read the model's Secret there.
    SecretElsewhere {
        /// What it is for.
        needed: SecretUse,
        /// What of which Secret.
        secret: String,
        /// The namespace it must be in.
        namespace: String,
    } fails Secret, counts format!("without access to {}", needed.secret()),
        says format!(
            "is the control plane's own cluster, where KServe reads {} in namespace {namespace}, not from {secret}",
            needed.reads()
        );
    /// It breaks rules of its own.
    EnvironmentInvalid {
        /// The rules.
        violations: Vec<Violation>,
    } fails Validity, counts "invalid", says join(violations);
    /// It lacks a label that the deployment asks for.
    SelectorMismatch {
        /// The label.
        label: MissingLabel,
    } fails Selector, counts label.group(), says format!("{label} (spec.environmentSelector)");
    /// The model has no profile of the deployment's topology.
    NoProfileForTopology {
        /// The topology.
        topology: &'static str,
    } fails Topology, counts format!("without a {topology} profile in the model"),
        says format!("the model has no serving profile with topology {topology}");
    /// The lint finds errors in a profile, and the input says that they count.
    ProfileInvalid {
        /// The profile.
        profile: String,
        /// The errors.
        errors: Vec<Violation>,
    } fails Lint, counts format!("left alone because of errors in profile {profile}"),
        says format!("profile {profile} has errors: {}", join(errors));
    /// It lacks a label that a profile asks for.
    ProfileSelectorMismatch {
        /// The profile.
        profile: String,
        /// The label.
        label: MissingLabel,
    } fails ProfileSelector, counts label.group(), says format!("{label} (profile {profile})");
    /// It is not labelled for RDMA.
    NoRdma {
        /// The profile.
        profile: String,
        /// The label.
        label: MissingLabel,
    } fails Rdma, counts label.group(), says format!("{label}, which PrefillDecode needs (profile {profile})");
    /// It has no pool that the profile accepts.
    NoAccelerator {
        /// The profile.
        profile: String,
        /// The phase.
        phase: Phase,
        /// The accelerator; `None` when the profile leaves it open.
        accelerator: Option<String>,
    } fails Accelerator,
        counts accelerator.as_ref().map_or_else(|| "without GPUs".to_owned(), |accelerator| format!("without accelerator {accelerator}")),
        says format!(
            "has no GPU pool{}{} ({phase} of profile {profile})",
            if accelerator.is_some() { " " } else { "" },
            accelerator.as_deref().unwrap_or_default(),
        );
    /// The nodes of every pool that the profile accepts have another label than its pods ask for.
    NodesExcluded {
        /// The profile.
        profile: String,
        /// The phase.
        phase: Phase,
        /// The label, as `key=value`.
        label: String,
    } fails Accelerator, counts format!("without nodes {label}"),
        says format!("no pool has nodes with {label}, which pod.nodeSelector asks for ({phase} of profile {profile})");
    /// A pod's GPUs do not fit on one node.
    NodeTooSmall {
        /// The profile.
        profile: String,
        /// The phase.
        phase: Phase,
        /// GPUs of a pod.
        needed: u32,
        /// GPUs of the largest node.
        largest: u32,
    } fails NodeSize, counts "with nodes too small",
        says format!("{phase} needs {needed} GPUs on one node, the largest has {largest} (profile {profile})");
    /// Too few GPUs are free.
    InsufficientGpus {
        /// The profile.
        profile: String,
        /// What each phase needs, and what its pools have.
        needs: Vec<PhaseNeed>,
    } fails FreeGpus, counts "short of GPUs", says format!("{} (profile {profile})", describe_needs(needs));
    /// The cluster has a placement of this deployment already.
    SameCluster {
        /// The environment of that placement.
        environment: String,
    } fails Cluster, counts "in a cluster already used",
        says format!("is the same cluster as environment {environment}, which already has a placement of this deployment");
}

/// A label that is missing or has another value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MissingLabel {
    /// Key.
    pub key: String,
    /// The value asked for.
    pub wanted: String,
    /// The value there is.
    pub actual: Option<String>,
}

/// What a phase needs, and what there is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PhaseNeed {
    /// The phase.
    pub phase: Phase,
    /// Pods.
    pub replicas: u32,
    /// GPUs of each.
    pub gpus_per_replica: u32,
    /// The pools that the phase may use, by name.
    pub pools: Vec<PoolState>,
}

impl PhaseNeed {
    fn gpus(&self) -> u64 {
        u64::from(self.replicas).saturating_mul(u64::from(self.gpus_per_replica))
    }
}

/// What a pool has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PoolState {
    /// The pool's id.
    pub pool: String,
    /// GPUs that nothing holds.
    pub free: u64,
    /// GPUs.
    pub total: u64,
}

impl Reason {
    /// Notes the check that failed.
    pub fn note(&self, profile: Option<&str>, trace: &mut Trace) {
        trace.failed(self.check(), profile, || self.to_string());
    }

    /// GPUs that are missing, where that is the reason and more would help.
    pub fn missing_gpus(&self) -> Option<u64> {
        matches!(self, Self::InsufficientGpus { .. }).then(|| self.gpus().map_or(0, Gpus::missing))
    }

    /// GPUs that are needed and GPUs that there are, where that is the reason.
    fn gpus(&self) -> Option<Gpus> {
        if let Self::InsufficientGpus { needs, .. } = self {
            return tightest(needs);
        }
        if let Self::NodeTooSmall { needed, largest, .. } = self {
            return Some(Gpus { needed: u64::from(*needed), available: u64::from(*largest) });
        }
        None
    }
}

/// GPUs that are needed beside GPUs that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Gpus {
    needed: u64,
    available: u64,
}

impl Gpus {
    fn missing(self) -> u64 {
        self.needed.saturating_sub(self.available)
    }
}

/// Where most is missing: to one phase in its pools, or to both in all of theirs.
fn tightest(needs: &[PhaseNeed]) -> Option<Gpus> {
    let of = |needs: &[PhaseNeed]| {
        let pools: BTreeSet<&PoolState> = needs.iter().flat_map(|need| &need.pools).collect();
        Gpus {
            needed: needs.iter().map(PhaseNeed::gpus).fold(0, u64::saturating_add),
            available: pools.iter().map(|pool| pool.free).fold(0, u64::saturating_add),
        }
    };
    let phases = needs.iter().map(|need| of(std::slice::from_ref(need)));
    // Of equals the last counts, which is both phases together.
    phases.chain(std::iter::once(of(needs))).max_by_key(|gpus| gpus.missing())
}

impl MissingLabel {
    fn group(&self) -> String {
        format!("lack label {}={}", self.key, self.wanted)
    }
}

impl fmt::Display for MissingLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.actual {
            None => write!(f, "lacks label {}={}", self.key, self.wanted),
            Some(actual) => write!(f, "has label {}={actual}, not {}", self.key, self.wanted),
        }
    }
}

/// "needs decode 2 x 4 GPUs and prefill 8 x 1 GPUs packed onto nodes; pool h200 has 0 of 16 free"; phases with pools of
/// their own are told apart.
fn describe_needs(needs: &[PhaseNeed]) -> String {
    let need = |need: &PhaseNeed| format!("{} {} x {} GPUs", need.phase, need.replicas, need.gpus_per_replica);
    let pools = |need: &PhaseNeed| {
        let pools = need.pools.iter().map(|pool| format!("pool {} has {} of {} free", pool.pool, pool.free, pool.total));
        pools.collect::<Vec<_>>().join(", ")
    };
    match needs {
        [first, rest @ ..] if rest.iter().all(|other| other.pools == first.pools) => {
            let all: Vec<String> = needs.iter().map(need).collect();
            format!("needs {} packed onto nodes; {}", all.join(" and "), pools(first))
        }
        _ => {
            let all: Vec<String> = needs.iter().map(|phase| format!("{} ({})", need(phase), pools(phase))).collect();
            format!("needs {} packed onto nodes", all.join(" and "))
        }
    }
}

/// Counts rejections by what they have in common: "7 lack label modelplane.ai/rdma=true, 3 short of GPUs (need 16, at
/// most 8 free)". The most frequent first, then by text.
pub fn summarize(rejections: &[Rejection]) -> String {
    let mut groups: BTreeMap<String, Vec<&Reason>> = BTreeMap::new();
    for rejection in rejections {
        groups.entry(rejection.reason.group()).or_default().push(&rejection.reason);
    }
    let mut groups: Vec<(String, Vec<&Reason>)> = groups.into_iter().collect();
    groups.sort_by_key(|(_, reasons)| std::cmp::Reverse(reasons.len()));
    let texts = groups.iter().map(|(group, reasons)| {
        let group = if reasons.len() == 1 { group.replacen("lack ", "lacks ", 1) } else { group.clone() };
        // The numbers of the environment that comes closest.
        let closest = reasons.iter().filter_map(|reason| reason.gpus()).min_by_key(|gpus| (gpus.missing(), gpus.needed));
        let numbers = match (reasons.first(), closest) {
            (Some(Reason::InsufficientGpus { .. }), Some(Gpus { needed, available })) if available >= needed => {
                format!(" (need {needed}, {available} free but not on the same nodes)")
            }
            (Some(Reason::InsufficientGpus { .. }), Some(Gpus { needed, available })) => {
                format!(" (need {needed}, at most {available} free)")
            }
            (_, Some(Gpus { needed, available })) => format!(" (need {needed} GPUs on one node, at most {available})"),
            (_, None) => String::new(),
        };
        format!("{} {group}{numbers}", reasons.len())
    });
    texts.collect::<Vec<_>>().join(", ")
}
