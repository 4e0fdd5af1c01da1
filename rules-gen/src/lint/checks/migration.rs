//! RG007: what Prometheus 3 reads otherwise than Prometheus 2 did: ranges are left-open, and boundaries of buckets are
//! written as fractions.

use super::Context;
use crate::lint::expr::matchers;
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::{Duration, Expr, Kind, MatchOp};

/// Functions that give nothing of a single sample.
const OF_TWO: [&str; 7] = ["rate", "irate", "increase", "delta", "idelta", "deriv", "predict_linear"];

pub(super) fn check(rule: &Rule, ast: &Expr, context: &Context<'_>, report: &mut Report<'_>) {
    if context.options.version.is_some_and(|version| version < (3, 0)) {
        return;
    }
    ast.walk(&mut |part, _| match &part.kind {
        Kind::Call(call) if OF_TWO.contains(&call.function.text.as_str()) => {
            let Some(Kind::Subquery(subquery)) = call.args.first().map(|arg| &arg.bare().kind) else { return };
            let step = subquery.step.as_ref().and_then(Duration::seconds);
            if let (Some(range), Some(step)) = (subquery.range.seconds(), step)
                && range <= step
            {
                let name = &call.function.text;
                let message =
                    format!("since Prometheus 3 this range holds one sample at most, of which {name}() is nothing");
                let fix = "a range is left-open: make it longer than the step by one step";
                report.part("RG007", Level::Warning, &rule.expr, subquery.range.span, message, fix);
            }
        }
        Kind::Selector(one) if context.options.version.is_some() => {
            let buckets = one.metric().is_some_and(|name| name.ends_with("_bucket") && !name.contains(':'));
            let whole = |value: &str| !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
            for matcher in matchers(one).filter(|matcher| {
                buckets && matcher.name.text == "le" && matcher.op == MatchOp::Equal && whole(&matcher.value)
            }) {
                let message = format!("Prometheus 3 stores this boundary as {}.0: nothing matches", &*matcher.value);
                let fix = format!("le=~\"{0}(\\\\.0)?\" matches what both store", &*matcher.value);
                report.part("RG007", Level::Warning, &rule.expr, matcher.span, message, &fix);
            }
        }
        _ => {}
    });
}
