use function_modelplane::domain::engine::template_text::{ModelNameError, env_refs, holds_template, model_name_error};

#[test]
fn only_two_braces_in_a_row_open_a_template() {
    let cases = [
        ("{{ x }}", true, "an action"),
        ("a{{", true, "an action left open fails the parse"),
        ("{{{", true, "three hold two"),
        ("{ {", false, "parted braces are text"),
        ("}}", false, "closing braces alone are text"),
        (r#"{"a":{"b":1}}"#, false, "JSON in compact form"),
        (r#"[{"a":[{"b":{}}]}]"#, false, "nested JSON"),
        ("", false, "nothing"),
    ];
    for (text, expected, reason) in cases {
        assert_eq!(holds_template(text), expected, "{text}: {reason}");
    }
}

#[test]
fn a_model_name_is_safe_in_a_shell_script() {
    let cases = [
        ("meta-llama/Llama-3.1-405B-Instruct", None, "a repository of the Hub"),
        ("7", None, "one digit"),
        ("a.b_c/d:e@f+g-h", None, "every character allowed"),
        ("a//b", Some(ModelNameError::Segment(String::new())), "no path of a route"),
        ("a/", Some(ModelNameError::Segment(String::new())), "no path of a route when something follows"),
        ("a/./b", Some(ModelNameError::Segment(".".to_owned())), "a path of another name"),
        ("a/..", Some(ModelNameError::Segment("..".to_owned())), "a path of another name"),
        ("a/.b", None, "a hidden file is a name"),
        ("", None, "its length is judged elsewhere"),
        ("-tp", Some(ModelNameError::Start('-')), "it would be a flag"),
        ("/etc", Some(ModelNameError::Start('/')), "a path"),
        ("a b", Some(ModelNameError::Character(' ')), "two words"),
        ("a\nb", Some(ModelNameError::Character('\n')), "a second command"),
        ("a;reboot", Some(ModelNameError::Character(';')), "a second command"),
        ("$(reboot)", Some(ModelNameError::Character('$')), "a command substitution"),
        ("`reboot`", Some(ModelNameError::Character('`')), "a command substitution of old"),
        ("a'b", Some(ModelNameError::Character('\'')), "a quote"),
        ("a\"b", Some(ModelNameError::Character('"')), "a quote"),
        ("a\\b", Some(ModelNameError::Character('\\')), "an escape"),
        ("a*", Some(ModelNameError::Character('*')), "a glob"),
        ("~a", Some(ModelNameError::Character('~')), "a home directory"),
        ("{a,b}", Some(ModelNameError::Character('{')), "a brace expansion"),
        ("a{{b", Some(ModelNameError::Character('{')), "a template"),
        ("ä", Some(ModelNameError::Character('ä')), "a letter, but not of ASCII"),
        ("a\0", Some(ModelNameError::Character('\0')), "a NUL"),
    ];
    for (name, expected, reason) in cases {
        assert_eq!(model_name_error(name), expected, "{name:?}: {reason}");
    }
    let messages = [
        (ModelNameError::Start('-'), "a model's name cannot start with '-': start with a letter or digit"),
        (ModelNameError::Character('\n'), "a model's name cannot hold '\\n': use letters, digits and . _ / : @ + - only"),
    ];
    for (error, message) in messages {
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn env_refs_are_what_the_kubelet_looks_up() {
    let cases: [(&str, &[&str], &str); 24] = [
        ("$(VAR_A)", &["VAR_A"], "a reference"),
        ("$(VAR_A)_$(VAR_B)_$(VAR_A)", &["VAR_A", "VAR_B", "VAR_A"], "each one, repeated or not"),
        ("$$(VAR_B)_$(VAR_A)", &["VAR_A"], "an escaped one is none"),
        ("f000-$$VAR_A", &[], "an escaped operator without a reference"),
        ("foo\\$(VAR_C)bar", &["VAR_C"], "a backslash escapes nothing"),
        ("$(VAR_A$(VAR_B))", &["VAR_A$(VAR_B"], "the name ends at the first ')', whatever it holds"),
        ("$(VAR_A$(VAR_B)", &["VAR_A$(VAR_B"], "likewise when a second one never ends"),
        ("$()", &[""], "an empty name is looked up, and never found"),
        ("foo$(VAR_Awhoops!", &[], "a reference that never ends"),
        ("f00__(VAR_A)__", &[], "no operator"),
        ("$?_boo_$!", &[], "the shell's variables"),
        ("$VAR_A", &[], "no parentheses"),
        ("${VAR_A}", &[], "the shell's braces"),
        ("$$$$$$(BIG_MONEY)", &[], "an even number of operators"),
        ("$$$$$$$(GOOD_ODDS)", &["GOOD_ODDS"], "an odd number of operators"),
        ("$VAR_A)", &[], "nothing opened"),
        ("$(VAR_B)_______$(A", &["VAR_B"], "the last one never ends"),
        ("$(VAR_C)_______$(", &["VAR_C"], "the last one has no name"),
        ("$(VAR_A)foobarzab$", &["VAR_A"], "an operator at the end"),
        ("--$($($($($--", &[], "openers only"),
        ("$(foo$$var)", &["foo$$var"], "nothing is escaped within a name"),
        ("$a$(B)", &["B"], "an operator before something else takes nothing with it"),
        ("$é$(B)", &["B"], "nor before a character of several bytes"),
        ("\n", &[], "a newline"),
    ];
    for (text, expected, reason) in cases {
        assert_eq!(env_refs(text), expected, "{text:?}: {reason}");
    }
}
