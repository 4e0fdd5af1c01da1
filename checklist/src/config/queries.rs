//! The section `queries:`: an operator's own SQL checks. Each becomes a signal like those of the catalog.

use super::alerting::RESERVED;
use super::thresholds::levels;
use crate::cadence::Cadence;
use crate::condition::When;
use crate::condition::threshold::{Direction, Levels, Threshold};
use crate::condition::value::{Value, of};
use crate::metric::Metric;
use crate::panel::{PANEL, Panel, PanelQuery};
use crate::reader::keys::{Form, Key, Kind, Rule, Section, words};
use crate::reader::table::Table;
use crate::signal::{Alert, BASE, FAILOVER, Signal, WARNING};
use crate::signals::by_id;
use crate::targets::TargetKind;
use crate::targets::tables::quoted;
use crate::units::Unit;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// One SQL check.
#[derive(Debug, Clone)]
pub struct Query {
    /// The signal that was made of the check.
    pub signal: &'static Signal,
    /// The databases on which the query runs.
    pub targets: Vec<String>,
    /// The operator's SELECT.
    pub sql: String,
    /// The column with the value.
    pub value: String,
    /// Whether a result without a value is bad.
    pub empty_is_bad: bool,
    /// Whether the query runs as the role that reads the server's statistics, instead of the role for the application's
    /// tables.
    pub statistics: bool,
    /// The schemas in which names without a schema are looked up, after the system's schema.
    pub schemas: Vec<String>,
}

impl Query {
    /// Wraps the operator's SELECT in another one, which selects the labels as texts and the value by an expression, in
    /// which `{value}` stands for the value's column. Names are quoted. As a subquery, the operator's text can only be
    /// a SELECT.
    pub fn around(&self, expression: &str) -> String {
        let labels = self.signal.metrics.first().map_or(&[][..], |metric| metric.labels);
        let labels: String = labels.iter().map(|label| format!("q.{}::text, ", quoted(label))).collect();
        let value = expression.replace("{value}", &format!("q.{}", quoted(&self.value)));
        format!("SELECT {labels}{value} FROM (\n{}\n) AS q", self.sql)
    }
}

/// What distinguishes one SQL check from another.
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

const UNITS: [(&str, Unit); 4] =
    [("bytes", Unit::Bytes), ("count", Unit::Count), ("ratio", Unit::Ratio), ("seconds", Unit::Seconds)];

const EMPTY: [(&str, bool); 2] = [("bad", true), ("ok", false)];

static NAME: Form = Form {
    right: "a part of the name of a metric: at most 60 lower-case letters and digits, with single underscores between",
    pattern: "^[a-z][a-z0-9]*(_[a-z0-9]+)*$",
    fits: is_name,
};
static LABEL: Form = Form {
    right: "a column in lower case, none of alertname, cadence, check, instance, job, severity and target",
    pattern: "^[a-z][a-z0-9]*(_[a-z0-9]+)*$",
    fits: |text| is_name(text) && !RESERVED.contains(&text),
};

/// The keys of an entry.
pub(super) static SECTION: Section = Section {
    what: "a query",
    keys: &[&[
        Key::new("name", Kind::Form(&NAME), "The name of the check; its metric is `checklist_query_NAME`.")
            .required()
            .example("stuck_jobs"),
        Key::new("help", Kind::Text, "What the value means, in one sentence.")
            .required()
            .example("Jobs that wait for more than an hour"),
        Key::new("query", Kind::Text, "A SELECT that returns the value, and columns for labels.")
            .required()
            .example("SELECT queue, count(*) AS value FROM public.jobs GROUP BY 1"),
        Key::new("value", Kind::Text, "The column of the value.").default("value").example("n"),
        Key::new("labels", Kind::List(&Kind::Form(&LABEL), false), "Columns that become labels.").example("[queue]"),
        Key::new("targets", Kind::List(&Kind::Text, false), "The names of the databases that it runs on.")
            .otherwise("every database")
            .example("[main]"),
        Key::new("unit", Kind::Choice(&words(&UNITS)), "The unit of value and limits.")
            .default("count")
            .example("seconds"),
        Key::new("above", Kind::Levels, "Values above these levels are bad.").example("{warning: 10, critical: 100}"),
        Key::new("below", Kind::Levels, "Values below these levels are bad.").example("{warning: 5}"),
        Key::new("interval", Kind::Duration, "The time between two runs.").default("5m").example("1h"),
        Key::new("costly", Kind::Flag, "Whether only the exporter that holds the lease runs this check, with `highAvailability:`.")
            .default("false")
            .example("true"),
        Key::new("empty", Kind::Choice(&words(&EMPTY)), "The verdict for a result without rows, or with NULL as the value.")
            .otherwise("bad with `below`, ok with `above`")
            .example("bad"),
        Key::new("statistics", Kind::Flag, "Whether the query runs as `user`, the role for server statistics, where the database also has an `applicationUser`.")
            .default("false")
            .example("true"),
        Key::new("schemas", Kind::List(&Kind::Text, false), "Schemas in which the server looks for names without a schema. Without this key every name needs its schema.")
            .example("[public]"),
    ]],
    rules: &[Rule::One(
        &["above", "below"],
        "a query needs a threshold: either above or below, with a warning or critical level",
    )],
};

