//! Lints about conditions that cannot be, or always are: RG015 to RG023.

use super::context::Context;
use crate::lint::expr::{conditional, constant, filter, function, is_scalar, matchers};
use crate::lint::labels::{labels, set};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::{Binary, BinaryOp, Expr, Kind, MatchOp, Selector};
use std::collections::BTreeSet;

/// Days between two runs of a job that may wait for the first such weekday: at most so many.
const GAPS: [(&str, f64); 4] = [("weekly", 7.0), ("monthly", 35.0), ("quarterly", 98.0), ("annual", 371.0)];

pub(super) fn check(rule: &Rule, ast: &Expr, context: &Context<'_>, report: &mut Report<'_>) {
    ast.walk(&mut |part, above| match &part.kind {
        Kind::Binary(one) => {
            matching(rule, one, context, report);
            division(rule, one, above, report);
            domain(rule, one, report);
            cadence(rule, one, report);
        }
        Kind::Aggregation(one) if rule.alerts && ["topk", "bottomk", "limitk"].contains(&one.op.text.as_str()) => {
            let message = "which series are in it changes from one evaluation to the next: for begins anew".to_owned();
            report.word("RG017", Level::Warning, &rule.expr, &one.op.text, message, "alert on a limit");
        }
        Kind::Call(call)
            if call.function.text == "timestamp"
                && call.args.first().is_some_and(|arg| arg.bare().selector().is_none()) =>
        {
            let message = "timestamp() of an expression is always now".to_owned();
            report.word("RG020", Level::Error, &rule.expr, "timestamp", message, "give it a plain selector");
        }
        Kind::Call(call) if call.function.text.starts_with("absent") && rule.alerts => {
            absence(rule, call.args.first().map(Expr::bare), context, report);
        }
        Kind::Selector(one) => {
            let mut seen: Vec<(&str, &str)> = Vec::new();
            for matcher in matchers(one).filter(|matcher| matcher.op == MatchOp::Equal) {
                let label = matcher.name.text.as_str();
                if seen.iter().any(|(name, value)| *name == label && *value != &*matcher.value) {
                    let message = format!("{label} cannot have two values at once");
                    report.part("RG015", Level::Error, &rule.expr, matcher.span, message, "match one, or =~");
                }
                seen.push((label, &matcher.value));
            }
        }
        _ => {}
    });
    if rule.alerts {
        condition(rule, ast, report);
        own_labels(rule, ast, context, report);
        two_jobs(rule, ast, report);
    }
}

fn matching(rule: &Rule, one: &Binary, context: &Context<'_>, report: &mut Report<'_>) {
    if is_scalar(&one.left) || is_scalar(&one.right) || one.op == BinaryOp::Or {
        return;
    }
    let known = &context.options.known;
    let (left, right) = (labels(&one.left, known), labels(&one.right, known));
    let (on, ignored) = match &one.matching {
        Some(matching) if matching.on => (Some(set(&matching.labels)), BTreeSet::new()),
        Some(matching) => (None, set(&matching.labels)),
        None => (None, BTreeSet::new()),
    };
    let counts = |name: &&String| on.as_ref().map_or(!ignored.contains(*name), |on| on.contains(*name));
    let grouped = one.matching.as_ref().is_some_and(|matching| matching.group.is_some());
    for (has, lacks, side) in [(&left, &right, "right"), (&right, &left, "left")] {
        if let Some(name) = has.certain.iter().filter(counts).find(|name| !lacks.may_have(name)) {
            let message = format!("the {side} side of {} has no label {name}: the sides never match", one.op);
            report.at("RG015", Level::Error, &rule.expr, message, "use on (...), ignoring (...) or keep the label");
            return;
        }
    }
    let differs = |(name, value): &(&String, &String)| {
        counts(name) && right.fixed.get(*name).is_some_and(|other| other != *value)
    };
    if let Some((name, value)) = left.fixed.iter().find(differs) {
        let other = right.fixed.get(name).map(String::as_str).unwrap_or_default();
        let message = format!(
            "the left side of {} has {name}={value:?}, the right side {name}={other:?}: the sides never match",
            one.op
        );
        report.at("RG015", Level::Error, &rule.expr, message, "use on (...) or ignoring (...)");
        return;
    }
    if let (Some(on), false, false) = (&on, grouped, one.op.is_set()) {
        for (side, labels) in [("left", &left), ("right", &right)] {
            let more = labels.certain.iter().find(|name| !on.contains(*name));
            let exact = labels.possible.as_ref().is_some_and(|possible| !possible.is_subset(on));
            if let (Some(name), true) = (more, exact && aggregated(if side == "left" { &one.left } else { &one.right }))
            {
                let message = format!("several series of the {side} side may match: {name} is not in on (...)");
                report.at("RG015", Level::Warning, &rule.expr, message, "use group_left, or aggregate it away");
            }
        }
    }
}

