//! `preview --live … --change …`: what becomes of every deployment of a fleet when something is changed.
//!
//! The control plane is played twice, without the change and with it; what differs between both is what the change does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use serde::Serialize;

use super::edits::{Action, Edit, Target, make_changes};
use super::effects::{AffectedPlacement, Effect, Effects, Fate, Way};
use super::findings::{NewFinding, new_findings};
use super::shortages::{ShortPool, new_shortages};
use super::surge::{Headroom, Surge};
use crate::api::model_deployment::ModelKind;
use crate::api::{API_VERSION, inference_environment, model_deployment};
use crate::cli::manifests::Manifest;
use crate::cli::plane::live::{Live, read_live};
use crate::cli::plane::settling::{Course, settle, standings};
use crate::cli::plane::{control_plane::ControlPlane, conversation::Refused, object_key::ObjectKey, pipeline::broken_input};
use crate::cli::verdict::Verdict;
use crate::domain::spec::violation::Violation;
use crate::function::reading::{read_deployment, read_environment, read_model};

/// What a change does. This is the shape of `-o json`.
#[derive(Debug, Default, Serialize)]
pub(crate) struct ChangeReport {
    /// How many deployments there are, and of how many what becomes; each counts once.
    pub(crate) summary: BTreeMap<&'static str, usize>,
    /// What is changed.
    pub(crate) changes: Vec<ChangedObject>,
    /// Pools on which pods are replaced.
    pub(crate) pools: Vec<RollingPool>,
    /// Pools that are promised more than they have, and were not without the change.
    pub(crate) shortages: Vec<ShortPool>,
    /// Every deployment, by namespace and name.
    pub(crate) deployments: Vec<AffectedDeployment>,
}

/// An object that is changed.
#[derive(Debug, Serialize)]
pub(crate) struct ChangedObject {
    /// Which one.
    #[serde(flatten)]
    pub(crate) key: ObjectKey,
    /// What is done to it.
    pub(crate) action: Action,
    /// What is wrong with it, each with its place.
    pub(crate) problems: Vec<String>,
    /// What the lint finds in it now, and did not before, errors first.
    pub(crate) findings: Vec<NewFinding>,
}

impl ChangedObject {
    /// Whether it cannot do what somebody wants of it.
    fn fails(&self) -> bool {
        !self.problems.is_empty() || self.findings.iter().any(NewFinding::is_error)
    }
}

/// A pool on which pods are replaced, and what all of that needs at the same time.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct RollingPool {
    pub(crate) environment: String,
    pub(crate) pool: String,
    /// Phases whose pods are replaced there.
    pub(crate) phases: usize,
    /// GPUs of all pods that come before others go.
    pub(crate) gpus: u64,
    /// GPUs that nothing holds.
    pub(crate) free: u64,
}

/// A deployment and what becomes of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AffectedDeployment {
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// Whether Crossplane was told to leave it alone.
    pub(crate) paused: bool,
    /// What the change does; nothing where the same happens without it.
    #[serde(flatten)]
    pub(crate) effects: Effects,
    /// What happens without the change, where that is anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) without_change: Option<Effects>,
}

/// What was found, and what is wrong.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    /// What the change does; empty where it cannot be told.
    pub(crate) report: ChangeReport,
    /// Why it cannot be told.
    pub(crate) problems: Vec<String>,
    /// What is left out.
    pub(crate) warnings: Vec<String>,
}

impl Comparison {
    /// Bad input before what is refused, not placed, frozen, promised without being there or certain to fail at run time, that before what is
    /// deleted or restarted.
    pub(crate) fn verdict(&self) -> Verdict {
        let ChangeReport { changes, deployments, shortages, .. } = &self.report;
        let failed = |deployment: &AffectedDeployment| deployment.effects.fails();
        if !self.problems.is_empty() {
            Verdict::BadInput
        } else if deployments.iter().any(failed) || !shortages.is_empty() || changes.iter().any(ChangedObject::fails) {
            Verdict::NotPlaced
        } else if deployments.iter().any(|deployment| deployment.effects.disrupts()) {
            Verdict::Disruptive
        } else {
            Verdict::Placed
        }
    }
}

/// Plays a control plane with a change and without it.
pub(crate) fn preview_change(exported: &[Manifest], edited: &[Manifest], deletions: &[Target]) -> Comparison {
    let Live { plane: live, mut problems, mut warnings } = read_live(exported);
    let mut plane = live.clone();
    let change = make_changes(&mut plane, edited, deletions);
    problems.extend(change.problems.clone());
    warnings.extend(change.warnings.clone());
    let deployments = |plane: &ControlPlane| plane.keys_of(API_VERSION, model_deployment::KIND);
    let all: BTreeSet<ObjectKey> = deployments(&live).into_iter().chain(deployments(&plane)).collect();
    if all.is_empty() && problems.is_empty() {
        problems.push(format!("no ModelDeployment of {API_VERSION} in the live state"));
    }
    if !problems.is_empty() {
        return Comparison { problems, warnings, ..Comparison::default() };
    }
    let start = standings(&live);
    let (without, with) = (settle(live), settle(plane));
    if without.restless || with.restless {
        warnings.push("the control plane does not come to rest, so this is what it was like when that was given up".to_owned());
    }
    let headrooms = [&without, &with].map(|course| Headroom::new(&course.plane, &start, &course.now));
    let affected = all.iter().map(|key| {
        let way = |course: &Course, headroom: &Headroom, edited: bool| {
            let way = Way { key, start: start.get(key), now: course.now.get(key), settled: course.settled.get(key), edited };
            (way.start.is_some() || way.now.is_some()).then(|| way.effects(headroom))
        };
        let edited = change.edits.iter().any(|edit| edit.key == *key && edit.action != Action::Unchanged);
        let paused = with.plane.metadata(key).is_paused();
        let (effects, without_change) = judge(way(&without, &headrooms[0], false), way(&with, &headrooms[1], edited), edited);
        let spec = |course: &Course| course.plane.object(key).get("spec").cloned();
        let unreached = paused && edited && spec(&without) != spec(&with);
        let effects = if unreached { paused_effects() } else { effects };
        AffectedDeployment { namespace: key.namespace.clone(), name: key.name.clone(), paused, effects, without_change }
    });
    let deployments: Vec<AffectedDeployment> = affected.collect();
    let object_of = |edit: &Edit<'_>| ChangedObject {
        key: edit.key.clone(),
        action: edit.action,
        problems: problems_of(edit, &with),
        findings: new_findings(edit, &without.plane, &with.plane),
    };
    let changes = change.edits.iter().map(object_of).collect();
    let (pools, shortages) = (rolling_pools(&deployments), new_shortages(&without, &with));
    let report = ChangeReport { summary: summary(&deployments), changes, pools, shortages, deployments };
    Comparison { report, problems, warnings }
}

