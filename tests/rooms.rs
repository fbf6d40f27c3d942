//! The rooms know each other in one direction only: `api <- domain <- compose <- function <- {server, cli} <- main`.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms in the order of the arrows; a room may use those before it. `server` and `cli` do not know each other.
const ROOMS: [(&str, &[&str]); 6] = [
    ("api", &[]),
    ("domain", &["api"]),
    ("compose", &["api", "domain"]),
    ("function", &["api", "domain", "compose"]),
    ("server", &["api", "domain", "compose", "function"]),
    ("cli", &["api", "domain", "compose", "function"]),
];

/// What never enters the rules.
const NOT_IN_DOMAIN: [&str; 9] =
    ["HashMap", "HashSet", "serde_json::Value", "prost", "tonic", "std::env", "SystemTime", "Instant", "std::fs"];

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The rooms that a text mentions as `crate::room` or in `use crate::{room…`.
fn mentioned(text: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for after in text.split("crate::").skip(1) {
        let names: Vec<&str> = match after.strip_prefix('{') {
            Some(group) => group.split('}').next().unwrap_or_default().split(',').map(str::trim).collect(),
            None => vec![after],
        };
        for name in names {
            let name: String = name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if ROOMS.iter().any(|(room, _)| *room == name) && !rooms.contains(&name) {
                rooms.push(name);
            }
        }
    }
    rooms
}

#[test]
fn arrows_never_point_back() {
    let mut broken = Vec::new();
    for (room, allowed) in ROOMS {
        for file in files(&source().join(room)) {
            let others = mentioned(&fs::read_to_string(&file).unwrap());
            let wrong = others.into_iter().filter(|other| other != room && !allowed.contains(&other.as_str()));
            broken.extend(wrong.map(|other| format!("{} uses {other}", file.display())));
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn the_scan_sees_every_form_of_use() {
    assert_eq!(mentioned("use crate::server::serve;"), ["server"]);
    assert_eq!(mentioned("let x = crate::compose::argv::quote(a);"), ["compose"]);
    assert_eq!(mentioned("use crate::{api, domain::names};"), ["api", "domain"]);
    assert_eq!(mentioned("use crate::nothing;"), Vec::<String>::new());
}

#[test]
fn the_rules_see_no_objects_clock_or_unordered_maps() {
    let mut found = Vec::new();
    for file in files(&source().join("domain")) {
        let text = fs::read_to_string(&file).unwrap();
        found.extend(NOT_IN_DOMAIN.iter().filter(|word| text.contains(**word)).map(|word| format!("{}: {word}", file.display())));
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_file_fits_in_one_room_and_is_named_after_what_it_holds() {
    let mut found = Vec::new();
    for file in files(&source()) {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        if lines > 450 || ["utils", "util", "helpers", "helper", "common", "types", "misc"].contains(&name.as_str()) {
            found.push(format!("{}: {lines} lines", file.display()));
        }
    }
    assert_eq!(found, Vec::<String>::new());
}
