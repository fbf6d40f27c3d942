//! Values become JSON text that hides nothing: the same values, with escapes in place of what a terminal would obey.

use std::io::{self, Write};

use serde::Serialize;

use crate::text::visible::escaped;

/// A value over several lines, and the end of the last one.
pub(crate) fn write_json(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    // A line break in it is layout; those of strings are escaped already.
    text.lines().try_for_each(|line| writeln!(out, "{}", escaped(line, escape)))
}

fn escape(character: char) -> String {
    let mut units = [0; 2];
    let spelled: Vec<String> = character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect();
    spelled.concat()
}
