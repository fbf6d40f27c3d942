//! The configuration file: how much each rule counts.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::cli::manifests::{SETTINGS_FILE, Written, load_written};
use crate::domain::finding::{Code, Severity};
use crate::domain::spec::violation::Violation;
use crate::structs::{from_struct_or_errors, to_struct};

/// How much a rule counts, by the file: `None` where it is off.
pub(crate) type Levels = BTreeMap<Code, Option<Severity>>;

/// The file as it is written. The values are read by hand, because YAML takes `off` for false.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    lint: LintSettings,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LintSettings {
    severity: BTreeMap<String, Value>,
}

/// What a file says, or the one in the current folder, if it is there.
///
/// # Errors
/// Everything that is wrong with it, a line each.
pub(crate) fn read(config: Option<&Path>) -> Result<Levels, Vec<String>> {
    let file = match config {
        Some(file) => file,
        None if Path::new(SETTINGS_FILE).exists() => Path::new(SETTINGS_FILE),
        None => return Ok(Levels::new()),
    };
    let written = load_written(file).map_err(|error| vec![error.to_string()])?;
    let [Written { value, source }] = written.as_slice() else {
        let many = || vec![format!("{}: holds {} documents; write one", file.display(), written.len())];
        return if written.is_empty() { Ok(Levels::new()) } else { Err(many()) };
    };
    levels(value).map_err(|violations| {
        let line = |violation: &Violation| {
            let position = source.locate(&violation.path);
            format!("{}:{}:{}: {violation}", file.display(), position.line, position.column)
        };
        violations.iter().map(line).collect()
    })
}

fn levels(value: &Value) -> Result<Levels, Vec<Violation>> {
    if !value.is_object() {
        return Err(vec![Violation::new("", "is no mapping; write `lint: {severity: {RULE: error, warning or off}}`")]);
    }
    let bytes = to_struct(value).map_err(|error| vec![Violation::new(error.path, error.message)])?;
    let settings: Settings = from_struct_or_errors(&bytes)
        .map_err(|errors| errors.into_iter().map(|error| Violation::new(error.path, error.message)).collect::<Vec<_>>())?;
    let (mut levels, mut violations) = (Levels::new(), Vec::new());
    for (rule, written) in &settings.lint.severity {
        match level(rule, written) {
            Ok((code, severity)) => drop(levels.insert(code, severity)),
            Err(problem) => violations.push(Violation::new(format!("lint.severity.{rule}"), problem)),
        }
    }
    if violations.is_empty() { Ok(levels) } else { Err(violations) }
}

fn level(rule: &str, written: &Value) -> Result<(Code, Option<Severity>), String> {
    let code = Code::named(rule, |_| true)?;
    let severity = match written {
        Value::Bool(false) => None,
        Value::String(word) if word == "off" => None,
        Value::String(word) if word == Severity::Error.as_str() => Some(Severity::Error),
        Value::String(word) if word == Severity::Warning.as_str() => Some(Severity::Warning),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            return Err(format!("is {written}; write error, warning or off"));
        }
    };
    if !code.can_be_dropped() && severity != Some(Severity::Error) {
        return Err("is always an error, because what breaks it is not used at all; remove the line".to_owned());
    }
    Ok((code, severity))
}
