//! One phase of a profile as the rules look at it: what its engine is told, as far as that can be read here.

use crate::api::model::{Engine, PodResources};
use crate::api::phase::Phase;
use crate::domain::engine::args::{EngineArgs, Gpus};
use crate::domain::engine::attention::{BACKEND_ENV, BACKEND_OPTIONS, backend_in};
use crate::domain::engine::handshake::{COMPARED_SINCE, Difference, FailedHandshake};
use crate::domain::engine::release::{Release, v0};
use crate::domain::engine::template_text::env_refs;
use crate::domain::engine::transfer::{Connector, DECODE_EXAMPLE, PREFILL_EXAMPLE, Transfer, read_transfer};
use crate::domain::finding::Severity;

/// Options that leave it to Ray where the engine's workers run.
const RAY: [&str; 2] = ["distributed-executor-backend", "data-parallel-backend"];

/// Different words for one value.
const SYNONYMS: [(&str, &str); 3] = [("half", "float16"), ("float", "float32"), ("fp8_e4m3", "fp8")];

/// What the engine of a phase is told.
pub(super) struct PhaseEngine<'a> {
    pub(super) which: Phase,
    /// The path of what holds `engine` and `resources`.
    path: String,
    pub(super) engine: &'a Engine,
    pub(super) resources: Option<&'a PodResources>,
    pub(super) args: EngineArgs,
    pub(super) gpus: Gpus,
    /// The image's vLLM, where it is known.
    pub(super) release: Option<Release>,
    pub(super) transfer: Transfer,
    /// Whether options may be set that cannot be read here.
    pub(super) hidden: bool,
}

/// The phases of a PrefillDecode profile.
pub(super) struct Pair<'a> {
    pub(super) decode: PhaseEngine<'a>,
    pub(super) prefill: PhaseEngine<'a>,
}

/// What an option or a variable is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Setting<'a> {
    /// Nothing sets it.
    Absent,
    /// To this.
    Is(&'a str),
    /// It cannot be read here.
    Unknown,
}

impl Setting<'_> {
    /// It by what it means: `auto` is what vLLM takes anyway.
    pub(super) fn meant(self) -> Self {
        match self {
            Self::Is("auto" | "") => Self::Absent,
            Self::Is(value) => Self::Is(SYNONYMS.iter().find(|(word, _)| *word == value).map_or(value, |(_, same)| same)),
            Self::Absent | Self::Unknown => self,
        }
    }
}

impl<'a> PhaseEngine<'a> {
    pub(super) fn new(which: Phase, path: String, engine: &'a Engine, resources: Option<&'a PodResources>) -> Self {
        let args = EngineArgs::parse_for(&engine.image, &engine.args);
        let env_names: Vec<&str> = engine.env.iter().map(|variable| variable.name.as_str()).collect();
        let hidden = args.may_set_more(&env_names);
        let release = Release::of(&engine.image);
        Self {
            which,
            path,
            engine,
            resources,
            gpus: args.gpus(&env_names),
            release,
            transfer: read_transfer(&args, release, hidden),
            args,
            hidden,
        }
    }

