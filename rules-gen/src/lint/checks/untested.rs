//! RG040: alerts without a firing or without a silent test case, and recorded series that nothing reads.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;

pub(super) static LINT: Lint = Lint {
    id: "RG040",
    title: "nothing shows that it works",
    level: Level::Warning,
    text: "Lints do not find wrong alerts, tests do: one case that fires and one that stays quiet. Judged when test files are linted together with the rules; a warning where a test loads the file of the rule, else an info. A recording that nobody reads is told too.",
    check: Check::Rule(check),
    found: &[Example::Files(&[("rules.yaml", RULES), ("test.yaml", FIRES)])],
    fine: &[
        Example::Files(&[("rules.yaml", RULES), ("test.yaml", BOTH)]),
        Example::Files(&[("rules.yaml", RULES), ("test.yaml", SERIES)]),
    ],
};

const RULES: &str = "
groups:
- name: example
  rules:
  - alert: ServiceDown
    expr: up == 0
    for: 5m
    labels:
      severity: warning
    annotations:
      summary: A service is down.
      description: '{{ $labels.job }} cannot be scraped.'
";
const FIRES: &str = "
rule_files: [rules.yaml]
tests:
- interval: 1m
  alert_rule_test:
  - {eval_time: 10m, alertname: ServiceDown, exp_alerts: [{exp_labels: {job: api}}]}
";
const BOTH: &str = "
rule_files: [rules.yaml]
tests:
- interval: 1m
  alert_rule_test:
  - {eval_time: 10m, alertname: ServiceDown, exp_alerts: [{exp_labels: {job: api}}]}
  - {eval_time: 10m, alertname: ServiceDown}
";
const SERIES: &str = r#"
rule_files: [rules.yaml]
tests:
- interval: 1m
  promql_expr_test:
  - {eval_time: 1m, expr: 'ALERTS{alertname=~"Service.+"}'}
  - {eval_time: 10m, expr: 'count(ALERTS{alertname=~"ServiceDown|Other"})', exp_samples: [{value: 1}]}
"#;

fn check(rule: &Rule, context: &Context<'_>, report: &mut Report<'_>) {
    let name = &rule.name;
    if !rule.alerts {
        if context.used.is_unused(&name.value) {
            let message = format!("nothing that was linted reads {}", name.value);
            report.at(LINT.id, Level::Info, name, message, "use it, or remove the rule");
        }
        return;
    }
    // A Watchdog always fires, so it has no silent case.
    let watchdog = rule.label("severity").is_some_and(|severity| severity.value == "none");
    let Some(seen) = context.tested.seen(&name.value).filter(|_| !watchdog) else { return };
    let what = match (seen.fires, seen.quiet) {
        (true, true) => return,
        (false, true) => "fires",
        (true, false) => "stays quiet",
        (false, false) => "fires or stays quiet",
    };
    // If no linted test loads the file, its tests may be elsewhere.
    let level = if context.tested.loads(report.file()) { Level::Warning } else { Level::Info };
    let message = format!("no test shows that {} {what}", name.value);
    report.at(LINT.id, level, name, message, "promtool test rules: one case for each");
}
