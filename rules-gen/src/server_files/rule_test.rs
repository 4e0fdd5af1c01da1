//! What promtool refuses in rule tests: keys, times and expressions.

use super::schema::{Findings, Kind, PLAIN, Refusal, Table, scalar};
use crate::promql::mistakes;
use serde_json::{Map, Value};

static TOP: Table = Table {
    keys: &[
        (Kind::Texts, "rule_files group_eval_order"),
        (Kind::Duration, "evaluation_interval"),
        (Kind::Bool, "fuzzy_compare"),
        (Kind::TablesOrNull(&GROUP), "tests"),
    ],
    ..PLAIN
};

static GROUP: Table = Table {
    keys: &[
        (Kind::Text, "name external_url start_timestamp"),
        (Kind::Duration, "interval"),
        (Kind::TextMap, "external_labels"),
        (Kind::TablesOrNull(&SERIES), "input_series"),
        (Kind::Tables(&ALERT), "alert_rule_test"),
        (Kind::Tables(&EXPRESSION), "promql_expr_test"),
    ],
    ..PLAIN
};

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
static SAMPLE: Table = Table { keys: &[(Kind::Text, "labels histogram"), (Kind::Any, "value")], ..PLAIN };

fn series(of: &Map<String, Value>, findings: &mut Findings) {
    parses(of, "series", findings);
    if matches!(of.get("series"), Some(Value::Number(_))) {
        findings.under("series", |findings| findings.refuse("expected a series such as up{job=\"api\"}"));
    }
}

fn expression(of: &Map<String, Value>, findings: &mut Findings) {
    parses(of, "expr", findings);
}

fn parses(of: &Map<String, Value>, key: &str, findings: &mut Findings) {
    let Some(text) = of.get(key).and_then(scalar).filter(|text| !text.is_empty()) else { return };
    if let Err(errors) = promql::parse(&text) {
        let why = mistakes(&errors, &text);
        findings.under(key, |findings| findings.refuse(format!("it does not parse: {why}")));
    }
}

/// Returns everything that promtool refuses, in the order of the file.
pub fn check(whole: &Value) -> Vec<Refusal> {
    let mut findings = Findings::default();
    findings.table(whole, &TOP);
    findings.all
}
