//! vLLM's command line: which options an engine's arguments set, and how many GPUs they need.
//!
//! vLLM reads it in two passes, and so do we: its `FlexibleArgumentParser` (`vllm/utils/argparse_utils.py`) rewrites the words, Python's
//! `argparse` assigns them to options. Which options there are is in `options.json`; `tests/domain/engine/parsed-0.32.0.json` is what the real
//! parser of vLLM 0.32.0 says of a few hundred command lines.

use serde_json::{Map, Value};

use super::options::{self, Named, Takes};
use super::release::{Release, v0};
use super::template_text::env_refs;
use super::values::{count, integer};

/// The options that size a pod.
const SIZES: [&str; 6] = [
    "tensor-parallel-size",
    "pipeline-parallel-size",
    "prefill-context-parallel-size",
    "data-parallel-size",
    "data-parallel-size-local",
    "data-parallel-rank",
];

/// The options with which the sizes alone do not say what a pod needs.
const BEYOND_SIZES: [&str; 4] = ["nnodes", "distributed-executor-backend", "headless", "config"];

/// What `-O3` means, in releases that have it.
const LEVEL: &str = "optimization-level";

/// How deep a dotted key may go: as deep as JSON may be nested.
const MAX_DEPTH: usize = 100;

/// What an engine's arguments set, in the order in which vLLM applies it: the last one wins.
///
/// Options go by their long name without dashes (`tensor-parallel-size`), however they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineArgs {
    /// The options given.
    pub(super) options: Vec<Given>,
    /// Beginnings of several options' names, for which vLLM refuses to start.
    pub(super) ambiguous: Vec<Ambiguous>,
    /// Words that belong to no option, each with its argument. vLLM refuses them.
    strays: Vec<(usize, String)>,
    /// Whether some word may be an option that decides on GPUs: a `$(VAR)` in the place of one, or an ambiguous prefix.
    opaque: bool,
}

/// An option that is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Given {
    /// The argument that names it.
    pub(super) at: usize,
    /// Its long name; as it was written where nobody knows it.
    pub(super) name: String,
    /// How it was written, with its dashes and without its value.
    pub(super) written: String,
    /// What it takes; `None` where nobody knows it.
    pub(super) takes: Option<Takes>,
    /// Whether it is a switch that is turned off.
    off: bool,
    /// None where one is missing or the option takes none.
    pub(super) values: Vec<String>,
}

impl Given {
    fn new(at: usize, named: Option<Named>, written: String, values: Vec<String>) -> Self {
        let bare = || written.trim_start_matches('-').to_owned();
        Self {
            at,
            name: named.map_or_else(bare, |named| named.row.name.clone()),
            takes: named.map(|named| named.row.takes),
            off: named.is_some_and(|named| named.off),
            written,
            values,
        }
    }
}

/// The beginning of several options' names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ambiguous {
    /// The argument.
    pub(super) at: usize,
    /// As it was written, with its dashes and without its value.
    pub(super) written: String,
    /// The names that it may be, with their dashes.
    pub(super) names: Vec<String>,
}

/// How many GPUs arguments say that a pod needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gpus {
    /// No argument says anything of it.
    Unstated,
    /// So many, at least one.
    Stated(u32),
    /// Something decides that cannot be read here.
    Unknown,
}

/// A word, and the index of its argument.
type Placed = (usize, String);

/// What a word is to `argparse`.
enum Word {
    /// A value, or a stray.
    Plain,
    /// An option, or what looks like one, and the value written into the same word.
    Option { named: Option<Named>, written: String, value: Option<String> },
    /// A prefix of several options, for which vLLM refuses to start.
    Ambiguous { written: String, found: Vec<Named> },
}

