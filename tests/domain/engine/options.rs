//! The table of vLLM's options is whole, and says what vLLM's sources say.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

#[derive(Deserialize)]
struct Table {
    releases: Vec<String>,
    options: Vec<Row>,
    transfer: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    name: String,
    #[serde(default)]
    r#in: String,
    #[serde(default)]
    choices: serde_json::Value,
}

fn table() -> Table {
    serde_json::from_str(include_str!("../../../src/domain/engine/options.json")).unwrap()
}

/// Where a release is in the list.
fn place(table: &Table, version: &str) -> usize {
    table.releases.iter().position(|release| release == version).unwrap()
}

/// The releases of a span.
fn within(table: &Table, span: &str) -> BTreeSet<usize> {
    let last = table.releases.len() - 1;
    if span.is_empty() {
        return (0..=last).collect();
    }
    let ends = |part: &str| {
        let (from, to) = part.split_once('-').unwrap();
        let at = |version: &str, open: usize| if version.is_empty() { open } else { place(table, version) };
        at(from, 0)..=at(to, last)
    };
    span.split(' ').flat_map(ends).collect()
}

#[test]
fn no_release_takes_an_option_or_a_key_in_two_ways() {
    let table = table();
    for rows in [&table.options, &table.transfer] {
        let mut seen: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        for row in rows {
            let before = seen.entry(&row.name).or_default();
            let now = within(&table, &row.r#in);
            assert!(before.is_disjoint(&now), "{} is in two rows of one release", row.name);
            before.extend(now);
        }
    }
}

#[test]
fn the_table_says_what_the_sources_say() {
    let table = table();
    assert_eq!(
        (table.releases.len(), table.releases.first().unwrap().as_str(), table.releases.last().unwrap().as_str()),
        (40, "0.9.1", "0.33.0")
    );
    let having = |rows: &[Row], name: &str| -> BTreeSet<usize> {
        rows.iter().filter(|row| row.name == name).flat_map(|row| within(&table, &row.r#in)).collect()
    };
    let span = |from: &str, to: &str| (place(&table, from)..=place(&table, to)).collect::<BTreeSet<usize>>();
    // Read off vllm/engine/arg_utils.py of each release.
    for (name, from, to) in [
        ("tensor-parallel-size", "0.9.1", "0.33.0"),
        ("swap-space", "0.9.1", "0.17.1"),
        ("num-scheduler-steps", "0.9.1", "0.10.0"),
        ("preemption-mode", "0.9.1", "0.10.2"),
        ("moe-backend", "0.17.0", "0.33.0"),
    ] {
        assert_eq!(having(&table.options, name), span(from, to), "--{name}");
    }
    // Read off KVTransferConfig of each release.
    assert_eq!(having(&table.transfer, "kv_rank"), span("0.9.1", "0.31.0"));
    assert_eq!(having(&table.transfer, "kv_role"), span("0.9.1", "0.33.0"));
    let dtype = table.options.iter().find(|row| row.name == "dtype").unwrap();
    let choices: Vec<&String> = dtype.choices.as_object().unwrap().keys().collect();
    assert_eq!(choices, ["auto", "bfloat16", "float", "float16", "float32", "half"], "ModelDType");
}
