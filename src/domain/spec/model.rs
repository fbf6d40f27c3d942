//! A ClusterModel or Model whose model-wide rules hold, with its serving profiles.

use super::at::At;
use super::credentials::{Credentials, credentials};
use super::engine_env::{quote_breaking_references, validate_env};
use super::pod_overlay::{refuse_node_access, validate_overlay};
use super::violation::{Rule, Violation};
use crate::api::limits;
use crate::api::model::{Engine, HuggingFace, Model as ApiModel, ModelResources, ModelSpec, PodResources, ServingProfile, Source};
use crate::api::model_deployment::{ModelKind, Topology};
use crate::api::{pod_overlay::PodOverlay, quantity::Quantity, selector::LabelSelector};
use crate::domain::engine::args::{EngineArgs, Gpus};
use crate::domain::engine::template_text::{holds_template, model_name_error};
use crate::domain::finding::Finding;
use crate::domain::suppression::{Suppressed, Suppressions};

/// A model whose model-wide rules hold. Its profiles may each break rules of their own.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The name that requests use.
    pub name: String,
    /// Where the weights are, as KServe takes it.
    pub uri: String,
    /// With what pods get at them.
    pub credentials: Credentials,
    /// In order of priority.
    pub profiles: Vec<Profile>,
    /// What the lint finds in the model as a whole.
    pub findings: Vec<Finding>,
}

/// A way to serve the model.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Unique within the model.
    pub name: String,
    /// The topology it is for.
    pub topology: Topology,
    /// Labels an environment must have.
    pub selector: LabelSelector,
    /// The decode phase, or the one phase of Unified.
    pub decode: PhaseProfile,
    /// The prefill phase.
    pub prefill: Option<PhaseProfile>,
    /// The rules it breaks. A profile that breaks any is not used.
    pub violations: Vec<Violation>,
    /// What the lint finds in it, once it has looked: see [`crate::domain::lint::linted`].
    pub findings: Vec<Finding>,
    /// What it finds and the model's owner accepts.
    pub suppressed: Vec<Suppressed>,
}

impl Profile {
    /// What cannot work at run time.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.is_error())
    }
}

/// One phase of a profile, complete.
#[derive(Debug, Clone, PartialEq)]
pub struct PhaseProfile {
    /// The engine.
    pub engine: Engine,
    /// How many GPUs a pod needs.
    pub gpus: GpuDemand,
    /// CPU of a pod.
    pub cpu: Quantity,
    /// Memory of a pod.
    pub memory: Quantity,
    /// The pool to run on: its name or its accelerator type.
    pub accelerator: Option<String>,
    /// Size of `/dev/shm`.
    pub shared_memory: Option<Quantity>,
    /// Disk of the node that a pod needs.
    pub ephemeral_storage: Option<Quantity>,
}

/// How many GPUs a pod needs.
#[derive(Debug, Clone, PartialEq)]
pub enum GpuDemand {
    /// As written, or as the engine's arguments say.
    Count(u32),
    /// As many as hold the model.
    Memory(Quantity),
}

impl Model {
    /// The profile of a name and topology.
    pub fn profile(&self, name: &str, topology: Topology) -> Option<&Profile> {
        self.profiles.iter().find(|profile| profile.name == name && profile.topology == topology)
    }

    /// What the profiles violate, all together.
    pub fn violations(&self) -> Vec<Violation> {
        self.profiles.iter().flat_map(|profile| profile.violations.clone()).collect()
    }

    /// What the profiles of a topology violate.
    pub fn violations_of(&self, topology: Topology) -> Vec<Violation> {
        self.profiles.iter().filter(|profile| profile.topology == topology).flat_map(|profile| profile.violations.clone()).collect()
    }

    /// What the model's owner accepts, all together.
    pub fn suppressed(&self) -> impl Iterator<Item = &Suppressed> {
        self.profiles.iter().flat_map(|profile| &profile.suppressed)
    }

    /// The model without what its owner accepts of the findings, and with what is wrong with that.
    #[must_use]
    pub fn accepting(mut self, suppressions: &Suppressions) -> Self {
        for profile in &mut self.profiles {
            (profile.findings, profile.suppressed) = suppressions.split(std::mem::take(&mut profile.findings));
        }
        self.findings.extend_from_slice(suppressions.faults());
        let unused = suppressions.unused(self.suppressed(), |code| !code.sees_others());
        self.findings.extend(unused);
        self
    }
}

