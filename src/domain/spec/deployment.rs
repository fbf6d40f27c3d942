//! A ModelDeployment that keeps the rules.

use super::{at::At, violation::Violation};
use crate::api::limits::{self, Limits};
use crate::api::model_deployment::{Concurrency, Keda, ModelDeployment, ModelRef, Scaling, Signal, StrategyKind, Topology, Wva};
use crate::api::selector::LabelSelector;
use crate::domain::engine::template_text::serialized_holds_template;

/// A ModelDeployment that keeps the rules.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployment {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Identifies it among all that were ever there; `None` only in files.
    pub uid: Option<String>,
    /// Since when it is there, RFC 3339 in UTC.
    pub created: Option<String>,
    /// The model to serve.
    pub model_ref: ModelRef,
    /// How many environments to serve from, 1 to 100.
    pub environments: usize,
    /// Labels an environment must have.
    pub selector: LabelSelector,
    /// Whether prefill has its own pods.
    pub topology: Topology,
    /// What a change of topology does.
    pub strategy: StrategyKind,
    /// How decode, or the one phase of Unified, scales.
    pub decode: PhaseScaling,
    /// How prefill scales; present if and only if the topology is PrefillDecode.
    pub prefill: Option<PhaseScaling>,
}

impl Deployment {
    /// What its holdings go by.
    pub fn holder(&self) -> String {
        holder(self.uid.as_deref(), &self.namespace, &self.name)
    }
}

/// What a deployment's holdings go by: its uid, or its name where it has none, as in files.
pub fn holder(uid: Option<&str>, namespace: &str, name: &str) -> String {
    uid.filter(|uid| !uid.is_empty()).map_or_else(|| format!("{namespace}/{name}"), str::to_owned)
}

/// How a phase scales in each environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PhaseScaling {
    /// So many replicas.
    Fixed {
        /// At least 1.
        replicas: u32,
    },
    /// As many as the Workload Variant Autoscaler finds right; exactly one actuator is given.
    Wva(Wva),
    /// As many as requests in flight need. Only of Unified.
    Concurrency(Concurrency),
}

impl PhaseScaling {
    /// The replicas that must fit for a placement to be admitted: at least one, which starts before anything scales it.
    pub fn admitted_replicas(&self) -> u32 {
        match self {
            Self::Fixed { replicas } => *replicas,
            Self::Wva(wva) => wva.min_replicas,
            Self::Concurrency(concurrency) => concurrency.min_replicas.max(1),
        }
    }

    /// The most replicas, where they are not fixed.
    pub fn max_replicas(&self) -> Option<u32> {
        match self {
            Self::Fixed { .. } => None,
            Self::Wva(wva) => Some(wva.max_replicas),
            Self::Concurrency(concurrency) => Some(concurrency.max_replicas),
        }
    }
}

/// Checks every rule of a ModelDeployment, those that the XRD holds too, because `crossplane render` and old objects
/// bypass the XRD.
///
/// # Errors
/// Every rule that is broken, with the field path.
pub fn validate_deployment(deployment: &ModelDeployment) -> Result<Deployment, Vec<Violation>> {
    let spec = &deployment.spec;
    let mut violations = Vec::new();
    let mut at = At::new("spec", &mut violations);
    at.child("modelRef.name").check_length(&spec.model_ref.name, limits::NAME);
    at.child("environments").check_number(spec.environments, limits::ENVIRONMENTS);
    at.child("environmentSelector").check_selector(spec.environment_selector.as_ref());
    let prefill = spec.prefill.as_ref().map(|prefill| &prefill.scaling);
    match (spec.topology, prefill) {
        (Topology::PrefillDecode, None) => at
            .child("prefill")
            .refuse("is missing; topology PrefillDecode needs prefill.scaling, there is no default ratio of prefill to decode"),
        (Topology::Unified, Some(_)) => {
            at.child("prefill").refuse("is set but topology is Unified; set topology to PrefillDecode or remove prefill");
        }
        (Topology::PrefillDecode, Some(_)) | (Topology::Unified, None) => {}
    }
    let decode_scaling = validate_scaling(&mut at.child("scaling"), &spec.scaling, spec.topology);
    let prefill_scaling = prefill.and_then(|scaling| validate_scaling(&mut at.child("prefill.scaling"), scaling, spec.topology));
    if let (Some(decode), Some(prefill)) = (&spec.scaling.wva, prefill.and_then(|scaling| scaling.wva.as_ref()))
        && decode.hpa.is_some() != prefill.hpa.is_some()
    {
        let message = "uses another actuator than spec.scaling.wva; KServe needs both phases on keda or both on hpa";
        at.child("prefill.scaling.wva").refuse(message);
    }
    match (decode_scaling, violations.is_empty()) {
        (Some(decode), true) => Ok(Deployment {
            namespace: deployment.metadata.namespace.clone(),
            name: deployment.metadata.name.clone(),
            uid: deployment.metadata.uid.clone(),
            created: deployment.metadata.creation_timestamp.clone(),
            model_ref: spec.model_ref.clone(),
            environments: usize::try_from(spec.environments).unwrap_or(usize::MAX),
            selector: spec.environment_selector.clone().unwrap_or_default(),
            topology: spec.topology,
            strategy: spec.strategy.kind,
            decode,
            prefill: prefill_scaling,
        }),
        _ => Err(violations),
    }
}

