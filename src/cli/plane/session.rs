//! A control plane that is filled with manifests and settles once, with everything there is to say about them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use serde_json::Value;

use super::conversation::{Call, Refused};
use super::object_key::{ObjectKey, key_of, object_key, stored, unknown_kind};
use super::pipeline::{broken_input, gives_input};
use super::{control_plane::ControlPlane, running::refuse_running};
use crate::api::model_deployment::{ModelKind, Topology};
use crate::api::{API_VERSION, inference_environment, model_deployment};
use crate::api::{kinds::Kind, model_deployment_status::ReportedDeployment, words::ConditionType};
use crate::cli::manifests::{Manifest, is_ours};
use crate::cli::{lines::Lines, verdict::Verdict};
use crate::compose::explanation::ExplainedEnvironment;
use crate::domain::spec::{deployment::Deployment, violation::Violation};
use crate::function::explain;
use crate::function::proto::{Condition, RunFunctionResponse, Status};
use crate::function::reading::{read_deployment, read_environment, read_model};
use crate::structs::from_struct;

/// What is asked about manifests.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Asked<'a> {
    /// Only about this deployment, by `namespace/name`; about all where nothing is said.
    pub(crate) deployment: Option<&'a str>,
    /// Also for every environment with its checks.
    pub(crate) checks: bool,
}

/// What came of manifests.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    /// Every deployment that was asked about and can be used.
    pub(crate) previewed: Vec<Previewed>,
    /// What is wrong, each with its place.
    pub(crate) problems: Vec<String>,
    /// What is wrong but concerns no deployment here, each with its place.
    pub(crate) warnings: Vec<String>,
    /// Everything, as it is after that.
    pub(crate) control_plane: ControlPlane,
}

impl Settled {
    /// Says what is wrong, and what comes of all of it.
    pub(crate) fn conclude(&self, err: &mut Lines<'_>) -> io::Result<Verdict> {
        self.warnings.iter().chain(&self.problems).try_for_each(|line| err.line(line))?;
        Ok(if !self.problems.is_empty() {
            Verdict::BadInput
        } else if self.previewed.iter().all(Previewed::is_placed) {
            Verdict::Placed
        } else {
            Verdict::NotPlaced
        })
    }
}

/// One deployment, and what would come of it.
#[derive(Debug)]
pub(crate) struct Previewed {
    /// Which one.
    pub(crate) key: ObjectKey,
    /// What it asks for.
    pub(crate) deployment: Deployment,
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
        self.response.conditions.iter().find(|condition| condition.r#type == ConditionType::PlacementsScheduled.as_str())
    }
}

/// Reconciles environments, then deployments, once each, so that manifests without a status are enough; what runs is refused. Of other
/// groups only Compositions are looked at. The answer to a second call would not tell what happens, but only that nothing does any more.
pub(crate) fn settle(manifests: &[Manifest], asked: Asked<'_>) -> Settled {
    if let Some(problem) = refuse_running(manifests) {
        return Settled { problems: vec![problem], ..Settled::default() };
    }
    let mut session = Session::default();
    for manifest in manifests.iter().filter(|manifest| gives_input(manifest)) {
        session.apply(manifest);
        session.report(&object_key(manifest), &broken_input(&manifest.object));
    }
    if !session.settled.problems.is_empty() {
        // Every deployment would be refused for the same.
        return session.settled;
    }
    for manifest in manifests.iter().filter(|manifest| is_ours(&manifest.api_version)) {
        match unknown_kind(manifest) {
            Some(violation) => session.settled.problems.push(format!("{}: {violation}", manifest.place(&violation.path))),
            None => session.apply(manifest),
        }
    }
    session.settle_environments();
    let used = session.settle_deployments(asked);
    session.check_models(&used);
    let mut settled = session.settled;
    if settled.previewed.is_empty() && settled.problems.is_empty() {
        let wanted = asked.deployment.map(|wanted| format!(" {wanted}")).unwrap_or_default();
        settled.problems.push(format!("no ModelDeployment{wanted} of {API_VERSION} in these manifests"));
    }
    settled
}

#[derive(Default)]
struct Session<'a> {
    manifests: BTreeMap<ObjectKey, &'a Manifest>,
    settled: Settled,
}

