//! Which findings the owner of an object accepts: annotation `modelplane.ai/lint-ignore`, a `RULE=reason` a line.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{Code, Finding};
use super::names::LINT_IGNORE_ANNOTATION;

/// So many entries are read: more than there are rules, and it bounds what a hostile text costs.
const MOST_ENTRIES: usize = 64;

/// A finding that is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppressed {
    /// What was found.
    pub finding: Finding,
    /// Why it is accepted.
    pub reason: String,
}

/// What one object's annotation accepts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Suppressions {
    accepted: BTreeMap<Code, String>,
    faults: Vec<Finding>,
}

impl Suppressions {
    /// Reads an object's annotations.
    pub fn read(annotations: &BTreeMap<String, String>) -> Self {
        let mut read = Self::default();
        let text = annotations.get(LINT_IGNORE_ANNOTATION).map(String::as_str).unwrap_or_default();
        let mut entries = text.split(['\n', ';']).map(str::trim).filter(|entry| !entry.is_empty());
        for entry in entries.by_ref().take(MOST_ENTRIES) {
            let (rule, reason) = entry.split_once('=').unwrap_or((entry, ""));
            match read.accept(rule.trim(), reason.trim()) {
                Ok((code, reason)) => drop(read.accepted.insert(code, reason)),
                Err(problem) => read.faults.push(about(Code::SuppressionInvalid, problem)),
            }
        }
        if entries.next().is_some() {
            let problem = format!("has more than {MOST_ENTRIES} entries, and the others do not count; write one for each rule");
            read.faults.push(about(Code::SuppressionInvalid, problem));
        }
        read
    }

    fn accept(&self, rule: &str, reason: &str) -> Result<(Code, String), String> {
        let code = Code::named(rule, Code::can_be_accepted).map_err(|problem| format!("ignores {rule:?}, and {problem}"))?;
        if !code.can_be_dropped() {
            return Err(format!(
                "ignores {rule}, which nobody can: what breaks it is not used at all; mend the field, and remove the entry"
            ));
        }
        if !code.can_be_accepted() {
            return Err(format!("ignores {rule}, which is about this annotation itself; mend or remove the entry that it names"));
        }
        if reason.is_empty() {
            return Err(format!("ignores {rule} without a reason, so it does not count; write {rule}=REASON"));
        }
        if self.accepted.contains_key(&code) {
            return Err(format!("ignores {rule} twice; keep one entry"));
        }
        Ok((code, reason.to_owned()))
    }

    /// What stays of findings, and what is accepted of them.
    pub fn split(&self, findings: Vec<Finding>) -> (Vec<Finding>, Vec<Suppressed>) {
        let (mut kept, mut suppressed) = (Vec::new(), Vec::new());
        for finding in findings {
            match self.accepted.get(&finding.code) {
                Some(reason) => suppressed.push(Suppressed { finding, reason: reason.clone() }),
                None => kept.push(finding),
            }
        }
        (kept, suppressed)
    }

    /// What is wrong with the annotation itself.
    pub fn faults(&self) -> &[Finding] {
        &self.faults
    }

    /// Entries that accept nothing of what was found, of those rules that had what they look at.
    pub fn unused<'a>(&self, suppressed: impl IntoIterator<Item = &'a Suppressed>, judged: impl Fn(Code) -> bool) -> Vec<Finding> {
        let used: BTreeSet<Code> = suppressed.into_iter().map(|suppressed| suppressed.finding.code).collect();
        let unused = self.accepted.keys().filter(|code| !used.contains(code) && judged(**code));
        let problem = |code: &Code| format!("ignores {}, of which nothing is found here; remove the entry", code.as_str());
        unused.map(|code| about(Code::SuppressionUnused, problem(code))).collect()
    }
}

fn about(code: Code, problem: String) -> Finding {
    Finding::warning(code, format!("metadata.annotations[{LINT_IGNORE_ANNOTATION:?}]"), problem)
}
