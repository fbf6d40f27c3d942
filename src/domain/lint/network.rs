//! Whether the phases reach one another, and fast.

use super::phase::{Pair, PhaseEngine, Setting};
use crate::api::inference_environment::{Rdma, RdmaKind};
use crate::api::{model::ServingProfile, phase::Phase};
use crate::domain::engine::connectors::Kind;
use crate::domain::engine::handshake::BACKENDS_SINCE;
use crate::domain::engine::transfer::{Connector, OPTION};
use crate::domain::fabric::{TRANSPORTS_ENV, transports};
use crate::domain::finding::Code::{EfaWithoutLibfabric, NoRdmaSelector, RdmaUndeclared, SideChannelHost};
use crate::domain::finding::{Finding, Severity};
use crate::domain::names::{RDMA_LABEL, RDMA_LABEL_VALUE};
use crate::domain::spec::environment::Environment;

/// Where the other phase asks for cached blocks.
const HOST_ENV: &str = "VLLM_NIXL_SIDE_CHANNEL_HOST";

/// The backend of NIXL that speaks EFA.
const LIBFABRIC: &str = "LIBFABRIC";

/// The rules of both phases together.
pub(super) fn check_pair(pair: &Pair<'_>, findings: &mut Vec<Finding>) {
    for phase in pair.both() {
        check_host(pair, phase, findings);
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

/// The rules of an environment.
pub(super) fn check_environment(environment: &Environment, findings: &mut Vec<Finding>) {
    let labelled = environment.labels.get(RDMA_LABEL).is_some_and(|value| value == RDMA_LABEL_VALUE);
    // An annotation is enough where a webhook turns it into the device.
    let declared = environment.rdma.as_ref().is_some_and(|rdma| {
        !rdma.resources.is_empty() || !rdma.resources_per_gpu.is_empty() || !rdma.annotations.is_empty() || !rdma.volumes.is_empty()
    });
    if !labelled || declared {
        return;
    }
    let told = |rdma: &Rdma| transports(rdma.kind).is_some() && rdma.env.iter().all(|variable| variable.name != TRANSPORTS_ENV);
    let known = environment.rdma.as_ref().is_some_and(told);
    let (severity, effect) = if known {
        (Severity::Error, "every engine exits at start with NIXL_ERR_BACKEND: it is told to use nothing but RDMA")
    } else {
        (Severity::Warning, "transfer falls back to TCP")
    };
    let message = format!(
        "the environment has {RDMA_LABEL}={RDMA_LABEL_VALUE}, but no pod is given an RDMA device, so {effect}; name the device in spec.rdma.resources, as in rdma/ib: 1"
    );
    findings.push(Finding::new(RdmaUndeclared, severity, "spec.rdma", message));
}
