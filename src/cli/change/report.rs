//! `preview --live … --change …`: what becomes of every deployment of a fleet when something is changed.
//!
//! The control plane is played twice, without the change and with it; what differs between both is what the change does.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::api::model_deployment::ModelKind;
use crate::api::{API_VERSION, inference_environment, model_deployment};
use crate::cli::change::edits::{Action, Edit, Edits, Target, make_edits};
use crate::cli::change::effects::{AffectedPlacement, Effect, Effects, Fate, Way};
use crate::cli::change::shortages::{ShortPool, new_shortages};
use crate::cli::change::surge::{Headroom, Surge};
use crate::cli::manifests::Manifest;
use crate::cli::plane::control_plane::ControlPlane;
use crate::cli::plane::live::{Live, read_live};
use crate::cli::plane::object_key::ObjectKey;
use crate::cli::plane::pipeline::{broken_input, is_composition};
use crate::cli::plane::session::{field, spoken};
use crate::cli::plane::settling::{Course, is_paused, settle, standings};
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
    /// Its kind.
    pub(crate) kind: String,
    /// Its namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) namespace: String,
    /// Its name.
    pub(crate) name: String,
    /// What is done to it.
    pub(crate) action: Action,
    /// What is wrong with it, each with its place.
    pub(crate) problems: Vec<String>,
}

/// A pool on which pods are replaced, and what all of that needs at the same time.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct RollingPool {
    /// Its environment.
    pub(crate) environment: String,
    /// Its name.
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
    /// Its namespace.
    pub(crate) namespace: String,
    /// Its name.
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
    /// Bad input before what is refused, not placed, frozen or promised without being there, that before what is deleted or restarted.
    pub(crate) fn verdict(&self) -> Verdict {
        let ChangeReport { changes, deployments, shortages, .. } = &self.report;
        let failed = |deployment: &AffectedDeployment| deployment.effects.fails();
        if !self.problems.is_empty() {
            Verdict::BadInput
        } else if deployments.iter().any(failed) || !shortages.is_empty() || changes.iter().any(|change| !change.problems.is_empty()) {
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
    let change = make_edits(&mut plane, edited, deletions);
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
        let paused = is_paused(with.plane.bytes(key));
        let affected = judge(key, way(&without, &headrooms[0], false), way(&with, &headrooms[1], edited), edited);
        let spec = |course: &Course| course.plane.object(key).get("spec").cloned();
        let unreached = paused && edited && spec(&without) != spec(&with);
        AffectedDeployment { paused, effects: if unreached { paused_effects() } else { affected.effects }, ..affected }
    });
    let deployments: Vec<AffectedDeployment> = affected.collect();
    let changes = changed_objects(&change, &with);
    let (pools, shortages) = (rolling_pools(&deployments), new_shortages(&without, &with));
    let report = ChangeReport { summary: summary(&deployments), changes, pools, shortages, deployments };
    Comparison { report, problems, warnings }
}

/// What happens in the same way without the change is none of its effects, but to a deployment that is itself edited.
fn judge(key: &ObjectKey, without: Option<Effects>, with: Option<Effects>, edited: bool) -> AffectedDeployment {
    let nothing = || Effects { outcome: Fate::Unchanged, message: None, placements: Vec::new(), objects: Vec::new() };
    let (without, with) = (without.unwrap_or_else(nothing), with.unwrap_or_else(nothing));
    let stays = |placement: &AffectedPlacement| matches!(placement.effect, Effect::Updated | Effect::Unchanged);
    let waits_already = with.outcome == Fate::Waiting && with.message == without.message && with.placements.iter().all(stays);
    let effects = if edited || with.outcome == Fate::Unchanged {
        with
    } else if with.same(&without) {
        nothing()
    } else if waits_already {
        Effects { outcome: Fate::Updated, message: None, ..with }
    } else {
        with
    };
    let without_change = (without.outcome != Fate::Unchanged).then_some(without);
    AffectedDeployment { namespace: key.namespace.clone(), name: key.name.clone(), paused: false, effects, without_change }
}

/// What becomes of a deployment whose edit nobody looks at.
fn paused_effects() -> Effects {
    let message = "it is paused; take away the annotation crossplane.io/paused, or it goes on as it was before the edit".to_owned();
    Effects { outcome: Fate::Refused, message: Some(message), placements: Vec::new(), objects: Vec::new() }
}

fn summary(deployments: &[AffectedDeployment]) -> BTreeMap<&'static str, usize> {
    let count = |outcome| deployments.iter().filter(|deployment| deployment.effects.outcome == outcome).count();
    let counts = FATES.into_iter().map(|(outcome, name, _)| (name, count(outcome)));
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

/// Every outcome, its name, and what is said of so many deployments.
pub(crate) const FATES: [(Fate, &str, &str); 10] = [
    (Fate::Restarted, "restarted", "restart"),
    (Fate::Refused, "refused", "refused"),
    (Fate::Deleted, "deleted", "deleted"),
    (Fate::Moved, "moved", "moved"),
    (Fate::Waiting, "waiting", "waiting"),
    (Fate::Created, "created", "created"),
    (Fate::Scaled, "scaled", "scaled"),
    (Fate::Frozen, "frozen", "frozen"),
    (Fate::Updated, "updated", "updated"),
    (Fate::Unchanged, "unchanged", "unchanged"),
];

fn changed_objects(change: &Edits<'_>, course: &Course) -> Vec<ChangedObject> {
    let changed = change.edits.iter().map(|edit| {
        let ObjectKey { kind, namespace, name, .. } = edit.key.clone();
        ChangedObject { kind, namespace, name, action: edit.action, problems: problems_of(edit, course) }
    });
    changed.collect()
}

/// The rules that an edited object breaks, at the fields that break them; else what the function says against it.
fn problems_of(edit: &Edit<'_>, course: &Course) -> Vec<String> {
    let Some(manifest) = edit.manifest else { return Vec::new() };
    let bytes = course.plane.bytes(&edit.key);
    let read = match (edit.key.kind.as_str(), model_kind(&edit.key.kind)) {
        (model_deployment::KIND, _) => read_deployment(bytes).err(),
        (inference_environment::KIND, _) => read_environment(bytes).err(),
        (_, Some(kind)) => match read_model(kind, bytes) {
            Ok(model) => Some(model.profiles.into_iter().flat_map(|profile| profile.violations).collect()),
            Err(violations) => Some(violations),
        },
        (_, None) if is_composition(manifest) => Some(broken_input(&manifest.object)),
        (_, None) => None,
    };
    let refused = || if edit.key.kind == model_deployment::KIND { None } else { course.refused.get(&edit.key) };
    let violations: Vec<Violation> = match read {
        Some(violations) if !violations.is_empty() => violations,
        _ => refused().map(|message| spoken(message)).into_iter().collect(),
    };
    violations.iter().map(|violation| format!("{}: {}: {violation}", manifest.place(&field(violation)), edit.key)).collect()
}

fn model_kind(kind: &str) -> Option<ModelKind> {
    [ModelKind::ClusterModel, ModelKind::Model].into_iter().find(|known| known.as_str() == kind)
}
