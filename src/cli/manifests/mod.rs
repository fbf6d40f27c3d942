//! Reading Kubernetes manifests from files, folders and standard input, the way `kubectl -f` takes them.

mod belonging;
mod source_map;
mod yaml_input;

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::api::GROUP;
use crate::cli::lines::Lines;
pub(crate) use belonging::{is_misnamed, is_ours, meant_kind};
pub use source_map::Position;
use source_map::{Inside, Source};
use yaml_input::Document;
pub(crate) use yaml_input::Document as Written;

/// The most that is read of one file: far above any manifest, and it ends what never would (a device, a pipe).
const MAX_FILE_BYTES: u64 = 256 * 1024 * 1024;

/// The file that configures these commands, which is no manifest.
pub(crate) const SETTINGS_FILE: &str = ".function-modelplane.yaml";

/// One Kubernetes object and where it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// The file; `<stdin>` for standard input.
    pub file: PathBuf,
    /// For example `modelplane.ai/v1alpha1`.
    pub api_version: String,
    /// For example `ModelDeployment`.
    pub kind: String,
    /// `metadata.namespace`, if it is written.
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
    /// The complete object, these fields included.
    pub object: Value,
    source: Source,
}

impl Manifest {
    /// Where the field at a path such as `spec.serving[0].engine.image` or `metadata.labels["a.b/c"]` is written. When it is not,
    /// the position is that of its nearest parent that is, at last of the object itself.
    ///
    /// A field's position is that of its key, an item's that of its first character; what comes through an alias or a merge key is
    /// where that is used.
    pub fn locate(&self, path: &str) -> Position {
        self.source.locate(path)
    }

    /// The same as `file:line:column`.
    pub fn place(&self, path: &str) -> String {
        let Position { line, column } = self.locate(path);
        format!("{}:{line}:{column}", self.file.display())
    }
}

/// Why manifests could not be read. It prints as `file:line:column: problem`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {problem}", file.display(), position.map(|Position { line, column }| format!(":{line}:{column}")).unwrap_or_default())]
pub struct ManifestError {
    /// The file or folder; `<stdin>` for standard input.
    pub file: PathBuf,
    /// Where in the file, if it is about one place.
    pub position: Option<Position>,
    /// What is wrong.
    pub problem: Problem,
}

/// What can be wrong with a file of manifests.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The file or folder cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// The file is larger than any manifest.
    #[error("is larger than 256 MiB, which no manifest is")]
    TooLarge,
    /// The folder holds nothing to read.
    #[error("no *.yaml, *.yml or *.json file in this folder (folders inside it are not read)")]
    NoFiles,
    /// Nothing but comments and empty documents.
    #[error("no manifest in here")]
    Empty,
    /// Not text.
    #[error("cannot read YAML: not UTF-8 text")]
    NotUtf8,
    /// Not YAML, or YAML that has no JSON value.
    #[error("cannot read YAML: {0}")]
    Yaml(String),
    /// A document or item of a List that is no mapping.
    #[error("a manifest must be a mapping with apiVersion, kind and metadata, not {0}")]
    NotAMapping(&'static str),
    /// A field that every manifest has is absent.
    #[error("{0} is missing: every manifest needs apiVersion, kind and metadata.name")]
    Missing(&'static str),
    /// One of the fields that name an object has the wrong type.
    #[error("{field} must be a string, not {found}: put it in quotes if it looks like something else")]
    NotAString {
        /// The field's path.
        field: &'static str,
        /// What is there instead.
        found: &'static str,
    },
}

/// What files are expected to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Manifests, each with a name.
    Manifests,
    /// Anything: what is no manifest, and concerns nobody here, comes without what it does not have.
    Anything,
}

/// Reads the manifests of all `paths`, in their order. A path is a file of any name, a folder, whose `*.yaml`, `*.yml` and `*.json`
/// files are read sorted by name, or `-` for `stdin`. The items of a List stand for themselves. What is not of our group and has no name,
/// because a control plane gives it, is left out. What in a folder is no file is not opened, because that may never end, and said in
/// `skipped`; a pipe that is itself a path is what a shell makes of `<(command)`.
///
/// # Errors
/// The first problem found: see [`Problem`]. Every path must hold at least one document.
pub fn load(paths: &[PathBuf], stdin: &mut dyn Read, skipped: &mut Vec<String>) -> Result<Vec<Manifest>, ManifestError> {
    load_expected(Expected::Manifests, paths, stdin, skipped)
}