impl EngineArgs {
    /// Reads the arguments of `vllm serve`, as a container with an image has them: `$(VAR)` is left alone. Where the image is no official one
    /// of a release that was read, an option is what it is to any of them.
    ///
    /// Understood are `--x=v`, `--x v`, `-tp 4`, `-tp=4`, underscores for dashes, unique prefixes of the options that there are,
    /// and dotted keys (`--kv-transfer-config.kv_role kv_both`), which are gathered into the JSON that vLLM makes of them and, as there,
    /// replace a JSON given elsewhere. What vLLM would refuse is kept apart; nothing is an error here.
    pub fn parse_for(image: &str, args: &[String]) -> Self {
        let release = Release::of(image).and_then(options::read);
        let (words, unfinished) = rewrite(args, release);
        let mut parsed = Self::default();
        let mut rest = words.into_iter().peekable();
        // An option that nobody knows may take every word that follows.
        let mut may_be_values = false;
        while let Some((at, word)) = rest.next() {
            if word == "--" {
                parsed.strays.extend(rest.by_ref());
                break;
            }
            match read_word(&word, release) {
                Word::Plain => {
                    parsed.opaque |= may_become_option(&word);
                    if !may_be_values {
                        parsed.strays.push((at, word));
                    }
                }
                Word::Ambiguous { written, found } => {
                    let matters =
                        |named: &Named| SIZES.contains(&named.row.name.as_str()) || BEYOND_SIZES.contains(&named.row.name.as_str());
                    parsed.opaque |= found.iter().any(matters);
                    let dashes = if written.starts_with("--") { "--" } else { "-" };
                    let names = found.iter().map(|named| format!("{dashes}{}", named.name)).collect();
                    parsed.ambiguous.push(Ambiguous { at, written, names });
                }
                Word::Option { named, written, value } => {
                    let takes = named.map(|named| named.row.takes);
                    may_be_values = takes.is_none() && value.is_none() && release.is_none();
                    parsed.opaque |= takes.is_none() && !env_refs(&written).is_empty();
                    let (most, sure) = room(takes, value.is_some(), release);
                    let mut values: Vec<String> = value.into_iter().collect();
                    while values.len() < most
                        && let Some((_, next)) = rest.next_if(|(_, next)| matches!(read_word(next, release), Word::Plain))
                    {
                        parsed.opaque |= values.len() >= sure && may_become_option(&next);
                        values.push(next);
                    }
                    parsed.options.push(Given::new(at, named, written, values));
                }
            }
        }
        for (at, option) in unfinished {
            let named = if let Word::Option { named, .. } = read_word(&option, release) { named } else { None };
            parsed.options.push(Given::new(at, named, option, Vec::new()));
        }
        parsed
    }

    /// Whether an option is given at all.
    pub fn is_given(&self, name: &str) -> bool {
        self.at(name).is_some()
    }

    /// The index of the argument that gives an option last; `None` when it is not given.
    pub fn at(&self, name: &str) -> Option<usize> {
        self.last(name).map(|given| given.at)
    }

    /// The value of an option where it is given last; `None` when it is not given, or without a value.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values(name).last().map(String::as_str)
    }

    /// All values of an option where it is given last.
    pub fn values(&self, name: &str) -> &[String] {
        self.last(name).map(|given| given.values.as_slice()).unwrap_or_default()
    }

    fn last(&self, name: &str) -> Option<&Given> {
        self.options.iter().rfind(|given| given.name == name)
    }

    /// Which way a switch is set where it is given last, by its name or by what turns it off; `None` when it is not given.
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.last(name).map(|given| !given.off)
    }

    /// The words that belong to no option, for which vLLM refuses to start, each with the index of its argument:
    /// `"--tensor-parallel-size 2"` in one word, for example.
    pub fn strays(&self) -> &[(usize, String)] {
        &self.strays
    }

    /// Whether something that cannot be read here may set options, too: a `$(VAR)`, a file, or the environment.
    pub fn may_set_more(&self, env_names: &[&str]) -> bool {
        self.opaque || env_names.contains(&"VLLM_ADDITIONAL_ARGS") || self.is_given("config")
    }

    /// Whether a word that the kubelet fills in, or that vLLM cannot tell apart, may be an option: it may undo any other.
    pub fn is_opaque(&self) -> bool {
        self.opaque
    }

    /// How many GPUs a pod with these arguments needs: TP x PP x PCP x the data parallel ranks in the pod.
    ///
    /// `env_names` are the names of the container's environment variables: `VLLM_ADDITIONAL_ARGS` holds arguments, too.
    pub fn gpus(&self, env_names: &[&str]) -> Gpus {
        let opaque = self.may_set_more(env_names)
            || self.is_given("headless")
            || self.count("nnodes") != Some(1)
            || self.value("distributed-executor-backend").is_some_and(|name| name == "external_launcher" || !env_refs(name).is_empty());
        if opaque {
            return Gpus::Unknown;
        }
        if !SIZES.iter().any(|name| self.is_given(name)) {
            return Gpus::Unstated;
        }
        self.product().map_or(Gpus::Unknown, Gpus::Stated)
    }

    /// The product of the parallel sizes within a pod; `None` when one is no number or it gets too large.
    fn product(&self) -> Option<u32> {
        // A rank of its own means that the other ranks are other pods.
        let ranks = if self.is_given("data-parallel-rank") {
            1
        } else if self.is_given("data-parallel-size-local") {
            self.count("data-parallel-size-local")?
        } else {
            self.count("data-parallel-size")?
        };
        self.count("tensor-parallel-size")?
            .checked_mul(self.count("pipeline-parallel-size")?)?
            .checked_mul(self.count("prefill-context-parallel-size")?)?
            .checked_mul(ranks)
    }

    /// The positive number that an option is set to: 1 when it is not given, `None` when it is set to something else.
    pub fn count(&self, name: &str) -> Option<u32> {
        if !self.is_given(name) {
            return Some(1);
        }
        u32::try_from(integer(self.value(name)?)?).ok().filter(|&count| count > 0)
    }
}

