//! A ClusterModel or Model whose model-wide rules hold, with its serving profiles.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::EnvVar;

use crate::api::limits::{self, Limits};
use crate::api::model::{Engine, Model as ApiModel, ModelSpec, PodResources, SecretRef, ServingProfile, Source};
use crate::api::model_deployment::{ModelKind, Topology};
use crate::api::quantity::Quantity;
use crate::api::selector::LabelSelector;
use crate::domain::engine::args::{EngineArgs, Gpus};
use crate::domain::engine::template_text::{self, TEMPLATE_REFUSED, holds_template, model_name_error};
use crate::domain::lint::{Finding, lint_profile};
use crate::domain::names::{PRESET_VARIABLES, TOKEN_KEY};
use crate::domain::spec::bounds::{check_count, check_distinct, check_length, check_number, check_positive, check_selector};
use crate::domain::spec::violation::Violation;

/// A model whose model-wide rules hold. Its profiles may each break rules of their own.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The name that requests use.
    pub name: String,
    /// Where the weights are, as KServe takes it.
    pub uri: String,
    /// The Hugging Face token.
    pub token: Option<Token>,
    /// In order of priority.
    pub profiles: Vec<Profile>,
}

/// Where a Hugging Face token is, in the control plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The Secret's namespace.
    pub namespace: String,
    /// The Secret's name.
    pub name: String,
    /// The key within the Secret.
    pub key: String,
}

impl Token {
    /// Whether KServe in the control plane's own cluster can read the Secret where it is.
    #[must_use]
    pub fn usable_in(&self, namespace: &str) -> bool {
        self.namespace == namespace && self.key == TOKEN_KEY
    }
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
    /// What the lint finds in it.
    pub findings: Vec<Finding>,
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
    #[must_use]
    pub fn profile(&self, name: &str, topology: Topology) -> Option<&Profile> {
        self.profiles.iter().find(|profile| profile.name == name && profile.topology == topology)
    }

    /// What the profiles violate, all together.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        self.profiles.iter().flat_map(|profile| profile.violations.clone()).collect()
    }

    /// What the profiles of a topology violate.
    #[must_use]
    pub fn violations_of(&self, topology: Topology) -> Vec<Violation> {
        self.profiles.iter().filter(|profile| profile.topology == topology).flat_map(|profile| profile.violations.clone()).collect()
    }
}

/// Checks every rule of a model. What only one profile breaks is kept with that profile.
///
/// # Errors
/// The rules that make the model unusable as a whole, with the field path.
pub fn validate_model(kind: ModelKind, model: &ApiModel) -> Result<Model, Vec<Violation>> {
    let spec = &model.spec;
    let mut violations = Vec::new();
    check_length("spec.model.name", &spec.model.name, limits::NAME, &mut violations);
    if let Some(problem) = model_name_error(&spec.model.name) {
        violations.push(Violation::new("spec.model.name", problem.to_string()));
    }
    let uri = model_uri(spec, &mut violations);
    let secret = spec.hugging_face.as_ref().and_then(|hub| hub.secret_ref.as_ref());
    let token = secret.and_then(|secret| token(kind, &model.metadata.namespace, secret, &mut violations));
    for (field, quantity) in [("vram", &spec.resources.vram), ("cpu", &spec.resources.cpu), ("memory", &spec.resources.memory)] {
        check_positive(format!("spec.resources.{field}"), quantity, &mut violations);
    }
    check_count("spec.serving", spec.serving.len(), limits::PROFILES, &mut violations);
    check_distinct("spec.serving", spec.serving.iter().map(|profile| profile.name.as_str()), &mut violations);
    if !violations.is_empty() {
        return Err(violations);
    }
    let profiles = spec.serving.iter().enumerate().map(|(index, profile)| validate_profile(index, profile, spec)).collect();
    Ok(Model { name: spec.model.name.clone(), uri, token, profiles })
}

