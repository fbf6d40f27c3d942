//! What pods get at the weights with: a Secret, and the ServiceAccount that lists it, which is where KServe's storage initializer looks for
//! it, in both phases and in the endpoint picker.

use super::observed::Identity;
use crate::api::object::{PatchesFrom, PlainObject, Reference, SecretName};
use crate::domain::kserve::TOKEN_KEY;
use crate::domain::spec::credentials::{StorageSecret, Token};

/// The ServiceAccount of both phases.
pub fn render_service_account(identity: &Identity, secret: &str) -> PlainObject {
    PlainObject { secrets: vec![SecretName { name: secret.to_owned() }], ..PlainObject::new("ServiceAccount", identity.metadata()) }
}

/// A copy of a Secret on another cluster, still without what is secret.
///
/// provider-kubernetes v1.2.1 writes what it copied into the Object's own spec. The empty values are ours, so Crossplane empties them again;
/// the references still decide what is copied. So what is copied are keys that we know, and never all of a Secret's data.
pub fn render_secret(identity: &Identity, keys: impl IntoIterator<Item = &'static str>) -> PlainObject {
    PlainObject { data: keys.into_iter().map(|key| (key, "")).collect(), ..PlainObject::new("Secret", identity.metadata()) }
}

/// Where the token is copied from: by reference, so that it never passes through the function.
pub fn token_reference(token: &Token) -> Reference {
    reference(&token.namespace, &token.name, &token.key, TOKEN_KEY)
}

/// The same of each key of an object store's account.
pub fn storage_references(secret: &StorageSecret) -> Vec<Reference> {
    secret.keys.iter().map(|key| reference(&secret.namespace, &secret.name, key, key)).collect()
}

fn reference(namespace: &str, name: &str, from: &str, to: &str) -> Reference {
    Reference {
        patches_from: PatchesFrom {
            api_version: "v1",
            kind: "Secret",
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            field_path: format!("data[{from}]"),
        },
        to_field_path: format!("data.{to}"),
    }
}
