//! What is wrong, on one line that a condition can hold.

use function_modelplane::domain::spec::violation::{Rule, Violation, join};

#[test]
fn at_most_ten_are_listed() {
    let violations = |count: usize| (0..count).map(|index| Violation::new(format!("spec.a[{index}]"), "is wrong")).collect::<Vec<_>>();
    let ten = "spec.a[0]: is wrong; spec.a[1]: is wrong; spec.a[2]: is wrong; spec.a[3]: is wrong; spec.a[4]: is wrong; spec.a[5]: is wrong; \
               spec.a[6]: is wrong; spec.a[7]: is wrong; spec.a[8]: is wrong; spec.a[9]: is wrong";
    let cases = [
        (0, String::new(), "nothing"),
        (1, "spec.a[0]: is wrong".to_owned(), "one stands alone"),
        (10, ten.to_owned(), "all of them"),
        (11, format!("{ten}; and 1 more"), "a condition is no place for a thousand sentences"),
        (1000, format!("{ten}; and 990 more"), "however many there are"),
    ];
    for (count, expected, why) in cases {
        assert_eq!(join(&violations(count)), expected, "{why}");
    }
}

#[test]
fn what_is_quoted_is_cut_off() {
    let huge = "é".repeat(1 << 20);
    let cut = format!("{}…", "é".repeat(1024));
    assert_eq!(Violation::new(huge.clone(), huge), Violation { rule: Rule::Spec, path: cut.clone(), message: cut });
}
