//! RG032: templates that refer to missing labels, do not parse, or show raw numbers.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::expr::{filter, function};
use crate::lint::flavour::Flavour;
use crate::lint::labels::labels;
use crate::lint::place::Text;
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use crate::lint::template;
use promql::{BinaryOp, Expr, Kind, Selector};
use std::collections::BTreeSet;

pub(super) static LINT: Lint = Lint {
    id: "RG032",
    title: "invalid template, or one that shows nothing",
    level: Level::Error,
    text: "A label that the expression aggregates away is empty in the text. A label with the value of the alert in it makes a new alert at every evaluation. A raw number of bytes or seconds is hard to read (an info). The label `alertname` of the rule is not yet set when the template is expanded. A query in a template (`query`, also built with `printf`) must parse. A template that parses may still fail for every alert, and the text is then an error: a field that does not exist, a wrong number or type of arguments, `$value` compared with an integer (`gt $value 5`, which must be `5.0`). If a template does not parse, Prometheus refuses the whole file.",
    check: Check::Rule(check),
    found: &[Example::Group("
  - alert: Down
    expr: up == 0
    for: 5m
    labels: {severity: warning}
    annotations: {summary: It is down., description: '{{ with query \"sum(up)\" }}{{ . | first | label \"job\" }}{{ end }}'}
"), Example::Group("
  - alert: Down
    expr: up == 0
    for: 5m
    labels: {severity: warning}
    annotations: {summary: It is down., description: '{{ $labels.alertname }} of {{ $labels.job }}'}
"), Example::Group("
  - alert: DisksDown
    expr: count by (cluster) (disk_up == 0) > 1
    for: 5m
    labels: {severity: warning}
    annotations:
      summary: Disks are down.
      description: '{{ with printf \"count(disk_up{cluster=%q} == 0\" $labels.cluster | query }}{{ . | first | value }}{{ end }}'
"), Example::Group(
        r"
  - alert: ServiceDown
    expr: sum by (job) (up) == 0
    for: 5m
    labels:
      severity: warning
    annotations:
      summary: A service is down.
      description: '{{ $labels.instance }} cannot be scraped.'
",
    ), Example::Group(
        r"
  - record: job:errors:rate5m
    expr: sum by (job) (rate(errors_total[5m]))
  - alert: Errors
    expr: job:errors:rate5m > 5
    for: 5m
    labels: {severity: warning}
    annotations: {summary: There are errors., description: 'On {{ $labels.instance }}.'}
",
    ), Example::Group(
        r"
  - alert: Busy
    expr: requests > 50
    for: 5m
    labels: {severity: warning}
    annotations: {summary: It is busy., description: '{{ if gt $value 100 }}Very busy.{{ end }}'}
",
    ), Example::Group(
        r"
  - alert: Busy
    expr: requests > 50
    for: 5m
    labels: {severity: warning, level: '{{ $v := $value }}{{ $v }}'}
    annotations: {summary: It is busy., description: 'It is busy.'}
",
    )],
    fine: &[Example::Group("
  - alert: Down
    expr: up == 0
    for: 5m
    labels: {severity: warning}
    annotations: {summary: It is down., description: '{{ with query \"sum by (job) (up)\" }}{{ . | first | label \"job\" }}{{ end }}'}
"), Example::Group("
  - alert: DisksDown
    expr: count by (cluster) (disk_up == 0) > 1
    for: 5m
    labels: {severity: warning}
    annotations:
      summary: Disks are down.
      description: '{{ with printf \"disk_up{cluster=%q} == 0\" .Labels.cluster | query }}{{ range . }}{{ .Labels.host }} {{ end }}{{ end }}'
"), Example::Group(
        r"
  - alert: ServiceDown
    expr: sum by (job) (up) == 0
    for: 5m
    labels:
      severity: warning
    annotations:
      summary: A service is down.
      description: '{{ $labels.job }} cannot be scraped.'
",
    ), Example::Group(
        r"
  - alert: Busy
    expr: requests > 50
    for: 5m
    labels: {severity: warning, level: '{{ if gt $value 90.0 }}critical{{ else }}warning{{ end }}'}
    annotations: {summary: It is busy., description: 'It is busy.'}
",
    ), Example::Group(
        r#"
  - alert: Busy
    expr: requests > 50
    for: 5m
    labels: {severity: warning, level: '{{ with $v := $value }}{{ if gt $v 90.0 }}critical{{ end }}{{ end }}'}
    annotations: {summary: It is busy., description: '{{ with $labels.job }}{{ . }}{{ else }}{{ .Labels.instance }}{{ end }} {{ printf "%.2f%%" $value }}'}
"#,
    )],
};

