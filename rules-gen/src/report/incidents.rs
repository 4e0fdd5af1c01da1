//! Alerts of a period out of the series `ALERTS`: from when to when each fired, and who was told.

use super::model::Incident;
use super::period::{Kind, Period, seconds, timestamp};
use super::words::apart;
use crate::alertmanager;
use crate::live::{Course, NoVerdict, Server};
use checklist::Config;
use std::collections::{BTreeMap, BTreeSet};

/// Every alert that fired within the period, but for those that say that all is well.
pub async fn incidents(
    server: &Server,
    config: &Config,
    kind: Kind,
    period: &Period,
) -> Result<Vec<Incident>, NoVerdict> {
    let step = kind.alert_step();
    let bounds = (seconds(period.from), seconds(period.until));
    let expr = "ALERTS{alertstate=\"firing\", alertname!=\"ChecklistWatchdog\"}";
    let courses = server.query_range(expr, bounds, step, &|_, _| {}).await?;
    Ok(told(config, runs(&courses, bounds, step)))
}

/// The unbroken runs of each series.
fn runs(courses: &[Course], (from, until): (f64, f64), step: f64) -> Vec<Incident> {
    let mut incidents = Vec::new();
    for course in courses {
        let mut points = course.points.iter().map(|(at, _)| *at);
        let Some(first) = points.next() else { continue };
        let mut runs = vec![(first, first)];
        for at in points {
            match runs.last_mut() {
                Some((_, last)) if at - *last <= 1.5 * step => *last = at,
                _ => runs.push((at, at)),
            }
        }
        for (start, last) in runs {
            let label = |name: &str| course.labels.get(name).cloned().unwrap_or_default();
            let mut labels: BTreeMap<String, String> = course.labels.clone();
            labels.retain(|name, _| !matches!(name.as_str(), "__name__" | "alertstate"));
            incidents.push(Incident {
                alert: label("alertname"),
                severity: label("severity"),
                check: label("check"),
                target: label("target"),
                of: apart(&labels),
                labels,
                start: timestamp(start),
                from_before: start - from < 0.5 * step,
                // Where it was last seen, and one step later it was not.
                end: (until - last >= step).then(|| timestamp(last + step)),
                told: String::new(),
                held_back: None,
            });
        }
    }
    incidents.sort_by(|a, b| (a.start, &a.alert, &a.labels).cmp(&(b.start, &b.alert, &b.labels)));
    incidents
}

/// Fills in who was told, as the generated configuration of Alertmanager routes and inhibits.
fn told(config: &Config, mut incidents: Vec<Incident>) -> Vec<Incident> {
    let equal = alertmanager::labels(config);
    let all = incidents.clone();
    let ours: BTreeSet<String> =
        crate::rules::groups(config).into_iter().flat_map(|group| group.rules).map(|rule| rule.alert).collect();
    for incident in &mut incidents {
        let known = ours.contains(&incident.alert);
        incident.told = if known {
            alertmanager::receiver(config, &incident.severity).to_owned()
        } else {
            // Rules of others are routed by others.
            "unknown".to_owned()
        };
        let held = all.iter().find(|page| known && holds_back(page, incident, &equal));
        incident.held_back = held.map(|page| page.alert.clone());
    }
    // What says that something holds, and tells nobody, is no incident.
    incidents.retain(|incident| incident.severity != "none");
    incidents
}

/// Whether a page about the same thing, or an emergency, held from the begin of a warning to its end.
fn holds_back(page: &Incident, warning: &Incident, equal: &BTreeSet<&str>) -> bool {
    let same = || equal.iter().all(|label| page.labels.get(*label) == warning.labels.get(*label));
    let covers = page.start <= warning.start
        && match (page.end, warning.end) {
            (None, _) => true,
            (Some(page), Some(warning)) => page >= warning,
            (Some(_), None) => false,
        };
    // The same three conditions as the inhibition rules that are generated.
    let routine = ["weekly", "monthly", "quarterly", "annual"];
    let emergency = page.alert == "ChecklistEmergencyOverride"
        && warning.alert != "ChecklistOverrideLong"
        && warning.labels.get("cadence").is_some_and(|cadence| routine.contains(&cadence.as_str()));
    warning.severity == "warning" && covers && (emergency || (page.severity == "critical" && same()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn course(labels: &[(&str, &str)], minutes: &[u32]) -> Course {
        Course {
            labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            points: minutes.iter().map(|minute| (f64::from(*minute) * 60.0, 1.0)).collect(),
        }
    }

    #[test]
    fn a_series_is_cut_where_it_is_silent() {
        let courses = [course(&[("alertname", "A"), ("severity", "warning")], &[0, 1, 2, 10, 11, 60])];
        let seen = runs(&courses, (0.0, 3600.0), 60.0);
        let times: Vec<_> = seen.iter().map(|i| (i.start.as_second(), i.end.map(Timestamp::as_second))).collect();
        assert_eq!(times, [(0, Some(180)), (600, Some(720)), (3600, None)]);
        assert_eq!(seen.iter().map(|i| i.from_before).collect::<Vec<_>>(), [true, false, false]);
    }

    #[test]
    fn a_page_holds_back_its_own_warning_and_no_other() -> anyhow::Result<()> {
        let yaml = "certificates: [{name: a, address: 'localhost:1'}]\nalerting:\n  slack: {webhookUrlFile: /x}\n  pagerduty: {routingKeyFile: /y}\n";
        let config = Config::parse("checklist.yaml", yaml)?;
        let name = crate::rules::groups(&config)[0].rules[0].alert.clone();
        let one = |severity, target, minutes: &[u32]| {
            course(
                &[("alertname", &name), ("severity", severity), ("check", "certificates"), ("target", target)],
                minutes,
            )
        };
        let courses = [one("critical", "a", &[1, 2, 3]), one("warning", "a", &[2, 3]), one("warning", "b", &[2, 3])];
        let mut seen: Vec<_> = told(&config, runs(&courses, (0.0, 600.0), 60.0))
            .into_iter()
            .map(|i| (i.target, i.told, i.held_back.is_some()))
            .collect();
        seen.sort();
        let row = |target: &str, told: &str, held| (target.to_owned(), told.to_owned(), held);
        assert_eq!(seen, [row("a", "pagerduty", false), row("a", "slack", true), row("b", "slack", false)]);
        Ok(())
    }
}
