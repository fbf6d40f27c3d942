//! The Hugging Face token: a Secret, and the ServiceAccount that lists it, which is where KServe's storage initializer
//! looks for it.

use std::collections::BTreeMap;

use super::observed::Identity;
use crate::api::object::{PatchesFrom, PlainObject, Reference, SecretName};
use crate::domain::kserve::TOKEN_KEY;
use crate::domain::spec::model::Token;

/// The ServiceAccount of both phases.
pub fn render_service_account(identity: &Identity, secret: &str) -> PlainObject {
    PlainObject { secrets: vec![SecretName { name: secret.to_owned() }], ..PlainObject::new("ServiceAccount", identity.metadata()) }
}

/// A copy of the Secret on another cluster, still without the token.
///
/// provider-kubernetes v1.2.1 writes what it copied into the Object's own spec. The empty value is ours, so Crossplane empties it again; the
/// reference still decides what is copied.
pub fn render_token(identity: &Identity) -> PlainObject {
    PlainObject { data: BTreeMap::from([(TOKEN_KEY, "")]), ..PlainObject::new("Secret", identity.metadata()) }
}

/// Where the token is copied from: by reference, so that it never passes through the function.
pub fn token_reference(token: &Token) -> Reference {
    Reference {
        patches_from: PatchesFrom {
            api_version: "v1",
            kind: "Secret",
            namespace: token.namespace.clone(),
            name: token.name.clone(),
            field_path: format!("data[{}]", token.key),
        },
        to_field_path: format!("data.{TOKEN_KEY}"),
    }
}
