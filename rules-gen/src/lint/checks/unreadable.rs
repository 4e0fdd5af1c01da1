//! RG001: files that a server refuses to read. The readers report it (`rule_file`, `documents`).

use crate::lint::definition::{Check, Example, Lint, SERVICE_DOWN};
use crate::lint::report::Level;

pub(super) static LINT: Lint = Lint {
    id: "RG001",
    title: "the file cannot be loaded",
    level: Level::Error,
    text: "Prometheus refuses the whole file, so none of its rules exists. Reported is what `promtool check rules` refuses: invalid YAML, unknown keys, wrong types and invalid PromQL.",
    check: Check::Reader,
    found: &[Example::Group(
        r"
  - alert: ServiceDown
    expr: up ==
    for: 5m
    labels:
      severity: warning
    annotations:
      summary: A service is down.
      description: '{{ $labels.job }} cannot be scraped.'
",
    )],
    fine: &[Example::Rules(SERVICE_DOWN)],
};
