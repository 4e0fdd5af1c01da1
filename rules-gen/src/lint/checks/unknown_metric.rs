//! RG010: metrics, labels and label values that do not exist.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::expr::matchers;
use crate::lint::metric_facts::{FEW, OF_SERVERS, OF_TARGETS};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use checklist::yaml::hint;
use promql::{Expr, MatchOp, Matcher, Selector};

pub(super) static LINT: Lint = Lint {
    id: "RG010",
    title: "unknown metric, label or value",
    level: Level::Error,
    text: "An alert on a metric that does not exist never fires, nor does one on a label or a value that the metric does not have. The metrics of checklist-exporter are always known; for all others, give a scrape with `--catalog-from`, or a server with `--live`. A recorded series has the labels that its rule keeps. A recorded series that no linted rule records is reported if other series of the same metric are recorded, and otherwise is an info.",
    check: Check::Expr(check),
    found: &[
        Example::Expr("checklist_check_pased == 0"),
        Example::Group(
            "
  - record: job:errors:rate5m
    expr: sum by (job) (rate(errors_total[5m]))
  - record: job:errors:high
    expr: job:errors:rate1m > 5
",
        ),
        Example::Group(
            "
  - record: job:errors:rate5m
    expr: sum by (job) (rate(errors_total[5m]))
  - record: job:errors:first
    expr: job:errors:rate5m{instance='a:1'}
",
        ),
        Example::Group(
            "
  - alert: ServiceDown
    expr: up == 0
    for: 5m
    labels: {severity: warning}
    annotations: {summary: It is down., description: 'The job {{ $labels.job }}.'}
  - record: alerts:down:count
    expr: count(ALERTS{alertname='ServiceDwon'})
",
        ),
    ],
    fine: &[
        Example::Expr("checklist_check_passed == 0"),
        Example::Expr("job:errors:rate5m > 5"),
        Example::Group(
            "
  - record: job:errors:rate5m
    expr: sum by (job) (rate(errors_total[5m]))
  - record: job:errors:first
    expr: job:errors:rate5m{job='a', cluster='b'}
",
        ),
    ],
};

fn check(rule: &Rule, ast: &Expr, context: &Context<'_>, report: &mut Report<'_>) {
    for one in ast.selectors() {
        if let Some(name) = one.metric() {
            exists(rule, one, name, context, report);
        }
    }
}

fn exists(rule: &Rule, one: &Selector, name: &str, context: &Context<'_>, report: &mut Report<'_>) {
    let known = &context.options.known;
    let own = ["ALERTS", "ALERTS_FOR_STATE", "up"].contains(&name) || name.starts_with("scrape_");
    if name.starts_with("ALERTS") && own {
        alert(rule, one, context, report);
    }
    let Some(fact) = known.get(name) else {
        let ours = name.starts_with("checklist_");
        if context.recordings.has(name) {
            recorded(rule, one, name, context, report);
        } else if (known.complete || ours) && !own {
            let hint = hint(name, &known.names().collect::<Vec<_>>());
            report.word(LINT.id, Level::Error, &rule.expr, name, format!("unknown metric {name}{hint}"), "");
        } else if let Some(other) =
            context.recordings.similar(name).into_iter().find(|other| differ_in_one_part(name, other))
        {
            let message = format!("no linted rule records {name}, but one records {other}");
            report.word(LINT.id, Level::Warning, &rule.expr, name, message, "record it, or use the other");
        } else if name.contains(':') && !context.recordings.is_empty() {
            let message = format!("no linted rule records {name}");
            report.word(LINT.id, Level::Info, &rule.expr, name, message, "lint the files that record it too");
        }
        return;
    };
    for matcher in matchers(one) {
        let there = fact.labels.contains(&matcher.name.text) || OF_TARGETS.contains(&matcher.name.text.as_str());
        let wants_value = matcher.op == MatchOp::Equal && !matcher.value.is_empty();
        if wants_value && !there && !fact.labels.is_empty() {
            let message = format!("{name} has no label {}", matcher.name.text);
            let fix = format!("its labels: {}", fact.labels.iter().cloned().collect::<Vec<_>>().join(", "));
            report.word(LINT.id, Level::Warning, &rule.expr, &matcher.name.text, message, &fix);
        }
        let values = fact.values.get(&matcher.name.text).filter(|_| wants_value && there);
        if let Some(values) = values.filter(|values| !values.contains(&*matcher.value) && values.len() <= most(matcher))
        {
            let level = if matcher.name.text == "check" { Level::Warning } else { Level::Info };
            let hint = hint(&matcher.value, &values.iter().map(String::as_str).collect::<Vec<_>>());
            let message = format!("{name} has no series with {}={:?}{hint}", matcher.name.text, &*matcher.value);
            report.word(LINT.id, level, &rule.expr, &matcher.value, message, "");
        }
    }
}

/// Checks the name of an alert whose series are read. Alerts of other files may not be linted, so only a name that is
/// nearly that of a linted alert is a warning.
fn alert(rule: &Rule, one: &Selector, context: &Context<'_>, report: &mut Report<'_>) {
    let names: Vec<&str> = context.alerts.values().flatten().copied().collect();
    let named = matchers(one).filter(|matcher| matcher.name.text == "alertname" && matcher.op == MatchOp::Equal);
    for matcher in named.filter(|matcher| !matcher.value.is_empty() && !names.contains(&&*matcher.value)) {
        let hint = hint(&matcher.value, &names);
        let level = if hint.is_empty() { Level::Info } else { Level::Warning };
        let message = format!("no linted rule has the alert {}{hint}", &*matcher.value);
        report.part(LINT.id, level, &rule.expr, matcher.span, message, "");
    }
}

/// Checks the labels of a recorded series: it has those of its expression and of its rule.
fn recorded(rule: &Rule, one: &Selector, name: &str, context: &Context<'_>, report: &mut Report<'_>) {
    let Some(labels) = context.recordings.facts().recorded().get(name) else { return };
    let there = |label: &str| labels.contains(label) || OF_SERVERS.contains(&label);
    for matcher in matchers(one).filter(|matcher| matcher.op == MatchOp::Equal && !matcher.value.is_empty()) {
        if !there(&matcher.name.text) {
            let message = format!("{name} is recorded without the label {}", matcher.name.text);
            let kept = labels.iter().cloned().collect::<Vec<_>>().join(", ");
            let fix = if kept.is_empty() { "it has no labels".to_owned() } else { format!("its labels: {kept}") };
            report.part(LINT.id, Level::Warning, &rule.expr, matcher.span, message, &fix);
        }
    }
}

/// Whether two names of recorded series (`level:metric:operations`) differ in the operations only, or in one letter or
/// two of the metric.
fn differ_in_one_part(name: &str, other: &str) -> bool {
    let [name, other] = [name, other].map(|name| name.split(':').collect::<Vec<_>>());
    if name.len() < 3 || name.len() != other.len() || name[0] != other[0] {
        return false;
    }
    let differing: Vec<usize> = (1..name.len()).filter(|at| name[*at] != other[*at]).collect();
    match differing.as_slice() {
        [at] if *at + 1 == name.len() => true,
        [at] => name[*at].len().min(other[*at].len()) > 7 && !hint(name[*at], &[other[*at]]).is_empty(),
        _ => false,
    }
}

/// Returns the number of known values of a label up to which an unknown value is reported. All checks of the catalog
/// are known; of other labels a scrape may not show all values, so they must be few.
fn most(matcher: &Matcher) -> usize {
    if matcher.name.text == "check" { usize::MAX } else { FEW }
}