    /// What people call it.
    pub(super) fn name(&self) -> &'static str {
        if self.which == Phase::Unified { "the engine" } else { self.which.as_str() }
    }

    /// A transfer that suits it. Before vLLM 0.23 NIXL takes any role; since then `kv_both` is deprecated.
    pub(super) fn example(&self) -> &'static str {
        if self.which == Phase::Prefill { PREFILL_EXAMPLE } else { DECODE_EXAMPLE }
    }

    /// Whether its NIXL begins handshakes: with the pull connector only decode does.
    pub(super) fn asks(&self) -> bool {
        self.transfer.connector().is_some_and(|connector| {
            connector.has_nixl() && (self.which == Phase::Decode || self.which == Phase::Prefill && connector.asks_in_prefill())
        })
    }

    /// The path of a field of the phase.
    pub(super) fn field(&self, field: &str) -> String {
        format!("{}.{field}", self.path)
    }

    /// The path of an argument.
    pub(super) fn arg(&self, at: usize) -> String {
        self.field(&format!("engine.args[{at}]"))
    }

    /// The path of the argument that gives an option, or of all arguments.
    pub(super) fn option(&self, name: &str) -> String {
        self.args.at(name).map_or_else(|| self.field("engine.args"), |at| self.arg(at))
    }

    /// What an option is set to.
    pub(super) fn setting(&self, name: &str) -> Setting<'_> {
        match self.args.value(name) {
            _ if self.hidden => Setting::Unknown,
            Some(value) if env_refs(value).is_empty() => Setting::Is(value),
            Some(_) => Setting::Unknown,
            None if self.args.is_given(name) => Setting::Unknown,
            None => Setting::Absent,
        }
    }

    /// The positive number that an option is set to, 1 when it is not given; `None` when that cannot be read here.
    pub(super) fn count(&self, name: &str) -> Option<u32> {
        if self.hidden { None } else { self.args.count(name) }
    }

    /// Which way a flag is set.
    pub(super) fn flag(&self, name: &str) -> Setting<'static> {
        match self.args.flag(name) {
            _ if self.hidden => Setting::Unknown,
            Some(set) => Setting::Is(if set { "on" } else { "off" }),
            None => Setting::Absent,
        }
    }

    /// The attention backend in capitals, empty where it is vLLM's choice; `None` where that cannot be read here.
    pub(super) fn attention_backend(&self) -> Option<String> {
        let [name, object] = BACKEND_OPTIONS.map(|option| self.setting(option).meant());
        let by_option = match (name, object) {
            (Setting::Unknown, _) | (_, Setting::Unknown) => return None,
            (Setting::Is(name), _) => name.to_owned(),
            (Setting::Absent, Setting::Is(object)) => backend_in(object)?,
            (Setting::Absent, Setting::Absent) => String::new(),
        };
        // vLLM read the variable until 0.14.
        let by_variable = if self.release.is_none_or(|release| release < v0(15, 0)) { self.env(BACKEND_ENV) } else { Setting::Absent };
        let backend = match by_variable {
            _ if !by_option.is_empty() => by_option,
            Setting::Is(name) => name.to_owned(),
            Setting::Absent => by_option,
            Setting::Unknown => return None,
        };
        Some(backend.to_ascii_uppercase())
    }

    /// Whether a Ray cluster may run its workers in other pods.
    pub(super) fn leaves_to_ray(&self) -> bool {
        RAY.iter().any(|option| self.args.value(option) == Some("ray"))
    }

    /// What the user sets a variable of the engine to.
    pub(super) fn env(&self, name: &str) -> Setting<'a> {
        let Some(variable) = self.engine.env.iter().rfind(|variable| variable.name == name) else { return Setting::Absent };
        match (&variable.value, &variable.value_from) {
            (Some(value), None) if env_refs(value).is_empty() => Setting::Is(value),
            (None, None) => Setting::Is(""),
            (Some(_), _) | (None, Some(_)) => Setting::Unknown,
        }
    }

    /// The path of a variable's value.
    pub(super) fn env_path(&self, name: &str) -> String {
        let at = self.engine.env.iter().rposition(|variable| variable.name == name);
        at.map_or_else(|| self.field("engine.env"), |at| self.field(&format!("engine.env[{at}].value")))
    }
}

/// How sure it is that a difference fails.
pub(super) fn severity_of(difference: Difference) -> Severity {
    match difference {
        Difference::Refused => Severity::Error,
        Difference::Unchecked | Difference::Unknown => Severity::Warning,
    }
}

impl Pair<'_> {
    /// Both phases, decode first.
    pub(super) fn both(&self) -> [&PhaseEngine<'_>; 2] {
        [&self.decode, &self.prefill]
    }

    /// The vLLM of both phases, where it is known and the same.
    pub(super) fn release(&self) -> Option<Release> {
        self.decode.release.filter(|release| self.prefill.release == Some(*release))
    }

    /// What decode does where the handshake with prefill fails.
    pub(super) fn failed_handshake(&self) -> FailedHandshake {
        FailedHandshake::of(self.decode.release, self.decode.transfer.connector())
    }

    /// What becomes of a difference in what both ends compare from a release on.
    pub(super) fn difference(&self, since: Release) -> Difference {
        if !self.uses_nixl() || self.both().iter().any(|phase| phase.release.is_some_and(|release| release < COMPARED_SINCE)) {
            return Difference::Unknown;
        }
        let asking = self.both().into_iter().filter(|phase| phase.asks());
        let compared: Vec<Option<bool>> = asking.map(|phase| phase.transfer.connector().and_then(Connector::compares)).collect();
        if compared.contains(&Some(false)) {
            return Difference::Unchecked;
        }
        let known = self.both().iter().all(|phase| phase.release.is_some_and(|release| release >= since));
        if known && !compared.contains(&None) { Difference::Refused } else { Difference::Unknown }
    }

    /// What that means for requests.
    pub(super) fn effect(&self, difference: Difference) -> &'static str {
        match difference {
            Difference::Refused => self.failed_handshake().effect(),
            Difference::Unchecked => "decode reads every block whose size fits, whatever it means",
            Difference::Unknown => "decode refuses the cached blocks, or reads them as something else",
        }
    }

    /// Whether both transfer with NIXL.
    pub(super) fn uses_nixl(&self) -> bool {
        self.both().iter().all(|phase| phase.transfer.connector().is_some_and(Connector::has_nixl))
    }

    /// The path of an option in the phase that gives it, prefill first.
    pub(super) fn option(&self, name: &str) -> String {
        let phase = if self.prefill.args.is_given(name) || !self.decode.args.is_given(name) { &self.prefill } else { &self.decode };
        phase.option(name)
    }

    /// The path of a variable in the phase that sets it, prefill first.
    pub(super) fn env_path(&self, name: &str) -> String {
        let phase = if self.prefill.env(name) == Setting::Absent { &self.decode } else { &self.prefill };
        phase.env_path(name)
    }
}