fn aggregated(expr: &Expr) -> bool {
    matches!(expr.bare().kind, Kind::Aggregation(_))
}

/// A rate can be zero: x / 0 is infinite, 0 / 0 is no number, and neither is what was meant.
fn division(rule: &Rule, one: &Binary, above: &[&Expr], report: &mut Report<'_>) {
    if one.op != BinaryOp::Div || is_scalar(&one.right) {
        return;
    }
    let mut rates = false;
    one.right.walk(&mut |part, _| {
        rates |= function(part).is_some_and(|name| ["rate", "irate", "increase"].contains(&name));
    });
    let floor = function(one.right.bare()) == Some("clamp_min");
    let guarded = conditional(&one.right)
        || floor
        || (rule.alerts && never_infinite(one, above))
        || above.iter().any(
            |parent| matches!(&parent.kind, Kind::Binary(one) if one.op == BinaryOp::And && conditional(&one.right)),
        );
    if rates && !guarded {
        let message = "the divisor is a rate that is zero when nothing happens".to_owned();
        report.at("RG016", Level::Warning, &rule.expr, message, "divide by (... > 0)");
    }
}

/// Whether a division in front of `>` or `>=` is a share of its own divisor, or a mean (`_sum` by `_count`): both are
/// zero at once, and what is no number is above no limit.
fn never_infinite(one: &Binary, above: &[&Expr]) -> bool {
    let parent = above.iter().rev().find(|parent| !matches!(parent.kind, Kind::Paren(_)));
    let above_a_limit = matches!(parent.map(|parent| &parent.kind), Some(Kind::Binary(parent))
        if matches!(parent.op, BinaryOp::Greater | BinaryOp::GreaterOrEqual)
            && constant(&parent.right).is_some()
            && matches!(&parent.left.bare().kind, Kind::Binary(left) if std::ptr::eq(&raw const **left, one)));
    let (upper, lower) = (one.left.selectors(), one.right.selectors());
    let ([upper], [lower]) = (upper.as_slice(), lower.as_slice()) else { return false };
    let (Some(numerator), Some(divisor)) = (upper.metric(), lower.metric()) else { return false };
    let mean = numerator.strip_suffix("_sum").is_some_and(|stem| divisor.strip_suffix("_count") == Some(stem));
    let has: BTreeSet<String> = matchers(upper).map(ToString::to_string).collect();
    above_a_limit && (mean || numerator == divisor) && matchers(lower).all(|matcher| has.contains(&matcher.to_string()))
}

fn two_jobs(rule: &Rule, ast: &Expr, report: &mut Report<'_>) {
    let mut found = false;
    ast.walk(&mut |part, _| {
        if let Kind::Binary(one) = &part.kind
            && one.op == BinaryOp::Div
        {
            let jobs = |side: &Expr| -> BTreeSet<String> {
                let all = side.selectors();
                let jobs =
                    all.iter().flat_map(|one| matchers(one)).filter(|m| m.name.text == "job" && m.op == MatchOp::Equal);
                jobs.map(|matcher| (*matcher.value).to_owned()).collect()
            };
            let (left, right) = (jobs(&one.left), jobs(&one.right));
            found |= !left.is_empty() && !right.is_empty() && left.is_disjoint(&right);
        }
    });
    if found && rule.pending == 0.0 {
        let message = "a ratio of two jobs without for: they restart and are scraped at different times";
        report.at("RG017", Level::Warning, &rule.expr, message, "wait a few minutes with for");
    }
}

fn condition(rule: &Rule, ast: &Expr, report: &mut Report<'_>) {
    let watchdog = rule.label("severity").is_some_and(|severity| severity.value == "none");
    if let Some(one) = filter(ast.bare()) {
        polarity(rule, one, report);
        if let (Some(a), Some(b)) = (constant(&one.left), constant(&one.right)) {
            report.at("RG018", Level::Error, &rule.expr, format!("compares {a} with {b}, which never changes"), "");
        }
    } else if !conditional(ast) && !watchdog {
        let message = "no comparison: it fires whenever the metric is there";
        report.at("RG018", Level::Warning, &rule.expr, message, "compare with a limit");
    }
}

