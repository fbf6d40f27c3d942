//! vLLM's command line: which options an engine's arguments set, and how many GPUs they need.
//!
//! vLLM reads it in two passes, and so do we: its `FlexibleArgumentParser` (`vllm/utils/argparse_utils.py`) rewrites the words, Python's
//! `argparse` assigns them to options. Checked against the parsers of vLLM 0.12.0 to 0.33.0 under Python 3.12. One thing is left out: recent
//! versions read `80g` behind a dotted key as a number.

use std::ops::Bound;

use serde_json::{Map, Value};

use super::options::{Arity, LONG, SHORTS, inverse};
use super::template_text::env_refs;

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

/// How deep a dotted key may go: as deep as JSON may be nested.
const MAX_DEPTH: usize = 100;

/// What an engine's arguments set, in the order in which vLLM applies it: the last one wins.
///
/// Options go by their long name without dashes (`tensor-parallel-size`), however they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineArgs {
    /// The options given.
    options: Vec<Given>,
    /// Words that belong to no option, each with its argument. vLLM refuses them.
    strays: Vec<(usize, String)>,
    /// Whether some word may be an option that decides on GPUs: a `$(VAR)` in the place of one, or an ambiguous prefix.
    opaque: bool,
}

/// An option that is given.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Given {
    /// The argument that names it.
    at: usize,
    name: String,
    /// None where one is missing or the option takes none.
    values: Vec<String>,
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