fn model_uri(spec: &ModelSpec, violations: &mut Vec<Violation>) -> String {
    if spec.source == Source::HuggingFace && spec.uri.is_some() {
        violations.push(Violation::new("spec.uri", "is set but source is HuggingFace; remove it or set source to URI"));
    }
    if spec.source == Source::Uri && spec.hugging_face.is_some() {
        violations.push(Violation::new("spec.huggingFace", "is set but source is URI; remove it or set source to HuggingFace"));
    }
    match (spec.source, &spec.hugging_face, &spec.uri) {
        (Source::HuggingFace, Some(hub), _) => {
            for (field, text) in [("repo", &hub.repo), ("revision", &hub.revision)] {
                check_length(format!("spec.huggingFace.{field}"), text, limits::NAME, violations);
                let fits = text.starts_with(|c: char| c.is_ascii_alphanumeric())
                    && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'));
                if !fits {
                    violations.push(Violation::new(
                        format!("spec.huggingFace.{field}"),
                        format!("is {text:?}; use letters, digits, '-', '_', '.' and '/', starting with a letter or digit"),
                    ));
                }
            }
            if hub.revision == "main" {
                return format!("hf://{}", hub.repo);
            }
            if !hub.repo.contains('/') {
                violations.push(Violation::new(
                    "spec.huggingFace.revision",
                    "cannot be given for a repository without an owner, because KServe reads it as a port; use owner/repo",
                ));
            }
            format!("hf://{}:{}", hub.repo, hub.revision)
        }
        (Source::HuggingFace, None, _) => {
            violations.push(Violation::new("spec.huggingFace", "is missing; source HuggingFace needs huggingFace.repo"));
            String::new()
        }
        (Source::Uri, _, Some(uri)) => {
            check_length("spec.uri", uri, limits::URI, violations);
            let path = ["hf://", "s3://", "pvc://", "oci://"].iter().find_map(|scheme| uri.strip_prefix(scheme));
            let plain = uri.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '\\' | '`' | '<' | '>' | '{' | '}'));
            if path.is_none_or(str::is_empty) || !plain {
                violations.push(Violation::new(
                    "spec.uri",
                    format!("is {uri:?}; write hf://, s3://, pvc:// or oci:// and a path without spaces, quotes or braces"),
                ));
            }
            uri.clone()
        }
        (Source::Uri, _, None) => {
            violations.push(Violation::new("spec.uri", "is missing; source URI needs it"));
            String::new()
        }
    }
}

fn token(kind: ModelKind, namespace: &str, secret: &SecretRef, violations: &mut Vec<Violation>) -> Option<Token> {
    let path = "spec.huggingFace.secretRef";
    for (field, text) in [("name", Some(&secret.name)), ("namespace", secret.namespace.as_ref()), ("key", Some(&secret.key))] {
        if let Some(text) = text {
            check_length(format!("{path}.{field}"), text, limits::NAME, violations);
        }
    }
    let namespace = match (kind, &secret.namespace) {
        (ModelKind::ClusterModel, None) => {
            violations.push(Violation::new(format!("{path}.namespace"), "is missing; a ClusterModel has no namespace of its own"));
            None
        }
        (ModelKind::Model, Some(other)) if other != namespace => {
            violations.push(Violation::new(
                format!("{path}.namespace"),
                format!("is {other:?}; a Model may use Secrets of its own namespace {namespace:?} only"),
            ));
            None
        }
        (ModelKind::Model, _) => Some(namespace.to_owned()),
        (ModelKind::ClusterModel, Some(namespace)) => Some(namespace.clone()),
    };
    Some(Token { namespace: namespace?, name: secret.name.clone(), key: secret.key.clone() })
}

fn validate_profile(index: usize, profile: &ServingProfile, spec: &ModelSpec) -> Profile {
    let path = format!("spec.serving[{index}]");
    let mut violations = Vec::new();
    check_length(format!("{path}.name"), &profile.name, limits::PROFILE_NAME, &mut violations);
    if holds_template(&profile.name) {
        violations.push(Violation::new(format!("{path}.name"), TEMPLATE_REFUSED));
    }
    check_selector(&format!("{path}.environmentSelector"), profile.environment_selector.as_ref(), &mut violations);
    match (profile.topology, &profile.prefill) {
        (Topology::PrefillDecode, None) => {
            violations.push(Violation::new(format!("{path}.prefill"), "is missing; topology PrefillDecode needs it, complete"));
        }
        (Topology::Unified, Some(_)) => violations.push(Violation::new(
            format!("{path}.prefill"),
            "is set but topology is Unified; set topology to PrefillDecode or remove prefill",
        )),
        (Topology::PrefillDecode, Some(_)) | (Topology::Unified, None) => {}
    }
    let decode = phase(&path, &profile.engine, profile.resources.as_ref(), spec, &mut violations);
    let prefill = profile.prefill.as_ref().map(|prefill| {
        let path = format!("{path}.prefill");
        if prefill.resources.gpu.is_none() {
            violations.push(Violation::new(format!("{path}.resources.gpu"), "is missing; say how many GPUs a prefill pod has"));
        }
        phase(&path, &prefill.engine, Some(&prefill.resources), spec, &mut violations)
    });
    Profile {
        name: profile.name.clone(),
        topology: profile.topology,
        selector: profile.environment_selector.clone().unwrap_or_default(),
        decode,
        prefill,
        violations,
        findings: lint_profile(index, spec, profile),
    }
}

