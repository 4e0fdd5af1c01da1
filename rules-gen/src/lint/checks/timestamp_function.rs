//! RG020: `timestamp()` of an expression, which returns the time of the evaluation and not of a sample.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::{Expr, Kind};

pub(super) static LINT: Lint = Lint {
    id: "RG020",
    title: "timestamp() of an expression",
    level: Level::Error,
    text: "`timestamp()` of a plain selector is the time at which the sample was scraped. `timestamp()` of any other expression is the evaluation time, so an age computed from it is always zero.",
    check: Check::Expr(check),
    found: &[Example::Expr("timestamp(last_vacuum_timestamp_seconds > 0) < time() - 36000")],
    fine: &[
        Example::Expr("max(max_over_time(timestamp(migration{state=\"running\"} == 1)[5d:5m])) > 0"),
        Example::Expr("time() - last_vacuum_timestamp_seconds > 36000"),
    ],
};

fn check(rule: &Rule, ast: &Expr, _: &Context<'_>, report: &mut Report<'_>) {
    // In a subquery the time of the evaluation is intended: it shows since when a condition is true.
    let within = |above: &[&Expr]| above.iter().any(|parent| matches!(parent.kind, Kind::Subquery(_)));
    ast.walk(&mut |part, above| match &part.kind {
        Kind::Call(call)
            if call.function.text == "timestamp"
                && !within(above)
                && call.args.first().is_some_and(|arg| arg.bare().selector().is_none()) =>
        {
            let message = "timestamp() of an expression is always the evaluation time".to_owned();
            report.word(LINT.id, Level::Error, &rule.expr, "timestamp", message, "use timestamp() of a plain selector");
        }
        _ => {}
    });
}
