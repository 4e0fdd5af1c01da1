//! RG040: alerts without a firing or without a silent test case, and recorded series that nothing reads.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint, SERVICE_DOWN};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;

pub(super) static LINT: Lint = Lint {
    id: "RG040",
    title: "untested alert, or unused recording rule",
    level: Level::Warning,
    text: "Only a test shows that an alert is right: one case in which it fires, and one in which it does not. Checked when test files are linted together with the rules: a warning if one of the tests loads the file of the rule, else an info. A recorded series that no linted file reads is reported too.",
    check: Check::Rule(check),
    found: &[Example::Files(&[("rules.yaml", SERVICE_DOWN), ("test.yaml", FIRES)])],
    fine: &[
        Example::Files(&[("rules.yaml", SERVICE_DOWN), ("test.yaml", BOTH)]),
        Example::Files(&[("rules.yaml", SERVICE_DOWN), ("test.yaml", SERIES)]),
    ],
};

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
            let message = format!("no linted file reads {}", name.value);
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
        (true, false) => "does not fire without a fault",
        (false, false) => "fires, and none that it does not fire without a fault",
    };
    // If no linted test loads the file, its tests may be in other folders.
    let level = if context.tested.loads(report.file()) { Level::Warning } else { Level::Info };
    let message = format!("no test shows that {} {what}", name.value);
    report.at(LINT.id, level, name, message, "add a case for each to a test file of promtool test rules");
}
