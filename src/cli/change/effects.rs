//! What becomes of one deployment: of each of its placements, of each object that is composed for it, and of it as a whole.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::field_changes::{FieldChange, field_changes};
use super::surge::{Headroom, Surge};
use super::{diff::unified, edits::Action};
use crate::api::model_deployment_status::{PhaseItem, PlacementItem};
use crate::api::{condition::find, model_deployment::Topology, phase::Phase, placement_record::PhaseRecord, words::ConditionType};
use crate::cli::plane::composed::{compared, held};
use crate::cli::plane::object_key::ObjectKey;
use crate::cli::plane::settling::{Standing, is_at};
use crate::domain::key::{Key, Part};
use crate::domain::scheduling::freeze::Freeze;

/// What becomes of a deployment. Of several the one that is first here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Fate {
    /// The function refuses it: nothing of it changes.
    Refused,
    /// It goes, or a placement of it does with nothing in its place.
    Deleted,
    /// Pods of it are replaced.
    Restarted,
    /// It is not placed as it is to be.
    Waiting,
    /// A placement gives way to another one.
    Moved,
    /// It is new, or a placement of it is.
    Created,
    /// Only the number of pods changes, or how it is found.
    Scaled,
    /// A placement is left as it is, because it cannot be rendered.
    Frozen,
    /// Something composed changes that restarts nothing.
    Updated,
    /// Nothing.
    Unchanged,
}

/// What becomes of a placement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Effect {
    /// It is new.
    Created,
    /// It stays until others are ready, then it is deleted.
    Leaving,
    /// It is deleted at once.
    Deleted,
    /// Pods of it are replaced.
    Restarted,
    /// The number of its pods changes, or how it is found.
    Scaled,
    /// It is left as it is, because it cannot be rendered.
    Frozen,
    /// Something of it changes that restarts nothing.
    Updated,
    /// Nothing.
    Unchanged,
}

/// A placement and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AffectedPlacement {
    pub(crate) environment: String,
    pub(crate) topology: Topology,
    /// What becomes of it.
    pub(crate) effect: Effect,
    /// Why it leaves, or is left as it is: one word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// The same in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    /// Decode, or the one phase of Unified, as it is in the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) decode: Option<PhaseRecord>,
    /// Prefill, as it is in the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prefill: Option<PhaseRecord>,
    /// The phases whose pods are replaced.
    pub(crate) restarts: Vec<Restart>,
}

/// A phase whose pods are replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Restart {
    /// Which one.
    pub(crate) phase: Phase,
    /// Why: what changes in its pods.
    pub(crate) fields: Vec<FieldChange>,
    /// What that needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) surge: Option<Surge>,
}

/// A composed object that becomes another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AffectedObject {
    pub(crate) key: String,
    pub(crate) kind: String,
    /// Its name; of what is new, what that begins with.
    pub(crate) name: String,
    /// What is done to it.
    pub(crate) action: Action,
    /// Whether that waits until others are ready.
    pub(crate) later: bool,
    /// The difference, unified.
    pub(crate) diff: String,
}

/// Everything that becomes of a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Effects {
    /// In a word.
    pub(crate) outcome: Fate,
    /// Why, where it is refused or not placed as it is to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    /// Its placements, sorted by environment and topology.
    pub(crate) placements: Vec<AffectedPlacement>,
    /// Its objects that become others, by key.
    pub(crate) objects: Vec<AffectedObject>,
}

impl Effects {
    /// Whether the same becomes of it; numbers in messages, and how much is free, are not compared.
    pub(crate) fn same(&self, other: &Self) -> bool {
        let bare = |effects: &Self| {
            let mut bare = Self { message: None, ..effects.clone() };
            for placement in &mut bare.placements {
                placement.message = None;
                placement.restarts.iter_mut().for_each(|restart| restart.surge = None);
            }
            bare
        };
        let refused = self.outcome != Fate::Refused || self.message == other.message;
        refused && bare(self) == bare(other)
    }

    /// Whether it does not become what it is asked to be: it is refused, not placed so, or left as it is.
    pub(crate) fn fails(&self) -> bool {
        let frozen = || self.placements.iter().any(|placement| placement.effect == Effect::Frozen);
        self.outcome == Fate::Refused || (self.outcome != Fate::Unchanged && (self.message.is_some() || frozen()))
    }

    /// Whether something that serves is deleted or restarted.
    pub(crate) fn disrupts(&self) -> bool {
        let disrupting = |placement: &AffectedPlacement| matches!(placement.effect, Effect::Leaving | Effect::Deleted | Effect::Restarted);
        self.outcome == Fate::Deleted || self.placements.iter().any(disrupting)
    }
}

