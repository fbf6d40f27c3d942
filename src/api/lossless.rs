//! Kubernetes' own objects within ours, read without losing anything.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_ignored::Path;

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

struct Lossless<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Lossless<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut lost = None;
        let item = serde_ignored::deserialize(deserializer, |path| {
            lost.get_or_insert_with(|| render(&path));
        })?;
        match lost {
            None => Ok(Self(item)),
            Some(field) => {
                Err(D::Error::custom(format!("unknown field `{field}`, which would be lost; correct its spelling or remove it")))
            }
        }
    }
}

/// The path in our own spelling: serde_ignored also counts the layers of Rust's types.
fn render(path: &Path<'_>) -> String {
    match path {
        Path::Root => String::new(),
        Path::Seq { parent, index } => format!("{}[{index}]", render(parent)),
        Path::Map { parent, key } => match render(parent) {
            outer if outer.is_empty() => key.clone(),
            outer => format!("{outer}.{key}"),
        },
        Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => render(parent),
    }
}
