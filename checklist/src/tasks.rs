//! The manual tasks of the written checklist, with their steps, and the rules for when a task is due.

use crate::cadence::Cadence::{self, Annual, Monthly, Quarterly, Weekly};
use crate::calendar::{Rule, midnight};
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use std::time::Duration;

/// The length of a day in a grace period, in seconds.
const DAY: u64 = 86_400;

/// A task of the catalog, which a configuration may change.
#[derive(Debug)]
pub struct Preset {
    /// The value of the label `task`.
    pub id: &'static str,
    pub title: &'static str,
    pub cadence: Cadence,
    /// The heading of the written checklist that the task belongs to.
    pub section: &'static str,
    /// The days of the task, in the form that [`Rule::parse`] accepts.
    pub when: &'static str,
    /// The expected duration in minutes.
    pub minutes: u32,
    pub steps: &'static [&'static str],
}

/// A task of a configuration.
#[derive(Debug, Clone)]
pub struct Task {
    /// The value of the label `task`.
    pub id: String,
    pub title: String,
    /// How often the task is due. For an operator's own task it is derived from the rule.
    pub cadence: Cadence,
    pub rule: Rule,
    /// How long after its day the task may be done before it is late.
    pub grace: Duration,
    /// The expected duration in minutes.
    pub minutes: u32,
    pub steps: Vec<String>,
}

/// Every task of the written checklist, in its order.
#[rustfmt::skip]
pub static TASKS: &[Preset] = &[
    Preset { id: "capacity_sheet", title: "Capacity spreadsheet", cadence: Weekly, section: "Capacity Planning Review", when: "Friday", minutes: 5, steps: &["Update the capacity planning spreadsheet", "Document current usage and trends", "rules-gen report quarterly --config checklist.yaml --prometheus URL --out reports: its CSV has both"] },
    Preset { id: "backup_verification", title: "Backup verification", cadence: Monthly, section: "Backup Verification", when: "first Monday", minutes: 60, steps: &["checklist-exporter verify-backup monthly: restores the latest monthly backup into a throw-away database", "Compare row counts and the newest rows", "Document the results"] },
    Preset { id: "audit_review", title: "Audit log review", cadence: Monthly, section: "Security Review", when: "second Monday", minutes: 30, steps: &["Review the audit log: changes of roles, disabled accounts, exports, failures"] },
    Preset { id: "dependency_update", title: "Dependency update", cadence: Monthly, section: "Update Dependencies", when: "third Monday", minutes: 60, steps: &["Update the dependencies of the application, without breaking changes", "Run its tests", "Build it, and see that it starts", "Schedule a deployment if updates are needed"] },
    Preset { id: "alert_review", title: "Alert review", cadence: Monthly, section: "Monitoring Review", when: "fourth Monday", minutes: 20, steps: &["rules-gen noise --prometheus URL --range 30d: how often each alert fired within 30 days", "Tune thresholds with too many false positives"] },
    Preset { id: "runbook_update", title: "Runbook update", cadence: Monthly, section: "Monitoring Review", when: "fourth Monday", minutes: 20, steps: &["Document new issues", "Update troubleshooting steps"] },
    Preset { id: "alert_routing", title: "Alert routing test", cadence: Monthly, section: "Monitoring Review", when: "fourth Monday", minutes: 15, steps: &["checklist-exporter verify-alerts: sends a test alert of each severity, and resolves it", "See both in PagerDuty and Slack"] },
    Preset { id: "dr_drill", title: "Disaster recovery drill", cadence: Quarterly, section: "Disaster Recovery Drill", when: "second Monday of January, April, July, October", minutes: 240, steps: &["Schedule the drill with the team", "Execute one scenario: pod failure, database failure, regional outage or backup restoration", "Document the results", "Update the recovery plan based on the findings"] },
    Preset { id: "capacity_plan", title: "Capacity plan", cadence: Quarterly, section: "Capacity Planning", when: "third Monday of January, April, July, October", minutes: 120, steps: &["Analyze growth over 90 days", "rules-gen report quarterly --config checklist.yaml --prometheus URL --out reports: forecasts the needs of 3, 6 and 12 months", "Create the capacity plan", "Budget for additional resources", "Schedule infrastructure upgrades"] },
    Preset { id: "security_audit", title: "Security audit", cadence: Quarterly, section: "Security Audit", when: "second Monday of February, May, August, November", minutes: 180, steps: &["Comprehensive security review", "Update security policies", "Penetration testing, if scheduled", "Compliance checks", "Security training for the team"] },
    Preset { id: "performance_tuning", title: "Performance tuning", cadence: Quarterly, section: "Performance Tuning", when: "third Monday of February, May, August, November", minutes: 120, steps: &["Analyze performance metrics", "Identify bottlenecks", "Optimize database queries", "Tune the application's configuration", "Load testing"] },
    Preset { id: "secret_rotation", title: "Secret rotation", cadence: Annual, section: "Secret Rotation", when: "first Monday of February", minutes: 240, steps: &["Secrets that the application signs with, such as that of JWT", "Database password", "API keys of providers", "TLS certificates, if they are not renewed by a program", "SSH keys", "Service account tokens", "What is a Secret of Kubernetes can be listed under secrets: its age is watched then"] },
    Preset { id: "architecture_review", title: "Architecture review", cadence: Annual, section: "Architecture Review", when: "third Monday of March", minutes: 240, steps: &["Review the system's architecture", "Identify technical debt", "Plan major upgrades", "Evaluate new technologies", "Create the roadmap for next year"] },
    Preset { id: "compliance_renewal", title: "Compliance certification renewal", cadence: Annual, section: "Compliance Certification Renewal", when: "first Monday of March", minutes: 480, steps: &["SOC 2 Type II audit", "ISO 27001 certification", "HIPAA compliance review", "PCI DSS assessment, as far as each applies"] },
];

