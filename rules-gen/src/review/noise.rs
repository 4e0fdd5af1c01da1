//! Measures which alerts interrupt people most, from the series `ALERTS` of the past.

pub mod hours;
pub mod model;
pub mod output;

use crate::review::backtest::machine::Episode;
use crate::review::statistics::Statistics;
use crate::routing::Matcher;
use crate::server::{Labels, NoVerdict, Past, Series, Server, response_within};
use crate::terminal::Progress;
use checklist::Unit;
use checklist::config::{Endpoint, SecretRef};
use clients::http;
use hours::BusinessHours;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::{Alert, Report};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// The label sets of each alert name and severity, and the episodes of each label set.
type Fired = BTreeMap<(String, String), Vec<(Labels, Vec<Episode>)>>;

const MAX_BODY: usize = 64 * 1024 * 1024;
const DEADLINE: Duration = Duration::from_mins(1);
/// Alertmanager's default `--data.retention` in seconds: it deletes silences so long after their end.
const SILENCES_KEPT: f64 = 120.0 * 3600.0;

/// The number of steps into which the range is divided when a query looks whether the server has samples.
const PLACES: f64 = 1_000.0;
/// The share of the range of which the server must have samples. The rest allows for a restart or an upgrade.
const ENOUGH: f64 = 0.95;

/// Reports the noise of every alert that fired within the range. `alertmanager` is the URL of an Alertmanager and the
/// file with its bearer token: from there come the silences and the alerts that are active now.
///
/// # Errors
/// [`NoVerdict`] when a server gives no usable response.
pub async fn report(
    server: &Server,
    past: &Past,
    alertmanager: Option<(&str, Option<PathBuf>)>,
    hours: &BusinessHours,
    zone: &TimeZone,
) -> anyhow::Result<Report> {
    let (start, end) = past.milliseconds()?;
    let (start, end) = (start as f64 / 1000.0, end as f64 / 1000.0);
    let step = past.step.as_secs_f64();
    let progress = Progress::new();
    progress.show("ALERTS");
    let show = |done: usize, of: usize| progress.show(&format!("ALERTS, slice {done} of {of}"));
    let expr = "ALERTS{alertstate=\"firing\"}";
    let all = server.query_range(expr, (start, end), step, &show).await?;
    progress.show("the silences and alerts of Alertmanager");
    let mut warnings = gaps(server, (start, end), step).await?;
    if all.is_empty() {
        let what = "there is no series ALERTS of a firing alert in the range: no alert fired, or this server does not evaluate the rules";
        warnings.push(what.to_owned());
    }
    let manager = match alertmanager {
        Some((url, token)) => Some(Manager::read(url, token).await?),
        None => None,
    };
    progress.end();
    let mut names = Fired::new();
    for series in all {
        let mut labels = series.labels.clone();
        labels.remove("__name__");
        labels.remove("alertstate");
        let value = |name: &str| labels.get(name).cloned().unwrap_or_default();
        names.entry((value("alertname"), value("severity"))).or_default().push((labels, episodes(&series, step, end)));
    }
    let mut alerts: Vec<Alert> = names
        .into_iter()
        .map(|((alert, severity), sets)| alert_noise(alert, severity, &sets, manager.as_ref(), hours, zone))
        .collect();
    alerts.sort_by(|a, b| b.noise.total_cmp(&a.noise).then_with(|| a.alert.cmp(&b.alert)));
    if manager.is_some() && end - start > SILENCES_KEPT {
        warnings.push(
            "Alertmanager forgets silences 120 h after their end unless --data.retention says otherwise: \
                       older silenced time counts as not silenced"
                .to_owned(),
        );
    }
    Ok(Report {
        start: at(start),
        end: at(end),
        time_zone: zone.iana_name().unwrap_or("UTC").to_owned(),
        warnings,
        alerts,
    })
}

