//! Lints about what is selected and how: RG010 to RG014.

use super::context::Context;
use crate::lint::expr::{bare, matchers, metric, offset, reach, selector, walk};
use crate::lint::known::{FEW, OF_TARGETS, Type};
use crate::lint::labels::labels;
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use checklist::yaml::hint;
use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{Call, Expr};

/// Functions on counters.
const OF_COUNTERS: [&str; 3] = ["rate", "irate", "increase"];
/// Functions on gauges.
const OF_GAUGES: [&str; 4] = ["delta", "idelta", "deriv", "predict_linear"];
/// Names that end so are levels by every convention.
const LEVELS: [&str; 8] =
    ["_bytes", "_seconds", "_ratio", "_info", "_percent", "_celsius", "_duration", "_timestamp_seconds"];

pub(super) fn check(rule: &Rule, ast: &Expr, context: &Context<'_>, report: &mut Report<'_>) {
    walk(ast, &mut Vec::new(), &mut |part, above| {
        if let Some(one) = selector(part)
            && let Some(name) = metric(one)
        {
            exists(rule, part, name, context, report);
        }
        if let Expr::Call(call) = part {
            types(rule, call, context, report);
            range(rule, call, context, report);
            quantile(rule, call, context, report);
        }
        bare_counter(rule, part, above, context, report);
    });
    let reach = reach(ast);
    if reach > context.options.retention {
        let (days, kept) = (reach / 86_400.0, context.options.retention / 86_400.0);
        let message = format!("looks {days:.1} days back, Prometheus keeps {kept:.1} days (--retention)");
        report.at("RG013", Level::Warning, &rule.expr, message, "shorten the range, or record what is needed");
    }
}

fn exists(rule: &Rule, part: &Expr, name: &str, context: &Context<'_>, report: &mut Report<'_>) {
    let known = &context.options.known;
    let own = ["ALERTS", "ALERTS_FOR_STATE", "up"].contains(&name) || name.starts_with("scrape_");
    let Some(fact) = known.get(name) else {
        let ours = name.starts_with("checklist_");
        if (known.complete || ours) && !own && !context.recorded.contains(name) {
            let hint = hint(name, &known.names().collect::<Vec<_>>());
            report.word("RG010", Level::Error, &rule.expr, name, format!("there is no metric {name}{hint}"), "");
        }
        return;
    };
    let Some(one) = selector(part) else { return };
    for matcher in matchers(one) {
        let there = fact.labels.contains(&matcher.name) || OF_TARGETS.contains(&matcher.name.as_str());
        let asks = matcher.op == MatchOp::Equal && !matcher.value.is_empty();
        if asks && !there && !fact.labels.is_empty() {
            let message = format!("{name} has no label {}", matcher.name);
            let fix = format!("its labels: {}", fact.labels.iter().cloned().collect::<Vec<_>>().join(", "));
            report.word("RG010", Level::Warning, &rule.expr, &matcher.name, message, &fix);
        }
        let values = fact.values.get(&matcher.name).filter(|_| asks && there);
        if let Some(values) = values.filter(|values| !values.contains(&matcher.value) && values.len() <= most(matcher))
        {
            let level = if matcher.name == "check" { Level::Warning } else { Level::Info };
            let hint = hint(&matcher.value, &values.iter().map(String::as_str).collect::<Vec<_>>());
            let message = format!("{name} has no {}={:?}{hint}", matcher.name, matcher.value);
            report.word("RG010", level, &rule.expr, &matcher.value, message, "");
        }
        if asks && matcher.name == "le" && !fact.boundaries.is_empty() && !fact.boundaries.contains(&matcher.value) {
            let message = format!("{} is no boundary of {name}", matcher.value);
            let all = fact.boundaries.iter().cloned().collect::<Vec<_>>().join(", ");
            report.at("RG014", Level::Error, &rule.expr, message, &format!("its boundaries: {all}"));
        }
    }
}

/// The checks are all known, however many; the values of a scrape only when they are few.
fn most(matcher: &Matcher) -> usize {
    if matcher.name == "check" { usize::MAX } else { FEW }
}

