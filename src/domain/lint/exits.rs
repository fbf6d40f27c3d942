//! What is said of an engine that exits at start because of what its vLLM refuses.

use crate::domain::engine::{options::Absence, release::Release};
use crate::domain::finding::Severity;

/// How sure it is that the engine exits, and the words for it: an image that is not vLLM's own may add to what vLLM takes.
pub(super) fn exits(release: Option<Release>) -> (Severity, &'static str) {
    match release {
        Some(_) => (Severity::Error, "exits at start because"),
        None => (Severity::Warning, "exits at start, unless its image adds to vLLM, because"),
    }
}

/// What is wrong with something that other releases have, and what to do; `None` where none has it.
pub(super) fn lacking(absence: Absence, what: &str) -> Option<(String, String)> {
    match absence {
        Absence::Everywhere => None,
        Absence::Since(gone) => Some((format!("vLLM has had no {what} since {gone}"), "remove it".to_owned())),
        Absence::Until(first) => {
            Some((format!("vLLM has no {what} before {first}"), format!("remove it, or take an image of v{first} or later")))
        }
    }
}
