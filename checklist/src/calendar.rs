//! Calendar rules of manual tasks: "Friday", "first Monday", "second Monday of January, April, July, October".

use jiff::civil::{Date, Weekday};
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use std::fmt;

/// The longest gap in days that any rule leaves between two days: a year, and a week for the weekday.
const LONGEST_GAP: i64 = 373;

/// The days on which a task is to be done. A task is always for a whole day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub weekday: Weekday,
    /// Which occurrence in the month: 1 to 4, or -1 for the last. `None`: every one.
    pub nth: Option<i8>,
    /// The months, 1 to 12. Empty: every month.
    pub months: Vec<i8>,
}

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("Monday", Weekday::Monday),
    ("Tuesday", Weekday::Tuesday),
    ("Wednesday", Weekday::Wednesday),
    ("Thursday", Weekday::Thursday),
    ("Friday", Weekday::Friday),
    ("Saturday", Weekday::Saturday),
    ("Sunday", Weekday::Sunday),
];
const ORDINALS: [(&str, i8); 5] = [("first", 1), ("second", 2), ("third", 3), ("fourth", 4), ("last", -1)];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

impl Rule {
    /// Parses a rule such as "first Monday of January". The error describes the expected form.
    pub fn parse(text: &str) -> Result<Self, String> {
        let right = "a weekday (Friday), one of the month (first Monday), and optionally months (second Monday of January, July)";
        let (day, months) = text.split_once(" of ").unwrap_or((text, ""));
        let words: Vec<&str> = day.split_whitespace().collect();
        let (ordinal, weekday) = match words.as_slice() {
            [weekday] => (None, *weekday),
            [ordinal, weekday] => (Some(*ordinal), *weekday),
            _ => return Err(right.to_owned()),
        };
        let weekday = WEEKDAYS.iter().find(|(name, _)| name.eq_ignore_ascii_case(weekday)).map(|(_, day)| *day);
        let nth = ordinal
            .map(|ordinal| ORDINALS.iter().find(|(name, _)| name.eq_ignore_ascii_case(ordinal)).map(|(_, n)| *n));
        let mut list = Vec::new();
        for month in months.split(',').map(str::trim).filter(|month| !month.is_empty()) {
            let at = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month)).ok_or(right)?;
            list.extend(i8::try_from(at + 1));
        }
        match (weekday, nth) {
            (Some(_), Some(None)) | (None, _) => Err(right.to_owned()),
            // `Friday of January` (every Friday of a month) is refused, because it is rarely what was meant.
            (Some(_), None) if !list.is_empty() => Err(right.to_owned()),
            (Some(weekday), nth) => Ok(Self { weekday, nth: nth.flatten(), months: list }),
        }
    }

    /// Returns the smallest number of days between two days of the rule, within four years that include a leap day.
    pub fn shortest_gap(&self) -> u64 {
        let mut gap = u64::MAX;
        let mut before = self.next(jiff::civil::date(2024, 1, 1));
        while let Some(day) = before.filter(|day| day.year() < 2028) {
            let next = self.next(day);
            if let Some(next) = next {
                gap = gap.min(u64::try_from(next.duration_since(day).as_hours() / 24).unwrap_or(0));
            }
            before = next;
        }
        gap
    }

    /// Returns whether the rule applies on this date.
    pub fn is_on(&self, date: Date) -> bool {
        let nth = match self.nth {
            None => true,
            Some(-1) => date.day() + 7 > date.days_in_month(),
            Some(nth) => (date.day() - 1) / 7 + 1 == nth,
        };
        date.weekday() == self.weekday && nth && (self.months.is_empty() || self.months.contains(&date.month()))
    }

    /// Returns the last day of the rule on or before this date.
    pub fn last(&self, date: Date) -> Option<Date> {
        (0..=LONGEST_GAP).find_map(|days| date.checked_sub(days.days()).ok().filter(|day| self.is_on(*day)))
    }

    /// Returns the first day of the rule after this date.
    pub fn next(&self, date: Date) -> Option<Date> {
        (1..=LONGEST_GAP).find_map(|days| date.checked_add(days.days()).ok().filter(|day| self.is_on(*day)))
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((name, _)) = ORDINALS.iter().find(|(_, nth)| Some(*nth) == self.nth) {
            write!(f, "{name} ")?;
        }
        let name = WEEKDAYS.iter().find(|(_, day)| *day == self.weekday).map_or("", |(name, _)| name);
        f.write_str(name)?;
        let months: Vec<&str> =
            self.months.iter().filter_map(|month| MONTHS.get(usize::try_from(month - 1).ok()?)).copied().collect();
        if months.is_empty() { Ok(()) } else { write!(f, " of {}", months.join(", ")) }
    }
}