fn check(rule: &Rule, context: &Context<'_>, report: &mut Report<'_>) {
    let texts = || rule.labels.iter().chain(&rule.annotations).filter(|(_, text)| text.value.contains("{{"));
    if !rule.alerts || texts().next().is_none() {
        return;
    }
    let ast = rule.ast.as_ref();
    let result = ast.map(|ast| labels(ast, &context.options.known)).unwrap_or_default();
    let unit = ast.and_then(unit);
    // A missing label is reported once, even if several texts show it.
    let mut reported = BTreeSet::new();
    for (name, text) in texts() {
        let Ok(used) = template::read(&text.value) else { continue };
        // vmalert has fields and templates of its own.
        for why in used.mistakes.iter().filter(|_| context.options.server != Some(Flavour::Vmalert)) {
            let message = format!("{name} shows an error: {why}");
            report.at(LINT.id, Level::Error, text, message, "promtool test rules shows what the template expands to");
        }
        for query in &used.queries {
            if let Err(errors) = promql::parse(query) {
                let why = crate::promql::mistakes(&errors, query);
                let message = format!("the query in {name} does not parse: {why}");
                report.word(
                    LINT.id,
                    Level::Error,
                    text,
                    query,
                    message,
                    "fix the query; the text would show an error instead of a value",
                );
            }
        }
        // With several queries it is not known whose label is read.
        if let [query] = used.queries.as_slice()
            && let Ok(parsed) = promql::parse(query)
        {
            let result = labels(&parsed.expr, &context.options.known);
            for label in used.read.iter().filter(|label| !result.may_have(label)) {
                let message = format!("{name} reads the label {label}, which the result of its query does not have");
                report.word(LINT.id, Level::Warning, text, label, message, "add the label to by (...)");
            }
        }
        // RG026 reports labels that an aggregation asks for and cannot have.
        let dropped = |label: &String| {
            let mut dropped = false;
            if let Some(ast) = ast {
                ast.walk(&mut |part, _| {
                    let Kind::Aggregation(one) = &part.kind else { return };
                    let by = one.grouping.as_ref().filter(|grouping| !grouping.without);
                    dropped |= by.is_some_and(|by| by.labels.iter().any(|name| name.text == *label))
                        && !labels(&one.expr, context.recordings.facts()).may_have(label);
                });
            }
            dropped
        };
        let alerts = |one: &&Selector| one.metric().is_none_or(|name| name.starts_with("ALERTS"));
        let named = || ast.is_none_or(|ast| ast.selectors().iter().any(alerts));
        if used.labels.iter().any(|label| label == "alertname") && result.may_have("alertname") && !named() {
            let message = format!("{name} shows the label alertname, which is set only after the template is expanded");
            let at = shown(text, "alertname");
            report.word(LINT.id, Level::Warning, text, &at, message, "write the name into the text");
        }
        for label in used.labels.iter().filter(|label| !result.may_have(label) && !dropped(label)) {
            if reported.insert(label.clone()) {
                let message =
                    format!("{name} shows the label {label}, which the result of the expression does not have");
                let fix = "add the label to by (...), or remove it from the text";
                report.word(LINT.id, Level::Warning, text, &shown(text, label), message, fix);
            }
        }
        let formats =
            |function: &String| function.starts_with("humanize") || ["printf", "toTime"].contains(&&**function);
        if let Some((unit, fix)) = unit.filter(|_| used.value && !used.functions.iter().any(formats)) {
            let message = format!("{name} shows the raw value, which is {unit}");
            report.word(LINT.id, Level::Info, text, "$value", message, fix);
        }
        let sets = rule.labels.iter().any(|(known, _)| known == name);
        if sets && used.value {
            let message = format!("the label {name} contains the value, so every evaluation makes a new alert");
            report.at(LINT.id, Level::Error, text, message, "put the value into an annotation");
        }
    }
}

/// Returns how a text refers to a label, because its name may be a word of the text too.
fn shown(text: &Text, label: &str) -> String {
    let notations = ["$labels.", ".Labels."].map(|before| format!("{before}{label}"));
    notations.into_iter().find(|one| text.value.contains(one)).unwrap_or_else(|| label.to_owned())
}

/// Returns the unit of the alert's value, as far as the metric's name says it, and the template that formats it.
fn unit(ast: &Expr) -> Option<(&'static str, &'static str)> {
    let mut side = filter(ast.bare()).map_or(ast, |one| &one.left).bare();
    loop {
        let name = function(side).unwrap_or_default();
        side = match &side.kind {
            Kind::Aggregation(one) if ["max", "min", "avg", "sum"].contains(&one.op.text.as_str()) => one.expr.bare(),
            // Functions over a range keep the unit; rates and counts do not.
            Kind::Call(call) if name.ends_with("_over_time") && !name.starts_with("count") => call.args.last()?.bare(),
            // The time now minus a timestamp is an age in seconds.
            Kind::Binary(one) if one.op == BinaryOp::Sub && function(one.left.bare()) == Some("time") => {
                return Some(SECONDS);
            }
            _ => break side.selector().and_then(Selector::metric).and_then(of_name),
        }
    }
}

const SECONDS: (&str, &str) = ("in seconds", "{{ $value | humanizeDuration }}");

fn of_name(name: &str) -> Option<(&'static str, &'static str)> {
    if name.ends_with("_bytes") {
        Some(("in bytes", "{{ $value | humanize1024 }}B"))
    } else if name.ends_with("_timestamp_seconds") {
        Some(("a Unix timestamp", "{{ $value | humanizeTimestamp }}"))
    } else if name.ends_with("_seconds") {
        Some(SECONDS)
    } else {
        name.ends_with("_ratio").then_some(("a ratio", "{{ $value | humanizePercentage }}"))
    }
}
