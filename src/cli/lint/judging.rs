//! What is found in each object, what its owner accepts of that, and where it is written.

use crate::api::model_deployment::ModelKind;
use crate::api::{inference_environment, model_deployment};
use crate::cli::lint::references::Referable;
use crate::cli::manifests::{Manifest, Position, is_misnamed, is_ours};
use crate::cli::plane::object_key::{stored, wrong_kind, wrong_version};
use crate::cli::plane::pipeline::{broken_input, gives_input};
use crate::domain::lint::{Code, Finding, lint_environment, lint_model_on};
use crate::domain::spec::{environment::Environment, violation::Violation};
use crate::domain::suppression::Suppressed;
use crate::function::reading::{
    read_deployment, read_environment, read_model, read_model_spec, read_suppressions, read_written_environment,
};
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

/// What an object is judged beside.
struct Beside {
    environments: Vec<Environment>,
    /// Nothing where the files are only some of those that belong together.
    referable: Option<Referable>,
}

/// The findings in the order of the manifests. What they refer to is looked for in `referable`.
pub(crate) fn judge<'a>(manifests: &[&'a Manifest], referable: Option<Referable>) -> Vec<Placed<'a>> {
    let objects: Vec<(&Manifest, Result<Vec<u8>, String>)> = manifests.iter().map(|manifest| (*manifest, bytes(manifest))).collect();
    let environments = objects.iter().filter(|(manifest, _)| manifest.kind == inference_environment::KIND);
    let environments: Vec<Environment> = environments.filter_map(|(_, bytes)| read_environment(bytes.as_ref().ok()?).ok()).collect();
    let beside = Beside { environments, referable };
    let placed = objects.iter().flat_map(|(manifest, bytes)| {
        let found = match bytes {
            _ if !concerns_us(manifest) => broken(&[stray(manifest)]),
            Ok(bytes) => judge_object(manifest, bytes, &beside),
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

fn judge_object(manifest: &Manifest, bytes: &[u8], beside: &Beside) -> Verdict {
    if gives_input(manifest) {
        return broken(&broken_input(&manifest.object));
    }
    let unknown: Vec<Violation> = wrong_version(manifest).into_iter().chain(wrong_kind(manifest)).collect();
    if !unknown.is_empty() {
        return broken(&unknown);
    }
    let found = match manifest.kind.as_str() {
        kind if kind == inference_environment::KIND => judge_environment(bytes, beside),
        kind if kind == model_deployment::KIND => judge_deployment(bytes, beside),
        kind if kind == ModelKind::Model.as_str() => return judge_model(ModelKind::Model, bytes, beside),
        _ => return judge_model(ModelKind::ClusterModel, bytes, beside),
    };
    let found = match found {
        Ok(found) => found,
        Err(violations) => return broken(&violations),
    };
    let suppressions = read_suppressions(bytes);
    let (mut findings, suppressed) = suppressions.split(found);
    findings.extend_from_slice(suppressions.faults());
    findings.extend(suppressions.unused(&suppressed, |code| beside.shows(code)));
    Verdict { findings, suppressed }
}

fn judge_environment(bytes: &[u8], beside: &Beside) -> Result<Vec<Finding>, Vec<Violation>> {
    let mut findings = lint_environment(&read_environment(bytes)?);
    let written = read_written_environment(bytes)?;
    if let Some((referable, cluster)) = beside.referable.as_ref().zip(written.spec.cluster.existing.as_ref()) {
        findings.extend(referable.lacks_access(cluster));
    }
    Ok(findings)
}

fn judge_deployment(bytes: &[u8], beside: &Beside) -> Result<Vec<Finding>, Vec<Violation>> {
    let deployment = read_deployment(bytes)?;
    let lacks = |referable: &Referable| referable.lacks_model(&deployment.namespace, &deployment.model_ref);
    Ok(beside.referable.as_ref().and_then(lacks).into_iter().collect())
}

fn judge_model(kind: ModelKind, bytes: &[u8], beside: &Beside) -> Verdict {
    let model = match read_model(kind, bytes) {
        Ok(model) => model,
        Err(violations) => return broken(&violations),
    };
    let mut seen = read_model_spec(bytes).map(|spec| lint_model_on(&spec, &beside.environments)).unwrap_or_default();
    seen.extend(beside.referable.as_ref().and_then(|referable| referable.lacks_credentials(&model.credentials)));
    let suppressions = read_suppressions(bytes);
    let (seen, accepted_there) = suppressions.split(seen);
    let suppressed: Vec<Suppressed> = model.suppressed().cloned().chain(accepted_there).collect();
    let unused = suppressions.unused(&suppressed, |code| code.sees_others() && beside.shows(code));
    let own = model.profiles.into_iter().flat_map(|profile| {
        let broken: Vec<Finding> = profile.violations.iter().map(Finding::from).collect();
        broken.into_iter().chain(profile.findings)
    });
    Verdict { findings: own.chain(seen).chain(model.findings).chain(unused).collect(), suppressed }
}

impl Beside {
    /// Whether a rule had everything that it looks at, so that finding nothing says something.
    fn shows(&self, code: Code) -> bool {
        !code.sees_others() || (self.referable.is_some() && !self.environments.is_empty())
    }
}
