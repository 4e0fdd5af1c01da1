//! `queries:` an operator's own SQL checks, each of which becomes a signal like those of the catalog.

use super::read_parts::RESERVED;
use super::read_thresholds::levels;
use super::reader::{Found, Table};
use crate::cadence::Cadence;
use crate::condition::When;
use crate::condition::threshold::{Direction, Levels, Threshold, Unit};
use crate::condition::value::{Value, of};
use crate::metric::Metric;
use crate::panel::{Drawing, Panel, Shown};
use crate::signal::{Alert, BASE, FAILOVER, Signal, TargetKind, WARNING};
use crate::signals::by_id;
use crate::targets::tables::quoted;
use crate::yaml::tree::Tree;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// One own check.
#[derive(Debug, Clone)]
pub struct Query {
    /// What it became.
    pub signal: &'static Signal,
    /// The databases it is asked of.
    pub targets: Vec<String>,
    /// The operator's SELECT.
    pub sql: String,
    /// Its column with the value.
    pub value: String,
    /// Whether a result without a value is bad.
    pub empty_is_bad: bool,
    /// Whether it is asked as the role that reads the server's statistics, where the application's tables have another.
    pub statistics: bool,
    /// Schemas for names without one, after the system's.
    pub schemas: Vec<String>,
}

impl Query {
    /// The SELECT around the operator's: labels as texts, then the value by an expression in which `{value}` stands for
    /// its column. Names are quoted, and the operator's text stays a subquery of its own, so that it can only be a SELECT.
    pub fn around(&self, expression: &str) -> String {
        let labels = self.signal.metrics.first().map_or(&[][..], |metric| metric.labels);
        let labels: String = labels.iter().map(|label| format!("q.{}::text, ", quoted(label))).collect();
        let value = expression.replace("{value}", &format!("q.{}", quoted(&self.value)));
        format!("SELECT {labels}{value} FROM (\n{}\n) AS q", self.sql)
    }
}

/// What tells one own signal from another.
#[derive(Debug, Clone)]
struct Definition {
    name: String,
    help: String,
    labels: Vec<String>,
    unit: Unit,
    direction: Direction,
    levels: Levels,
    interval: Duration,
    costly: bool,
}

/// Reads the list. Targets are checked later, when they are known.
pub(super) fn read(root: &mut Table<'_>, found: &Found) -> Vec<Query> {
    let mut queries: Vec<Query> = Vec::new();
    for node in root.list("queries") {
        let Some(mut table) = Table::of(node, "a query", found) else { continue };
        let name = table.required("name");
        if let (Some(name), Some(node)) = (&name, table.node("name")) {
            let of_alert = |query: &Query| query.signal.alerts.iter().any(|alert| alert.name == alert_name(name));
            if !is_name(name) {
                table.mistake(
                    node.place,
                    "the name becomes part of a metric: lower-case letters and digits, with single underscores between",
                );
            } else if by_id(name).is_some() || queries.iter().any(|query| query.signal.id == name) {
                table.mistake(node.place, format!("the name {name} is taken"));
            } else if queries.iter().any(of_alert) {
                table.mistake(
                    node.place,
                    format!("the name {name} is too near another: both alerts would be {}", alert_name(name)),
                );
            }
        }
        let help = table.required("help");
        let sql = table.required("query");
        let value = table.text("value").unwrap_or_else(|| "value".to_owned());
        let labels = texts(&mut table, "labels");
        if let Some(node) = table.node("labels")
            && labels.iter().any(|label| !is_name(label) || RESERVED.contains(&&**label))
        {
            table.mistake(node.place, format!("labels are columns in lower case, none of {}", RESERVED.join(", ")));
        }
        let targets = texts(&mut table, "targets");
        let units =
            [("bytes", Unit::Bytes), ("count", Unit::Count), ("ratio", Unit::Ratio), ("seconds", Unit::Seconds)];
        let unit = table.choice("unit", &units).unwrap_or(Unit::Count);
        let mut bound = |key, direction| {
            let node = table.node(key)?;
            levels(node, key, unit, direction, Levels::default(), found)
        };
        let (above, below) = (bound("above", Direction::Above), bound("below", Direction::Below));
        let interval = table.duration("interval", false).unwrap_or(Duration::from_mins(5));
        let costly = table.flag("costly").unwrap_or(false);
        let empty = table.choice("empty", &[("bad", true), ("ok", false)]);
        let statistics = table.flag("statistics").unwrap_or(false);
        let schemas = texts(&mut table, "schemas");
        let (direction, levels) = match (above, below) {
            (Some(levels), None) => (Direction::Above, levels),
            (None, Some(levels)) => (Direction::Below, levels),
            _ => {
                table.mistake(
                    table.place,
                    "a query needs a limit: give either above or below, each with a warning or critical level",
                );
                table.finish();
                continue;
            }
        };
        table.finish();
        if let (Some(name), Some(help), Some(sql)) = (name, help, sql)
            && is_name(&name)
        {
            let sql = sql.trim().trim_end_matches(';').to_owned();
            // Where too little is bad, nothing is too little.
            let empty_is_bad = empty.unwrap_or(direction == Direction::Below);
            let signal = signal(Definition { name, help, labels, unit, direction, levels, interval, costly });
            queries.push(Query { signal, targets, sql, value, empty_is_bad, statistics, schemas });
        }
    }
    queries
}

