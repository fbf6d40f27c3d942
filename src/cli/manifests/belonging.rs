//! Whether an object is of a kind of ours, or was meant to be.

use crate::api::kinds::{KINDS, Kind};
use crate::api::{GROUP, input};
use crate::text::spelling::closest;

/// What every group of ours has in it.
const OUR_NAME: &str = "modelplane";

/// Whether an object is of our group, in whatever version.
pub(crate) fn is_ours(api_version: &str) -> bool {
    group(api_version) == GROUP
}

/// Whether an object of another group was meant to be of ours: its kind is one, or nearly, and so is its group. `Model` alone says nothing,
/// because others have one.
pub(crate) fn is_misnamed(api_version: &str, kind: &str) -> bool {
    let group = group(api_version);
    if group == GROUP || input::API_VERSION.starts_with(&format!("{group}/")) {
        return false;
    }
    let resembles = api_version.contains(OUR_NAME) || closest(group, &[GROUP]).is_some();
    let only_ours = Kind::of(kind).is_some_and(|kind| !kind.short.is_empty());
    meant_kind(kind).is_some() && (resembles || (group.is_empty() && only_ours))
}

/// The kind of ours that a word names, or nearly.
pub(crate) fn meant_kind(kind: &str) -> Option<&'static str> {
    closest(kind, &KINDS.map(|known| known.name))
}

/// Empty where none is written.
fn group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}
