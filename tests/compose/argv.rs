#![allow(clippy::panic, clippy::unwrap_used, reason = "tests: a panic is the failure")]

use std::collections::BTreeMap;

use function_modelplane::compose::argv::quote;
use proptest::prelude::*;
use serde::Deserialize;

use super::preset::{engine_argv, fake_engine, kubelet_expand};

/// Arguments, and what the pod's environment defines; the end-to-end tests send the same through KServe's own presets.
#[derive(Deserialize)]
struct Arguments {
    /// `HOME` exists as well, but only for the shell.
    env: BTreeMap<String, String>,
    /// Those of the examples, and of engines in the field.
    common: Vec<String>,
    /// Those that something on the way would like to interpret.
    nasty: Vec<String>,
}

fn arguments() -> Arguments {
    serde_json::from_str(include_str!("arguments.json")).unwrap()
}

/// Asserts that the engine gets through the preset what a plain container would give it.
fn assert_survives(engine: &std::path::Path, env: &BTreeMap<String, String>, args: &[&str]) {
    let rendered: Vec<String> = args.iter().map(|arg| quote(arg)).collect();
    for (arg, rendered) in args.iter().zip(&rendered) {
        assert!(!rendered.contains("{{"), "{arg:?} is rendered as {rendered}");
    }
    let plain: Vec<Vec<u8>> = args.iter().map(|arg| kubelet_expand(arg, env)).collect();
    let served = engine_argv(engine, &rendered, env);
    for (at, arg) in args.iter().enumerate() {
        let show = |argv: &[Vec<u8>]| argv.get(at).map(|arg| String::from_utf8_lossy(arg).into_owned());
        assert_eq!(served.get(at), plain.get(at), "{arg:?}: {:?} instead of {:?}", show(&served), show(&plain));
    }
    assert_eq!(served.len(), plain.len());
}

#[test]
fn a_word_is_quoted_for_bash_and_kept_from_the_template_engine() {
    let cases = [
        ("", "''", "an empty argument is still one"),
        ("--tensor-parallel-size=4", "'--tensor-parallel-size=4'", "nothing to protect"),
        ("it's", r"'it'\''s'", "a quote leaves the quotes"),
        ("'", r"''\'''", "only a quote"),
        ("$HOME $(POD_IP) $$", "'$HOME $(POD_IP) $$'", "dollars are the kubelet's"),
        ("\\", "'\\'", "a backslash means nothing within single quotes"),
        ("{a}", "'{a}'", "one brace is text"),
        ("{{ x }}", "'{''{ x }}'", "two opening braces are parted, closing ones are text"),
        ("{{{", "'{''{''{'", "three are parted twice"),
        ("{'{", r"'{'\''{'", "a quote parts them as well"),
        (r#"{"a":{"b":1}}"#, r#"'{"a":{"b":1}}'"#, "compact JSON needs nothing more"),
    ];
    for (arg, word, reason) in cases {
        assert_eq!(quote(arg), word, "{arg:?}: {reason}");
    }
}

#[test]
fn the_kubelet_of_these_tests_expands_like_the_real_one() {
    #[derive(Deserialize)]
    struct Table {
        env: BTreeMap<String, String>,
        cases: Vec<(String, String)>,
    }
    let Table { env, cases } = serde_json::from_str(include_str!("kubelet_expansion.json")).unwrap();
    for (text, expected) in cases {
        assert_eq!(String::from_utf8(kubelet_expand(&text, &env)).unwrap(), expected, "{text:?}");
    }
}

#[test]
fn every_argument_reaches_the_engine_unharmed() {
    let engine = fake_engine();
    let long = "'{{$HOME \\ ".repeat(5_000);
    let Arguments { env, common, nasty } = arguments();
    let all: Vec<&str> = common.iter().chain(&nasty).chain([&long]).map(String::as_str).collect();
    assert_survives(engine.path(), &env, &all);
    // Alone, too: another argument might mend what one breaks.
    for arg in all {
        assert_survives(engine.path(), &env, &[arg]);
    }
    assert_survives(engine.path(), &env, &[]);
}

#[test]
fn unquoted_the_bench_shows_the_damage() {
    let engine = fake_engine();
    let cases: [(&str, &[&str], &str); 5] = [
        (
            r#"--kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_both"}"#,
            &["--kv-transfer-config=kv_connector:NixlConnector", "--kv-transfer-config=kv_role:kv_both"],
            "braces expand to two broken arguments",
        ),
        ("x y", &["x", "y"], "a space splits"),
        ("''", &[""], "quotes vanish"),
        ("#c", &[], "a comment swallows the rest"),
        ("$HOME", &["/home/engine"], "the shell expands"),
    ];
    for (arg, expected, reason) in cases {
        let served = engine_argv(engine.path(), &[arg.to_owned()], &arguments().env);
        assert_eq!(served, expected.iter().map(|arg| arg.as_bytes().to_vec()).collect::<Vec<_>>(), "{arg}: {reason}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// No text is exempt; each case sends many arguments through one bash.
    #[test]
    fn any_argument_reaches_the_engine_unharmed(
        args in prop::collection::vec(prop_oneof![
            "[^\\x00]{0,40}",
            "[{}'\"$()\\\\ \n#A;*~!&|<>`-]{0,30}",
            "(\\$\\((POD_IP|EMPTY|SPACED|SHELL_CODE|NONE)\\)|\\$|'|\\{|a){0,10}",
        ], 0..60)
    ) {
        let engine = fake_engine();
        assert_survives(engine.path(), &arguments().env, &args.iter().map(String::as_str).collect::<Vec<_>>());
    }
}
