//! Whether the phases reach one another, and fast.

use super::phase::{Pair, PhaseEngine, Setting};
use crate::api::inference_environment::{Rdma, RdmaKind};
use crate::api::{model::ServingProfile, phase::Phase, pod_overlay::PodOverlay};
use crate::domain::engine::connectors::Kind;
use crate::domain::engine::handshake::BACKENDS_SINCE;
use crate::domain::engine::transfer::{Connector, OPTION};
use crate::domain::fabric::{SIDE_CHANNEL_HOST_ENV as HOST_ENV, TRANSPORTS_ENV, forbids_tcp};
use crate::domain::finding::Code::{EfaWithoutLibfabric, NoRdmaSelector, RdmaUndeclared, RdmaUnprivileged, SideChannelHost};
use crate::domain::finding::{Finding, Severity};
use crate::domain::names::{RDMA_LABEL, RDMA_LABEL_VALUE};
use crate::domain::spec::environment::{Environment, Pool};
use crate::domain::spec::pod_overlay::{HUGE_PAGES, takes_root};

/// The backend of NIXL that speaks EFA.
const LIBFABRIC: &str = "LIBFABRIC";

/// The rules of both phases together.
pub(super) fn check_pair(pair: &Pair<'_>, findings: &mut Vec<Finding>) {
    for phase in pair.both() {
        check_host(pair, phase, findings);
        check_privilege(phase, findings);
    }
}

fn check_host(pair: &Pair<'_>, phase: &PhaseEngine<'_>, findings: &mut Vec<Finding>) {
    let Some(connector) = phase.transfer.connector().filter(|connector| connector.has_nixl()) else { return };
    let Setting::Is(host) = phase.env(HOST_ENV) else { return };
    let own = host.starts_with("127.") || ["localhost", "0.0.0.0", "::", "::1", "[::]", "[::1]", ""].contains(&host);
    if !own {
        return;
    }
    let path = phase.env_path(HOST_ENV);
    // With the pull connector nobody asks decode.
    findings.push(if phase.which == Phase::Prefill || connector.has(Kind::Push) {
        let message = format!(
            "{HOST_ENV} is {host:?}, so the other phase asks itself and {}; leave it out, the pod's address is set for you",
            pair.failed_handshake().effect()
        );
        Finding::error(SideChannelHost, path, message)
    } else {
        let message = format!(
            "{HOST_ENV} is {host:?}, so prefill cannot ask decode, as it does in some modes; leave it out, the pod's address is set for you"
        );
        Finding::warning(SideChannelHost, path, message)
    });
}

/// The rules of one phase in the environments that it may run in.
pub(super) fn check_on(phase: &PhaseEngine<'_>, environments: &[&Environment], findings: &mut Vec<Finding>) {
    let nixl = phase.transfer.connector().filter(|connector| phase.which != Phase::Unified && connector.has_nixl());
    let Some(backends) = nixl.and_then(Connector::backends) else { return };
    // Whatever is written, releases before take UCX.
    let deaf = phase.release.is_some_and(|release| release < BACKENDS_SINCE);
    if backends.contains(LIBFABRIC) && !deaf {
        return;
    }
    let mut on_efa = environments.iter().filter(|environment| environment.rdma.as_ref().is_some_and(|rdma| rdma.kind == RdmaKind::Efa));
    let Some(environment) = on_efa.next() else { return };
    let others = match on_efa.count() {
        0 => String::new(),
        others => format!(" and {others} more"),
    };
    let image = if deaf { format!("take v{BACKENDS_SINCE} or later, and ") } else { String::new() };
    let message = format!(
        "{} runs on EFA in environment {}{others}, where UCX, which NIXL takes without LIBFABRIC, is as slow as TCP; {image}name LIBFABRIC in backends of kv_connector_extra_config in both phases, with an image that has libfabric",
        phase.name(),
        environment.name
    );
    findings.push(Finding::warning(EfaWithoutLibfabric, phase.option(OPTION), message));
}

