//! Kubernetes' own objects within ours, read without losing anything.

use serde::{Deserialize, Deserializer};

/// Reads a list of objects of which the types know every field. Another field, misspelt or of a later Kubernetes, would be dropped in
/// silence, so it is an error.
pub(super) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let items: Option<Vec<Lossless<T>>> = Option::deserialize(deserializer)?;
    Ok(items.unwrap_or_default().into_iter().map(|Lossless(item)| item).collect())
}

/// Reads an object of which the type knows every field, as [`list`] does.
pub(super) fn optional<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let item: Option<Lossless<T>> = Option::deserialize(deserializer)?;
    Ok(item.map(|Lossless(item)| item))
}

/// By this name our deserializer knows that nothing may be ignored in it.
#[derive(Deserialize)]
struct Lossless<T>(T);
