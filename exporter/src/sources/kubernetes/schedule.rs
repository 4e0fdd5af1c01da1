//! Schedules of cron jobs as the controller of Kubernetes reads them: five fields, `@daily` and the like, `@every 1h`.
//! The rules are those of `ParseStandard` of github.com/robfig/cron, version 3. A crate for cron has rules of its own
//! for `@every`, `?`, `*` beside a day of the week, and clock changes, and the verdict is about when the controller
//! starts a run.

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

/// Days after which a schedule that has no time, such as 30 February, is given up: leap years are eight years apart at
/// most.
const MAX_DAYS: usize = 8 * 366 + 2;

/// A schedule.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Schedule {
    Fields(Fields),
    /// A constant pause.
    Every(SignedDuration),
}

/// The five fields as sets: a bit for each minute, hour, day of the month, month and day of the week (0 is Sunday).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fields {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether a day must be in both sets of days: one of them is `*`. Otherwise it must be in one of them.
    both: bool,
}

impl Schedule {
    /// Parses a schedule without a time zone.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(pause) = text.strip_prefix("@every ") {
            return Some(Self::Every(pause_of(pause)?));
        }
        let fields = match text {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            fields => fields,
        };
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields.as_slice() else { return None };
        let ((days, any_day), (weekdays, any_weekday)) = (set(days, 1, 31, &[])?, set(weekdays, 0, 6, &WEEKDAYS)?);
        Some(Self::Fields(Fields {
            minutes: set(minutes, 0, 59, &[])?.0,
            hours: set(hours, 0, 23, &[])?.0,
            days,
            months: set(months, 1, 12, &MONTHS)?.0,
            weekdays,
            both: any_day || any_weekday,
        }))
    }

    /// Returns the first time after another one. A local time that a clock change skips is no time of the schedule.
    pub(super) fn next(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Self::Every(pause) => after.checked_add(*pause).ok(),
            Self::Fields(fields) => fields.next(after, zone),
        }
    }

    /// Whether a time is one of the schedule.
    pub(super) fn has(&self, time: Timestamp, zone: &TimeZone) -> bool {
        let before = time.checked_sub(SignedDuration::from_secs(1)).ok();
        matches!(self, Self::Every(_)) || before.and_then(|before| self.next(before, zone)) == Some(time)
    }
}

impl Fields {
    fn next(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let first = zone.to_datetime(after).date();
        let dates = std::iter::successors(Some(first), |date| date.tomorrow().ok()).take(MAX_DAYS);
        let times = dates.filter(|date| self.is_on(*date)).flat_map(|date| self.times(date));
        let exists = |time: &DateTime| {
            let ambiguous = zone.to_ambiguous_timestamp(*time);
            let skipped = matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. });
            (!skipped).then(|| ambiguous.compatible().ok()).flatten()
        };
        times.into_iter().filter_map(|time| exists(&time)).find(|time| *time > after)
    }

    fn is_on(&self, date: Date) -> bool {
        let has = |set: u64, number: i8| (set >> number) & 1 == 1;
        let day = has(self.days, date.day());
        let weekday = has(self.weekdays, date.weekday().to_sunday_zero_offset());
        let is_day = if self.both { day && weekday } else { day || weekday };
        has(self.months, date.month()) && is_day
    }

    fn times(&self, date: Date) -> Vec<DateTime> {
        let of = |set: u64, end: i8| (0..end).filter(move |number| (set >> number) & 1 == 1);
        of(self.hours, 24)
            .flat_map(|hour| of(self.minutes, 60).map(move |minute| date.at(hour, minute, 0, 0)))
            .collect()
    }
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// Returns the set of a field, and whether it is the whole range, written as `*` or `?`. `names` are those of the
/// numbers from `low` on.
fn set(text: &str, low: u32, high: u32, names: &[&str]) -> Option<(u64, bool)> {
    let number = |text: &str| {
        let named = names.iter().zip(low..).find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, number)| number);
        named.or_else(|| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten())
    };
    let (mut set, mut is_any) = (0, false);
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
        let step = step.map_or(Some(1), number)?;
        let (from, to) = match range.split_once('-') {
            _ if matches!(range, "*" | "?") => (low, high),
            Some((from, to)) => (number(from)?, number(to)?),
            // `5/10` means `5-59/10`.
            None if part.contains('/') => (number(range)?, high),
            None => (number(range)?, number(range)?),
        };
        if step == 0 || from < low || to > high || from > to {
            return None;
        }
        is_any |= matches!(range, "*" | "?") && step == 1;
        set |= (from..=to).step_by(usize::try_from(step).ok()?).fold(0, |set, number| set | (1 << number));
    }
    (set != 0).then_some((set, is_any))
}

