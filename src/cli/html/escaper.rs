//! Text in a page: never an element, and all of it seen.

use std::fmt::{Result, Write};

use askama::filters::{Escaper, Html};

use crate::text::visible::visible;

/// Escapes every value that the template fills in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen;

impl Escaper for Seen {
    fn write_escaped_str<W: Write>(&self, dest: W, string: &str) -> Result {
        Html.write_escaped_str(dest, &visible(string))
    }
}