/// One deployment on its way: as it is, at once, and when everything new is ready.
#[derive(Clone, Copy)]
pub(crate) struct Way<'a> {
    /// Which one.
    pub(crate) key: &'a ObjectKey,
    /// As it is; nothing where it is new.
    pub(crate) start: Option<&'a Standing>,
    /// At once; nothing where it is gone.
    pub(crate) now: Option<&'a Standing>,
    /// In the end; nothing where it is gone.
    pub(crate) settled: Option<&'a Standing>,
    /// Whether it is itself edited, so that what is frozen as it was is not as it is asked for.
    pub(crate) edited: bool,
}

/// By which name its resource keys go, and its topology.
type Slot = (String, Topology);

impl Way<'_> {
    /// What becomes of it.
    pub(crate) fn effects(self, headroom: &Headroom) -> Effects {
        let objects = self.objects();
        let placements = self.placements(headroom, &objects);
        let (outcome, message) = self.outcome(&placements, &objects);
        Effects { outcome, message, placements, objects }
    }

    fn outcome(self, placements: &[AffectedPlacement], objects: &[AffectedObject]) -> (Fate, Option<String>) {
        let Some(settled) = self.settled else { return (Fate::Deleted, None) };
        if let Some(message) = settled.refused.clone().or_else(|| self.now?.refused.clone()) {
            return (Fate::Refused, Some(message));
        }
        let scheduled =
            find(&settled.status.conditions, ConditionType::PlacementsScheduled.as_str()).filter(|condition| condition.is_false());
        let message = scheduled.map(|condition| condition.message.clone());
        let has = |effect: Effect| placements.iter().any(|placement| placement.effect == effect);
        let leaves = has(Effect::Leaving) || has(Effect::Deleted);
        let grows = has(Effect::Created) || self.start.is_none();
        let found = [
            (leaves && !grows, Fate::Deleted),
            (has(Effect::Restarted), Fate::Restarted),
            (message.is_some(), Fate::Waiting),
            (leaves && grows, Fate::Moved),
            (grows, Fate::Created),
            (has(Effect::Scaled), Fate::Scaled),
            (has(Effect::Frozen), Fate::Frozen),
            (!objects.is_empty(), Fate::Updated),
        ];
        let outcome = found.into_iter().find_map(|(is, outcome)| is.then_some(outcome)).unwrap_or(Fate::Unchanged);
        (outcome, message)
    }

    fn objects(self) -> Vec<AffectedObject> {
        let nothing = BTreeMap::new();
        let composed = |standing: Option<&'_ Standing>| standing.map_or_else(|| nothing.clone(), compared_objects);
        let (start, now, settled) = (composed(self.start), composed(self.now), composed(self.settled));
        let keys: BTreeSet<&String> = start.keys().chain(now.keys()).chain(settled.keys()).collect();
        let differing = keys.into_iter().filter_map(|key| {
            let (old, new) = (start.get(key), settled.get(key));
            let action = match (old, new) {
                (Some(old), Some(new)) if old == new => return None,
                (Some(_), Some(_)) => Action::Changed,
                (None, Some(_)) => Action::Created,
                (Some(_), None) => Action::Deleted,
                (None, None) => return None,
            };
            let shown = new.or(old)?;
            let text = |pointer: &str| shown.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
            let kind = text("/kind").unwrap_or_default();
            let name = text("/metadata/name").or_else(|| text("/metadata/generateName")).unwrap_or_default();
            let title = format!("{kind}/{}/{name}", self.key.namespace);
            Some(AffectedObject { key: key.clone(), kind, name, action, later: now.get(key) != new, diff: unified(&title, old, new) })
        });
        differing.collect()
    }

    fn placements(self, headroom: &Headroom, objects: &[AffectedObject]) -> Vec<AffectedPlacement> {
        let serving = |standing: Option<&Standing>| -> BTreeMap<Slot, String> {
            let keys = standing.into_iter().flat_map(|standing| standing.composed.keys());
            keys.filter_map(|text| {
                let key = Key::parse(text).filter(Key::serves)?;
                Some(((key.environment.clone(), key.topology()?), text.clone()))
            })
            .collect()
        };
        let (start, now, settled) = (serving(self.start), serving(self.now), serving(self.settled));
        let places: BTreeSet<Slot> = start.keys().chain(now.keys()).chain(settled.keys()).cloned().collect();
        let affected = places.into_iter().filter_map(|place| {
            let gone = || if now.contains_key(&place) { Effect::Leaving } else { Effect::Deleted };
            let (effect, restarts) = match (start.get(&place), settled.get(&place)) {
                (Some(_), None) => (gone(), Vec::new()),
                (None, Some(_)) => (Effect::Created, Vec::new()),
                (Some(old), Some(new)) => self.retained(headroom, &place, (old, new), objects),
                (None, None) => return None,
            };
            let leaving = item(self.now, &place).filter(|_| effect == Effect::Leaving);
            let why = leaving.or_else(|| item(self.settled, &place)).filter(|item| item.reason.as_deref().is_some_and(Freeze::is_word));
            let last = item(self.settled, &place).or_else(|| item(self.now, &place));
            Some(AffectedPlacement {
                effect,
                reason: why.and_then(|item| item.reason.clone()),
                message: why.and_then(|item| item.message.clone()),
                decode: last.and_then(|item| item.decode.as_ref()).map(PhaseRecord::from),
                prefill: last.and_then(|item| item.prefill.as_ref()).map(PhaseRecord::from),
                restarts,
                environment: last.map_or(place.0, |item| item.environment.clone()),
                topology: place.1,
            })
        });
        affected.collect()
    }

    /// A placement that stays: its pods, then their number, then anything else.
    fn retained(self, headroom: &Headroom, place: &Slot, keys: (&str, &str), objects: &[AffectedObject]) -> (Effect, Vec<Restart>) {
        let object =
            |standing: Option<&Standing>, key: &str| standing.and_then(|standing| standing.composed.get(key)).cloned().unwrap_or_default();
        let (old, new) = (object(self.start, keys.0), object(self.settled, keys.1));
        let restarts = self.restarts(headroom, place, held(&old), held(&new), objects);
        let affects = |key: &str| objects.iter().any(|object| object.key == key);
        let autoscalers = [false, true].map(|held| Key::new(&place.0, Part::Autoscaler, held));
        let scaled = scale(held(&old)) != scale(held(&new)) || autoscalers.iter().any(|key| affects(&key.to_string()));
        let reason = |standing| item(standing, place).and_then(|item: &PlacementItem| item.reason.clone());
        let frozen = reason(self.settled).is_some_and(|reason| Freeze::is_word(&reason))
            && (self.edited || reason(self.settled) != reason(self.start));
        let effect = if !restarts.is_empty() {
            Effect::Restarted
        } else if scaled {
            Effect::Scaled
        } else if frozen {
            Effect::Frozen
        } else if affects(keys.0) || affects(keys.1) {
            Effect::Updated
        } else {
            Effect::Unchanged
        };
        (effect, restarts)
    }

    fn restarts(self, headroom: &Headroom, place: &Slot, old: &Value, new: &Value, objects: &[AffectedObject]) -> Vec<Restart> {
        let shared = field_changes("spec.model", old.pointer("/spec/model"), new.pointer("/spec/model"));
        // KServe copies the name of the Secret with the token from the ServiceAccount into the pods.
        let account = Key::new(&place.0, Part::ServiceAccount, false).to_string();
        let account = objects.iter().any(|object| object.key == account && object.action == Action::Changed);
        let account = account.then(|| FieldChange { path: "secrets of the ServiceAccount".to_owned(), from: None, to: None });
        let main = Phase::main(place.1);
        let last = item(self.settled, place);
        let phases = [
            (main, "/spec", "spec", last.and_then(|item| item.decode.as_ref())),
            (Phase::Prefill, "/spec/prefill", "spec.prefill", last.and_then(|item| item.prefill.as_ref())),
        ];
        let restart = |(phase, pointer, path, size): (Phase, &str, &str, Option<&PhaseItem>)| {
            new.pointer(pointer)?;
            let mut fields = shared.clone();
            for part in ["labels", "annotations", "template"] {
                let at = |object: &'_ Value| object.pointer(&format!("{pointer}/{part}")).cloned();
                fields.extend(field_changes(&format!("{path}.{part}"), at(old).as_ref(), at(new).as_ref()));
            }
            fields.extend(account.clone());
            (!fields.is_empty()).then(|| Restart { phase, fields, surge: size.and_then(|size| headroom.surge(&last?.environment, size)) })
        };
        phases.into_iter().filter_map(restart).collect()
    }
}

fn compared_objects(standing: &Standing) -> BTreeMap<String, Value> {
    standing.composed.iter().map(|(key, object)| (key.clone(), compared(object))).collect()
}

fn item<'a>(standing: Option<&'a Standing>, (slot, topology): &Slot) -> Option<&'a PlacementItem> {
    let items = standing.into_iter().flat_map(|standing| &standing.status.placements.items);
    items.into_iter().find(|item| is_at(item, slot, *topology))
}

/// How many pods each phase has, or how that is found.
fn scale(service: &Value) -> [Option<&Value>; 4] {
    ["/spec/replicas", "/spec/scaling", "/spec/prefill/replicas", "/spec/prefill/scaling"].map(|pointer| service.pointer(pointer))
}
