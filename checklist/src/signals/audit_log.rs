//! The newest event in the application's audit table. Checklist: Wednesday 3, "Verify audit logging is working".

#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "series of whole samples")]

use crate::condition::threshold::Severity;
use crate::condition::value::range;
use crate::prelude::*;
use crate::signals::error_rate::REQUESTS;

pub static PRESENT: Metric =
    Metric::gauge("checklist_audit_event_present", "Whether the audit table contains an event (1) or not (0).", &[]);
pub static LAST: Metric = Metric::gauge(
    "checklist_audit_last_event_timestamp_seconds",
    "Unix time of the newest event in the audit table that is not in the future.",
    &[],
)
.sparse();
pub static FUTURE: Metric = Metric::gauge(
    "checklist_audit_future_events",
    "Events in the audit table whose time is more than five minutes in the future, counted up to 1000.",
    &[],
);

static AHEAD: Threshold = Threshold::above(
    "audit_log.future_events",
    "events dated in the future",
    Unit::Count,
    "Clocks differ by seconds; an event further in the future comes from a wrong clock, a wrong time zone or a forged row.",
)
.warning(0.0);

static SILENCE: Threshold = Threshold::above(
    "audit_log.silence",
    "age of the newest event",
    Unit::Seconds,
    "The checklist expects events within the last hour, at hours that usually have some. Four hours are critical if requests show that the application is in use; without them, a holiday looks the same.",
)
// A silence is compared with the same hours a week ago, so longer limits make no sense. Silences of days have the
// threshold `audit_log.stopped`.
.between(5.0 * MINUTE, DAY)
.warning(HOUR)
.critical(4.0 * HOUR);

static STOPPED: Threshold = Threshold::above(
    "audit_log.stopped",
    "age of the newest event",
    Unit::Seconds,
    "Longer than any night, weekend or holiday.",
)
.warning(5.0 * DAY);

static USUAL: Threshold = Threshold::above(
    "audit_log.usual",
    "events at the same hour a week ago",
    Unit::Count,
    "A night without events is normal. The absence of events counts only if a week ago there were at least ten events in the hour before and in the hour after this time (clocks change, and opening hours vary). If an hour has fewer, four hours must have had ten, and the absence must last four times the limit.",
)
// The probe runs every five minutes, so it sees at most twelve changes in an hour.
.between(1.0, 12.0)
.warning(10.0);

static BUSY: Threshold = Threshold::above(
    "audit_log.requests",
    "requests within the last hour",
    Unit::Count,
    "The absence of events also counts if the application of the same name has served five hundred requests within the last hour, and half as many above its quietest hours as in its busiest ones, and there were events around this time a day ago and a week ago, if that is known: some requests must be audited, but not those of a nightly batch.",
)
.between(1.0, f64::INFINITY)
.warning(500.0);

/// Returns the mean requests per second of the application with the same name, within a window such as `1h`, or `1h@7d`
/// of a week ago.
fn requests(window: &str) -> String {
    format!("sum by (target) (avg_over_time({REQUESTS}{}))", range(window))
}

/// Returns a quantile of the requests per second within a week. The quietest tenth of a week are nights, when only
/// probes of load balancers and crawlers send requests; the busiest twentieth are eight hours.
fn of_week(quantile: &str) -> String {
    format!("sum by (target) (quantile_over_time({quantile}, {REQUESTS}[7d:1h]))")
}

/// Returns the condition that the requests of this hour are above the quietest hours of the week by a share of the
/// busiest ones. Requests that are the same by day and night show no use.
fn in_use(share: &str) -> String {
    format!("{} - {} > {share} * {}", requests("1h"), of_week("0.1"), of_week("0.95"))
}

