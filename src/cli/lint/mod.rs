//! `lint`: what is wrong with manifests, also what only shows at run time.

pub mod catalogue;
mod judging;
mod references;
mod report;
mod selection;
mod settings;

use std::io::{self, Read, Write};
use std::path::PathBuf;

use crate::api::API_VERSION;
use crate::cli::lines::Lines;
use crate::cli::lint::judging::{Placed, concerns_us, judge};
use crate::cli::lint::references::Referable;
use crate::cli::lint::report::LintReport;
use crate::cli::lint::selection::{Selection, droppable_rules, rules};
use crate::cli::manifests::{Expected, Manifest, load_expected_or_say};
use crate::cli::plane::running::refuse_running;
use crate::domain::finding::Code;

/// What `lint` is asked for.
#[derive(Debug, Clone, clap::Args)]
pub struct Lint {
    /// What to look at.
    #[command(flatten)]
    pub files: Files,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    pub output: Format,
    /// Count warnings as errors.
    #[arg(long)]
    pub strict: bool,
    /// Look for these rules only, separated by ','. SpecInvalid and TemplateText always count.
    #[arg(long, value_name = "RULE", value_delimiter = ',', hide_possible_values = true, value_parser = rules())]
    pub select: Vec<Code>,
    /// Leave these rules out, separated by ','.
    #[arg(long, value_name = "RULE", value_delimiter = ',', hide_possible_values = true, value_parser = droppable_rules())]
    pub ignore: Vec<Code>,
    /// Print all rules instead, as text or JSON.
    #[arg(long, conflicts_with_all = ["paths", "explain"])]
    pub rules: bool,
    /// Print the page of a rule instead: what happens, a bad and a good example, since when.
    #[arg(long, value_name = "RULE", hide_possible_values = true, value_parser = rules(), conflicts_with = "paths")]
    pub explain: Option<Code>,
    /// The file that says how much each rule counts: by default .function-modelplane.yaml in the current folder, if it is there.
    ///
    /// `lint: {severity: {RULE: error}}`, or warning, or off. Flags win over it.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// The files, and what they are expected to hold.
#[derive(Debug, Clone, clap::Args)]
pub struct Files {
    /// Files and folders of YAML or JSON manifests; `-` is standard input.
    ///
    /// What depends on hardware is judged by the environments among them.
    #[arg(required_unless_present_any = ["rules", "explain"])]
    pub paths: Vec<PathBuf>,
    /// The files are only some of those that are applied together, as those of a commit are.
    ///
    /// It is no error then that none is of ours, and what they refer to may be elsewhere.
    #[arg(long)]
    pub partial: bool,
    /// Count objects of other kinds as errors, instead of skipping them.
    #[arg(long)]
    pub strict_kinds: bool,
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
    if let Some(code) = command.explain {
        return catalogue::explain(code, &mut Lines(out)).map(|()| Found::Clean);
    }
    if command.rules {
        return list_rules(command.output, out, err);
    }
    let mut err = Lines(err);
    let levels = match settings::read(command.config.as_deref()) {
        Ok(levels) => levels,
        Err(problems) => {
            problems.iter().try_for_each(|problem| err.line(problem))?;
            return Ok(Found::BadInput);
        }
    };
    let loaded = load_expected_or_say(Expected::Anything, &command.files.paths, stdin, &mut err)?;
    let Some(manifests) = loaded else { return Ok(Found::BadInput) };
    if let Some(problem) = refuse_running(&manifests) {
        err.line(&problem)?;
        return Ok(Found::BadInput);
    }
    let (ours, others): (Vec<&Manifest>, Vec<&Manifest>) = manifests.iter().partition(|manifest| concerns_us(manifest));
    if ours.is_empty() && !command.files.partial && !command.files.strict_kinds {
        err.line(&format!("no object of {API_VERSION} in these manifests"))?;
        return Ok(Found::BadInput);
    }
    let (objects, skipped) = if command.files.strict_kinds { (manifests.iter().collect(), 0) } else { (ours, others.len()) };
    let selection = Selection { select: &command.select, ignore: &command.ignore, levels };
    let referable = (!command.files.partial).then(|| Referable::of(&manifests));
    let report = LintReport { findings: selection.of(judge(&objects, referable)), objects: objects.len(), skipped };
    match command.output {
        Format::Text => report.write_text(&mut Lines(out))?,
        Format::Json => report.write_json(out)?,
        Format::Sarif => report.write_sarif(out)?,
        Format::Github => report.write_github(out)?,
    }
    let counts = |placed: &Placed<'_>| placed.accepted.is_none() && (placed.finding.is_error() || command.strict);
    Ok(if report.findings.iter().any(counts) { Found::Errors } else { Found::Clean })
}

fn list_rules(format: Format, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Found> {
    match format {
        Format::Text => catalogue::write_text(&mut Lines(out))?,
        Format::Json => catalogue::write_list(out)?,
        Format::Sarif | Format::Github => {
            Lines(err).line("--rules is text or JSON: it finds nothing that a scanner or GitHub could show; take -o text or -o json")?;
            return Ok(Found::BadInput);
        }
    }
    Ok(Found::Clean)
}
