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
    "An alert counts as unacknowledged if it is active in Alertmanager for an hour, neither silenced nor inhibited. Alertmanager does not know of acknowledgements in PagerDuty, so whoever works on a page for longer silences it, with a comment that says who and why.",
)
.warning(HOUR);

static LONG: Threshold = Threshold::above(
    "alerts.silence",
    "time until a silence ends",
    Unit::Seconds,
    "A silence of more than a week disables an alert without a review.",
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
            summary: "A critical alert is not acknowledged.",
            description: "A critical alert in Alertmanager {{ $labels.target }} has been active for {value} and is not silenced; the limit is {limit}. Acknowledgements in PagerDuty are not visible here: silence the alert with a comment while you work on it.",
            ..WARNING
        },
        Alert {
            name: "ChecklistSilenceLong",
            when: When::Beyond(Value::Until(of(&SILENCE_END)), &LONG),
            summary: "A silence is too long.",
            description: "A silence in Alertmanager {{ $labels.target }} ends in {value}; the limit is {limit}.",
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
            title: "Oldest unacknowledged critical alert",
            description: "Time since the oldest critical alert began that is not silenced.",
            drawing: Drawing::Stat,
            query: PanelQuery::Value(Value::Age(of(&OLDEST))),
            threshold: Some(&UNTAKEN),
            ..PANEL
        },
        Panel {
            title: "Longest silence",
            description: "Time until the active silence that lasts longest ends.",
            drawing: Drawing::Stat,
            query: PanelQuery::Value(Value::Until(of(&SILENCE_END))),
            threshold: Some(&LONG),
            ..PANEL
        },
    ],
    runbook: include_str!("alerts.md"),
    ..BASE
};
