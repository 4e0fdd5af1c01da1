//! RG013: expressions that read samples older than the retention.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::expr::reach;
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use checklist::units::DAY;

/// The retention of Prometheus that is assumed without `--retention`, in seconds.
const DEFAULT: f64 = 15.0 * DAY;

pub(super) static LINT: Lint = Lint {
    id: "RG013",
    title: "reads further back than the retention",
    level: Level::Warning,
    text: "Samples older than the retention are deleted. A comparison with a month ago has then no result, and a range of a month covers only what is kept, without any error. Without `--retention` the default of Prometheus (15 days) is assumed, and each file is reported once.",
    check: Check::OwnRules(check),
    found: &[Example::Expr("queue_length > 2 * (queue_length offset 30d)")],
    fine: &[Example::Expr("queue_length > 2 * (queue_length offset 7d)")],
};

fn check(rules: &[&Rule], context: &Context<'_>, report: &mut Report<'_>) {
    let kept = context.options.retention.unwrap_or(DEFAULT);
    let reach = |rule: &&Rule| rule.ast.as_ref().map_or(0.0, reach);
    let mut long: Vec<(&Rule, f64)> =
        rules.iter().map(|rule| (*rule, reach(rule))).filter(|(_, back)| *back > kept).collect();
    // The retention is one cause for all of them if nobody has set it.
    let others = long.len().saturating_sub(1);
    let assumed = context.options.retention.is_none();
    if assumed {
        long.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        long.truncate(1);
    }
    for (rule, back) in long {
        report.enter(rule.scope.clone());
        report.about(Some(rule.name.value.clone()));
        let kept = kept / DAY;
        let message = match (assumed, others) {
            (false, _) => {
                format!("reads {:.1} days back, but Prometheus keeps {kept:.1} days (--retention)", back / DAY)
            }
            (true, 0) => format!("reads {:.1} days back, but Prometheus keeps {kept:.1} days by default", back / DAY),
            (true, 1) => format!(
                "this rule and another one read up to {:.1} days back, but Prometheus keeps {kept:.1} days by default",
                back / DAY
            ),
            (true, _) => format!(
                "this rule and {others} others read up to {:.1} days back, but Prometheus keeps {kept:.1} days by default",
                back / DAY
            ),
        };
        let days = (back / DAY).ceil();
        let fix = format!(
            "set --storage.tsdb.retention.time={days}d or more on the server, and pass --retention here; or shorten the range or offset"
        );
        report.at(LINT.id, Level::Warning, &rule.expr, message, &fix);
    }
}