/// What the change does to a deployment, and what happens without it: what happens in the same way is none of its effects, but to a
/// deployment that is itself edited.
fn judge(without: Option<Effects>, with: Option<Effects>, edited: bool) -> (Effects, Option<Effects>) {
    let nothing = || Effects { outcome: Fate::Unchanged, message: None, placements: Vec::new(), objects: Vec::new() };
    let (without, with) = (without.unwrap_or_else(nothing), with.unwrap_or_else(nothing));
    let stays = |placement: &AffectedPlacement| matches!(placement.effect, Effect::Updated | Effect::Unchanged);
    let waits_already = with.outcome == Fate::Waiting && with.message == without.message && with.placements.iter().all(stays);
    let compared = !edited && with.outcome != Fate::Unchanged;
    let effects = if compared && with.same(&without) {
        nothing()
    } else if compared && waits_already {
        Effects { outcome: Fate::Updated, message: None, ..with }
    } else {
        with
    };
    (effects, (without.outcome != Fate::Unchanged).then_some(without))
}

/// What becomes of a deployment whose edit nobody looks at.
fn paused_effects() -> Effects {
    let message = "it is paused; take away the annotation crossplane.io/paused, or it goes on as it was before the edit".to_owned();
    Effects { outcome: Fate::Refused, message: Some(message), placements: Vec::new(), objects: Vec::new() }
}

fn summary(deployments: &[AffectedDeployment]) -> BTreeMap<&'static str, usize> {
    let count = |outcome| deployments.iter().filter(|deployment| deployment.effects.outcome == outcome).count();
    let counts = FATES.into_iter().map(|(outcome, name)| (name, count(outcome)));
    counts.chain([("deployments", deployments.len())]).collect()
}

fn rolling_pools(deployments: &[AffectedDeployment]) -> Vec<RollingPool> {
    let mut pools: BTreeMap<(&str, &str), RollingPool> = BTreeMap::new();
    for placement in deployments.iter().flat_map(|deployment| &deployment.effects.placements) {
        for Surge { pool, gpus, free, .. } in placement.restarts.iter().filter_map(|restart| restart.surge.as_ref()) {
            let (environment, all) = (&placement.environment, pools.entry((&placement.environment, pool)));
            let all = all.or_insert_with(|| RollingPool {
                environment: environment.clone(),
                pool: pool.clone(),
                phases: 0,
                gpus: 0,
                free: *free,
            });
            all.phases = all.phases.saturating_add(1);
            all.gpus = all.gpus.saturating_add(*gpus);
        }
    }
    pools.into_values().collect()
}

/// Every fate and its name, in the order in which they are counted.
pub(crate) const FATES: [(Fate, &str); 10] = [
    (Fate::Restarted, "restarted"),
    (Fate::Refused, "refused"),
    (Fate::Deleted, "deleted"),
    (Fate::Moved, "moved"),
    (Fate::Waiting, "waiting"),
    (Fate::Created, "created"),
    (Fate::Scaled, "scaled"),
    (Fate::Frozen, "frozen"),
    (Fate::Updated, "updated"),
    (Fate::Unchanged, "unchanged"),
];

/// The rules that an edited object breaks, at the fields that break them; else what the function says against it.
fn problems_of(edit: &Edit<'_>, course: &Course) -> Vec<String> {
    let Some(manifest) = edit.manifest else { return Vec::new() };
    let bytes = course.plane.bytes(&edit.key);
    let models = [ModelKind::ClusterModel, ModelKind::Model];
    let violations: Vec<Violation> = match edit.key.kind.as_str() {
        model_deployment::KIND => read_deployment(bytes).err().unwrap_or_default(),
        inference_environment::KIND => read_environment(bytes).err().unwrap_or_default(),
        kind => match models.into_iter().find(|model| model.as_str() == kind).map(|model| read_model(model, bytes)) {
            Some(Ok(model)) => model.profiles.into_iter().flat_map(|profile| profile.violations).collect(),
            Some(Err(violations)) => violations,
            None => broken_input(&manifest.object),
        },
    };
    let line = |field: &str, message: &dyn Display| format!("{}: {}: {message}", manifest.place(field), edit.key);
    if violations.is_empty() && edit.key.kind != model_deployment::KIND {
        return course.refused.get(&edit.key).map(|Refused { field, message }| line(field, message)).into_iter().collect();
    }
    violations.iter().map(|violation| line(&violation.path, violation)).collect()
}