/// `up != 0` fires while all is well.
#[expect(clippy::float_cmp, reason = "PromQL compares exactly")]
fn polarity(rule: &Rule, one: &Binary, report: &mut Report<'_>) {
    let mut side = one.left.bare();
    while let Kind::Aggregation(inner) = &side.kind {
        if !["max", "min", "avg"].contains(&inner.op.text.as_str()) {
            return;
        }
        side = inner.expr.bare();
    }
    let Some(name) = side.selector().and_then(Selector::metric) else { return };
    let healthy = name == "up"
        || ["_up", "_success", "_successful", "_healthy", "_passed"].iter().any(|ending| name.ends_with(ending));
    let Some(limit) = constant(&one.right).filter(|_| healthy) else { return };
    let (well, ill) = (1.0, 0.0);
    let holds = |value: f64| match one.op {
        BinaryOp::Equal => value == limit,
        BinaryOp::NotEqual => value != limit,
        BinaryOp::Greater => value > limit,
        BinaryOp::GreaterOrEqual => value >= limit,
        BinaryOp::Less => value < limit,
        _ => value <= limit,
    };
    if holds(well) && !holds(ill) {
        let message = format!("{name} is 1 while all is well: the alert fires then, and is silent when it breaks");
        report.word("RG018", Level::Error, &rule.expr, name, message, "compare with 0 the other way round");
    } else if !holds(well) && !holds(ill) {
        let message = format!("{name} is 0 or 1: this never fires");
        report.word("RG022", Level::Error, &rule.expr, name, message, "== 0");
    }
}

fn own_labels(rule: &Rule, ast: &Expr, context: &Context<'_>, report: &mut Report<'_>) {
    let result = labels(ast, &context.options.known);
    for name in ["alertname", "alertstate"] {
        let of_alerts =
            ast.selectors().iter().any(|one| one.metric().is_some_and(|metric| metric.starts_with("ALERTS")));
        let certain = of_alerts && result.may_have(name) && !result.certain.contains(name);
        let kept = of_alerts && result.possible.as_ref().is_some_and(|possible| possible.contains(name));
        if certain || kept {
            let message = format!("the rule's own label replaces {name} of the result: series become the same");
            report.at("RG019", Level::Error, &rule.expr, message, "copy it with label_replace() and aggregate it away");
            return;
        }
    }
}

fn absence(rule: &Rule, of: Option<&Expr>, context: &Context<'_>, report: &mut Report<'_>) {
    if rule.pending == 0.0 {
        let message = "absent() without for: every restart of Prometheus or of the target fires it".to_owned();
        report.word("RG021", Level::Warning, &rule.expr, "absent", message, "wait a few scrapes with for");
    }
    let name = of.and_then(Expr::selector).and_then(Selector::metric);
    if let Some(name) = name.filter(|name| context.options.known.get(name).is_some_and(|fact| fact.sparse)) {
        let message = format!("{name} has no series while all is well");
        report.word("RG021", Level::Error, &rule.expr, name, message, "watch the check's own success");
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

/// Limits that a value cannot pass.
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
        report.word(
            "RG022",
            Level::Error,
            &rule.expr,
            name,
            message,
            "mind the unit: ratios end at 1, ages need time()",
        );
    }
}

/// `time() - oldest > 30d` where the clean-up comes once a month.
fn cadence(rule: &Rule, one: &Binary, report: &mut Report<'_>) {
    let Some(limit) = constant(&one.right).filter(|_| one.op.as_str().starts_with('>')) else { return };
    let Kind::Binary(age) = &one.left.bare().kind else { return };
    let is_age = age.op == BinaryOp::Sub && function(age.left.bare()) == Some("time");
    let named = |word: &str| {
        age.right
            .selectors()
            .into_iter()
            .filter_map(Selector::metric)
            .any(|name| name.contains(word) && name.contains("timestamp"))
    };
    let cadence = rule.label("cadence").map(|text| text.value.as_str());
    let Some((cadence, days)) = GAPS.into_iter().find(|(name, _)| Some(*name) == cadence) else { return };
    if is_age && (named("oldest") || named("last_done")) && limit < days * 86_400.0 {
        let message = format!(
            "a {cadence} job may be {days} days apart: a limit of {:.0} days fires by design",
            limit / 86_400.0
        );
        report.at("RG023", Level::Warning, &rule.expr, message, "add the gap between two runs to the limit");
    }
}
