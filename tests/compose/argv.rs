#![allow(clippy::panic, clippy::unwrap_used, reason = "tests: a panic is the failure")]

use std::collections::BTreeMap;

use function_modelplane::compose::argv::quote;
use proptest::prelude::*;

use super::preset::{engine_argv, fake_engine, kubelet_expand};

/// What the pod's environment defines; `HOME` exists as well, but only for the shell.
fn pod_env() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([
        ("POD_IP", "10.0.0.7"),
        ("EMPTY", ""),
        ("SPACED", "two words  and\ta tab"),
        ("SHELL_CODE", "\"; $HOME `id` $(id) \\ * # | > x"),
        ("REFERENCE", "$(POD_IP)"),
        ("BRACES", "{a,b}"),
    ])
}

/// Arguments that something on the way would like to interpret.
const NASTY: [&str; 72] = [
    "",
    " ",
    "x y",
    " leading and trailing ",
    "'",
    "''",
    "it's",
    "\"",
    "a\"b",
    "'\"'\"'",
    "\\",
    "trailing backslash\\",
    "\\'",
    "'\\''",
    "\\n",
    "new\nline",
    "\n",
    "back\\\nslash and newline",
    "tab\there",
    "\r\n",
    "\u{1}\u{7f}",
    "$HOME",
    "${HOME}",
    "$",
    "$$",
    "$'a\\n'",
    "$\"a\"",
    "a$",
    "$(POD_IP)",
    "--host=$(POD_IP):$(POD_IP)",
    "$(UNKNOWN)",
    "$$(POD_IP)",
    "$$$(POD_IP)",
    "$(EMPTY)",
    "$(SPACED)",
    "$(SHELL_CODE)",
    "$(REFERENCE)",
    "$(BRACES)",
    "$(POD'IP)",
    "$(POD{{IP)",
    "$(",
    "$()",
    "$(id)",
    "$é",
    "`id`",
    ";",
    "; reboot",
    "a;b",
    "#",
    "#comment",
    "a #b",
    "*",
    "?",
    "[a-z]*",
    "~",
    "~/x",
    "!",
    "!!",
    "&",
    "a && b",
    "|",
    "<",
    ">x",
    "(a)",
    "{a,b}",
    "{1..9}",
    "{{ x }}",
    "{{{",
    "{{{{{{",
    "'{'{{'{'{",
    "}}",
    "{{ .Spec.Model.Name }}{{",
];

/// The args of the examples, and of engines in the field.
const COMMON: [&str; 16] = [
    "--tensor-parallel-size=4",
    "--tensor-parallel-size=1",
    "--block-size=128",
    r#"--kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_both"}"#,
    "--gpu-memory-utilization=0.9",
    "--max-model-len=32768",
    "--quantization=fp8",
    "-tp",
    "4",
    "-",
    "--",
    "-c",
    r#"--compilation-config={"cudagraph_mode": "FULL", "pass_config": {"a":{"b":{}}}}"#,
    r#"--speculative-config={"model":"a/b","x":[{"y":{"z":1}},{{}}]}"#,
    "--chat-template={{ bos_token }}{% for m in messages %}{{ m['content'] }}\n{% endfor %}",
    "--größe=大 🦙 \u{2028}",
];

/// Asserts that the engine gets through the preset what a plain container would give it.
fn assert_survives(engine: &std::path::Path, args: &[&str]) {
    let env = pod_env();
    let rendered: Vec<String> = args.iter().map(|arg| quote(arg)).collect();
    for (arg, rendered) in args.iter().zip(&rendered) {
        assert!(!rendered.contains("{{"), "{arg:?} is rendered as {rendered}");
    }
    let plain: Vec<Vec<u8>> = args.iter().map(|arg| kubelet_expand(arg, &env)).collect();
    let served = engine_argv(engine, &rendered, &env);
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
    let env = BTreeMap::from([("VAR_A", "A"), ("VAR_B", "B"), ("VAR_C", "C"), ("VAR_REF", "$(VAR_A)"), ("VAR_EMPTY", "")]);
    let cases = [
        ("$(VAR_A)", "A"),
        ("$(VAR_A)-$(VAR_A)", "A-A"),
        ("___$(VAR_B)___", "___B___"),
        ("$(VAR_A)_$(VAR_B)_$(VAR_C)", "A_B_C"),
        ("$$(VAR_B)_$(VAR_A)", "$(VAR_B)_A"),
        ("f000-$$VAR_A", "f000-$VAR_A"),
        ("foo\\\\$(VAR_C)bar", "foo\\\\Cbar"),
        ("$(VAR_A$(VAR_B))", "$(VAR_A$(VAR_B))"),
        ("$(VAR_A$(VAR_B)", "$(VAR_A$(VAR_B)"),
        ("%%$(VAR_REF)--$(VAR_REF)%%", "%%$(VAR_A)--$(VAR_A)%%"),
        ("foo$(VAR_EMPTY)bar", "foobar"),
        ("foo$(VAR_Awhoops!", "foo$(VAR_Awhoops!"),
        ("f00__(VAR_A)__", "f00__(VAR_A)__"),
        ("$?_boo_$!", "$?_boo_$!"),
        ("$(VAR_DNE)", "$(VAR_DNE)"),
        ("$$$$$$(VAR_A)", "$$$(VAR_A)"),
        ("$$$$$$$(GOOD_ODDS)", "$$$$(GOOD_ODDS)"),
        ("$$$$$$$(VAR_A)", "$$$A"),
        ("$VAR_A)", "$VAR_A)"),
        ("${VAR_A}", "${VAR_A}"),
        ("$(VAR_B)_______$(A", "B_______$(A"),
        ("$(VAR_C)_______$(", "C_______$("),
        ("$(VAR_A)foobarzab$", "Afoobarzab$"),
        ("--$($($($($--", "--$($($($($--"),
        ("foo0--$($($($(", "foo0--$($($($("),
        ("$(foo$$var)", "$(foo$$var)"),
        ("\n", "\n"),
    ];
    for (text, expected) in cases {
        assert_eq!(String::from_utf8(kubelet_expand(text, &env)).unwrap(), expected, "{text:?}");
    }
}

#[test]
fn every_argument_reaches_the_engine_unharmed() {
    let engine = fake_engine();
    let long = "'{{$HOME \\ ".repeat(5_000);
    let all: Vec<&str> = COMMON.into_iter().chain(NASTY).chain([long.as_str()]).collect();
    assert_survives(engine.path(), &all);
    // Alone, too: another argument might mend what one breaks.
    for arg in all {
        assert_survives(engine.path(), &[arg]);
    }
    assert_survives(engine.path(), &[]);
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
        let served = engine_argv(engine.path(), &[arg.to_owned()], &pod_env());
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
        assert_survives(engine.path(), &args.iter().map(String::as_str).collect::<Vec<_>>());
    }
}