impl Preset {
    /// Returns the task with its default settings.
    pub fn task(&self) -> Task {
        Task {
            id: self.id.to_owned(),
            title: self.title.to_owned(),
            cadence: self.cadence,
            // A test parses all rules of the catalog. A wrong one would become "every Monday", which users would
            // notice.
            rule: Rule::parse(self.when).unwrap_or(Rule { weekday: Weekday::Monday, nth: None, months: Vec::new() }),
            grace: grace(self.cadence),
            minutes: self.minutes,
            steps: self.steps.iter().map(|step| (*step).to_owned()).collect(),
        }
    }
}

/// Returns how long after its day a task of this cadence may be done before it is late.
pub const fn grace(cadence: Cadence) -> Duration {
    let days = match cadence {
        Cadence::Daily => 0,
        Weekly => 1,
        Monthly => 5,
        Quarterly => 14,
        Annual => 30,
    };
    Duration::from_secs(days * DAY)
}

/// The day of a task that is to be done, with its deadlines.
#[derive(Debug, Clone, PartialEq)]
pub struct Occurrence {
    /// The last day when it was not done, else the next one.
    pub day: Date,
    /// The end of the grace period. After it the task is late, and its alert fires.
    pub due: Timestamp,
    /// The time from which the task is late by half a period.
    pub overdue: Timestamp,
}

impl Task {
    /// Returns the occurrence to be done at `now`. `done` has the times when the task was done or skipped. Days before
    /// `since` do not count.
    pub fn occurrence(&self, now: Timestamp, done: &[Timestamp], since: Date, zone: &TimeZone) -> Option<Occurrence> {
        let today = now.to_zoned_datetime(zone.clone()).date();
        let last = self.rule.last(today).filter(|day| *day >= since);
        if let Some(day) = last
            && !self.is_done(day, done, zone)
        {
            return self.occurrence_on(day, zone);
        }
        let mut day = self.rule.next(today.max(since.yesterday().ok()?))?;
        // The next day was done ahead of time, so the day after it is open.
        if self.is_done(day, done, zone) {
            day = self.rule.next(day)?;
        }
        self.occurrence_on(day, zone)
    }

    /// Returns whether the task of a day was done. Records count from a quarter of the period before the day until a
    /// quarter of the period before the next day.
    pub fn is_done(&self, day: Date, done: &[Timestamp], zone: &TimeZone) -> bool {
        let window = || Some((self.opens(day, zone)?, self.opens(self.rule.next(day)?, zone)?));
        window().is_some_and(|(from, until)| done.iter().any(|at| (from..until).contains(at)))
    }

