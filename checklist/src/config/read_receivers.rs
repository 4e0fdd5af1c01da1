//! `alerting:` the receivers beside PagerDuty and Slack, the heartbeat and the maintenance windows.

use super::read_parts::url;
use super::reader::{Found, Table};
use super::receivers::{Address, Email, Heartbeat, Maintenance, Webhook};
use crate::condition::threshold::Severity;
use crate::yaml::hint;
use crate::yaml::tree::Tree;
use std::path::PathBuf;
use std::time::Duration;

/// Names of the days, Sunday first as Alertmanager counts.
pub const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

pub(super) fn email(mut table: Table<'_>) -> Option<Email> {
    let (to, from, smarthost) = (table.required("to"), table.required("from"), table.required("smarthost"));
    if let (Some(server), Some(node)) = (&smarthost, table.node("smarthost"))
        && server.rsplit_once(':').is_none_or(|(host, port)| host.is_empty() || port.parse::<u16>().is_err())
    {
        table.mistake(node.place, "smarthost must be host:port, such as smtp.example.com:587");
    }
    let username = table.text("username");
    let password_file = table.text("passwordFile").map(PathBuf::from);
    if username.is_some() != password_file.is_some() {
        table.mistake(table.place, "username and passwordFile belong together");
    }
    let require_tls = table.flag("requireTls").unwrap_or(true);
    let severities = severities(&mut table);
    table.finish();
    Some(Email { to: to?, from: from?, smarthost: smarthost?, username, password_file, require_tls, severities })
}

pub(super) fn webhook(mut table: Table<'_>) -> Option<Webhook> {
    let address = address(&mut table);
    let severities = severities(&mut table);
    table.finish();
    Some(Webhook { address: address?, severities })
}

pub(super) fn heartbeat(mut table: Table<'_>) -> Option<Heartbeat> {
    let address = address(&mut table);
    let interval = table.duration("interval", false).unwrap_or(Duration::from_mins(1));
    if let Some(node) = table.node("interval")
        && interval < Duration::from_secs(10)
    {
        table.mistake(node.place, "interval must be 10s or longer");
    }
    table.finish();
    Some(Heartbeat { address: address?, interval })
}

fn address(table: &mut Table<'_>) -> Option<Address> {
    let (open, file) = (url(table, "url"), table.text("urlFile"));
    match (open, file) {
        (Some(open), None) => Some(Address::Url(open)),
        (None, Some(file)) => Some(Address::File(PathBuf::from(file))),
        (Some(_), Some(_)) => {
            table.mistake(table.place, "give url or urlFile, not both");
            None
        }
        (None, None) => {
            // A url that is no address was told already.
            if table.node("url").is_none() {
                table.mistake(table.place, "give url, or urlFile for an address that is a secret");
            }
            None
        }
    }
}

fn severities(table: &mut Table<'_>) -> Vec<Severity> {
    const KNOWN: [(&str, Severity); 2] = [("critical", Severity::Critical), ("warning", Severity::Warning)];
    let mut all = Vec::new();
    for node in table.list("severities") {
        match &node.tree {
            Tree::Text(text) => match KNOWN.iter().find(|(word, _)| word == text) {
                Some((_, severity)) if all.contains(severity) => {
                    table.mistake(node.place, format!("{text} is there twice"));
                }
                Some((_, severity)) => all.push(*severity),
                None => {
                    let hint = hint(text, &KNOWN.map(|(word, _)| word));
                    table.mistake(node.place, format!("a severity is critical or warning, not {text}{hint}"));
                }
            },
            other => table.mistake(node.place, format!("a severity is critical or warning, this is {}", other.kind())),
        }
    }
    if all.is_empty() { KNOWN.map(|(_, severity)| severity).to_vec() } else { all }
}

pub(super) fn maintenance(table: &mut Table<'_>, found: &Found) -> Vec<Maintenance> {
    let mut windows: Vec<Maintenance> = Vec::new();
    for node in table.list("maintenance") {
        let Some(mut table) = Table::of(node, "a maintenance window", found) else { continue };
        let name = table.required("name");
        let weekdays = weekdays(&mut table);
        let times = times(&mut table, found);
        let time_zone = table.text("timeZone").unwrap_or_else(|| "UTC".to_owned());
        if let Some(node) = table.node("timeZone")
            && jiff::tz::TimeZone::get(&time_zone).is_err()
        {
            table.mistake(node.place, format!("there is no time zone {time_zone}; write it as Europe/Berlin"));
        }
        let all_days = weekdays.is_empty() || weekdays.len() == WEEKDAYS.len();
        if all_days && table.node("times").is_some() != times.is_empty() && covers_the_day(&times) {
            table.mistake(
                table.place,
                "a window that is always open never ends: give weekdays or times that leave something out",
            );
        }
        if let Some(name) = name {
            if windows.iter().any(|known| known.name == name) {
                table.mistake(table.place, format!("there are two windows with the name {name}"));
            }
            windows.push(Maintenance { name, weekdays, times, time_zone });
        }
        table.finish();
    }
    windows
}

/// Whether every minute of a day is within one of the times; without times the whole day is.
fn covers_the_day(times: &[(u16, u16)]) -> bool {
    let within = |minute: u16| {
        let one = |(from, to): &(u16, u16)| {
            if from < to { (*from..*to).contains(&minute) } else { minute >= *from || minute < *to }
        };
        times.is_empty() || times.iter().any(one)
    };
    (0..24 * 60).all(within)
}

/// Days and ranges of days: `monday:friday`.
fn weekdays(table: &mut Table<'_>) -> Vec<u8> {
    let mut days = Vec::new();
    for node in table.list("weekdays") {
        let text = node.tree.scalar().unwrap_or_default();
        let number = |day: &str| (0_u8..).zip(WEEKDAYS).find(|(_, name)| *name == day.trim().to_lowercase());
        let (first, last) = text.split_once(':').unwrap_or((&text, &text));
        if let (Some((first, _)), Some((last, _))) = (number(first), number(last)) {
            let length = (last + 7 - first) % 7;
            days.extend((0..=length).map(|step| (first + step) % 7));
        } else {
            let hint = hint(&text, &WEEKDAYS);
            table.mistake(node.place, format!("a weekday is monday, or monday:friday, not {text}{hint}"));
        }
    }
    days.sort_unstable();
    days.dedup();
    days
}

fn times(table: &mut Table<'_>, found: &Found) -> Vec<(u16, u16)> {
    let mut times = Vec::new();
    for node in table.list("times") {
        let Some(mut table) = Table::of(node, "a time", found) else { continue };
        let (from, to) = (clock(&mut table, "from"), clock(&mut table, "to"));
        table.finish();
        let (Some(from), Some(to)) = (from, to) else { continue };
        if from == to || from == 24 * 60 {
            found.mistake(node.place, "a time goes from one minute of the day to another one");
        } else {
            times.push((from, to));
        }
    }
    times
}

fn clock(table: &mut Table<'_>, key: &'static str) -> Option<u16> {
    let text = table.required(key)?;
    let part = |text: &str| (text.len() == 2).then(|| text.parse::<u16>().ok()).flatten();
    let minute = text.split_once(':').and_then(|(hour, minute)| Some((part(hour)?, part(minute)?)));
    match minute {
        Some((hour, minute)) if hour < 24 && minute < 60 || (hour, minute) == (24, 0) => Some(hour * 60 + minute),
        _ => {
            let place = table.node(key)?.place;
            table.mistake(place, format!("{key} must be a time of the day in quotes such as \"22:30\", not {text}"));
            None
        }
    }
}
