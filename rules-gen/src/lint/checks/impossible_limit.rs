//! RG022: limits that a value cannot pass.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::expr::{constant, filter, health};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::{Binary, Expr, Kind, Selector};

pub(super) static LINT: Lint = Lint {
    id: "RG022",
    title: "a limit that cannot be passed",
    level: Level::Error,
    text: "A ratio ends at 1, a percentage at 100, a timestamp is no age: an alert beyond that never fires.",
    check: Check::Expr(check),
    found: &[Example::Expr("disk_used_ratio > 80")],
    fine: &[Example::Expr("disk_used_ratio > 0.8")],
};

fn check(rule: &Rule, ast: &Expr, _: &Context<'_>, report: &mut Report<'_>) {
    ast.walk(&mut |part, _| {
        if let Kind::Binary(one) = &part.kind {
            domain(rule, one, report);
        }
    });
    if let Some(health) = filter(ast.bare()).filter(|_| rule.alerts).and_then(health)
        && !health.holds_well
        && !health.holds_ill
    {
        let message = format!("{} is 0 or 1: this never fires", health.metric);
        report.word(LINT.id, Level::Error, &rule.expr, health.metric, message, "== 0");
    }
}

/// Whether an expression gives values that the metric itself has: not how many, how often they changed or how fast.
fn is_value(mut side: &Expr) -> bool {
    loop {
        side = match &side.kind {
            Kind::Selector(_) => return true,
            Kind::Aggregation(one)
                if !["count", "count_values", "group", "stddev", "stdvar"].contains(&one.op.text.as_str()) =>
            {
                one.expr.bare()
            }
            Kind::Call(call) => {
                let windows =
                    ["min", "max", "avg", "last", "first", "quantile"].map(|what| format!("{what}_over_time"));
                match call.args.last() {
                    Some(arg) if windows.contains(&call.function.text) => arg.bare(),
                    _ => return false,
                }
            }
            _ => return false,
        }
    }
}

fn domain(rule: &Rule, one: &Binary, report: &mut Report<'_>) {
    let Some(limit) = constant(&one.right).filter(|_| one.op.compares()) else { return };
    let op = one.op.as_str();
    let side = one.left.bare();
    let names: Vec<&str> = side.selectors().into_iter().filter_map(Selector::metric).collect();
    let [name] = names.as_slice() else { return };
    let plain = is_value(side);
    let above = op.starts_with('>');
    let impossible = if (name.ends_with("_ratio") || name.contains(":ratio_")) && plain {
        (above && limit >= 1.0) || (!above && op.starts_with('<') && limit <= 0.0)
    } else if name.ends_with("_percent") && plain {
        above && limit >= 100.0
    } else if name.ends_with("_timestamp_seconds") && plain {
        // A day of 1973: no timestamp is that early, and ages are not timestamps.
        (op.starts_with('<') || above) && limit.abs() < 1e8 && limit != 0.0
    } else {
        false
    };
    if impossible {
        let message = format!("{name} {op} {limit} is beyond what the metric can be");
        let fix = "mind the unit: ratios end at 1, ages need time()";
        report.word(LINT.id, Level::Error, &rule.expr, name, message, fix);
    }
}
