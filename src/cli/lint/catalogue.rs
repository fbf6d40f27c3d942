//! The rules themselves: a table of them, and a page each.

use std::io::{self, Write};

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table as Grid};
use serde_json::{Value, json};

use crate::cli::{json_output::write_json, lines::Lines};
use crate::domain::finding::{Code, Severity};

/// What the table is wrapped at, wherever it goes: one that is as wide as its longest sentence is read by nobody.
const COLUMNS: u16 = 130;

/// Where a rule's page is, for whoever has no clone.
pub(crate) fn url(code: Code) -> String {
    format!("{}/blob/main/docs/rules/{}.md", env!("CARGO_PKG_REPOSITORY"), code.as_str())
}

/// The page of a rule, as docs/rules has it.
pub fn page(code: Code) -> String {
    let (name, severities, meaning) = (code.as_str(), severities(code).join(" or "), code.meaning());
    format!("# {name}\n\n*{severities}*: {meaning}\n\n## What happens\n\n{}", code.page())
}

fn severities(code: Code) -> Vec<&'static str> {
    code.severities().iter().copied().map(Severity::as_str).collect()
}

/// The page of a rule, on a terminal.
pub(super) fn explain(code: Code, lines: &mut Lines<'_>) -> io::Result<()> {
    page(code).lines().try_for_each(|line| lines.line(line))
}

/// A table of all rules.
pub(super) fn write_text(lines: &mut Lines<'_>) -> io::Result<()> {
    let mut grid = Grid::new();
    grid.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(COLUMNS);
    grid.set_header(["RULE", "SEVERITY", "WHAT IS CHECKED, AND WHY"]);
    for code in Code::ALL {
        grid.add_row([code.as_str(), &severities(*code).join(", "), code.meaning()]);
    }
    for line in grid.lines() {
        lines.line(line.strip_prefix(' ').unwrap_or(&line).trim_end())?;
    }
    lines.line("`lint --explain RULE` says more of one.")
}

/// The same as a list of objects.
pub(super) fn write_list(out: &mut dyn Write) -> io::Result<()> {
    let described =
        |code: &Code| json!({"name": code.as_str(), "severities": severities(*code), "summary": code.meaning(), "url": url(*code)});
    write_json(out, &Code::ALL.iter().map(described).collect::<Vec<Value>>())
}
