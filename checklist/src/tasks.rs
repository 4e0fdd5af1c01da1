//! What only people can do: each task of the written checklist with its steps, and when it is due.

use crate::cadence::Cadence::{self, Annual, Monthly, Quarterly, Weekly};
use crate::calendar::{Rule, midnight};
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use std::time::Duration;

/// Seconds of a day, as a grace counts them.
const DAY: u64 = 86_400;

/// A task of the catalog, which a configuration may change.
#[derive(Debug)]
pub struct Preset {
    /// The label `task`.
    pub id: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// How often.
    pub cadence: Cadence,
    /// The heading of the written checklist under which it stands.
    pub section: &'static str,
    /// When, as [`Rule`] reads it.
    pub when: &'static str,
    /// How long it takes, in minutes.
    pub minutes: u32,
    /// Its steps.
    pub steps: &'static [&'static str],
}

/// A task as it is configured.
#[derive(Debug, Clone)]
pub struct Task {
    /// The label `task`.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// How often; an operator's own task is named after its rule.
    pub cadence: Cadence,
    /// When.
    pub rule: Rule,
    /// How long after its day it may be done without an alert.
    pub grace: Duration,
    /// How long it takes, in minutes.
    pub minutes: u32,
    /// Its steps.
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
    /// The task as it is without any change.
    pub fn task(&self) -> Task {
        Task {
            id: self.id.to_owned(),
            title: self.title.to_owned(),
            cadence: self.cadence,
            // The catalog's rules are read by a test; one that were wrong would be every Monday, and be seen.
            rule: Rule::parse(self.when).unwrap_or(Rule { weekday: Weekday::Monday, nth: None, months: Vec::new() }),
            grace: grace(self.cadence),
            minutes: self.minutes,
            steps: self.steps.iter().map(|step| (*step).to_owned()).collect(),
        }
    }
}

/// How long after its day a task of a cadence may be done without an alert.
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

/// The day of a task that is open, and until when it may be done.
#[derive(Debug, Clone, PartialEq)]
pub struct Occurrence {
    /// The day that is open: the last one if it was not done, else the next one.
    pub day: Date,
    /// Until when it may be done without a warning.
    pub due: Timestamp,
    /// From when it is half a period late.
    pub overdue: Timestamp,
}

impl Task {
    /// The day that is open at `now`, given when it was done or skipped. Days before `since` do not count.
    pub fn occurrence(&self, now: Timestamp, done: &[Timestamp], since: Date, zone: &TimeZone) -> Option<Occurrence> {
        let today = now.to_zoned_datetime(zone.clone()).date();
        let last = self.rule.last(today).filter(|day| *day >= since);
        if let Some(day) = last
            && !self.is_done(day, done, zone)
        {
            return self.occurrence_on(day, zone);
        }
        let mut day = self.rule.next(today.max(since.yesterday().ok()?))?;
        // Done before its time: the one after it is open.
        if self.is_done(day, done, zone) {
            day = self.rule.next(day)?;
        }
        self.occurrence_on(day, zone)
    }

    /// Whether a day's task was done: from a quarter of the period before the day until as long before the next.
    pub fn is_done(&self, day: Date, done: &[Timestamp], zone: &TimeZone) -> bool {
        let window = || Some((self.opens(day, zone)?, self.opens(self.rule.next(day)?, zone)?));
        window().is_some_and(|(from, until)| done.iter().any(|at| (from..until).contains(at)))
    }

    /// The day that a record at a time answers.
    pub fn answers(&self, at: Timestamp, zone: &TimeZone) -> Option<Date> {
        let today = at.to_zoned_datetime(zone.clone()).date();
        [self.rule.last(today), self.rule.next(today)].into_iter().flatten().find(|day| self.is_done(*day, &[at], zone))
    }

    fn opens(&self, day: Date, zone: &TimeZone) -> Option<Timestamp> {
        let (begin, before) = (midnight(day, zone)?, midnight(self.rule.last(day.yesterday().ok()?)?, zone)?);
        Some(begin - begin.duration_since(before) / 4)
    }

    fn occurrence_on(&self, day: Date, zone: &TimeZone) -> Option<Occurrence> {
        let (begin, next) = (midnight(day, zone)?, midnight(self.rule.next(day)?, zone)?);
        // Whole days of grace end in the morning of a working day, when somebody reads messages, wherever the clock
        // changes between.
        let (days, rest) = (self.grace.as_secs() / DAY, self.grace.as_secs() % DAY);
        let last = day.checked_add(i64::try_from(days).ok()?.saturating_add(1).days()).ok()?;
        let due = match rest {
            0 => morning(last, zone)?,
            rest => midnight(last, zone)? + SignedDuration::from_secs(i64::try_from(rest).ok()?),
        };
        Some(Occurrence { day, due, overdue: due.max(begin + next.duration_since(begin) / 2) })
    }
}

/// Ten in the morning of the first working day from a day on.
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
        occurrence.unwrap_or_else(|| panic!("no standing")).day
    }

    #[test]
    fn what_was_not_done_stays_open_until_the_next_day_comes() {
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
    fn a_grace_of_days_ends_in_the_morning_of_a_working_day_also_after_the_clocks_change() -> Result<(), jiff::Error> {
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
    fn every_hour_counts_for_one_day_wherever_clocks_change() -> Result<(), jiff::Error> {
        // Weeks with a change of the clock: one at midnight, one of half an hour, and a day that never was.
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
                    // What is done on its day counts for it, and then the next one is open.
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
    fn nothing_is_due_from_before_the_first_day() {
        assert_eq!(day(&task("first Monday of December"), "2026-06-01T00:00:00Z", &[]), date(2026, 12, 7));
    }

    #[test]
    fn due_and_overdue_follow_grace_and_half_a_period() {
        let task = task("first Monday");
        let occurrence = task.occurrence(at("2026-03-02T10:00:00Z"), &[], date(2026, 1, 1), &TimeZone::UTC);
        let occurrence = occurrence.unwrap_or_else(|| panic!("no standing"));
        assert_eq!(occurrence.due, at("2026-03-09T10:00:00Z"), "the eighth is a Sunday");
        assert_eq!(occurrence.overdue, at("2026-03-19T12:00:00Z"));
    }
}
