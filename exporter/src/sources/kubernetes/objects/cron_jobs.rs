//! Cron jobs: whether one starts no runs although it is due, or one that does not end keeps the others from starting.

use crate::sources::kubernetes::cached::{ApiObject, CachedObject, Interner, Metadata};
use crate::sources::kubernetes::schedule::Schedule;
use crate::sources::null::or_empty;
use clients::AHEAD;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Time after which a run that has not started is late. The controller catches up with what it missed, for example
/// during an upgrade of the cluster.
const LATE: SignedDuration = SignedDuration::from_hours(1);
/// The shortest time after which a run that keeps others from starting is said to hang: some work through a queue for hours,
/// and are started again every few minutes.
const HANGS: SignedDuration = SignedDuration::from_hours(24);
/// Number of runs that it must have kept from starting: a long one may skip the next.
const SKIPPED: usize = 2;
/// The largest difference between UTC and a local time. It is added twice where the time zone of the schedule is not
/// known.
const ZONES: SignedDuration = SignedDuration::from_hours(14);

/// The cached form of a cron job.
#[derive(Debug)]
pub struct CronJob {
    /// `None` if the schedule or its time zone is not understood.
    due: Option<Due>,
    is_suspended: bool,
    /// Whether a run must end before the next one starts.
    is_busy: bool,
}

#[derive(Debug)]
struct Due {
    schedule: Schedule,
    /// `None`: that of the controller, which is usually UTC.
    zone: Option<TimeZone>,
    created: Timestamp,
    /// The scheduled time of the last run.
    last: Option<Timestamp>,
    /// The last change of a cron job that skips late runs.
    changed: Option<Timestamp>,
}

impl CronJob {
    /// Whether the schedule is understood.
    pub fn is_understood(&self) -> bool {
        self.due.is_some()
    }

    /// Whether the last run is in the future. Until then no run would be late.
    pub fn is_ahead(&self, now: Timestamp) -> bool {
        self.due.as_ref().and_then(|due| due.last).is_some_and(|last| last > now + AHEAD)
    }

    /// Whether a run that is due for long has not started.
    pub fn is_late(&self, now: Timestamp) -> bool {
        let late = || self.due.as_ref().and_then(Due::late_from);
        !self.is_suspended && !self.is_busy && late().is_some_and(|late| late < now)
    }

    /// Whether a run goes on for so long that it has kept others from starting.
    pub fn is_held(&self, now: Timestamp) -> bool {
        let held = || self.due.as_ref().and_then(Due::held_from);
        !self.is_suspended && self.is_busy && held().is_some_and(|held| held < now)
    }
}

impl Due {
    /// Returns when the next run is late unless it has started.
    fn late_from(&self) -> Option<Timestamp> {
        let run = self.last.unwrap_or(self.created);
        self.late_after(self.changed.map_or(run, |changed| changed.max(run)), 1)
    }

    /// Returns when the last run hangs unless it has ended.
    fn held_from(&self) -> Option<Timestamp> {
        let last = self.last?;
        Some(self.late_after(last, SKIPPED)?.max(last.checked_add(HANGS).ok()?))
    }

    /// Returns when this many runs after a time are late.
    fn late_after(&self, base: Timestamp, runs: usize) -> Option<Timestamp> {
        let zone = &self.zone.clone().unwrap_or(TimeZone::UTC);
        let next = |from| (0..runs).try_fold(from, |time, _| self.schedule.next(time, zone));
        // The zone is right if the last run was at a scheduled time of it.
        if self.zone.is_some() || self.last == Some(base) && self.schedule.has(base, zone) {
            return next(base)?.checked_add(LATE).ok();
        }
        next(base.checked_add(ZONES).ok()?)?.checked_add(ZONES).ok()?.checked_add(LATE).ok()
    }
}

/// A cron job as the API server sends it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct WireCronJob {
    metadata: Changed,
    #[serde(deserialize_with = "or_empty")]
    spec: Spec,
    #[serde(deserialize_with = "or_empty")]
    status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Changed {
    #[serde(flatten)]
    common: Metadata,
    #[serde(deserialize_with = "or_empty")]
    managed_fields: Vec<Change>,
}

/// The last change by one of the programs that write the object.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Change {
    /// `status` if only that was written.
    subresource: Option<Box<str>>,
    /// Time in RFC 3339.
    time: Option<Box<str>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    schedule: Box<str>,
    time_zone: Option<Box<str>>,
    suspend: Option<bool>,
    concurrency_policy: Option<Box<str>>,
    starting_deadline_seconds: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    #[serde(deserialize_with = "or_empty")]
    active: Vec<IgnoredAny>,
    /// Time in RFC 3339.
    last_schedule_time: Option<Box<str>>,
}

