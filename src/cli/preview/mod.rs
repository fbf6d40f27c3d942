//! `preview`: what manifests would become.

mod rendered;
mod table;

use std::io::{Read, Write};
use std::path::PathBuf;

use crate::cli::change::{Audience, Change, change};
use crate::cli::html::{PageInput, page_file, write_page};
use crate::cli::manifests::load_or_say;
use crate::cli::plane::session::{Asked, settle};
use crate::cli::{lines::Lines, preview::rendered::render, preview::table::write_table, verdict::Verdict};

/// What `preview` is asked for.
#[derive(Debug, Clone, clap::Args)]
pub struct Preview {
    /// Files and folders of YAML or JSON manifests; `-` is standard input.
    #[arg(required_unless_present = "live", conflicts_with = "live")]
    pub paths: Vec<PathBuf>,
    /// What a change does to what runs is asked instead.
    #[command(flatten)]
    pub change: Change,
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
    let mut err = Lines(err);
    if !command.change.live.is_empty() {
        return match command.output {
            Format::Table => change(&command.change, Audience::People, stdin, out, &mut err),
            Format::Json => change(&command.change, Audience::Machines, stdin, out, &mut err),
            Format::Yaml => err.line("-o yaml: says what manifests become; with --live print -o json").map(|()| Verdict::BadInput),
        };
    }
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
