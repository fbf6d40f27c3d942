//! The XRDs and the input's CRD are what the Rust types say.

use std::path::PathBuf;

use function_modelplane::api::inference_environment::{InferenceEnvironmentSpec, InferenceEnvironmentStatus};
use function_modelplane::api::input::Input;
use function_modelplane::api::model::ModelSpec;
use function_modelplane::api::model_deployment::ModelDeploymentSpec;
use function_modelplane::api::model_deployment_status::ModelDeploymentStatus;
use function_modelplane::cli::yaml_output::to_yaml;
use serde_json::{Value, json};

use super::schema::structural;

const LICENCE: &str = "# Written by `./generate schemas` from the types in src/api.\n";

/// Compares a file of `package/` with what it should be, or rewrites it.
fn hold(path: &str, object: &Value) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("package").join(path);
    let wanted = format!("{LICENCE}{}", to_yaml(object).unwrap());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(found, wanted, "{path} differs from the types: run ./generate and read the change");
}

/// A kind of ours.
pub(crate) struct Definition {
    pub(crate) kind: &'static str,
    plural: &'static str,
    pub(crate) short_names: &'static [&'static str],
    pub(crate) scope: &'static str,
    pub(crate) description: &'static str,
    columns: &'static [(&'static str, &'static str)],
    pub(crate) spec: Value,
    pub(crate) status: Value,
}

const READY: (&str, &str) = ("READY", ".status.conditions[?(@.type=='Ready')].status");
/// GPUs of an environment.
const TOTAL: &str = ".status.ledger.gpus.total";
/// GPUs of an environment that nobody was promised.
const FREE: &str = ".status.ledger.gpus.free";

fn column_type(path: &str) -> &'static str {
    if [TOTAL, FREE].contains(&path) { "integer" } else { "string" }
}

/// A ClusterModel has no namespace of its own, so its Secrets' must be said; a Model's Secrets are in the Model's.
fn cluster_model_spec() -> Value {
    let mut spec = structural::<ModelSpec>();
    spec["properties"]["huggingFace"]["properties"]["secretRef"]["required"] = json!(["name", "namespace"]);
    spec["properties"]["uriSecretRef"]["required"] = json!(["name", "namespace"]);
    spec
}

/// Who writes Models chooses images, too, which would run as any ServiceAccount of the namespace.
fn model_spec() -> Value {
    let mut spec = structural::<ModelSpec>();
    let rules = spec["x-kubernetes-validations"].as_array_mut().unwrap();
    // What it may not be beside does not matter where it may not be.
    rules.retain(|rule| !rule["message"].as_str().unwrap().starts_with("serviceAccountName"));
    rules.push(json!({"rule": "!has(self.serviceAccountName)", "message": "serviceAccountName is for ClusterModels only"}));
    spec
}

/// All kinds.
pub(crate) fn definitions() -> Vec<Definition> {
    let empty_status = || json!({"type": "object", "description": "Conditions only."});
    let model_columns = &[READY, ("MODEL", ".spec.model.name"), ("VRAM", ".spec.resources.vram")];
    vec![
        Definition {
            kind: "ModelDeployment",
            plural: "modeldeployments",
            short_names: &["md"],
            scope: "Namespaced",
            description: "A deployment of a model to one or more inference environments.",
            columns: &[
                READY,
                ("MODEL", ".spec.modelRef.name"),
                ("TOPOLOGY", ".spec.topology"),
                ("ENVS", ".status.placements.summary"),
                ("ENDPOINT", ".status.endpoint.url"),
            ],
            spec: structural::<ModelDeploymentSpec>(),
            status: structural::<ModelDeploymentStatus>(),
        },
        Definition {
            kind: "ClusterModel",
            plural: "clustermodels",
            short_names: &["cm"],
            scope: "Cluster",
            description: "A model of the platform's catalog, and how it can be served.",
            columns: model_columns,
            spec: cluster_model_spec(),
            status: empty_status(),
        },
        Definition {
            kind: "Model",
            plural: "models",
            short_names: &[],
            scope: "Namespaced",
            description: "A team's own model, and how it can be served.",
            columns: model_columns,
            spec: model_spec(),
            status: empty_status(),
        },
        Definition {
            kind: "InferenceEnvironment",
            plural: "inferenceenvironments",
            short_names: &["ie"],
            scope: "Cluster",
            description: "A cluster that models can run on.",
            columns: &[READY, ("GPUS", TOTAL), ("FREE", FREE), ("GATEWAY", ".status.gateway.address")],
            spec: structural::<InferenceEnvironmentSpec>(),
            status: structural::<InferenceEnvironmentStatus>(),
        },
    ]
}

