//! `test --rules`: runs promtool tests of any rule files, and reports what they cover and which mutants they notice.

#![expect(clippy::unwrap_used, reason = "a test fails by its panic")]

use std::path::Path;
use std::process::Command;

const RULES: &str = "groups:
- name: g
  rules:
  - record: job:up:sum
    expr: |
      sum by (job) (up)
  - alert: Down
    expr: job:up:sum < 1
    for: 5m
    labels: {severity: critical}
  - {alert: Down, expr: job:up:sum < 3, labels: {severity: warning}}
  - {alert: Never, expr: up > 5}
";

const TEST: &str = "rule_files:
  - rules.yaml
evaluation_interval: 1m
tests:
- interval: 1m
  input_series:
  - {series: 'up{job=\"a\"}', values: '1x10 0x20'}
  alert_rule_test:
  - {eval_time: 5m, alertname: Down, exp_alerts: [{exp_labels: {job: a, severity: warning}}]}
  - {eval_time: 12m, alertname: Down, exp_alerts: [{exp_labels: {job: a, severity: warning}}]}
  - eval_time: 20m
    alertname: Down
    exp_alerts:
    - exp_labels: {job: a, severity: critical}
    - exp_labels: {job: a, severity: warning}
";

fn test(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rules-gen"));
    let output = command.arg("test").args(arguments).current_dir(folder).output().unwrap();
    let printed = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.code(), printed)
}

fn folder(rules: &str, tests: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("all")).unwrap();
    std::fs::write(folder.path().join("all/rules.yaml"), rules).unwrap();
    std::fs::write(folder.path().join("all/rules_test.yaml"), tests).unwrap();
    folder
}

#[test]
fn third_party_tests_are_run_and_alerts_without_a_firing_case_are_listed() {
    let world = folder(RULES, TEST);
    for paths in [&["all"][..], &["all/rules.yaml"], &["all/rules_test.yaml"], &["all/*.yaml"]] {
        let (code, printed) = test(world.path(), &[&["--rules"], paths].concat());
        assert_eq!(code, Some(1), "{printed}");
        assert!(
            printed.contains("UNCOVERED Never (") && printed.contains(":12) has no case in which it fires"),
            "{printed}"
        );
        assert!(
            printed.contains("1 of 1 test files pass") && printed.contains("2 of 3 alerts have a case"),
            "{printed}"
        );
        assert!(printed.contains("has no case in which it does not fire"), "warning is seen firing only: {printed}");
    }
    let covered = folder(&RULES.replace("  - {alert: Never, expr: up > 5}\n", ""), TEST);
    let (code, printed) = test(covered.path(), &["--rules", "all"]);
    assert_eq!(code, Some(0), "{printed}");
    assert_eq!(test(covered.path(), &["--rules", "all", "--quiet"]).1, "");
}

#[test]
fn surviving_mutants_are_listed() {
    let world = folder(&RULES.replace("  - {alert: Never, expr: up > 5}\n", ""), TEST);
    let (code, printed) = test(world.path(), &["--rules", "all", "--mutate", "--output", "json"]);
    let report: serde_json::Value = serde_json::from_str(&printed).unwrap_or_else(|_| panic!("{printed}"));
    assert_eq!(code, Some(1), "{printed}");
    let noticed = |kind: &str| {
        let all = report["mutants"].as_array().unwrap();
        let one = all.iter().find(|one| one["kind"] == kind).unwrap();
        (one["noticed"].as_u64().unwrap(), one["all"].as_u64().unwrap())
    };
    assert_eq!(noticed("comparison flipped"), (2, 2), "{printed}");
    assert_eq!(noticed("for dropped"), (1, 1), "{printed}");
    // A limit of thirty instead of three: no case of the test distinguishes them.
    assert_eq!(noticed("number times ten"), (1, 2), "{printed}");
    assert_eq!(report["survivors"][0]["place"], "3 becomes 30 at 14", "{printed}");
    assert_eq!(report["not_mutated"], serde_json::json!([]), "{printed}");
    let (code, printed) = test(world.path(), &["--rules", "all", "--mutate", "--min-rate", "50"]);
    assert!(code == Some(0) && printed.contains("SURVIVED Down (all/rules.yaml:11)"), "{printed}");
}

