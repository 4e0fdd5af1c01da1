//! Business hours: days of the week, and an hour at which they begin and end.

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// Business hours. `Mon-Fri:9-18` is from 9:00 until before 18:00, Monday to Friday.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusinessHours {
    days: Vec<Weekday>,
    begin: i8,
    end: i8,
}

impl BusinessHours {
    /// Parses `Mon-Fri:9-18`, `Mon,Wed,Fri:8-16` or `Sat-Mon:0-24`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let known = || "examples: Mon-Fri:9-18, Mon,Wed,Fri:8-16".to_owned();
        let (days, hours) = text.split_once(':').ok_or_else(known)?;
        let mut chosen = Vec::new();
        for part in days.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (day(first).ok_or_else(known)?, day(last).ok_or_else(known)?);
            let length = (last + 7 - first) % 7;
            chosen.extend((0..=length).map(|n| DAYS[(first + n) % 7].1));
        }
        let (begin, end) = hours.split_once('-').ok_or_else(known)?;
        let hour = |text: &str| text.trim().parse::<i8>().ok().filter(|hour| (0..=24).contains(hour)).ok_or_else(known);
        let (begin, end) = (hour(begin)?, hour(end)?);
        if begin < end { Ok(Self { days: chosen, begin, end }) } else { Err(known()) }
    }

    /// Whether a time (Unix milliseconds) is within business hours in a time zone.
    pub fn contains(&self, at: i64, zone: &TimeZone) -> bool {
        Timestamp::from_millisecond(at).is_ok_and(|at| {
            let local = zone.to_datetime(at);
            self.days.contains(&local.weekday()) && (self.begin..self.end).contains(&local.hour())
        })
    }
}

/// The position of a day's short name in [`DAYS`].
fn day(text: &str) -> Option<usize> {
    let text = text.trim().to_lowercase();
    DAYS.iter().position(|(name, _)| *name == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn working_hours_use_the_time_zone() -> Result<(), Box<dyn std::error::Error>> {
        let hours = BusinessHours::parse("Mon-Fri:9-18")?;
        let at = |text: &str| text.parse::<Timestamp>().map(Timestamp::as_millisecond);
        let (utc, berlin) = (TimeZone::UTC, TimeZone::get("Europe/Berlin")?);
        // 2026-01-05 is a Monday in winter, when Berlin is one hour ahead of UTC.
        assert!(!hours.contains(at("2026-01-05T08:30:00Z")?, &utc));
        assert!(hours.contains(at("2026-01-05T08:30:00Z")?, &berlin));
        assert!(!hours.contains(at("2026-01-05T18:00:00Z")?, &utc));
        assert!(!hours.contains(at("2026-01-04T12:00:00Z")?, &utc));
        assert!(BusinessHours::parse("Sat-Mon:0-24")?.contains(at("2026-01-04T23:59:00Z")?, &utc));
        for wrong in ["Mon-Fri", "Mon-Fri:18-9", "Foo:1-2", "Mon:0-25", ""] {
            assert!(BusinessHours::parse(wrong).is_err(), "{wrong}");
        }
        Ok(())
    }
}
