//! Everything that does not fit an object's type is told at once, each at its line.

use super::{lint, preview};

/// Unknown fields at two depths, a wrong type in an element and of a whole block, a misspelt value, and fields that are missing.
const BROKEN: &str = r"apiVersion: modelplane.ai/v1alpha1
kind: ClusterModel
metadata: {name: llama}
spec:
  model: {name: llama}
  source: HugingFace
  huggingface: {repo: meta-llama/Llama}
  resources: 140Gi
  serving:
    - name: one
      engine:
        name: vLLM
        image: [vllm]
        args: [--port, 8000]
        env:
          - {name: A, vaule: b}
    - name: two
      engine: {name: vLLM}
---
apiVersion: modelplane.ai/v1alpha1
kind: ModelDeployment
metadata: {name: chat, namespace: team}
spec:
  modelRef: {nam: llama}
  environmnets: 1
  scaling: {signal: Fixed, fixed: {replicas: two}}
";

#[test]
fn lint_lists_every_one() {
    let (_, out, err) = lint::run(&["-"], BROKEN);
    let expected = "\
<stdin>:7:3: error SpecInvalid: spec.huggingface: unknown field, did you mean `huggingFace`?
<stdin>:8:3: error SpecInvalid: spec.resources: invalid type: string \"140Gi\", expected an object
<stdin>:14:24: error SpecInvalid: spec.serving[0].engine.args[1]: invalid type: integer `8000`, expected a string
<stdin>:16:23: error SpecInvalid: spec.serving[0].engine.env[0].vaule: unknown field, which would be lost; correct its spelling or remove it
<stdin>:13:9: error SpecInvalid: spec.serving[0].engine.image: invalid type: list, expected a string
<stdin>:18:7: error SpecInvalid: spec.serving[1].engine: missing field `image`
<stdin>:6:3: error SpecInvalid: spec.source: unknown value `HugingFace`, did you mean `HuggingFace`?
<stdin>:25:3: error SpecInvalid: spec.environmnets: unknown field, did you mean `environments`?
<stdin>:24:14: error SpecInvalid: spec.modelRef.nam: unknown field, did you mean `name`?
<stdin>:26:36: error SpecInvalid: spec.scaling.fixed.replicas: invalid type: string \"two\", expected a whole number from 0 to 4294967295
10 errors, 0 warnings in 2 objects
";
    assert_eq!((out.as_str(), err.as_str()), (expected, ""));
}

#[test]
fn preview_lists_every_one() {
    let (_, out, err) = preview::run(&["-"], BROKEN);
    let expected = "\
<stdin>:25:3: ModelDeployment chat: spec.environmnets: unknown field, did you mean `environments`?
<stdin>:24:14: ModelDeployment chat: spec.modelRef.nam: unknown field, did you mean `name`?
<stdin>:26:36: ModelDeployment chat: spec.scaling.fixed.replicas: invalid type: string \"two\", expected a whole number from 0 to 4294967295
<stdin>:7:3: ClusterModel llama: spec.huggingface: unknown field, did you mean `huggingFace`?
<stdin>:8:3: ClusterModel llama: spec.resources: invalid type: string \"140Gi\", expected an object
<stdin>:14:24: ClusterModel llama: spec.serving[0].engine.args[1]: invalid type: integer `8000`, expected a string
<stdin>:16:23: ClusterModel llama: spec.serving[0].engine.env[0].vaule: unknown field, which would be lost; correct its spelling or remove it
<stdin>:13:9: ClusterModel llama: spec.serving[0].engine.image: invalid type: list, expected a string
<stdin>:18:7: ClusterModel llama: spec.serving[1].engine: missing field `image`
<stdin>:6:3: ClusterModel llama: spec.source: unknown value `HugingFace`, did you mean `HuggingFace`?
";
    assert_eq!((out.as_str(), err.as_str()), ("", expected));
}
