//! What the page on troubleshooting shows of `explain` is what it prints.

use std::process::Command;

use super::project;

#[test]
fn the_page_shows_the_queries_that_explain_prints() {
    let done = Command::new(env!("CARGO_BIN_EXE_function-modelplane"))
        .args(["explain", "examples/llama-70b"])
        .current_dir(project())
        .output()
        .unwrap();
    let printed = String::from_utf8(done.stdout).unwrap();
    let (_, queries) = printed.split_once("  does it disaggregate?").unwrap();
    let page = std::fs::read_to_string(project().join("docs/troubleshooting.md")).unwrap();
    assert!(page.contains(&format!("```text\n  does it disaggregate?{queries}```\n")), "the page shows something else than\n{queries}");
}
