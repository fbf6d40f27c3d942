//! A control plane that is filled with manifests and settles once, with everything there is to say about them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::api::model_deployment::{ModelKind, Topology};
use crate::api::model_deployment_status::ReportedDeployment;
use crate::api::{API_VERSION, GROUP, inference_environment, model_deployment};
use crate::cli::manifests::Manifest;
use crate::cli::plane::control_plane::{Call, ControlPlane, ObjectKey};
use crate::cli::plane::pipeline::{broken_input, gives_input};
use crate::cli::plane::running::refuse_running;
use crate::compose::conditions::PLACEMENTS_SCHEDULED;
use crate::compose::explanation::ExplainedEnvironment;
use crate::domain::spec::deployment::Deployment;
use crate::domain::spec::violation::Violation;
use crate::function::proto::{Condition, RunFunctionResponse, Status};
use crate::function::reading::{read_deployment, read_environment, read_model};
use crate::function::{Report, explain};
use crate::structs::from_struct;
use crate::text::spelling::closest;

/// What came of manifests.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Every deployment that can be used.
    pub(crate) previewed: Vec<Previewed>,
    /// What is wrong, each with its place.
    pub(crate) problems: Vec<String>,
    /// What is wrong but concerns no deployment here, each with its place.
    pub(crate) warnings: Vec<String>,
    /// Everything, as it is after that.
    pub(crate) control_plane: ControlPlane,
}

/// One deployment, and what would come of it.
#[derive(Debug)]
pub(crate) struct Previewed {
    /// `namespace/name`.
    pub(crate) deployment: String,
    /// What would be reported.
    pub(crate) reported: ReportedDeployment,
    /// The function's answer.
    pub(crate) response: RunFunctionResponse,
    /// The deployment as it is written.
    pub(crate) object: Value,
    /// Every environment with its checks; empty where nobody asked.
    pub(crate) explained: Vec<ExplainedEnvironment>,
}

impl Previewed {
    /// Whether it is placed as often as it wants.
    pub(crate) fn is_placed(&self) -> bool {
        self.scheduled().is_some_and(|condition| condition.status() == Status::ConditionTrue)
    }

    /// Why it is placed or not, in a sentence.
    pub(crate) fn message(&self) -> &str {
        self.scheduled().map(Condition::message).unwrap_or_default()
    }

    /// Whether and why it is placed.
    pub(crate) fn scheduled(&self) -> Option<&Condition> {
        self.response.conditions.iter().find(|condition| condition.r#type == PLACEMENTS_SCHEDULED)
    }
}

/// Reconciles environments, then deployments, so that manifests without a status are enough; what runs is refused. Of other groups only
/// Compositions are looked at. Deployments that `asked` names, as `namespace/name`, are explained.
pub(crate) fn settle(manifests: &[Manifest], asked: &dyn Fn(&str) -> bool) -> Outcome {
    if let Some(problem) = refuse_running(manifests) {
        return Outcome { problems: vec![problem], ..Outcome::default() };
    }
    let mut session = Session::default();
    for manifest in manifests.iter().filter(|manifest| gives_input(manifest)) {
        session.apply(manifest);
        session.report(&object_key(manifest), &broken_input(&manifest.object));
    }
    if !session.outcome.problems.is_empty() {
        // Every deployment would be refused for the same.
        return session.outcome;
    }
    for manifest in manifests.iter().filter(|manifest| is_ours(manifest)) {
        match unknown_kind(manifest) {
            Some(violation) => session.outcome.problems.push(format!("{}: {violation}", manifest.place(&violation.path))),
            None => session.apply(manifest),
        }
    }
    session.settle_environments();
    let used = session.settle_deployments(asked);
    session.check_models(&used);
    Outcome { control_plane: session.control_plane, ..session.outcome }
}

#[derive(Default)]
struct Session<'a> {
    manifests: BTreeMap<ObjectKey, &'a Manifest>,
    control_plane: ControlPlane,
    outcome: Outcome,
}

impl<'a> Session<'a> {
    fn apply(&mut self, manifest: &'a Manifest) {
        let key = object_key(manifest);
        if let Some(first) = self.manifests.get(&key) {
            self.outcome.problems.push(format!("{}: repeats the {} of {}", manifest.place(""), key.kind, first.place("")));
            return;
        }
        if let Err(problem) = self.control_plane.apply(key.clone(), &stored(manifest)) {
            self.outcome.problems.push(format!("{}: {problem}", manifest.place("")));
        }
        self.manifests.insert(key, manifest);
    }

    fn settle_environments(&mut self) {
        for key in self.control_plane.keys_of(API_VERSION, inference_environment::KIND) {
            if let Err(violations) = read_environment(self.control_plane.bytes(&key)) {
                self.report(&key, &violations);
                continue;
            }
            let response = self.reconcile(&key).unwrap_or_default().response;
            for condition in response.conditions.iter().filter(|condition| condition.status() == Status::ConditionFalse) {
                let warning = self.describe(&key, &spoken(condition.message()));
                self.outcome.warnings.push(warning);
            }
        }
    }

    /// Returns the models that are used, each with the topology it is used for.
    fn settle_deployments(&mut self, asked: &dyn Fn(&str) -> bool) -> BTreeSet<(ObjectKey, Topology)> {
        let mut used = BTreeSet::new();
        for key in self.control_plane.keys_of(API_VERSION, model_deployment::KIND) {
            match read_deployment(self.control_plane.bytes(&key)) {
                Err(violations) => self.report(&key, &violations),
                Ok(deployment) => {
                    used.insert((model_key(&deployment), deployment.topology));
                    let call = self.reconcile(&key);
                    let previewed = call.map(|call| self.previewed(&key, call, asked));
                    self.outcome.previewed.extend(previewed);
                }
            }
        }
        used
    }

