//! Which rule is named for a field that breaks one on its face: one of its own, or that against text which others interpret.

use function_modelplane::api::model::Model;
use function_modelplane::api::model_deployment::ModelKind;
use function_modelplane::domain::lint::Finding;
use function_modelplane::domain::spec::model::validate_model;
use serde_json::{Value, json};

use super::{assert_lines, line};

fn found(pointer: &str, value: &Value) -> Vec<String> {
    let mut object = json!({
        "metadata": {"name": "llama"},
        "spec": {
            "model": {"name": "llama"}, "source": "URI", "uri": "pvc://weights", "resources": {"vram": "70Gi"},
            "serving": [{"name": "one", "engine": {"name": "vLLM", "image": "vllm/vllm-openai:v0.24.0", "args": [], "env": []}}],
        },
    });
    *object.pointer_mut(pointer).unwrap() = value.clone();
    let model: Model = serde_json::from_value(object).unwrap();
    let violations = match validate_model(ModelKind::ClusterModel, &model) {
        Ok(model) => model.violations(),
        Err(violations) => violations,
    };
    violations.iter().map(|violation| line(&Finding::from(violation))).collect()
}

#[test]
fn a_broken_rule_is_named_for_what_is_wrong() {
    let (uri, name) = ("/spec/uri", "/spec/model/name");
    let (profile, engine) = ("/spec/serving/0/name", "/spec/serving/0/engine");
    let engine = |field: &str| format!("{engine}/{field}");
    let (image, env, args) = (engine("image"), engine("env"), engine("args"));
    let at = |field: &str| format!("spec.serving[0].{field}");
    let images = "must be an image reference without spaces or \"{{\"";
    let variables = "must be a variable's name: printable ASCII without '=', single quotes and \"{{\"";
    let uris = "write hf://, s3://, pvc:// or oci:// and a path without spaces, quotes or braces";
    let braces = "holds \"{{\", which KServe takes for a template of its own; only an engine's arguments may hold it";
    let spec = |path: &str, message: &str| format!("error SpecInvalid: {path}: {message}");
    let text = |path: &str, message: &str| format!("error TemplateText: {path}: {message}");
    let cases = [
        (&*image, json!("vllm/vllm-openai v0.24.0"), spec(&at("engine.image"), images), "a space"),
        (&*image, json!("vllm/vllm-openai:{{ .Tag }}"), text(&at("engine.image"), images), "a template"),
        (&*env, json!([{"name": "A=B"}]), spec(&at("engine.env[0].name"), variables), "no name of a variable"),
        (&*env, json!([{"name": "A{{B"}]), text(&at("engine.env[0].name"), variables), "a template"),
        (&*env, json!([{"name": "A'B"}]), text(&at("engine.env[0].name"), variables), "the end of an argument that refers to it"),
        (&*env, json!([{"name": "A", "value": "{{"}]), text(&at("engine.env[0].value"), braces), "a template"),
        (name, json!(""), spec("spec.model.name", "has 0 characters; write 1 to 253"), "nothing, and once"),
        (
            name,
            json!("a$b"),
            text("spec.model.name", "a model's name cannot hold '$': use letters, digits and . _ / : @ + - only"),
            "KServe pastes the name into a shell script",
        ),
        (uri, json!("hf://{{ .Spec }}"), text("spec.uri", &format!("is \"hf://{{{{ .Spec }}}}\"; {uris}")), "a template"),
        (uri, json!("hf://a b"), spec("spec.uri", &format!("is \"hf://a b\"; {uris}")), "a space"),
        (profile, json!("{{"), text(&at("name"), braces), "a template"),
        (&*args, json!(["\0"]), spec(&at("engine.args[0]"), "holds a NUL character, which no argument can; remove it"), "no argument"),
    ];
    for (pointer, value, expected, why) in cases {
        assert_lines(&found(pointer, &value), &[&expected], why);
    }
}
