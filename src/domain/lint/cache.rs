//! Whether cached blocks mean the same in both phases.

use super::phase::{Pair, PhaseEngine, Setting};
use crate::domain::engine::handshake::{COMPARED_SINCE, HYBRID_COMPARED_SINCE};
use crate::domain::engine::release::{Release, v0};
use crate::domain::finding::Code::{BlockSizeMismatch, DtypeMismatch, HybridKvMismatch, KvLayoutMismatch};
use crate::domain::finding::{Finding, Severity};

/// Options of which NIXL's handshake compares a hash.
const COMPARED: [&str; 2] = ["dtype", "kv-cache-dtype"];

/// Other options that both phases should agree on, and what differing ones do.
const SHARED: [(&str, &str); 2] =
    [("quantization", "decode goes on with another model's cache"), ("max-model-len", "one phase refuses prompts that the other accepts")];

/// Different words for one value.
const SYNONYMS: [(&str, &str); 3] = [("half", "float16"), ("float", "float32"), ("fp8_e4m3", "fp8")];

/// The variable that chose the attention backend before the option did.
const BACKEND_ENV: &str = "VLLM_ATTENTION_BACKEND";
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
        let setting = |phase| meant(PhaseEngine::setting(phase, option));
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
    }
}

/// Whether both ends refuse whatever differs of what they compare from a release on.
fn compares(pair: &Pair<'_>, since: Release) -> bool {
    pair.uses_nixl() && pair.release().is_some_and(|release| release >= since)
}

fn check_compared(pair: &Pair<'_>, option: &str, findings: &mut Vec<Finding>) {
    let (decode, prefill) = (meant(pair.decode.setting(option)), meant(pair.prefill.setting(option)));
    let Some(found) = differ(decode, prefill, "the model's own") else { return };
    let path = pair.option(option);
    let effect = refused(pair);
    // What nobody sets may be the same after all.
    findings.push(if decode == Setting::Absent || prefill == Setting::Absent {
        let message = format!("--{option} is {found}: unless these are the same, {effect}; give both phases the same");
        Finding::warning(DtypeMismatch, path, message)
    } else {
        let message = format!("--{option} is {found}, so {effect}; give both phases the same");
        let severity = if compares(pair, COMPARED_SINCE) { Severity::Error } else { Severity::Warning };
        Finding::new(DtypeMismatch, severity, path, message)
    });
}

/// What comes of caches that mean different things.
fn refused(pair: &Pair<'_>) -> &'static str {
    if compares(pair, COMPARED_SINCE) {
        pair.failed_handshake().effect()
    } else {
        "decode refuses the cached blocks, or reads them as something else"
    }
}

/// A setting by what it means: `auto` is what vLLM takes anyway.
fn meant(setting: Setting<'_>) -> Setting<'_> {
    match setting {
        Setting::Is("auto" | "") => Setting::Absent,
        Setting::Is(value) => Setting::Is(SYNONYMS.iter().find(|(word, _)| *word == value).map_or(value, |(_, same)| same)),
        Setting::Absent | Setting::Unknown => setting,
    }
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
    const OPTION: &str = "attention-backend";
    // A configuration object may name the backend, too.
    let backend = |phase: &PhaseEngine<'_>| match meant(phase.setting(OPTION)) {
        _ if phase.args.is_given("attention-config") => None,
        Setting::Is(value) => Some(value.to_ascii_uppercase()),
        // vLLM read the variable until 0.14.
        Setting::Absent if phase.release.is_none_or(|release| release < v0(15, 0)) => match phase.env(BACKEND_ENV) {
            Setting::Is(value) => Some(value.to_ascii_uppercase()),
            Setting::Absent => Some(String::new()),
            Setting::Unknown => None,
        },
        Setting::Absent => Some(String::new()),
        Setting::Unknown => None,
    };
    let Some((decode, prefill)) = backend(&pair.decode).zip(backend(&pair.prefill)) else { return };
    if decode == prefill {
        return;
    }
    let word = |backend: String| if backend.is_empty() { "vLLM's choice".to_owned() } else { backend };
    let by_option = pair.both().iter().any(|phase| phase.args.is_given(OPTION));
    let path = if by_option { pair.option(OPTION) } else { pair.env_path(BACKEND_ENV) };
    let message = format!(
        "the attention backend is {} in prefill and {} in decode: unless these are the same, {}; choose the same",
        word(prefill),
        word(decode),
        refused(pair)
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
    let effect = pair.failed_handshake().effect();
    let (severity, so) = if decode == Setting::Absent || prefill == Setting::Absent {
        (Severity::Warning, format!(": unless that is the same, {effect}"))
    } else if compares(pair, HYBRID_COMPARED_SINCE) {
        (Severity::Error, format!(", so {effect}"))
    } else {
        (Severity::Warning, ", so their caches may be laid out differently".to_owned())
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
