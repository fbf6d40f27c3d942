//! Values as YAML: the style that people know from kubectl, and nothing lost.

use function_modelplane::cli::yaml_output::to_yaml;
use function_modelplane::text::visible::{is_command, is_unseen};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::read;

#[test]
fn the_style_is_that_of_kubectl() {
    let value = json!({
        "apiVersion": "v1",
        "spec": {
            "containers": [{"args": ["--a", "b c"], "name": "x"}, {"name": "y"}],
            "empty": {"list": [], "map": {}, "null": null, "string": ""},
            "long": "word ".repeat(40).trim_end(),
            "nested": [[1, 2], [{"a": true}]],
            "script": "#!/bin/sh\nif x; then\n  y\nfi\n",
            "stripped": "a\nb",
            "uncertain": ["true", "yes", "y", "Off", "null", "~", "1", "1e3", "0755", "0x1F", "1_000", ".5", ".inf", "2001-01-01", "1:30"],
            "marked": [" a", "a ", "{a", "[a", "*a", "&a", "!a", "%a", "@a", "`a", "- a", "? a", "a: b", "a #b", "#a", "|", ">", "---"],
            "plain": ["a", "a-b", "10.0.0.0/8", "12Gi", "hf://x:main", "nvidia.com/gpu", "$(VAR)", "--x={}", "é😀"],
            "numbers": [1, -1, 1.5, 18_446_744_073_709_551_615_u64, false],
            "1": "a key that looks like a number",
        },
    });
    let expected = format!(
        r##"apiVersion: v1
spec:
  "1": a key that looks like a number
  containers:
  - args:
    - --a
    - b c
    name: x
  - name: "y"
  empty:
    list: []
    map: {{}}
    "null": null
    string: ""
  long: {}
  marked:
  - " a"
  - "a "
  - "{{a"
  - "[a"
  - "*a"
  - "&a"
  - "!a"
  - "%a"
  - "@a"
  - "`a"
  - "- a"
  - "? a"
  - "a: b"
  - "a #b"
  - "#a"
  - "|"
  - ">"
  - "---"
  nested:
  - - 1
    - 2
  - - a: true
  numbers:
  - 1
  - -1
  - 1.5
  - 18446744073709551615
  - false
  plain:
  - a
  - a-b
  - 10.0.0.0/8
  - 12Gi
  - hf://x:main
  - nvidia.com/gpu
  - $(VAR)
  - --x={{}}
  - é😀
  script: |
    #!/bin/sh
    if x; then
      y
    fi
  stripped: |-
    a
    b
  uncertain:
  - "true"
  - "yes"
  - "y"
  - "Off"
  - "null"
  - "~"
  - "1"
  - "1e3"
  - "0755"
  - "0x1F"
  - "1_000"
  - ".5"
  - ".inf"
  - "2001-01-01"
  - "1:30"
"##,
        "word ".repeat(40).trim_end(),
    );
    assert_eq!(to_yaml(&value).unwrap(), expected);
}

#[test]
fn what_is_not_seen_is_escaped_and_what_would_be_a_command_is_quoted() {
    let value = json!({"a\u{202e}": "b\u{1b}[7m\u{e0001}\u{feff}\"\\", "c": "d\n::error::e\n\tf\n", "g": "##[error]h", "i": "j\n\tk"});
    let expected = r###"c: "d\n::error::e\n\tf\n"
g: "##\x5Berror]h"
i: |-
  j
  	k
"a\u202E": "b\x1B[7m\U000E0001\uFEFF\"\\"
"###;
    assert_eq!(to_yaml(&value).unwrap(), expected);
}

/// Strings that YAML has a meaning for, alone and glued to others.
fn nasty() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        prop::sample::select(vec![
            "",
            " ",
            "\n",
            "\n\n",
            "\t",
            "\r",
            "\r\n",
            "a",
            "true",
            "no",
            "null",
            "~",
            "1",
            "0",
            "-",
            "- ",
            "?",
            "? ",
            ":",
            ": ",
            ",",
            "[",
            "]",
            "{",
            "}",
            "#",
            " #",
            "&",
            "*",
            "!",
            "|",
            ">",
            "'",
            "\"",
            "%",
            "@",
            "`",
            "\\",
            "---",
            "...",
            "<<",
            "=",
            "é",
            "\u{feff}",
            "\u{85}",
            "\u{2028}",
            "\0",
            "\u{7}",
            "\u{7f}",
            "\u{fffe}",
            "😀",
            "2001-01-01",
            "1e3",
            ".5",
            "0x1F",
            "1:30",
            "_",
            "+",
            "\u{a0}",
            "\u{1b}[7m",
            "\u{202e}",
            "\u{200b}",
            "\u{e0001}",
            "::error::a",
            "\n::error::a",
            "##[error]a",
            "quoted-0-",
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(part, 0..5).prop_map(|parts| parts.concat())
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        // Whole floats come back as integers, which is kubectl's reading and tested there.
        any::<f64>().prop_filter("not whole", |number| number.fract() != 0.0).prop_map(Value::from),
        nasty().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(nasty(), inner, 0..6).prop_map(|map| Value::from(Map::from_iter(map))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever the value, its YAML reads as the same value.
    #[test]
    fn yaml_reads_back_as_the_same_value(value in any_json()) {
        let object = json!({"apiVersion": "v1", "kind": "K", "metadata": {"name": "x"}, "value": value});
        let yaml = to_yaml(&object).unwrap();
        let objects: Vec<_> = read(&yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}")).into_iter().map(|manifest| manifest.object).collect();
        prop_assert_eq!(objects, [object], "{}", yaml);
        let raw = |c: &char| is_unseen(*c) && !['\n', '\t'].contains(c);
        prop_assert_eq!(yaml.chars().find(raw), None, "{:?}", yaml);
        let command = |line: &&str| is_command(line) || line.contains("##[");
        prop_assert_eq!(yaml.lines().find(command), None, "{:?}", yaml);
    }
}