/// Returns the expression for an unexpected silence of the audit log. The silence is unexpected when a week ago there
/// were events both an hour earlier and an hour later; for logs with few events, when four hours are silent that had
/// events a week ago; or when the application serves requests now, and has done so for a day, so that its nights are
/// known, unless there were no events around this time a day or a week ago. A holiday is excluded: where requests are
/// counted, those above the quietest hours must be at least a quarter of those of a week ago. A critical silence needs
/// requests as evidence.
fn silent(scope: &Scope, limits: &Limits, severity: Severity) -> String {
    let limit = limits.of(&SILENCE).at(severity).unwrap_or(f64::NAN);
    let silent = |times: f64| format!("time() - {} > {}", scope.max(&LAST), number(times * limit));
    let usual = |window: &str| scope.around_a_week_ago("changes", &LAST, window, limits.value(&USUAL));
    let (one, four) = (silent(1.0), silent(4.0));
    let holiday = |window: &str| {
        let (now, before, base) = (requests(window), requests(&format!("{window}@7d")), of_week("0.1"));
        format!("{now} - {base} < 0.25 * ({before} - {base})")
    };
    let expected = match severity {
        Severity::Critical => {
            format!("({one} and {} or {four} and {}) and on (target) ({})", usual("1h"), usual("4h"), in_use("0.25"))
        }
        Severity::Warning => {
            let unexpected = |silent: &str, window: &str| {
                format!("({silent} and {} unless on (target) ({}))", usual(window), holiday(window))
            };
            format!("{} or {}", unexpected(&one, "1h"), unexpected(&four, "4h"))
        }
    };
    let served = format!(
        "{} * 3600 >= {} and {} and {}",
        requests("1h"),
        number(limits.value(&BUSY)),
        in_use("0.5"),
        requests("1h@1d")
    );
    // Requests of a nightly batch, or of customers where only the staff is audited, have no events on other days either.
    let [day_ago, week_ago] = ["4h@22h", "4h@166h"].map(|window| scope.over("changes", &LAST, window));
    let audited = format!("{one} unless {day_ago} == 0 unless {week_ago} == 0");
    format!("({expected}) or ({audited} and on (target) ({served}))")
}

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
            summary: "The audit table is empty.",
            description: "The audit table of {{ $labels.target }} contains no event.",
            ..CRITICAL
        },
        Alert {
            name: "ChecklistAuditLogSilent",
            when: When::History(History {
                expr: silent,
                threshold: Some(&SILENCE),
                metrics: &[&LAST, &REQUESTS],
                case: |given| {
                    // An event every five minutes for a week and four hours, then none. The silence reaches its limit
                    // at the end of the lead.
                    let lead = hours(172);
                    let (count, end) = (lead.as_secs() / 300, lead.as_secs());
                    let rest = (given.limit as u64 + given.pending.as_secs()) / 300 + 90;
                    let stops = input(&LAST, format!("0+300x{count} {end}+0x{rest}"));
                    let first = input(&LAST, format!("_x{count} {end}+0x{rest}"));
                    // The exporter is two days old.
                    let since = count - 576;
                    let known = input(&LAST, format!("_x{since} {}+300x576 {end}+0x{rest}", 300 * since));
                    // The last event was thirty hours ago.
                    let (events, last) = (576 - 360, 300 * (count - 360));
                    let batch = format!("_x{since} {}+300x{events} {last}+0x{}", 300 * since, 359 + rest);
                    let continues = input(&LAST, format!("0+300x{}", count + rest));
                    let busy = given.limits.value(&BUSY).max(1.0) / 3600.0;
                    let steadily = |times: f64| input(&REQUESTS, format!("{}+0x{}", times * busy, count + rest));
                    // Requests of probes for a week, and of users from an hour before the silence on.
                    let used = |times: f64| {
                        let (night, day) = (0.1 * times * busy, times * busy);
                        input(&REQUESTS, format!("{night}+0x{} {day}+0x{}", count - 13, rest + 12))
                    };
                    // A week before the end of the test events end or begin; the last one is longer ago than the limit.
                    let now =
                        (end + given.limit as u64) / 300 + given.pending.as_secs().next_multiple_of(1800) / 300 + 12;
                    let (week_ago, last) = (now - 2016, now - given.limit as u64 / 200);
                    let at_times = |from: u64, until: u64| {
                        let (rises, late) = (until - from, 300 * last);
                        let flat = last - until - 1;
                        format!(
                            "0+0x{} {}+300x{rises} {}+0x{} {late}+0x{rest}",
                            from - 1,
                            300 * from,
                            300 * until,
                            flat - 1
                        )
                    };
                    let closed = input(&LAST, at_times(week_ago - 32, week_ago));
                    let opened = input(&LAST, at_times(week_ago - 18, week_ago + 18));
                    // Days, a night of forty hours, days, and a day with as few requests as that night.
                    let (day, night) = (20.0 * busy, 2.0 * busy);
                    let holiday = format!("{day}+0x719 {night}+0x479 {day}+0x{} {night}+0x{}", count - 1213, rest + 12);
                    let case = Case::new(vec![stops.clone(), used(0.9)], vec![continues, used(2.0)]);
                    let case = case
                        .sampled_often()
                        .after(lead + std::time::Duration::from_secs_f64(given.limit))
                        .fires("fires while users send requests", vec![known.clone(), used(2.0)])
                        .quiet("does not fire in a night with few requests", vec![known.clone(), used(0.5)])
                        .quiet("does not fire while only probes send requests", vec![known, steadily(2.0)])
                        .quiet("does not fire on requests that have no events", vec![input(&LAST, batch), used(2.0)])
                        .quiet("does not fire without history", vec![first])
                        .quiet("does not fire on a holiday", vec![stops, input(&REQUESTS, holiday)])
                        .quiet(
                            "does not fire when there were no events in the hour after, a week ago",
                            vec![closed, used(0.9)],
                        )
                        .quiet(
                            "does not fire when there were no events in the hour before, a week ago",
                            vec![opened, used(0.9)],
                        );
                    let usual = given.limits.value(&USUAL);
                    if usual < 4.0 {
                        return case;
                    }
                    // A log with few events: half as many per hour as `usual`, but twice as many in four hours.
                    let apart = (24.0 / usual) as u64;
                    let events = (count + rest - 7 * 288 + 12) / apart;
                    let last = end - 3 * given.limit as u64;
                    let seldom: Vec<String> =
                        (0..events).map(|event| format!("{}+0x{}", event * apart * 300, apart - 1)).collect();
                    let flat = format!("{}+0x{}", events * apart * 300, last / 300 - events * apart - 1);
                    let now = format!("{last}+0x{}", 3 * given.limit as u64 / 300 + rest);
                    case.fires(
                        "fires where an hour has few events",
                        vec![input(&LAST, format!("{} {flat} {now}", seldom.join(" "))), used(0.9)],
                    )
                },
            }),
            // An exporter that moves reads the same events.
            keep_firing: seconds(0),
            summary: "No new audit events although the application is used.",
            description: "The newest audit event of {{ $labels.target }} is {value} old although the application is used; the limit is {limit}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistAuditLogStopped",
            when: When::Beyond(Value::Age(of(&LAST)), &STOPPED),
            summary: "No new audit events for days.",
            description: "The newest audit event of {{ $labels.target }} is {value} old; the limit is {limit}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistAuditEventsAhead",
            when: When::Beyond(Value::Of(of(&FUTURE)), &AHEAD),
            summary: "Audit events have a time in the future.",
            description: "{value} audit events of {{ $labels.target }} have a time more than five minutes in the future; they are ignored.",
            ..WARNING
        },
    ],
    panels: &[
        Panel {
            title: "Newest audit event",
            description: "Time since the newest event in the audit table.",
            drawing: Drawing::Stat,
            query: PanelQuery::Value(Value::Age(of(&LAST))),
            threshold: Some(&STOPPED),
            ..PANEL
        },
        Panel {
            title: "Requests in the last hour",
            description: "Requests to the application of the same name in the last hour; while it is used, audit events are expected.",
            query: PanelQuery::Expression(
                |_| format!("sum by (target) (avg_over_time({REQUESTS}[1h])) * 3600"),
                &[&REQUESTS],
            ),
            ..PANEL
        },
        Panel {
            title: "Audit events in the future",
            description: "Events whose time is more than five minutes in the future.",
            query: PanelQuery::Value(Value::Of(of(&FUTURE))),
            threshold: Some(&AHEAD),
            ..PANEL
        },
        Panel {
            title: "Audit events",
            description: "Whether the audit table contains an event.",
            drawing: Drawing::Whether,
            query: PanelQuery::Value(Value::Of(of(&PRESENT))),
            ..PANEL
        },
    ],
    access: &[Access::SqlColumns("audit_events", &["timestamp"]), Access::SqlIndex("audit_events", &["timestamp"])],
    runbook: include_str!("audit_log.md"),
    ..BASE
};