fn at(seconds: f64) -> Timestamp {
    Timestamp::from_duration(jiff::SignedDuration::from_secs_f64(seconds)).unwrap_or_default()
}

/// Returns the reason why alerts may be missing: the server was down for a part of the range, or does not keep samples
/// for so long.
async fn gaps(server: &Server, (start, end): (f64, f64), step: f64) -> Result<Vec<String>, NoVerdict> {
    let pace = step.max((end - start) / PLACES);
    // A server that evaluates rules may scrape nothing.
    let expr = "count({__name__=~\"ALERTS|up\"})";
    let all = server.query_range(expr, (start, end), pace, &|_, _| {}).await?;
    let points = || all.iter().flat_map(|series| &series.points);
    let (known, whole) = (points().count().saturating_sub(1) as f64 * pace, end - start);
    let Some((first, _)) = points().next().filter(|_| known < ENOUGH * whole) else {
        let nothing = "the server has no samples of the range: neither of ALERTS nor of up";
        return Ok(all.is_empty().then(|| nothing.to_owned()).into_iter().collect());
    };
    Ok(vec![format!(
        "the server has samples of {} of {} only, the first of {}: alerts of the other time are not counted",
        Unit::Seconds.human(known),
        Unit::Seconds.human(whole),
        at(*first).strftime("%Y-%m-%dT%H:%MZ")
    )])
}

/// Turns the points of a series into episodes. Points without a gap between them are one episode, which ends one step
/// after its last point.
#[expect(clippy::cast_possible_truncation, reason = "milliseconds of this century")]
fn episodes(series: &Series, step: f64, end: f64) -> Vec<Episode> {
    let milliseconds = |seconds: f64| (seconds * 1000.0).round() as i64;
    let mut episodes: Vec<Episode> = Vec::new();
    for (at, _) in &series.points {
        let open = *at >= end;
        let until = milliseconds(if open { *at } else { at + step });
        match episodes.last_mut().filter(|last| milliseconds(*at) <= last.end) {
            Some(last) => (last.end, last.open) = (until, open),
            None => episodes.push(Episode { begin: milliseconds(*at), end: until, open }),
        }
    }
    episodes
}

/// Noise is the number of episodes, plus flaps, plus episodes outside business hours, less the share of time that was
/// silenced.
fn alert_noise(
    alert: String,
    severity: String,
    sets: &[(Labels, Vec<Episode>)],
    manager: Option<&Manager>,
    hours: &BusinessHours,
    zone: &TimeZone,
) -> Alert {
    let statistics = Statistics::of(sets.iter().map(|(_, episodes)| episodes.as_slice()), zone);
    let all = sets.iter().flat_map(|(_, episodes)| episodes);
    let outside = all.filter(|episode| !hours.contains(episode.begin, zone)).count();
    let silenced = manager.map(|manager| {
        let quiet: f64 = sets.iter().map(|(labels, episodes)| manager.silenced_seconds(labels, episodes)).sum();
        if statistics.firing_seconds > 0.0 { quiet / statistics.firing_seconds } else { 0.0 }
    });
    let count = (statistics.episodes + statistics.flaps + outside) as f64;
    Alert {
        noise: count * (1.0 - silenced.unwrap_or_default()),
        outside_hours: outside as f64 / statistics.episodes.max(1) as f64,
        active: manager.map(|manager| manager.active(&alert, &severity)),
        alert,
        severity,
        statistics,
        silenced,
    }
}

/// A silence of Alertmanager that has started. Times are Unix milliseconds.
struct Silence {
    matchers: Vec<Matcher>,
    begin: i64,
    end: i64,
}

/// The silences and active alerts of an Alertmanager.
struct Manager {
    silences: Vec<Silence>,
    alerts: Vec<Value>,
}

