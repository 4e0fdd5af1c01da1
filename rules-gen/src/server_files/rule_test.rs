//! What promtool refuses in rule tests: keys, times and expressions.

use super::schema::{Findings, Kind, PLAIN, Refusal, Table, scalar};
use crate::lint::number::is_float;
use crate::promql::mistakes;
use promql::{Expr, MatchOp, Modifiers, Type};
use regex::Regex;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::sync::LazyLock;

static TOP: Table = Table {
    keys: &[
        (Kind::Texts, "rule_files group_eval_order"),
        (Kind::Duration, "evaluation_interval"),
        (Kind::Bool, "fuzzy_compare"),
        (Kind::TablesOrNull(&GROUP), "tests"),
    ],
    more: Some(order),
    ..PLAIN
};

fn order(of: &Map<String, Value>, findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    findings.each(of, "group_eval_order", |name, findings| {
        let name = scalar(name).unwrap_or_default();
        if !seen.insert(name.clone()) {
            findings.refuse(format!("the group {name} is repeated"));
        }
    });
}

static GROUP: Table = Table {
    keys: &[
        (Kind::Text, "name external_url start_timestamp"),
        (Kind::Duration, "interval"),
        (Kind::TextMap, "external_labels"),
        (Kind::TablesOrNull(&SERIES), "input_series"),
        (Kind::Tables(&ALERT), "alert_rule_test"),
        (Kind::Tables(&EXPRESSION), "promql_expr_test"),
    ],
    more: Some(start),
    ..PLAIN
};

/// Checks the time at which a test begins: Unix seconds, or RFC 3339.
fn start(of: &Map<String, Value>, findings: &mut Findings) {
    let text = of.get("start_timestamp").and_then(scalar).unwrap_or_default();
    let known = text.is_empty() || text.parse::<f64>().is_ok() || text.parse::<jiff::Timestamp>().is_ok();
    if !known {
        let why = format!("{text:?} is not a time: write Unix seconds, or a time such as 2026-01-31T00:00:00Z");
        findings.under("start_timestamp", |findings| findings.refuse(why));
    }
}

static SERIES: Table =
    Table { keys: &[(Kind::Text, "series values")], needs: &["series"], more: Some(series), ..PLAIN };

static ALERT: Table = Table {
    keys: &[(Kind::Duration, "eval_time"), (Kind::Text, "alertname"), (Kind::Tables(&EXPECTED), "exp_alerts")],
    needs: &["alertname"],
    ..PLAIN
};
static EXPECTED: Table = Table { keys: &[(Kind::TextMap, "exp_labels exp_annotations")], ..PLAIN };

static EXPRESSION: Table = Table {
    keys: &[(Kind::Text, "expr"), (Kind::Duration, "eval_time"), (Kind::Tables(&SAMPLE), "exp_samples")],
    needs: &["expr"],
    more: Some(expression),
    ..PLAIN
};
static SAMPLE: Table =
    Table { keys: &[(Kind::Text, "labels histogram"), (Kind::Any, "value")], more: Some(sample), ..PLAIN };

/// A value or values of an input series: a number, a blank, `stale` or a histogram, repeated or counting up or down.
static VALUES: LazyLock<Regex> = LazyLock::new(|| {
    let number = r"(?:[0-9][0-9_]*\.?[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?)";
    let signed = r"[+-]?(?:[0-9.]+(?:[eE][+-]?[0-9]+)?|(?i:inf|nan))";
    let field = format!(
        r"(?:(?:schema|offset|n_offset):-?[0-9]+|(?:sum|count|z_bucket|z_bucket_w):{signed}|(?:buckets|n_buckets|custom_values):\[{signed}(?:[ \t]+(?:{signed}|[a-z]+))*\]|counter_reset_hint:(?:unknown|reset|not_reset|gauge))"
    );
    let histogram = format!(r"\{{\{{(?:{field}(?:[ \t]+{field})*)?[ \t]*\}}\}}");
    let item = format!(
        r"(?:_(?:x[0-9]+)?|stale|[+-]?(?i:inf|nan)|[+-]?{number}(?:(?:[+-]{number})?x[0-9]+)?|{histogram}(?:(?:[+-]{histogram})?x[0-9]+)?)"
    );
    Regex::new(&format!(r"^[ \t]*(?:{item}(?:[ \t]+{item})*)?[ \t]*$")).unwrap_or_else(|error| panic!("{error}"))
});

