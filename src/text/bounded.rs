//! Texts that quote what somebody wrote, which can be of any size.

/// No part of a message is longer, in characters.
const LONGEST: usize = 1024;

/// The text, cut off with `…` where it gets too long.
pub(crate) fn bounded(text: String) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned() + "…",
        None => text,
    }
}