/// The rules of a PrefillDecode profile's selector.
pub(super) fn check_selector(path: &str, profile: &ServingProfile, findings: &mut Vec<Finding>) {
    let labels = profile.environment_selector.as_ref().map(|selector| &selector.match_labels);
    let pinned = labels.and_then(|labels| labels.get(RDMA_LABEL)).is_some_and(|value| value == RDMA_LABEL_VALUE);
    if !pinned {
        let field = if labels.is_some() { "environmentSelector" } else { "topology" };
        let message = format!(
            "the profile does not ask for {RDMA_LABEL}={RDMA_LABEL_VALUE}: over TCP the first token takes minutes, not a fraction of a second; add it to environmentSelector.matchLabels"
        );
        findings.push(Finding::warning(NoRdmaSelector, format!("{path}.{field}"), message));
    }
}

/// The rules of one phase that transfers with NIXL: what its own pods are given.
fn check_privilege(phase: &PhaseEngine<'_>, findings: &mut Vec<Finding>) {
    let nixl = phase.transfer.connector().is_some_and(Connector::has_nixl);
    if let Some(field) = phase.engine.pod.as_ref().filter(|_| nixl).and_then(takes_root) {
        findings.push(without_privilege(phase.name(), phase.field(&format!("engine.pod.{field}"))));
    }
}

fn without_privilege(who: &str, path: String) -> Finding {
    let message = format!(
        "{who} does not run as root with IPC_LOCK, so NIXL registers memory for RDMA only on nodes where everybody may lock it, and the engine exits elsewhere; leave root to it, or raise the limit of locked memory (ulimit -l) of the nodes' container runtime"
    );
    Finding::warning(RdmaUnprivileged, path, message)
}

/// The rules of an environment.
pub(super) fn check_environment(environment: &Environment, findings: &mut Vec<Finding>) {
    if environment.rdma.is_some()
        && let Some(field) = environment.pod.as_ref().and_then(takes_root)
    {
        findings.push(without_privilege("what transfers here", format!("spec.pod.{field}")));
    }
    let labelled = environment.labels.get(RDMA_LABEL).is_some_and(|value| value == RDMA_LABEL_VALUE);
    if !labelled || environment.rdma.as_ref().is_some_and(gives_device) || environment.pod.as_ref().is_some_and(claims_device) {
        return;
    }
    // A template of a GPU may claim the card next to it.
    if !environment.pools.is_empty() && environment.pools.iter().all(|pool| pool.request.resource().is_none()) {
        return;
    }
    let told = |rdma: &Rdma, pool: &&Pool| {
        forbids_tcp(pool.vendor(), rdma.kind) && rdma.env.iter().all(|variable| variable.name != TRANSPORTS_ENV)
    };
    let exiting: Vec<&str> = environment
        .rdma
        .iter()
        .flat_map(|rdma| environment.pools.iter().filter(|pool| told(rdma, pool)))
        .map(|pool| pool.id.as_str())
        .collect();
    let (severity, effect) = if exiting.is_empty() {
        (Severity::Warning, "transfer falls back to TCP".to_owned())
    } else {
        let pools = exiting.join(", ");
        (Severity::Error, format!("every engine on {pools} exits at start with NIXL_ERR_BACKEND: it is told to use nothing but RDMA"))
    };
    let message = format!(
        "the environment has {RDMA_LABEL}={RDMA_LABEL_VALUE}, but no pod is given an RDMA device, so {effect}; name the device in spec.rdma.resources, as in rdma/ib: 1, or in spec.rdma.resourceClaims"
    );
    findings.push(Finding::new(RdmaUndeclared, severity, "spec.rdma", message));
}

/// Whether pods get at the network. An annotation is enough where a webhook turns it into the device.
fn gives_device(rdma: &Rdma) -> bool {
    rdma.resources.keys().any(|name| !name.starts_with(HUGE_PAGES))
        || !rdma.resources_per_gpu.is_empty()
        || !rdma.resource_claims.is_empty()
        || !rdma.annotations.is_empty()
        || !rdma.volumes.is_empty()
}

/// Whether every pod of an environment gets a device that is no GPU. It may be the network's.
fn claims_device(pod: &PodOverlay) -> bool {
    !pod.resource_claims.is_empty() || pod.resources.keys().any(|name| name.contains('/')) || pod.host_network == Some(true)
}
