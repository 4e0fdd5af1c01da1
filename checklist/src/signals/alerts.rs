//! Critical alerts that nobody acknowledged, and long silences. Checklist: daily 4, "Review overnight alerts".

use crate::prelude::*;

pub static ALERTS: Metric = Metric::gauge(
    "checklist_alertmanager_alerts",
    "Alerts in Alertmanager by their severity and state: active, silenced or inhibited.",
    &["level", "state"],
);
pub static OLDEST: Metric = Metric::gauge(
    "checklist_alertmanager_oldest_active_timestamp_seconds",
    "Unix time at which the oldest critical alert began that is neither silenced nor inhibited.",
    &[],
)
.sparse();
pub static SILENCES: Metric =
    Metric::gauge("checklist_alertmanager_silences", "Silences in Alertmanager by state.", &["state"]);
pub static SILENCE_END: Metric = Metric::gauge(
    "checklist_alertmanager_longest_silence_end_timestamp_seconds",
    "Unix time at which the active silence that lasts longest ends.",
    &[],
)
.sparse();

static UNTAKEN: Threshold = Threshold::above(
    "alerts.unacknowledged",
    "time that an alert has fired",
    Unit::Seconds,
    "Unacknowledged means: active in Alertmanager for an hour, neither silenced nor inhibited. Alertmanager does not know who pressed a button in PagerDuty, so whoever works on a page for longer silences it, with a comment that says who and why.",
)
.warning(HOUR);

static LONG: Threshold = Threshold::above(
    "alerts.silence",
    "time until a silence ends",
    Unit::Seconds,
    "A silence that lasts longer than a week switches an alert off without anybody reviewing it.",
)
.warning(7.0 * DAY);

pub static SIGNAL: Signal = Signal {
    id: "alerts",
    title: "Alerts",
    cadence: Cadence::Daily,
    section: "Morning Health Check",
    stake: Stake::Live,
    kind: TargetKind::Alertmanager,
    max_series: 50,
    looks: &[Looks::at_any(Object::Alert), Looks::at_any(Object::Silence)],
    metrics: &[&ALERTS, &OLDEST, &SILENCES, &SILENCE_END],
    thresholds: &[&UNTAKEN, &LONG],
    alerts: &[
        Alert {
            name: "ChecklistAlertUnacknowledged",
            when: When::Beyond(Value::Age(of(&OLDEST)), &UNTAKEN),
            pending: minutes(5),
            summary: "Nobody has taken a critical alert.",
            description: "A critical alert in Alertmanager {{ $labels.target }} has been active for {value} and nobody has silenced it; the limit is {limit}. An acknowledgement in PagerDuty is not seen here: whoever works on it silences it with a comment.",
            ..WARNING
        },
        Alert {
            name: "ChecklistSilenceLong",
            when: When::Beyond(Value::Until(of(&SILENCE_END)), &LONG),
            summary: "Silence lasts very long.",
            description: "A silence in Alertmanager {{ $labels.target }} ends only in {value}; the limit is {limit}.",
            ..WARNING
        },
    ],
    panels: &[
        Panel {
            title: "Alerts",
            description: "Alerts by severity and state.",
            query: PanelQuery::Value(Value::Of(of(&ALERTS))),
            legend: &["level", "state"],
            ..PANEL
        },
        Panel {
            title: "Oldest untaken page",
            description: "Time since the oldest critical alert began that nobody silenced.",
            drawing: Drawing::Stat,
            query: PanelQuery::Value(Value::Age(of(&OLDEST))),
            unit: Unit::Seconds,
            threshold: Some(&UNTAKEN),
            ..PANEL
        },
        Panel {
            title: "Longest silence",
            description: "Time until the active silence that lasts longest ends.",
            drawing: Drawing::Stat,
            query: PanelQuery::Value(Value::Until(of(&SILENCE_END))),
            unit: Unit::Seconds,
            threshold: Some(&LONG),
            ..PANEL
        },
    ],
    runbook: include_str!("alerts.md"),
    ..BASE
};
