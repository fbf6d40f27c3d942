//! Whether what an object refers to is among the files, where files that hold objects of that kind are complete enough to tell.

use std::collections::BTreeSet;

use crate::api::inference_environment::ExistingCluster;
use crate::api::model_deployment::{ModelKind, ModelRef};
use crate::cli::manifests::{Manifest, is_misnamed, is_ours};
use crate::cli::plane::object_key::{ObjectKey, object_key};
use crate::domain::finding::{Code, Finding};
use crate::domain::names::SYSTEM_NAMESPACE;
use crate::domain::spec::credentials::Credentials;
use crate::text::spelling::closest;

/// What makes a Secret: its group and kind, and where it may name the Secret. Otherwise that has its own name.
///
/// Read in the sources of sealed-secrets (v1alpha1), external-secrets (v1), vault-secrets-operator (v1beta1) and 1Password's operator (v1).
const SECRET_MAKERS: [(&str, &str, &[&str]); 7] = [
    ("", "Secret", &[]),
    ("bitnami.com", "SealedSecret", &[]),
    ("external-secrets.io", "ExternalSecret", &["/spec/target/name"]),
    ("external-secrets.io", IN_MANY_NAMESPACES, &["/spec/externalSecretSpec/target/name", "/spec/externalSecretName"]),
    ("secrets.hashicorp.com", "VaultStaticSecret", &["/spec/destination/name"]),
    ("secrets.hashicorp.com", "VaultDynamicSecret", &["/spec/destination/name"]),
    ("onepassword.com", "OnePasswordItem", &[]),
];

/// It makes its Secret in every namespace that a selector finds.
const IN_MANY_NAMESPACES: &str = "ClusterExternalSecret";

/// What the files hold that can be referred to.
#[derive(Default)]
pub(crate) struct Referable {
    models: BTreeSet<ObjectKey>,
    /// Namespace and name.
    secrets: BTreeSet<(String, String)>,
    /// The names of those that may be in any namespace.
    anywhere: BTreeSet<String>,
}

impl Referable {
    /// What is there of manifests, whoever they are of.
    pub(crate) fn of<'a>(manifests: impl IntoIterator<Item = &'a Manifest>) -> Self {
        let mut there = Self::default();
        for manifest in manifests {
            if (is_ours(&manifest.api_version) || is_misnamed(&manifest.api_version, &manifest.kind))
                && model_kinds().iter().any(|kind| *kind == manifest.kind)
            {
                there.models.insert(object_key(manifest));
            }
            match secret_of(manifest) {
                Some(name) if manifest.kind == IN_MANY_NAMESPACES => drop(there.anywhere.insert(name)),
                Some(name) => drop(there.secrets.insert((namespace_of(manifest), name))),
                None => {}
            }
        }
        there
    }

    /// A deployment's model that is not there, where models of its kind are, or where one of its name is of the other kind.
    pub(crate) fn lacks_model(&self, namespace: &str, wanted: &ModelRef) -> Option<Finding> {
        let in_reach = |key: &&ObjectKey| key.namespace.is_empty() || key.namespace == namespace;
        let reach = |kind: &'static str| self.models.iter().filter(in_reach).filter(move |key| key.kind == kind);
        let kind = wanted.kind.as_str();
        let names: Vec<&str> = reach(kind).map(|key| key.name.as_str()).collect();
        let other = model_kinds().into_iter().find(|other| *other != kind && reach(other).any(|key| key.name == wanted.name));
        if names.contains(&wanted.name.as_str()) || (other.is_none() && !self.models.iter().any(|key| key.kind == kind)) {
            return None;
        }
        let remedy = match (other, closest(&wanted.name, &names)) {
            (Some(other), _) => format!("set kind to {other}, which is there by this name"),
            (None, Some(meant)) => format!("write {meant}"),
            (None, None) => "correct the name, or add the model's file".to_owned(),
        };
        let message = format!("no {kind} {:?} is among these files, which hold others; {remedy}", wanted.name);
        Some(Finding::warning(Code::ReferenceMissing, "spec.modelRef.name", message))
    }

    /// What a model's weights are read with, whose Secret is not there.
    pub(crate) fn lacks_credentials(&self, credentials: &Credentials) -> Option<Finding> {
        match credentials {
            Credentials::Token(token) => self.lacks_secret("spec.huggingFace.secretRef.name", &token.namespace, &token.name),
            Credentials::Storage(secret) => self.lacks_secret("spec.uriSecretRef.name", &secret.namespace, &secret.name),
            Credentials::Default | Credentials::ServiceAccount(_) => None,
        }
    }

    /// An environment's kubeconfig and credentials whose Secrets are not there.
    pub(crate) fn lacks_access(&self, cluster: &ExistingCluster) -> Vec<Finding> {
        let kubeconfig = ("secretRef", &cluster.secret_ref.name);
        let identity = cluster.identity_secret_ref.as_ref().map(|identity| ("identitySecretRef", &identity.name));
        let named = [Some(kubeconfig), identity].into_iter().flatten();
        let path = |field: &str| format!("spec.cluster.existing.{field}.name");
        named.filter_map(|(field, name)| self.lacks_secret(&path(field), SYSTEM_NAMESPACE, name)).collect()
    }

    /// A Secret that is not there, where its namespace has others, or where one of its name is in another namespace.
    fn lacks_secret(&self, path: &str, namespace: &str, name: &str) -> Option<Finding> {
        let beside: Vec<&str> = self.secrets.iter().filter(|(place, _)| place == namespace).map(|(_, name)| name.as_str()).collect();
        let elsewhere = self.secrets.iter().find(|(_, other)| other == name).map(|(place, _)| place);
        let there = beside.contains(&name) || self.anywhere.contains(name);
        if there || (beside.is_empty() && elsewhere.is_none()) {
            return None;
        }
        let remedy = match (elsewhere, closest(name, &beside)) {
            (Some(place), _) => format!("the one of this name is in {place}; put it where it is looked for"),
            (None, Some(meant)) => format!("write {meant}"),
            (None, None) => "correct the name, or add what makes it".to_owned(),
        };
        let message = format!("nothing among these files makes a Secret {name:?} in namespace {namespace}; {remedy}");
        Some(Finding::warning(Code::ReferenceMissing, path, message))
    }
}

fn model_kinds() -> [&'static str; 2] {
    [ModelKind::ClusterModel, ModelKind::Model].map(ModelKind::as_str)
}

fn namespace_of(manifest: &Manifest) -> String {
    manifest.namespace.clone().unwrap_or_else(|| "default".to_owned())
}

/// The name of the Secret that an object is or makes.
fn secret_of(manifest: &Manifest) -> Option<String> {
    let group = manifest.api_version.split_once('/').map_or("", |(group, _)| group);
    let (.., named) = SECRET_MAKERS.into_iter().find(|(of, kind, _)| manifest.kind == *kind && group == *of)?;
    let mut given = named.iter().filter_map(|pointer| manifest.object.pointer(pointer)?.as_str()).filter(|name| !name.is_empty());
    Some(given.next().unwrap_or(&manifest.name).to_owned())
}
