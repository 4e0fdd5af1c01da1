//! RG026: labels that an aggregation, `on` or `group_left` asks for, but that the inner expression has dropped.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::expr::is_scalar;
use crate::lint::labels::labels;
use crate::lint::metric_facts::MetricFacts;
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::{Binary, Expr, Kind, Name, Side};
use regex::Regex;

pub(super) static LINT: Lint = Lint {
    id: "RG026",
    title: "use of a label that was aggregated away",
    level: Level::Warning,
    text: "An outer aggregation cannot group by a label that the inner one has dropped, and `group_left` cannot copy a label that the other side has dropped. The label is missing from the result, so routes and templates do not see it.",
    check: Check::Expr(check),
    found: &[
        Example::Expr("sum by (job) (errors) / on (job, zone) sum by (job, zone) (requests) > 0.1"),
        Example::Expr("label_replace(sum by (job) (errors), \"host\", \"$1\", \"instance\", \"(.*):.*\") > 1"),
        Example::Expr("sum by (job, zone) (sum by (job) (up)) == 0"),
        Example::Group(
            "
  - record: job:errors:rate5m
    expr: sum by (job) (rate(errors_total[5m]))
  - record: zone:errors:rate5m
    expr: sum by (zone) (job:errors:rate5m)
",
        ),
    ],
    fine: &[
        Example::Expr(r#"label_replace(errors{zone=""}, "zone", "none", "zone", "") > 1"#),
        Example::Expr("sum by (job, zone) (errors) / on (job, zone) requests > 0.1"),
        Example::Expr("label_replace(sum by (instance) (errors), \"host\", \"$1\", \"instance\", \"(.*):.*\") > 1"),
        Example::Expr("label_replace(sum(errors), \"team\", \"a\", \"\", \"\") > 1"),
        Example::Expr("sum by (job, zone) (sum by (job, zone, rack) (up)) == 0"),
    ],
};

fn check(rule: &Rule, ast: &Expr, context: &Context<'_>, report: &mut Report<'_>) {
    let known = context.recordings.facts();
    ast.walk(&mut |part, _| match &part.kind {
        Kind::Aggregation(one) => {
            let Some(grouping) = one.grouping.as_ref().filter(|grouping| !grouping.without) else { return };
            let fix = "keep the label in the inner aggregation, or remove it here";
            lost(rule, &one.expr, &grouping.labels, (&[&one.op.text, " by"], fix), known, report);
        }
        Kind::Binary(one) if !is_scalar(&one.left) && !is_scalar(&one.right) => {
            on(rule, one, known, report);
            let Some(group) = one.matching.as_ref().and_then(|matching| matching.group.as_ref()) else { return };
            let (from, word) = match group.many {
                Side::Left => (&one.right, "group_left"),
                Side::Right => (&one.left, "group_right"),
            };
            let fix = "keep the label in the aggregation on that side";
            lost(rule, from, &group.include, (&[word], fix), known, report);
        }
        Kind::Call(call) if call.function.text == "label_replace" => {
            let (Some(of), Some(from)) = (call.args.first(), call.args.get(3)) else { return };
            let Kind::String(name) = &from.bare().kind else { return };
            // A pattern that matches an empty text sets the label on series that lack it.
            let sets_missing = call.args.get(4).is_some_and(|pattern| {
                let Kind::String(pattern) = &pattern.bare().kind else { return true };
                Regex::new(&format!("^(?:{})$", &**pattern)).is_ok_and(|pattern| pattern.is_match(""))
            });
            if !sets_missing && !name.is_empty() && !labels(of, known).may_have(name) {
                let message =
                    format!("label_replace() reads the label {}, which the inner expression has dropped", &**name);
                report.part(
                    LINT.id,
                    Level::Warning,
                    &rule.expr,
                    from.span,
                    message,
                    "keep the label in the aggregation",
                );
            }
        }
        _ => {}
    });
}

/// Reports a label in `on (...)` that one side has dropped. Then only series without the label match.
fn on(rule: &Rule, one: &Binary, known: &MetricFacts, report: &mut Report<'_>) {
    let Some(matching) = one.matching.as_ref().filter(|matching| matching.on) else { return };
    let sides = [("left", labels(&one.left, known)), ("right", labels(&one.right, known))];
    for label in &matching.labels {
        let name = &label.text;
        let [here, there] = [0, 1].map(|at| sides[at].1.may_have(name));
        // RG015 reports this when the other side certainly has the label.
        if here != there && !sides.iter().any(|(_, labels)| labels.certain.contains(&**name)) {
            let side = if here { sides[1].0 } else { sides[0].0 };
            let message = format!("on (...) matches by the label {name}, which the {side} side has dropped");
            let fix = "keep the label in the aggregation on that side, or remove it here";
            report.part(LINT.id, Level::Warning, &rule.expr, label.span, message, fix);
        }
    }
}

/// Reports labels that the expression has dropped, or the rule that records its series. Which labels other metrics have
/// is not known, so it does not count.
fn lost(
    rule: &Rule,
    of: &Expr,
    names: &[Name],
    (by, fix): (&[&str], &str),
    known: &MetricFacts,
    report: &mut Report<'_>,
) {
    let result = labels(of, known);
    for label in names.iter().filter(|label| !result.may_have(&label.text)) {
        let by = by.concat();
        let message = format!("{by} uses the label {}, which the inner expression has dropped", label.text);
        report.part(LINT.id, Level::Warning, &rule.expr, label.span, message, fix);
    }
}