/// Returns the first instant of a day in a time zone, also where a clock change skips midnight.
pub fn midnight(date: Date, zone: &TimeZone) -> Option<Timestamp> {
    date.to_zoned_datetime(zone.clone()).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn rule(text: &str) -> Rule {
        Rule::parse(text).unwrap_or_else(|right| panic!("{text}: {right}"))
    }

    #[test]
    fn schedule_rules_parse_and_print_in_the_same_notation() {
        for text in ["Friday", "first Monday", "last Friday", "second Monday of January, April, July, October"] {
            assert_eq!(rule(text).to_string(), text);
        }
        for text in
            ["", "Freitag", "fifth Monday", "first", "first Monday of Smarch", "Monday of May", "the first Monday"]
        {
            assert!(Rule::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn month_ends_leap_years_and_months_of_five_mondays_are_right() {
        // March 2026 has five Mondays, so the fourth is not the last.
        assert_eq!(rule("fourth Monday").last(date(2026, 3, 31)), Some(date(2026, 3, 23)));
        assert_eq!(rule("last Monday").last(date(2026, 3, 31)), Some(date(2026, 3, 30)));
        assert_eq!(rule("last Tuesday").last(date(2028, 2, 29)), Some(date(2028, 2, 29)), "a leap day");
        assert_eq!(rule("first Monday").next(date(2026, 1, 31)), Some(date(2026, 2, 2)));
        assert_eq!(rule("second Monday of January").next(date(2026, 1, 12)), Some(date(2027, 1, 11)));
        assert_eq!(
            rule("first Monday of January, April, July, October").last(date(2026, 3, 31)),
            Some(date(2026, 1, 5))
        );
        assert_eq!(rule("Friday").next(date(2026, 12, 31)), Some(date(2027, 1, 1)));
    }

    #[test]
    fn every_schedule_rule_returns_its_days_in_order_once_a_week_or_once_a_month() {
        for (weekday, _) in WEEKDAYS {
            for ordinal in ["", "first ", "second ", "third ", "fourth ", "last "] {
                let rule = rule(&format!("{ordinal}{weekday}"));
                let mut day = date(2023, 12, 31);
                let mut months = std::collections::BTreeMap::new();
                // Check every day over two leap years against the rule.
                while let Some(next) = rule.next(day).filter(|next| *next < date(2029, 1, 1)) {
                    for skipped in std::iter::successors(day.tomorrow().ok(), |day| day.tomorrow().ok()) {
                        assert_eq!(rule.is_on(skipped), skipped == next, "{rule} {skipped}");
                        if skipped == next {
                            break;
                        }
                    }
                    assert_eq!(
                        (rule.last(next), next.yesterday().ok().and_then(|day| rule.last(day))),
                        (Some(next), rule.last(day))
                    );
                    *months.entry((next.year(), next.month())).or_insert(0) += 1;
                    day = next;
                }
                let times = if ordinal.is_empty() { 4..=5 } else { 1..=1 };
                assert!(months.len() == 60 && months.values().all(|n| times.contains(n)), "{rule}: {months:?}");
            }
        }
    }

    #[test]
    fn a_day_has_a_start_when_a_clock_change_skips_midnight() -> Result<(), jiff::Error> {
        // In Santiago the clocks went from 24:00 to 01:00 on 8 September 2024.
        let zone = TimeZone::get("America/Santiago")?;
        assert_eq!(midnight(date(2024, 9, 8), &zone), Some("2024-09-08T04:00:00Z".parse()?));
        let zone = TimeZone::get("Europe/Berlin")?;
        assert_eq!(midnight(date(2026, 3, 30), &zone), Some("2026-03-29T22:00:00Z".parse()?));
        assert_eq!(midnight(date(2026, 10, 26), &zone), Some("2026-10-25T23:00:00Z".parse()?));
        Ok(())
    }
}
