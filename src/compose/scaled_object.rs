//! The autoscaler of signal Concurrency: KEDA counts the requests in flight at the environment's gateway.

use std::collections::BTreeMap;

use super::observed::Identity;
use crate::api::scaled_object::{
    API_VERSION, Advanced, Behavior, HorizontalPodAutoscalerConfig, KIND, ScaleDown, ScaleTarget, ScaledObject, ScaledObjectSpec, Trigger,
};
use crate::api::{input::Prometheus, model_deployment::Concurrency};
use crate::domain::kserve::{engine_deployment, route};

/// Seconds between two looks at the metric, as in Modelplane's own function.
const POLLING_SECONDS: u32 = 15;
/// The longest that a HorizontalPodAutoscaler looks back.
const LONGEST_WINDOW_SECONDS: u32 = 3600;

/// The ScaledObject called `identity` for the Deployment that KServe makes of a Unified `serving` object.
pub fn render_scaled_object(identity: &Identity, serving: &Identity, concurrency: &Concurrency, prometheus: &Prometheus) -> ScaledObject {
    let delay = concurrency.scale_down_delay;
    let scale_down = ScaleDown { stabilization_window_seconds: delay.min(LONGEST_WINDOW_SECONDS) };
    ScaledObject {
        api_version: API_VERSION,
        kind: KIND,
        metadata: identity.metadata(),
        spec: ScaledObjectSpec {
            scale_target_ref: ScaleTarget { api_version: "apps/v1", kind: "Deployment", name: engine_deployment(&serving.name) },
            min_replica_count: concurrency.min_replicas,
            max_replica_count: concurrency.max_replicas,
            polling_interval: POLLING_SECONDS,
            cooldown_period: delay,
            // The cooldown is about the last replica only; above it the HorizontalPodAutoscaler's window is what waits.
            advanced: Advanced { horizontal_pod_autoscaler_config: HorizontalPodAutoscalerConfig { behavior: Behavior { scale_down } } },
            triggers: vec![render_trigger(serving, concurrency, prometheus)],
        },
    }
}

/// KEDA divides the metric by the number of replicas before it compares.
fn render_trigger(serving: &Identity, concurrency: &Concurrency, prometheus: &Prometheus) -> Trigger {
    let metadata = BTreeMap::from([
        ("serverAddress", prometheus.server_address.clone()),
        ("query", query(serving)),
        ("threshold", threshold(concurrency).to_string()),
    ]);
    let unverified = prometheus.unsafe_ssl.then(|| ("unsafeSsl", "true".to_owned()));
    Trigger { kind: "prometheus", metadata: metadata.into_iter().chain(unverified).collect() }
}

/// Envoy Gateway names what is behind a route's rule `httproute/<namespace>/<route>/rule/<index>`. Every rule leads to the
/// same pods: KServe gives completions, chat completions and responses one each.
fn query(serving: &Identity) -> String {
    let behind = format!("httproute/{}/{}/rule/[0-9]+", serving.namespace, route(&serving.name));
    format!("sum(envoy_cluster_upstream_rq_active{{envoy_cluster_name=~\"{behind}\"}})")
}

/// Requests in flight per replica at which another one is wanted.
fn threshold(concurrency: &Concurrency) -> u64 {
    let target = u64::from(concurrency.target);
    target.saturating_mul(u64::from(concurrency.utilization)).checked_div(100).unwrap_or(target).max(1)
}
