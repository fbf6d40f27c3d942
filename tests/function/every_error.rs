//! Everything that does not fit an object's type is told at once.

use function_modelplane::structs::{from_struct_or_errors, to_struct};
use serde::Deserialize;
use serde_json::{Value, json};

use super::fleet::{cluster, settled};

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Whole {
    name: String,
    block: Option<Block>,
    #[serde(default)]
    list: Vec<Block>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Block {
    size: u32,
    word: Option<Word>,
    pair: Option<(u32, u32)>,
}

#[derive(Debug, Deserialize, PartialEq)]
enum Word {
    Long,
    Short(u32),
}

fn errors(object: &Value) -> Vec<String> {
    let read = from_struct_or_errors::<Whole>(&to_struct(object).unwrap());
    read.err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

#[test]
fn each_is_told_once_and_what_follows_from_it_is_not() {
    let size = "invalid type: string \"x\", expected a whole number from 0 to 4294967295";
    let cases = [
        (json!({"name": "a", "list": [{"size": 1}]}), vec![], "nothing is wrong"),
        (
            json!({"name": "a", "list": [{"size": "x"}, {"size": 1}, {"size": "x"}]}),
            vec![format!("list[0].size: {size}"), format!("list[2].size: {size}")],
            "elements keep their numbers",
        ),
        (
            json!({"nmae": "a", "block": {"size": "x", "sice": 1}}),
            vec![
                "block.sice: unknown field, did you mean `size`?".to_owned(),
                format!("block.size: {size}"),
                "nmae: unknown field, did you mean `name`?".to_owned(),
            ],
            "a field is not missing too where it is misspelt",
        ),
        (
            json!({"block": {}, "list": [{}, 1, {"size": 1, "word": "Log"}, {"size": 1, "word": {"Short": "x"}}, {"size": 1, "pair": [1, "x"]}]}),
            vec![
                "block: missing field `size`".to_owned(),
                "list[0]: missing field `size`".to_owned(),
                "list[1]: invalid type: integer `1`, expected an object".to_owned(),
                "list[2].word: unknown value `Log`, did you mean `Long`?".to_owned(),
                format!("list[3].word.Short: {size}"),
                format!("list[4].pair[1]: {size}"),
                "missing field `name`".to_owned(),
            ],
            "each kind of fault, and what its place lacks then is no other one",
        ),
        (
            json!({"name": "a", "list": "x", "block": []}),
            vec![
                "block: invalid type: list, expected an object".to_owned(),
                "list: invalid type: string \"x\", expected a list".to_owned(),
            ],
            "whole blocks",
        ),
    ];
    for (object, expected, why) in cases {
        assert_eq!(errors(&object), expected, "{why}");
    }
    let many: Vec<Value> = (0..1000).map(|_| json!({"size": "x"})).collect();
    let told: Vec<String> = errors(&json!({"name": "a", "list": many}));
    assert_eq!((told.len(), told[0].as_str()), (25, &*format!("list[0].size: {size}")), "fifty readings are enough");
}

#[test]
fn a_deployment_is_refused_for_all_of_them() {
    let mut cluster = settled();
    let spec = &mut cluster.composite["spec"];
    spec["topolgy"] = json!("Unified");
    spec["environments"] = json!("two");
    spec["scaling"]["fixed"]["replica"] = json!(1);
    spec["prefill"]["scaling"]["signal"] = json!("Fixd");
    spec["modelRef"] = json!({});
    let expected = "spec.environments: invalid type: string \"two\", expected a whole number from 0 to 4294967295; \
                    spec.modelRef: missing field `name`; \
                    spec.prefill.scaling.signal: unknown value `Fixd`, did you mean `Fixed`?; \
                    spec.scaling.fixed.replica: unknown field, did you mean `replicas`?; \
                    spec.topolgy: unknown field, did you mean `topology`?";
    assert_eq!(cluster.reconcile().fatal().as_deref(), Some(expected));
}

#[test]
fn an_environment_and_the_input_are_too() {
    let mut cluster = cluster(1);
    cluster.input = Some(json!({"rmda": "Pin", "maxRejections": "all"}));
    let expected = "input: maxRejections: invalid type: string \"all\", expected a whole number from 0 to 4294967295; \
                    rmda: unknown field, did you mean `rdma`?";
    assert_eq!(cluster.reconcile().fatal().as_deref(), Some(expected));
}
