//! `lint`: what is wrong with manifests, also what only shows at run time.

mod report;

use std::io::{self, Read, Write};
use std::path::PathBuf;

use crate::api::model_deployment::ModelKind;
use crate::api::{API_VERSION, inference_environment, model_deployment};
use crate::cli::lines::Lines;
use crate::cli::lint::report::{LintReport, Placed};
use crate::cli::manifests::{Manifest, is_ours, load_or_say};
use crate::cli::plane::object_key::{stored, unknown_kind};
use crate::cli::plane::pipeline::{broken_input, gives_input};
use crate::cli::plane::running::refuse_running;
use crate::domain::lint::{Finding, lint_environment, lint_model_on};
use crate::domain::spec::{environment::Environment, violation::Violation};
use crate::function::reading::{read_deployment, read_environment, read_model, read_model_spec};
use crate::structs::to_struct;

/// What `lint` is asked for.
#[derive(Debug, Clone, clap::Args)]
pub struct Lint {
    /// Files and folders of YAML or JSON manifests; `-` is standard input.
    ///
    /// What depends on hardware is judged by the environments among them.
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    pub output: Format,
    /// Count warnings as errors.
    #[arg(long)]
    pub strict: bool,
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A line for each finding, then their number.
    Text,
    /// A list of objects.
    Json,
    /// SARIF 2.1.0, for code scanners.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
}

/// What came of a lint: the exit code of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing that counts.
    Clean,
    /// An error, or a warning where they count.
    Errors,
    /// The files could not be read.
    BadInput,
}

impl Found {
    /// 0, 1 or 2.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Errors => 1,
            Self::BadInput => 2,
        }
    }
}

/// Runs the command: findings go to `out`, what cannot be read to `err`.
///
/// # Errors
/// `out` or `err` cannot be written.
pub fn lint(command: &Lint, stdin: &mut dyn Read, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Found> {
    let mut err = Lines(err);
    let Some(manifests) = load_or_say(&command.paths, stdin, &mut err)? else { return Ok(Found::BadInput) };
    if let Some(problem) = refuse_running(&manifests) {
        err.line(&problem)?;
        return Ok(Found::BadInput);
    }
    let ours: Vec<&Manifest> = manifests.iter().filter(|manifest| is_ours(&manifest.api_version) || gives_input(manifest)).collect();
    if ours.is_empty() {
        err.line(&format!("no object of {API_VERSION} in these manifests"))?;
        return Ok(Found::BadInput);
    }
    let report = LintReport { findings: judge(&ours), objects: ours.len() };
    match command.output {
        Format::Text => report.write_text(&mut Lines(out))?,
        Format::Json => report.write_json(out)?,
        Format::Sarif => report.write_sarif(out)?,
        Format::Github => report.write_github(out)?,
    }
    let counts = |placed: &Placed<'_>| placed.finding.is_error() || command.strict;
    Ok(if report.findings.iter().any(counts) { Found::Errors } else { Found::Clean })
}

/// The findings in the order of the manifests.
fn judge<'a>(manifests: &[&'a Manifest]) -> Vec<Placed<'a>> {
    let objects: Vec<(&Manifest, Result<Vec<u8>, String>)> = manifests.iter().map(|manifest| (*manifest, bytes(manifest))).collect();
    let environments = objects.iter().filter(|(manifest, _)| manifest.kind == inference_environment::KIND);
    let environments: Vec<Environment> = environments.filter_map(|(_, bytes)| read_environment(bytes.as_ref().ok()?).ok()).collect();
    let findings = objects.iter().flat_map(|(manifest, bytes)| {
        let found = match bytes {
            Ok(bytes) => judge_object(manifest, bytes, &environments),
            Err(problem) => vec![Finding::from(&Violation::new("", problem.as_str()))],
        };
        found.into_iter().map(|finding| Placed { manifest, position: manifest.locate(&finding.path), finding })
    });
    findings.collect()
}

fn bytes(manifest: &Manifest) -> Result<Vec<u8>, String> {
    to_struct(&stored(manifest)).map(|bytes| bytes.to_vec()).map_err(|error| error.to_string())
}

fn judge_object(manifest: &Manifest, bytes: &[u8], environments: &[Environment]) -> Vec<Finding> {
    if gives_input(manifest) {
        return broken_input(&manifest.object).iter().map(Finding::from).collect();
    }
    if let Some(violation) = unknown_kind(manifest) {
        return vec![Finding::from(&violation)];
    }
    match manifest.kind.as_str() {
        kind if kind == inference_environment::KIND => match read_environment(bytes) {
            Ok(environment) => lint_environment(&environment),
            Err(violations) => violations.iter().map(Finding::from).collect(),
        },
        kind if kind == model_deployment::KIND => read_deployment(bytes).err().unwrap_or_default().iter().map(Finding::from).collect(),
        kind if kind == ModelKind::Model.as_str() => judge_model(ModelKind::Model, bytes, environments),
        _ => judge_model(ModelKind::ClusterModel, bytes, environments),
    }
}

fn judge_model(kind: ModelKind, bytes: &[u8], environments: &[Environment]) -> Vec<Finding> {
    let model = match read_model(kind, bytes) {
        Ok(model) => model,
        Err(violations) => return violations.iter().map(Finding::from).collect(),
    };
    let on_hardware = read_model_spec(bytes).map(|spec| lint_model_on(&spec, environments)).unwrap_or_default();
    let own = model.profiles.into_iter().flat_map(|profile| {
        let broken: Vec<Finding> = profile.violations.iter().map(Finding::from).collect();
        broken.into_iter().chain(profile.findings)
    });
    own.chain(on_hardware).collect()
}
