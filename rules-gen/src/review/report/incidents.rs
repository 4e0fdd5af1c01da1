//! Reads the alerts of a period from the series `ALERTS`: when each fired, and which receiver was notified.

use super::model::Incident;
use super::period::{Kind, Period, seconds, timestamp};
use super::texts::apart;
use crate::outputs::alertmanager;
use crate::routing::Configuration;
use crate::server::{Labels, NoVerdict, Series, Server};
use checklist::Config;
use std::collections::BTreeSet;

/// The longest gap in seconds within one alert. It is Prometheus' lookback delta: a series ends only after so long
/// without samples.
const LOOK_BACK: f64 = 300.0;

/// The share of a period in which the alerting rules must have been evaluated. The rest allows for a restart or an
/// upgrade.
const ENOUGH: f64 = 0.95;

/// Returns every alert that fired within the period, except the Watchdog and others of severity `none`.
pub async fn incidents(server: &Server, config: &Config, kind: Kind, period: &Period) -> anyhow::Result<Vec<Incident>> {
    let step = kind.alert_step();
    let (from, until) = (seconds(period.from), seconds(period.until));
    let alerts = "ALERTS{alertstate=\"firing\", alertname!=\"ChecklistWatchdog\"}";
    // Samples are counted over each step, so that an alert shorter than a step is seen.
    let expr = format!("count_over_time({alerts}[{step}s])");
    let all = server.query_range(&expr, (from + step, until), step, &|_, _| {}).await?;
    let mut at_ends = Vec::new();
    for end in [from, until] {
        let labels = server.query(alerts, end).await?.into_iter().map(|(labels, _)| without_name(labels));
        at_ends.push(labels.collect::<BTreeSet<Labels>>());
    }
    let (at_begin, at_end) = (&at_ends[0], &at_ends[1]);
    notified(config, runs(&all, (from, until), step, (at_begin, at_end)))
}

/// Returns the reason why the list of alerts may be incomplete. The Watchdog always fires. If its series is absent for
/// a part of the period, Prometheus was down, lacks the rules, or does not keep samples for so long.
pub async fn unknown(server: &Server, kind: Kind, period: &Period) -> Result<Option<String>, NoVerdict> {
    let step = kind.alert_step();
    let (from, until) = (seconds(period.from), seconds(period.until));
    let expr =
        format!("sum(count_over_time(ALERTS{{alertstate=\"firing\", alertname=\"ChecklistWatchdog\"}}[{step}s]))");
    let all = server.query_range(&expr, (from + step, until), step, &|_, _| {}).await?;
    let judged = all.iter().map(|series| series.points.len()).max().unwrap_or(0) as f64 * step;
    let hours = |seconds: f64| (seconds / 360.0).round() / 10.0;
    let (judged, whole) = (hours(judged), hours(until - from));
    let why = || format!("ChecklistWatchdog, which should always fire, fired for {judged} of {whole} hours only");
    Ok((judged < ENOUGH * whole).then(why))
}

/// The labels of an alert, without those that only the series `ALERTS` has.
fn without_name(mut labels: Labels) -> Labels {
    labels.retain(|name, _| !matches!(name.as_str(), "__name__" | "alertstate"));
    labels
}

/// Turns each series into incidents, one for each run of samples without a gap. `at_begin` and `at_end` are the labels
/// of the alerts that fire at the ends of the period.
fn runs(
    all: &[Series],
    (from, until): (f64, f64),
    step: f64,
    (at_begin, at_end): (&BTreeSet<Labels>, &BTreeSet<Labels>),
) -> Vec<Incident> {
    let mut incidents = Vec::new();
    for series in all {
        let mut runs: Vec<(f64, f64)> = Vec::new();
        for (at, _) in &series.points {
            match runs.last_mut() {
                Some((_, last)) if at - *last <= LOOK_BACK.max(1.5 * step) => *last = *at,
                _ => runs.push((at - step, *at)),
            }
        }
        let labels = without_name(series.labels.clone());
        let count = runs.len();
        for (number, (start, end)) in runs.into_iter().enumerate() {
            let label = |name: &str| labels.get(name).cloned().unwrap_or_default();
            let from_before = number == 0 && at_begin.contains(&labels) && start - from <= LOOK_BACK;
            let fires = number + 1 == count && at_end.contains(&labels);
            incidents.push(Incident {
                alert: label("alertname"),
                severity: label("severity"),
                check: label("check"),
                target: label("target"),
                of: apart(&labels),
                labels: labels.clone(),
                start: timestamp(if from_before { from } else { start }),
                from_before,
                end: (!fires).then(|| timestamp(end.min(until))),
                notified: String::new(),
                held_back: None,
            });
        }
    }
    incidents.sort_by(|a, b| (a.start, &a.alert, &a.labels).cmp(&(b.start, &b.alert, &b.labels)));
    incidents
}

