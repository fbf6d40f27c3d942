//! With what pods get at the weights: a Secret, or a ServiceAccount that is there already.

use super::at::At;
use crate::api::limits;
use crate::api::model::{ModelSpec, SecretRef, StorageSecretRef};
use crate::api::model_deployment::ModelKind;
use crate::domain::kserve::{STORAGE_ACCOUNT_KEYS, TOKEN_KEY};
use crate::domain::names::object_name_error;

/// With what pods get at the weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// What the ServiceAccount `default` has.
    Default,
    /// A Hugging Face token.
    Token(Token),
    /// An account of an object store.
    Storage(StorageSecret),
    /// The ServiceAccount of that name, which is there already.
    ServiceAccount(String),
}

/// Where a Hugging Face token is, in the control plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The Secret's namespace.
    pub namespace: String,
    /// The Secret's name.
    pub name: String,
    /// The key within the Secret.
    pub key: String,
}

/// Where an account of an object store is, in the control plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageSecret {
    /// The Secret's namespace.
    pub namespace: String,
    /// The Secret's name.
    pub name: String,
    /// The keys within the Secret that another cluster needs.
    pub keys: Vec<&'static str>,
}

/// What a Secret is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretUse {
    /// A Hugging Face token.
    Token,
    /// An account of an object store.
    Storage,
}

impl SecretUse {
    /// The Secret, where environments are counted that cannot read it.
    pub fn secret(self) -> &'static str {
        match self {
            Self::Token => "the Hugging Face Secret",
            Self::Storage => "the Secret of the object store",
        }
    }

    /// What KServe reads from where.
    pub fn reads(self) -> &'static str {
        match self {
            Self::Token => "the Hugging Face token only from key HF_TOKEN of a Secret",
            Self::Storage => "the account of the object store only from a Secret",
        }
    }
}

impl Credentials {
    /// The Secret that KServe in the control plane's own cluster cannot read where it is, for pods in that namespace.
    pub fn unreadable_in(&self, namespace: &str) -> Option<(SecretUse, String)> {
        match self {
            Self::Default | Self::ServiceAccount(_) => None,
            Self::Token(token) => (token.namespace != namespace || token.key != TOKEN_KEY)
                .then(|| (SecretUse::Token, format!("key {} of {}/{}", token.key, token.namespace, token.name))),
            Self::Storage(secret) => {
                (secret.namespace != namespace).then(|| (SecretUse::Storage, format!("{}/{}", secret.namespace, secret.name)))
            }
        }
    }
}

/// Checks what a model says of how pods get at its weights.
pub(super) fn credentials(at: &mut At<'_>, kind: ModelKind, namespace: &str, spec: &ModelSpec) -> Credentials {
    let hub = spec.hugging_face.as_ref().and_then(|hub| hub.secret_ref.as_ref());
    let token = hub.and_then(|secret| token(&mut at.child("huggingFace.secretRef"), kind, namespace, secret));
    let storage = spec
        .uri_secret_ref
        .as_ref()
        .and_then(|secret| storage(&mut at.child("uriSecretRef"), kind, namespace, secret, spec.uri.as_deref()));
    if let Some(name) = &spec.service_account_name {
        let secret = [("huggingFace.secretRef", hub.is_some()), ("uriSecretRef", spec.uri_secret_ref.is_some())];
        let secret = secret.into_iter().find_map(|(field, is_set)| is_set.then_some(field));
        account(&mut at.child("serviceAccountName"), kind, name, secret);
        return Credentials::ServiceAccount(name.clone());
    }
    token.map(Credentials::Token).or(storage.map(Credentials::Storage)).unwrap_or(Credentials::Default)
}

fn token(at: &mut At<'_>, kind: ModelKind, namespace: &str, secret: &SecretRef) -> Option<Token> {
    at.child("key").check_length(&secret.key, limits::NAME);
    let namespace = secret_namespace(at, kind, namespace, &secret.name, secret.namespace.as_ref())?;
    Some(Token { namespace, name: secret.name.clone(), key: secret.key.clone() })
}

fn storage(at: &mut At<'_>, kind: ModelKind, namespace: &str, secret: &StorageSecretRef, uri: Option<&str>) -> Option<StorageSecret> {
    if uri.is_some_and(|uri| uri.starts_with("hf://")) {
        at.refuse("is set but uri is hf://; set source to HuggingFace, where huggingFace.secretRef names the token");
    } else if !uri.is_some_and(|uri| uri.starts_with("s3://")) {
        at.refuse("is set but uri is not s3://, for which alone KServe reads it; remove it");
    }
    at.child("keys").check_count(secret.keys.len(), limits::STORAGE_KEYS);
    let namespace = secret_namespace(at, kind, namespace, &secret.name, secret.namespace.as_ref())?;
    let mut keys = STORAGE_ACCOUNT_KEYS.to_vec();
    for key in secret.keys.iter().map(|key| key.as_str()) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    Some(StorageSecret { namespace, name: secret.name.clone(), keys })
}

fn secret_namespace(at: &mut At<'_>, kind: ModelKind, own: &str, name: &str, namespace: Option<&String>) -> Option<String> {
    for (field, text) in [("name", Some(name)), ("namespace", namespace.map(String::as_str))] {
        if let Some(text) = text {
            at.child(field).check_length(text, limits::NAME);
        }
    }
    let mut at = at.child("namespace");
    match (kind, namespace) {
        (ModelKind::ClusterModel, None) => {
            at.refuse("is missing; a ClusterModel has no namespace of its own");
            None
        }
        (ModelKind::Model, Some(other)) if other != own => {
            at.refuse(format!("is {other:?}; a Model may use Secrets of its own namespace {own:?} only"));
            None
        }
        (ModelKind::Model, _) => Some(own.to_owned()),
        (ModelKind::ClusterModel, Some(namespace)) => Some(namespace.clone()),
    }
}

fn account(at: &mut At<'_>, kind: ModelKind, name: &str, secret: Option<&str>) {
    if let Some(problem) = object_name_error(name) {
        at.refuse(problem);
    }
    // Who writes Models chooses the image, too, and would be whatever has an account in the namespace.
    if kind == ModelKind::Model {
        at.refuse("is for ClusterModels only, because a team's pods may not be whoever they like; remove it or ask for a ClusterModel");
    }
    if let Some(field) = secret {
        at.refuse(format!("is set beside {field}; remove one of them, because that ServiceAccount lists its Secrets itself"));
    }
}
