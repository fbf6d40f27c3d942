//! What an object refers to by name: told where the files hold others of that kind, and never where they just are not all there is.

use function_modelplane::cli::lint::Found;

use super::lint::run;

fn model(kind: &str, name: &str, secret: &str) -> String {
    format!(
        "---\napiVersion: modelplane.ai/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}, namespace: team}}\nspec:\n  model: {{name: org/m}}\n  source: \
         HuggingFace\n  huggingFace:\n    repo: org/m\n{secret}  resources: {{vram: 8Gi}}\n  serving:\n    - name: one\n      engine: {{name: vLLM, image: \
         \"vllm/vllm-openai:v0.32.0\"}}\n      resources: {{gpu: 1}}\n"
    )
}

fn cluster_model(name: &str) -> String {
    model("ClusterModel", name, "").replace(", namespace: team", "")
}

const TOKEN: &str = "    secretRef: {name: hugging-face, namespace: modelplane-system, key: token}\n";

fn gated() -> String {
    model("ClusterModel", "gated", TOKEN).replace(", namespace: team", "")
}

fn deployment(reference: &str) -> String {
    format!(
        "apiVersion: modelplane.ai/v1alpha1\nkind: ModelDeployment\nmetadata: {{name: chat, namespace: team}}\nspec:\n  modelRef:\n    {reference}\n  \
         environments: 1\n"
    )
}

const ENVIRONMENT: &str = "---\napiVersion: modelplane.ai/v1alpha1\nkind: InferenceEnvironment\nmetadata: {name: east}\nspec:\n  cluster:\n    source: \
                           Existing\n    existing:\n      secretRef: {name: east-kubeconfig}\n      identitySecretRef: {name: east-identity}\n      \
                           nodePools: [{name: h100, nodeCount: 1, gpu: {acceleratorType: h100, acceleratorCount: 8, memory: 80Gi}}]\n";

fn object(api_version: &str, kind: &str, name: &str, namespace: &str, rest: &str) -> String {
    format!("---\napiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: {name}, namespace: {namespace}}}\n{rest}")
}

fn secret(name: &str, namespace: &str) -> String {
    object("v1", "Secret", name, namespace, "")
}

/// What is said of references, without file and total.
fn said(text: &str, words: &[&str]) -> Vec<String> {
    let (found, out, err) = run(&[&["-"], words].concat(), text);
    assert_eq!((found, err.as_str()), (Found::Clean, ""), "only warnings: a cluster may have what files have not: {out}");
    let lines: Vec<&str> = out.lines().map(|line| line.trim_start_matches("<stdin>:")).collect();
    lines[..lines.len() - 1].iter().map(|line| (*line).to_owned()).collect()
}

#[test]
fn a_model_is_missed_where_others_of_its_kind_are() {
    let missing = |kind: &str, name: &str, remedy: &str| {
        let line = if kind == "Model" { "7:5" } else { "6:5" };
        vec![format!(
            "{line}: warning ReferenceMissing: spec.modelRef.name: no {kind} {name:?} is among these files, which hold others; {remedy}"
        )]
    };
    let of_model = |name: &str| deployment(&format!("kind: Model\n    name: {name}"));
    let write = "write llama-405b";
    let correct = "correct the name, or add the model's file";
    for (text, expected, why) in [
        (deployment("name: llama-405b") + &cluster_model("llama-405b"), vec![], "it is there"),
        (deployment("name: llama-40b") + &cluster_model("llama-405b"), missing("ClusterModel", "llama-40b", write), "misspelt"),
        (deployment("name: qwen") + &cluster_model("llama-405b"), missing("ClusterModel", "qwen", correct), "another"),
        (deployment("name: qwen"), vec![], "a team's repository, without the platform's models"),
        (deployment("name: qwen") + &model("Model", "own", ""), vec![], "nor with the team's own"),
        (
            deployment("name: own") + &model("Model", "own", ""),
            missing("ClusterModel", "own", "set kind to Model, which is there by this name"),
            "the kind is forgotten",
        ),
        (of_model("own") + &model("Model", "own", ""), vec![], "the team's own"),
        (
            of_model("own") + &model("Model", "own", "").replace("namespace: team", "namespace: other"),
            missing("Model", "own", correct),
            "another team's is out of reach",
        ),
    ] {
        assert_eq!(said(&text, &[]), expected, "{why}");
    }
    assert_eq!(
        said(&(deployment("name: qwen") + &cluster_model("llama")), &["--partial"]),
        [""; 0],
        "a commit's files are not all there is"
    );
}

