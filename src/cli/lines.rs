//! The one way by which lines of text reach a terminal or a log.

use std::io::{self, Write};

use clap::builder::styling::Style;

use crate::text::visible::{is_command, visible};

/// Where lines go that people read. Each is one line, whatever is in it.
pub(crate) struct Lines<'a>(pub(crate) &'a mut dyn Write);

impl Lines<'_> {
    /// Writes a line.
    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        self.styled(&[(Style::new(), text)])
    }

    /// Writes a line of parts with a style each.
    pub(crate) fn styled(&mut self, parts: &[(Style, &str)]) -> io::Result<()> {
        let whole: String = parts.iter().map(|(_, text)| *text).collect();
        let mut command = is_command(&whole);
        for (style, text) in parts {
            let mut text = visible(text);
            if command && text.contains(':') {
                text = text.replacen(':', "\\u{3a}", 1);
                command = false;
            }
            write!(self.0, "{style}{text}{style:#}")?;
        }
        writeln!(self.0)
    }
}