impl WireCronJob {
    fn due(&self) -> Option<Due> {
        let time = |text: &Option<Box<str>>| text.as_deref().and_then(|text| text.parse::<Timestamp>().ok());
        // Before Kubernetes 1.29 the zone could stand in the schedule.
        let schedule = self.spec.schedule.trim();
        let prefixed = schedule.strip_prefix("CRON_TZ=").or_else(|| schedule.strip_prefix("TZ="));
        let (in_schedule, schedule) =
            prefixed.and_then(|rest| rest.split_once(' ')).map_or((None, schedule), |(zone, rest)| (Some(zone), rest));
        let zone = self.spec.time_zone.as_deref().or(in_schedule).map(TimeZone::get).transpose().ok()?;
        let created = time(&self.metadata.common.creation_timestamp)?;
        let of_spec = |change: &&Change| change.subresource.is_none();
        let changed = self.metadata.managed_fields.iter().filter(of_spec).filter_map(|change| time(&change.time)).max();
        // With a starting deadline, the runs that were missed while it was suspended, or had another schedule, are
        // skipped. Without one, the last of them starts at once.
        let changed = changed.filter(|_| self.spec.starting_deadline_seconds.is_some());
        Some(Due {
            schedule: Schedule::parse(schedule)?,
            zone,
            created,
            last: time(&self.status.last_schedule_time),
            changed,
        })
    }
}

impl ApiObject for WireCronJob {
    fn metadata(&self) -> &Metadata {
        &self.metadata.common
    }
}

impl CachedObject for CronJob {
    type Wire = WireCronJob;

    fn from_wire(raw: WireCronJob, _: &mut Interner) -> Self {
        let is_busy = !raw.status.active.is_empty() && raw.spec.concurrency_policy.as_deref() == Some("Forbid");
        Self { due: raw.due(), is_suspended: raw.spec.suspend == Some(true), is_busy }
    }