#[test]
fn a_secret_is_missed_where_its_namespace_has_others_or_another_has_it() {
    let place = "17:17: warning ReferenceMissing: spec.huggingFace.secretRef.name: nothing among these files makes a Secret \"hugging-face\" in \
                 namespace modelplane-system; ";
    let missing = |remedy: &str| vec![format!("{place}{remedy}")];
    let (system, correct) = ("modelplane-system", "correct the name, or add what makes it");
    let target = "spec: {target: {name: hugging-face}}\n";
    for (others, expected, why) in [
        (String::new(), vec![], "it is made by hand, or elsewhere"),
        (secret("hugging-face", system), vec![], "it is there"),
        (secret("hugging-fase", system), missing("write hugging-fase"), "misspelt"),
        (secret("kubeconfig", system), missing(correct), "one of its namespace is not there, when others are"),
        (secret("kubeconfig", "team"), vec![], "another namespace says nothing"),
        (secret("hugging-face", "team"), missing("the one of this name is in team; put it where it is looked for"), "in another namespace"),
        (object("bitnami.com/v1alpha1", "SealedSecret", "hugging-face", system, ""), vec![], "sealed"),
        (object("external-secrets.io/v1", "ExternalSecret", "any", system, target), vec![], "fetched, under a name of its own"),
        (object("external-secrets.io/v1", "ExternalSecret", "hugging-face", system, ""), vec![], "fetched"),
        (object("external-secrets.io/v1", "ExternalSecret", "any", system, ""), missing(correct), "fetched, another"),
        (
            object("secrets.hashicorp.com/v1beta1", "VaultStaticSecret", "any", system, "spec: {destination: {name: hugging-face}}\n"),
            vec![],
            "from Vault",
        ),
        (
            secret("other", system)
                + "---\napiVersion: external-secrets.io/v1\nkind: ClusterExternalSecret\nmetadata: {name: any}\nspec: {externalSecretSpec: {target: {name: \
                   hugging-face}}}\n",
            vec![],
            "in every namespace that a selector finds",
        ),
        (object("example.org/v1", "Secret", "any", system, ""), vec![], "somebody's own kind makes none"),
    ] {
        assert_eq!(said(&(deployment("name: gated") + &gated() + &others), &[]), expected, "{why}");
    }
}

#[test]
fn an_environment_is_reached_with_secrets_of_the_control_plane() {
    let missing = |at: &str, field: &str, name: &str, remedy: &str| {
        format!(
            "{at}: warning ReferenceMissing: spec.cluster.existing.{field}.name: nothing among these files makes a Secret {name:?} in namespace \
             modelplane-system; {remedy}"
        )
    };
    let there = secret("east-kubeconfg", "modelplane-system") + &secret("east-identity", "default");
    let expected = [
        missing("9:19", "secretRef", "east-kubeconfig", "write east-kubeconfg"),
        missing("10:27", "identitySecretRef", "east-identity", "the one of this name is in default; put it where it is looked for"),
    ];
    assert_eq!(said(&(ENVIRONMENT.to_owned() + &there), &[]), expected);
}

#[test]
fn what_is_elsewhere_for_a_reason_is_accepted() {
    let annotated = |text: String, name: &str| {
        text.replace(
            &format!("name: {name},"),
            &format!("annotations: {{modelplane.ai/lint-ignore: ReferenceMissing=it is elsewhere}}, name: {name},"),
        )
    };
    let lost = annotated(deployment("name: qwen"), "chat") + &cluster_model("llama");
    assert_eq!(run(&["-", "--strict"], &lost).1, "0 errors, 0 warnings, 1 ignored in 2 objects\n");
    let found = annotated(deployment("name: llama"), "chat") + &cluster_model("llama");
    assert_eq!(said(&found, &[]), [""; 0], "without environments there is more that cannot be seen");
    let [unused] = said(&(found + ENVIRONMENT), &[]).try_into().unwrap();
    assert!(unused.starts_with("3:26: warning SuppressionUnused: "), "{unused}");
}
