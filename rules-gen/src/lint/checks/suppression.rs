//! RG099: suppressions without a reason, that have ended, or that suppress nothing. `report` reads them.

use crate::lint::definition::{Check, Example, Lint};
use crate::lint::report::Level;

pub(super) static LINT: Lint = Lint {
    id: "RG099",
    title: "invalid or unused suppression",
    level: Level::Error,
    text: "A suppression needs the id of a lint and a reason, and may have an end date: `# rules-gen: ignore RG016 until 2027-01-31 because ...` before or inside the rule, or `ignore-file` for the whole file. A suppression without effect is reported too; an entry of `ignores` in `rules-gen.yaml`, when a folder with matching files is linted.",
    check: Check::Reader,
    found: &[Example::Group(
        r"
  # rules-gen: ignore RG018
  - alert: ServiceDown
    expr: up == 0
    for: 5m
    labels:
      severity: warning
    annotations:
      summary: A service is down.
      description: '{{ $labels.job }} cannot be scraped.'
",
    )],
    fine: &[Example::Group(
        r"
  # rules-gen: ignore RG018 because up is inverted by a recording rule
  - alert: ServiceDown
    expr: up != 0
    for: 5m
    labels:
      severity: warning
    annotations:
      summary: A service is down.
      description: '{{ $labels.job }} cannot be scraped.'
",
    )],
};
