//! RG002: rules whose fields contradict each other. The reader of rule files reports it.

use crate::lint::definition::{Check, Example, Lint};
use crate::lint::report::Level;

pub(super) static LINT: Lint = Lint {
    id: "RG002",
    title: "invalid rule",
    level: Level::Error,
    text: "A rule has either `record` or `alert`; a recording rule has neither `for` nor annotations; names have only the characters that Prometheus allows. An expression returns a value for each series or one number: Prometheus loads a rule with `x[5m]` alone, but each of its evaluations fails. Kubernetes accepts a `PrometheusRule` object that breaks this, because its schema does not check it, but Prometheus does not load any of its rules.",
    check: Check::Reader,
    found: &[
        Example::Group(
            r"
  - record: job:up:sum
    alert: ServiceDown
    expr: sum by (job) (up)
",
        ),
        Example::Expr("requests[5m]"),
        Example::Expr("(requests > 5)[5m:1m]"),
        Example::Expr(r#""text""#),
    ],
    fine: &[
        Example::Group(
            r"
  - record: job:up:sum
    expr: sum by (job) (up)
",
        ),
        Example::Expr("max_over_time(requests[5m]) > 5"),
    ],
};
