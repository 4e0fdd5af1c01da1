//! RG013: expressions that read samples older than the retention.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::expr::reach;
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::Expr;

pub(super) static LINT: Lint = Lint {
    id: "RG013",
    title: "reads further back than the retention",
    level: Level::Warning,
    text: "Samples older than the retention are deleted. A comparison with a month ago has then no result, without any error.",
    check: Check::Expr(check),
    found: &[Example::Expr("queue_length > 2 * (queue_length offset 30d)")],
    fine: &[Example::Expr("queue_length > 2 * (queue_length offset 7d)")],
};

fn check(rule: &Rule, ast: &Expr, context: &Context<'_>, report: &mut Report<'_>) {
    let reach = reach(ast);
    if reach > context.options.retention {
        let (days, kept) = (reach / 86_400.0, context.options.retention / 86_400.0);
        let message = format!("reads {days:.1} days back, but Prometheus keeps {kept:.1} days (--retention)");
        report.at(
            LINT.id,
            Level::Warning,
            &rule.expr,
            message,
            "shorten the range or offset, or use a longer retention",
        );
    }
}