impl Manager {
    async fn read(url: &str, token: Option<PathBuf>) -> Result<Self, NoVerdict> {
        let endpoint = Endpoint {
            url: url.trim_end_matches('/').to_owned(),
            bearer_token: token.map(SecretRef::File),
            ca_file: None,
        };
        let get = async |path: &str| -> Result<Vec<Value>, NoVerdict> {
            let read = async {
                let response = http::fetch_of(&endpoint, path, None, MAX_BODY).await?;
                http::refusal(&response).map_or_else(|| http::json(&endpoint, path, &response), Err)
            };
            response_within(url, DEADLINE, read).await
        };
        let silences = get("/api/v2/silences").await?.iter().filter_map(silence).collect();
        Ok(Self { silences, alerts: get("/api/v2/alerts").await? })
    }

    /// Returns the seconds of the episodes that silences covered. Time under several silences counts once.
    fn silenced_seconds(&self, labels: &Labels, episodes: &[Episode]) -> f64 {
        let matching = self.silences.iter().filter(|one| one.matchers.iter().all(|matcher| matcher.matches(labels)));
        let mut times: Vec<(i64, i64)> = matching.map(|silence| (silence.begin, silence.end)).collect();
        times.sort_unstable();
        let mut covered = 0;
        for episode in episodes {
            let mut from = episode.begin;
            for (begin, end) in &times {
                let (begin, end) = (from.max(*begin), episode.end.min(*end));
                if end > begin {
                    covered += end - begin;
                    from = end;
                }
            }
        }
        covered as f64 / 1000.0
    }

    /// The number of active alerts with a name and severity.
    fn active(&self, alert: &str, severity: &str) -> usize {
        let is = |one: &&Value| {
            one["labels"]["alertname"] == alert && one["labels"]["severity"].as_str().unwrap_or_default() == severity
        };
        self.alerts.iter().filter(is).count()
    }
}

fn silence(value: &Value) -> Option<Silence> {
    let time = |key: &str| Some(value[key].as_str()?.parse::<Timestamp>().ok()?.as_millisecond());
    let matcher = |one: &Value| {
        let operator = match (one["isEqual"].as_bool().unwrap_or(true), one["isRegex"].as_bool().unwrap_or_default()) {
            (true, false) => "=",
            (true, true) => "=~",
            (false, false) => "!=",
            (false, true) => "!~",
        };
        Matcher::new(one["name"].as_str()?, operator, one["value"].as_str()?.to_owned()).ok()
    };
    let matchers = value["matchers"].as_array()?.iter().map(matcher).collect::<Option<Vec<_>>>()?;
    let (begin, end) = (time("startsAt")?, time("endsAt")?);
    // A pending silence has not started, so it has silenced nothing.
    (value["status"]["state"] != "pending").then_some(Silence { matchers, begin, end })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_become_episodes_and_silences_are_counted_once() {
        let points = [0.0, 60.0, 120.0, 300.0, 360.0].map(|at| (at, 1.0)).to_vec();
        let labels = Labels::from([("alertname".to_owned(), "A".to_owned())]);
        let episodes = episodes(&Series { labels: labels.clone(), points }, 60.0, 360.0);
        let episode = |begin, end, open| Episode { begin, end, open };
        assert_eq!(episodes, [episode(0, 180_000, false), episode(300_000, 360_000, true)]);
        let value = |value: &str, begin: &str, end: &str| {
            serde_json::json!({"matchers": [{"name": "alertname", "value": value, "isRegex": true, "isEqual": true}],
                "startsAt": begin, "endsAt": end, "status": {"state": "expired"}})
        };
        let silences = [
            value("A|B", "1970-01-01T00:01:00Z", "1970-01-01T00:02:30Z"),
            value("A", "1970-01-01T00:02:00Z", "1970-01-01T00:05:30Z"),
            value("B", "1970-01-01T00:00:00Z", "1970-01-01T01:00:00Z"),
        ];
        let manager = Manager { silences: silences.iter().filter_map(silence).collect(), alerts: Vec::new() };
        assert!((manager.silenced_seconds(&labels, &episodes) - 150.0).abs() < 1e-9);
    }
}
