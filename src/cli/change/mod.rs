//! `preview --live … --change …`: what a change does to a fleet.

mod diff;
pub mod edits;
mod effects;
mod field_changes;
mod findings;
mod ownership;
mod report;
mod shortages;
mod surge;
mod text;

use std::io::{self, Read, Write};
use std::path::PathBuf;

use crate::cli::manifests::load_or_say;
use crate::cli::{
    change::edits::Target, change::report::preview_change, change::text::write_report, json_output::write_json, lines::Lines,
    verdict::Verdict,
};

/// What a change is, and of what.
#[derive(Debug, Clone, clap::Args)]
pub struct Change {
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
}

/// For whom it is told what a change does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    People,
    Machines,
}

/// Says what the change does, in colours for people.
pub(crate) fn change(asked: &Change, to: Audience, stdin: &mut dyn Read, out: &mut dyn Write, err: &mut Lines<'_>) -> io::Result<Verdict> {
    let Some(exported) = load_or_say(&asked.live, stdin, err)? else { return Ok(Verdict::BadInput) };
    let Some(edited) = load_or_say(&asked.change, stdin, err)? else { return Ok(Verdict::BadInput) };
    let found = preview_change(&exported, &edited, &asked.delete);
    let verdict = found.verdict();
    match to {
        _ if verdict == Verdict::BadInput => {}
        Audience::People => write_report(&mut Lines(out), &found.report)?,
        Audience::Machines => write_json(out, &found.report)?,
    }
    found.warnings.iter().chain(&found.problems).try_for_each(|line| err.line(line))?;
    Ok(verdict)
}
