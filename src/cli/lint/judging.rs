//! What is found in each object, what its owner accepts of that, and where it is written.

use crate::api::model_deployment::ModelKind;
use crate::api::{inference_environment, model_deployment};
use crate::cli::manifests::{Manifest, Position, is_misnamed, is_ours};
use crate::cli::plane::object_key::{stored, wrong_kind, wrong_version};
use crate::cli::plane::pipeline::{broken_input, gives_input};
use crate::domain::lint::{Code, Finding, lint_environment, lint_model_on};
use crate::domain::spec::{environment::Environment, violation::Violation};
use crate::domain::suppression::Suppressed;
use crate::function::reading::{read_deployment, read_environment, read_model, read_model_spec, read_suppressions};
use crate::structs::to_struct;

/// A finding and where it is written.
pub(crate) struct Placed<'a> {
    /// The object.
    pub(crate) manifest: &'a Manifest,
    /// The place of the field, or of what is around it.
    pub(crate) position: Position,
    /// What was found.
    pub(crate) finding: Finding,
    /// Why the object's owner accepts it, who then does not hear of it.
    pub(crate) accepted: Option<String>,
}

/// What was found in one object.
#[derive(Default)]
struct Verdict {
    findings: Vec<Finding>,
    suppressed: Vec<Suppressed>,
}

/// The findings in the order of the manifests.
pub(crate) fn judge<'a>(manifests: &[&'a Manifest]) -> Vec<Placed<'a>> {
    let objects: Vec<(&Manifest, Result<Vec<u8>, String>)> = manifests.iter().map(|manifest| (*manifest, bytes(manifest))).collect();
    let environments = objects.iter().filter(|(manifest, _)| manifest.kind == inference_environment::KIND);
    let environments: Vec<Environment> = environments.filter_map(|(_, bytes)| read_environment(bytes.as_ref().ok()?).ok()).collect();
    let placed = objects.iter().flat_map(|(manifest, bytes)| {
        let found = match bytes {
            _ if !concerns_us(manifest) => broken(&[stray(manifest)]),
            Ok(bytes) => judge_object(manifest, bytes, &environments),
            Err(problem) => broken(&[Violation::new("", problem.as_str())]),
        };
        let findings = found.findings.into_iter().map(|finding| (finding, None));
        let suppressed = found.suppressed.into_iter().map(|suppressed| (suppressed.finding, Some(suppressed.reason)));
        findings.chain(suppressed).map(|(finding, accepted)| Placed {
            manifest,
            position: manifest.locate(&finding.path),
            finding,
            accepted,
        })
    });
    placed.collect()
}

/// Whether an object is ours to judge: of our group, or meant to be, or a Composition with our input.
pub(crate) fn concerns_us(manifest: &Manifest) -> bool {
    is_ours(&manifest.api_version) || is_misnamed(&manifest.api_version, &manifest.kind) || gives_input(manifest)
}

/// What is wrong with an object of others, where all have to be ours.
fn stray(manifest: &Manifest) -> Violation {
    const REMEDY: &str = "take it out of these files, or leave --strict-kinds out";
    let Manifest { api_version, kind, .. } = manifest;
    if api_version.is_empty() || kind.is_empty() {
        return Violation::new("", format!("this is no Kubernetes object; {REMEDY}"));
    }
    Violation::new("kind", format!("is {kind} of {api_version}, which is none of ours; {REMEDY}"))
}

fn bytes(manifest: &Manifest) -> Result<Vec<u8>, String> {
    to_struct(&stored(manifest)).map(|bytes| bytes.to_vec()).map_err(|error| error.to_string())
}

/// Of an object that breaks rules nothing else is said.
fn broken(violations: &[Violation]) -> Verdict {
    Verdict { findings: violations.iter().map(Finding::from).collect(), ..Verdict::default() }
}

fn judge_object(manifest: &Manifest, bytes: &[u8], environments: &[Environment]) -> Verdict {
    if gives_input(manifest) {
        return broken(&broken_input(&manifest.object));
    }
    let unknown: Vec<Violation> = wrong_version(manifest).into_iter().chain(wrong_kind(manifest)).collect();
    if !unknown.is_empty() {
        return broken(&unknown);
    }
    let found = match manifest.kind.as_str() {
        kind if kind == inference_environment::KIND => read_environment(bytes).map(|environment| lint_environment(&environment)),
        kind if kind == model_deployment::KIND => read_deployment(bytes).map(|_| Vec::new()),
        kind if kind == ModelKind::Model.as_str() => return judge_model(ModelKind::Model, bytes, environments),
        _ => return judge_model(ModelKind::ClusterModel, bytes, environments),
    };
    let found = match found {
        Ok(found) => found,
        Err(violations) => return broken(&violations),
    };
    let suppressions = read_suppressions(bytes);
    let (mut findings, suppressed) = suppressions.split(found);
    findings.extend_from_slice(suppressions.faults());
    findings.extend(suppressions.unused(&suppressed, |_| true));
    Verdict { findings, suppressed }
}

fn judge_model(kind: ModelKind, bytes: &[u8], environments: &[Environment]) -> Verdict {
    let model = match read_model(kind, bytes) {
        Ok(model) => model,
        Err(violations) => return broken(&violations),
    };
    let on_hardware = read_model_spec(bytes).map(|spec| lint_model_on(&spec, environments)).unwrap_or_default();
    let suppressions = read_suppressions(bytes);
    let (on_hardware, accepted_there) = suppressions.split(on_hardware);
    let suppressed: Vec<Suppressed> = model.suppressed().cloned().chain(accepted_there).collect();
    let unused = suppressions.unused(&suppressed, |code: Code| code.sees_others() && !environments.is_empty());
    let own = model.profiles.into_iter().flat_map(|profile| {
        let broken: Vec<Finding> = profile.violations.iter().map(Finding::from).collect();
        broken.into_iter().chain(profile.findings)
    });
    Verdict { findings: own.chain(on_hardware).chain(model.findings).chain(unused).collect(), suppressed }
}