/// Checks every rule of a model. What only one profile breaks is kept with that profile.
///
/// # Errors
/// The rules that make the model unusable as a whole, with the field path.
pub fn validate_model(kind: ModelKind, model: &ApiModel) -> Result<Model, Vec<Violation>> {
    let spec = &model.spec;
    let mut violations = Vec::new();
    let mut at = At::new("spec", &mut violations);
    let mut name = at.child("model.name");
    name.check_length(&spec.model.name, limits::NAME);
    if let Some(problem) = model_name_error(&spec.model.name) {
        name.refuse_text(problem.to_string());
    }
    let uri = model_uri(&mut at, spec);
    let credentials = credentials(&mut at, kind, &model.metadata.namespace, spec);
    let ModelResources { vram, cpu, memory, ephemeral_storage } = &spec.resources;
    for (field, quantity) in
        [("vram", Some(vram)), ("cpu", Some(cpu)), ("memory", Some(memory)), ("ephemeralStorage", ephemeral_storage.as_ref())]
    {
        if let Some(quantity) = quantity {
            at.child("resources").child(field).check_positive(quantity);
        }
    }
    let mut serving = at.child("serving");
    serving.check_count(spec.serving.len(), limits::PROFILES);
    serving.check_distinct(spec.serving.iter().map(|profile| profile.name.as_str()));
    if !violations.is_empty() {
        return Err(violations);
    }
    let profiles = spec.serving.iter().enumerate().map(|(index, profile)| validate_profile(index, profile, kind, spec)).collect();
    Ok(Model { name: spec.model.name.clone(), uri, credentials, profiles, findings: Vec::new() })
}

fn model_uri(at: &mut At<'_>, spec: &ModelSpec) -> String {
    if spec.source == Source::HuggingFace && spec.uri.is_some() {
        at.child("uri").refuse("is set but source is HuggingFace; remove it or set source to URI");
    }
    if spec.source == Source::Uri && spec.hugging_face.is_some() {
        at.child("huggingFace").refuse("is set but source is URI; remove it or set source to HuggingFace");
    }
    match (spec.source, &spec.hugging_face, &spec.uri) {
        (Source::HuggingFace, Some(hub), _) => hugging_face_uri(&mut at.child("huggingFace"), hub),
        (Source::HuggingFace, None, _) => {
            at.child("huggingFace").refuse("is missing; source HuggingFace needs huggingFace.repo");
            String::new()
        }
        (Source::Uri, _, Some(uri)) => {
            let mut at = at.child("uri");
            at.check_length(uri, limits::URI);
            let path = ["hf://", "s3://", "pvc://", "oci://"].iter().find_map(|scheme| uri.strip_prefix(scheme));
            let plain = uri.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '\\' | '`' | '<' | '>' | '{' | '}'));
            if path.is_none_or(str::is_empty) || !plain {
                let message = format!("is {uri:?}; write hf://, s3://, pvc:// or oci:// and a path without spaces, quotes or braces");
                at.refuse_as(rule_of(uri), message);
            }
            uri.clone()
        }
        (Source::Uri, _, None) => {
            at.child("uri").refuse("is missing; source URI needs it");
            String::new()
        }
    }
}

fn hugging_face_uri(at: &mut At<'_>, hub: &HuggingFace) -> String {
    for (field, text) in [("repo", &hub.repo), ("revision", &hub.revision)] {
        let mut at = at.child(field);
        at.check_length(text, limits::NAME);
        let fits = text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'));
        if !fits {
            let message = format!("is {text:?}; use letters, digits, '-', '_', '.' and '/', starting with a letter or digit");
            at.refuse_as(rule_of(text), message);
        }
    }
    if hub.revision == "main" {
        return format!("hf://{}", hub.repo);
    }
    if !hub.repo.contains('/') {
        let message = "cannot be given for a repository without an owner, because KServe reads it as a port; use owner/repo";
        at.child("revision").refuse(message);
    }
    format!("hf://{}:{}", hub.repo, hub.revision)
}

/// The rule that a text breaks which holds characters that it should not.
fn rule_of(text: &str) -> Rule {
    if holds_template(text) { Rule::Template } else { Rule::Spec }
}

fn validate_profile(index: usize, profile: &ServingProfile, kind: ModelKind, spec: &ModelSpec) -> Profile {
    let mut violations = Vec::new();
    let mut at = At::new(format!("spec.serving[{index}]"), &mut violations);
    at.child("name").check_length(&profile.name, limits::PROFILE_NAME);
    at.child("name").check_template(&profile.name);
    at.child("environmentSelector").check_selector(profile.environment_selector.as_ref());
    match (profile.topology, &profile.prefill) {
        (Topology::PrefillDecode, None) => at.child("prefill").refuse("is missing; topology PrefillDecode needs it, complete"),
        (Topology::Unified, Some(_)) => {
            at.child("prefill").refuse("is set but topology is Unified; set topology to PrefillDecode or remove prefill");
        }
        (Topology::PrefillDecode, Some(_)) | (Topology::Unified, None) => {}
    }
    let decode = phase(&mut at, &profile.engine, profile.resources.as_ref(), kind, spec);
    let prefill = profile.prefill.as_ref().map(|prefill| {
        check_metadata_keys(&mut at, &profile.engine, &prefill.engine);
        let mut at = at.child("prefill");
        if prefill.resources.gpu.is_none() {
            at.child("resources.gpu").refuse("is missing; say how many GPUs a prefill pod has");
        }
        phase(&mut at, &prefill.engine, Some(&prefill.resources), kind, spec)
    });
    Profile {
        name: profile.name.clone(),
        topology: profile.topology,
        selector: profile.environment_selector.clone().unwrap_or_default(),
        decode,
        prefill,
        violations,
        findings: Vec::new(),
        suppressed: Vec::new(),
    }
}

