//! What other people write reaches terminals, logs and annotations: nothing of it may move a cursor, hide, turn text around, begin
//! a line of its own or be a command to GitHub's runner. Every string of every kind is tried, with every command and format.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use clap::Parser as _;
use function_modelplane::cli::explain::{Explain, explain};
use function_modelplane::cli::lint::{Lint, lint};
use function_modelplane::cli::manifests::load;
use function_modelplane::cli::preview::{Preview, preview};
use regex::Regex;
use serde_json::{Value, json};

use super::played_fleet::Fleet;
use super::string_fields::{Place, plant, string_fields, strings_of};

#[derive(clap::Parser)]
enum Command {
    Preview(Preview),
    Explain(Explain),
    Lint(Lint),
}

/// Commands of each form at the beginning, behind a line break and within, the title of a terminal, reverse video, marks that turn text
/// around, and a separator.
const HOSTILE: &str = "::warning::a\n::error::b\r\u{1b}]0;t\u{7}\u{1b}[7m\u{9b}2J\u{202e}\u{2066}\u{200b}\u{2028}\u{7f} ##[error]c";
/// What every character of is seen, so that more rules let it pass.
const COMMAND: &str = "::warning file=a::b";

/// What the report of a change is coloured with.
const COLOURS: [&str; 6] = ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[31m", "\u{1b}[32m", "\u{1b}[33m", "\u{1b}[36m"];
static ANNOTATION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^::(error|warning) file=[^:,]*,line=[0-9]+,col=[0-9]+,title=[A-Za-z]+::").unwrap());

/// What a command printed, and the page it wrote.
struct Printed {
    words: Vec<String>,
    out: String,
    err: String,
    page: String,
}

fn run(words: &[&str], stdin: &str, page: Option<&Path>) -> Printed {
    let mut words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    words.extend(page.into_iter().flat_map(|file| ["--html".to_owned(), file.display().to_string()]));
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let stdin = &mut stdin.as_bytes();
    match Command::parse_from(std::iter::once("modelplane").chain(words.iter().map(String::as_str))) {
        Command::Preview(command) => _ = preview(&command, stdin, &mut out, &mut err).unwrap(),
        Command::Explain(command) => _ = explain(&command, stdin, &mut out, &mut err).unwrap(),
        Command::Lint(command) => _ = lint(&command, stdin, &mut out, &mut err).unwrap(),
    }
    let page = page.map(|file| std::fs::read_to_string(file).unwrap_or_default()).unwrap_or_default();
    Printed { words, out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap(), page }
}

/// What is wrong with a text that reaches people.
fn raw(text: &str) -> Option<String> {
    let text = COLOURS.iter().fold(text.to_owned(), |text, colour| text.replace(colour, ""));
    let unseen = |c: &char| {
        (c.is_control() && *c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{61c}' | '\u{feff}')
    };
    let command = |line: &&str| line.trim_start().starts_with("::") || line.contains("##[");
    let found = text.chars().find(unseen).map(|c| format!("{c:?} in {text:?}"));
    found.or_else(|| text.lines().find(command).map(|line| format!("a command: {line:?}")))
}

/// Annotations are commands, one for each finding, and nothing else is.
fn wrong_annotations(printed: &Printed, findings: usize) -> Option<String> {
    let lines: Vec<&str> = printed.out.lines().collect();
    let rest: Vec<String> = lines.iter().map(|line| ANNOTATION.replace(line, "").into_owned()).collect();
    let all = lines.len() == findings && lines.iter().all(|line| ANNOTATION.is_match(line));
    if all { raw(&rest.join("\n")).or_else(|| raw(&printed.err)) } else { Some(format!("{findings} findings: {lines:?}")) }
}

/// Fails where something came through of what was printed about objects, or where it can no longer be read.
fn check(printed: &[Printed]) {
    let listed = printed.iter().find(|printed| printed.words.starts_with(&["lint", "-", "-o", "json"].map(str::to_owned)));
    let findings = listed
        .filter(|printed| !printed.out.is_empty())
        .map_or(0, |printed| serde_json::from_str::<Vec<Value>>(&printed.out).unwrap().len());
    for printed in printed {
        let Printed { words, out, err, page } = printed;
        let asks = |format: &str| words.iter().any(|word| word == format);
        let found = if asks("github") {
            wrong_annotations(printed, findings)
        } else {
            raw(out).or_else(|| raw(err)).or_else(|| raw(page.split_once("</style>").map_or("", |(_, body)| body)))
        };
        assert_eq!(found, None, "{words:?}");
        if (asks("json") || asks("sarif")) && !out.is_empty() {
            serde_json::from_str::<Value>(out).unwrap_or_else(|error| panic!("{words:?}: {error}: {out}"));
        }
        if asks("yaml") && !out.is_empty() {
            load(&[PathBuf::from("-")], &mut out.as_bytes(), &mut Vec::new()).unwrap_or_else(|error| panic!("{words:?}: {error}: {out}"));
        }
    }
}

/// The places whose hostile text was printed, however it is spelled: it ends with the place's number.
fn shown(places: &[Place], printed: &[Printed]) -> BTreeSet<String> {
    let is_shown = |number: usize| {
        let end = format!("error]c{number}.");
        printed.iter().any(|Printed { out, err, page, .. }| [out, err, page].into_iter().any(|printed| printed.contains(&end)))
    };
    places.iter().enumerate().filter(|(number, _)| is_shown(*number)).map(|(_, place)| place.to_string()).collect()
}

/// A list of nothing but what is seen: not every character may be in YAML as it is.
fn list(objects: &[Value]) -> String {
    let text = json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string();
    // All of them are one unit of UTF-16.
    text.chars().map(|c| if (' '..='~').contains(&c) { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) }).collect()
}

/// Every command about plain manifests, in every format.
fn all_of_plain(objects: &[Value], folder: &Path) -> Vec<Printed> {
    let list = list(objects);
    let page = folder.join("fleet.html");
    let asked: [(&[&str], Option<&Path>); 8] = [
        (&["preview", "-"], Some(&page)),
        (&["preview", "-", "-o", "yaml"], None),
        (&["explain", "-"], Some(&page)),
        (&["explain", "-", "-o", "json"], None),
        (&["lint", "-"], None),
        (&["lint", "-", "-o", "json"], None),
        (&["lint", "-", "-o", "sarif"], None),
        (&["lint", "-", "-o", "github"], None),
    ];
    asked.map(|(words, page)| run(words, &list, page)).into()
}

/// A change of what runs, in one of the two formats.
fn change_of(live: &[Value], change: &[Value], folder: &Path, format: &str) -> Vec<Printed> {
    let (exported, edited) = (folder.join("live.json"), folder.join("change.json"));
    std::fs::write(&exported, list(live)).unwrap();
    std::fs::write(&edited, list(change)).unwrap();
    vec![run(&["preview", "--live", exported.to_str().unwrap(), "--change", edited.to_str().unwrap(), "-o", format], "", None)]
}

fn engine(image: &str) -> Value {
    let config = r#"--kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_both"}"#;
    json!({"name": "vLLM", "image": image, "args": ["--tensor-parallel-size=1", config], "env": [{"name": "A", "value": "b"}]})
}

fn model(kind: &str, image: &str) -> Value {
    json!({"apiVersion": "modelplane.ai/v1alpha1", "kind": kind, "metadata": {"name": "m", "labels": {"team": "a"}}, "spec": {
        "model": {"name": "org/m"}, "source": "URI", "uri": "s3://models/m", "resources": {"vram": "1Gi"}, "serving": [
            {"name": "both", "topology": "PrefillDecode", "engine": engine(image), "resources": {"gpu": 1},
             "environmentSelector": {"matchLabels": {"modelplane.ai/rdma": "true"}},
             "prefill": {"engine": engine(image), "resources": {"gpu": 1}}},
            {"name": "one", "engine": engine(image), "resources": {"gpu": 1}}]}})
}

fn environment(name: &str, cluster: &Value) -> Value {
    json!({"apiVersion": "modelplane.ai/v1alpha1", "kind": "InferenceEnvironment",
        "metadata": {"name": name, "labels": {"modelplane.ai/rdma": "true", "region": "us"}},
        "spec": {"cluster": cluster, "rdma": {"type": "InfiniBand", "resources": {"rdma/ib": 1}}}})
}

fn deployment(name: &str, kind: &str, topology: &str) -> Value {
    let mut object = json!({"apiVersion": "modelplane.ai/v1alpha1", "kind": "ModelDeployment", "metadata": {"name": name, "namespace": "team"},
        "spec": {"modelRef": {"kind": kind, "name": "m"}, "environments": 1, "topology": topology}});
    if topology == "PrefillDecode" {
        object["spec"]["prefill"] = json!({"scaling": {"signal": "Fixed", "fixed": {"replicas": 1}}});
    }
    object
}

/// One of each kind, and another deployment beside it.
fn fixture() -> Vec<Value> {
    let pools = json!([{"name": "h200", "nodeCount": 100, "gpu": {"acceleratorType": "h200", "acceleratorCount": 8, "memory": "141Gi"}}]);
    let existing = json!({"source": "Existing", "existing": {"secretRef": {"name": "us-east"}, "nodePools": pools}});
    let mut own = model("Model", "vllm/vllm-openai:v0.19.0");
    own["metadata"]["namespace"] = json!("team");
    vec![
        environment("us-east", &existing),
        environment("here", &json!({"source": "Local", "local": {"nodePools": pools}})),
        model("ClusterModel", "vllm/vllm-openai:v0.19.0"),
        own,
        deployment("chat", "ClusterModel", "PrefillDecode"),
        deployment("mail", "Model", "Unified"),
    ]
}

/// What a control plane has of a deployment on another cluster: composite resources, then what is composed.
fn exported() -> [Vec<Value>; 2] {
    let [east, _, model, _, chat, _] = fixture().try_into().unwrap();
    let mut fleet = Fleet::default();
    for object in [east, model, chat] {
        fleet.apply(object);
    }
    fleet.settle();
    fleet.export().map(|(_, text)| {
        load(&[PathBuf::from("-")], &mut text.as_bytes(), &mut Vec::new()).unwrap().into_iter().map(|manifest| manifest.object).collect()
    })
}

/// A copy of the object for each place, with a text in it that ends with the number of the place.
fn copies(object: &Value, places: &[Place], text: &str) -> Vec<Value> {
    let copy = |(number, place): (usize, &Place)| {
        let mut copy = object.clone();
        copy["metadata"]["name"] = json!(format!("c{number}"));
        if let Some(secret) = copy.pointer_mut("/spec/cluster/existing/secretRef") {
            // Environments that are one cluster get one placement.
            secret["name"] = json!(format!("c{number}"));
        }
        plant(&copy, place, &format!("{text}{number}."))
    };
    places.iter().enumerate().map(copy).collect()
}

/// Manifests in which every string of a kind holds the text, each in an object of its own that is used.
fn hostile_manifests(kind: &str, places: &[Place], text: &str) -> Vec<Value> {
    let mut objects = fixture();
    let object = objects.iter().find(|object| object["kind"] == json!(kind)).unwrap().clone();
    objects.extend(copies(&object, places, text));
    if kind.ends_with("Model") {
        let user = |number: usize| {
            let mut user = deployment(&format!("d{number}"), kind, "PrefillDecode");
            user["spec"]["modelRef"]["name"] = json!(format!("c{number}"));
            user
        };
        objects.extend((0..places.len()).map(user));
    }
    if kind == "InferenceEnvironment" {
        objects[4]["spec"]["environments"] = json!(100);
    }
    objects
}

/// Those that the tests rely on to be printed: where nothing is, nothing can come through.
fn assert_shown(shown: &BTreeSet<String>, expected: &[&str]) {
    for place in expected {
        assert!(shown.contains(*place), "{place} is not printed, only {shown:?}");
    }
}

#[test]
fn no_string_of_a_manifest_reaches_people_raw() {
    let folder = tempfile::tempdir().unwrap();
    let serving = ["spec.serving[].engine.image", "spec.serving[].name", "spec.serving[].environmentSelector.matchLabels.KEY"];
    for (kind, expected) in [
        ("ModelDeployment", &["metadata.name", "metadata.namespace", "spec.modelRef.name", "spec.environmentSelector.matchLabels.KEY"][..]),
        ("ClusterModel", &serving),
        ("Model", &serving),
        ("InferenceEnvironment", &["metadata.name", "metadata.labels.VALUE", "spec.cluster.existing.nodePools[].gpu.acceleratorType"]),
    ] {
        // What runs is shown in another way, if at all.
        let (running, plain): (Vec<Place>, Vec<Place>) = string_fields(kind).into_iter().partition(says_that_it_runs);
        for text in [HOSTILE, COMMAND] {
            let printed = all_of_plain(&hostile_manifests(kind, &plain, text), folder.path());
            check(&printed);
            if text == HOSTILE {
                assert_shown(&shown(&plain, &printed), expected);
            }
            check(&all_of_plain(&hostile_manifests(kind, &running, text), folder.path()));
        }
    }
}

fn says_that_it_runs(place: &Place) -> bool {
    ["status.placements", "spec.crossplane.resourceRefs"].iter().any(|path| place.to_string().starts_with(path))
}

#[test]
fn no_string_of_a_change_reaches_people_raw() {
    let folder = tempfile::tempdir().unwrap();
    let [composites, composed] = exported();
    let live = [&composites[..], &composed].concat();
    for (object, expected) in composites.iter().zip([
        &["metadata.name", "spec.availability"][..],
        &["metadata.name", "spec.serving[].engine.args[]"],
        &["metadata.name", "spec.topology"],
    ]) {
        let places = string_fields(object["kind"].as_str().unwrap());
        let mut seen = BTreeSet::new();
        for (number, place) in places.iter().enumerate() {
            let printed = change_of(&live, &[plant(object, place, &format!("{HOSTILE}{number}."))], folder.path(), "table");
            check(&printed);
            seen.extend(shown(&places, &printed));
        }
        assert_shown(&seen, expected);
        // One unknown kind, and nothing of the others would be told.
        let known: Vec<Place> = places.into_iter().filter(|place| !["apiVersion", "kind"].contains(&place.to_string().as_str())).collect();
        let printed = change_of(&live, &copies(object, &known, HOSTILE), folder.path(), "json");
        assert!(!printed[0].out.is_empty(), "{}", printed[0].err);
        check(&printed);
    }
}

#[test]
fn no_string_of_an_export_reaches_people_raw() {
    let folder = tempfile::tempdir().unwrap();
    let [composites, composed] = exported();
    let newer = [model("ClusterModel", "vllm/vllm-openai:v0.19.1")];
    for object in &composites {
        let places = string_fields(object["kind"].as_str().unwrap());
        // What says that something is composed for it, which is not here, cannot be used.
        let (running, plain): (Vec<Place>, Vec<Place>) = places.into_iter().partition(says_that_it_runs);
        for (places, format) in [(&plain, "table"), (&plain, "json"), (&running, "table")] {
            check(&change_of(&[&composites[..], &composed, &copies(object, places, HOSTILE)].concat(), &newer, folder.path(), format));
        }
    }
    let mut seen = BTreeSet::new();
    for index in 0..composed.len() {
        let places = strings_of(&composed[index]);
        for (number, place) in places.iter().enumerate() {
            let mut live = [&composites[..], &composed].concat();
            live[composites.len() + index] = plant(&composed[index], place, &format!("{HOSTILE}{number}."));
            let printed = change_of(&live, &newer, folder.path(), "table");
            check(&printed);
            seen.extend(shown(&places, &printed));
        }
    }
    assert_shown(&seen, &["spec.forProvider.manifest.spec.template.containers[].image", "metadata.annotations.modelplane.ai/placement"]);
}

#[test]
fn a_line_break_in_a_name_is_no_row_of_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let mut objects = fixture();
    objects.truncate(5);
    objects.remove(3);
    objects.remove(1);
    objects[0]["metadata"]["name"] = json!("us\nteam/other  us-east");
    objects[0]["spec"]["cluster"]["existing"]["nodePools"][0]["name"] = json!("h200\n9 x 9");
    objects[2]["metadata"]["name"] = json!("chat\tb");
    let printed = all_of_plain(&objects, folder.path());
    let (table, explained) = (&printed[0], &printed[2]);
    let expected = "\
DEPLOYMENT    ENVIRONMENT              TOPOLOGY       PROFILE  DECODE                     PREFILL
team/chat\\tb  us\\nteam/other  us-east  PrefillDecode  both     1 x 1 GPUs on h200\\n9 x 9  1 x 1 GPUs on h200\\n9 x 9
team/chat\\tb: 1/1 placed
";
    assert_eq!((table.out.as_str(), table.err.as_str()), (expected, ""));
    let pools = "
  ENVIRONMENT              POOL           NODES  GPUS  OTHERS  THIS  FREE
  us\\nteam/other  us-east  h200\\n9 x 9  100 x 8   800       0     2   798

  does it disaggregate? ask Prometheus about the last 5 minutes, on us\\nteam/other  us-east:
";
    assert!(explained.out.contains(pools), "{}", explained.out);
}

/// A branch of a fork names its files as it likes.
#[test]
#[cfg(unix)]
fn the_names_of_files_are_escaped_like_their_content() {
    let folder = tempfile::tempdir().unwrap();
    let name = format!("{}.yaml", HOSTILE.replace('/', ""));
    let file = folder.path().join(&name);
    std::fs::write(&file, "a: [ # of modelplane.ai").unwrap();
    let path = folder.path().to_str().unwrap();
    let unread = [["preview", path], ["explain", path], ["lint", path]].map(|words| run(&words, "", None));
    check(&unread);
    assert!(unread.iter().all(|printed| printed.err.contains("error]c.yaml:1:") && printed.err.lines().count() == 1));

    std::fs::write(&file, "apiVersion: modelplane.ai/v1alpha1\nkind: ClusterModle\nmetadata: {name: a}\n").unwrap();
    let words = [&["lint", path][..], &["lint", path, "-o", "json"], &["lint", path, "-o", "github"], &["lint", path, "-o", "sarif"]];
    let [text, json, github, sarif] = words.map(|words| run(words, "", None));
    for printed in [&text, &json, &sarif] {
        check(std::slice::from_ref(printed));
    }
    assert_eq!(wrong_annotations(&github, 1), None);
    assert_eq!(text.out.lines().count(), 2, "one finding, and their number");
    let listed: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(listed[0]["file"], json!(file.to_str().unwrap()), "a machine reads the name that the file has");
}

#[test]
fn words_of_the_command_line_are_escaped_where_they_are_refused() {
    let page = format!("/nowhere/{HOSTILE}.html");
    let plain = list(&fixture());
    let printed = [
        run(&["explain", "-", "--deployment", HOSTILE], &plain, None),
        run(&["preview", "-"], &plain, Some(Path::new(&page))),
        run(&["preview", HOSTILE], "", None),
    ];
    check(&printed);
    assert!(printed.iter().all(|printed| printed.err.contains("error]c")), "each names what it was given");
    for words in
        [&["preview", "--live", "x", "--delete", HOSTILE][..], &["preview", "-", "-o", HOSTILE], &[HOSTILE], &["--address", HOSTILE]]
    {
        let done = std::process::Command::new(env!("CARGO_BIN_EXE_function-modelplane")).args(words).output().unwrap();
        let err = String::from_utf8(done.stderr).unwrap();
        assert!(raw(&err).is_none() && err.contains("error]c"), "{words:?}: {err:?}");
    }
}

/// Whoever prints in another way than by these prints what others wrote raw.
#[test]
fn nothing_but_these_writes_to_terminals_logs_or_pages() {
    let writes = Regex::new(r"\bwriteln?!\(|write_all|to_writer|\be?println?!\(|fs::write").unwrap();
    let room = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli");
    let (mut found, mut folders) = (BTreeSet::new(), vec![room.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") && writes.is_match(&std::fs::read_to_string(&path).unwrap()) {
                found.insert(path.strip_prefix(&room).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    // Lines, JSON, annotations, YAML and the page.
    let known = ["html/mod.rs", "json_output.rs", "lines.rs", "lint/report.rs", "preview/mod.rs"];
    assert_eq!(found, known.map(str::to_owned).into());
}
