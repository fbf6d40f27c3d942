//! `explain`: why each deployment is placed where it is, environment by environment.

mod text;

use std::io::{self, Read, Write};
use std::path::PathBuf;

use serde::Serialize;

use crate::cli::html::{PageInput, page_file, write_page};
use crate::cli::manifests::load_or_say;
use crate::cli::plane::session::{Asked, Previewed, settle};
use crate::cli::{explain::text::write_explanations, json_output::write_json, lines::Lines, verdict::Verdict};
use crate::compose::explanation::ExplainedEnvironment;

/// What `explain` is asked for.
#[derive(Debug, Clone, clap::Args)]
pub struct Explain {
    /// Files and folders of YAML or JSON manifests; `-` is standard input.
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// Only this deployment; it is placed after those before it by namespace and name all the same.
    #[arg(long, value_name = "NAMESPACE/NAME")]
    pub deployment: Option<String>,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    pub output: Format,
    /// Also write a picture of the fleet: an HTML page that needs no network, FILE.html.
    #[arg(long, value_name = "FILE", value_parser = page_file, value_hint = clap::ValueHint::FilePath)]
    pub html: Option<PathBuf>,
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For machines.
    Json,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Explained<'a> {
    deployment: String,
    placed: bool,
    message: &'a str,
    environments: &'a [ExplainedEnvironment],
}

/// Runs the command: explanations go to `out`, then what is wrong to `err`.
///
/// # Errors
/// `out` or `err` cannot be written.
pub fn explain(command: &Explain, stdin: &mut dyn Read, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Verdict> {
    let mut err = Lines(err);
    let Some(manifests) = load_or_say(&command.paths, stdin, &mut err)? else { return Ok(Verdict::BadInput) };
    let mut settled = settle(&manifests, Asked { deployment: command.deployment.as_deref(), checks: true });
    match command.output {
        Format::Text => write_explanations(&mut Lines(out), &settled.previewed)?,
        Format::Json => write_json(out, &settled.previewed.iter().map(explained).collect::<Vec<_>>())?,
    }
    let page = PageInput { command: "explain", settled: &settled, names_others: command.deployment.is_none() };
    settled.problems.extend(write_page(command.html.as_deref(), page));
    settled.conclude(&mut err)
}

fn explained(previewed: &Previewed) -> Explained<'_> {
    Explained {
        deployment: previewed.key.full_name(),
        placed: previewed.is_placed(),
        message: previewed.message(),
        environments: &previewed.explained,
    }
}