/// Fills in the notified receivers and the inhibiting alert, by the routes and inhibition rules of the generated
/// Alertmanager configuration.
fn notified(config: &Config, mut incidents: Vec<Incident>) -> anyhow::Result<Vec<Incident>> {
    let routes = Configuration::parse(&serde_yaml::to_string(&alertmanager::configuration(config))?)?;
    let all = incidents.clone();
    let ours: BTreeSet<String> =
        crate::rules::groups(config).into_iter().flat_map(|group| group.rules).map(|rule| rule.alert).collect();
    for incident in &mut incidents {
        let known = ours.contains(&incident.alert);
        incident.notified = if known {
            receivers(&routes, &incident.labels)
        } else {
            // The routes of other rules are not known here.
            "unknown".to_owned()
        };
        let inhibits =
            |page: &Incident| routes.inhibited(&incident.labels, std::slice::from_ref(&page.labels)).is_some();
        let held = all.iter().find(|page| known && lasts_as_long(page, incident) && inhibits(page));
        incident.held_back = held.map(|page| page.alert.clone());
    }
    // Severity `none` is for alerts that say that all is well. Nobody is notified of them.
    incidents.retain(|incident| incident.severity != "none");
    Ok(incidents)
}

/// Returns the names of all receivers: a route with `continue` is followed by others. A receiver without integrations
/// notifies nobody.
fn receivers(routes: &Configuration, labels: &Labels) -> String {
    let mut names: Vec<&str> = Vec::new();
    for receiver in routes.receivers(labels).into_iter().filter(|receiver| !receiver.integrations.is_empty()) {
        if !names.contains(&receiver.name.as_str()) {
            names.push(&receiver.name);
        }
    }
    if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
}

/// Whether an alert fired at least from the start to the end of another.
fn lasts_as_long(page: &Incident, warning: &Incident) -> bool {
    page.start <= warning.start
        && match (page.end, warning.end) {
            (None, _) => true,
            (Some(page), Some(warning)) => page >= warning,
            (Some(_), None) => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn series(labels: &[(&str, &str)], minutes: &[u32]) -> Series {
        Series {
            labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            points: minutes.iter().map(|minute| (f64::from(*minute) * 60.0, 1.0)).collect(),
        }
    }

    #[test]
    fn a_series_is_split_at_gaps_and_has_start_and_end() {
        let all = [series(&[("alertname", "A"), ("severity", "warning")], &[1, 2, 3, 20, 24, 60])];
        let there = BTreeSet::from([all[0].labels.clone()]);
        let none = BTreeSet::new();
        let times = |begin, end| -> Vec<_> {
            let seen = runs(&all, (0.0, 3600.0), 60.0, (begin, end));
            seen.iter().map(|i| (i.start.as_second(), i.end.map(Timestamp::as_second), i.from_before)).collect()
        };
        let middle = (1140, Some(1440), false);
        assert_eq!(times(&there, &there), [(0, Some(180), true), middle, (3540, None, false)]);
        assert_eq!(times(&none, &none), [(0, Some(180), false), middle, (3540, Some(3600), false)]);
    }

    #[test]
    fn a_critical_alert_inhibits_its_own_warning_and_no_other() -> anyhow::Result<()> {
        let yaml = "certificates: [{name: a, address: 'localhost:1'}]\nalerting:\n  slack: {webhookUrlFile: /x}\n  pagerduty: {routingKeyFile: /y}\n";
        let config = Config::parse("checklist.yaml", yaml)?;
        let name = crate::rules::groups(&config)[0].rules[0].alert.clone();
        let one = |severity, target, minutes: &[u32]| {
            series(
                &[("alertname", &name), ("severity", severity), ("check", "certificates"), ("target", target)],
                minutes,
            )
        };
        let all = [one("critical", "a", &[1, 2, 3]), one("warning", "a", &[2, 3]), one("warning", "b", &[2, 3])];
        let mut seen: Vec<_> = notified(&config, runs(&all, (0.0, 600.0), 60.0, (&BTreeSet::new(), &BTreeSet::new())))?
            .into_iter()
            .map(|i| (i.target, i.notified, i.held_back.is_some()))
            .collect();
        seen.sort();
        let row = |target: &str, notified: &str, held| (target.to_owned(), notified.to_owned(), held);
        assert_eq!(seen, [row("a", "pagerduty", false), row("a", "slack", true), row("b", "slack", false)]);
        Ok(())
    }

    #[test]
    fn all_receivers_of_routes_with_continue_are_listed() -> anyhow::Result<()> {
        let yaml = "certificates: [{name: a, address: 'localhost:1'}]\nalerting:\n  pagerduty: {routingKeyFile: /y}\n  webhook: {url: 'http://localhost:1/', severities: [critical]}\n";
        let config = Config::parse("checklist.yaml", yaml)?;
        let name = crate::rules::groups(&config)[0].rules[0].alert.clone();
        let all = [series(&[("alertname", &name), ("severity", "critical"), ("check", "certificates")], &[1, 2])];
        let seen = notified(&config, runs(&all, (0.0, 600.0), 60.0, (&BTreeSet::new(), &BTreeSet::new())))?;
        let mut names: Vec<&str> = seen[0].notified.split(", ").collect();
        names.sort_unstable();
        assert_eq!(names, ["pagerduty", "webhook"]);
        Ok(())
    }
}