/// How many words may follow an option as its values, and how many of them vLLM surely takes for that.
fn room(takes: Option<Takes>, has_value: bool, release: Option<Release>) -> (usize, usize) {
    match takes {
        _ if has_value => (0, 0),
        Some(Takes::Nothing) => (0, 0),
        Some(Takes::One) => (1, 1),
        Some(Takes::Maybe) => (1, 0),
        Some(Takes::Some) => (usize::MAX, 1),
        // What the release does not have takes nothing; what nobody knows may.
        None => (usize::from(release.is_none()), 0),
    }
}

/// Whether the kubelet may turn a plain word into an option: it starts with a reference.
fn may_become_option(word: &str) -> bool {
    word.starts_with("$(") && !env_refs(word).is_empty()
}

/// The first pass: underscores in names become dashes, `-O3` is parted, dotted keys are gathered behind everything else.
///
/// Each word comes with the index of its argument, a dotted key with that of the option's first. Options whose dotted key has no value come
/// apart: there vLLM reads no further.
fn rewrite(args: &[String], release: Option<Release>) -> (Vec<Placed>, Vec<Placed>) {
    let (mut words, mut unfinished) = (Vec::new(), Vec::new());
    let mut gathered: Vec<(usize, String, Map<String, Value>)> = Vec::new();
    let has_levels = !options::long(LEVEL, release).is_empty();
    let spelled = args.iter().enumerate().flat_map(|(at, arg)| spell(arg, has_levels).into_iter().map(move |word| (at, word)));
    let mut rest = spelled.peekable();
    while let Some((at, word)) = rest.next() {
        if word == "-O" && has_levels && rest.peek().is_some_and(|(_, level)| ["0", "1", "2", "3"].contains(&level.as_str())) {
            words.push((at, format!("--{LEVEL}")));
            continue;
        }
        let (key, written) = word.split_once('=').map_or((word.as_str(), None), |(key, value)| (key, Some(value.to_owned())));
        let Some((option, path)) = key.split_once('.').filter(|_| key.starts_with('-')) else {
            words.push((at, word));
            continue;
        };
        // vLLM takes the next word for the value, whatever it is, and fails when there is none.
        let Some(text) = written.or_else(|| rest.next().map(|(_, word)| word)) else {
            unfinished.push((at, option.to_owned()));
            continue;
        };
        let (path, value) = match path.strip_suffix('+') {
            Some(path) => (path, Value::from(text.split(',').collect::<Vec<_>>())),
            None => (path, json_or_text(text, release)),
        };
        if path.split('.').count() > MAX_DEPTH {
            continue;
        }
        let nested = path.rsplit('.').fold(value, |inner, key| Value::Object(Map::from_iter([(key.to_owned(), inner)])));
        let place = gathered.iter().position(|(_, name, _)| name == option).unwrap_or_else(|| {
            gathered.push((at, option.to_owned(), Map::new()));
            gathered.len().saturating_sub(1)
        });
        if let (Some((.., object)), Value::Object(nested)) = (gathered.get_mut(place), nested) {
            merge(object, nested);
        }
    }
    words.extend(gathered.into_iter().flat_map(|(at, option, object)| [(at, option), (at, Value::Object(object).to_string())]));
    (words, unfinished)
}

