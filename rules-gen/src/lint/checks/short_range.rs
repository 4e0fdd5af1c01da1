//! RG012: ranges that contain too few samples for a rate.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::{Duration, Expr, Kind};

pub(super) static LINT: Lint = Lint {
    id: "RG012",
    title: "range too short for the scrape interval",
    level: Level::Error,
    text: "`rate()` needs two samples in its range. If the range is shorter than four scrape intervals, one missed scrape can leave too few samples: the result has a gap, and the alert resolves.",
    check: Check::Expr(check),
    found: &[Example::Expr("rate(http_errors_total[1m]) > 5")],
    fine: &[Example::Expr("rate(http_errors_total[5m]) > 5")],
};

/// Functions that need two samples.
const OF_TWO: [&str; 6] = ["rate", "irate", "increase", "delta", "deriv", "idelta"];

/// Reports only the shortest range of a rule, because the others have the same cause.
fn check(rule: &Rule, ast: &Expr, context: &Context<'_>, report: &mut Report<'_>) {
    let interval = context.options.scrape_interval;
    let mut shortest: Option<(f64, &Duration, &str)> = None;
    ast.walk(&mut |part, _| {
        let Kind::Call(call) = &part.kind else { return };
        let range = call.args.first().and_then(|arg| arg.bare().selector()?.range.as_ref());
        let Some(range) = range.filter(|_| OF_TWO.contains(&call.function.text.as_str())) else { return };
        if let Some(seconds) = range.seconds()
            && shortest.is_none_or(|(least, _, _)| seconds < least)
        {
            shortest = Some((seconds, range, &call.function.text));
        }
    });
    let Some((seconds, range, function)) = shortest.filter(|(seconds, _, _)| *seconds < 4.0 * interval) else { return };
    let level = if seconds < 2.0 * interval { Level::Error } else { Level::Warning };
    let message = format!(
        "{function}() over {seconds}s with a scrape interval of {interval}s (--scrape-interval): one missed scrape leaves no result"
    );
    report.part(LINT.id, level, &rule.expr, range.span, message, "use a range of at least four scrape intervals");
}
