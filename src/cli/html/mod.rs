//! The picture of a fleet as one HTML page that needs nothing else: no script, no font, no network.

mod deployments;
mod escaper;
mod fleet;
mod tally;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use askama::Template;

use crate::api::{API_VERSION, inference_environment};
use crate::cli::html::deployments::{DeploymentView, deployments};
use crate::cli::html::fleet::{EnvironmentView, Subject, environments};
use crate::cli::html::tally::Tally;
use crate::cli::plane::{object_key::ObjectKey, session::Settled};

/// What a page is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageInput<'a> {
    /// The command that was run.
    pub(crate) command: &'static str,
    /// The deployments that the page is about, and everything around them.
    pub(crate) settled: &'a Settled,
    /// Whether deployments that it is not about are named all the same.
    pub(crate) names_others: bool,
}

/// The most environments, or deployments, that are shown with everything about them open.
const MOST_OPEN: usize = 30;
/// The most rejections that are shown as marks beside their table.
const MOST_MARKS: usize = 500;

#[derive(Debug, Template)]
#[template(path = "page.html")]
struct Page<'a> {
    command: &'static str,
    css: &'static str,
    widths: BTreeSet<u64>,
    fleet: Tally,
    placed: usize,
    placements: u64,
    wanted: usize,
    rejections: u64,
    deployments: Vec<DeploymentView<'a>>,
    /// Whether there are too many deployments to show all of each.
    many_deployments: bool,
    marks: bool,
    environments: usize,
    cards: Vec<EnvironmentView>,
    /// Environments that nothing is placed in, where there are too many for a card each.
    rest: Vec<EnvironmentView>,
    many_environments: bool,
    problems: &'a [String],
    warnings: &'a [String],
}

/// The FILE of `--html`: only a page's name is taken, because what is there is overwritten.
///
/// # Errors
/// It could be a manifest, or standard output, which holds the text.
pub(crate) fn page_file(text: &str) -> Result<PathBuf, String> {
    let file = PathBuf::from(text);
    let is_page = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("html") || extension.eq_ignore_ascii_case("htm"));
    if is_page { Ok(file) } else { Err("a page's name must end with .html, so that no manifest is overwritten".to_owned()) }
}

/// Writes the page, if there is to be one. Returns what went wrong.
pub(crate) fn write_page(file: Option<&Path>, input: PageInput<'_>) -> Option<String> {
    let file = file?;
    let written = match page(input).render() {
        Ok(text) => fs::write(file, text).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    written.err().map(|error| format!("{}: cannot be written: {error}", file.display()))
}

fn page(input: PageInput<'_>) -> Page<'_> {
    let PageInput { command, settled: Settled { previewed, control_plane, problems, warnings }, names_others } = input;
    let named = previewed.iter().enumerate();
    let numbers: BTreeMap<&ObjectKey, usize> = named.map(|(index, previewed)| (&previewed.key, index.saturating_add(1))).collect();
    let many_environments = control_plane.keys_of(API_VERSION, inference_environment::KIND).len() > MOST_OPEN;
    let all = environments(control_plane, Subject { numbers: &numbers, names_others }, many_environments);
    let deployments = deployments(previewed, &all);
    let tally = Tally::sum(all.iter().map(|environment| &environment.tally));
    let mut widths = fleet::widths(&all);
    widths.extend(deployments::widths(&deployments));
    widths.extend(tally.shares().iter().map(|share| share.gpus));
    let listed = deployments.iter().fold(0, |sum: usize, deployment| sum.saturating_add(deployment.rejections.len()));
    let environments = all.len();
    let (cards, rest) = all.into_iter().partition(|environment| !many_environments || !environment.holders.is_empty());
    Page {
        command,
        css: include_str!("page.css"),
        widths,
        fleet: tally,
        placed: deployments.iter().filter(|deployment| deployment.placed).count(),
        placements: deployments.iter().fold(0, |sum: u64, deployment| sum.saturating_add(u64::from(deployment.total))),
        wanted: deployments.iter().fold(0, |sum: usize, deployment| sum.saturating_add(deployment.wanted)),
        rejections: deployments.iter().fold(0, |sum: u64, deployment| sum.saturating_add(u64::from(deployment.rejected))),
        many_deployments: deployments.len() > MOST_OPEN,
        marks: listed <= MOST_MARKS,
        deployments,
        environments,
        cards,
        rest,
        many_environments,
        problems,
        warnings,
    }
}
