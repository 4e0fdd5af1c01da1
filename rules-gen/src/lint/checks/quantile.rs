//! RG014: quantiles of buckets without the label `le`, boundaries that a histogram lacks, and quantiles over long
//! ranges.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::expr::{constant, matchers};
use crate::lint::labels::labels;
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::{Call, Duration, Expr, Kind, MatchOp};

pub(super) static LINT: Lint = Lint {
    id: "RG014",
    title: "invalid or expensive quantile",
    level: Level::Error,
    text: "`histogram_quantile()` needs the label `le`; without it the result is empty. A quantile is a number from 0 to 1; with 95 the result is +Inf. Reading days of raw buckets at every evaluation is expensive (an info up to a day, then a warning).",
    check: Check::Expr(check),
    found: &[
        Example::Expr("histogram_quantile(0.99, sum by (job) (rate(http_request_duration_seconds_bucket[5m]))) > 2"),
        Example::Expr("quantile_over_time(95, queue_length[1h]) > 10"),
    ],
    fine: &[Example::Expr(
        "histogram_quantile(0.99, sum by (job, le) (rate(http_request_duration_seconds_bucket[5m]))) > 2",
    )],
};

fn check(rule: &Rule, ast: &Expr, context: &Context<'_>, report: &mut Report<'_>) {
    ast.walk(&mut |part, _| match &part.kind {
        Kind::Call(call) if call.function.text == "histogram_quantile" => {
            share(rule, &call.function.text, call.args.first(), report);
            quantile(rule, call, context, report);
        }
        Kind::Call(call) if call.function.text == "quantile_over_time" => {
            share(rule, &call.function.text, call.args.first(), report);
        }
        Kind::Aggregation(one) if one.op.text == "quantile" => share(rule, "quantile", one.param.as_ref(), report),
        _ => {}
    });
    for one in ast.selectors() {
        let Some((name, fact)) = one.metric().and_then(|name| Some((name, context.options.known.get(name)?))) else {
            continue;
        };
        for matcher in matchers(one).filter(|matcher| matcher.op == MatchOp::Equal && matcher.name.text == "le") {
            if !matcher.value.is_empty() && !fact.boundaries.is_empty() && !fact.boundaries.contains(&*matcher.value) {
                let message = format!("{name} has no bucket with le=\"{}\"", &*matcher.value);
                let all = fact.boundaries.iter().cloned().collect::<Vec<_>>().join(", ");
                report.at(LINT.id, Level::Error, &rule.expr, message, &format!("existing boundaries: {all}"));
            }
        }
    }
}

/// Reports a quantile below 0 or above 1, whose result is infinite.
fn share(rule: &Rule, function: &str, share: Option<&Expr>, report: &mut Report<'_>) {
    let Some((at, share)) = share.and_then(|expr| Some((expr.span, constant(expr)?))) else { return };
    if !(0.0..=1.0).contains(&share) {
        let message = format!("{function}() of {share} is infinite: a quantile is a number from 0 to 1");
        let percent = (2.0..=100.0).contains(&share);
        // A hundredth, rounded so that 99.9 becomes 0.999.
        let fix =
            if percent { ((share * 1e10).round() / 1e12).to_string() } else { "use a number from 0 to 1".to_owned() };
        report.part(LINT.id, Level::Error, &rule.expr, at, message, &fix);
    }
}

fn quantile(rule: &Rule, call: &Call, context: &Context<'_>, report: &mut Report<'_>) {
    let function = call.function.text.as_str();
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
        let message = "the argument of histogram_quantile() has no label le, so the result is empty".to_owned();
        report.word(LINT.id, Level::Error, &rule.expr, function, message, "keep the label: sum by (le, ...)");
    }
    if buckets && longest > 3_600.0 {
        let level = if longest > 86_400.0 { Level::Warning } else { Level::Info };
        let message = format!("reads {:.0} hours of raw buckets at every evaluation", longest / 3_600.0);
        report.word(
            LINT.id,
            level,
            &rule.expr,
            function,
            message,
            "record the rate of the buckets with a recording rule",
        );
    }
}
