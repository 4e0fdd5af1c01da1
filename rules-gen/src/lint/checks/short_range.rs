//! RG012: ranges that hold too few samples.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::{Duration, Expr, Kind};

pub(super) static LINT: Lint = Lint {
    id: "RG012",
    title: "the range is shorter than a few scrapes",
    level: Level::Error,
    text: "`rate()` needs two samples in its range. With fewer than four scrape intervals a single missed scrape leaves a gap, and the alert resolves.",
    check: Check::Expr(check),
    found: &[Example::Expr("rate(http_errors_total[1m]) > 5")],
    fine: &[Example::Expr("rate(http_errors_total[5m]) > 5")],
};

/// Functions that need two samples.
const OF_TWO: [&str; 6] = ["rate", "irate", "increase", "delta", "deriv", "idelta"];

fn check(rule: &Rule, ast: &Expr, context: &Context<'_>, report: &mut Report<'_>) {
    ast.walk(&mut |part, _| {
        let Kind::Call(call) = &part.kind else { return };
        let function = call.function.text.as_str();
        let range = call.args.first().and_then(|arg| arg.bare().selector()?.range.as_ref());
        let Some(range) = range.and_then(Duration::seconds).filter(|_| OF_TWO.contains(&function)) else { return };
        let interval = context.options.scrape_interval;
        let level = if range < 2.0 * interval {
            Level::Error
        } else if range < 4.0 * interval {
            Level::Warning
        } else {
            return;
        };
        let message = format!(
            "{function}() over {range}s of samples every {interval}s (--scrape-interval): a missed scrape leaves nothing"
        );
        report.word(LINT.id, level, &rule.expr, function, message, "take at least four scrape intervals");
    });
}
