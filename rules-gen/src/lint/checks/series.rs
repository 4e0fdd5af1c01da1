//! Lints about what is selected and how: RG010 to RG014.

use super::context::Context;
use crate::lint::expr::{constant, matchers, reach};
use crate::lint::known::{FEW, OF_TARGETS, Type};
use crate::lint::labels::labels;
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use checklist::yaml::hint;
use promql::{Call, Duration, Expr, Kind, MatchOp, Matcher, Selector};

/// Functions on counters.
const OF_COUNTERS: [&str; 3] = ["rate", "irate", "increase"];
/// Functions on gauges.
const OF_GAUGES: [&str; 4] = ["delta", "idelta", "deriv", "predict_linear"];
/// Names that end so are levels by every convention.
const LEVELS: [&str; 8] =
    ["_bytes", "_seconds", "_ratio", "_info", "_percent", "_celsius", "_duration", "_timestamp_seconds"];

pub(super) fn check(rule: &Rule, ast: &Expr, context: &Context<'_>, report: &mut Report<'_>) {
    ast.walk(&mut |part, above| {
        if let Some(one) = part.selector()
            && let Some(name) = one.metric()
        {
            exists(rule, one, name, context, report);
        }
        if let Kind::Call(call) = &part.kind {
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

fn exists(rule: &Rule, one: &Selector, name: &str, context: &Context<'_>, report: &mut Report<'_>) {
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
    for matcher in matchers(one) {
        let there = fact.labels.contains(&matcher.name.text) || OF_TARGETS.contains(&matcher.name.text.as_str());
        let asks = matcher.op == MatchOp::Equal && !matcher.value.is_empty();
        if asks && !there && !fact.labels.is_empty() {
            let message = format!("{name} has no label {}", matcher.name.text);
            let fix = format!("its labels: {}", fact.labels.iter().cloned().collect::<Vec<_>>().join(", "));
            report.word("RG010", Level::Warning, &rule.expr, &matcher.name.text, message, &fix);
        }
        let values = fact.values.get(&matcher.name.text).filter(|_| asks && there);
        if let Some(values) = values.filter(|values| !values.contains(&*matcher.value) && values.len() <= most(matcher))
        {
            let level = if matcher.name.text == "check" { Level::Warning } else { Level::Info };
            let hint = hint(&matcher.value, &values.iter().map(String::as_str).collect::<Vec<_>>());
            let message = format!("{name} has no {}={:?}{hint}", matcher.name.text, &*matcher.value);
            report.word("RG010", level, &rule.expr, &matcher.value, message, "");
        }
        if asks
            && matcher.name.text == "le"
            && !fact.boundaries.is_empty()
            && !fact.boundaries.contains(&*matcher.value)
        {
            let message = format!("{} is no boundary of {name}", &*matcher.value);
            let all = fact.boundaries.iter().cloned().collect::<Vec<_>>().join(", ");
            report.at("RG014", Level::Error, &rule.expr, message, &format!("its boundaries: {all}"));
        }
    }
}

/// The checks are all known, however many; the values of a scrape only when they are few.
fn most(matcher: &Matcher) -> usize {
    if matcher.name.text == "check" { usize::MAX } else { FEW }
}

fn types(rule: &Rule, call: &Call, context: &Context<'_>, report: &mut Report<'_>) {
    let function = call.function.text.as_str();
    let Some(argument) = call.args.iter().map(Expr::bare).find(|arg| !matches!(arg.kind, Kind::Number(_))) else {
        return;
    };
    if OF_COUNTERS.contains(&function)
        && let Kind::Subquery(subquery) = &argument.kind
        && let Kind::Aggregation(_) = subquery.expr.bare().kind
    {
        let message = format!("{function}() of an aggregation: a reset of one counter looks like a jump of the sum");
        report.word("RG011", Level::Error, &rule.expr, function, message, "take the rate first, then aggregate");
    }
    let Some(name) = argument.selector().and_then(Selector::metric) else { return };
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
    let Some(one) = part.selector().filter(|one| one.range.is_none()) else { return };
    let Some(name) = one.metric() else { return };
    if !rule.alerts || context.options.known.kind(name) != Some(Type::Counter) || name.contains(':') {
        return;
    }
    let compared = above.iter().rev().find(|parent| !matches!(parent.kind, Kind::Paren(_) | Kind::Aggregation(_)));
    let Some(Kind::Binary(binary)) = compared.map(|parent| &parent.kind) else { return };
    let number = [&binary.left, &binary.right].into_iter().find_map(constant);
    if binary.op.compares() && number.is_some() {
        let message = format!("the counter {name} is compared with a number: it only grows until the process restarts");
        report.word("RG011", Level::Warning, &rule.expr, name, message, "compare increase() over a time");
    }
}

fn range(rule: &Rule, call: &Call, context: &Context<'_>, report: &mut Report<'_>) {
    let function = call.function.text.as_str();
    let windowed = OF_COUNTERS.contains(&function) || ["delta", "deriv", "idelta"].contains(&function);
    let range = call.args.first().and_then(|arg| arg.bare().selector()?.range.as_ref());
    let Some(range) = range.and_then(Duration::seconds).filter(|_| windowed) else { return };
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
    report.word("RG012", level, &rule.expr, function, message, "take at least four scrape intervals");
}

fn quantile(rule: &Rule, call: &Call, context: &Context<'_>, report: &mut Report<'_>) {
    let function = call.function.text.as_str();
    if function != "histogram_quantile" {
        return;
    }
    let Some(argument) = call.args.get(1) else { return };
    let mut buckets = false;
    let mut longest: f64 = 0.0;
    for one in argument.selectors() {
        let Some(name) = one.metric() else { continue };
        buckets |= name.ends_with("_bucket");
        if let Some(range) = one.range.as_ref().and_then(Duration::seconds).filter(|_| !name.contains(':')) {
            longest = longest.max(range);
        }
    }
    if buckets && !labels(argument, &context.options.known).may_have("le") {
        let message = "histogram_quantile() of buckets without the label le".to_owned();
        report.word("RG014", Level::Error, &rule.expr, function, message, "keep le: sum by (le, ...)");
    }
    if buckets && longest > 3_600.0 {
        let level = if longest > 86_400.0 { Level::Warning } else { Level::Info };
        let message = format!("loads {:.0} hours of raw buckets at every evaluation", longest / 3_600.0);
        report.word("RG014", level, &rule.expr, function, message, "record the rate of the buckets");
    }
}
