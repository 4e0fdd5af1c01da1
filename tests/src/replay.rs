//! Replays the series of the generated rule tests to a real Prometheus: the past as blocks of its storage, the present
//! as a page that it scrapes.

use crate::http::{Server, response, serve};
use anyhow::Context;
use rules_gen::routing::Configuration;
use rules_gen::rules::unit_tests::RuleTest;
use rules_gen::server::Labels;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

/// Longest gap between two samples in seconds. It is shorter than Prometheus' lookback of five minutes.
const LONGEST_GAP: f64 = 240.0;
/// Histories up to this length in seconds have a sample every second. The page is scraped every two seconds: with fewer
/// samples, functions that count them, such as a median, would weigh the past too little.
const SHORT: f64 = 1_200.0;

/// One series of a test case.
#[derive(Debug, Clone, PartialEq)]
pub struct Played {
    metric: String,
    labels: Labels,
    /// Runs of values. Each has a first value with the increment, or `None` for missing values, and the number of
    /// values.
    runs: Vec<(Option<(f64, f64)>, usize)>,
    /// Seconds between two values.
    pace: f64,
    /// Seconds from the first value until the alert must fire.
    due: f64,
}

/// An alert that must fire, and the series that make it fire.
#[derive(Debug)]
pub struct Role {
    /// Labels of the alert.
    pub alert: Labels,
    firing: Vec<Played>,
    /// Series that keep the alert silent in plays of other alerts. Only an alert about absent series has them.
    silent: Vec<Played>,
}

impl Role {
    /// Returns the alerts of a rule: one for each alert that its first test case expects. The target of a rule for all
    /// targets is renamed to a unique one, so that no two rules share a series and none inhibits the other.
    pub fn all(number: usize, test: &RuleTest) -> anyhow::Result<Vec<Self>> {
        let own = (!test.rule.expr.contains("target=")).then(|| format!("t{number:03}"));
        let (firing, expected) = case(&test.test["tests"][0], own.as_deref())?;
        // Only the Watchdog has a firing case without series and no silent case.
        let quiet = test.test["tests"].get(1).filter(|_| firing.is_empty());
        let silent =
            quiet.map_or_else(|| Ok(Vec::new()), |quiet| case(quiet, own.as_deref()).map(|(series, _)| series))?;
        let role = |mut alert: Labels| {
            alert.insert("alertname".to_owned(), test.rule.alert.clone());
            Self { alert, firing: firing.clone(), silent: silent.clone() }
        };
        Ok(expected.into_iter().map(role).collect())
    }

    /// Whether two alerts can be part of the same play: no series has two different values, and neither inhibits the
    /// other.
    fn agrees(&self, other: &Self, routes: &Configuration) -> bool {
        let clash = |a: &Played, b: &Played| a.metric == b.metric && a.labels == b.labels && a != b;
        let held = |a: &Self, b: &Self| routes.inhibited(&a.alert, std::slice::from_ref(&b.alert)).is_some();
        !self.firing.iter().any(|a| other.firing.iter().any(|b| clash(a, b)))
            && !held(self, other)
            && !held(other, self)
    }
}

/// Distributes the roles over plays greedily, so that there are few plays.
pub fn plays(roles: Vec<Role>, routes: &Configuration) -> Vec<Vec<Role>> {
    let mut plays: Vec<Vec<Role>> = Vec::new();
    for role in roles {
        match plays.iter_mut().find(|play| play.iter().all(|other| role.agrees(other, routes))) {
            Some(play) => play.push(role),
            None => plays.push(vec![role]),
        }
    }
    plays
}

/// The series of several roles: a scraped page, and the history before it.
pub struct Play {
    /// Serves the present values.
    pub page: Server,
    series: Arc<Vec<Played>>,
    /// The time at which every alert is due, Unix seconds.
    now: f64,
}

impl Play {
    /// Starts the page for the roles of a play. Alerts about absent series in `others` are kept silent.
    pub async fn start(play: &[Role], others: &[&Role]) -> anyhow::Result<Self> {
        let absent = |one: &&&Role| !play.iter().any(|role| role.alert == one.alert);
        let quiet = others.iter().filter(absent).flat_map(|role| &role.silent);
        let mut series: Vec<Played> = play.iter().flat_map(|role| &role.firing).chain(quiet).cloned().collect();
        series.sort_by(|a, b| (&a.metric, &a.labels).cmp(&(&b.metric, &b.labels)));
        series.dedup_by(|a, b| a.metric == b.metric && a.labels == b.labels);
        let (series, now) = (Arc::new(series), jiff::Timestamp::now().as_duration().as_secs_f64());
        let shown = Arc::clone(&series);
        let page = serve(None, move |_| {
            let at = jiff::Timestamp::now().as_duration().as_secs_f64();
            let mut text = String::new();
            for one in shown.iter() {
                if let Some(value) = one.at(at - now + one.due, now - one.due) {
                    // Writing to a String cannot fail.
                    let _ = writeln!(text, "{} {value}", one.name(&[]));
                }
            }
            async move { response(200, "text/plain; version=0.0.4", text) }
        })
        .await?;
        Ok(Self { page, series, now })
    }

