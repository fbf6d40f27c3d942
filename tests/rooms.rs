//! The rooms know each other in one direction only, and so do the files in them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{ItemUse, Macro, UseTree, VisRestricted};

/// The rooms from the ground floor up: each may use those before it. `server` and `cli` do not know each other.
const ROOMS: [(&str, &[&str]); 8] = [
    ("text", &[]),
    ("structs", &["text"]),
    ("api", &["text"]),
    ("domain", &["text", "api"]),
    ("compose", &["text", "api", "domain"]),
    ("function", &["text", "structs", "api", "domain", "compose"]),
    ("server", &["text", "structs", "api", "domain", "compose", "function"]),
    ("cli", &["text", "structs", "api", "domain", "compose", "function"]),
];

/// The rooms within `domain` and `cli`, and which of their neighbours each may use. What lies beside them in the same folder all may use.
const SUB_ROOMS: [(&str, &[&str]); 11] = [
    ("domain/engine", &[]),
    ("domain/spec", &["engine"]),
    ("domain/lint", &["engine", "spec"]),
    ("domain/scheduling", &["spec", "lint"]),
    ("cli/manifests", &[]),
    ("cli/plane", &["manifests"]),
    ("cli/lint", &["manifests", "plane"]),
    ("cli/html", &["manifests", "plane"]),
    ("cli/explain", &["manifests", "plane", "html"]),
    ("cli/change", &["manifests", "plane"]),
    ("cli/preview", &["manifests", "plane", "html", "change"]),
];

/// What never enters the rules.
const NOT_IN_DOMAIN: [&str; 9] =
    ["HashMap", "HashSet", "serde_json::Value", "prost", "tonic", "std::env", "SystemTime", "Instant", "std::fs"];

/// The only files of the rules that know JSON: three read what an argument holds, one vLLM's options, one looks for braces in what would be
/// written.
const JSON_IN_DOMAIN: [&str; 8] = [
    "domain/engine/args.rs",
    "domain/engine/attention.rs",
    "domain/engine/options.rs",
    "domain/engine/replaced.rs",
    "domain/engine/speculative.rs",
    "domain/engine/template_text.rs",
    "domain/engine/transfer.rs",
    "domain/engine/values.rs",
];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every file, by its path within `src`.
fn files() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![source()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(source()).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

/// The module of a file: `domain/lint/mod.rs` is `["domain", "lint"]`.
fn module(file: &str) -> Vec<String> {
    let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
    if path == "lib" { Vec::new() } else { path.split('/').map(str::to_owned).collect() }
}

/// The paths that a file mentions, from the crate's root on.
struct Mentioned {
    module: Vec<String>,
    paths: BTreeSet<Vec<String>>,
}

impl Mentioned {
    fn of(file: &str, text: &str) -> BTreeSet<Vec<String>> {
        let mut mentioned = Self { module: module(file), paths: BTreeSet::new() };
        mentioned.visit_file(&syn::parse_file(text).unwrap());
        mentioned.paths
    }

    fn add(&mut self, path: &[String]) {
        let root: &[String] = &[];
        let outer = self.module.split_last().map_or(root, |(_, outer)| outer);
        let (base, rest) = match path {
            [first, second, ..] if first == "super" && second == "super" => (outer.split_last().map_or(root, |(_, o)| o), &path[2..]),
            [first, ..] if first == "super" => (outer, &path[1..]),
            [first, ..] if first == "self" => (self.module.as_slice(), &path[1..]),
            [first, ..] if first == "crate" => (root, &path[1..]),
            // A module that is declared in the same file.
            [..] => (self.module.as_slice(), path),
        };
        self.paths.insert(base.iter().chain(rest).cloned().collect());
    }

    fn flatten(&mut self, before: &[String], tree: &UseTree) {
        let with = |name: &dyn ToString| before.iter().cloned().chain([name.to_string()]).collect::<Vec<_>>();
        match tree {
            UseTree::Path(path) => self.flatten(&with(&path.ident), &path.tree),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.flatten(before, tree)),
            UseTree::Name(name) => self.add(&with(&name.ident)),
            UseTree::Rename(name) => self.add(&with(&name.ident)),
            UseTree::Glob(_) => self.add(before),
        }
    }
}

impl Visit<'_> for Mentioned {
    fn visit_item_use(&mut self, item: &ItemUse) {
        self.flatten(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &syn::Path) {
        self.add(&path.segments.iter().map(|segment| segment.ident.to_string()).collect::<Vec<_>>());
        visit::visit_path(self, path);
    }

    fn visit_vis_restricted(&mut self, _: &VisRestricted) {
        // `pub(super)` says who may look, and uses nothing.
    }

    fn visit_macro(&mut self, call: &Macro) {
        // What a macro is given is words: those that follow `crate ::` are a path.
        let words = call.tokens.to_string();
        for after in words.split("crate :: ").skip(1) {
            let path = after.split(" :: ").map(|word| word.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>());
            self.add(&std::iter::once("crate".to_owned()).chain(path).collect::<Vec<_>>());
        }
    }
}

