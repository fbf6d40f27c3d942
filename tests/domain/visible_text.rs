//! What of a text people see.

use function_modelplane::text::visible::{is_command, is_unseen, visible};
use proptest::prelude::*;

#[test]
fn what_is_not_seen_is_spelled() {
    for (text, expected, why) in [
        ("naïve – 日本語 \u{1f680}", "naïve – 日本語 \u{1f680}", "letters of any script"),
        ("C:\\a \"b\" 'c'", "C:\\a \"b\" 'c'", "what is seen stays as it is"),
        ("a\nb\tc\r", "a\\nb\\tc\\r", "no line of its own"),
        ("\u{1b}[2J\u{9b}2J\u{7f}\0", "\\u{1b}[2J\\u{9b}2J\\u{7f}\\u{0}", "no cursor moves, in seven bits or eight"),
        ("\u{202e}nimda\u{2066}", "\\u{202e}nimda\\u{2066}", "no text turns around"),
        ("a\u{200b}b\u{ad}c\u{feff}\u{e0041}", "a\\u{200b}b\\u{ad}c\\u{feff}\\u{e0041}", "nothing hides"),
        ("a\u{85}b\u{2028}c", "a\\u{85}b\\u{2028}c", "other line breaks"),
        ("##[error]a # [b] #[c]", "##\\u{5b}error]a # [b] #[c]", "GitHub's older commands, which may be anywhere in a line"),
    ] {
        assert_eq!(visible(text), expected, "{why}");
    }
}

#[test]
fn a_command_may_follow_space() {
    for (line, is) in [("::error::a", true), ("  ::a", true), ("\u{a0}::a", true), ("a ::error::b", false), (":a", false), ("", false)] {
        assert_eq!(is_command(line), is, "{line:?}");
    }
}

proptest! {
    /// Escaped once or twice: it is the same, and all of it is seen.
    #[test]
    fn nothing_is_left_and_nothing_is_escaped_twice(text in any::<String>()) {
        let seen = visible(&text);
        prop_assert_eq!(seen.chars().find(|character| is_unseen(*character)), None);
        prop_assert_eq!(&visible(&seen), &seen);
    }
}
