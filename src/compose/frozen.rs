//! Placements that are left exactly as they are observed.

use serde_json::{Value, json};

use crate::compose::composition::{Body, Composed};
use crate::compose::model_deployment::Inputs;
use crate::compose::readiness::{readiness, reports_ready};
use crate::domain::names::{Key, TOKEN_KEY};
use crate::domain::placement::Placement;

/// Everything a placement has, as it is observed.
#[must_use]
pub fn freeze(inputs: &Inputs, placement: &Placement) -> Vec<(Key, Composed)> {
    let (environment, topology) = (&placement.environment, placement.topology);
    let belongs = |key: &Key| key.environment() == environment && key.topology().is_none_or(|other| other == topology);
    let frozen = inputs.observed.resources.iter().filter(|(key, _)| belongs(key)).map(|(key, resource)| {
        let ready = match key {
            Key::Service(..) | Key::ServiceObject(..) => readiness(Some(resource), topology).ready,
            Key::ServiceAccount(_) => true,
            Key::Namespace(_) | Key::ServiceAccountObject(_) | Key::Token(_) | Key::ScaledObject(_) | Key::ScaledObjectObject(_) => {
                reports_ready(Some(resource))
            }
        };
        let mut body = resource.frozen.clone();
        if matches!(key, Key::Token(_)) {
            forget_token(&mut body);
        }
        (key.clone(), Composed { body: Body::Frozen(body), ready })
    });
    frozen.collect()
}

/// A copied token is never passed on, wherever it may have been written; nor is it left to stay there.
fn forget_token(object: &mut Value) {
    if let Some(Value::Object(manifest)) = object.pointer_mut("/spec/forProvider/manifest") {
        manifest.insert("data".to_owned(), json!({TOKEN_KEY: ""}));
        manifest.remove("stringData");
    }
}