/// Parses a pause as Go writes it, such as `1h30m`. It has whole seconds and at least one.
fn pause_of(text: &str) -> Option<SignedDuration> {
    let pause: SignedDuration = text.trim().parse().ok()?;
    Some(SignedDuration::from_secs(pause.as_secs().max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> anyhow::Result<Timestamp> {
        Ok(text.parse()?)
    }

    #[test]
    fn a_schedule_has_the_times_that_the_controller_gives_it() -> anyhow::Result<()> {
        // 2026-01-01 is a Thursday.
        for (schedule, after, next) in [
            ("* * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"),
            ("0 3 * * *", "2026-01-01T03:00:00Z", "2026-01-02T03:00:00Z"),
            ("*/15 * * * *", "2026-01-01T00:46:00Z", "2026-01-01T01:00:00Z"),
            ("5/20 * * * *", "2026-01-01T00:26:00Z", "2026-01-01T00:45:00Z"),
            ("10-30/10,55 8 * * *", "2026-01-01T08:31:00Z", "2026-01-01T08:55:00Z"),
            ("0 0 * * MON-fri", "2026-01-02T12:00:00Z", "2026-01-05T00:00:00Z"),
            ("0 0 1 jan,Jul ?", "2026-01-02T00:00:00Z", "2026-07-01T00:00:00Z"),
            // On the 13th or on Fridays; with a star it would be both.
            ("0 0 13 * 5", "2026-01-03T00:00:00Z", "2026-01-09T00:00:00Z"),
            ("0 0 */1 * 5", "2026-01-03T00:00:00Z", "2026-01-09T00:00:00Z"),
            ("0 0 */2 * 0", "2026-01-04T00:00:00Z", "2026-01-05T00:00:00Z"),
            ("0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"),
            ("@hourly", "2026-01-01T00:00:01Z", "2026-01-01T01:00:00Z"),
            ("@weekly", "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z"),
            ("@yearly", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            ("@every 1h30m", "2026-01-01T00:00:00Z", "2026-01-01T01:30:00Z"),
        ] {
            let found = Schedule::parse(schedule).and_then(|schedule| schedule.next(time(after).ok()?, &TimeZone::UTC));
            assert_eq!(found, Some(time(next)?), "{schedule} after {after}");
        }
        let never = Schedule::parse("0 0 30 2 *").and_then(|never| never.next(Timestamp::UNIX_EPOCH, &TimeZone::UTC));
        assert_eq!(never, None);
        for wrong in [
            "",
            "* * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * * 7",
            "* * * * mo",
            "5-1 * * * *",
            "*/0 * * * *",
            "-1 * * * *",
            "TZ=UTC 0 3 * * *",
            "@reboot",
            "@every soon",
        ] {
            assert_eq!(Schedule::parse(wrong), None, "{wrong}");
        }
        Ok(())
    }

    #[test]
    fn a_clock_change_neither_invents_nor_hides_a_scheduled_time() -> anyhow::Result<()> {
        let zone = TimeZone::get("America/New_York")?;
        let schedule = Schedule::parse("30 2 * * *").ok_or_else(|| anyhow::anyhow!("no schedule"))?;
        for (after, next) in [
            // On 8 March there is no half past two.
            ("2026-03-07T07:30:00Z", "2026-03-09T06:30:00Z"),
            ("2026-10-31T06:30:00Z", "2026-11-01T07:30:00Z"),
        ] {
            assert_eq!(schedule.next(time(after)?, &zone), Some(time(next)?), "{after}");
        }
        assert!(schedule.has(time("2026-01-02T07:30:00Z")?, &zone));
        assert!(!schedule.has(time("2026-01-02T07:30:00Z")?, &TimeZone::UTC));
        Ok(())
    }
}