    /// Returns the day for which a record at this time counts.
    pub fn day_of_record(&self, at: Timestamp, zone: &TimeZone) -> Option<Date> {
        let today = at.to_zoned_datetime(zone.clone()).date();
        [self.rule.last(today), self.rule.next(today)].into_iter().flatten().find(|day| self.is_done(*day, &[at], zone))
    }

    /// Returns the time from which records count for a day: a quarter of the period before it.
    fn opens(&self, day: Date, zone: &TimeZone) -> Option<Timestamp> {
        let (begin, before) = (midnight(day, zone)?, midnight(self.rule.last(day.yesterday().ok()?)?, zone)?);
        Some(begin - begin.duration_since(before) / 4)
    }

    /// Returns the deadlines of a day.
    fn occurrence_on(&self, day: Date, zone: &TimeZone) -> Option<Occurrence> {
        let (begin, next) = (midnight(day, zone)?, midnight(self.rule.next(day)?, zone)?);
        // A grace period of whole days ends in the morning of a working day, when people read messages. It is computed
        // with calendar days, so that clock changes do not move it.
        let (days, rest) = (self.grace.as_secs() / DAY, self.grace.as_secs() % DAY);
        let last = day.checked_add(i64::try_from(days).ok()?.saturating_add(1).days()).ok()?;
        let due = match rest {
            0 => morning(last, zone)?,
            rest => midnight(last, zone)? + SignedDuration::from_secs(i64::try_from(rest).ok()?),
        };
        Some(Occurrence { day, due, overdue: due.max(begin + next.duration_since(begin) / 2) })
    }
}

