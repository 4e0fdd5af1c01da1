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
    title: "needs a feature flag of Prometheus",
    level: Level::Error,
    text: "Prometheus refuses experimental functions, aggregations and modifiers unless it is started with their feature flag. Without the flag the whole file is refused: a reload fails and the old rules stay in place. Use `--enable-feature` to name the flags that your servers are started with.",
    check: Check::Rule(check),
    found: &[Example::Group(
        r"
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
    fine: &[Example::Group(
        r"
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
            Missing::Feature(flag) => {
                format!("if your servers are started with this flag, lint with --enable-feature={flag}")
            }
            Missing::With(_) => "put the name in quotes".to_owned(),
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