/// What a word is to `argparse`.
enum Word {
    /// A value, or a stray.
    Plain,
    /// An option, and the value written into the same word.
    Option { name: String, arity: Arity, value: Option<String> },
    /// A prefix of several options, for which vLLM refuses to start.
    Ambiguous(Vec<&'static str>),
}

impl EngineArgs {
    /// Reads the arguments of `vllm serve`, as a container has them: `$(VAR)` is left alone.
    ///
    /// Understood are `--x=v`, `--x v`, `-tp 4`, `-tp=4`, underscores for dashes, unique prefixes of the options that vLLM is known to
    /// have, and dotted keys (`--kv-transfer-config.kv_role kv_both`), which are gathered into the JSON that vLLM makes of them and, as
    /// there, replace a JSON given elsewhere. What vLLM would refuse is kept apart; nothing is an error here.
    pub fn parse(args: &[String]) -> Self {
        let words = rewrite(args);
        let mut parsed = Self::default();
        let mut rest = words.into_iter().peekable();
        // An option that nobody knows may take every word that follows.
        let mut may_be_values = false;
        while let Some((at, word)) = rest.next() {
            if word == "--" {
                parsed.strays.extend(rest.by_ref());
                break;
            }
            match read_word(&word) {
                Word::Plain => {
                    parsed.opaque |= may_become_option(&word);
                    if !may_be_values {
                        parsed.strays.push((at, word));
                    }
                }
                Word::Ambiguous(names) => parsed.opaque |= names.iter().any(|name| SIZES.contains(name) || BEYOND_SIZES.contains(name)),
                Word::Option { name, arity, value } => {
                    // How many words may follow, and how many of them vLLM surely takes for values.
                    let (most, sure) = match (arity, value.is_some()) {
                        (_, true) | (Arity::Flag, _) => (0, 0),
                        (Arity::Value, _) => (1, 1),
                        (Arity::List, _) => (usize::MAX, 1),
                        (Arity::Unknown, _) => (1, 0),
                    };
                    parsed.opaque |= arity == Arity::Unknown && !env_refs(&name).is_empty();
                    may_be_values = arity == Arity::Unknown && value.is_none();
                    let mut values: Vec<String> = value.into_iter().collect();
                    while values.len() < most
                        && let Some((_, next)) = rest.next_if(|(_, next)| matches!(read_word(next), Word::Plain))
                    {
                        parsed.opaque |= values.len() >= sure && may_become_option(&next);
                        values.push(next);
                    }
                    parsed.options.push(Given { at, name, values });
                }
            }
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

    /// Which way a flag is set where it is given last, by its name or by what negates it; `None` when it is not given.
    pub fn flag(&self, name: &str) -> Option<bool> {
        let inverse = inverse(name);
        self.options.iter().rev().find_map(|given| {
            let (positive, bare) = given.name.strip_prefix("no-").map_or((true, given.name.as_str()), |bare| (false, bare));
            if bare == name { Some(positive) } else { (Some(bare) == inverse.as_deref()).then_some(!positive) }
        })
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
        // Python's int() ignores space around a number.
        self.value(name)?.trim().parse().ok().filter(|&count| count > 0)
    }
}

/// Whether the kubelet may turn a plain word into an option: it starts with a reference.
fn may_become_option(word: &str) -> bool {
    word.starts_with("$(") && !env_refs(word).is_empty()
}

/// The first pass: underscores in names become dashes, `-O3` is parted, dotted keys are gathered behind everything else.
///
/// Each word comes with the index of its argument, a dotted key with that of the option's first.
fn rewrite(args: &[String]) -> Vec<(usize, String)> {
    let mut words = Vec::new();
    let mut gathered: Vec<(usize, String, Map<String, Value>)> = Vec::new();
    let mut rest = args.iter().enumerate().flat_map(|(at, arg)| spell(arg).into_iter().map(move |word| (at, word)));
    while let Some((at, word)) = rest.next() {
        let (key, written) = word.split_once('=').map_or((word.as_str(), None), |(key, value)| (key, Some(value.to_owned())));
        let Some((option, path)) = key.split_once('.').filter(|_| key.starts_with('-')) else {
            words.push((at, word));
            continue;
        };
        // vLLM takes the next word for the value, whatever it is, and fails when there is none.
        let Some(text) = written.or_else(|| rest.next().map(|(_, word)| word)) else { continue };
        let (path, value) = match path.strip_suffix('+') {
            Some(path) => (path, Value::from(text.split(',').collect::<Vec<_>>())),
            None => (path, serde_json::from_str(&text).unwrap_or(Value::String(text))),
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
    words
}

/// One argument with the underscores of a long option's name as dashes; `-O3` in two words.
fn spell(arg: &str) -> Vec<String> {
    if arg.starts_with("--") {
        let (key, value) = arg.split_once('=').map_or((arg, None), |(key, value)| (key, Some(value)));
        let (name, path) = key.split_once('.').map_or((key, None), |(name, path)| (name, Some(path)));
        let path = path.map(|path| format!(".{path}")).unwrap_or_default();
        let value = value.map(|value| format!("={value}")).unwrap_or_default();
        return vec![format!("{}{path}{value}", name.replace('_', "-"))];
    }
    match arg.strip_prefix("-O") {
        Some(level) if !level.is_empty() && !level.starts_with('.') => {
            vec!["-O".to_owned(), level.strip_prefix('=').unwrap_or(level).to_owned()]
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

/// The second pass: what `argparse` takes a word for.
fn read_word(word: &str) -> Word {
    let Some(name) = word.strip_prefix('-').filter(|name| !name.is_empty()) else { return Word::Plain };
    let (name, long) = name.strip_prefix('-').map_or((name, false), |name| (name, true));
    let (name, value) = name.split_once('=').map_or((name, None), |(name, value)| (name, Some(value.to_owned())));
    let found = if long { complete_long(name) } else { complete_short(name) };
    let known = |name: &str, value| Word::Option { arity: LONG.get(name).copied().unwrap_or(Arity::Unknown), name: name.to_owned(), value };
    match *found.as_slice() {
        [name] => return known(name, value),
        [] => {}
        _ => return Word::Ambiguous(found),
    }
    if !long && value.is_none() {
        // One letter with its value attached: `-n2`.
        let attached = SHORTS.iter().find_map(|(short, long)| Some((long, name.strip_prefix(short).filter(|_| short.len() == 1)?)));
        if let Some((name, value)) = attached {
            return known(name, Some(value.to_owned()));
        }
    }
    if name.contains(' ') || is_negative_number(word) {
        return Word::Plain;
    }
    Word::Option { name: name.to_owned(), arity: Arity::Unknown, value }
}

/// Whether a word is what `argparse` takes for a negative number.
fn is_negative_number(word: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    word.strip_prefix('-').is_some_and(|number| match number.split_once('.') {
        Some((whole, fraction)) => (whole.is_empty() || digits(whole)) && digits(fraction),
        None => digits(number),
    })
}

/// The long options that a name is, or is a prefix of.
fn complete_long(name: &str) -> Vec<&'static str> {
    let from_here = LONG
        .range::<str, _>((Bound::Included(name), Bound::Unbounded))
        .map(|(option, _)| option.as_str())
        .take_while(|option| option.starts_with(name));
    from_here.take(if LONG.contains_key(name) { 1 } else { usize::MAX }).collect()
}

/// The long options whose short form a name is, or is a prefix of.
fn complete_short(name: &str) -> Vec<&'static str> {
    let exact = SHORTS.iter().find(|(short, _)| *short == name);
    let candidates = SHORTS.iter().filter(|(short, _)| short.starts_with(name));
    exact.map_or_else(|| candidates.map(|(_, long)| *long).collect(), |(_, long)| vec![*long])
}
