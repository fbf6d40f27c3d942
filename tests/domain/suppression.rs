//! What an object's owner accepts of findings, by annotation.

use std::collections::BTreeMap;

use function_modelplane::domain::lint::{Code, Finding, Severity};
use function_modelplane::domain::suppression::Suppressions;

const PATH: &str = "metadata.annotations[\"modelplane.ai/lint-ignore\"]";

fn read(text: &str) -> Suppressions {
    Suppressions::read(&BTreeMap::from([("modelplane.ai/lint-ignore".to_owned(), text.to_owned())]))
}

fn finding(code: Code) -> Finding {
    Finding { code, severity: Severity::Error, path: "spec".to_owned(), message: "is wrong".to_owned() }
}

/// What is accepted of one finding of each rule, as `RULE=reason`.
fn accepted(text: &str) -> Vec<String> {
    let (kept, suppressed) = read(text).split(Code::ALL.iter().copied().map(finding).collect());
    assert_eq!(kept.len() + suppressed.len(), Code::ALL.len(), "none is lost");
    suppressed.iter().map(|suppressed| format!("{}={}", suppressed.finding.code.as_str(), suppressed.reason)).collect()
}

fn faults(text: &str) -> Vec<String> {
    let faults = read(text).faults().to_vec();
    assert!(faults.iter().all(|fault| (fault.code, fault.severity) == (Code::SuppressionInvalid, Severity::Warning) && fault.path == PATH));
    faults.into_iter().map(|fault| fault.message).collect()
}

#[test]
fn each_entry_accepts_one_rule_for_a_reason() {
    for (text, expected, why) in [
        ("", vec![], "nothing"),
        ("KvRole=the sidecar sets it", vec!["KvRole=the sidecar sets it"], "one"),
        (
            "PortArg=a proxy = a reason\n\n  KvRole =  it is set \nGpuUnused=b;",
            vec!["PortArg=a proxy = a reason", "KvRole=it is set", "GpuUnused=b"],
            "a line each",
        ),
        ("KvRole=a; PortArg=b", vec!["PortArg=b", "KvRole=a"], "on one line; findings keep their order"),
    ] {
        assert_eq!((accepted(text), faults(text)), (expected.into_iter().map(str::to_owned).collect(), vec![]), "{why}");
    }
}

#[test]
fn what_does_not_count_is_told_and_accepts_nothing() {
    let unusable = "which nobody can: what breaks it is not used at all; mend the field, and remove the entry";
    let own = "which is about this annotation itself; mend or remove the entry that it names";
    for (text, expected, why) in [
        ("KvRole", "ignores KvRole without a reason, so it does not count; write KvRole=REASON", "no reason"),
        ("KvRole= ", "ignores KvRole without a reason, so it does not count; write KvRole=REASON", "an empty one"),
        ("KvRol=a", "ignores \"KvRol\", and there is no such rule; write KvRole", "misspelt"),
        ("kvrole=a", "ignores \"kvrole\", and there is no such rule; write KvRole", "in another case"),
        ("everything=a", "ignores \"everything\", and there is no such rule; `lint --rules` lists them", "like none"),
        ("=a", "ignores \"\", and there is no such rule; `lint --rules` lists them", "no rule"),
        ("SpecInvalid=a", &format!("ignores SpecInvalid, {unusable}"), "not used whoever accepts it"),
        ("TemplateText=a", &format!("ignores TemplateText, {unusable}"), "nor this"),
        ("SuppressionUnused=a", &format!("ignores SuppressionUnused, {own}"), "the annotation would hide its own rot"),
        ("SuppressionInvalid=a", &format!("ignores SuppressionInvalid, {own}"), "likewise"),
    ] {
        assert_eq!((accepted(text), faults(text)), (vec![], vec![expected.to_owned()]), "{why}");
    }
    assert_eq!(faults("KvRole=a\nKvRole=b"), ["ignores KvRole twice; keep one entry"]);
    assert_eq!(accepted("KvRole=a\nKvRole=b"), ["KvRole=a"], "the first counts");
}

#[test]
fn an_annotation_of_any_size_costs_little() {
    let text = "KvRol=a;".repeat(10_000) + "PortArg=late";
    assert_eq!((accepted(&text), faults(&text).len()), (vec![], 65));
    let last = faults(&text).pop().unwrap();
    assert_eq!(last, "has more than 64 entries, and the others do not count; write one for each rule");
    let [fault] = faults(&format!("{}=a", "x".repeat(1 << 20))).try_into().unwrap();
    assert!(fault.len() < 2_000, "{}", fault.len());
}

#[test]
fn an_entry_that_ignores_nothing_is_told_where_its_rule_was_looked_for() {
    let suppressions = read("KvRole=a\nPortArg=b\nModelTooLarge=c");
    let (_, used) = suppressions.split(vec![finding(Code::KvRole)]);
    let told = |judged: fn(Code) -> bool| suppressions.unused(&used, judged);
    let unused = |rule: &str| Finding {
        code: Code::SuppressionUnused,
        severity: Severity::Warning,
        path: PATH.to_owned(),
        message: format!("ignores {rule}, of which nothing is found here; remove the entry"),
    };
    assert_eq!(told(|_| true), [unused("PortArg"), unused("ModelTooLarge")]);
    assert_eq!(told(|code| !code.sees_others()), [unused("PortArg")], "without environments nobody knows of memory");
}
