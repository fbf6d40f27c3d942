//! `preview`: what manifests would become.

mod rendered;
mod table;

use std::io::{Read, Write};
use std::path::PathBuf;

use crate::cli::change::edits::Target;
use crate::cli::change::report::preview_change;
use crate::cli::change::text::write_report;
use crate::cli::html::{PageInput, page_file, write_page};
use crate::cli::json_output::write_json;
use crate::cli::lines::Lines;
use crate::cli::manifests::load_or_say;
use crate::cli::plane::session::{Asked, settle};
use crate::cli::preview::rendered::render;
use crate::cli::preview::table::write_table;
use crate::cli::verdict::Verdict;

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
    let mut settled = settle(&manifests, Asked::default());
    match command.output {
        Format::Table => write_table(&mut Lines(out), &settled.previewed)?,
        Format::Yaml => out.write_all(render(&settled).as_bytes())?,
        Format::Json => settled.problems.push("-o json: says what a change does; give --live and --change, or print -o yaml".to_owned()),
    }
    settled.problems.extend(write_page(command.html.as_deref(), PageInput { command: "preview", settled: &settled, names_others: true }));
    settled.conclude(&mut err)
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
