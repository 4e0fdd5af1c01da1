//! Accounts that are not used. Checklist: second Monday 1, "Review all user accounts".

use crate::prelude::*;

pub static ACCOUNTS: Metric = Metric::gauge(
    "checklist_accounts",
    "Accounts that are not disabled, by state: active, stale (no login for a long time), never_logged_in or future (the last login is in the future).",
    &["state"],
);

/// Also a parameter of the probe's query.
pub static STALE_AFTER: Threshold = Threshold::above(
    "users.stale_after",
    "time since a login",
    Unit::Seconds,
    "An account that was not used for 90 days is only a risk.",
)
.warning(90.0 * DAY);

static STALE: Threshold =
    Threshold::above("users.stale", "unused accounts", Unit::Count, "After a review there should be none.")
        .warning(0.0);

const UNUSED: &[(&str, &[&str])] = &[("state", &["stale", "never_logged_in", "future"])];

pub static SIGNAL: Signal = Signal {
    id: "users",
    title: "User accounts",
    cadence: Cadence::Monthly,
    section: "Security Review",
    kind: TargetKind::Application,
    interval: minutes(15),
    max_series: 10,
    looks: &[Looks::at_some(Object::Account)],
    metrics: &[&ACCOUNTS],
    thresholds: &[&STALE_AFTER, &STALE],
    alerts: &[Alert {
        name: "ChecklistAccountsStale",
        when: When::Lasting(of(&ACCOUNTS).with(UNUSED), &STALE),
        pending: hours(1),
        summary: "User accounts are unused.",
        description: "{value} accounts of {{ $labels.target }} are {{ $labels.state }}.",
        ..WARNING
    }],
    panels: &[
        Panel {
            title: "Accounts",
            description: "Accounts by state.",
            query: PanelQuery::Value(Value::Of(of(&ACCOUNTS))),
            legend: &["target", "state"],
            ..PANEL
        },
        Panel {
            title: "Unused accounts",
            description: "Accounts that were not used for a long time, or never.",
            query: PanelQuery::Value(Value::Of(of(&ACCOUNTS).with(UNUSED))),
            legend: &["target", "state"],
            threshold: Some(&STALE),
            ..PANEL
        },
    ],
    access: &[Access::SqlColumns("users", &["created_at", "last_login_at", "disabled_at"])],
    runbook: include_str!("users.md"),
    ..BASE
};
