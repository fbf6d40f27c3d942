//! Text that other programs interpret on its way to the engine: KServe's templates, the shell of its presets, the kubelet.

/// Whether a text holds what starts an action in a Go template. KServe puts the whole serving object through one.
pub fn holds_template(text: &str) -> bool {
    text.contains("{{")
}

/// Why a name cannot be a model's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelNameError {
    /// It starts with something else than a letter or digit.
    #[error("a model's name cannot start with {0:?}: start with a letter or digit")]
    Start(char),
    /// It holds a character that the shell of KServe's presets might interpret.
    #[error("a model's name cannot hold {0:?}: use letters, digits and . _ / : @ + - only")]
    Character(char),
    /// Between two slashes, or at the end, stands nothing that a URL keeps.
    #[error("a model's name cannot have {0:?} between slashes or at its end: KServe makes a URL's path of it, which would be another")]
    Segment(String),
}

/// Says which character or part of a model's name cannot be there, or nothing. How long it is, is not judged here.
///
/// KServe pastes the name unquoted into a shell script, so only `[A-Za-z0-9][A-Za-z0-9._/:@+-]*` is safe. From v0.20 on it makes a route's
/// path of it, too, and the API server refuses a path with `//`, `/./` or `/../`, or one that ends like them.
pub fn model_name_error(name: &str) -> Option<ModelNameError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '/' | ':' | '@' | '+' | '-');
    let start = name.chars().next()?;
    match name.chars().find(|&c| !plain(c)) {
        Some(refused) => Some(ModelNameError::Character(refused)),
        None if !start.is_ascii_alphanumeric() => Some(ModelNameError::Start(start)),
        None => {
            name.split('/').find(|segment| segment.chars().all(|c| c == '.')).map(|segment| ModelNameError::Segment(segment.to_owned()))
        }
    }
}

/// The names of the environment variables that the kubelet looks up in a text, in order: `$(NAME)`, while `$$` is a literal `$`.
///
/// The kubelet reads args and the values of environment variables this way. A name is whatever stands before the next `)`.
pub fn env_refs(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once('$') {
        rest = behind;
        if let Some(escaped) = behind.strip_prefix('$') {
            rest = escaped;
        } else if let Some((name, after)) = behind.strip_prefix('(').and_then(|opened| opened.split_once(')')) {
            names.push(name);
            rest = after;
        }
    }
    names
}

/// Whether any text within a value holds what starts an action in a Go template. JSON's own braces are never adjacent.
pub fn serialized_holds_template(value: &impl serde::Serialize) -> bool {
    serde_json::to_string(value).is_ok_and(|text| holds_template(&text))
}
