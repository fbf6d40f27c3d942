//! Where in a file each field of a manifest was written.

use std::collections::BTreeMap;

/// A place in a text file. Both numbers start at 1; the column counts characters, not bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line, from 1.
    pub line: u64,
    /// The character in that line, from 1.
    pub column: u64,
}

/// A value's place and those of everything inside it; it has the shape of the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// Where the field's key is, or the item itself in a list.
    pub(crate) position: Position,
    /// What is inside the value.
    pub(crate) inside: Inside,
}

/// The places inside one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Inside {
    /// Nothing: a string, a number, a boolean or null.
    Nothing,
    /// A mapping, by key.
    Fields(BTreeMap<String, Source>),
    /// A sequence, by index.
    Items(Vec<Source>),
}

impl Source {
    /// The position of the field at `path`, or of its nearest parent that is written.
    ///
    /// The path is matched against what is there instead of being parsed, so every usual spelling of a key works:
    /// `labels["a.b/c"]`, `labels[a.b/c]` and `labels.a.b/c`. Of two keys that fit, the longer one is meant.
    pub(crate) fn locate(&self, path: &str) -> Position {
        let mut here = self;
        let mut rest = path;
        while let Some((inner, after)) = here.step(rest) {
            here = inner;
            rest = after;
        }
        here.position
    }

    /// The child that the path begins with, and what of the path is left behind it.
    fn step<'s, 'p>(&'s self, path: &'p str) -> Option<(&'s Self, &'p str)> {
        match &self.inside {
            Inside::Nothing => None,
            Inside::Items(items) => {
                let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
                Some((items.get(index.parse::<usize>().ok()?)?, rest))
            }
            Inside::Fields(fields) => {
                let found = fields.iter().filter_map(|(key, child)| Some((key, child, after_key(path, key)?)));
                found.max_by_key(|(key, ..)| key.len()).map(|(_, child, rest)| (child, rest))
            }
        }
    }
}

/// What follows `key` in a path that begins with it, in any of the spellings of a key.
fn after_key<'p>(path: &'p str, key: &str) -> Option<&'p str> {
    let plain = path.strip_prefix('.').unwrap_or(path).strip_prefix(key);
    let bracketed = || path.strip_prefix('[')?.strip_prefix(key)?.strip_prefix(']');
    let quoted = || path.strip_prefix('[')?.strip_prefix(serde_json::to_string(key).ok()?.as_str())?.strip_prefix(']');
    plain.filter(|rest| rest.is_empty() || rest.starts_with(['.', '['])).or_else(bracketed).or_else(quoted)
}
