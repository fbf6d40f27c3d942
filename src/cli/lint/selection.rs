//! Which rules count, and how much: by flags and the configuration file.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::judging::Placed;
use super::settings::Levels;
use crate::domain::finding::Code;

/// The words of a flag that takes rules. Shells complete them, and a misspelt one is answered with the nearest.
pub(crate) fn rules() -> impl TypedValueParser<Value = Code> {
    parser(|_| true)
}

/// The same, without those rules that nobody can leave out.
pub(crate) fn droppable_rules() -> impl TypedValueParser<Value = Code> {
    parser(Code::can_be_dropped)
}

fn parser(fits: impl Fn(Code) -> bool) -> impl TypedValueParser<Value = Code> {
    let codes = Code::ALL.iter().copied().filter(|code| fits(*code));
    let words = codes.map(|code| PossibleValue::new(code.as_str()).help(code.meaning()));
    PossibleValuesParser::new(words).try_map(|word| Code::of(&word).ok_or("no such rule"))
}

/// Which rules count.
pub(crate) struct Selection<'a> {
    /// Nothing but these; all where there are none.
    pub(crate) select: &'a [Code],
    /// Not these.
    pub(crate) ignore: &'a [Code],
    /// How much, where a file says it.
    pub(crate) levels: Levels,
}

impl Selection<'_> {
    /// The findings that count, each with the severity that it has here. What makes an object unusable always counts: of what cannot be
    /// read, the other rules find nothing.
    pub(crate) fn of<'p>(&self, placed: Vec<Placed<'p>>) -> Vec<Placed<'p>> {
        placed.into_iter().filter_map(|placed| self.counting(placed)).collect()
    }

    fn counting<'p>(&self, mut placed: Placed<'p>) -> Option<Placed<'p>> {
        let code = placed.finding.code;
        let level = self.levels.get(&code).copied();
        let selected = if self.select.is_empty() { level != Some(None) } else { self.select.contains(&code) };
        if code.can_be_dropped() && (!selected || self.ignore.contains(&code)) {
            return None;
        }
        if let Some(severity) = level.flatten() {
            placed.finding.severity = severity;
        }
        Some(placed)
    }
}
