//! RG006: functions and syntax that a server supports only with a feature flag.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::expr::construct;
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::table::NEWEST;
use promql::{Missing, Version};

pub(super) static LINT: Lint = Lint {
    id: "RG006",
    title: "it needs a feature flag",
    level: Level::Error,
    text: "Functions, aggregations and modifiers that Prometheus calls experimental are refused unless the server is started with the feature flag that they need. A rule file that a server without the flag loads stops the reload: all rules stay as they were. Say with `--enable-feature` which flags your servers have, by Prometheus' own names.",
    check: Check::Rule(check),
    found: &[Example::Rules(
        r"
groups:
- name: example
  rules:
  - alert: LatencyUnsteady
    expr: mad_over_time(request_latency_seconds[1h]) > 0.5
    for: 5m
    labels:
      severity: warning
    annotations:
      summary: The latency is unsteady.
      description: '{{ $labels.job }}: look at the dashboard.'
",
    )],
    fine: &[Example::Rules(
        r"
groups:
- name: example
  rules:
  - alert: LatencyUnsteady
    expr: stddev_over_time(request_latency_seconds[1h]) > 0.5
    for: 5m
    labels:
      severity: warning
    annotations:
      summary: The latency is unsteady.
      description: '{{ $labels.job }}: look at the dashboard.'
",
    )],
};

fn check(rule: &Rule, context: &Context<'_>, report: &mut Report<'_>) {
    let options = context.options;
    let version = options.version.map_or(NEWEST, |(major, minor)| Version(major, minor));
    for one in &rule.uses {
        let Some(missing) = one.construct.missing_in(version, &options.features) else { continue };
        let fix = match missing {
            Missing::Feature(flag) => format!("--enable-feature={flag} when the servers have it"),
            Missing::With(_) => "quote the name".to_owned(),
            // RG005 reports versions.
            Missing::Since(_) | Missing::Until(_) => continue,
        };
        report.part(
            LINT.id,
            Level::Error,
            &rule.expr,
            one.span,
            format!("{} {missing}", construct(one.construct)),
            &fix,
        );
    }
}
