//! What `lint` prints, for people and for machines.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::{catalogue::url, judging::Placed};
use crate::cli::manifests::{Manifest, Position};
use crate::cli::{json_output::write_json, lines::Lines};
use crate::domain::lint::{Code, Finding, Severity};
use crate::text::visible::visible;

/// Everything that was found.
pub(crate) struct LintReport<'a> {
    /// In the order of the manifests.
    pub(crate) findings: Vec<Placed<'a>>,
    /// How many objects were looked at.
    pub(crate) objects: usize,
    /// How many were of other kinds.
    pub(crate) skipped: usize,
}

impl LintReport<'_> {
    /// A line for each finding, `file:line:column: severity rule: field: message`, then their number.
    pub(crate) fn write_text(&self, lines: &mut Lines<'_>) -> io::Result<()> {
        for Placed { manifest, position: Position { line, column }, finding, .. } in self.told() {
            let Finding { code, severity, path, message } = finding;
            let field = if path.is_empty() { String::new() } else { format!("{path}: ") };
            let (file, severity, rule) = (manifest.file.display(), severity.as_str(), code.as_str());
            lines.line(&format!("{file}:{line}:{column}: {severity} {rule}: {field}{message}"))?;
        }
        let count = |severity| self.told().filter(|placed| placed.finding.severity == severity).count();
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        let ignored = self.findings.iter().filter(|placed| placed.accepted.is_some()).count();
        let ignored = if ignored == 0 { String::new() } else { format!(", {ignored} ignored") };
        let objects = plural(self.objects, "object");
        let skipped = match self.skipped {
            0 => String::new(),
            1 => "; 1 of another kind is skipped".to_owned(),
            skipped => format!("; {skipped} of other kinds are skipped"),
        };
        lines.line(&format!("{}, {}{ignored} in {objects}{skipped}", plural(errors, "error"), plural(warnings, "warning")))
    }

    /// What nobody accepts.
    fn told(&self) -> impl Iterator<Item = &Placed<'_>> {
        self.findings.iter().filter(|placed| placed.accepted.is_none())
    }

    /// A list of objects.
    pub(crate) fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let listed: Vec<Value> = self.findings.iter().map(as_json).collect();
        write_json(out, &listed)
    }

    /// SARIF 2.1.0.
    pub(crate) fn write_sarif(&self, out: &mut dyn Write) -> io::Result<()> {
        let rules: Vec<Value> = Code::ALL.iter().map(|code| sarif_rule(*code)).collect();
        let results: Vec<Value> = self.findings.iter().map(sarif_result).collect();
        let driver = json!({
            "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION"), "informationUri": env!("CARGO_PKG_REPOSITORY"), "rules": rules,
        });
        let runs = json!([{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}]);
        let schema = "https://json.schemastore.org/sarif-2.1.0.json";
        write_json(out, &json!({"$schema": schema, "version": "2.1.0", "runs": runs}))
    }

    /// A workflow command for each finding, which GitHub shows beside the line.
    pub(crate) fn write_github(&self, out: &mut dyn Write) -> io::Result<()> {
        for Placed { manifest, position: Position { line, column }, finding, .. } in self.told() {
            let file = escape(&within_repository(manifest)).replace(',', "%2C").replace(':', "%3A");
            let text = escape(&format!("{}: {}", finding.path, finding.message));
            let (severity, title) = (finding.severity.as_str(), finding.code.as_str());
            writeln!(out, "::{severity} file={file},line={line},col={column},title={title}::{text}")?;
        }
        Ok(())
    }
}

fn as_json(placed: &Placed<'_>) -> Value {
    let Placed { manifest, position, finding, accepted } = placed;
    json!({
        "file": manifest.file.display().to_string(), "line": position.line, "column": position.column,
        "kind": manifest.kind, "namespace": manifest.namespace, "name": manifest.name,
        "rule": finding.code.as_str(), "severity": finding.severity.as_str(), "path": finding.path, "message": finding.message,
        "ignored": accepted,
    })
}

fn sarif_rule(code: Code) -> Value {
    let surest = code.severities().first().copied().unwrap_or(Severity::Warning);
    json!({
        "id": code.as_str(), "shortDescription": {"text": code.meaning()}, "helpUri": url(code),
        "defaultConfiguration": {"level": surest.as_str()},
    })
}

fn sarif_result(placed: &Placed<'_>) -> Value {
    let Placed { manifest, position, finding, accepted } = placed;
    let file = within_repository(manifest).replace('\\', "/");
    // An empty list says that it is not suppressed, and all results of a run have one or none does.
    let suppression = |reason: &String| json!({"kind": "inSource", "justification": reason});
    let suppressions: Vec<Value> = accepted.iter().map(suppression).collect();
    let region = json!({"startLine": position.line, "startColumn": position.column});
    json!({
        "ruleId": finding.code.as_str(), "level": finding.severity.as_str(),
        "message": {"text": format!("{}: {}", finding.path, finding.message)},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": file}, "region": region}}],
        "suppressions": suppressions,
    })
}

/// The file as code scanners know it, which compare it with names in a repository.
fn within_repository(manifest: &Manifest) -> String {
    let file = manifest.file.display().to_string();
    file.strip_prefix("./").map_or_else(|| file.clone(), str::to_owned)
}

/// A text in a workflow command: nothing in it ends that.
fn escape(text: &str) -> String {
    visible(text).replace('%', "%25")
}

fn plural(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}