    /// Writes the history as blocks of a Prometheus whose data is in `prometheus-data` of the folder, and which scrapes
    /// the page with the job name `checklist`.
    pub fn write_history(&self, folder: &Path) -> anyhow::Result<()> {
        let instance = format!("127.0.0.1:{}", self.page.port);
        let mut families: BTreeMap<&str, String> = BTreeMap::new();
        for one in self.series.iter() {
            let (name, text) =
                (one.name(&[("instance", &instance), ("job", "checklist")]), families.entry(&one.metric).or_default());
            let gap = if one.due < SHORT { 1.0 } else { one.pace.min(LONGEST_GAP) };
            let begin = self.now - one.due;
            let mut after = 0.0;
            while after <= one.due {
                if let Some(value) = one.at(after, begin) {
                    writeln!(text, "{name} {value} {:.3}", begin + after)?;
                }
                after += gap;
            }
        }
        let mut text = String::new();
        for (metric, lines) in families {
            write!(text, "# TYPE {metric} unknown\n{lines}")?;
        }
        text += "# EOF\n";
        crate::monitoring::backfill(folder, &text)
    }
}

impl Played {
    /// Returns the value `after` seconds after the first one. `begin` is the time of the first value in Unix seconds:
    /// values that are timestamps are relative to it.
    fn at(&self, after: f64, begin: f64) -> Option<f64> {
        let (mut place, shift) =
            (after / self.pace, if self.metric.ends_with("_timestamp_seconds") { begin } else { 0.0 });
        for (run, values) in &self.runs {
            if place < *values as f64 {
                return run.map(|(first, more)| first + more * place + shift);
            }
            place -= *values as f64;
        }
        None
    }

    fn name(&self, more: &[(&str, &str)]) -> String {
        let own = self.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let labels: Vec<String> =
            own.chain(more.iter().copied()).map(|(name, value)| format!("{name}={value:?}")).collect();
        format!("{}{{{}}}", self.metric, labels.join(","))
    }
}

/// Returns the series of a test case, and the labels of the alerts that its last step expects.
fn case(case: &Value, own: Option<&str>) -> anyhow::Result<(Vec<Played>, Vec<Labels>)> {
    let place = || format!("not a case as rules-gen writes it: {case}");
    let renamed = |mut labels: Labels| {
        if let (Some(target), Some(own)) = (labels.get_mut("target"), own) {
            own.clone_into(target);
        }
        labels
    };
    let step = case["alert_rule_test"].as_array().and_then(|steps| steps.last()).with_context(place)?;
    let seconds = |text: &Value| {
        let duration = rules_gen::promql::duration::parse(text.as_str()?).ok()?;
        Some(duration.as_secs_f64())
    };
    let (pace, due) =
        (seconds(&case["interval"]).with_context(place)?, seconds(&step["eval_time"]).with_context(place)?);
    let mut series = Vec::new();
    for one in case["input_series"].as_array().with_context(place)? {
        let (metric, labels) =
            one["series"].as_str().and_then(|text| text.strip_suffix('}')?.split_once('{')).with_context(place)?;
        let labels = labels.split(", ").filter(|label| !label.is_empty()).map(|label| {
            let (name, value) = label.split_once('=').with_context(place)?;
            Ok((name.to_owned(), serde_json::from_str(value).with_context(place)?))
        });
        let labels = renamed(labels.collect::<anyhow::Result<Labels>>()?);
        let runs =
            one["values"].as_str().with_context(place)?.split_whitespace().map(|run| run_of(run).with_context(place));
        series.push(Played {
            metric: metric.to_owned(),
            labels,
            runs: runs.collect::<anyhow::Result<_>>()?,
            pace,
            due,
        });
    }
    let alerts = step["exp_alerts"].as_array().with_context(place)?.iter();
    let alerts = alerts.map(|alert| Ok(renamed(serde_json::from_value(alert["exp_labels"].clone())?)));
    Ok((series, alerts.collect::<anyhow::Result<_>>()?))
}

/// Parses one run of promtool's notation: `1+2x3` is 1, 3, 5, 7; `4x2` is 4, 4, 4; `5` is one value; `_x3` and `stale`
/// are missing values.
fn run_of(text: &str) -> Option<(Option<(f64, f64)>, usize)> {
    if let Some(missing) = text.strip_prefix('_') {
        return Some((None, missing.strip_prefix('x').map_or(Some(1), |times| times.parse().ok())?));
    }
    if text == "stale" {
        return Some((None, 1));
    }
    let (values, times) = text.rsplit_once('x').unwrap_or((text, "0"));
    let Some(sign) = values.rfind(['+', '-']).filter(|at| *at > 0) else {
        return Some((Some((values.parse().ok()?, 0.0)), times.parse::<usize>().ok()? + 1));
    };
    let first = values.get(..sign)?.parse().ok()?;
    let more = values.get(sign..)?.replace("+-", "-").trim_start_matches('+').parse().ok()?;
    Some((Some((first, more)), times.parse::<usize>().ok()? + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_of_values_is_parsed_as_by_promtool() {
        assert_eq!(run_of("1+2x3"), Some((Some((1.0, 2.0)), 4)));
        assert_eq!(run_of("-600+0x1500"), Some((Some((-600.0, 0.0)), 1501)));
        assert_eq!(run_of("5-2.5x2"), Some((Some((5.0, -2.5)), 3)));
        assert_eq!(run_of("_x3"), Some((None, 3)));
        assert_eq!(run_of("stale"), Some((None, 1)));
        assert_eq!(run_of("0"), Some((Some((0.0, 0.0)), 1)));
        assert_eq!(run_of("-4x2"), Some((Some((-4.0, 0.0)), 3)));
        assert_eq!(run_of("nonsense"), None);
    }
}