/// The scaling, if the block that its signal needs is there.
fn validate_scaling(at: &mut At<'_>, scaling: &Scaling, topology: Topology) -> Option<PhaseScaling> {
    let blocks = [
        (Signal::Fixed, "fixed", scaling.fixed.is_some()),
        (Signal::Concurrency, "concurrency", scaling.concurrency.is_some()),
        (Signal::Wva, "wva", scaling.wva.is_some()),
    ];
    let signal = signal_name(scaling.signal);
    for (owner, block, present) in blocks {
        match (owner == scaling.signal, present) {
            (false, true) => at.child(block).refuse(format!("is set but signal is {signal}; remove it")),
            (true, false) => at.child(block).refuse(format!("is missing; signal {signal} needs it")),
            (true, true) | (false, false) => {}
        }
    }
    if scaling.signal == Signal::Concurrency && topology == Topology::PrefillDecode {
        let message = "is Concurrency, which sees only requests that reach decode pods; use Fixed or WVA with topology PrefillDecode";
        at.child("signal").refuse(message);
    }
    if let Some(wva) = &scaling.wva {
        validate_wva(&mut at.child("wva"), wva);
    }
    if let Some(concurrency) = &scaling.concurrency {
        validate_concurrency(&mut at.child("concurrency"), concurrency);
    }
    if let Some(fixed) = &scaling.fixed {
        at.child("fixed.replicas").check_number(fixed.replicas, limits::REPLICAS);
    }
    match scaling.signal {
        Signal::Fixed => scaling.fixed.as_ref().map(|fixed| PhaseScaling::Fixed { replicas: fixed.replicas }),
        Signal::Wva => scaling.wva.as_ref().map(|wva| PhaseScaling::Wva(with_actuator(wva))),
        Signal::Concurrency => scaling.concurrency.clone().map(PhaseScaling::Concurrency),
    }
}

/// KEDA where nothing is said: a HorizontalPodAutoscaler without the Prometheus Adapter does nothing and says nothing.
fn with_actuator(wva: &Wva) -> Wva {
    let keda = wva.keda.clone().or_else(|| wva.hpa.is_none().then(Keda::default));
    Wva { keda, ..wva.clone() }
}

fn validate_concurrency(at: &mut At<'_>, concurrency: &Concurrency) {
    validate_replicas(at, limits::REPLICAS_OR_NONE, concurrency.min_replicas, concurrency.max_replicas);
    at.child("target").check_number(concurrency.target, limits::REQUESTS);
    at.child("utilization").check_number(concurrency.utilization, limits::PERCENT);
    at.child("scaleDownDelay").check_number(concurrency.scale_down_delay, limits::DELAY_SECONDS);
}

fn validate_wva(at: &mut At<'_>, wva: &Wva) {
    validate_replicas(at, limits::REPLICAS, wva.min_replicas, wva.max_replicas);
    let mut cost = at.child("variantCost");
    cost.check_length(&wva.variant_cost, limits::COST_TEXT);
    let (whole, fraction) = wva.variant_cost.split_once('.').unwrap_or((&wva.variant_cost, "0"));
    if [whole, fraction].iter().any(|digits| digits.is_empty() || !digits.chars().all(|c| c.is_ascii_digit())) {
        cost.refuse(format!("is {:?}; write a decimal number such as \"10.0\"", wva.variant_cost));
    }
    if let Some(keda) = &wva.keda {
        for (field, seconds, limits) in [
            ("keda.pollingInterval", keda.polling_interval, limits::INTERVAL_SECONDS),
            ("keda.cooldownPeriod", keda.cooldown_period, limits::DELAY_SECONDS),
        ] {
            if let Some(seconds) = seconds {
                at.child(field).check_number(seconds, limits);
            }
        }
    }
    if serialized_holds_template(wva) {
        at.child("hpa.behavior").refuse_text("holds \"{{\", which KServe takes for a template of its own; remove it");
    }
    if wva.keda.is_some() && wva.hpa.is_some() {
        at.refuse("has keda and hpa; keep one of them");
    }
}

fn validate_replicas(at: &mut At<'_>, at_least: Limits, min: u32, max: u32) {
    at.child("minReplicas").check_number(min, at_least);
    at.child("maxReplicas").check_number(max, limits::REPLICAS);
    if min > max {
        at.child("minReplicas").refuse(format!("is {min}; set it to at most maxReplicas, {max}"));
    }
}

fn signal_name(signal: Signal) -> &'static str {
    match signal {
        Signal::Fixed => "Fixed",
        Signal::Concurrency => "Concurrency",
        Signal::Wva => "WVA",
    }
}
