//! Gated models: the Hugging Face token reaches KServe, and never the function.

use serde_json::{Value, json};

use super::cluster::Cluster;
use super::fleet::{cluster, deployment, environment, model};

/// A model whose token is in a Secret.
fn gated(namespace: &str, key: &str) -> Value {
    let mut model = model();
    model["spec"]["huggingFace"]["secretRef"] = json!({"name": "hub", "namespace": namespace, "key": key});
    model
}

/// The environment of the control plane's own cluster.
fn local() -> Value {
    let mut here = environment("here");
    here["spec"]["cluster"] = json!({"source": "Local"});
    here["status"].as_object_mut().unwrap().remove("providerConfigRef");
    here
}

fn keys(cluster: &mut Cluster) -> Vec<String> {
    cluster.reconcile().desired().into_keys().collect()
}

#[test]
fn on_another_cluster_the_secret_is_copied_by_reference() {
    let mut cluster = Cluster::new(deployment(1), vec![gated("hubs", "token"), environment("east")]);
    let desired = cluster.reconcile().desired();
    assert_eq!(
        desired["token-east"]["spec"],
        json!({
            "providerConfigRef": {"kind": "ClusterProviderConfig", "name": "east-cluster-kubeconfig"},
            "references": [{
                "patchesFrom": {"apiVersion": "v1", "kind": "Secret", "namespace": "hubs", "name": "hub", "fieldPath": "data[token]"},
                "toFieldPath": "data.HF_TOKEN",
            }],
            "forProvider": {"manifest": {
                "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "chat-hf-token", "namespace": "team"}, "data": {"HF_TOKEN": ""},
            }},
        }),
        "the empty value is ours: provider-kubernetes writes the token there, and Crossplane empties it again"
    );
    assert_eq!(
        desired["object-serviceaccount-east"]["spec"]["forProvider"]["manifest"],
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "chat-engine", "namespace": "team"},
               "secrets": [{"name": "chat-hf-token"}]})
    );
    let service = &desired["object-east-pd"]["spec"]["forProvider"]["manifest"]["spec"];
    for phase in [service, &service["prefill"]] {
        assert_eq!(phase["template"]["serviceAccountName"], json!("chat-engine"), "both phases download the model");
    }
}

#[test]
fn a_frozen_placement_never_passes_a_copied_token_on() {
    let mut cluster = Cluster::new(deployment(1), vec![gated("hubs", "token"), environment("east"), environment("west")]);
    cluster.reconcile();
    cluster.composed.get_mut("token-east").unwrap()["spec"]["forProvider"]["manifest"]["data"] = json!({"HF_TOKEN": "c2VjcmV0"});
    cluster.delete("InferenceEnvironment", "east");
    let text = json!(cluster.reconcile().desired()).to_string();
    assert!(text.contains("token-east") && !text.contains("c2VjcmV0"));
}

/// Two placements on one environment share its token: what the one that is new needs counts, not what the old one had.
#[test]
fn what_leaves_does_not_hold_on_to_what_it_shares_with_what_comes() {
    let mut cluster = Cluster::new(deployment(1), vec![gated("hubs", "token"), environment("east")]);
    cluster.reconcile();
    cluster.create_the_rest();
    cluster.report("object-east-pd", true, true, true);
    cluster.reconcile();
    cluster.change("ClusterModel", "llama", |model| model["spec"]["huggingFace"]["secretRef"]["name"] = json!("other"));
    let spec = cluster.composite["spec"].as_object_mut().unwrap();
    spec.remove("prefill");
    spec.insert("topology".to_owned(), json!("Unified"));
    spec.insert("scaling".to_owned(), json!({"signal": "Fixed", "fixed": {"replicas": 1}}));
    let desired = cluster.reconcile().desired();
    assert!(desired.contains_key("object-east-pd") && desired.contains_key("object-east-unified"), "{:?}", desired.keys());
    assert_eq!(desired["token-east"]["spec"]["references"][0]["patchesFrom"]["name"], json!("other"));
}

#[test]
fn here_the_secret_must_be_where_kserve_reads_it() {
    let mut fitting = Cluster::new(deployment(1), vec![gated("team", "HF_TOKEN"), local()]);
    assert_eq!(keys(&mut fitting), ["llmisvc-here-pd", "serviceaccount-here"]);
    for (namespace, key) in [("hubs", "HF_TOKEN"), ("team", "token")] {
        let mut elsewhere = Cluster::new(deployment(1), vec![gated(namespace, key), local()]);
        let rejected = elsewhere.reconcile().status()["scheduling"]["rejected"][0].clone();
        assert_eq!(rejected["reason"], json!("SecretElsewhere"), "{namespace}/{key}");
    }
}

/// A model in an object store, with what else its spec says.
fn stored(more: &Value) -> Value {
    let mut model = model();
    let spec = model["spec"].as_object_mut().unwrap();
    spec.remove("huggingFace");
    spec.extend(json!({"source": "URI", "uri": "s3://models/llama"}).as_object().unwrap().clone());
    spec.extend(more.as_object().unwrap().clone());
    model
}

fn account_in(namespace: &str) -> Value {
    json!({"uriSecretRef": {"name": "weights", "namespace": namespace, "keys": ["S3_ENDPOINT", "S3_ENDPOINT"]}})
}

