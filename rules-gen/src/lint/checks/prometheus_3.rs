//! RG007: expressions that Prometheus 3 evaluates differently from Prometheus 2: ranges are left-open, and bucket
//! boundaries are normalised to floats (`le="1.0"`).

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::expr::matchers;
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::{Duration, Expr, Kind, MatchOp};

pub(super) static LINT: Lint = Lint {
    id: "RG007",
    title: "Prometheus 3 reads it otherwise",
    level: Level::Warning,
    text: r#"Since Prometheus 3 a range does not hold the sample at its left edge, so a subquery as long as its step holds one sample, and `rate()` of one sample is nothing. Boundaries of classic buckets are stored as fractions: `le="1"` matches nothing, `le="1.0"` does. The second is judged when `--prometheus-version` names a version of 3."#,
    check: Check::Expr(check),
    found: &[Example::Expr("increase(queue_jobs_total[5m:5m]) > 100")],
    fine: &[Example::Expr("increase(queue_jobs_total[5m]) > 100")],
};

/// Functions that need two samples.
const OF_TWO: [&str; 7] = ["rate", "irate", "increase", "delta", "idelta", "deriv", "predict_linear"];

fn check(rule: &Rule, ast: &Expr, context: &Context<'_>, report: &mut Report<'_>) {
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
                report.part(LINT.id, Level::Warning, &rule.expr, subquery.range.span, message, fix);
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
                report.part(LINT.id, Level::Warning, &rule.expr, matcher.span, message, &fix);
            }
        }
        _ => {}
    });
}