fn phase(at: &mut At<'_>, engine: &Engine, resources: Option<&PodResources>, kind: ModelKind, spec: &ModelSpec) -> PhaseProfile {
    validate_engine(&mut at.child("engine"), kind, engine);
    let nothing = PodResources::default();
    let resources = resources.unwrap_or(&nothing);
    if let Some(gpu) = resources.gpu {
        at.child("resources.gpu").check_number(gpu, limits::GPUS);
    }
    if let Some(accelerator) = &resources.accelerator {
        at.child("resources.accelerator").check_length(accelerator, limits::ACCELERATOR);
    }
    let written = [("cpu", &resources.cpu), ("memory", &resources.memory), ("sharedMemory", &resources.shared_memory)];
    for (field, quantity) in written {
        if let Some(quantity) = quantity {
            at.child("resources").child(field).check_positive(quantity);
        }
    }
    let stated = || {
        let env_names: Vec<&str> = engine.env.iter().map(|variable| variable.name.as_str()).collect();
        match EngineArgs::parse_for(&engine.image, &engine.args).gpus(&env_names) {
            Gpus::Stated(gpus) => Some(gpus),
            Gpus::Unstated | Gpus::Unknown => None,
        }
    };
    let gpus = resources.gpu.or_else(stated).map_or_else(|| GpuDemand::Memory(spec.resources.vram.clone()), GpuDemand::Count);
    PhaseProfile {
        engine: engine.clone(),
        gpus,
        cpu: resources.cpu.clone().unwrap_or_else(|| spec.resources.cpu.clone()),
        memory: resources.memory.clone().unwrap_or_else(|| spec.resources.memory.clone()),
        accelerator: resources.accelerator.clone(),
        shared_memory: resources.shared_memory.clone(),
        ephemeral_storage: spec.resources.ephemeral_storage.clone(),
    }
}

/// KServe before v0.20 copies decode's labels and annotations to prefill, and labels are for life: a key of decode's alone would come, and go with
/// the update.
fn check_metadata_keys(at: &mut At<'_>, decode: &Engine, prefill: &Engine) {
    let nothing = PodOverlay::default();
    let (decode, prefill) = (decode.pod.as_ref().unwrap_or(&nothing), prefill.pod.as_ref().unwrap_or(&nothing));
    for (field, decodes, prefills) in
        [("labels", &decode.labels, &prefill.labels), ("annotations", &decode.annotations, &prefill.annotations)]
    {
        for key in decodes.keys().filter(|key| !prefills.contains_key(*key)) {
            at.child("engine.pod").child(field).key(key).refuse(format!(
                "is not in prefill.engine.pod.{field}, to which KServe before v0.20 copies it; give prefill's pods a value, too"
            ));
        }
    }
}

/// KServe puts the whole object through a Go template and the arguments through a shell, see `compose::argv`.
fn validate_engine(at: &mut At<'_>, kind: ModelKind, engine: &Engine) {
    let mut image = at.child("image");
    image.check_length(&engine.image, limits::IMAGE);
    if engine.image.chars().any(char::is_whitespace) || holds_template(&engine.image) {
        image.refuse_as(rule_of(&engine.image), "must be an image reference without spaces or \"{{\"");
    }
    if let Some(seconds) = engine.startup_timeout_seconds {
        at.child("startupTimeoutSeconds").check_number(seconds, limits::STARTUP_SECONDS);
    }
    validate_env(&mut at.child("env"), &engine.env, limits::ENGINE_ENV);
    if let Some(pod) = &engine.pod {
        validate_overlay(&mut at.child("pod"), pod);
        if kind == ModelKind::Model {
            refuse_node_access(&mut at.child("pod"), pod);
        }
    }
    let mut args = at.child("args");
    args.check_count(engine.args.len(), limits::ARGS);
    for (index, _) in engine.args.iter().enumerate().filter(|(_, arg)| arg.contains('\0')) {
        args.index(index).refuse("holds a NUL character, which no argument can; remove it");
    }
    for (index, name) in quote_breaking_references(engine, &[]) {
        let message =
            format!("refers to $({name}), whose value holds a single quote that would end the argument's quoting; write the value out");
        args.index(index).refuse_text(message);
    }
}
