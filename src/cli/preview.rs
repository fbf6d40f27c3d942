//! `preview`: what manifests would become.

use std::io::{Read, Write};
use std::path::PathBuf;

use crate::api::API_VERSION;
use crate::cli::html::{Fleet, page_file, write_page};
use crate::cli::manifests::load;
use crate::cli::preview_table::Table;
use crate::cli::rendered::render;
use crate::cli::session::{Outcome, Previewed, settle};

/// What `preview` is asked for.
#[derive(Debug, Clone, clap::Args)]
pub struct Preview {
    /// Files and folders of YAML or JSON manifests; `-` is standard input.
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    pub output: Format,
    /// Also write a picture of the fleet: an HTML page that needs no network, FILE.html.
    #[arg(long, value_name = "FILE", value_parser = page_file, value_hint = clap::ValueHint::FilePath)]
    pub html: Option<PathBuf>,
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
    pub(crate) fn of(previewed: &[Previewed], problems: &[String]) -> Self {
        if !problems.is_empty() {
            Self::BadInput
        } else if previewed.iter().all(Previewed::is_placed) {
            Self::Placed
        } else {
            Self::NotPlaced
        }
    }

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

/// Runs the command: what is composed goes to `out`, then what is wrong to `err`.
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
    let Outcome { previewed, mut problems, warnings, control_plane } = settle(&manifests, &|_| false);
    if previewed.is_empty() && problems.is_empty() {
        problems.push(format!("no ModelDeployment of {API_VERSION} in these manifests"));
    }
    match command.output {
        Format::Table => write!(out, "{}", Table(&previewed))?,
        Format::Yaml => write!(out, "{}", previewed.iter().map(render).collect::<Vec<_>>().join("---\n"))?,
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
    for line in warnings.iter().chain(&problems) {
        writeln!(err, "{line}")?;
    }
    Ok(Verdict::of(&previewed, &problems))
}
