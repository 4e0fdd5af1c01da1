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

pub(super) static LINT: Lint = Lint {
    id: "RG080",
    title: "the policy of the team says otherwise",
    level: Level::Error,
    text: "`rules-gen.yaml` says which labels and annotations alerts must have, which no rule may have, and which values they may have; by path, so that teams differ.",
    check: Check::Rule(check),
    found: &[Example::Files(&[
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
    ])],
    fine: &[Example::Files(&[
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
    ])],
};

fn check(rule: &Rule, context: &Context<'_>, report: &mut Report<'_>) {
    for configuration in &context.options.configurations {
        configuration.check(rule, report);
    }
}