fn types(rule: &Rule, call: &Call, context: &Context<'_>, report: &mut Report<'_>) {
    let function = call.func.name;
    let Some(argument) = call.args.args.iter().map(|arg| bare(arg)).find(|arg| !matches!(arg, Expr::NumberLiteral(_)))
    else {
        return;
    };
    if OF_COUNTERS.contains(&function)
        && let Expr::Subquery(subquery) = argument
        && let Expr::Aggregate(_) = bare(&subquery.expr)
    {
        let message = format!("{function}() of an aggregation: a reset of one counter looks like a jump of the sum");
        report.word("RG011", Level::Error, &rule.expr, function, message, "take the rate first, then aggregate");
    }
    let Some(name) = selector(argument).and_then(metric) else { return };
    // What is recorded with a colon is a result already; its type is its own affair.
    if name.contains(':') {
        return;
    }
    let kind = context.options.known.kind(name);
    if OF_COUNTERS.contains(&function) {
        let level_by_name = kind.is_none() && LEVELS.iter().any(|ending| name.ends_with(ending));
        if kind == Some(Type::Gauge) || level_by_name {
            let level = if level_by_name { Level::Warning } else { Level::Error };
            let message = format!("{function}() is for counters, {name} is a gauge");
            report.word("RG011", level, &rule.expr, function, message, "use delta(), deriv() or the value itself");
        }
    }
    if OF_GAUGES.contains(&function) && kind == Some(Type::Counter) {
        let message = format!("{function}() does not know that the counter {name} begins anew");
        report.word("RG011", Level::Warning, &rule.expr, function, message, "use increase() or rate()");
    }
}

/// `x_total > 5`: true for ever once it was.
fn bare_counter(rule: &Rule, part: &Expr, above: &[&Expr], context: &Context<'_>, report: &mut Report<'_>) {
    let Expr::VectorSelector(one) = part else { return };
    let Some(name) = metric(one) else { return };
    if !rule.alerts || context.options.known.kind(name) != Some(Type::Counter) || name.contains(':') {
        return;
    }
    let compared = above.iter().rev().find(|parent| !matches!(parent, Expr::Paren(_) | Expr::Aggregate(_)));
    let Some(Expr::Binary(binary)) = compared else { return };
    let number = [&binary.lhs, &binary.rhs].into_iter().find_map(|side| crate::lint::expr::constant(side));
    if binary.op.is_comparison_operator() && number.is_some() {
        let message = format!("the counter {name} is compared with a number: it only grows until the process restarts");
        report.word("RG011", Level::Warning, &rule.expr, name, message, "compare increase() over a time");
    }
}

fn range(rule: &Rule, call: &Call, context: &Context<'_>, report: &mut Report<'_>) {
    let windowed = OF_COUNTERS.contains(&call.func.name) || ["delta", "deriv", "idelta"].contains(&call.func.name);
    let Some(Expr::MatrixSelector(matrix)) = call.args.args.first().map(|arg| bare(arg)) else { return };
    if !windowed {
        return;
    }
    let (range, interval) = (matrix.range.as_secs_f64(), context.options.scrape_interval);
    let level = if range < 2.0 * interval {
        Level::Error
    } else if range < 4.0 * interval {
        Level::Warning
    } else {
        return;
    };
    let message = format!(
        "{}() over {range}s of samples every {interval}s (--scrape-interval): a missed scrape leaves nothing",
        call.func.name
    );
    report.word("RG012", level, &rule.expr, call.func.name, message, "take at least four scrape intervals");
}

fn quantile(rule: &Rule, call: &Call, context: &Context<'_>, report: &mut Report<'_>) {
    if call.func.name != "histogram_quantile" {
        return;
    }
    let Some(argument) = call.args.args.get(1) else { return };
    let mut buckets = false;
    let mut longest: f64 = 0.0;
    walk(argument, &mut Vec::new(), &mut |part, _| {
        if let Some(one) = selector(part) {
            buckets |= metric(one).is_some_and(|name| name.ends_with("_bucket"));
        }
        if let Expr::MatrixSelector(one) = part
            && metric(&one.vs).is_some_and(|name| !name.contains(':'))
        {
            longest = longest.max(one.range.as_secs_f64() + offset(None));
        }
    });
    if buckets && !labels(argument, &context.options.known).may_have("le") {
        let message = "histogram_quantile() of buckets without the label le".to_owned();
        report.word("RG014", Level::Error, &rule.expr, call.func.name, message, "keep le: sum by (le, ...)");
    }
    if buckets && longest > 3_600.0 {
        let level = if longest > 86_400.0 { Level::Warning } else { Level::Info };
        let message = format!("loads {:.0} hours of raw buckets at every evaluation", longest / 3_600.0);
        report.word("RG014", level, &rule.expr, call.func.name, message, "record the rate of the buckets");
    }
}
