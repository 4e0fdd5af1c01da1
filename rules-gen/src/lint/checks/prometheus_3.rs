//! RG007: expressions that Prometheus 3 evaluates differently from Prometheus 2: ranges are left-open, and bucket
//! boundaries are normalised to floats (`le="1.0"`). A prometheus.yml with the old API of Alertmanager is reported,
//! too.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::expr::matchers;
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::{Duration, Expr, Kind, MatchOp};

pub(super) static LINT: Lint = Lint {
    id: "RG007",
    title: "different result in Prometheus 3",
    level: Level::Warning,
    text: r#"Since Prometheus 3 a range does not include the sample at its start. A subquery whose range equals its step contains one sample, and `rate()` of one sample has no result. Boundaries of classic buckets are stored with a fraction: `le="1"` matches nothing, `le="1.0"` does; this is checked when `--prometheus-version` is set. In `prometheus.yml`, Prometheus 3 refuses `api_version: v1` of an Alertmanager."#,
    check: Check::Expr(check),
    found: &[
        Example::Expr("increase(queue_jobs_total[5m:5m]) > 100"),
        Example::Rules("\nalerting: {alertmanagers: [{api_version: v1, static_configs: [{targets: ['a:9093']}]}]}\n"),
    ],
    fine: &[
        Example::Expr("increase(queue_jobs_total[5m]) > 100"),
        Example::Rules("\nalerting: {alertmanagers: [{api_version: v2, static_configs: [{targets: ['a:9093']}]}]}\n"),
    ],
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
                let message = format!(
                    "in Prometheus 3 this range contains one sample at most, and {name}() of one sample returns nothing"
                );
                let fix = "make the range one step longer; since Prometheus 3 it does not include its start";
                report.part(LINT.id, Level::Warning, &rule.expr, subquery.range.span, message, fix);
            }
        }
        Kind::Selector(one) if context.options.version.is_some() => {
            let buckets = one.metric().is_some_and(|name| name.ends_with("_bucket") && !name.contains(':'));
            let whole = |value: &str| !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
            for matcher in matchers(one).filter(|matcher| {
                buckets && matcher.name.text == "le" && matcher.op == MatchOp::Equal && whole(&matcher.value)
            }) {
                let message = format!(
                    "Prometheus 3 stores this boundary as {}.0, so the matcher selects nothing",
                    &*matcher.value
                );
                let fix = format!("le=~\"{0}(\\\\.0)?\" matches both notations", &*matcher.value);
                report.part(LINT.id, Level::Warning, &rule.expr, matcher.span, message, &fix);
            }
        }
        _ => {}
    });
}
