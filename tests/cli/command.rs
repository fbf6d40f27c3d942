//! The command itself, as a shell runs it.

use std::process::{Command, Output};

fn run(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_function-modelplane")).args(words).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap()
}

fn printed(words: &[&str]) -> String {
    let done = run(words);
    assert!(done.status.success() && done.stderr.is_empty(), "{done:?}");
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn the_version_says_which_commit() {
    let version = printed(&["--version"]);
    let rest = version.strip_prefix(concat!("function-modelplane ", env!("CARGO_PKG_VERSION"))).unwrap().trim_end();
    let commit = rest.strip_prefix(" (").and_then(|rest| rest.strip_suffix(')'));
    let hexadecimal = |commit: &str| commit.len() >= 12 && commit.chars().all(|c| c.is_ascii_hexdigit());
    assert!(rest.is_empty() || commit.is_some_and(hexadecimal), "{version}: a commit where there is a clone, else nothing");
}

#[test]
fn help_completions_and_the_manual_know_every_command() {
    for words in [vec!["--help"], vec!["completions", "bash"], vec!["completions", "zsh"], vec!["completions", "fish"], vec!["man"]] {
        let text = printed(&words);
        for command in ["preview", "explain", "lint", "completions", "man"] {
            assert!(text.contains(command), "{words:?} lacks {command}");
        }
    }
}

#[test]
fn shells_complete_the_rules_of_the_lint() {
    for (shell, select) in [("bash", "--select"), ("zsh", "--select"), ("fish", "-l select")] {
        let text = printed(&["completions", shell]);
        assert!(text.contains("KvConnectorMissing") && text.contains(select), "{shell}");
    }
}

#[test]
fn quiet_leaves_the_exit_code_and_what_is_wrong() {
    for (words, code, silent) in [
        (["lint", "-q", "examples/llama-405b"], 1, true),
        (["preview", "--quiet", "examples/llama-405b"], 0, true),
        (["explain", "-q", "examples/no-rdma"], 1, true),
        (["lint", "-q", "nothing-here"], 2, false),
    ] {
        let done = run(&words);
        assert_eq!((done.status.code(), done.stdout.is_empty(), done.stderr.is_empty()), (Some(code), true, silent), "{words:?}");
    }
}

#[test]
fn exit_codes_are_what_help_promises() {
    for (words, expected, why) in [
        (vec!["preview", "examples/llama-405b"], 0, "placed"),
        (vec!["preview", "examples/no-rdma"], 1, "not placed"),
        (vec!["preview", "nothing-here"], 2, "nothing to read"),
        (vec!["lint", "examples/llama-70b"], 0, "clean"),
        (vec!["lint", "examples/llama-405b"], 1, "errors"),
        (vec!["lint", "nothing-here"], 2, "nothing to read"),
        (vec!["lint"], 2, "no path"),
        (vec!["previw"], 2, "no such command"),
    ] {
        assert_eq!(run(&words).status.code(), Some(expected), "{why}");
    }
}
