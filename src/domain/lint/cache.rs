//! Whether cached blocks mean the same in both phases.

use super::phase::{Pair, PhaseEngine, Setting, severity_of};
use crate::domain::engine::attention::{BACKEND_ENV, BACKEND_OPTIONS};
use crate::domain::engine::handshake::{COMPARED_SINCE, CROSS_LAYERS, Difference, HYBRID_COMPARED_SINCE};
use crate::domain::engine::release::{Release, v0};
use crate::domain::engine::{options, transfer::Connector, transfer::OPTION as TRANSFER};
use crate::domain::finding::Code::{
    BlockSizeMismatch, CrossLayersMismatch, DtypeMismatch, HybridKvMismatch, KvLayoutMismatch, KvScalesLocal,
};
use crate::domain::finding::{Finding, Severity};

/// Options of which NIXL's handshake compares a hash.
const COMPARED: [&str; 2] = ["dtype", "kv-cache-dtype"];

/// Other options that both phases should agree on, and what differing ones do.
const SHARED: [(&str, &str); 2] =
    [("quantization", "decode goes on with another model's cache"), ("max-model-len", "one phase refuses prompts that the other accepts")];

const LAYOUT_ENV: &str = "VLLM_KV_CACHE_LAYOUT";

/// The spellings of one flag.
const HYBRID: [&str; 4] = [
    "disable-hybrid-kv-cache-manager",
    "no-disable-hybrid-kv-cache-manager",
    "enable-hybrid-kv-cache-manager",
    "no-enable-hybrid-kv-cache-manager",
];

/// Before, vLLM switches the manager off wherever there is a connector; then only for those that cannot do with it.
const HYBRID_SINCE: Release = v0(22, 0);

/// The rules of both phases together.
pub(super) fn check_pair(pair: &Pair<'_>, findings: &mut Vec<Finding>) {
    for option in COMPARED {
        check_compared(pair, option, findings);
    }
    for (option, effect) in SHARED {
        let setting = |phase| PhaseEngine::setting(phase, option).meant();
        if let Some(found) = differ(setting(&pair.decode), setting(&pair.prefill), "the model's own") {
            let message = format!("--{option} is {found}, so {effect}; give both phases the same");
            findings.push(Finding::warning(DtypeMismatch, pair.option(option), message));
        }
    }
    check_backend(pair, findings);
    check_hybrid(pair, findings);
    check_layout(pair, findings);
    if pair.uses_nixl() {
        check_block_size(pair, findings);
        check_scales(pair, findings);
    }
    check_cross_layers(pair, findings);
}

fn check_compared(pair: &Pair<'_>, option: &str, findings: &mut Vec<Finding>) {
    let (decode, prefill) = (pair.decode.setting(option).meant(), pair.prefill.setting(option).meant());
    let Some(found) = differ(decode, prefill, "the model's own") else { return };
    let path = pair.option(option);
    let difference = pair.difference(COMPARED_SINCE);
    let effect = pair.effect(difference);
    // What nobody sets may be the same after all.
    findings.push(if decode == Setting::Absent || prefill == Setting::Absent {
        let message = format!("--{option} is {found}: unless these are the same, {effect}; give both phases the same");
        Finding::warning(DtypeMismatch, path, message)
    } else {
        let message = format!("--{option} is {found}, so {effect}; give both phases the same");
        Finding::new(DtypeMismatch, severity_of(difference), path, message)
    });
}

/// What differs, as "A in prefill and B in decode"; `None` where nothing does, or nobody knows.
fn differ(decode: Setting<'_>, prefill: Setting<'_>, default: &str) -> Option<String> {
    let text = |setting| match setting {
        Setting::Is(value) => Some(value.to_owned()),
        Setting::Absent => Some(default.to_owned()),
        Setting::Unknown => None,
    };
    let (here, there) = (text(decode)?, text(prefill)?);
    (decode != prefill).then(|| format!("{there} in prefill and {here} in decode"))
}

fn check_backend(pair: &Pair<'_>, findings: &mut Vec<Finding>) {
    let Some((decode, prefill)) = pair.decode.attention_backend().zip(pair.prefill.attention_backend()) else { return };
    if decode == prefill {
        return;
    }
    let word = |backend: String| if backend.is_empty() { "vLLM's choice".to_owned() } else { backend };
    let option = BACKEND_OPTIONS.into_iter().find(|option| pair.both().iter().any(|phase| phase.args.is_given(option)));
    let path = option.map_or_else(|| pair.env_path(BACKEND_ENV), |option| pair.option(option));
    let message = format!(
        "the attention backend is {} in prefill and {} in decode: unless these are the same, {}; choose the same",
        word(prefill),
        word(decode),
        pair.effect(pair.difference(COMPARED_SINCE))
    );
    findings.push(Finding::warning(DtypeMismatch, path, message));
}

fn check_layout(pair: &Pair<'_>, findings: &mut Vec<Finding>) {
    // NIXL chooses HND where nobody does.
    let chosen = |setting| if matches!(setting, Setting::Is("HND" | "")) { Setting::Absent } else { setting };
    let (decode, prefill) = (chosen(pair.decode.env(LAYOUT_ENV)), chosen(pair.prefill.env(LAYOUT_ENV)));
    if let Some(found) = differ(decode, prefill, "HND") {
        let message = format!("{LAYOUT_ENV} is {found}, so decode refuses the cached blocks; set the same in both phases, or neither");
        findings.push(Finding::warning(KvLayoutMismatch, pair.env_path(LAYOUT_ENV), message));
    }
}

