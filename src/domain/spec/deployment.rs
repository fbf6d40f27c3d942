//! A ModelDeployment that keeps the rules.

use crate::api::limits::{self, Limits};
use crate::api::model_deployment::{Concurrency, Keda, ModelDeployment, ModelRef, Scaling, Signal, StrategyKind, Topology, Wva};
use crate::api::selector::LabelSelector;
use crate::domain::engine::template_text::serialized_holds_template;
use crate::domain::spec::bounds::{check_length, check_number, check_selector};
use crate::domain::spec::violation::Violation;

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
    #[must_use]
    pub fn holder(&self) -> String {
        holder(self.uid.as_deref(), &self.namespace, &self.name)
    }
}

/// What a deployment's holdings go by: its uid, or its name where it has none, as in files.
#[must_use]
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
    #[must_use]
    pub fn admitted_replicas(&self) -> u32 {
        match self {
            Self::Fixed { replicas } => *replicas,
            Self::Wva(wva) => wva.min_replicas,
            Self::Concurrency(concurrency) => concurrency.min_replicas.max(1),
        }
    }

    /// The most replicas, where they are not fixed.
    #[must_use]
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
    check_length("spec.modelRef.name", &spec.model_ref.name, limits::NAME, &mut violations);
    check_number("spec.environments", spec.environments, limits::ENVIRONMENTS, &mut violations);
    check_selector("spec.environmentSelector", spec.environment_selector.as_ref(), &mut violations);
    let prefill = spec.prefill.as_ref().map(|prefill| &prefill.scaling);
    match (spec.topology, prefill) {
        (Topology::PrefillDecode, None) => violations.push(Violation::new(
            "spec.prefill",
            "is missing; topology PrefillDecode needs prefill.scaling, there is no default ratio of prefill to decode",
        )),
        (Topology::Unified, Some(_)) => violations
            .push(Violation::new("spec.prefill", "is set but topology is Unified; set topology to PrefillDecode or remove prefill")),
        (Topology::PrefillDecode, Some(_)) | (Topology::Unified, None) => {}
    }
    let decode_scaling = validate_scaling("spec.scaling", &spec.scaling, spec.topology, &mut violations);
    let prefill_scaling = prefill.and_then(|scaling| validate_scaling("spec.prefill.scaling", scaling, spec.topology, &mut violations));
    if let (Some(decode), Some(prefill)) = (&spec.scaling.wva, prefill.and_then(|scaling| scaling.wva.as_ref()))
        && decode.hpa.is_some() != prefill.hpa.is_some()
    {
        violations.push(Violation::new(
            "spec.prefill.scaling.wva",
            "uses another actuator than spec.scaling.wva; KServe needs both phases on keda or both on hpa",
        ));
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

fn validate_scaling(path: &str, scaling: &Scaling, topology: Topology, violations: &mut Vec<Violation>) -> Option<PhaseScaling> {
    let before = violations.len();
    let blocks = [
        (Signal::Fixed, "fixed", scaling.fixed.is_some()),
        (Signal::Concurrency, "concurrency", scaling.concurrency.is_some()),
        (Signal::Wva, "wva", scaling.wva.is_some()),
    ];
    let signal = signal_name(scaling.signal);
    for (owner, block, present) in blocks {
        if (owner == scaling.signal) != present {
            let message =
                if present { format!("is set but signal is {signal}; remove it") } else { format!("is missing; signal {signal} needs it") };
            violations.push(Violation::new(format!("{path}.{block}"), message));
        }
    }
    if scaling.signal == Signal::Concurrency && topology == Topology::PrefillDecode {
        violations.push(Violation::new(
            format!("{path}.signal"),
            "is Concurrency, which sees only requests that reach decode pods; use Fixed or WVA with topology PrefillDecode",
        ));
    }
    if let Some(wva) = &scaling.wva {
        validate_wva(&format!("{path}.wva"), wva, violations);
    }
    if let Some(concurrency) = &scaling.concurrency {
        validate_concurrency(&format!("{path}.concurrency"), concurrency, violations);
    }
    if let Some(fixed) = &scaling.fixed {
        check_number(format!("{path}.fixed.replicas"), fixed.replicas, limits::REPLICAS, violations);
    }
    if violations.len() > before {
        return None;
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

fn validate_concurrency(path: &str, concurrency: &Concurrency, violations: &mut Vec<Violation>) {
    validate_replicas(path, limits::REPLICAS_OR_NONE, concurrency.min_replicas, concurrency.max_replicas, violations);
    check_number(format!("{path}.target"), concurrency.target, limits::REQUESTS, violations);
    check_number(format!("{path}.utilization"), concurrency.utilization, limits::PERCENT, violations);
    check_number(format!("{path}.scaleDownDelay"), concurrency.scale_down_delay, limits::DELAY_SECONDS, violations);
}

fn validate_wva(path: &str, wva: &Wva, violations: &mut Vec<Violation>) {
    validate_replicas(path, limits::REPLICAS, wva.min_replicas, wva.max_replicas, violations);
    let cost = format!("{path}.variantCost");
    check_length(&cost, &wva.variant_cost, limits::COST_TEXT, violations);
    let (whole, fraction) = wva.variant_cost.split_once('.').unwrap_or((&wva.variant_cost, "0"));
    if [whole, fraction].iter().any(|digits| digits.is_empty() || !digits.chars().all(|c| c.is_ascii_digit())) {
        violations.push(Violation::new(cost, format!("is {:?}; write a decimal number such as \"10.0\"", wva.variant_cost)));
    }
    if let Some(keda) = &wva.keda {
        for (field, seconds, limits) in [
            ("pollingInterval", keda.polling_interval, limits::INTERVAL_SECONDS),
            ("cooldownPeriod", keda.cooldown_period, limits::DELAY_SECONDS),
        ] {
            if let Some(seconds) = seconds {
                check_number(format!("{path}.keda.{field}"), seconds, limits, violations);
            }
        }
    }
    if serialized_holds_template(wva) {
        violations
            .push(Violation::new(format!("{path}.hpa.behavior"), "holds \"{{\", which KServe takes for a template of its own; remove it"));
    }
    if wva.keda.is_some() && wva.hpa.is_some() {
        violations.push(Violation::new(path, "has keda and hpa; keep one of them"));
    }
}

fn validate_replicas(path: &str, at_least: Limits, min: u32, max: u32, violations: &mut Vec<Violation>) {
    check_number(format!("{path}.minReplicas"), min, at_least, violations);
    check_number(format!("{path}.maxReplicas"), max, limits::REPLICAS, violations);
    if min > max {
        violations.push(Violation::new(format!("{path}.minReplicas"), format!("is {min}; set it to at most maxReplicas, {max}")));
    }
}

fn signal_name(signal: Signal) -> &'static str {
    match signal {
        Signal::Fixed => "Fixed",
        Signal::Concurrency => "Concurrency",
        Signal::Wva => "WVA",
    }
}
