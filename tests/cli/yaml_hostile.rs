//! Input that nobody wrote in good faith: an error or a value, in bounded time and stack, and never a panic.

use function_modelplane::cli::manifests::{ManifestError, Problem, load};
use proptest::prelude::*;

use super::{error, read};

const HEAD: &str = "apiVersion: v1\nkind: K\nmetadata: {name: x}\n";

#[test]
fn what_is_not_text_is_refused_at_the_first_bad_byte() {
    let not_utf8 = "cannot read YAML: not UTF-8 text";
    assert_eq!(error(b"\xff\xfea\0b\0"), format!("<stdin>:1:1: {not_utf8}"), "UTF-16");
    assert_eq!(error(b"a: b\nc: \xc3\xa9\xc3\n"), format!("<stdin>:2:5: {not_utf8}"), "a torn character, behind a whole one");
    assert_eq!(error(b"a: \0"), "<stdin>:1:4: cannot read YAML: unexpected character: `\\u{0}'", "a NUL is no text");
}

#[test]
fn nesting_ends_at_64_levels() {
    let flow = |depth: usize| format!("{HEAD}a: {}{}\n", "[".repeat(depth), "]".repeat(depth));
    let block = |depth: usize| format!("{HEAD}a:\n{}x\n", "- ".repeat(depth));
    let mappings = |depth: usize| format!("{HEAD}a: {}1{}\n", "{b: ".repeat(depth), "}".repeat(depth));
    for nested in [flow, block, mappings] {
        assert_eq!(error(nested(63)), "", "with the document itself 64 levels");
        for depth in [64, 200, 300, 100_000] {
            let error = error(nested(depth));
            assert!(error.starts_with("<stdin>:4:") || error.starts_with("<stdin>:5:"), "{depth} levels: {error:?}");
        }
        assert!(error(nested(64)).ends_with("cannot read YAML: nested deeper than 64 levels"), "{}", error(nested(64)));
    }
}

#[test]
fn aliases_cannot_multiply_depth_or_size() {
    let nest = |inner: &str| format!("{}{inner}{}", "[".repeat(50), "]".repeat(50));
    let deep = error(format!("{HEAD}a: &a {}\nb: {}\n", nest(""), nest("*a")));
    assert!(deep.starts_with("<stdin>:5:54: cannot read YAML: nested deeper than 64 levels"), "{deep}");
    let laugh = |level: usize| format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 9].join(", "));
    let laughs = error(format!("{HEAD}a0: &a0 [lol]\n{}", (1..10).map(laugh).collect::<Vec<_>>().concat()));
    assert!(laughs.contains("aliases multiply it too far"), "{laughs}");
    let often = format!("{HEAD}a: &a {{b: c}}\nd: [{}]\n", vec!["*a"; 200].join(", "));
    assert_eq!(error(often), "", "using one anchor often multiplies nothing");
    assert!(error(format!("{HEAD}a: &a [*a]\n")).starts_with("<stdin>:4:"), "an anchor inside itself");
}

#[test]
fn size_alone_is_no_error() {
    let long = "x".repeat(10 << 20);
    let object = read(format!("{HEAD}a: {long}\n")).unwrap().remove(0).object;
    assert_eq!(object["a"].as_str().map(str::len), Some(10 << 20), "a string of 10 MB in one line");
    assert!(error(&long).contains("not a string"), "10 MB of nothing else");
    assert!(error("[".repeat(10 << 20)).starts_with("<stdin>:1:"), "10 MB of opening brackets");
    assert!(error(format!("{HEAD}{}", "#".repeat(10 << 20))).is_empty(), "10 MB of comment");
    let many: Vec<String> = (0..70_000).map(|index| format!("k{index}: {{a: 1}}\n")).collect();
    assert_eq!(read(format!("{HEAD}{}", many.concat())).unwrap().len(), 1, "more nodes than a person writes, as in a dump of a cluster");
}

#[test]
fn input_without_an_end_is_refused() {
    let error = load(&["-".into()], &mut std::io::repeat(b'a'), &mut Vec::new()).unwrap_err();
    assert_eq!(error, ManifestError { file: "<stdin>".into(), position: None, problem: Problem::TooLarge });
}

#[test]
fn a_torn_file_is_an_error_or_a_shorter_manifest() {
    let text = format!("{HEAD}a: [1, {{b: \"c\\u00e9\"}}]\nd: |+\n  é\n\ne: &x 'f'\ng: *x\n? h\n: !!str i\n");
    assert_eq!(error(&text), "", "whole, it is fine");
    for end in 0..text.len() {
        let torn = &text.as_bytes()[..end];
        let message = error(torn);
        assert!(message.is_empty() || message.starts_with("<stdin>"), "{message}");
    }
}

proptest! {
    /// Whatever the bytes, reading ends with a result.
    #[test]
    fn bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes);
    }

    /// Text made of what means something in YAML reaches further into the reader than bytes do.
    #[test]
    fn yaml_like_text_never_panics(
        parts in proptest::collection::vec(
            prop_oneof![
                Just("\n"), Just("  "), Just("- "), Just("a: "), Just("? "), Just(": "), Just("{"), Just("}"), Just("["), Just("]"),
                Just(", "), Just("&a "), Just("*a "), Just("<<: "), Just("|\n"), Just(">-\n"), Just("'"), Just("\""), Just("!!str "),
                Just("!x "), Just("# c\n"), Just("---\n"), Just("...\n"), Just("%YAML 1.2\n"), Just("1e9"), Just("\t"), Just("\u{feff}"),
                Just("kind: List\nitems:\n"), Just("apiVersion: v1\n"), Just("metadata: "), Just("\\"), Just("é"),
            ],
            0..40,
        ),
        path in "[a-c.\\[\\]\"0-9é]{0,20}",
    ) {
        for manifest in read(parts.concat()).unwrap_or_default() {
            prop_assert!(manifest.locate(&path).line >= 1, "every position is in the file");
        }
    }
}
