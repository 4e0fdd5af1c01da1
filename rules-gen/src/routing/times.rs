//! Time intervals, in which routes are muted or active.

use crate::server_files::schema::{Findings, Kind, PLAIN, Table, scalar};
use checklist::config::{WEEKDAYS, minutes_of_day};
use checklist::yaml::hint;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

pub(super) static NAMED: Table =
    Table { keys: &[(Kind::Text, "name"), (Kind::Tables(&INTERVAL), "time_intervals")], needs: &["name"], ..PLAIN };

static INTERVAL: Table = Table {
    keys: &[
        (Kind::TablesOrNull(&RANGE), "times"),
        (Kind::Texts, "weekdays days_of_month months years"),
        (Kind::Text, "location"),
    ],
    more: Some(interval),
    ..PLAIN
};

static RANGE: Table = Table { keys: &[(Kind::Text, "start_time end_time")], more: Some(range), ..PLAIN };

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

fn range(of: &Map<String, Value>, findings: &mut Findings) {
    let minutes = |key: &str| of.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(minutes_of_day);
    let (Some(start), Some(end)) = (minutes("start_time"), minutes("end_time")) else {
        findings.refuse("start_time and end_time must be set together");
        return;
    };
    for (key, time) in [("start_time", start), ("end_time", end)] {
        if time.is_none() {
            findings.under(key, |findings| findings.refuse("expected a time of day such as 09:30, at most 24:00"));
        }
    }
    if let (Some(start), Some(end)) = (start, end)
        && start >= end
    {
        findings.under("end_time", |findings| {
            findings
                .refuse("the end must be after the start; use two ranges across midnight, up to 24:00 and from 00:00");
        });
    }
}

fn interval(of: &Map<String, Value>, findings: &mut Findings) {
    // Alertmanager 0.35 and newer allow a range of weekdays across the end of the week.
    findings.each_given(of, "weekdays", |item, findings| {
        let text = item.as_str().unwrap_or_default();
        let (first, last) = text.split_once(':').unwrap_or((text, text));
        for day in if first == last { vec![first] } else { vec![first, last] } {
            if let Err(why) = named(day, &WEEKDAYS, 0) {
                findings.refuse(why);
            }
        }
    });
    // Old versions of Alertmanager accept the month 13, which never comes.
    let month = |text: &str| match text.parse::<i64>() {
        Ok(month @ 1..=12) => Ok(month),
        Ok(month) => Err(format!("{month} is not a month: 1 to 12")),
        Err(_) => named(text, &MONTHS, 1),
    };
    findings.each_given(of, "months", |item, findings| ranges(item, findings, month, false));
    let number = |text: &str| text.parse::<i64>().map_err(|_| format!("{text:?} is not a number"));
    findings.each_given(of, "years", |item, findings| ranges(item, findings, number, false));
    let day = |text: &str| {
        number(text).and_then(|day| match day {
            -31..=-1 | 1..=31 => Ok(day),
            _ => Err(format!("{day} is not a day of a month: 1 to 31, or -1 to -31 from its end")),
        })
    };
    findings.each_given(of, "days_of_month", |item, findings| ranges(item, findings, day, true));
    if let Some(zone) = of.get("location").and_then(scalar)
        && !["", "Local", "UTC"].contains(&zone.as_str())
        && TimeZone::get(&zone).is_err()
    {
        findings.under("location", |findings| findings.refuse(format!("unknown time zone {zone}")));
    }
}

fn named(text: &str, names: &[&str], first: i64) -> Result<i64, String> {
    let lower = text.to_lowercase();
    let at = names.iter().position(|name| *name == lower).and_then(|at| i64::try_from(at).ok());
    at.map(|at| at + first).ok_or_else(|| format!("{text:?} is not one of {}{}", names.join(", "), hint(&lower, names)))
}

/// Checks a range such as `monday:friday`, or a single value.
fn ranges(item: &Value, findings: &mut Findings, member: impl Fn(&str) -> Result<i64, String>, days: bool) {
    let text = item.as_str().map_or_else(|| item.to_string(), ToOwned::to_owned);
    let (first, last) = text.split_once(':').unwrap_or((&text, &text));
    match (member(first), member(last)) {
        (Err(why), _) | (_, Err(why)) => findings.refuse(why),
        (Ok(first), Ok(last)) if days && first < 0 && last > 0 => {
            findings.refuse(format!("{first} counts from the end of the month, but {last} from its start"));
        }
        (Ok(first), Ok(last)) => {
            // Days are counted in the shortest month: a range that is reversed there is reversed in every month.
            let from_beginning = |day: i64| if days && day < 0 { day + 28 } else { day };
            if from_beginning(first) > from_beginning(last) {
                findings.refuse(format!("{text} ends before it begins"));
            }
        }
    }
}
