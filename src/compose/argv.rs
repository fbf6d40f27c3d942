//! An engine's argument, written so that it passes through KServe's presets unharmed.

/// Writes one container argument so that the engine receives what a plain container with it would give.
///
/// KServe parses its whole object as a Go template, in which `{{` starts an action, and its presets `eval` the arguments in bash. So the
/// result is one single-quoted shell word without `{{`. `$` stays as it is: the kubelet expands `$(VAR)` and `$$` as in any container,
/// before bash, and bash leaves what is single-quoted alone. Two things are the caller's to refuse: a reference to a variable whose value
/// holds a single quote, which would end the quoting, and a NUL, which no argument can hold.
pub fn quote(arg: &str) -> String {
    let mut word = String::with_capacity(arg.len().saturating_add(2));
    word.push('\'');
    let mut before = '\'';
    for c in arg.chars() {
        match c {
            '\'' => word.push_str(r"'\'"),
            // An empty pair of quotes: nothing to bash, but it parts the braces.
            '{' if before == '{' => word.push_str("''"),
            _ => {}
        }
        word.push(c);
        before = c;
    }
    word.push('\'');
    word
}