#[test]
fn failing_tests_tests_of_unknown_alerts_and_unreadable_files_are_listed() {
    for (rules, tests, code, word) in [
        (RULES.to_owned(), TEST.replace("eval_time: 20m", "eval_time: 2m"), 1, "FAILED all/rules_test.yaml"),
        (RULES.to_owned(), TEST.replace("exp_alerts:\n", "exp_alert:\n"), 1, "FAILED all/rules_test.yaml"),
        (
            RULES.to_owned(),
            TEST.replace("alertname: Down, exp_alerts: [{exp_labels: {job: a, severity: warning}}]", "alertname: Dwon"),
            1,
            "a case for the alert Dwon, which none of its rule files defines",
        ),
        (RULES.replace("groups:", "groups: ["), TEST.to_owned(), 2, "all/rules.yaml:"),
        ("a: b\n".to_owned(), "c: d\n".to_owned(), 2, "no rule file found in all"),
        (RULES.to_owned(), "c: d\n".to_owned(), 1, "0 of 3 alerts have a case in which they fire"),
    ] {
        let world = folder(&rules, &tests);
        let (found, printed) = test(world.path(), &["--rules", "all"]);
        assert!(found == Some(code) && printed.contains(word), "{found:?}, {word}: {printed}");
    }
}

#[test]
fn rules_with_anchors_aliases_and_merge_keys_are_mutated_too() {
    let rules = "groups:
- name: g
  rules:
  - alert: Down
    expr: &up up
    labels: {severity: critical}
  - {alert: Gone, expr: *up, labels: {severity: info}}
  - &third
    alert: Third
    expr: up < 2
  - <<: *third
    alert: Fourth
";
    let cases = |expected: &str| {
        let case = |alert: &str, labels: &str| {
            format!("  - {{eval_time: 1m, alertname: {alert}, exp_alerts: [{{exp_labels: {{job: a{labels}}}}}]}}\n")
        };
        format!(
            "rule_files: [rules.yaml]\nevaluation_interval: 1m\ntests:\n- interval: 1m\n  input_series:\n  \
             - {{series: 'up{{job=\"a\"}}', values: '0x20'}}\n  alert_rule_test:\n{}{}{}{}  promql_expr_test:\n{expected}",
            case("Down", ", severity: critical"),
            case("Gone", ", severity: info"),
            case("Third", ""),
            case("Fourth", "")
        )
    };
    let world = folder(rules, &cases("  - {eval_time: 1m, expr: 'ALERTS{alertname=~\"Dwon|Gone\"} > 5'}\n"));
    let (code, printed) = test(world.path(), &["--rules", "all", "--mutate", "--output", "json", "--min-rate", "50"]);
    let report: serde_json::Value = serde_json::from_str(&printed).unwrap_or_else(|_| panic!("{printed}"));
    assert!(code == Some(0) && report["alerts"] == 4, "{printed}");
    assert_eq!(report["not_mutated"], serde_json::json!([]), "{printed}");
    let swapped = report["mutants"].as_array().unwrap().iter().find(|one| one["kind"] == "metric swapped").unwrap();
    assert!(swapped["all"] == 4 && swapped["noticed"] == 4, "{printed}");
}

#[test]
fn unreadable_files_in_a_folder_are_listed() {
    for (name, text) in [("a.yaml", &b"\xff\xff"[..]), ("b_test.yaml", b"tests: [\n")] {
        let world = folder(&RULES.replace("  - {alert: Never, expr: up > 5}\n", ""), TEST);
        std::fs::write(world.path().join("all").join(name), text).unwrap();
        std::fs::rename(world.path().join("all/rules_test.yaml"), world.path().join("all/z_test.yaml")).unwrap();
        let (code, printed) = test(world.path(), &["--rules", "all/rules.yaml"]);
        assert!(code == Some(1) && printed.contains("UNREADABLE") && printed.contains(name), "{printed}");
    }
}

#[test]
fn a_named_file_without_rules_and_tests_and_rules_without_any_test_do_not_pass() {
    let records = "groups:\n- name: g\n  rules:\n  - {record: 'job:up:sum', expr: sum by (job) (up)}\n";
    let world = folder(records, "nothing: here\n");
    let (code, printed) = test(world.path(), &["--rules", "all/rules.yaml"]);
    assert!(code == Some(1) && printed.contains("0 of 0 test files pass"), "{printed}");
    let object = "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nspec: {groups: []}\n";
    for text in ["nothing: here\n", "tests: []\nrule_files: [rules.yaml]\n", object, ""] {
        let world = folder(records, text);
        let (code, printed) = test(world.path(), &["--rules", "all/rules.yaml", "all/rules_test.yaml"]);
        assert!(code == Some(2) && printed.contains("has neither rules nor rule tests"), "{text}: {printed}");
    }
}
