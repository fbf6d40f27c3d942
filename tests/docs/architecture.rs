//! ARCHITECTURE.md, and what else tells of files, speaks of what there is.

use std::path::{Path, PathBuf};

use super::project;

const PAGE: &str = "ARCHITECTURE.md";
/// The pages that name files.
const PAGES: [&str; 4] = [PAGE, "CONTRIBUTING.md", "README.md", "SECURITY.md"];
/// What a path of this project begins with, where the page names one.
const TOPS: [&str; 7] = [".ci", "docs", "examples", "package", "proto", "src", "tests"];

fn page(name: &str) -> String {
    std::fs::read_to_string(project().join(name)).unwrap()
}

/// What stands between backticks, but for whole blocks.
fn spans(text: &str) -> Vec<&str> {
    text.split("```").step_by(2).flat_map(|prose| prose.split('`').skip(1).step_by(2)).collect()
}

/// The path that a span begins with, and the test in it, if it names one.
fn named(span: &str) -> Option<(&str, Option<&str>)> {
    let word = span.split_whitespace().next()?;
    let (path, test) = word.split_once("::").map_or((word, None), |(path, test)| (path, Some(test)));
    TOPS.contains(&path.split('/').next()?).then_some((path, test))
}

/// Whether a file has a test of this name.
fn has_test(file: &Path, name: &str) -> bool {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let mut functions = text.split("#[test]").chain(text.split("#[tokio::test")).skip(1).filter_map(|rest| rest.split_once("fn "));
    functions.any(|(_, rest)| rest.split('(').next() == Some(name))
}

#[test]
fn every_file_and_test_that_a_page_names_exists() {
    let mut lost = Vec::new();
    for name in PAGES {
        let text = page(name);
        let missing = |span: &&str| {
            named(span).is_some_and(|(path, test)| {
                let file = project().join(path);
                !file.exists() || test.is_some_and(|test| !has_test(&file, test))
            })
        };
        lost.extend(spans(&text).into_iter().filter(missing).map(|span| format!("{name}: {span}")));
    }
    assert_eq!(lost, Vec::<String>::new());
}

#[test]
fn every_invariant_names_the_test_that_holds_it() {
    let text = page(PAGE);
    let invariants: Vec<&str> = text.lines().filter(|line| line.starts_with("Invariant:")).collect();
    let is_held = |line: &&str| spans(line).into_iter().any(|span| named(span).is_some_and(|(_, test)| test.is_some()));
    let loose: Vec<&&str> = invariants.iter().filter(|line| !is_held(line)).collect();
    assert_eq!(loose, Vec::<&&str>::new());
    assert!(invariants.len() >= 25, "{} invariants", invariants.len());
}

#[test]
fn every_room_is_on_the_page() {
    let (text, mut missing) = (page(PAGE), Vec::new());
    let mut folders: Vec<PathBuf> = vec![project().join("src")];
    while let Some(folder) = folders.pop() {
        let name = folder.strip_prefix(project()).unwrap().display().to_string();
        if !spans(&text).contains(&name.as_str()) {
            missing.push(name);
        }
        folders.extend(std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()));
    }
    assert_eq!(missing, Vec::<String>::new(), "{PAGE} says nothing of these");
}

#[test]
fn a_path_and_a_test_are_told_from_other_words() {
    assert_eq!(spans("a `b` c\n```text\n`d`\n```\n`e f`"), ["b", "e f"]);
    assert_eq!(named("tests/e2e/run kserve argv"), Some(("tests/e2e/run", None)));
    assert_eq!(named("tests/rooms.rs::arrows_never_point_back"), Some(("tests/rooms.rs", Some("arrows_never_point_back"))));
    assert_eq!(named("modelplane.ai/placement"), None);
    assert!(has_test(&project().join("tests/rooms.rs"), "arrows_never_point_back"));
    assert!(!has_test(&project().join("tests/rooms.rs"), "circles"), "what is no test holds nothing");
}
