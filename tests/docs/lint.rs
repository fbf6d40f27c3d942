//! The rules of the lint.

use function_modelplane::cli::lint::catalogue::page;
use function_modelplane::domain::lint::{Code, Severity};

use super::{code, hold, hold_in, project, table};

const INTRODUCTION: &str = "# Lint rules

`function-modelplane lint PATH…` reads models, environments and deployments and says what is wrong with them, also what only shows at
run time. What is wrong with a profile on any hardware the function says too, in condition `ProfileValid` of a ClusterModel, Model and
ModelDeployment; its [input](input.md) says what that does: `lint: Warn` (the default) only tells, `Enforce` keeps new placements away from a profile with
errors, `Off` looks for nothing.

An *error* does not work: the engine exits, cannot be reached, or never transfers. A *warning* may not work, or works worse than it
looks. What cannot be read (a `$(VAR)`, a `--config`, an image that is not vLLM's own) is not guessed.

Each rule has a page, which `lint --explain RULE` prints, too: what happens, a bad and a good example, since which release, and where that was read. Examples
are parts of a serving profile, which has nothing else wrong with it: vLLM 0.32.0, NIXL in both phases, and a GPU for each pod. `lint --rules` lists all
rules (`-o json` with the address of each page), and SARIF links them.

";

const IGNORING: &str = "
## What is right all the same

Whoever owns an object accepts a finding by an annotation on it, with a reason:

```yaml fragment
metadata:
  annotations:
    modelplane.ai/lint-ignore: |
      PortArg=our proxy listens on 8000 and asks the engine on 9000
      GpuUnused=the other GPU is for the draft model
```

Each entry is `RULE=reason`, on a line of its own or behind a `;`. `lint` counts what is ignored, lists it in JSON (`ignored` has the reason) and in
SARIF (as suppressed `inSource`), and leaves it out elsewhere. The function heeds the annotation as well: what a model's own annotation
ignores is no error under `lint: Enforce`, and `ProfileValid` names the rules that are ignored.

The annotation of a model is for what is found in that model, on environments as well, and that of an environment for what is found in it. One on a
ModelDeployment reaches nothing of its model: what a platform enforces is not for each team to accept. Who may write a model may write its
annotation, too.

`SpecInvalid` and `TemplateText` cannot be ignored, because what breaks them is not used whoever accepts it. An entry without a reason, or of a rule that
there is not, does not count (`SuppressionInvalid`), and one that ignores nothing is told (`SuppressionUnused`), so that it does not hide what is found
years later. What depends on hardware is told as unused only where environments are among the files.

## Which files

Files, folders and `-` may hold objects of other kinds, documents that are no Kubernetes objects at all, and files that are not even YAML, as templates
are, as long as those do not mention `modelplane.ai`: the last line says how many are skipped. With `--strict-kinds` each is an error. What was meant to
be ours is never skipped: `modelplane.io/v1alpha1`, another version, or a kind such as `ClusterModels` is an error with its line, and so is a
document of ours that lacks `apiVersion` or a name.

Where nothing is ours the exit code is 2, because a pipeline that globs wrongly would pass for ever. `--partial` says that the files are only some of those
that are applied together, as those of a commit are: then it is 0.

## What objects refer to

`ReferenceMissing` is about a name that nothing in the files has: a deployment's model, the Secret of a model's token, those of an environment's kubeconfig
and credentials. It is a warning, because a cluster may have what files have not, and it is told only where files are likely to be all there is:

- a model, where the files hold models of that kind, or one of that name of the other kind: a team's repository has no ClusterModels at all;
- a Secret, where the files hold another one in its namespace, or one of its name in another namespace. What makes a Secret counts as one: SealedSecret,
  ExternalSecret, ClusterExternalSecret, VaultStaticSecret, VaultDynamicSecret, OnePasswordItem.

With `--partial` it is never told. Variables of engines (`valueFrom`) refer to Secrets on the clusters that serve, and are not looked for.

## Which rules count

`--select RULE,…` looks for some rules only, `--ignore RULE,…` leaves some out. What holds for a whole repository is in `.function-modelplane.yaml`,
which is read from the current folder, or in the file that `--config` names:

```yaml fragment
lint:
  severity:
    NoRdmaSelector: error
    GpuUnused: warning
    SilentRecompute: off
```

All findings of a rule have that severity then, and the exit code follows it. Flags win over the file: a rule that `--select` names is looked for though it
is `off` there. `SpecInvalid` and `TemplateText` always are errors. None of this reaches the function, which knows the annotation only.

## In a pipeline

The [exit code](../../README.md#try-it) is what a pipeline needs. As a GitHub Action, which builds the program with the runner's Rust and keeps it:

```yaml fragment
name: lint
on: [pull_request]
permissions:
  contents: read
  security-events: write
jobs:
  modelplane:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: modelplane/function-modelplane@main
        with:
          paths: models/**/*.yaml
          arguments: --strict
          sarif: modelplane.sarif
      - uses: github/codeql-action/upload-sarif@v3
        if: always() && hashFiles('modelplane.sarif') != ''
        with:
          sarif_file: modelplane.sarif
```

Findings are annotations beside their lines. `sarif`, the permission and the last step are for code scanning, and may be left out. `paths` are files, folders
and patterns, one a line; a folder is read without those in it. With `binary` a program that is there already is used.

As a hook of [pre-commit](https://pre-commit.com), with a tag or a commit of this repository for `rev`:

```yaml fragment
repos:
  - repo: https://github.com/modelplane/function-modelplane
    rev: main
    hooks:
      - id: modelplane-lint
```

The hook builds the program with Rust, some minutes the first time; `modelplane-lint-system` takes the one that is on the PATH, where `cargo install --locked
--path .` in a clone puts it. It lints what a commit changed, with `--partial`; `exclude` keeps templates away that mention `modelplane.ai`.
";

#[test]
fn the_page_lists_every_rule() {
    let rows: Vec<[String; 3]> = Code::ALL
        .iter()
        .map(|rule| {
            let severities: Vec<&str> = rule.severities().iter().copied().map(Severity::as_str).collect();
            let name = rule.as_str();
            [format!("[{}](../rules/{name}.md)", code(name)), severities.join(", "), rule.meaning().to_owned()]
        })
        .collect();
    hold("lint.md", &format!("{INTRODUCTION}{}{IGNORING}", table(["Rule", "Severity", "What is checked, and why"], &rows)));
}

/// What is behind `src/domain/rules` is what `lint --explain` prints and code scanners link to.
#[test]
fn every_rule_has_a_page() {
    let mut pages: Vec<String> = Code::ALL.iter().map(|rule| format!("{}.md", rule.as_str())).collect();
    for (rule, file) in Code::ALL.iter().zip(&pages) {
        hold_in("docs/rules", file, &page(*rule));
    }
    let mut found: Vec<String> =
        std::fs::read_dir(project().join("docs/rules")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    found.sort();
    pages.sort();
    assert_eq!(found, pages, "and no page is left of a rule that is gone");
}
