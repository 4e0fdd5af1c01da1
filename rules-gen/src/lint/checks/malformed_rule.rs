//! RG002: rules whose fields contradict each other. The reader of rule files reports it.

use crate::lint::definition::{Check, Example, Lint};
use crate::lint::report::Level;

pub(super) static LINT: Lint = Lint {
    id: "RG002",
    title: "the rule is none",
    level: Level::Error,
    text: "A rule either records or alerts; a recording rule has neither `for` nor annotations, and names follow Prometheus' letters. The operator's schema does not check this, so the object is accepted and all of its rules vanish.",
    check: Check::Reader,
    found: &[Example::Rules(
        r"
groups:
- name: example
  rules:
  - record: job:up:sum
    alert: ServiceDown
    expr: sum by (job) (up)
",
    )],
    fine: &[Example::Rules(
        r"
groups:
- name: example
  rules:
  - record: job:up:sum
    expr: sum by (job) (up)
",
    )],
};