fn phase(path: &str, engine: &Engine, resources: Option<&PodResources>, spec: &ModelSpec, violations: &mut Vec<Violation>) -> PhaseProfile {
    validate_engine(&format!("{path}.engine"), engine, violations);
    let nothing = PodResources::default();
    let resources = resources.unwrap_or(&nothing);
    if let Some(gpu) = resources.gpu {
        check_number(format!("{path}.resources.gpu"), gpu, limits::GPUS, violations);
    }
    if let Some(accelerator) = &resources.accelerator {
        check_length(format!("{path}.resources.accelerator"), accelerator, limits::ACCELERATOR, violations);
    }
    let written = [("cpu", &resources.cpu), ("memory", &resources.memory), ("sharedMemory", &resources.shared_memory)];
    for (field, quantity) in written {
        if let Some(quantity) = quantity {
            check_positive(format!("{path}.resources.{field}"), quantity, violations);
        }
    }
    let env_names: Vec<&str> = engine.env.iter().map(|variable| variable.name.as_str()).collect();
    let gpus = match (resources.gpu, EngineArgs::parse(&engine.args).gpus(&env_names)) {
        (Some(gpus), _) | (None, Gpus::Stated(gpus)) => GpuDemand::Count(gpus),
        (None, Gpus::Unstated | Gpus::Unknown) => GpuDemand::Memory(spec.resources.vram.clone()),
    };
    PhaseProfile {
        engine: engine.clone(),
        gpus,
        cpu: resources.cpu.clone().unwrap_or_else(|| spec.resources.cpu.clone()),
        memory: resources.memory.clone().unwrap_or_else(|| spec.resources.memory.clone()),
        accelerator: resources.accelerator.clone(),
        shared_memory: resources.shared_memory.clone(),
    }
}

/// KServe puts the whole object through a Go template and the arguments through a shell, see `compose::argv`.
fn validate_engine(path: &str, engine: &Engine, violations: &mut Vec<Violation>) {
    check_length(format!("{path}.image"), &engine.image, limits::IMAGE, violations);
    if engine.image.chars().any(char::is_whitespace) || holds_template(&engine.image) {
        violations.push(Violation::new(format!("{path}.image"), "must be an image reference without spaces or \"{{\""));
    }
    if let Some(seconds) = engine.startup_timeout_seconds {
        check_number(format!("{path}.startupTimeoutSeconds"), seconds, limits::STARTUP_SECONDS, violations);
    }
    validate_env(&format!("{path}.env"), &engine.env, limits::ENGINE_ENV, violations);
    check_count(format!("{path}.args"), engine.args.len(), limits::ARGS, violations);
    for (index, arg) in engine.args.iter().enumerate() {
        if arg.contains('\0') {
            violations.push(Violation::new(format!("{path}.args[{index}]"), "holds a NUL character, which no argument can; remove it"));
        }
    }
    for (index, name) in quote_breaking_references(engine, &[]) {
        violations.push(Violation::new(
            format!("{path}.args[{index}]"),
            format!("refers to $({name}), whose value holds a single quote that would end the argument's quoting; write the value out"),
        ));
    }
}

/// The rules of any list of environment variables.
pub fn validate_env(path: &str, env: &[EnvVar], most: Limits, violations: &mut Vec<Violation>) {
    check_count(path, env.len(), most, violations);
    check_distinct(path, env.iter().map(|variable| variable.name.as_str()), violations);
    for (index, variable) in env.iter().enumerate() {
        let path = format!("{path}[{index}]");
        // An argument may refer to the name, and a quote in it would end the argument's quoting.
        let plain = |c: char| (c == ' ' || c.is_ascii_graphic()) && !matches!(c, '=' | '\'');
        if variable.name.is_empty() || !variable.name.chars().all(plain) || holds_template(&variable.name) {
            violations.push(Violation::new(
                format!("{path}.name"),
                "must be a variable's name: printable ASCII without '=', single quotes and \"{{\"",
            ));
        }
        if variable.value.is_some() && variable.value_from.is_some() {
            violations.push(Violation::new(&path, "has value and valueFrom; keep one of them"));
        }
        if variable.value_from.is_some() && PRESET_VARIABLES.contains(&variable.name.as_str()) {
            let name = &variable.name;
            let message =
                format!("cannot be where {name} comes from, because KServe's presets give it a value and both would remain; write a value");
            violations.push(Violation::new(format!("{path}.valueFrom"), message));
        }
        for (field, holds) in [
            ("value", variable.value.as_deref().is_some_and(holds_template)),
            ("valueFrom", template_text::serialized_holds_template(&variable.value_from)),
        ] {
            if holds {
                violations.push(Violation::new(format!("{path}.{field}"), TEMPLATE_REFUSED));
            }
        }
    }
}

/// Arguments that refer to a variable whose literal value holds a single quote, with that variable's name. `below` are
/// variables that the engine's own override.
#[must_use]
pub fn quote_breaking_references(engine: &Engine, below: &[EnvVar]) -> Vec<(usize, String)> {
    let values: BTreeMap<&str, &str> =
        below.iter().chain(&engine.env).map(|variable| (variable.name.as_str(), variable.value.as_deref().unwrap_or_default())).collect();
    let mut carriers: BTreeSet<&str> = values.iter().filter(|(_, value)| value.contains('\'')).map(|(name, _)| *name).collect();
    loop {
        let more: Vec<&str> = values
            .iter()
            .filter(|(name, value)| {
                !carriers.contains(*name) && template_text::env_refs(value).iter().any(|reference| carriers.contains(reference))
            })
            .map(|(name, _)| *name)
            .collect();
        if more.is_empty() {
            break;
        }
        carriers.extend(more);
    }
    let mut found = Vec::new();
    for (index, arg) in engine.args.iter().enumerate() {
        found.extend(template_text::env_refs(arg).into_iter().find(|name| carriers.contains(name)).map(|name| (index, name.to_owned())));
    }
    found
}
