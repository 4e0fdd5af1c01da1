//! Compares notifications with the ledger; the result is a row of the benchmark's table.

use super::ledger::{Incident, Loud};
use super::notifications::Notification;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The result of a rule set in one shop.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Names of the shop and of the rule set.
    pub name: String,
    /// Length of the judged period in weeks.
    pub weeks: f64,
    /// Pages that belong to no incident: alert, object and time.
    pub false_pages: Vec<String>,
    /// Messages that belong to no incident: alert, object and time.
    pub false_messages: Vec<String>,
    /// What was reported about each incident.
    pub incidents: Vec<IncidentOutcome>,
}

/// What was reported about one incident.
#[derive(Debug)]
pub struct IncidentOutcome {
    /// Description of the incident.
    pub what: String,
    /// Whether the incident deserves a page.
    pub wants_page: bool,
    /// The most urgent notification about it; `None` if there was none.
    pub by: Option<Loud>,
    /// Minutes from its begin to the first notification of the deserved kind, or of any kind if there was none of that.
    pub after: Option<usize>,
    /// Number of pages.
    pub pages: usize,
    /// The notifications: minutes since it began to matter, and the alerts; pages are marked.
    pub notifications: Vec<String>,
}

/// Compares notifications with the ledger. `from` is the first judged minute, `minutes` the end of the simulation.
pub fn outcome(name: &str, messages: &[Notification], ledger: &[Incident], from: usize, minutes: usize) -> Outcome {
    let mut outcome =
        Outcome { name: name.to_owned(), weeks: (minutes - from) as f64 / 10_080.0, ..Outcome::default() };
    let about = |incident: &Incident, one: &Notification| {
        one.alerts.iter().any(|alert| incident.is_reported_by(one.minute, alert))
    };
    for one in messages.iter().filter(|one| one.minute >= from) {
        if ledger.iter().any(|incident| about(incident, one)) {
            continue;
        }
        let labels = one.alerts.first().cloned().unwrap_or_default();
        let place = [
            "target",
            "namespace",
            "workload",
            "deployment",
            "replicaset",
            "horizontalpodautoscaler",
            "pod",
            "database",
            "datname",
            "table",
            "relname",
            "persistentvolumeclaim",
            "job",
            "instance",
        ];
        let place: Vec<&str> = place.iter().filter_map(|name| labels.get(*name)).map(String::as_str).collect();
        let alert = labels.get("alertname").map_or("", String::as_str);
        let clock = format!("day {} {:02}:{:02}", one.minute / 1440, one.minute / 60 % 24, one.minute % 60);
        let text = format!("{alert} {} at {clock}", place.join(" "));
        if one.page { outcome.false_pages.push(text) } else { outcome.false_messages.push(text) }
    }
    // A notification that fits several incidents, because they affect the same object, belongs to the one that began
    // last.
    let last = |one: &Notification| {
        let fits = ledger.iter().enumerate().filter(|(_, incident)| about(incident, one));
        fits.max_by_key(|(_, incident)| incident.since).map(|(at, _)| at)
    };
    let of: Vec<Option<usize>> = messages.iter().map(last).collect();
    for (at, incident) in ledger.iter().enumerate().filter(|(_, incident)| incident.begin >= from) {
        let own: Vec<&Notification> =
            messages.iter().zip(&of).filter(|(_, of)| **of == Some(at)).map(|(one, _)| one).collect();
        let pages = own.iter().filter(|one| one.page).count();
        let by = own.iter().map(|one| if one.page { Loud::Page } else { Loud::Message }).max();
        let first = own
            .iter()
            .filter(|one| one.page || incident.loud == Loud::Message || by == Some(Loud::Message))
            .map(|one| one.minute)
            .min();
        let words = |one: &&Notification| {
            let names: BTreeSet<&str> =
                one.alerts.iter().filter_map(|alert| alert.get("alertname")).map(String::as_str).collect();
            let names = names.into_iter().collect::<Vec<_>>().join(" ");
            let sign = if one.minute < incident.begin { "-" } else { "+" };
            let mark = if one.page { "PAGE " } else { "" };
            format!("{sign}{} {mark}{names}", one.minute.abs_diff(incident.begin))
        };
        outcome.incidents.push(IncidentOutcome {
            notifications: own.iter().map(words).collect(),
            what: incident.to_string(),
            wants_page: incident.loud == Loud::Page,
            by,
            after: first.map(|minute| minute.saturating_sub(incident.begin)),
            pages,
        });
    }
    outcome
}

impl Outcome {
    /// Returns the incidents without a notification.
    pub fn missed(&self) -> Vec<&str> {
        self.incidents.iter().filter(|messages| messages.by.is_none()).map(|messages| messages.what.as_str()).collect()
    }

    /// Returns the median number of minutes until an incident was reported.
    pub fn median(&self) -> Option<usize> {
        let mut all: Vec<usize> = self.incidents.iter().filter_map(|messages| messages.after).collect();
        all.sort_unstable();
        all.get(all.len() / 2).copied()
    }

    /// Returns the row of the table in Markdown.
    pub fn row(&self) -> String {
        let by = |loud| self.incidents.iter().filter(|messages| messages.by == loud).count();
        let paged: Vec<usize> =
            self.incidents.iter().map(|messages| messages.pages).filter(|pages| *pages > 0).collect();
        let per_incident = paged.iter().sum::<usize>() as f64 / paged.len().max(1) as f64;
        let median = self.median().map_or_else(|| "-".to_owned(), |minutes| minutes.to_string());
        format!(
            "| {} | {:.2} | {:.2} | {} | {} | {} | {} | {median} | {per_incident:.2} |",
            self.name,
            self.false_pages.len() as f64 / self.weeks,
            self.false_messages.len() as f64 / self.weeks,
            self.incidents.len(),
            by(Some(Loud::Page)),
            by(Some(Loud::Message)),
            by(None),
        )
    }
}

/// The header of the table in Markdown.
pub const HEAD: &str = "| shop and rules | false pages a week | false messages a week | incidents | reported by page | by message | missed | median minutes | pages per incident |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |";

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = |all: &[String]| {
            let mut counts: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
            for text in all {
                counts.entry(text.split(' ').next().unwrap_or_default()).or_insert((0, text)).0 += 1;
            }
            counts
                .into_iter()
                .map(|(alert, (count, first))| format!("{count} x {alert}, first {first}"))
                .collect::<Vec<_>>()
        };
        for (kind, all) in [("false page", &self.false_pages), ("false message", &self.false_messages)] {
            for line in counted(all) {
                writeln!(f, "  {kind}: {line}")?;
            }
        }
        for incident in &self.incidents {
            let by = match incident.by {
                Some(Loud::Page) => "page",
                Some(Loud::Message) => "message",
                None => "NOTHING",
            };
            let after = incident.after.map_or_else(String::new, |minutes| format!(" after {minutes} min"));
            let wanted = if incident.wants_page { "page" } else { "message" };
            writeln!(f, "  {}: wants a {wanted}, reported by {by}{after}, {} pages", incident.what, incident.pages)?;
            for one in &incident.notifications {
                writeln!(f, "      {one}")?;
            }
        }
        Ok(())
    }
}
