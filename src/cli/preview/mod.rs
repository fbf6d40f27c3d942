//! `preview`: what manifests would become.

mod rendered;
mod table;

use std::io::{Read, Write};
use std::path::PathBuf;

use crate::api::API_VERSION;
use crate::cli::change::edits::Target;
use crate::cli::change::report::preview_change;
use crate::cli::change::text::write_report;
use crate::cli::html::{Fleet, page_file, write_page};
use crate::cli::json_output::write_json;
use crate::cli::lines::Lines;
use crate::cli::manifests::load_or_say;
use crate::cli::plane::session::{Outcome, Previewed, settle};
use crate::cli::preview::rendered::render;
use crate::cli::preview::table::write_table;

/// What `preview` is asked for.
#[derive(Debug, Clone, clap::Args)]
pub struct Preview {
    /// Files and folders of YAML or JSON manifests; `-` is standard input.
    #[arg(required_unless_present = "live", conflicts_with = "live")]
    pub paths: Vec<PathBuf>,
    /// What runs now, to see what a change does to it: an export of a control plane, as files or folders.
    ///
    /// It holds all ModelDeployments, ClusterModels, Models and InferenceEnvironments, everything that is composed for
    /// ModelDeployments, and the Compositions if they have an input, as `kubectl get --all-namespaces -o yaml --show-managed-fields`
    /// prints them.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub live: Vec<PathBuf>,
    /// Manifests as they are to be applied, as files or folders; `-` is standard input.
    #[arg(long, value_name = "PATH", num_args = 1.., requires = "live")]
    pub change: Vec<PathBuf>,
    /// An object that is to be deleted: KIND/NAME or KIND/NAMESPACE/NAME, such as clustermodel/llama or md/ml-team-a/chat.
    #[arg(long, value_name = "KIND/NAME", requires = "live")]
    pub delete: Vec<Target>,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    pub output: Format,
    /// Also write a picture of the fleet: an HTML page that needs no network, FILE.html.
    #[arg(long, value_name = "FILE", value_parser = page_file, value_hint = clap::ValueHint::FilePath, conflicts_with = "live")]
    pub html: Option<PathBuf>,
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A short table of placements and of rejected environments.
    Table,
    /// Everything that is composed, as `crossplane composition render` prints it; not with --live.
    Yaml,
    /// What a change does, for machines; only with --live.
    Json,
}

/// What came of a preview: the exit code of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Every deployment is placed as often as it wants; of a change: and nothing is deleted or restarted.
    Placed,
    /// Some deployment is not, or is refused; of a change: or is left as it was, or more GPUs are promised than there are.
    NotPlaced,
    /// Something that serves is deleted or restarted by a change.
    Disruptive,
    /// The manifests could not be used.
    BadInput,
}

impl Verdict {
    pub(crate) fn of(previewed: &[Previewed], problems: &[String]) -> Self {
        if !problems.is_empty() {
            Self::BadInput
        } else if previewed.iter().all(Previewed::is_placed) {
            Self::Placed
        } else {
            Self::NotPlaced
        }
    }

    /// 0, 1, 2 or 3.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Placed => 0,
            Self::NotPlaced => 1,
            Self::BadInput => 2,
            Self::Disruptive => 3,
        }
    }
}

/// Runs the command: what is composed goes to `out`, then what is wrong to `err`. What a change does has colours, which are to be
/// taken out where `out` is no terminal.
///
/// # Errors
/// `out` or `err` cannot be written.
pub fn preview(command: &Preview, stdin: &mut dyn Read, out: &mut dyn Write, err: &mut dyn Write) -> std::io::Result<Verdict> {
    if !command.live.is_empty() {
        return change(command, stdin, out, err);
    }
    let mut err = Lines(err);
    let Some(manifests) = load_or_say(&command.paths, stdin, &mut err)? else { return Ok(Verdict::BadInput) };
    let Outcome { previewed, mut problems, warnings, control_plane } = settle(&manifests, &|_| false);
    if previewed.is_empty() && problems.is_empty() {
        problems.push(format!("no ModelDeployment of {API_VERSION} in these manifests"));
    }
    match command.output {
        Format::Table => write_table(&mut Lines(out), &previewed)?,
        Format::Yaml => out.write_all(previewed.iter().map(render).collect::<Vec<_>>().join("---\n").as_bytes())?,
        Format::Json => problems.push("-o json: says what a change does; give --live and --change, or print -o yaml".to_owned()),
    }
    let fleet = Fleet {
        command: "preview",
        previewed: &previewed,
        names_others: true,
        control_plane: &control_plane,
        problems: &problems,
        warnings: &warnings,
    };
    let unwritten = command.html.as_ref().and_then(|file| write_page(file, fleet));
    problems.extend(unwritten);
    warnings.iter().chain(&problems).try_for_each(|line| err.line(line))?;
    Ok(Verdict::of(&previewed, &problems))
}

fn change(command: &Preview, stdin: &mut dyn Read, out: &mut dyn Write, err: &mut dyn Write) -> std::io::Result<Verdict> {
    let mut err = Lines(err);
    if command.output == Format::Yaml {
        err.line("-o yaml: says what manifests become; with --live print -o json")?;
        return Ok(Verdict::BadInput);
    }
    let Some(exported) = load_or_say(&command.live, stdin, &mut err)? else { return Ok(Verdict::BadInput) };
    let Some(edited) = load_or_say(&command.change, stdin, &mut err)? else { return Ok(Verdict::BadInput) };
    let found = preview_change(&exported, &edited, &command.delete);
    let verdict = found.verdict();
    match command.output {
        _ if verdict == Verdict::BadInput => {}
        Format::Json => write_json(out, &found.report)?,
        Format::Table | Format::Yaml => write_report(&mut Lines(out), &found.report)?,
    }
    found.warnings.iter().chain(&found.problems).try_for_each(|line| err.line(line))?;
    Ok(verdict)
}