fn load_expected(
    expected: Expected,
    paths: &[PathBuf],
    stdin: &mut dyn Read,
    skipped: &mut Vec<String>,
) -> Result<Vec<Manifest>, ManifestError> {
    let mut manifests = Vec::new();
    for path in paths {
        let mut documents = Vec::new();
        if path.as_os_str() == "-" {
            documents = tolerated(expected, Path::new("<stdin>"), stdin, skipped)?;
        } else if path.is_dir() {
            for file in manifest_files(path, skipped)? {
                documents.extend(tolerated(expected, &file, &mut open(&file)?, skipped)?);
            }
        } else if expected == Expected::Manifests || !is_settings(path) {
            documents = tolerated(expected, path, &mut open(path)?, skipped)?;
        }
        if documents.is_empty() && expected == Expected::Manifests {
            return Err(problem(path, None, Problem::Empty));
        }
        for (file, document) in documents {
            flatten(expected, &file, document, &mut manifests)?;
        }
    }
    Ok(manifests)
}

/// The documents of a file. One that is not even YAML, as a template is, stands for nothing where it need not be ours.
fn tolerated(
    expected: Expected,
    path: &Path,
    input: &mut dyn Read,
    skipped: &mut Vec<String>,
) -> Result<Vec<(PathBuf, Document)>, ManifestError> {
    let text = read_text(path, input)?;
    match parse(path, &text) {
        Ok(documents) => Ok(documents),
        Err(error) if expected == Expected::Anything && !text.contains(GROUP) => {
            skipped.push(format!("{error}; it is skipped, because it does not mention {GROUP}"));
            let position = Position { line: 1, column: 1 };
            Ok(vec![(path.to_path_buf(), Document { value: Value::Null, source: Source { position, inside: Inside::Nothing } })])
        }
        Err(error) => Err(error),
    }
}

/// The manifests of files, folders and standard input; nothing where one cannot be read, which is said.
pub(crate) fn load_or_say(paths: &[PathBuf], stdin: &mut dyn Read, err: &mut Lines<'_>) -> io::Result<Option<Vec<Manifest>>> {
    load_expected_or_say(Expected::Manifests, paths, stdin, err)
}

/// The same, of files of which not all need to hold manifests.
pub(crate) fn load_expected_or_say(
    expected: Expected,
    paths: &[PathBuf],
    stdin: &mut dyn Read,
    err: &mut Lines<'_>,
) -> io::Result<Option<Vec<Manifest>>> {
    let mut skipped = Vec::new();
    let read = load_expected(expected, paths, stdin, &mut skipped);
    skipped.iter().try_for_each(|line| err.line(line))?;
    match read {
        Ok(manifests) => Ok(Some(manifests)),
        Err(error) => err.line(&error.to_string()).map(|()| None),
    }
}

/// The documents of a file that holds no manifests.
///
/// # Errors
/// It cannot be read, or is not YAML.
pub(crate) fn load_written(path: &Path) -> Result<Vec<Written>, ManifestError> {
    let text = read_text(path, &mut open(path)?)?;
    Ok(parse(path, &text)?.into_iter().map(|(_, document)| document).collect())
}

fn problem(file: &Path, position: Option<Position>, problem: Problem) -> ManifestError {
    let file = if file.as_os_str() == "-" { Path::new("<stdin>") } else { file };
    ManifestError { file: file.to_path_buf(), position, problem }
}

fn unreadable(path: &Path, error: &io::Error) -> ManifestError {
    problem(path, None, Problem::Unreadable(error.to_string()))
}

/// The files in a folder that are read, sorted by name.
fn manifest_files(folder: &Path, skipped: &mut Vec<String>) -> Result<Vec<PathBuf>, ManifestError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, &error))? {
        let path = entry.map_err(|error| unreadable(folder, &error))?.path();
        let wanted = path.extension().is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|known| extension == *known));
        if wanted && !path.is_dir() && !is_settings(&path) {
            files.push(path);
        }
    }
    files.sort();
    // A link to nowhere is said when it is opened.
    let is_other = |path: &PathBuf| fs::metadata(path).is_ok_and(|metadata| !metadata.is_file());
    let (others, files): (Vec<PathBuf>, Vec<PathBuf>) = files.into_iter().partition(is_other);
    skipped.extend(others.iter().map(|path| format!("{}: is no file but a pipe, socket or device, and is skipped", path.display())));
    if files.is_empty() { Err(problem(folder, None, Problem::NoFiles)) } else { Ok(files) }
}

fn is_settings(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == SETTINGS_FILE)
}

