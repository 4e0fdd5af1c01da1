//! Wednesday 3, "Verify audit logging is working": the newest event in the application's audit table.

use crate::prelude::*;
use crate::signals::error_rate::REQUESTS;

/// Whether there is any event.
pub static PRESENT: Metric =
    Metric::gauge("checklist_audit_event_present", "Whether the audit table holds an event (1) or not (0).", &[]);
/// The newest event.
pub static LAST: Metric = Metric::gauge(
    "checklist_audit_last_event_timestamp_seconds",
    "Unix time of the newest event in the audit table that is not in the future.",
    &[],
)
.sparse();
/// Events that are not yet.
pub static FUTURE: Metric = Metric::gauge(
    "checklist_audit_future_events",
    "Events in the audit table whose time is more than five minutes ahead, counted up to 1000.",
    &[],
);

static AHEAD: Threshold = Threshold::above(
    "audit_log.future_events",
    Unit::Count,
    "Clocks differ by seconds; an event of tomorrow is a wrong clock, a wrong zone or a forged row.",
)
.warning(0.0);

static SILENCE: Threshold = Threshold::above(
    "audit_log.silence",
    Unit::Seconds,
    "The checklist expects events within the last hour, where there usually are some; four hours of silence of a busy application page.",
)
.warning(HOUR)
.critical(4.0 * HOUR);

static STOPPED: Threshold =
    Threshold::above("audit_log.stopped", Unit::Seconds, "No night, weekend or holiday lasts for five days.")
        .warning(5.0 * DAY);

static USUAL: Threshold = Threshold::above(
    "audit_log.usual",
    Unit::Count,
    "A quiet night is normal: at the same hour a week ago at least ten events must have been seen.",
)
.warning(10.0);

static BUSY: Threshold = Threshold::above(
    "audit_log.requests",
    Unit::Count,
    "Or the application of the same name under traffic: must have served five hundred requests within the last hour, of which some leave a trace.",
)
.warning(500.0);

/// Whether somebody does what should leave a trace: it did at this hour a week ago, or requests are served.
fn expected(scope: &Scope, limits: &Limits) -> (String, String) {
    let usual = format!("{} >= {}", scope.over("changes", &LAST, "1h@7d"), number(limits.value(&USUAL)));
    let served = format!("sum by (target) (avg_over_time({REQUESTS}[1h])) * 3600 >= {}", number(limits.value(&BUSY)));
    (usual, served)
}

/// The signal.
pub static SIGNAL: Signal = Signal {
    id: "audit_log",
    title: "Audit log",
    cadence: Cadence::Weekly,
    section: "Security Check",
    stake: Stake::Data,
    kind: TargetKind::Application,
    max_series: 10,
    looks: &[Looks::at_any(Object::Event)],
    metrics: &[&PRESENT, &LAST, &FUTURE],
    thresholds: &[&SILENCE, &STOPPED, &USUAL, &BUSY, &AHEAD],
    alerts: &[
        Alert {
            name: "ChecklistAuditLogEmpty",
            when: When::Zero(of(&PRESENT)),
            pending: minutes(15),
            summary: "Audit table is empty.",
            description: "The audit table of {{ $labels.target }} holds no event at all.",
            ..CRITICAL
        },
        Alert {
            name: "ChecklistAuditLogSilent",
            when: When::History(History {
                expr: |scope, limits, severity| {
                    let silent = format!("time() - {} > {}", scope.max(&LAST), limits.level(&SILENCE, severity));
                    let (usual, served) = expected(scope, limits);
                    format!("({silent} and {usual}) or ({silent} and on (target) ({served}))")
                },
                threshold: Some(&SILENCE),
                metrics: &[&LAST, &REQUESTS],
                case: |given| {
                    // An event every five minutes for a week and an hour, then none; the limit is reached when the lead is
                    // over.
                    let (count, end) = (169 * 12, 169 * 3600);
                    let stops = input(&LAST, format!("0+300x{count} {end}+0x30000"));
                    let first = input(&LAST, format!("_x{count} {end}+0x30000"));
                    let steady = input(&LAST, "0+300x30000");
                    let served = |requests: f64| input(&REQUESTS, format!("{}+0x30000", requests / 3600.0));
                    let busy = given.limits.value(&BUSY).max(1.0);
                    let case = Case::new(vec![stops], vec![steady, served(2.0 * busy)]);
                    Case { pace: minutes(5), ..case }
                        .after(hours(169) + std::time::Duration::from_secs_f64(given.limit))
                        .fires("fires while requests are served", vec![first.clone(), served(2.0 * busy)])
                        .quiet("stays quiet in a night without requests", vec![first.clone(), served(0.5 * busy)])
                        .quiet("stays quiet when nobody knows what is usual", vec![first])
                },
            }),
            summary: "Audit log is silent.",
            description: "The newest audit event of {{ $labels.target }} is {value} old although the application is used; the limit is {limit}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistAuditLogStopped",
            when: When::Beyond(Value::Age(of(&LAST)), &STOPPED),
            summary: "Audit log has stopped.",
            description: "The newest audit event of {{ $labels.target }} is {value} old; the limit is {limit}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistAuditEventsAhead",
            when: When::Beyond(Value::Of(of(&FUTURE)), &AHEAD),
            summary: "Audit events are in the future.",
            description: "{value} audit events of {{ $labels.target }} have a time more than five minutes ahead; they are not judged.",
            ..WARNING
        },
    ],
    panels: &[
        Panel {
            title: "Newest audit event",
            description: "Time since the newest event in the audit table.",
            drawing: Drawing::Stat,
            query: PanelQuery::Value(Value::Age(of(&LAST))),
            unit: Unit::Seconds,
            threshold: Some(&STOPPED),
            ..PANEL
        },
        Panel {
            title: "Requests of the hour",
            description: "Requests within an hour of the application of the same name: while it is used, audit events are expected.",
            query: PanelQuery::Expression(
                |_| format!("sum by (target) (avg_over_time({REQUESTS}[1h])) * 3600"),
                &[&REQUESTS],
            ),
            ..PANEL
        },
        Panel {
            title: "Audit events in the future",
            description: "Events whose time is more than five minutes ahead.",
            query: PanelQuery::Value(Value::Of(of(&FUTURE))),
            threshold: Some(&AHEAD),
            ..PANEL
        },
        Panel {
            title: "Audit events",
            description: "Whether the audit table holds any event.",
            drawing: Drawing::Whether,
            query: PanelQuery::Value(Value::Of(of(&PRESENT))),
            ..PANEL
        },
    ],
    access: &[Access::SqlColumns("audit_events", &["timestamp"]), Access::SqlIndex("audit_events", &["timestamp"])],
    runbook: include_str!("audit_log.md"),
    ..BASE
};
