//! Text as people may see it: a name or a value that somebody else wrote must not move a cursor, turn other text around, hide in
//! it, begin a line of its own or speak to the program that reads the output.

use std::ops::RangeInclusive;

/// What is not seen beside control characters: marks that change the direction of text, and what has no width.
const UNSEEN: [RangeInclusive<char>; 11] = [
    '\u{ad}'..='\u{ad}',
    '\u{34f}'..='\u{34f}',
    '\u{61c}'..='\u{61c}',
    '\u{180e}'..='\u{180e}',
    '\u{200b}'..='\u{200f}',
    '\u{2028}'..='\u{202e}',
    '\u{2060}'..='\u{206f}',
    '\u{feff}'..='\u{feff}',
    '\u{fff9}'..='\u{fffb}',
    '\u{fffe}'..='\u{ffff}',
    '\u{e0000}'..='\u{e0fff}',
];

/// Whether a character does something else than to be seen.
pub fn is_unseen(character: char) -> bool {
    character.is_control() || UNSEEN.iter().any(|range| range.contains(&character))
}

/// The text with everything escaped, each time in the same way, that is not seen, or that GitHub's runner takes for a command
/// wherever in a line it stands: `##[error]`.
pub fn escaped(text: &str, escape: impl Fn(char) -> String) -> String {
    let mut seen = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unseen(character) || (character == '[' && seen.ends_with("##")) {
            seen.push_str(&escape(character));
        } else {
            seen.push(character);
        }
    }
    seen
}

/// The text on one line, all of it seen: `\n`, `\u{1b}`. A second time it changes nothing.
pub fn visible(text: &str) -> String {
    escaped(text, |character| match character {
        '[' => character.escape_unicode().to_string(),
        _ => character.escape_default().to_string(),
    })
}

/// Whether GitHub's runner takes a line for a command: `::error::…`, with space before it or not.
pub fn is_command(line: &str) -> bool {
    line.trim_start().starts_with("::")
}
