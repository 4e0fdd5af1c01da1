//! The period of a report: a day, week, month or quarter of local time that ends at the report's time.

use checklist::Cadence;
use clap::ValueEnum;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};

/// Which report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// The last day.
    Daily,
    /// The last week.
    Weekly,
    /// The last month.
    Monthly,
    /// The last three months, with what is due once a year, and with forecasts.
    Quarterly,
}

impl Kind {
    /// The cadence of the lines in the report.
    const fn cadence(self) -> Cadence {
        match self {
            Self::Daily => Cadence::Daily,
            Self::Weekly => Cadence::Weekly,
            Self::Monthly => Cadence::Monthly,
            Self::Quarterly => Cadence::Quarterly,
        }
    }

    /// Returns the name for file names and JSON.
    pub const fn as_str(self) -> &'static str {
        self.cadence().as_str()
    }

    /// Returns the heading without the day.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Daily => "Daily Operations Report",
            Self::Weekly => "Weekly Operations Report",
            Self::Monthly => "Monthly Operations Report",
            Self::Quarterly => "Quarterly Operations Report",
        }
    }

    /// Whether lines of a cadence belong to the report. Annual lines are in the quarterly report, as there is no annual
    /// one.
    pub fn has(self, cadence: Cadence) -> bool {
        cadence == self.cadence() || (self == Self::Quarterly && cadence == Cadence::Annual)
    }

    fn span(self) -> Span {
        match self {
            Self::Daily => 1.day(),
            Self::Weekly => 1.week(),
            Self::Monthly => 1.month(),
            Self::Quarterly => 3.months(),
        }
    }

    /// Seconds between two samples of the alerts: short enough for the report, and long enough for few requests, as
    /// Prometheus limits the points of one response.
    pub const fn alert_step(self) -> f64 {
        match self {
            Self::Daily | Self::Weekly => 60.0,
            Self::Monthly => 120.0,
            Self::Quarterly => 300.0,
        }
    }
}

/// The period of a report, and the period before to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The start of the period before.
    pub before: Timestamp,
    /// The start of the period.
    pub from: Timestamp,
    /// The end of the period: the report's time.
    pub until: Timestamp,
}

impl Period {
    /// Returns the period that ends at `until`, counted in local time: a day may have 23 or 25 hours.
    ///
    /// # Errors
    /// When the period begins before the earliest time that can be represented.
    pub fn until(kind: Kind, until: Timestamp, zone: &TimeZone) -> Result<Self, jiff::Error> {
        let end = until.to_zoned_datetime(zone.clone());
        let from = end.checked_sub(kind.span())?;
        let before = from.checked_sub(kind.span())?;
        Ok(Self { before: before.timestamp(), from: from.timestamp(), until })
    }

    /// Whether a time is after the start of the period and not after its end.
    pub fn has(&self, at: Timestamp) -> bool {
        self.from < at && at <= self.until
    }
}

/// Returns Unix seconds.
pub fn seconds(at: Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}

/// Returns the time of Unix seconds, rounded to the second.
#[expect(clippy::cast_possible_truncation, reason = "a time within the next thousand years")]
pub fn timestamp(seconds: f64) -> Timestamp {
    Timestamp::from_second(seconds.round() as i64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(kind: Kind, at: &str, zone: &str) -> (f64, f64) {
        let zone = TimeZone::get(zone).unwrap_or_else(|error| panic!("{error}"));
        let until: Timestamp = at.parse().unwrap_or_else(|error| panic!("{error}"));
        let period = Period::until(kind, until, &zone).unwrap_or_else(|error| panic!("{error}"));
        let between = |a: Timestamp, b: Timestamp| (seconds(b) - seconds(a)) / 3600.0;
        (between(period.before, period.from), between(period.from, period.until))
    }

    #[test]
    fn a_day_has_23_to_25_hours_in_its_time_zone() {
        // Berlin: the clock goes forward on 2026-03-29 at 02:00, back on 2026-10-25 at 03:00.
        assert_eq!(hours(Kind::Daily, "2026-03-29T07:00:00Z", "Europe/Berlin"), (24.0, 23.0));
        assert_eq!(hours(Kind::Daily, "2026-03-30T07:00:00Z", "Europe/Berlin"), (23.0, 24.0));
        assert_eq!(hours(Kind::Daily, "2026-10-25T08:00:00Z", "Europe/Berlin"), (24.0, 25.0));
        assert_eq!(hours(Kind::Daily, "2026-10-25T08:00:00Z", "UTC"), (24.0, 24.0));
        assert_eq!(hours(Kind::Weekly, "2026-10-26T08:00:00Z", "Europe/Berlin"), (168.0, 169.0));
    }

    #[test]
    fn a_month_report_ends_on_the_last_day_if_the_previous_month_is_shorter() {
        assert_eq!(hours(Kind::Monthly, "2026-03-31T12:00:00Z", "UTC"), (31.0 * 24.0, 31.0 * 24.0));
        assert_eq!(hours(Kind::Quarterly, "2026-05-31T12:00:00Z", "UTC"), (92.0 * 24.0, 92.0 * 24.0));
    }
}
