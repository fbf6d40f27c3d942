//! What somebody may have meant to write.

/// Of some names the one that something may be a misspelling of: at most a third of it is wrong.
pub(crate) fn closest<'a>(written: &str, known: &[&'a str]) -> Option<&'a str> {
    let lower = written.to_lowercase();
    let distances = known.iter().map(|name| (strsim::damerau_levenshtein(&lower, &name.to_lowercase()), *name));
    let (distance, name) = distances.min()?;
    (distance.saturating_mul(3) <= name.len().max(3)).then_some(name)
}