    fn bytes(&self) -> usize {
        size_of::<Self>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(created: &str, spec: &Value, status: &Value, now: &str) -> anyhow::Result<CronJob> {
        // The controller and the person who edited it.
        let changes = json!([{"subresource": "status", "time": now}, {"time": "2026-01-10T12:00:00Z"}, {"time": null}]);
        let metadata = json!({"name": "nightly", "creationTimestamp": created, "managedFields": changes});
        let raw = serde_json::from_value(json!({"metadata": metadata, "spec": spec, "status": status}))?;
        let job = CronJob::from_wire(raw, &mut Interner::default());
        assert!(job.is_understood(), "{spec}");
        Ok(job)
    }

    #[test]
    fn a_cron_job_is_late_an_hour_after_a_run_that_did_not_start() -> anyhow::Result<()> {
        let nightly = |more: Value| {
            let mut spec = json!({"schedule": "0 3 * * *"});
            spec.as_object_mut()
                .into_iter()
                .for_each(|spec| spec.extend(more.as_object().cloned().unwrap_or_default()));
            spec
        };
        let ran = json!({"lastScheduleTime": "2026-01-20T03:00:00Z"});
        let busy = json!({"lastScheduleTime": "2026-01-20T03:00:00Z", "active": [{"name": "nightly-1"}]});
        let created = "2026-01-01T00:00:00Z";
        for (spec, status, now, late) in [
            (nightly(json!({})), &ran, "2026-01-21T03:30:00Z", false),
            (nightly(json!({})), &ran, "2026-01-21T04:01:00Z", true),
            (nightly(json!({"suspend": true})), &ran, "2026-02-21T04:01:00Z", false),
            (nightly(json!({"suspend": false, "concurrencyPolicy": "Allow"})), &busy, "2026-01-21T04:01:00Z", true),
            // A long run may skip the next.
            (nightly(json!({"concurrencyPolicy": "Forbid"})), &busy, "2026-01-22T04:01:00Z", false),
            (nightly(json!({"concurrencyPolicy": "Forbid"})), &ran, "2026-01-21T04:01:00Z", true),
            (
                nightly(json!({"timeZone": "America/New_York"})),
                &json!({"lastScheduleTime": "2026-01-20T08:00:00Z"}),
                "2026-01-21T08:59:00Z",
                false,
            ),
            (
                nightly(json!({"timeZone": "America/New_York"})),
                &json!({"lastScheduleTime": "2026-01-20T08:00:00Z"}),
                "2026-01-21T09:01:00Z",
                true,
            ),
            // The zone of the controller is not UTC but unknown: Berlin, New York.
            (nightly(json!({})), &json!({"lastScheduleTime": "2026-01-20T02:00:00Z"}), "2026-01-21T02:59:00Z", false),
            (nightly(json!({})), &json!({"lastScheduleTime": "2026-01-20T08:00:00Z"}), "2026-01-21T08:59:00Z", false),
            (nightly(json!({})), &json!({"lastScheduleTime": "2026-01-20T02:00:00Z"}), "2026-01-22T04:01:00Z", true),
            (
                json!({"schedule": "0 3 * * 1"}),
                &json!({"lastScheduleTime": "2026-01-19T02:00:00Z"}),
                "2026-01-26T02:00:00Z",
                false,
            ),
            (
                json!({"schedule": "TZ=Asia/Tokyo 0 3 * * *"}),
                &json!({"lastScheduleTime": "2026-01-19T18:00:00Z"}),
                "2026-01-20T18:59:00Z",
                false,
            ),
            (
                json!({"schedule": "TZ=Asia/Tokyo 0 3 * * *"}),
                &json!({"lastScheduleTime": "2026-01-19T18:00:00Z"}),
                "2026-01-20T19:01:00Z",
                true,
            ),
            // It never ran.
            (nightly(json!({})), &json!({}), "2026-01-02T02:00:00Z", false),
            (nightly(json!({})), &Value::Null, "2026-01-03T04:01:00Z", true),
            (nightly(json!({"timeZone": "Etc/UTC"})), &Value::Null, "2026-01-01T04:01:00Z", true),
            // Resumed or changed at noon of the 10th, after weeks: with a deadline, the missed runs are skipped.
            (
                nightly(json!({"startingDeadlineSeconds": 600, "timeZone": "Etc/UTC"})),
                &json!({"lastScheduleTime": "2026-01-05T03:00:00Z"}),
                "2026-01-11T03:59:00Z",
                false,
            ),
            (
                nightly(json!({"startingDeadlineSeconds": 600, "timeZone": "Etc/UTC"})),
                &json!({"lastScheduleTime": "2026-01-05T03:00:00Z"}),
                "2026-01-11T04:01:00Z",
                true,
            ),
            (
                nightly(json!({"timeZone": "Etc/UTC"})),
                &json!({"lastScheduleTime": "2026-01-05T03:00:00Z"}),
                "2026-01-10T12:01:00Z",
                true,
            ),
            (
                json!({"schedule": "*/5 * * * *"}),
                &json!({"lastScheduleTime": "2026-01-20T03:05:00Z"}),
                "2026-01-20T04:09:00Z",
                false,
            ),
            (
                json!({"schedule": "*/5 * * * *"}),
                &json!({"lastScheduleTime": "2026-01-20T03:05:00Z"}),
                "2026-01-20T04:11:00Z",
                true,
            ),
        ] {
            let job = read(created, &spec, status, now)?;
            assert_eq!(job.is_late(now.parse()?), late, "{spec} {status} {now}");
        }
        Ok(())
    }

    #[test]
    fn a_run_that_keeps_two_others_from_starting_for_a_day_hangs() -> anyhow::Result<()> {
        let at = |time: &str| json!({"lastScheduleTime": time, "active": [{"name": "one"}]});
        let spec = |schedule: &str, policy: &str| json!({"schedule": schedule, "concurrencyPolicy": policy});
        let nightly = at("2026-01-20T03:00:00Z");
        let over = json!({"lastScheduleTime": "2026-01-20T03:00:00Z"});
        for (spec, status, now, held) in [
            (spec("0 3 * * *", "Forbid"), &nightly, "2026-01-21T04:01:00Z", false),
            (spec("0 3 * * *", "Forbid"), &nightly, "2026-01-22T03:59:00Z", false),
            (spec("0 3 * * *", "Forbid"), &nightly, "2026-01-22T04:01:00Z", true),
            (spec("0 3 * * *", "Allow"), &nightly, "2026-01-22T04:01:00Z", false),
            (spec("0 3 * * *", "Forbid"), &over, "2026-01-22T04:01:00Z", false),
            // It works through a queue for hours.
            (spec("*/5 * * * *", "Forbid"), &nightly, "2026-01-21T02:59:00Z", false),
            (spec("*/5 * * * *", "Forbid"), &nightly, "2026-01-21T03:01:00Z", true),
            // The zone of the controller is not UTC.
            (spec("0 3 * * *", "Forbid"), &at("2026-01-20T08:00:00Z"), "2026-01-22T09:01:00Z", false),
            (spec("0 3 * * *", "Forbid"), &at("2026-01-20T08:00:00Z"), "2026-01-22T18:01:00Z", true),
            (
                json!({"schedule": "0 3 * * *", "concurrencyPolicy": "Forbid", "suspend": true}),
                &nightly,
                "2026-02-22T04:01:00Z",
                false,
            ),
        ] {
            let job = read("2026-01-01T00:00:00Z", &spec, status, now)?;
            assert_eq!(job.is_held(now.parse()?), held, "{spec} {status} {now}");
        }
        Ok(())
    }

    #[test]
    fn a_cron_job_whose_schedule_is_not_understood_is_never_late() -> anyhow::Result<()> {
        for spec in
            [json!({"schedule": "@reboot"}), json!({"schedule": "0 3 * * *", "timeZone": "Mars/Base"}), Value::Null]
        {
            let metadata = json!({"name": "odd", "creationTimestamp": "2026-01-01T00:00:00Z"});
            let raw = serde_json::from_value(json!({"metadata": metadata, "spec": spec}))?;
            let job = CronJob::from_wire(raw, &mut Interner::default());
            assert!(!job.is_understood() && !job.is_late(Timestamp::now()), "{spec}");
        }
        Ok(())
    }
}