fn series(of: &Map<String, Value>, findings: &mut Findings) {
    metric(of, "series", findings);
    let text = of.get("series").and_then(scalar).unwrap_or_default();
    let name = text.split('{').next().unwrap_or_default();
    if text.contains('{') && !name.trim().is_empty() && name.ends_with(char::is_whitespace) {
        findings.under("series", |findings| findings.refuse("a blank between the name and the labels of a series"));
    }
    let values = of.get("values").and_then(scalar).unwrap_or_default();
    if !VALUES.is_match(&values) {
        let why = format!("{values:?} is not a list of values such as 1 2.5 _ stale 0x10 1+2x5");
        findings.under("values", |findings| findings.refuse(why));
    }
}

fn sample(of: &Map<String, Value>, findings: &mut Findings) {
    metric(of, "labels", findings);
    let value = of.get("value").and_then(Value::as_str);
    if let Some(text) = value.filter(|text| !is_float(text)) {
        let why = format!("{text:?} is not a number; write .nan or .inf for the special values");
        findings.under("value", |findings| findings.refuse(why));
    // Our YAML parser reads a number without quotes as a number, except the special values.
    } else if let Some(text) = value.filter(|text| text.parse::<f64>().is_ok()) {
        let why = format!("{text:?} in quotes is a string: write the value without quotes");
        findings.under("value", |findings| findings.refuse(why));
    }
}

/// Checks a metric with its labels: `up{job="a"}`.
fn metric(of: &Map<String, Value>, key: &str, findings: &mut Findings) {
    let Some(text) = of.get(key).and_then(scalar).filter(|text| !text.trim().is_empty()) else { return };
    let (name, labels) = text.split_at(text.find('{').unwrap_or(text.len()));
    let parsed = promql::parse(&text);
    // Unlike a selector, it may have no name and only empty labels, or a name and a label `__name__`, which is ignored.
    let other = if name.trim().is_empty() {
        promql::parse(&format!("x{labels}")).ok()
    } else {
        promql::parse(labels).ok().filter(|_| promql::parse(name).is_ok())
    };
    let why = match (parsed, other) {
        (Err(errors), None) => format!("the series does not parse: {}", mistakes(&errors, &text)),
        (Ok(query), _) | (Err(_), Some(query)) => match names(&query.expr) {
            None => "expected a series such as up{job=\"api\"}".to_owned(),
            Some(names) => match repeated(&names, name.trim().is_empty()) {
                Some(label) if key == "series" => format!("the label {label} is repeated"),
                _ => return,
            },
        },
    };
    findings.under(key, |findings| findings.refuse(why));
}

/// Returns the labels of a metric in their order. `None` when the expression is not a metric.
fn names(expr: &Expr) -> Option<Vec<&str>> {
    let promql::Kind::Selector(one) = &expr.kind else { return None };
    let equal = one.matchers.iter().all(|matcher| matcher.op == MatchOp::Equal);
    let plain = equal && one.range.is_none() && one.modifiers == Modifiers::default();
    plain.then(|| one.matchers.iter().map(|matcher| matcher.name.text.as_str()).collect())
}

/// Returns the first label that occurs twice. Behind a name, `__name__` is ignored.
fn repeated<'a>(names: &[&'a str], nameless: bool) -> Option<&'a str> {
    let mut seen = BTreeSet::new();
    names.iter().find(|name| (nameless || **name != "__name__") && !seen.insert(**name)).copied()
}

fn expression(of: &Map<String, Value>, findings: &mut Findings) {
    let Some(text) = of.get("expr").and_then(scalar).filter(|text| !text.is_empty()) else { return };
    let why = match promql::parse(&text) {
        Err(errors) => format!("the expression does not parse: {}", mistakes(&errors, &text)),
        Ok(query) if query.expr.result() == Type::RangeVector => {
            "the expression returns ranges, but a test compares single values".to_owned()
        }
        Ok(_) => return,
    };
    findings.under("expr", |findings| findings.refuse(why));
}

/// Returns everything that promtool refuses, in the order of the file.
pub fn check(whole: &Value) -> Vec<Refusal> {
    let mut findings = Findings::default();
    findings.table(whole, &TOP);
    findings.all
}