fn check_hybrid(pair: &Pair<'_>, findings: &mut Vec<Finding>) {
    const FLAG: &str = "disable-hybrid-kv-cache-manager";
    let always_off = pair.release().is_some_and(|release| release < HYBRID_SINCE);
    let flag = |phase: &PhaseEngine<'_>| {
        let set = phase.flag(FLAG);
        if always_off && set == Setting::Absent { Setting::Is("on") } else { set }
    };
    let (decode, prefill) = (flag(&pair.decode), flag(&pair.prefill));
    let Some(found) = differ(decode, prefill, "vLLM's choice") else { return };
    let difference = pair.difference(HYBRID_COMPARED_SINCE);
    let (effect, otherwise) = match difference {
        Difference::Refused | Difference::Unchecked => (pair.effect(difference), pair.effect(difference)),
        Difference::Unknown => ("their caches may be laid out differently", pair.failed_handshake().effect()),
    };
    let (severity, so) = if decode == Setting::Absent || prefill == Setting::Absent {
        (Severity::Warning, format!(": unless that is the same, {otherwise}"))
    } else {
        (severity_of(difference), format!(", so {effect}"))
    };
    let phase = if pair.prefill.flag(FLAG) == Setting::Absent { &pair.decode } else { &pair.prefill };
    let at = HYBRID.iter().filter_map(|name| phase.args.at(name)).max();
    let path = at.map_or_else(|| phase.field("engine.args"), |at| phase.arg(at));
    findings.push(Finding::new(HybridKvMismatch, severity, path, format!("--{FLAG} is {found}{so}; set it alike in both phases")));
}

fn check_block_size(pair: &Pair<'_>, findings: &mut Vec<Finding>) {
    const OPTION: &str = "block-size";
    let (here, there) = (pair.decode.setting(OPTION), pair.prefill.setting(OPTION));
    let Some(found) = differ(here, there, "vLLM's choice") else { return };
    let sizes = format!("--block-size is {found}");
    let path = pair.option(OPTION);
    if here == Setting::Absent || there == Setting::Absent {
        let message = format!("{sizes}: unless that is the same, requests fail, or are answered wrong; set the same in both phases");
        findings.push(Finding::warning(BlockSizeMismatch, path, message));
        return;
    }
    let size = |phase: &PhaseEngine<'_>| phase.count(OPTION);
    let Some((decode, prefill)) = size(&pair.decode).zip(size(&pair.prefill)).filter(|(decode, prefill)| decode != prefill) else { return };
    if pair.release().is_some_and(|release| release < v0(11, 1)) {
        let message = format!("{sizes}, so every transfer fails: vLLM before 0.11.1 needs equal sizes; set the same in both phases");
        findings.push(Finding::error(BlockSizeMismatch, path, message));
        return;
    }
    let tp = |phase: &PhaseEngine<'_>| phase.count("tensor-parallel-size");
    let prefill_wider = tp(&pair.prefill).zip(tp(&pair.decode)).is_some_and(|(prefill, decode)| prefill > decode);
    // The attention backend may cut both into smaller ones that fit.
    let effect = if decode.checked_rem(prefill) == Some(0) && !prefill_wider {
        "where that was tried, on CPUs with vLLM 0.19.0 and 0.32.0, answers were wrong and had status 200".to_owned()
    } else {
        format!("unless the attention backend cuts both into blocks that fit, {}", pair.failed_handshake().effect())
    };
    let message = format!("{sizes}: {effect}; set the same in both phases");
    findings.push(Finding::warning(BlockSizeMismatch, path, message));
}

fn check_cross_layers(pair: &Pair<'_>, findings: &mut Vec<Finding>) {
    const KEY: &str = "enable_cross_layers_blocks";
    let read = |phase: &&PhaseEngine<'_>| phase.release.is_none_or(|release| (CROSS_LAYERS.0..CROSS_LAYERS.1).contains(&release));
    let crosses = |phase: &PhaseEngine<'_>| phase.transfer.connector().and_then(Connector::crosses_layers);
    let Some((decode, prefill)) = crosses(&pair.decode).zip(crosses(&pair.prefill)) else { return };
    if decode == prefill || !pair.both().iter().all(read) {
        return;
    }
    let word = |on: bool| if on { "on" } else { "off" };
    let message = format!(
        "{KEY} is {} in prefill and {} in decode: where the attention backend can do it, {}; set it alike in both phases",
        word(prefill),
        word(decode),
        pair.effect(pair.difference(CROSS_LAYERS.0))
    );
    findings.push(Finding::warning(CrossLayersMismatch, pair.option(TRANSFER), message));
}

fn check_scales(pair: &Pair<'_>, findings: &mut Vec<Finding>) {
    const FLAG: &str = "calculate-kv-scales";
    let gone = |release: Release| options::read(release).is_some_and(|release| !options::knows(FLAG, release));
    // Other types of cache have no scales.
    let scaled = |phase: &PhaseEngine<'_>| match phase.setting("kv-cache-dtype") {
        Setting::Is(dtype) => dtype.starts_with("fp8"),
        Setting::Absent => false,
        Setting::Unknown => true,
    };
    let computes = |phase: &&PhaseEngine<'_>| phase.flag(FLAG) == Setting::Is("on") && scaled(phase) && !phase.release.is_some_and(gone);
    if let Some(phase) = [&pair.prefill, &pair.decode].into_iter().find(computes) {
        let message = format!(
            "with --{FLAG} {} scales its cache by what it sees first, and NIXL carries blocks without their scales, so decode reads other values than prefill wrote; remove it, and take a checkpoint that has scales",
            phase.name()
        );
        findings.push(Finding::warning(KvScalesLocal, phase.option(FLAG), message));
    }
}
