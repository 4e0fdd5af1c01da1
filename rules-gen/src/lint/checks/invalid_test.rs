//! RG041: rule tests that promtool refuses (reported by `server_files/rule_test`), and tests of alerts that no rule
//! has.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::report::{Level, Report};
use crate::lint::yaml::Node;
use checklist::yaml::hint;
use std::path::{Path, PathBuf};

pub(super) static LINT: Lint = Lint {
    id: "RG041",
    title: "invalid rule test, or test of an unknown alert",
    level: Level::Error,
    text: "promtool refuses a test file with an unknown key, such as a misspelt `exp_alerts`, or with a query that does not parse. A test that expects no alert of a name that no rule has always passes; this is reported if all of its `rule_files` are linted together with it.",
    check: Check::Test(check),
    found: &[
        Example::Rules(
            "\nrule_files: [rules.yaml]\ntests:\n- interval: 1m\n  alert_rule_test:\n  - {eval_time: 10m, alertname: ServiceDown, exp_alert: []}\n",
        ),
        Example::Files(&[("rules.yaml", RULES), ("test.yaml", WRONG)]),
    ],
    fine: &[Example::Files(&[("rules.yaml", RULES), ("test.yaml", RIGHT)])],
};

const RULES: &str = "
groups:
- name: example
  rules:
  - {alert: ServiceDown, expr: up == 0, for: 5m, labels: {severity: warning}, annotations: {summary: A service is down.}}
";
const RIGHT: &str = "
rule_files: [rules.yaml]
tests:
- interval: 1m
  input_series: [{series: 'up{job=\"a\"}', values: 0x20}]
  alert_rule_test:
  - {eval_time: 1m, alertname: ServiceDown}
  - {eval_time: 10m, alertname: ServiceDown, exp_alerts: [{exp_labels: {job: a, severity: warning}}]}
";
const WRONG: &str = "
rule_files: [rules.yaml]
tests:
- interval: 1m
  alert_rule_test:
  - {eval_time: 1m, alertname: ServiceDown}
  - {eval_time: 10m, alertname: ServiceDown, exp_alerts: [{exp_labels: {job: a}}]}
  - {eval_time: 10m, alertname: ServiceDwon}
";

fn check(test: &Node, context: &Context<'_>, report: &mut Report<'_>) {
    let folder = Path::new(report.file()).parent().unwrap_or(Path::new("")).to_owned();
    let files = test.get("rule_files").map(Node::items).unwrap_or_default().iter().filter_map(Node::text);
    let alerts: Option<Vec<_>> =
        files.flat_map(|file| meant(&folder.join(file))).map(|file| context.alerts_of(&file)).collect();
    // If one of the rule files was not linted, the alert may be in it.
    let Some(alerts) = alerts.filter(|files| !files.is_empty()) else { return };
    let names: Vec<&str> = alerts.into_iter().flatten().copied().collect();
    let groups = test.get("tests").map(Node::items).unwrap_or_default();
    for case in groups.iter().filter_map(|group| group.get("alert_rule_test")).flat_map(Node::items) {
        let Some((at, name)) = case.get("alertname").and_then(|node| Some((node, node.text()?))) else { continue };
        if !names.contains(&name) {
            let message = format!("no rule defines the alert {name}{}", hint(name, &names));
            report.add(
                LINT.id,
                Level::Error,
                at,
                message,
                "correct the name; a test that expects no such alert always passes",
            );
        }
    }
}

/// Returns the files that an entry of `rule_files` means, which may be a pattern.
fn meant(entry: &Path) -> Vec<PathBuf> {
    let name = entry.to_string_lossy();
    if entry.exists() || !name.contains(['*', '?', '[']) {
        return vec![entry.to_owned()];
    }
    glob::glob(&name).map(|found| found.flatten().collect()).unwrap_or_default()
}
