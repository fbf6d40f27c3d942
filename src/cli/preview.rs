//! `preview`: what manifests would become.

use std::io::{Read, Write};
use std::path::PathBuf;

use crate::api::model_deployment_status::ReportedDeployment;
use crate::api::{API_VERSION, inference_environment, model_deployment};
use crate::cli::control_plane::{ControlPlane, ObjectKey};
use crate::cli::manifests::{Manifest, load};
use crate::cli::preview_table::Table;
use crate::cli::rendered::render;
use crate::compose::conditions::{MODEL_INVALID, PLACEMENTS_SCHEDULED};
use crate::function::proto::{RunFunctionResponse, Status};
use crate::function::structs::from_struct;

/// What `preview` is asked for.
#[derive(Debug, Clone, clap::Args)]
pub struct Preview {
    /// Files and folders of YAML or JSON manifests; `-` is standard input.
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    pub output: Format,
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A short table of placements and of rejected environments.
    Table,
    /// Everything that is composed, as `crossplane composition render` prints it.
    Yaml,
}

/// What came of a preview: the exit code of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Every deployment is placed as often as it wants.
    Placed,
    /// Some deployment is not.
    NotPlaced,
    /// The manifests could not be used.
    BadInput,
}

impl Verdict {
    /// 0, 1 or 2.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Placed => 0,
            Self::NotPlaced => 1,
            Self::BadInput => 2,
        }
    }
}

/// Runs the command: what is composed goes to `out`, what is wrong to `err`.
///
/// # Errors
/// `out` or `err` cannot be written.
pub fn preview(command: &Preview, stdin: &mut dyn Read, out: &mut dyn Write, err: &mut dyn Write) -> std::io::Result<Verdict> {
    let manifests = match load(&command.paths, stdin) {
        Ok(manifests) => manifests,
        Err(error) => {
            writeln!(err, "{error}")?;
            return Ok(Verdict::BadInput);
        }
    };
    match Session::new(&manifests).and_then(Session::run) {
        Ok((previewed, _)) if previewed.is_empty() => {
            writeln!(err, "no ModelDeployment of {API_VERSION} in these manifests")?;
            Ok(Verdict::BadInput)
        }
        Ok((previewed, warnings)) => {
            for warning in warnings {
                writeln!(err, "{warning}")?;
            }
            match command.output {
                Format::Table => write!(out, "{}", Table(&previewed))?,
                Format::Yaml => write!(out, "{}", previewed.iter().map(render).collect::<Vec<_>>().join("---\n"))?,
            }
            let placed = previewed.iter().all(Previewed::is_placed);
            Ok(if placed { Verdict::Placed } else { Verdict::NotPlaced })
        }
        Err(problems) => {
            for problem in problems {
                writeln!(err, "{problem}")?;
            }
            Ok(Verdict::BadInput)
        }
    }
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
    pub(crate) object: serde_json::Value,
}

impl Previewed {
    fn is_placed(&self) -> bool {
        self.scheduled().is_some_and(|condition| condition.status() == Status::ConditionTrue)
    }

    /// Whether and why it is placed.
    pub(crate) fn scheduled(&self) -> Option<&crate::function::proto::Condition> {
        self.response.conditions.iter().find(|condition| condition.r#type == PLACEMENTS_SCHEDULED)
    }
}

struct Session<'a> {
    manifests: Vec<(ObjectKey, &'a Manifest)>,
    control_plane: ControlPlane,
}

impl<'a> Session<'a> {
    /// Fills a control plane with manifests.
    fn new(manifests: &'a [Manifest]) -> Result<Self, Vec<String>> {
        let mut session = Session { manifests: Vec::new(), control_plane: ControlPlane::default() };
        let mut problems = Vec::new();
        for manifest in manifests {
            let key = object_key(manifest);
            if let Some((_, first)) = session.manifests.iter().find(|(other, _)| *other == key) {
                problems.push(format!("{}: repeats the {} of {}", manifest.place(""), key.kind, first.place("")));
            }
            let mut object = manifest.object.clone();
            if !key.namespace.is_empty()
                && let Some(metadata) = object.pointer_mut("/metadata").and_then(serde_json::Value::as_object_mut)
            {
                metadata.insert("namespace".to_owned(), serde_json::Value::String(key.namespace.clone()));
            }
            if let Err(problem) = session.control_plane.apply(key.clone(), &object) {
                problems.push(format!("{}: {problem}", manifest.place("")));
            }
            session.manifests.push((key, manifest));
        }
        if problems.is_empty() { Ok(session) } else { Err(problems) }
    }

    /// Reconciles environments, then models, then deployments, so that manifests without a status are enough.
    /// Returns warnings too.
    fn run(mut self) -> Result<(Vec<Previewed>, Vec<String>), Vec<String>> {
        let (mut problems, mut warnings) = (Vec::new(), Vec::new());
        for kind in [inference_environment::KIND, "ClusterModel", "Model"] {
            for key in self.control_plane.keys_of(API_VERSION, kind) {
                match self.reconcile(&key) {
                    Ok(response) => {
                        for condition in response.conditions.iter().filter(|condition| condition.status() == Status::ConditionFalse) {
                            let described = self.describe(&key, condition.message());
                            if condition.reason == MODEL_INVALID { problems.push(described) } else { warnings.push(described) }
                        }
                    }
                    Err(problem) => problems.push(problem),
                }
            }
        }
        let mut previewed = Vec::new();
        for key in self.control_plane.keys_of(API_VERSION, model_deployment::KIND) {
            match self.reconcile(&key) {
                Ok(response) => previewed.push(self.previewed(&key, response)),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok((previewed, warnings)) } else { Err(problems) }
    }

    /// What the function says of an object, with the place of the field it is about.
    fn describe(&self, key: &ObjectKey, message: &str) -> String {
        let field = message.split_once(": ").map_or("", |(field, _)| field);
        let manifest = self.manifests.iter().find(|(other, _)| other == key).map(|(_, manifest)| manifest);
        let place = manifest.map(|manifest| manifest.place(field)).unwrap_or_default();
        format!("{place}: {} {}: {message}", key.kind, key.name)
    }

    /// One object; a fatal result points at the field it is about.
    fn reconcile(&mut self, key: &ObjectKey) -> Result<RunFunctionResponse, String> {
        let (response, report) = self.control_plane.reconcile(key).map_err(|problem| self.describe(key, &problem))?;
        match report.message {
            Some(message) => Err(self.describe(key, &message)),
            None => Ok(response),
        }
    }

    fn previewed(&self, key: &ObjectKey, response: RunFunctionResponse) -> Previewed {
        let desired = response.desired.as_ref().and_then(|state| state.composite.as_ref()?.resource.as_deref()).unwrap_or_default();
        let manifest = self.manifests.iter().find(|(other, _)| other == key).map(|(_, manifest)| manifest.object.clone());
        Previewed {
            deployment: format!("{}/{}", key.namespace, key.name),
            reported: from_struct(desired).unwrap_or_default(),
            response,
            object: manifest.unwrap_or_default(),
        }
    }
}

/// Where an object is kept. Namespaced kinds are in `default` where nothing is said, as with kubectl.
fn object_key(manifest: &Manifest) -> ObjectKey {
    let namespaced = [model_deployment::KIND, "Model"].contains(&manifest.kind.as_str());
    let namespace = if namespaced { manifest.namespace.clone().unwrap_or_else(|| "default".to_owned()) } else { String::new() };
    ObjectKey { api_version: manifest.api_version.clone(), kind: manifest.kind.clone(), namespace, name: manifest.name.clone() }
}