/// Which files each file uses.
fn arrows() -> BTreeMap<String, BTreeSet<String>> {
    let files = files();
    let modules: BTreeMap<Vec<String>, &String> =
        files.keys().filter(|file| *file != "lib.rs" && *file != "main.rs").map(|file| (module(file), file)).collect();
    let used = |file: &String, text: &String| {
        let paths = Mentioned::of(file, text);
        let targets = paths.iter().filter_map(|path| (1..=path.len()).rev().find_map(|length| modules.get(&path[..length]).copied()));
        let targets: BTreeSet<String> = targets.filter(|target| *target != file).cloned().collect();
        (file.clone(), targets)
    };
    files.iter().filter(|(file, _)| *file != "lib.rs" && *file != "main.rs").map(|(file, text)| used(file, text)).collect()
}

fn room(file: &str) -> &str {
    file.split('/').next().unwrap()
}

fn sub_room(file: &str) -> Option<&'static str> {
    SUB_ROOMS.iter().map(|(name, _)| *name).find(|name| file.starts_with(&format!("{name}/")))
}

#[test]
fn arrows_never_point_back() {
    let mut broken = Vec::new();
    for (file, targets) in arrows() {
        let (_, allowed) = ROOMS.iter().find(|(name, _)| *name == room(&file)).unwrap();
        for target in &targets {
            let (from, to) = (sub_room(&file), sub_room(target));
            let neighbour = to.and_then(|to| to.split('/').nth(1));
            let crosses = room(&file) == room(target) && from != to && to.is_some();
            let fits = !crosses
                || SUB_ROOMS.iter().any(|(name, neighbours)| Some(*name) == from && neighbours.iter().any(|name| Some(*name) == neighbour));
            // What lies beside the rooms is what they share: it knows none of them.
            if (room(&file) != room(target) && !allowed.contains(&room(target))) || !fits {
                broken.push(format!("{file} uses {target}"));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

/// The files from which one can follow arrows and come back, each group on a line.
fn circles(arrows: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let reached = |from: &String| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(file) = next.pop() {
            next.extend(arrows.get(file).into_iter().flatten().filter(|target| seen.insert((*target).clone())));
        }
        seen
    };
    let reached: BTreeMap<&String, BTreeSet<String>> = arrows.keys().map(|file| (file, reached(file))).collect();
    let together = |file: &String| -> Vec<String> {
        let both = reached[file].iter().filter(|other| reached.get(other).is_some_and(|back| back.contains(file)));
        both.cloned().collect()
    };
    let groups: BTreeSet<Vec<String>> = arrows.keys().map(together).filter(|group| !group.is_empty()).collect();
    groups.iter().map(|group| group.join(", ")).collect()
}

#[test]
fn files_use_each_other_in_one_direction() {
    assert_eq!(circles(&arrows()), Vec::<String>::new());
}

#[test]
fn the_scan_sees_every_form_of_use() {
    let seen = |text: &str| Mentioned::of("cli/preview/table.rs", text).into_iter().map(|path| path.join("::")).collect::<Vec<_>>();
    assert_eq!(seen("use crate::server::serve;"), ["server::serve"]);
    assert_eq!(seen("fn f() { let x = crate::compose::argv::quote(a); }").last().unwrap(), "compose::argv::quote");
    assert_eq!(seen("use crate::{api, domain::names::{self, Key}};"), ["api", "domain::names::Key", "domain::names::self"]);
    assert_eq!(seen("use super::rendered::render;"), ["cli::preview::rendered::render"]);
    assert_eq!(seen("use super::super::html;"), ["cli::html"]);
    assert!(seen("fn f() { assert!(crate::server::on()); }").contains(&"server::on".to_owned()));
    assert_eq!(seen("pub(super) fn f() {}"), Vec::<String>::new());
    let arrow = |from: &str, to: &str| (from.to_owned(), BTreeSet::from([to.to_owned()]));
    assert_eq!(circles(&BTreeMap::from([arrow("a", "b"), arrow("b", "c"), arrow("c", "b")])), ["b, c"]);
}

#[test]
fn the_rules_see_no_objects_clock_or_unordered_maps() {
    let mut found = Vec::new();
    for (file, text) in files().into_iter().filter(|(file, _)| room(file) == "domain") {
        let json = JSON_IN_DOMAIN.contains(&file.as_str());
        let words = NOT_IN_DOMAIN.iter().chain((!json).then_some(&"serde_json"));
        found.extend(words.filter(|word| text.contains(**word)).map(|word| format!("{file}: {word}")));
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_file_fits_in_one_room_and_is_named_after_what_it_holds() {
    let mut found = Vec::new();
    for (file, text) in files() {
        let lines = text.lines().count();
        let name = file.rsplit('/').next().unwrap().trim_end_matches(".rs");
        if lines > 450 || ["utils", "util", "helpers", "helper", "common", "types", "misc"].contains(&name) {
            found.push(format!("{file}: {lines} lines"));
        }
    }
    assert_eq!(found, Vec::<String>::new());
}
