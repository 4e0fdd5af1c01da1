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

pub(super) static LINT: Lint = Lint {
    id: "RG080",
    title: "violates a policy of rules-gen.yaml",
    level: Level::Error,
    text: "Policies in `rules-gen.yaml` define which labels and annotations alerts must have, which are forbidden, and which values they may have; patterns for the names of alerts and recorded metrics; and the external labels of the servers, which no rule may set. Each policy applies to paths, so teams can have their own.",
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
