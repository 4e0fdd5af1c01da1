//! RG080: labels and annotations that a policy in `rules-gen.yaml` requires, forbids or restricts.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;

const POLICY: (&str, &str) = (
    "rules-gen.yaml",
    r"
policies:
- severities: [critical, warning]
  labels: {required: [severity, team], forbidden: [env], values: {team: [payments, ledger]}}
  annotations: {required: [summary, runbook_url]}
",
);
const NAMES: (&str, &str) = (
    "rules-gen.yaml",
    r#"
policies:
- names: {alerts: "[A-Z][A-Za-z0-9]+", records: "[a-z_]+:.+", forbidden: ["Test.*"]}
  external_labels: [cluster]
"#,
);
const QUERIES: (&str, &str) = (
    "rules-gen.yaml",
    r"
policies:
- queries: {max_range: 7d, max_selectors: 3, need_matcher: true, matchers: [job], keep: [job], drop: [instance]}
",
);

pub(super) static LINT: Lint = Lint {
    id: "RG080",
    title: "violates a policy of rules-gen.yaml",
    level: Level::Error,
    text: "Policies in `rules-gen.yaml` define which labels and annotations alerts must have, which are forbidden, and which values they may have; patterns for the names of alerts and recorded metrics; the external labels of the servers, which no rule may set; the limits of `for`; and the limits of queries: the longest range, the number of selectors, the required matchers of selectors of raw series, and the labels that aggregations must keep or drop. Each policy applies to paths, so teams can have their own.",
    check: Check::Rule(check),
    found: &[
        Example::Files(&[NAMES, ("a.yaml", "groups:\n- name: a\n  rules:\n  - {record: total, expr: sum(up)}\n")]),
        Example::Files(&[
            NAMES,
            (
                "a.yaml",
                "groups:\n- name: a\n  rules:\n  - {record: 'test:total', expr: sum(up), labels: {cluster: a}}\n",
            ),
        ]),
        Example::Files(&[
            NAMES,
            (
                "a.yaml",
                "groups:\n- name: a\n  rules:\n  - {alert: TestDown, expr: up == 0, for: 5m, labels: {severity: warning}, annotations: {summary: A service is down., description: '{{ $labels.job }}'}}\n",
            ),
        ]),
        Example::Files(&[
            NAMES,
            (
                "a.yaml",
                "groups:\n- name: a\n  rules:\n  - {alert: Down, expr: up == 0, for: 5m, labels: {severity: warning}, annotations: {summary: A service is down., description: 'In {{ $externalLabels.region }}: {{ $labels.job }}'}}\n",
            ),
        ]),
        Example::Files(&[
            ("rules-gen.yaml", "policies: [{for: {min: 1m, max: 1d}}]\n"),
            (
                "a.yaml",
                "groups:\n- name: a\n  rules:\n  - {alert: Down, expr: up == 0, labels: {severity: warning}, annotations: {summary: It is down., description: '{{ $labels.job }}'}}\n",
            ),
        ]),
        Example::Files(&[
            QUERIES,
            ("a.yaml", "groups:\n- name: a\n  rules:\n  - {record: total, expr: sum by (job) (up)}\n"),
        ]),
        Example::Files(&[
            QUERIES,
            ("a.yaml", "groups:\n- name: a\n  rules:\n  - {record: total, expr: 'sum(up{job=\"a\"})'}\n"),
        ]),
        Example::Files(&[
            QUERIES,
            (
                "a.yaml",
                "groups:\n- name: a\n  rules:\n  - {record: total, expr: 'max_over_time(up{job=\"a\"}[30d])'}\n",
            ),
        ]),
        Example::Files(&[
            POLICY,
            (
                "example.yaml",
                r"
groups:
- name: example
  rules:
  - alert: ServiceDown
    expr: up == 0
    for: 5m
    labels:
      severity: page
      env: production
    annotations:
      summary: A service is down.
      description: '{{ $labels.job }} cannot be scraped.'
",
            ),
        ]),
    ],
    fine: &[
        Example::Files(&[
            QUERIES,
            (
                "a.yaml",
                "groups:\n- name: a\n  rules:\n  - {record: 'job:up:sum', expr: 'sum by (job) (up{job=~\"a|b\"})'}\n  - {record: 'job:up:max', expr: 'max without (instance) (max_over_time(job:up:sum[7d]))'}\n",
            ),
        ]),
        Example::Files(&[
            NAMES,
            (
                "a.yaml",
                "groups:\n- name: a\n  rules:\n  - {record: 'test:total', expr: sum(up)}\n  - {alert: Down, expr: up == 0, for: 5m, labels: {severity: warning}, annotations: {summary: A service is down., description: 'In {{ $externalLabels.cluster }}: {{ $labels.job }}'}}\n",
            ),
        ]),
        Example::Files(&[
            POLICY,
            (
                "example.yaml",
                r"
groups:
- name: example
  rules:
  - alert: ServiceDown
    expr: up == 0
    for: 5m
    labels:
      severity: warning
      team: payments
    annotations:
      summary: A service is down.
      description: '{{ $labels.job }} cannot be scraped.'
      runbook_url: https://runbooks.example.org/ServiceDown
",
            ),
        ]),
    ],
};

fn check(rule: &Rule, context: &Context<'_>, report: &mut Report<'_>) {
    for configuration in &context.options.configurations {
        configuration.check(rule, report);
    }
}
