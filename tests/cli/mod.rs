//! The offline tool.

mod change;
mod command;
mod escaping;
mod every_error;
mod examples;
mod explain;
mod fleet;
mod gate;
mod golden;
mod html;
mod lint;
mod lint_ignore;
mod lint_kinds;
mod lint_references;
mod lint_selection;
mod locate;
mod manifests;
mod ownership;
mod pipeline;
mod played_fleet;
mod preview;
mod rule_pages;
mod running;
mod string_fields;
mod upgrade;
mod yaml_hostile;
mod yaml_input;
mod yaml_output;

use std::path::PathBuf;

use function_modelplane::cli::manifests::{Manifest, ManifestError, load};

/// Loads a text through standard input.
fn read(text: impl AsRef<[u8]>) -> Result<Vec<Manifest>, ManifestError> {
    load(&[PathBuf::from("-")], &mut text.as_ref(), &mut Vec::new())
}

/// How the text's error prints; an empty string when there is none.
fn error(text: impl AsRef<[u8]>) -> String {
    read(text).err().map(|error| error.to_string()).unwrap_or_default()
}
