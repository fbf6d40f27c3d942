//! Whether variables let an engine transfer, and agree between the phases.

use super::phase::{Pair, PhaseEngine, Setting};
use crate::api::phase::Phase;
use crate::domain::engine::connectors::Hashed;
use crate::domain::engine::release::{Release, v0};
use crate::domain::engine::template_text::env_refs;
use crate::domain::engine::transfer::{Connector, OPTION};
use crate::domain::finding::Code::{AllocatorRemaps, HashSeedMismatch};
use crate::domain::finding::{Finding, Severity};
use crate::domain::spec::environment::Environment;

/// PyTorch's allocator is told by the first, which vLLM looks at, or by its newer name, which vLLM does not.
const ALLOCATOR_ENVS: [&str; 2] = ["PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_ALLOC_CONF"];
/// What lets it move memory to other addresses.
const REMAPS: &str = "expandable_segments:True";
/// From then on vLLM exits on it beside any connector (`_verify_kv_transfer_compat` in `config/vllm.py`).
const REFUSED_SINCE: Release = v0(21, 0);
/// Flags with which the cache has a pool of its own.
const POOLS: [&str; 2] = ["enable-sleep-mode", "enable-cumem-allocator"];

/// What seeds hashes.
const SEED_ENV: &str = "PYTHONHASHSEED";
/// From then on vLLM's own hashes start from a fixed seed, unless they are xxhash (`resolve_none_hash_seed`).
const SEEDED_SINCE: Release = v0(29, 0);
/// Where LMCache may be told another hash than Python's, which is always seeded.
const LMCACHE_ENVS: [&str; 2] = ["LMCACHE_PRE_CACHING_HASH_ALGORITHM", "LMCACHE_CONFIG_FILE"];

/// The rules of one phase.
pub(super) fn check_phase(phase: &PhaseEngine<'_>, findings: &mut Vec<Finding>) {
    for variable in ALLOCATOR_ENVS {
        if let Setting::Is(value) = phase.env(variable) {
            findings.extend(remaps(phase, variable, value, None));
        }
    }
}

/// The rules of one phase in the environments that it may run in, whose variables a disaggregated engine gets unless it has its own.
pub(super) fn check_on(phase: &PhaseEngine<'_>, environments: &[&Environment], findings: &mut Vec<Finding>) {
    if phase.which == Phase::Unified {
        return;
    }
    for variable in ALLOCATOR_ENVS.into_iter().filter(|variable| phase.env(variable) == Setting::Absent) {
        let given = environments.iter().find_map(|environment| {
            let theirs = environment.rdma.iter().flat_map(|rdma| &rdma.env).find(|theirs| theirs.name == variable)?;
            let value = theirs.value.as_deref().filter(|value| env_refs(value).is_empty())?;
            remaps(phase, variable, value, Some(&environment.name))
        });
        findings.extend(given);
    }
}

/// What comes of a variable's value beside a connector, be it the engine's own or an environment's.
fn remaps(phase: &PhaseEngine<'_>, variable: &str, value: &str, environment: Option<&str>) -> Option<Finding> {
    let connector = phase.transfer.connector()?;
    let spaceless: String = value.split_whitespace().collect();
    if !spaceless.contains(REMAPS) || POOLS.into_iter().any(|flag| phase.flag(flag) == Setting::Is("on")) {
        return None;
    }
    // vLLM looks for these very characters.
    let looked_at = ALLOCATOR_ENVS.first() == Some(&variable) && value.contains(REMAPS);
    let carrier = connector.carriers().first().map(|carrier| carrier.name().to_owned());
    let breaks = "memory that the connector has registered may move, and transfers fail";
    let (severity, effect) = match phase.release {
        Some(release) if looked_at && release >= REFUSED_SINCE => {
            (Severity::Error, format!("{} exits at start beside a connector", phase.name()))
        }
        None if looked_at => (
            Severity::Warning,
            format!("{} exits at start beside a connector since vLLM {REFUSED_SINCE}, and before, {breaks}", phase.name()),
        ),
        Some(_) | None => (Severity::Warning, carrier.map(|_| breaks.to_owned())?),
    };
    let (path, whose) = match environment {
        Some(environment) => (phase.option(OPTION), format!(" in spec.rdma.env of environment {environment}")),
        None => (phase.env_path(variable), String::new()),
    };
    let message = format!("{variable}{whose} has {REMAPS}, so {effect}; remove it");
    Some(Finding::new(AllocatorRemaps, severity, path, message))
}

/// The rules of both phases together.
pub(super) fn check_pair(pair: &Pair<'_>, findings: &mut Vec<Finding>) {
    let [decode, prefill] = pair.both().map(|phase| phase.transfer.connector().and_then(Connector::hashed));
    let Some(((name, by), _)) = decode.zip(prefill) else { return };
    let seeds = match (pair.decode.env(SEED_ENV), pair.prefill.env(SEED_ENV)) {
        (Setting::Unknown, _) | (_, Setting::Unknown) => return,
        (Setting::Absent, Setting::Absent) if !is_seeded(pair, by) => format!("{SEED_ENV} is not set"),
        (decode, prefill) if decode == prefill => return,
        (decode, prefill) => format!("{SEED_ENV} is {} in prefill and {} in decode", word(prefill), word(decode)),
    };
    let message = format!(
        "{seeds}, so {name} calls one block by different hashes and decode finds nothing of what prefill stored; set {SEED_ENV} to the same number in both phases"
    );
    findings.push(Finding::warning(HashSeedMismatch, pair.env_path(SEED_ENV), message));
}

/// Whether all pods hash alike where nobody sets the variable, or may do so.
fn is_seeded(pair: &Pair<'_>, by: Hashed) -> bool {
    let own = |phase: &&PhaseEngine<'_>| LMCACHE_ENVS.into_iter().all(|variable| phase.env(variable) == Setting::Absent);
    let random = |phase: &&PhaseEngine<'_>| match phase.setting("prefix-caching-hash-algo") {
        Setting::Is(algorithm) => algorithm.starts_with("xxhash"),
        Setting::Absent | Setting::Unknown => false,
    };
    let old = |phase: &&PhaseEngine<'_>| phase.release.is_some_and(|release| release < SEEDED_SINCE);
    let both = pair.both();
    let unseeded = match by {
        Hashed::ByLmCache => both.iter().all(own) || both.iter().any(old),
        Hashed::ByVllm => both.iter().any(random) || both.iter().any(old),
    };
    !unseeded
}

fn word(seed: Setting<'_>) -> &str {
    if let Setting::Is(seed) = seed { seed } else { "not set" }
}
