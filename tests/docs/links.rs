//! What the pages refer to exists.

use std::path::{Path, PathBuf};

use super::project;

/// What lies at the top.
fn top() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(project()).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect()
}

/// Those at the top, docs/ and the examples' READMEs.
fn pages() -> Vec<PathBuf> {
    let mut found = top();
    let mut folders = vec![project().join("docs"), project().join("examples")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The targets of the links on a page.
fn links(text: &str) -> Vec<&str> {
    text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target).collect()
}

/// The anchors that a page's headings get.
fn anchors(page: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(page).unwrap();
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim().to_lowercase());
    let slug =
        |heading: String| heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>().replace(' ', "-");
    headings.map(slug).collect()
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in links(&text).into_iter().filter(|link| !link.starts_with("https://")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            if !target.exists() || !(anchor.is_empty() || anchors(&target).contains(&anchor.to_owned())) {
                broken.push(format!("{}: {link}", page.strip_prefix(project()).unwrap().display()));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn every_page_is_linked_from_the_readme() {
    let page = project().join("README.md");
    let readme = std::fs::read_to_string(&page).unwrap();
    let mut linked: Vec<PathBuf> = links(&readme).iter().map(|link| project().join(link)).collect();
    // Of the rules, the list of them has the links.
    let rules = std::fs::read_to_string(project().join("docs/reference/lint.md")).unwrap();
    linked.extend(links(&rules).iter().filter_map(|link| Some(project().join("docs").join(link.strip_prefix("../")?))));
    let own = |found: &PathBuf| *found != page && (found.starts_with(project().join("docs")) || top().contains(found));
    let lost: Vec<PathBuf> = pages().into_iter().filter(|page| own(page) && !linked.contains(page)).collect();
    assert_eq!(lost, Vec::<PathBuf>::new());
}

/// Who is woken by an alert is sent to the page of its cause.
#[test]
fn every_runbook_of_an_alert_leads_somewhere() {
    let alerts = std::fs::read_to_string(project().join("package/monitoring/disaggregation.yaml")).unwrap();
    let published = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/");
    let runbooks: Vec<&str> = alerts.lines().filter_map(|line| line.trim().strip_prefix("runbook_url: ")).collect();
    assert_eq!(runbooks.len(), alerts.matches("- alert: ").count(), "each alert has one");
    for runbook in runbooks {
        let (file, anchor) = runbook.strip_prefix(published).unwrap().split_once('#').unwrap();
        assert!(anchors(&project().join(file)).contains(&anchor.to_owned()), "{runbook}");
    }
}