    /// A profile that breaks rules is wrong where a deployment would have it, and worth a warning anywhere else.
    fn check_models(&mut self, used: &BTreeSet<(ObjectKey, Topology)>) {
        for kind in [ModelKind::ClusterModel, ModelKind::Model] {
            for key in self.control_plane.keys_of(API_VERSION, kind.as_str()) {
                match read_model(kind, self.control_plane.bytes(&key)) {
                    Err(violations) => self.report(&key, &violations),
                    Ok(model) => {
                        for profile in model.profiles {
                            let lines: Vec<String> = profile.violations.iter().map(|violation| self.describe(&key, violation)).collect();
                            let is_used = used.contains(&(key.clone(), profile.topology));
                            if is_used { self.outcome.problems.extend(lines) } else { self.outcome.warnings.extend(lines) }
                        }
                    }
                }
            }
        }
    }

    /// One object; what the function refuses is a problem.
    fn reconcile(&mut self, key: &ObjectKey) -> Option<Call> {
        let problem = match self.control_plane.reconcile(key) {
            Ok(Call { report: Report { message: Some(message), .. }, .. }) => message,
            Ok(call) => return Some(call),
            Err(problem) => problem,
        };
        self.report(key, &[spoken(&problem)]);
        None
    }

    fn report(&mut self, key: &ObjectKey, violations: &[Violation]) {
        let lines: Vec<String> = violations.iter().map(|violation| self.describe(key, violation)).collect();
        self.outcome.problems.extend(lines);
    }

    /// What is wrong with an object, with the place of the field it is about.
    fn describe(&self, key: &ObjectKey, violation: &Violation) -> String {
        let place = self.manifests.get(key).map(|manifest| manifest.place(&violation.path)).unwrap_or_default();
        format!("{place}: {} {}: {violation}", key.kind, key.name)
    }

    fn previewed(&self, key: &ObjectKey, call: Call, asked: &dyn Fn(&str) -> bool) -> Previewed {
        let Call { request, response, .. } = call;
        let deployment = format!("{}/{}", key.namespace, key.name);
        let desired = response.desired.as_ref().and_then(|state| state.composite.as_ref()?.resource.as_deref()).unwrap_or_default();
        Previewed {
            explained: if asked(&deployment) { explain(&request) } else { Vec::new() },
            deployment,
            reported: from_struct(desired).unwrap_or_default(),
            response,
            object: self.manifests.get(key).map(|manifest| manifest.object.clone()).unwrap_or_default(),
        }
    }
}

/// What the function says in one text, which begins with a field's path or not.
pub(crate) fn spoken(message: &str) -> Violation {
    let (path, message) = message.split_once(": ").unwrap_or(("", message));
    Violation::new(path, message)
}

/// The kinds that people write.
const KINDS: [&str; 4] = [ModelKind::ClusterModel.as_str(), ModelKind::Model.as_str(), inference_environment::KIND, model_deployment::KIND];

/// Whether an object is of our group, in whatever version.
pub(crate) fn is_ours(manifest: &Manifest) -> bool {
    manifest.api_version.split_once('/').is_some_and(|(group, _)| group == GROUP)
}

/// What is wrong with an object of our group that nothing would ever look at.
pub(crate) fn unknown_kind(manifest: &Manifest) -> Option<Violation> {
    let Manifest { api_version, kind, .. } = manifest;
    if api_version != API_VERSION {
        return Some(Violation::new("apiVersion", format!("is {api_version:?}; write {API_VERSION}")));
    }
    let message = match closest(kind, &KINDS) {
        _ if KINDS.contains(&kind.as_str()) => return None,
        Some(meant) => format!("is {kind:?}; did you mean {meant}?"),
        None => format!("is {kind:?}; write {}", KINDS.join(", ")),
    };
    Some(Violation::new("kind", message))
}

/// Where an object is kept. Namespaced kinds are in `default` where nothing is said, as with kubectl.
pub(crate) fn object_key(manifest: &Manifest) -> ObjectKey {
    let namespace =
        if is_namespaced(&manifest.kind) { manifest.namespace.clone().unwrap_or_else(|| "default".to_owned()) } else { String::new() };
    ObjectKey { api_version: manifest.api_version.clone(), kind: manifest.kind.clone(), namespace, name: manifest.name.clone() }
}

/// An object as a control plane keeps it: with the namespace that it is in where nothing is said.
pub(crate) fn stored(manifest: &Manifest) -> Value {
    let mut object = manifest.object.clone();
    let namespace = object_key(manifest).namespace;
    if let Some(metadata) = object.pointer_mut("/metadata").and_then(Value::as_object_mut)
        && !namespace.is_empty()
    {
        metadata.insert("namespace".to_owned(), Value::String(namespace));
    }
    object
}

/// Whether objects of a kind of ours have a namespace.
pub(crate) fn is_namespaced(kind: &str) -> bool {
    [model_deployment::KIND, ModelKind::Model.as_str()].contains(&kind)
}

fn model_key(deployment: &Deployment) -> ObjectKey {
    let reference = &deployment.model_ref;
    ObjectKey {
        api_version: API_VERSION.to_owned(),
        kind: reference.kind.as_str().to_owned(),
        namespace: if reference.kind == ModelKind::Model { deployment.namespace.clone() } else { String::new() },
        name: reference.name.clone(),
    }
}