/// One argument with the underscores of a long option's name as dashes; `-O3` in two words.
fn spell(arg: &str, has_levels: bool) -> Vec<String> {
    if arg.starts_with("--") {
        let (key, value) = arg.split_once('=').map_or((arg, None), |(key, value)| (key, Some(value)));
        let (name, path) = key.split_once('.').map_or((key, None), |(name, path)| (name, Some(path)));
        let path = path.map(|path| format!(".{path}")).unwrap_or_default();
        let value = value.map(|value| format!("={value}")).unwrap_or_default();
        return vec![format!("{}{path}{value}", name.replace('_', "-"))];
    }
    match arg.strip_prefix("-O") {
        Some(level) if !level.is_empty() && !level.starts_with('.') => {
            let option = if has_levels { format!("--{LEVEL}") } else { "-O".to_owned() };
            vec![option, level.strip_prefix('=').unwrap_or(level).to_owned()]
        }
        _ => vec![arg.to_owned()],
    }
}

/// Merges an object into another: objects within objects, lists appended, anything else replaced.
fn merge(into: &mut Map<String, Value>, from: Map<String, Value>) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => merge(old, new),
            (Some(Value::Array(old)), Value::Array(new)) => old.extend(new),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

/// The value of a dotted key: JSON, since 0.20 a number with a letter for a thousand and so on, or else text.
fn json_or_text(text: String, release: Option<Release>) -> Value {
    let counts = release.is_none_or(|release| release >= v0(20, 0));
    let counted = || count(&text).filter(|_| counts).map(Value::from);
    serde_json::from_str(&text).ok().or_else(counted).unwrap_or(Value::String(text))
}

/// The second pass: what `argparse` takes a word for.
fn read_word(word: &str, release: Option<Release>) -> Word {
    let Some(name) = word.strip_prefix('-').filter(|name| !name.is_empty()) else { return Word::Plain };
    let (name, long) = name.strip_prefix('-').map_or((name, false), |name| (name, true));
    let (name, value) = name.split_once('=').map_or((name, None), |(name, value)| (name, Some(value.to_owned())));
    let written = if long { format!("--{name}") } else { format!("-{name}") };
    let found = if long { options::long(name, release) } else { options::short(name, release) };
    // Only with two dashes may a beginning have its value behind '='.
    let found: Vec<Named> = found.into_iter().filter(|named| long || value.is_none() || named.name == name).collect();
    match *found.as_slice() {
        [named] => return Word::Option { named: Some(named), written, value },
        [] => {}
        _ => return Word::Ambiguous { written, found },
    }
    let attached = (!long && value.is_none()).then(|| one_letter(name, release)).flatten();
    if let Some((named, value)) = attached {
        return Word::Option { named: Some(named), written, value: Some(value) };
    }
    let spaced = name.contains(' ') || release.is_some() && word.contains(' ');
    if spaced || is_negative_number(word) {
        return Word::Plain;
    }
    Word::Option { named: None, written, value }
}

/// One letter with its value attached: `-n2`.
fn one_letter(name: &str, release: Option<Release>) -> Option<(Named, String)> {
    let (end, _) = name.char_indices().nth(1)?;
    let (letter, value) = name.split_at_checked(end)?;
    match *options::short(letter, release).as_slice() {
        [named] if named.name == letter => Some((named, value.to_owned())),
        _ => None,
    }
}

/// Whether a word is what `argparse` takes for a negative number.
fn is_negative_number(word: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    word.strip_prefix('-').is_some_and(|number| match number.split_once('.') {
        Some((whole, fraction)) => (whole.is_empty() || digits(whole)) && digits(fraction),
        None => digits(number),
    })
}