/// Reads the list. Names of targets are checked later, when the targets are known.
pub(super) fn read(root: &Table<'_>) -> Vec<Query> {
    let mut queries: Vec<Query> = Vec::new();
    for table in root.tables("queries") {
        if let Some(query) = one(&table, &queries) {
            queries.push(query);
        }
    }
    queries
}

/// Reads an entry. `before` are the entries above it, whose names it must not repeat.
fn one(table: &Table<'_>, before: &[Query]) -> Option<Query> {
    let (name, help, sql, value) = (table.text("name"), table.text("help"), table.text("query"), table.text("value"));
    if let Some(name) = &name {
        let of_alert = |query: &Query| query.signal.alerts.iter().any(|alert| alert.name == alert_name(name));
        if by_id(name).is_some() || before.iter().any(|query| query.signal.id == name) {
            table.mistake_at("name", format!("the name {name} is already used"));
        } else if before.iter().any(of_alert) {
            let near =
                format!("the name {name} is too similar to another: both alerts would be named {}", alert_name(name));
            table.mistake_at("name", near);
        }
    }
    let (labels, targets) = (table.texts("labels"), table.texts("targets"));
    let unit = table.choice("unit", &UNITS);
    let bound = |key, direction| levels(table.node(key)?, key, unit?, direction, Levels::default(), table.found);
    let (above, below) = (bound("above", Direction::Above), bound("below", Direction::Below));
    let (interval, costly) = (table.duration("interval"), table.flag("costly"));
    let above = above.map(|levels| (Direction::Above, levels));
    let (direction, levels) = above.or(below.map(|levels| (Direction::Below, levels)))?;
    let (name, sql) = (name?, sql?.trim().trim_end_matches(';').to_owned());
    // By default an empty result is bad when too low values are bad.
    let empty_is_bad = table.choice("empty", &EMPTY).unwrap_or(direction == Direction::Below);
    let (statistics, schemas) = (table.flag("statistics"), table.texts("schemas"));
    let definition =
        Definition { name, help: help?, labels, unit: unit?, direction, levels, interval: interval?, costly };
    Some(Query { signal: signal(definition), targets, sql, value: value?, empty_is_bad, statistics, schemas })
}

/// Returns whether a text can be a part of a metric name.
fn is_name(name: &str) -> bool {
    name.len() <= 60
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && name.split('_').all(|part| !part.is_empty())
}

/// Returns the name of the alert: `ChecklistQueryStuckJobs` for `stuck_jobs`.
fn alert_name(name: &str) -> String {
    let capital = |part: &str| {
        part.chars().take(1).map(|c| c.to_ascii_uppercase()).chain(part.chars().skip(1)).collect::<String>()
    };
    format!("ChecklistQuery{}", name.split('_').map(capital).collect::<String>())
}

/// Returns the signal of a definition. Signals are never freed, so equal definitions share one, and reading the same
/// file again allocates nothing.
fn signal(definition: Definition) -> &'static Signal {
    static KNOWN: Mutex<BTreeMap<String, &'static Signal>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.entry(format!("{definition:?}")).or_insert_with(|| make(definition))
}

/// Makes the signal with its metric, threshold, alert and panel.
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
        ..Threshold::above(text(format!("{name}.value")), "value", unit, "The threshold of checklist.yaml.")
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
        query: PanelQuery::Value(Value::Of(of(metric))),
        legend: [&["target"], labels].concat().leak(),
        threshold: Some(threshold),
        ..PANEL
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
        costly: costly.then_some("Set in checklist.yaml."),
        runbook: include_str!("../signals/sql.md"),
        ..BASE
    }))
}
