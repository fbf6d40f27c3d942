//! What in manifests says that it runs. Only a control plane knows where: decided on again, it would be shown elsewhere.

use serde_json::Value;

use crate::api::API_VERSION;
use crate::cli::manifests::Manifest;
use crate::cli::plane::kinds::object_key;
use crate::domain::names::PLACEMENT_ANNOTATION;

/// One line against manifests some of which run already; nothing where none does.
pub(crate) fn refuse_running(manifests: &[Manifest]) -> Option<String> {
    let mut running = manifests.iter().filter_map(|manifest| Some((manifest, evidence(manifest)?)));
    let (manifest, path) = running.next()?;
    let also = match running.count() {
        0 => String::new(),
        others => format!(" (and {others} more)"),
    };
    Some(format!(
        "{}: {path}: {}{also} runs already, and from manifests alone would be shown where it does not; give an export to preview --live, or \
         take status and spec.crossplane out",
        manifest.place(&path),
        object_key(manifest)
    ))
}

/// The path of what shows that an object runs, or that something runs on it.
fn evidence(manifest: &Manifest) -> Option<String> {
    let at = |pointer: &str| manifest.object.pointer(pointer);
    let list = |pointer: &str| at(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let annotated = || at("/metadata/annotations").is_some_and(|texts| texts.get(PLACEMENT_ANNOTATION).is_some());
    if manifest.api_version != API_VERSION {
        return annotated().then(|| format!("metadata.annotations[{PLACEMENT_ANNOTATION:?}]"));
    }
    let found = [
        ("spec.crossplane.resourceRefs", !list("/spec/crossplane/resourceRefs").is_empty()),
        // What preview itself prints has placements, too, but was never seen by a control plane.
        ("status.placements", list("/status/placements/items").iter().any(|item| at("/metadata/uid").is_some() || was_seen(item))),
        ("status.ledger", at("/status/ledger/placements").and_then(Value::as_u64).is_some_and(|placements| placements > 0)),
    ];
    found.into_iter().find_map(|(path, is)| is.then(|| path.to_owned()))
}

/// Whether a placement in a status was there, or even served.
fn was_seen(item: &Value) -> bool {
    item.get("uid").is_some() || ["ready", "settled"].iter().any(|field| item.get(field) == Some(&Value::Bool(true)))
}