/// Returns ten o'clock of the first working day that is not before `day`.
fn morning(day: Date, zone: &TimeZone) -> Option<Timestamp> {
    let weekend = |day: &Date| matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
    let mut days = std::iter::successors(Some(day), |day| day.tomorrow().ok());
    let day = days.find(|day| !weekend(day))?;
    zone.to_timestamp(day.at(10, 0, 0, 0)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn task(when: &str) -> Task {
        let rule = Rule::parse(when).unwrap_or_else(|right| panic!("{right}"));
        Task {
            id: "t".to_owned(),
            title: String::new(),
            cadence: Monthly,
            rule,
            grace: grace(Monthly),
            minutes: 1,
            steps: Vec::new(),
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    fn day(task: &Task, now: &str, done: &[&str]) -> Date {
        let done: Vec<Timestamp> = done.iter().map(|text| at(text)).collect();
        let occurrence = task.occurrence(at(now), &done, date(2026, 1, 1), &TimeZone::UTC);
        occurrence.unwrap_or_else(|| panic!("no occurrence")).day
    }

    #[test]
    fn a_task_that_was_not_done_stays_open_until_its_next_occurrence() {
        let task = task("first Monday");
        assert_eq!(day(&task, "2026-03-10T00:00:00Z", &[]), date(2026, 3, 2));
        assert_eq!(day(&task, "2026-04-06T00:00:00Z", &[]), date(2026, 4, 6));
        assert_eq!(day(&task, "2026-03-10T00:00:00Z", &["2026-03-04T12:00:00Z"]), date(2026, 4, 6));
        assert_eq!(
            day(&task, "2026-03-01T00:00:00Z", &["2026-02-27T12:00:00Z"]),
            date(2026, 2, 2),
            "early counts for March only"
        );
        let both = ["2026-02-03T12:00:00Z", "2026-02-27T12:00:00Z"];
        assert_eq!(day(&task, "2026-03-01T00:00:00Z", &both), date(2026, 4, 6));
    }

    #[test]
    fn a_grace_period_of_days_ends_on_the_morning_of_a_working_day_across_clock_changes() -> Result<(), jiff::Error> {
        let task = Task { grace: Duration::from_secs(14 * DAY), ..task("second Monday") };
        let due = |now: &str| {
            let occurrence = task.occurrence(at(now), &[], date(2026, 1, 1), &TimeZone::get("Europe/Berlin")?);
            Ok::<_, jiff::Error>(occurrence.map(|occurrence| occurrence.due))
        };
        assert_eq!(due("2026-10-12T10:00:00Z")?, Some(at("2026-10-27T09:00:00Z")), "winter time, an hour later in UTC");
        assert_eq!(due("2026-03-16T10:00:00Z")?, Some(at("2026-03-24T09:00:00Z")));
        let friday = Task { rule: Rule::parse("Friday").unwrap_or_else(|right| panic!("{right}")), ..task.clone() };
        let friday = Task { grace: grace(Weekly), ..friday };
        let occurrence = friday.occurrence(at("2026-03-06T12:00:00Z"), &[], date(2026, 1, 1), &TimeZone::UTC);
        let due_at = occurrence.map(|occurrence| occurrence.due);
        assert_eq!(due_at, Some(at("2026-03-09T10:00:00Z")), "a task of Friday is not due on Sunday at midnight");
        let odd = Task { grace: Duration::from_secs(DAY + 1_800), ..task.clone() };
        let occurrence = odd.occurrence(at("2026-10-12T10:00:00Z"), &[], date(2026, 1, 1), &TimeZone::UTC);
        assert_eq!(occurrence.map(|occurrence| occurrence.due), Some(at("2026-10-14T00:30:00Z")));
        Ok(())
    }

    #[test]
    fn every_hour_belongs_to_exactly_one_day_across_clock_changes() -> Result<(), jiff::Error> {
        // The weeks contain clock changes: one at midnight, one of half an hour, and a day that was skipped.
        for (zone, from) in [
            ("Europe/Berlin", "2026-03-23T00:00:00Z"),
            ("Europe/Berlin", "2026-10-19T00:00:00Z"),
            ("America/Santiago", "2024-09-02T00:00:00Z"),
            ("Australia/Lord_Howe", "2026-09-28T00:00:00Z"),
            ("Pacific/Apia", "2011-12-26T00:00:00Z"),
            ("UTC", "2028-02-21T00:00:00Z"),
        ] {
            let (zone_name, zone) = (zone, TimeZone::get(zone)?);
            for when in ["Monday", "Friday", "Sunday", "last Sunday", "first Monday", "fourth Monday"] {
                let task = task(when);
                for hours in 0..21 * 24 {
                    let at = at(from) + SignedDuration::from_hours(hours);
                    let today = at.to_zoned_datetime(zone.clone()).date();
                    let before = task.rule.last(today).and_then(|day| task.rule.last(day.yesterday().ok()?));
                    let days = std::iter::successors(before, |day| task.rule.next(*day)).take(4);
                    let counts: Vec<Date> = days.filter(|day| task.is_done(*day, &[at], &zone)).collect();
                    assert_eq!(counts.len(), 1, "{zone_name} {when} {at}: {counts:?}");
                    // A task that is done on its day counts for this day, and then the next day is open.
                    if task.rule.is_on(today) {
                        assert_eq!(counts, [today], "{zone_name} {when} {at}");
                        let next = task.occurrence(at, &[at], date(2000, 1, 1), &zone).map(|occurrence| occurrence.day);
                        assert_eq!(next, task.rule.next(today), "{zone_name} {when} {at}");
                    }
                    let occurrence = task.occurrence(at, &[], date(2000, 1, 1), &zone);
                    let occurrence = occurrence.unwrap_or_else(|| panic!("{zone_name} {when} {at}"));
                    assert!(occurrence.due <= occurrence.overdue, "{zone_name} {when} {at}");
                    assert_eq!(Some(occurrence.day), task.rule.last(today), "what was not done is open");
                }
            }
        }
        Ok(())
    }

    #[test]
    fn no_task_is_due_before_the_configured_first_day() {
        assert_eq!(day(&task("first Monday of December"), "2026-06-01T00:00:00Z", &[]), date(2026, 12, 7));
    }

    #[test]
    fn a_task_is_due_after_its_grace_and_overdue_after_half_a_period() {
        let task = task("first Monday");
        let occurrence = task.occurrence(at("2026-03-02T10:00:00Z"), &[], date(2026, 1, 1), &TimeZone::UTC);
        let occurrence = occurrence.unwrap_or_else(|| panic!("no occurrence"));
        assert_eq!(occurrence.due, at("2026-03-09T10:00:00Z"), "the eighth is a Sunday");
        assert_eq!(occurrence.overdue, at("2026-03-19T12:00:00Z"));
    }
}