#[test]
fn the_account_of_an_object_store_is_copied_key_by_key() {
    let mut cluster = Cluster::new(deployment(1), vec![stored(&account_in("stores")), environment("east")]);
    let desired = cluster.reconcile().desired();
    let reference = |key: &str| {
        json!({
            "patchesFrom": {"apiVersion": "v1", "kind": "Secret", "namespace": "stores", "name": "weights", "fieldPath": format!("data[{key}]")},
            "toFieldPath": format!("data.{key}"),
        })
    };
    let references = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "S3_ENDPOINT"].map(reference);
    assert_eq!(
        desired["storage-secret-east"]["spec"],
        json!({
            "providerConfigRef": {"kind": "ClusterProviderConfig", "name": "east-cluster-kubeconfig"},
            "references": references,
            "forProvider": {"manifest": {
                "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "chat-storage-account", "namespace": "team"},
                "data": {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "S3_ENDPOINT": ""},
            }},
        }),
        "every key that is copied has an empty value of ours, so that what provider-kubernetes writes there does not stay"
    );
    assert_eq!(
        desired["object-serviceaccount-east"]["spec"]["forProvider"]["manifest"],
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "chat-engine", "namespace": "team"},
               "secrets": [{"name": "chat-storage-account"}]})
    );
    let service = &desired["object-east-pd"]["spec"]["forProvider"]["manifest"]["spec"];
    for phase in [service, &service["prefill"]] {
        assert_eq!(phase["template"]["serviceAccountName"], json!("chat-engine"), "both phases download the model");
    }
}

#[test]
fn a_frozen_placement_never_passes_a_copied_account_on() {
    let mut cluster = Cluster::new(deployment(1), vec![stored(&account_in("stores")), environment("east"), environment("west")]);
    cluster.reconcile();
    let copy = json!({"AWS_ACCESS_KEY_ID": "c2VjcmV0", "AWS_SECRET_ACCESS_KEY": "c2VjcmV0", "S3_ENDPOINT": "c2VjcmV0"});
    cluster.composed.get_mut("storage-secret-east").unwrap()["spec"]["forProvider"]["manifest"]["data"] = copy;
    cluster.delete("InferenceEnvironment", "east");
    let desired = cluster.reconcile().desired();
    assert_eq!(
        desired["storage-secret-east"]["spec"]["forProvider"]["manifest"]["data"],
        json!({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "S3_ENDPOINT": ""})
    );
    assert!(!json!(desired).to_string().contains("c2VjcmV0"));
}

#[test]
fn here_the_account_of_an_object_store_is_read_where_it_is() {
    let mut fitting = Cluster::new(deployment(1), vec![stored(&account_in("team")), local()]);
    let desired = fitting.reconcile().desired();
    assert_eq!(desired.keys().collect::<Vec<_>>(), ["llmisvc-here-pd", "serviceaccount-here"]);
    assert_eq!(desired["serviceaccount-here"]["secrets"], json!([{"name": "weights"}]));
    let mut elsewhere = Cluster::new(deployment(1), vec![stored(&account_in("stores")), local()]);
    assert_eq!(elsewhere.reconcile().status()["scheduling"]["rejected"][0]["reason"], json!("SecretElsewhere"));
}

/// Who made it gave it its Secrets and its identity in a cloud: another one of ours would have neither.
#[test]
fn a_service_account_that_is_there_is_used_and_never_made() {
    let reader = stored(&json!({"serviceAccountName": "weights-reader"}));
    let mut cluster = Cluster::new(deployment(1), vec![reader.clone(), environment("east")]);
    let desired = cluster.reconcile().desired();
    assert_eq!(desired.keys().collect::<Vec<_>>(), ["namespace-east", "object-east-pd"]);
    let service = &desired["object-east-pd"]["spec"]["forProvider"]["manifest"]["spec"];
    for phase in [service, &service["prefill"]] {
        assert_eq!(phase["template"]["serviceAccountName"], json!("weights-reader"));
    }
    let mut here = Cluster::new(deployment(1), vec![reader, local()]);
    assert_eq!(keys(&mut here), ["llmisvc-here-pd"]);
}

#[test]
fn without_a_secret_there_is_no_service_account() {
    assert_eq!(keys(&mut cluster(1)), ["namespace-east", "object-east-pd"]);
}

#[test]
fn in_a_shared_namespace_names_tell_namespaces_apart() {
    let name = |namespace: &str| {
        let mut cluster = cluster(1);
        cluster.composite["metadata"]["namespace"] = json!(namespace);
        cluster.input = Some(json!({"apiVersion": "modelplane.fn.crossplane.io/v1beta1", "kind": "Input", "remoteNamespace": "models"}));
        let manifest = cluster.reconcile().desired()["object-east-pd"]["spec"]["forProvider"]["manifest"]["metadata"].clone();
        assert_eq!(manifest["namespace"], json!("models"));
        manifest["name"].as_str().unwrap().to_owned()
    };
    let (one, other) = (name("team-a"), name("team-b"));
    assert_ne!(one, other);
    assert!(one.starts_with("chat-") && one.ends_with("-pd") && one.len() <= 38, "{one}");
}

#[test]
fn what_runs_keeps_its_name_when_the_shared_namespace_changes() {
    let mut cluster = cluster(1);
    cluster.reconcile();
    cluster.input = Some(json!({"remoteNamespace": "models"}));
    let manifest = cluster.reconcile().desired()["object-east-pd"]["spec"]["forProvider"]["manifest"]["metadata"].clone();
    assert_eq!(manifest, json!({"name": "chat-pd", "namespace": "team"}), "another name would leave the old one behind, unmanaged");
}

#[test]
fn an_input_with_an_unknown_field_changes_nothing() {
    let mut cluster = cluster(1);
    cluster.input = Some(json!({"rdmaa": "Pin"}));
    assert!(cluster.reconcile().fatal().unwrap().starts_with("input: rdmaa: unknown field, did you mean `rdma`?"));
}
