//! The rules of the lint.

use function_modelplane::domain::lint::{Code, Severity};

use super::{code, hold, table};

const INTRODUCTION: &str = "# Lint rules

`function-modelplane lint PATH…` reads models, environments and deployments and says what is wrong with them, also what only shows at
run time. What is wrong with a profile on any hardware the function says too, in condition `ProfileValid` of a ClusterModel, Model and
ModelDeployment; its [input](input.md) says what that does: `lint: Warn` (the default) only tells, `Enforce` keeps new placements away from a profile with
errors, `Off` looks for nothing.

An *error* does not work: the engine exits, cannot be reached, or never transfers. A *warning* may not work, or works worse than it
looks. What cannot be read (a `$(VAR)`, a `--config`, an image that is not vLLM's own) is not guessed.

";

#[test]
fn the_page_lists_every_rule() {
    let rows: Vec<[String; 3]> = Code::ALL
        .iter()
        .map(|rule| {
            let severities: Vec<&str> = rule.severities().iter().copied().map(Severity::as_str).collect();
            [code(rule.as_str()), severities.join(", "), rule.meaning().to_owned()]
        })
        .collect();
    hold("lint.md", &format!("{INTRODUCTION}{}", table(["Rule", "Severity", "What is checked, and why"], &rows)));
}
