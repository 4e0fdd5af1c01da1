//! API keys that are not used. Checklist: second Monday 2, "Review API keys".

use crate::prelude::*;

pub static KEYS: Metric = Metric::gauge(
    "checklist_api_keys",
    "API keys that are not revoked, by state: active, stale (not used for a long time), never_used (and not new) or future (the last use is in the future).",
    &["state"],
);
pub static OLDEST: Metric = Metric::gauge(
    "checklist_api_key_oldest_created_timestamp_seconds",
    "Unix time at which the oldest API key that is not revoked was created.",
    &[],
)
.sparse();

/// Also a parameter of the probe's query.
pub static STALE_AFTER: Threshold = Threshold::above(
    "api_keys.stale_after",
    "time since an API key was used",
    Unit::Seconds,
    "The checklist revokes keys that were not used for 90 days.",
)
.warning(90.0 * DAY);

static STALE: Threshold =
    Threshold::above("api_keys.stale", "unused API keys", Unit::Count, "After a review there should be none.")
        .warning(0.0);

const UNUSED: &[(&str, &[&str])] = &[("state", &["stale", "never_used", "future"])];

pub static SIGNAL: Signal = Signal {
    id: "api_keys",
    title: "API keys",
    cadence: Cadence::Monthly,
    section: "Security Review",
    kind: TargetKind::Application,
    interval: minutes(15),
    max_series: 10,
    looks: &[Looks::at_any(Object::ApiKey)],
    metrics: &[&KEYS, &OLDEST],
    thresholds: &[&STALE_AFTER, &STALE],
    alerts: &[Alert {
        name: "ChecklistApiKeysStale",
        when: When::Lasting(of(&KEYS).with(UNUSED), &STALE),
        pending: hours(1),
        summary: "API keys are unused.",
        description: "{value} API keys of {{ $labels.target }} are {{ $labels.state }}.",
        ..WARNING
    }],
    panels: &[
        Panel {
            title: "API keys",
            description: "API keys by state.",
            query: PanelQuery::Value(Value::Of(of(&KEYS))),
            legend: &["target", "state"],
            ..PANEL
        },
        Panel {
            title: "Unused API keys",
            description: "API keys that were not used for a long time, or never.",
            query: PanelQuery::Value(Value::Of(of(&KEYS).with(UNUSED))),
            legend: &["target", "state"],
            threshold: Some(&STALE),
            ..PANEL
        },
    ],
    access: &[Access::SqlColumns("api_keys", &["created_at", "last_used_at", "revoked_at"])],
    runbook: include_str!("api_keys.md"),
    ..BASE
};
