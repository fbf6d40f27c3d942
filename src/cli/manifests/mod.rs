//! Reading Kubernetes manifests from files, folders and standard input, the way `kubectl -f` takes them.

mod source_map;
mod yaml_input;

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::api::GROUP;

use crate::cli::lines::Lines;
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

/// Reads the manifests of all `paths`, in their order. A path is a file of any name, a folder, whose `*.yaml`, `*.yml` and `*.json`
/// files are read sorted by name, or `-` for `stdin`. The items of a List stand for themselves. What is not of our group and has no name,
/// because a control plane gives it, is left out. What in a folder is no file is not opened, because that may never end, and said in
/// `skipped`; a pipe that is itself a path is what a shell makes of `<(command)`.
///
/// # Errors
/// The first problem found: see [`Problem`]. Every path must hold at least one document.
pub fn load(paths: &[PathBuf], stdin: &mut dyn Read, skipped: &mut Vec<String>) -> Result<Vec<Manifest>, ManifestError> {
    let mut manifests = Vec::new();
    for path in paths {
        let mut documents = Vec::new();
        if path.as_os_str() == "-" {
            read_documents(Path::new("<stdin>"), stdin, &mut documents)?;
        } else if path.is_dir() {
            for file in manifest_files(path, skipped)? {
                read_file(&file, &mut documents)?;
            }
        } else {
            read_file(path, &mut documents)?;
        }
        if documents.is_empty() {
            return Err(problem(path, None, Problem::Empty));
        }
        for (file, document) in documents {
            flatten(&file, document, &mut manifests)?;
        }
    }
    Ok(manifests)
}

/// The manifests of files, folders and standard input; nothing where one cannot be read, which is said.
pub(crate) fn load_or_say(paths: &[PathBuf], stdin: &mut dyn Read, err: &mut Lines<'_>) -> io::Result<Option<Vec<Manifest>>> {
    let mut skipped = Vec::new();
    let read = load(paths, stdin, &mut skipped);
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
    let mut documents = Vec::new();
    read_file(path, &mut documents)?;
    Ok(documents.into_iter().map(|(_, document)| document).collect())
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
        if wanted && !path.is_dir() && path.file_name().is_none_or(|name| name != SETTINGS_FILE) {
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

fn read_file(path: &Path, documents: &mut Vec<(PathBuf, Document)>) -> Result<(), ManifestError> {
    let mut file = fs::File::open(path).map_err(|error| unreadable(path, &error))?;
    read_documents(path, &mut file, documents)
}

fn read_documents(path: &Path, input: &mut dyn Read, documents: &mut Vec<(PathBuf, Document)>) -> Result<(), ManifestError> {
    let mut bytes = Vec::new();
    input.take(MAX_FILE_BYTES).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length == MAX_FILE_BYTES) {
        return Err(problem(path, None, Problem::TooLarge));
    }
    let Ok(text) = str::from_utf8(&bytes) else {
        return Err(problem(path, Some(end_of_text(&bytes)), Problem::NotUtf8));
    };
    let read = yaml_input::read(text).map_err(|error| problem(path, error.position, Problem::Yaml(error.reason)))?;
    documents.extend(read.into_iter().map(|document| (path.to_path_buf(), document)));
    Ok(())
}

/// Where the first byte is that is not UTF-8.
fn end_of_text(bytes: &[u8]) -> Position {
    let text = bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let next = |count: usize| u64::try_from(count).unwrap_or(u64::MAX).saturating_add(1);
    let last_line = text.rsplit('\n').next().unwrap_or_default();
    Position { line: next(text.matches('\n').count()), column: next(last_line.chars().count()) }
}

/// Appends the document's manifest, or those of its items if it is a List.
fn flatten(file: &Path, document: Document, manifests: &mut Vec<Manifest>) -> Result<(), ManifestError> {
    let Document { mut value, mut source } = document;
    let Some((items, sources)) = take_items(&mut value, &mut source) else {
        manifests.extend(manifest(file, value, source)?);
        return Ok(());
    };
    for (value, source) in items.into_iter().zip(sources) {
        flatten(file, Document { value, source }, manifests)?;
    }
    Ok(())
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
        None if !is_ours(&api_version) => return Ok(None),
        _ => required("metadata.name", "/metadata/name")?,
    };
    let namespace = optional("metadata.namespace", "/metadata/namespace")?;
    Ok(Some(Manifest { file: file.to_path_buf(), api_version, kind, name, namespace, object, source }))
}

/// Whether an object is of our group, in whatever version.
pub(crate) fn is_ours(api_version: &str) -> bool {
    api_version.split_once('/').is_some_and(|(group, _)| group == GROUP)
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
