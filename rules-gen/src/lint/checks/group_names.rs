//! RG003: two groups with one name, and objects that are too large. The reader of rule files reports it.

use crate::lint::definition::{Check, Example, Lint, SERVICE_DOWN};
use crate::lint::report::Level;

pub(super) static LINT: Lint = Lint {
    id: "RG003",
    title: "duplicate or missing group name",
    level: Level::Error,
    text: "Prometheus refuses a file in which two groups have the same name, or a group has none. A `PrometheusRule` object that is larger than the operator accepts is reported too.",
    check: Check::Reader,
    found: &[Example::Rules(
        r"
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
- name: example
  rules:
  - alert: ServiceDownToo
    expr: absent(up)
    for: 5m
    labels:
      severity: warning
    annotations:
      summary: Something is wrong.
      description: Look at the dashboard.
",
    )],
    fine: &[Example::Rules(SERVICE_DOWN)],
};