fn texts(table: &mut Table<'_>, key: &'static str) -> Vec<String> {
    let mut texts = Vec::new();
    for node in table.list(key) {
        match &node.tree {
            Tree::Text(text) => texts.push(text.clone()),
            other => table.mistake(node.place, format!("{key} is a list of texts, this is {}", other.kind())),
        }
    }
    texts
}

fn is_name(name: &str) -> bool {
    name.len() <= 60
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && name.split('_').all(|part| !part.is_empty())
}

/// `ChecklistQueryStuckJobs` of `stuck_jobs`.
fn alert_name(name: &str) -> String {
    let capital = |part: &str| {
        part.chars().take(1).map(|c| c.to_ascii_uppercase()).chain(part.chars().skip(1)).collect::<String>()
    };
    format!("ChecklistQuery{}", name.split('_').map(capital).collect::<String>())
}

/// The signal of a definition. Signals live as long as the process, so equal definitions share one and
/// reading the same file again costs nothing.
fn signal(definition: Definition) -> &'static Signal {
    static KNOWN: Mutex<BTreeMap<String, &'static Signal>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.entry(format!("{definition:?}")).or_insert_with(|| make(definition))
}

fn make(definition: Definition) -> &'static Signal {
    let Definition { name, help, labels, unit, direction, levels, interval, costly } = definition;
    let text = |text: String| -> &'static str { text.leak() };
    let labels: &'static [&'static str] = labels.into_iter().map(text).collect::<Vec<_>>().leak();
    let help = text(format!("{}.", help.replace(['\\', '\n', '"'], " ").trim_end_matches('.')));
    let metric: &'static Metric =
        Box::leak(Box::new(Metric::gauge(text(format!("checklist_query_{name}")), help, labels)));
    let threshold: &'static Threshold = Box::leak(Box::new(Threshold {
        default: levels,
        direction,
        ..Threshold::above(text(format!("{name}.value")), unit, "The limit that checklist.yaml gives.")
    }));
    let which: String = labels.iter().map(|label| format!(" {label} {{{{ $labels.{label} }}}}")).collect();
    let alerts: &'static [Alert] = vec![Alert {
        name: text(alert_name(&name)),
        when: When::Beyond(Value::Of(of(metric)), threshold),
        summary: help,
        keep_firing: if costly { FAILOVER } else { Duration::ZERO },
        description: text(format!("{name} on {{{{ $labels.target }}}}{which} is {{value}}; the limit is {{limit}}.")),
        ..WARNING
    }]
    .leak();
    let title = text(name.replace('_', " "));
    let panels: &'static [Panel] = vec![Panel {
        title,
        description: help,
        drawing: Drawing::TimeSeries,
        shown: Shown::Value(Value::Of(of(metric))),
        unit,
        legend: [&["target"], labels].concat().leak(),
        threshold: Some(threshold),
    }]
    .leak();
    Box::leak(Box::new(Signal {
        id: text(name),
        title,
        cadence: Cadence::Daily,
        section: "Own checks",
        kind: TargetKind::Query,
        interval,
        timeout: Duration::from_secs(20),
        max_series: 100,
        metrics: vec![metric].leak(),
        thresholds: vec![threshold].leak(),
        alerts,
        panels,
        costly: costly.then_some("checklist.yaml says so."),
        runbook: include_str!("../signals/sql.md"),
        ..BASE
    }))
}