fn open(path: &Path) -> Result<fs::File, ManifestError> {
    fs::File::open(path).map_err(|error| unreadable(path, &error))
}

fn read_text(path: &Path, input: &mut dyn Read) -> Result<String, ManifestError> {
    let mut bytes = Vec::new();
    input.take(MAX_FILE_BYTES).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length == MAX_FILE_BYTES) {
        return Err(problem(path, None, Problem::TooLarge));
    }
    String::from_utf8(bytes).map_err(|error| problem(path, Some(end_of_text(error.as_bytes())), Problem::NotUtf8))
}

fn parse(path: &Path, text: &str) -> Result<Vec<(PathBuf, Document)>, ManifestError> {
    let read = yaml_input::read(text).map_err(|error| problem(path, error.position, Problem::Yaml(error.reason)))?;
    Ok(read.into_iter().map(|document| (path.to_path_buf(), document)).collect())
}

/// Where the first byte is that is not UTF-8.
fn end_of_text(bytes: &[u8]) -> Position {
    let text = bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let next = |count: usize| u64::try_from(count).unwrap_or(u64::MAX).saturating_add(1);
    let last_line = text.rsplit('\n').next().unwrap_or_default();
    Position { line: next(text.matches('\n').count()), column: next(last_line.chars().count()) }
}

/// Appends the document's manifest, or those of its items if it is a List.
fn flatten(expected: Expected, file: &Path, document: Document, manifests: &mut Vec<Manifest>) -> Result<(), ManifestError> {
    let Document { mut value, mut source } = document;
    if let Some((items, sources)) = take_items(&mut value, &mut source) {
        for (value, source) in items.into_iter().zip(sources) {
            flatten(expected, file, Document { value, source }, manifests)?;
        }
    } else if expected == Expected::Anything && concerns_others(&value) {
        manifests.push(as_it_is(file, value, source));
    } else {
        manifests.extend(manifest(file, value, source)?);
    }
    Ok(())
}

/// Whether nothing says that a document is ours.
fn concerns_others(value: &Value) -> bool {
    let (api_version, kind) = (text(value, "/apiVersion"), text(value, "/kind"));
    !is_ours(api_version) && !is_misnamed(api_version, kind)
}

/// A document of others, with what it has of a manifest.
fn as_it_is(file: &Path, object: Value, source: Source) -> Manifest {
    let owned = |pointer: &str| text(&object, pointer).to_owned();
    let namespace = Some(owned("/metadata/namespace")).filter(|namespace| !namespace.is_empty());
    let (api_version, kind, name) = (owned("/apiVersion"), owned("/kind"), owned("/metadata/name"));
    Manifest { file: file.to_path_buf(), api_version, kind, namespace, name, object, source }
}

/// A text in a document; empty where there is none.
fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The items of a List of any kind (`List`, `ModelDeploymentList`), and their places.
fn take_items(value: &mut Value, source: &mut Source) -> Option<(Vec<Value>, Vec<Source>)> {
    let is_list = value.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
    let items = value.get_mut("items").filter(|_| is_list)?.as_array_mut()?;
    let Inside::Fields(fields) = &mut source.inside else { return None };
    let Inside::Items(sources) = &mut fields.get_mut("items")?.inside else { return None };
    Some((std::mem::take(items), std::mem::take(sources)))
}

/// The document's manifest; `None` for one without a name that is not ours.
fn manifest(file: &Path, object: Value, source: Source) -> Result<Option<Manifest>, ManifestError> {
    if !object.is_object() {
        return Err(problem(file, Some(source.position), Problem::NotAMapping(type_of(&object))));
    }
    let optional = |field: &'static str, pointer: &str| match object.pointer(pointer) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => Err(problem(file, Some(source.locate(field)), Problem::NotAString { field, found: type_of(other) })),
    };
    let required =
        |field, pointer| optional(field, pointer)?.ok_or_else(|| problem(file, Some(source.locate(field)), Problem::Missing(field)));
    let api_version = required("apiVersion", "/apiVersion")?;
    let kind = required("kind", "/kind")?;
    let name = match optional("metadata.name", "/metadata/name")? {
        None if concerns_others(&object) => return Ok(None),
        _ => required("metadata.name", "/metadata/name")?,
    };
    let namespace = optional("metadata.namespace", "/metadata/namespace")?;
    Ok(Some(Manifest { file: file.to_path_buf(), api_version, kind, name, namespace, object, source }))
}

/// What a value is, for an error message.
fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}
