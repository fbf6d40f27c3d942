//! From a field's path to its line and column.

use function_modelplane::cli::manifests::Position;

use super::read;

const TEXT: &str = "\
# a comment first
---
apiVersion: modelplane.ai/v1alpha1
kind: ClusterModel
metadata:
  name: llama
  labels:
    a.b/c: x
    \"d\\\"e\": y
    a: {b: {c: z}}
spec:
  env: &env
    - name: A
      value: é
  é: {ü: 1, after: 2}
  serving:
  - name: one
    engine:
      image: i
      env: *env
  -   name: two
      args: [--x, --y,
        --z]
  merged:
    <<: {from: 1}
    own: 2
  copies: [*env]
";

#[test]
fn a_path_leads_to_its_key_or_nearest_parent() {
    let manifest = read(TEXT).unwrap().remove(0);
    let cases = [
        ("", 3, 1, "the object is where its first field is"),
        ("spec", 11, 1, "a field is where its key is"),
        ("metadata.name", 6, 3, "nested"),
        (".metadata.name", 6, 3, "a leading dot means the same"),
        ("spec.serving[0]", 17, 5, "an item is where its content begins, behind the dash"),
        ("spec.serving[0].engine.image", 19, 7, "through a list"),
        ("spec.serving[1].name", 21, 7, "an item with its own indentation"),
        ("spec.serving[1].args[0]", 22, 14, "flow style"),
        ("spec.serving[1].args[2]", 23, 9, "flow style over two lines"),
        ("spec.é.after", 15, 13, "columns count characters, not bytes"),
        ("metadata.labels[\"a.b/c\"]", 8, 5, "a quoted key"),
        ("metadata.labels[a.b/c]", 8, 5, "a bracketed key, as Kubernetes prints it"),
        ("metadata.labels.a.b/c", 8, 5, "the longer key wins over a and then b/c"),
        ("metadata.labels[\"d\\\"e\"]", 9, 5, "a quoted key with an escape"),
        ("metadata.labels.a.b.c", 10, 13, "a key that only begins like a.b/c is another"),
        ("spec.serving[0].engine.env[0].value", 20, 12, "inside an alias: where it is used"),
        ("spec.copies[0]", 27, 12, "an alias as an item: the alias, not the anchor"),
        ("spec.merged.from", 25, 9, "through a merge key: what is merged there"),
        ("spec.merged.own", 26, 5, "beside a merge key"),
        ("spec.topology", 11, 1, "missing: the parent"),
        ("spec.serving[0].prefill.engine.image", 17, 5, "missing parents: the nearest that is there"),
        ("spec.serving[7].name", 16, 3, "no such item: the list"),
        ("spec.serving[x]", 16, 3, "not an index: the list"),
        ("spec.serving[0", 16, 3, "an unclosed bracket: the list"),
        ("spec.serving[0].nam", 17, 5, "the beginning of a key is no key"),
        ("spec.servingX", 11, 1, "a key with something behind it is another key"),
        ("metadata.name.x", 6, 3, "nothing is inside a string"),
        ("nonsense", 3, 1, "nothing fits: the object"),
    ];
    for (path, line, column, why) in cases {
        assert_eq!((path, manifest.locate(path)), (path, Position { line, column }), "{why}");
    }
}

#[test]
fn documents_and_items_keep_their_places_in_the_file() {
    let text = "\
apiVersion: v1
kind: A
metadata: {name: a}
---
kind: List
items:
- apiVersion: v1
  kind: B
  metadata: {name: b}
- metadata: {name: c}
  apiVersion: v1
  kind: C
--- {apiVersion: v1, kind: D, metadata: {name: d}}
";
    let places: Vec<_> = read(text)
        .unwrap()
        .iter()
        .map(|manifest| (manifest.name.clone(), [manifest.locate(""), manifest.locate("kind")].map(|at| (at.line, at.column))))
        .collect();
    let expected = [("a", [(1, 1), (2, 1)]), ("b", [(7, 3), (8, 3)]), ("c", [(10, 3), (12, 3)]), ("d", [(13, 5), (13, 22)])];
    assert_eq!(places, expected.map(|(name, at)| (name.to_owned(), at)), "paths start at the item, positions at the file's top");
}