impl Definition {
    fn xrd(&self) -> Value {
        let mut columns: Vec<Value> =
            self.columns.iter().map(|(name, path)| json!({"name": name, "type": column_type(path), "jsonPath": path})).collect();
        columns.push(json!({"name": "AGE", "type": "date", "jsonPath": ".metadata.creationTimestamp"}));
        let mut names = json!({"kind": self.kind, "plural": self.plural, "categories": ["crossplane", "modelplane"]});
        if !self.short_names.is_empty() {
            names["shortNames"] = json!(self.short_names);
        }
        json!({
            "apiVersion": "apiextensions.crossplane.io/v2",
            "kind": "CompositeResourceDefinition",
            "metadata": {"name": format!("{}.modelplane.ai", self.plural)},
            "spec": {
                "group": "modelplane.ai",
                "names": names,
                "scope": self.scope,
                "versions": [{
                    "name": "v1alpha1",
                    "served": true,
                    "referenceable": true,
                    "additionalPrinterColumns": columns,
                    "schema": {"openAPIV3Schema": {
                        "type": "object",
                        "description": self.description,
                        "required": ["spec"],
                        "properties": {"spec": self.spec, "status": self.status},
                    }},
                }],
            },
        })
    }

    /// The one step that composes the kind. The function's name is what Crossplane derives from its repository.
    fn composition(&self) -> Value {
        json!({
            "apiVersion": "apiextensions.crossplane.io/v1",
            "kind": "Composition",
            "metadata": {"name": format!("{}.modelplane.ai", self.plural)},
            "spec": {
                "compositeTypeRef": {"apiVersion": "modelplane.ai/v1alpha1", "kind": self.kind},
                "mode": "Pipeline",
                "pipeline": [{"step": "modelplane", "functionRef": {"name": "modelplane-function-modelplane"}}],
            },
        })
    }
}

#[test]
fn the_xrds_and_compositions_are_what_the_types_say() {
    for definition in definitions() {
        hold(&format!("configuration/{}/definition.yaml", definition.plural), &definition.xrd());
        hold(&format!("configuration/{}/composition.yaml", definition.plural), &definition.composition());
    }
}

#[test]
fn a_secret_without_which_nothing_works_is_asked_for_at_once() {
    for definition in definitions() {
        let required = definition.spec.pointer("/properties/huggingFace/properties/secretRef/required");
        match definition.kind {
            "ClusterModel" => assert_eq!(required, Some(&json!(["name", "namespace"]))),
            "Model" => assert_eq!(required, Some(&json!(["name"])), "the namespace is the Model's own"),
            _ => assert_eq!(required, None, "no Secret"),
        }
    }
}

#[test]
fn a_field_that_has_a_default_says_so_in_the_schema() {
    let schemas: Vec<Value> = definitions().into_iter().map(|definition| definition.spec).chain([input()]).collect();
    let cases = [
        (3, "/properties/availability", json!("Schedulable")),
        (0, "/properties/topology", json!("Unified")),
        (0, "/properties/modelRef/properties/kind", json!("ClusterModel")),
        (4, "/properties/lint", json!("Warn")),
        (4, "/properties/rdma", json!("Pin")),
    ];
    for (index, field, default) in cases {
        assert_eq!(schemas[index].pointer(field).unwrap()["default"], default, "{field}");
    }
}

/// The schema of the function's input, as far as it is of our own.
pub(crate) fn input() -> Value {
    structural::<Input>()
}

#[test]
fn the_inputs_schema_is_what_the_type_says() {
    let mut schema = input();
    let properties = schema["properties"].as_object_mut().unwrap();
    properties.insert("apiVersion".to_owned(), json!({"type": "string"}));
    properties.insert("kind".to_owned(), json!({"type": "string"}));
    properties.insert("metadata".to_owned(), json!({"type": "object"}));
    hold(
        "function/input/modelplane.fn.crossplane.io_inputs.yaml",
        &json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "inputs.modelplane.fn.crossplane.io"},
            "spec": {
                "group": "modelplane.fn.crossplane.io",
                "names": {"kind": "Input", "listKind": "InputList", "plural": "inputs", "singular": "input", "categories": ["crossplane"]},
                "scope": "Namespaced",
                "versions": [{"name": "v1beta1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
            },
        }),
    );
}