impl<'a> Session<'a> {
    fn apply(&mut self, manifest: &'a Manifest) {
        let key = object_key(manifest);
        if let Some(first) = self.manifests.get(&key) {
            self.settled.problems.push(format!("{}: repeats the {} of {}", manifest.place(""), key.kind, first.place("")));
            return;
        }
        if let Err(problem) = self.settled.control_plane.apply(key.clone(), &stored(manifest)) {
            self.settled.problems.push(format!("{}: {problem}", manifest.place("")));
        }
        self.manifests.insert(key, manifest);
    }

    fn settle_environments(&mut self) {
        for key in self.settled.control_plane.keys_of(API_VERSION, inference_environment::KIND) {
            if let Err(violations) = read_environment(self.settled.control_plane.bytes(&key)) {
                self.report(&key, &violations);
                continue;
            }
            let Call { response, report, .. } = self.reconcile(&key).unwrap_or_default();
            for condition in response.conditions.iter().filter(|condition| condition.status() == Status::ConditionFalse) {
                let warning = self.line(&key, &report.field, condition.message());
                self.settled.warnings.push(warning);
            }
        }
    }

    /// Returns the models that are used, each with the topology it is used for.
    fn settle_deployments(&mut self, asked: Asked<'_>) -> BTreeSet<(ObjectKey, Topology)> {
        let mut used = BTreeSet::new();
        for key in self.settled.control_plane.keys_of(API_VERSION, model_deployment::KIND) {
            match read_deployment(self.settled.control_plane.bytes(&key)) {
                Err(violations) => self.report(&key, &violations),
                Ok(deployment) => {
                    let Deployment { namespace, model_ref, topology, .. } = &deployment;
                    let model = Kind::of(model_ref.kind.as_str()).map(|kind| key_of(kind, Some(namespace), &model_ref.name));
                    used.extend(model.map(|model| (model, *topology)));
                    let call = self.reconcile(&key).filter(|_| asked.deployment.is_none_or(|wanted| wanted == key.full_name()));
                    let previewed = call.map(|call| self.previewed(key, deployment, call, asked.checks));
                    self.settled.previewed.extend(previewed);
                }
            }
        }
        used
    }

    /// A profile that breaks rules is wrong where a deployment would have it, and worth a warning anywhere else.
    fn check_models(&mut self, used: &BTreeSet<(ObjectKey, Topology)>) {
        for kind in [ModelKind::ClusterModel, ModelKind::Model] {
            for key in self.settled.control_plane.keys_of(API_VERSION, kind.as_str()) {
                match read_model(kind, self.settled.control_plane.bytes(&key)) {
                    Err(violations) => self.report(&key, &violations),
                    Ok(model) => {
                        for profile in model.profiles {
                            let lines: Vec<String> = profile.violations.iter().map(|violation| self.describe(&key, violation)).collect();
                            let is_used = used.contains(&(key.clone(), profile.topology));
                            if is_used { self.settled.problems.extend(lines) } else { self.settled.warnings.extend(lines) }
                        }
                    }
                }
            }
        }
    }

    /// One object; what the function refuses is a problem.
    fn reconcile(&mut self, key: &ObjectKey) -> Option<Call> {
        let call = self.settled.control_plane.reconcile(key);
        let Some(Refused { field, message }) = Refused::of(&call) else { return call.ok() };
        let line = self.line(key, &field, &message);
        self.settled.problems.push(line);
        None
    }

    fn report(&mut self, key: &ObjectKey, violations: &[Violation]) {
        let lines: Vec<String> = violations.iter().map(|violation| self.describe(key, violation)).collect();
        self.settled.problems.extend(lines);
    }

    /// What is wrong with an object, with the place of the field it is about.
    fn describe(&self, key: &ObjectKey, violation: &Violation) -> String {
        self.line(key, &violation.path, &violation.to_string())
    }

    fn line(&self, key: &ObjectKey, field: &str, message: &str) -> String {
        let place = self.manifests.get(key).map(|manifest| manifest.place(field)).unwrap_or_default();
        format!("{place}: {} {}: {message}", key.kind, key.name)
    }

    fn previewed(&self, key: ObjectKey, deployment: Deployment, call: Call, checks: bool) -> Previewed {
        let Call { request, response, .. } = call;
        let desired = response.desired.as_ref().and_then(|state| state.composite.as_ref()?.resource.as_deref()).unwrap_or_default();
        Previewed {
            explained: if checks { explain(&request) } else { Vec::new() },
            reported: from_struct(desired).unwrap_or_default(),
            response,
            object: self.manifests.get(&key).map(|manifest| manifest.object.clone()).unwrap_or_default(),
            key,
            deployment,
        }
    }
}
