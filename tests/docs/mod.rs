//! The reference in docs/: it is made of the code, so the two cannot drift apart.
//!
//! `./generate schemas` rewrites it.

mod architecture;
mod conditions;
mod fields;
mod links;
mod lint;
mod metrics;
mod pods;
mod queries;

use std::path::PathBuf;

fn project() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Compares a page of `docs/reference/` with what it should be, or rewrites it.
fn hold(page: &str, wanted: &str) {
    hold_in("docs/reference", page, wanted);
}

/// The same of a page of another folder.
fn hold_in(folder: &str, page: &str, wanted: &str) {
    let file = project().join(folder).join(page);
    let wanted = format!("<!-- Written by `./generate schemas`. -->\n{wanted}");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(found, wanted, "{page} differs from the code: run ./generate and read the change");
}

/// A table of Markdown.
fn table<const N: usize>(heading: [&str; N], rows: &[[String; N]]) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let head = [line(heading.map(str::to_owned).to_vec()), format!("|{}\n", "---|".repeat(N))];
    let rows = rows.iter().map(|row| line(row.iter().map(|cell| cell.replace('|', "\\|")).collect()));
    head.into_iter().chain(rows).collect()
}

/// As code.
fn code(text: &str) -> String {
    format!("`{text}`")
}
