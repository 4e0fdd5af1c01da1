//! RG002: rules whose fields contradict each other. The reader of rule files reports it.

use crate::lint::definition::{Check, Example, Lint};
use crate::lint::report::Level;

pub(super) static LINT: Lint = Lint {
    id: "RG002",
    title: "invalid rule",
    level: Level::Error,
    text: "A rule has either `record` or `alert`; a recording rule has neither `for` nor annotations; names have only the characters that Prometheus allows. Kubernetes accepts a `PrometheusRule` object that breaks this, because its schema does not check it, but Prometheus does not load any of its rules.",
    check: Check::Reader,
    found: &[Example::Group(
        r"
  - record: job:up:sum
    alert: ServiceDown
    expr: sum by (job) (up)
",
    )],
    fine: &[Example::Group(
        r"
  - record: job:up:sum
    expr: sum by (job) (up)
",
    )],
};
