//! Generates promtool unit tests: every alert at every level must fire on bad samples and stay silent on good ones.

pub mod equivalent;
pub mod mutants;
pub mod promtool;

use crate::outputs::prometheus::rule_file;
use crate::promql::duration::prometheus_duration;
use crate::rules::model::{Entry, Group, Rule};
use checklist::condition::history::{SAMPLES, constant, input, labels, line, steady};
use checklist::condition::threshold::Direction;
use checklist::condition::value::{Selector, of};
use checklist::self_metrics::{
    BUILD_INFO, CHECK_INFO, CONFIG_INFO, CONFIG_SUCCESSFUL, INTERVAL, LAST_SUCCESS, LEASE_HELD, PROBE_SUCCESS,
    RULES_INFO, SERIES_DROPPED, SHARD, SHARDS, STARTED, TARGET_REACHABLE, UNSEEN, WEB_CONFIG,
};
use checklist::signals::r#override::ACTIVE;
use checklist::{Case, Given, InputSeries, Metric, Severity, Value, When};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// A rule and its test.
#[derive(Debug)]
pub struct RuleTest {
    /// The file name without extension.
    pub name: String,
    /// A rule file with only this rule, which keeps the test fast. It has no annotations, because promtool would
    /// compare their rendered text.
    pub rules: Json,
    /// The test file for promtool.
    pub test: Json,
    pub rule: Rule,
    /// The number of cases in which the alert fires, and in which it stays silent.
    pub cases: (usize, usize),
    /// The evaluation interval of the test.
    pub pace: Duration,
}

/// Returns a test for each rule. An alert without a test case is an error, so no untested rule is written.
pub fn all(groups: &[Group]) -> anyhow::Result<Vec<RuleTest>> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut tests = Vec::new();
    for rule in groups.iter().flat_map(|group| &group.rules) {
        let about = if rule.entry.is_some() { String::new() } else { format!(".{}", rule.labels["check"]) };
        let stem = format!("{}{about}.{}", rule.alert, rule.labels["severity"]);
        let count = counts.entry(stem.clone()).or_default();
        *count += 1;
        let name = if *count == 1 { stem } else { format!("{stem}.{count}") };
        tests.push(test(rule, name)?);
    }
    Ok(tests)
}

fn test(rule: &Rule, name: String) -> anyhow::Result<RuleTest> {
    let target = rule.targets.first().map_or("", String::as_str);
    let check = rule.labels["check"].as_str();
    // The alert is expected to fire two evaluations after the end of `for`.
    let (at, case) = if let Some(entry) = &rule.entry {
        of_entry(entry, rule.times.pending)
    } else {
        let pace = pace(rule.times.pending);
        let at = rule.times.pending + 2 * pace;
        let case = of_meta(rule, at.as_secs_f64());
        let case = case.ok_or_else(|| anyhow::anyhow!("{} has no test case; add one to unit_tests.rs", rule.alert))?;
        (case.lead + at, Case { pace, ..case })
    };
    let sampled = case.sampled.unwrap_or(case.pace);
    let samples = (at.as_secs() / sampled.as_secs().max(1) + 10).max(SAMPLES);
    let per_process = [
        &BUILD_INFO,
        &CONFIG_INFO,
        &CONFIG_SUCCESSFUL,
        &WEB_CONFIG,
        &RULES_INFO,
        &LEASE_HELD,
        &SHARD,
        &SHARDS,
        &STARTED,
    ];
    // The alert about something missing must be silent only when every target has its series.
    let all_targets = ["ChecklistCheckMissing", "ChecklistSourceMissing"].contains(&rule.alert.as_str());
    let series = |inputs: &[InputSeries]| {
        let one = |target: &str, InputSeries { metric, labels, values }: &InputSeries| {
            let own = !per_process.iter().any(|known| known == metric);
            let of_target = **metric == TARGET_REACHABLE;
            let recorded = metric.name.contains(':') && !metric_is_of(rule, metric);
            let check = if recorded { "another" } else { check };
            let common = [("check", check.to_owned()), ("target", target.to_owned())];
            let common = common.into_iter().filter(|(name, _)| own && !(of_target && *name == "check"));
            let all = common.chain(labels.iter().cloned());
            let text: Vec<String> = all.map(|(name, value)| format!("{name}={value:?}")).collect();
            // Makes the series long enough to reach the time of the test.
            let values = values.replace(&format!("x{SAMPLES}"), &format!("x{samples}"));
            json!({"series": format!("{metric}{{{}}}", text.join(", ")), "values": values})
        };
        let targets = if all_targets { rule.targets.clone() } else { vec![target.to_owned()] };
        targets.iter().flat_map(|target| inputs.iter().map(|input| one(target, input))).collect::<Vec<_>>()
    };
    let expected: Vec<Json> = if all_targets {
        rule.targets.iter().map(|target| expected(rule, &[("target", target.clone())])).collect()
    } else {
        let of_target = ("target", target.to_owned());
        let labels: Vec<_> =
            std::iter::once(of_target).filter(|_| !target.is_empty()).chain(case.labels.clone()).collect();
        vec![expected(rule, &labels)]
    };
    let pace = case.pace;
    let early = case.lead + whole(rule.times.pending, pace).saturating_sub(pace);
    let case_of = |name: &str, inputs: &[InputSeries], fires: bool| {
        let step = |at: Duration, alerts: &[Json]| json!({"eval_time": prometheus_duration(at), "alertname": rule.alert, "exp_alerts": alerts});
        let mut steps = Vec::new();
        // Shortly before the end of `for` the condition holds, but the alert does not fire yet.
        if fires && !rule.times.pending.is_zero() {
            steps.push(step(early, &[]));
        }
        steps.push(step(at, if fires { &expected } else { &[] }));
        json!({
            "name": name,
            "interval": prometheus_duration(sampled),
            "input_series": series(inputs),
            "alert_rule_test": steps,
        })
    };
    let mut tests = vec![case_of("fires", &case.firing, true)];
    // The Watchdog always fires.
    if rule.alert != "ChecklistWatchdog" {
        tests.push(case_of("does not fire", &case.silent, false));
    }
    tests.extend(case.also.iter().map(|also| case_of(also.name, &also.series, also.fires)));
    let firing = 1 + case.also.iter().filter(|also| also.fires).count();
    let cases = (firing, tests.len() - firing);
    let bare = Rule { annotations: BTreeMap::new(), ..rule.clone() };
    let slice = Group { name: "test".to_owned(), records: Vec::new(), rules: vec![bare] };
    let test = json!({"rule_files": [format!("{name}.rules.yaml")], "evaluation_interval": prometheus_duration(pace), "tests": tests});
    Ok(RuleTest { rules: rule_file(&[slice]), test, name, rule: rule.clone(), cases, pace })
}

const TWO_HOURS: Duration = Duration::from_hours(2);

/// Whether a metric is one of the rule's own signal, and not read from another one.
fn metric_is_of(rule: &Rule, metric: &Metric) -> bool {
    rule.entry.as_ref().is_none_or(|entry| entry.signal.metrics.contains(&metric))
}

fn expected(rule: &Rule, labels: &[(&'static str, String)]) -> Json {
    let own = labels.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    // The labels of the rule replace those of the series, as in Prometheus. promtool compares all labels.
    let all: BTreeMap<String, String> = own.chain(rule.labels.clone()).collect();
    json!({"exp_labels": all})
}

/// Returns the evaluation interval of a test. Long waits use half an hour, to keep the number of samples small; a
/// window of an hour still has two samples.
fn pace(pending: Duration) -> Duration {
    Duration::from_mins(if pending > Duration::from_hours(12) { 30 } else { 1 })
}

/// Rounds a time up to a multiple of the evaluation interval, because `ALERTS` has samples only at evaluations.
fn whole(time: Duration, pace: Duration) -> Duration {
    let every = pace.as_secs().max(1);
    Duration::from_secs(time.as_secs().next_multiple_of(every))
}

/// The case of a rule from the catalog, and the time at which the alert must fire.
fn of_entry(entry: &Entry, pending: Duration) -> (Duration, Case) {
    let limit = entry.alert.when.threshold().and_then(|threshold| entry.limits.of(threshold).at(entry.severity));
    let limit = limit.unwrap_or_default();
    let pace = pace(pending);
    let at = (pending + 2 * pace).as_secs_f64();
    let mut case = match entry.alert.when {
        When::Zero(selector) => pair(&[(selector, 0.0, 1.0)]),
        When::Failing(selector) => {
            failing(pending, |values| InputSeries { metric: selector.metric, labels: labels(&selector), values })
        }
        When::Fewer(have, want) => pair(&[(of(have), 1.0, 3.0), (of(want), 3.0, 3.0)]),
        When::None(have, want) => pair(&[(of(have), 0.0, 1.0), (of(want), 3.0, 3.0)]),
        When::Expiring { begin, end, lead, parts } => {
            // The lifetime is so long that the limit is the lead time and not a share of the lifetime.
            let whole = 30.0 * entry.limits.of(lead).warning.unwrap_or(limit);
            let of_life = |end_at: f64, whole: f64| vec![steady(end, end_at), steady(begin, end_at - whole)];
            // The lifetime is so short that the limit is its share, which is half the lead time.
            let short = limit / 2.0 * if entry.severity == Severity::Warning { parts.0 } else { parts.1 };
            // The first is beyond the limit from the start. The last is not, at any time of the test.
            Case::new(of_life(limit / 2.0 - 60.0, whole), of_life(at + 2.0 * limit, whole))
                .fires("fires near the end of a short lifetime", of_life(limit / 4.0 - 60.0, short))
                .quiet("does not fire in the middle of a short lifetime", of_life(at + 0.75 * limit, short))
        }
        When::Enough { part, whole, floor, .. } => {
            let share = limit + 0.2 * limit.min(1.0 - limit);
            let at = |part_of: f64, share: f64| vec![on(&part, part_of), on(&whole, part_of / share)];
            let enough = 4.0 * entry.limits.value(floor).max(1.0);
            let few = at(0.9 * entry.limits.value(floor), share);
            let case = Case::new(at(enough, share), at(enough, 0.8 * limit));
            case.quiet("does not fire on the same ratio of a few", few)
        }
        When::Lasting(selector, _) => {
            let mut case = pair(&[(selector, limit + 1.0, limit)]).hourly().after(Duration::from_hours(6 * 24));
            let labels = labels(&selector);
            let gap = InputSeries {
                metric: selector.metric,
                labels: labels.clone(),
                values: format!("{0}+0x70 _x12 {0}+0x{SAMPLES}", limit + 1.0),
            };
            let pause = InputSeries {
                metric: selector.metric,
                labels,
                values: format!("{0}+0x70 0+0x2 {0}+0x{SAMPLES}", limit + 1.0),
            };
            case = case.fires("fires although scrapes were missed", vec![gap]);
            case.quiet("does not fire if it recovered in between", vec![pause])
        }
        When::Beyond(value, threshold) => {
            let above = threshold.direction == Direction::Above;
            match value {
                Value::Of(one) if above => pair(&[(one, limit + 1.0, limit)]),
                Value::Of(one) => pair(&[(one, limit - 1.0, limit)]),
                Value::Age(one) if above => pair(&[(one, -limit - 60.0, at - limit / 2.0)]),
                Value::Age(one) => pair(&[(one, at, -2.0 * limit)]),
                Value::Until(one) if above => pair(&[(one, at + 2.0 * limit + 60.0, 0.5 * limit)]),
                // The value is below the limit from the start.
                Value::Until(one) => pair(&[(one, at.min(limit - 60.0), at + 2.0 * limit)]),
                Value::Share(part, whole) => {
                    let limit = limit * 1000.0;
                    let (bad, good) = if above { (limit + 5.0, 0.5 * limit) } else { (0.5 * limit, limit + 5.0) };
                    let mut case = pair(&[(part, bad, good), (whole, 1000.0, 1000.0)]);
                    case.labels = labels(&whole);
                    // A label whose values are added up, such as the state of a connection.
                    let free = |label: &&&'static str| !part.matchers.iter().any(|(name, _)| name == *label);
                    let mut added = part.metric.labels.iter().filter(free);
                    match added.find(|label| !whole.metric.labels.contains(label)).filter(|_| above) {
                        None => case,
                        Some(label) => {
                            let seen = |replica: &str, value: &str| {
                                let part = on(&part, 0.6 * limit).with(label, value);
                                [part, on(&whole, 1000.0)].map(|series| series.with("instance", replica))
                            };
                            let both = [seen("a", "one"), seen("b", "other")].concat();
                            case.quiet("does not fire on what two replicas saw at different moments", both)
                        }
                    }
                }
            }
        }
        When::History(history) => (history.case)(&Given { limit, limits: &entry.limits, pending }),
    };
    case.pace = case.pace.max(pace);
    // The test must query at the time of an evaluation.
    case.lead = whole(case.lead, case.pace);
    (case.lead + whole(pending, case.pace) + 2 * case.pace, case)
}

/// Returns a constant series with the selector's labels.
fn on(selector: &Selector, value: f64) -> InputSeries {
    InputSeries { metric: selector.metric, labels: labels(selector), values: constant(value) }
}

/// Returns a case of constant series: the first value of each is bad, the second good. The alert has the labels of the
/// first selector.
fn pair(series: &[(Selector, f64, f64)]) -> Case {
    let constant_series = |selector: &Selector, value: f64| InputSeries {
        metric: selector.metric,
        labels: labels(selector),
        values: constant(value),
    };
    let firing = series.iter().map(|(selector, bad, _)| constant_series(selector, *bad)).collect();
    Case::new(firing, series.iter().map(|(selector, _, good)| constant_series(selector, *good)).collect())
}

/// Returns a constant series of one pod.
fn on_pod(metric: &'static Metric, pod: &str, value: f64) -> InputSeries {
    steady(metric, value).with("pod", pod)
}

/// The case of a series that fails, or that fails every other minute. `for` counts minutes however long it is.
fn failing(pending: Duration, series: impl Fn(String) -> InputSeries) -> Case {
    let times = usize::try_from(pending.as_secs() / 120).unwrap_or(0) + 60;
    let alternating = format!("_ {}", vec!["0 1"; times].join(" "));
    let case = Case::new(vec![series(format!("1+0x4 0+0x{SAMPLES}"))], vec![series(constant(1.0))])
        .after(Duration::from_mins(5))
        .fires("fires when every other look fails", vec![series(alternating)])
        .quiet("does not fire on a failed look now and then", vec![series(format!("{0}{0}1+0x{SAMPLES}", "1+0x4 0 "))]);
    Case { sampled: Some(Duration::from_mins(1)), ..case }
}

/// The case of series of another exporter that are missing.
fn source_missing(rule: &Rule, metric: &'static Metric) -> Option<Case> {
    let unlabelled = |case: Case| Some(Case { labels: Vec::new(), ..case });
    let (at, pace) = (|values: String| vec![input(metric, values)], pace(rule.times.pending));
    let case = Case::new(Vec::new(), vec![steady(metric, 1.0)]);
    if rule.expr.starts_with("absent_over_time") {
        let night = at("1 stale".to_owned());
        return unlabelled(case.quiet("does not fire after an evening without requests", night));
    }
    if !rule.expr.contains(" offset ") {
        return unlabelled(case);
    }
    // Requests for a week, and none from the lead on.
    let lead = Duration::from_hours(170);
    let count = lead.as_secs() / pace.as_secs();
    let case =
        Case { firing: at(format!("1+0x{} stale", count - 1)), silent: at(format!("1+0x{}", count + 100)), ..case };
    let new = at(format!("_x{} 1+0x{} stale", count / 2, count - count / 2 - 1));
    unlabelled(case.after(lead).quiet("does not fire where there were none a week ago", new))
}

/// The case of an alert about the exporter itself.
fn of_meta(rule: &Rule, at: f64) -> Option<Case> {
    let one = steady;
    let case = |firing, silent| Some(Case { labels: Vec::new(), ..Case::new(firing, silent) });
    match rule.alert.as_str() {
        "ChecklistCheckOverdue" => {
            let state = |working: f64, success: Option<f64>| {
                let mut series = vec![one(&INTERVAL, at), one(&PROBE_SUCCESS, working)];
                series.extend(success.map(|success| one(&LAST_SUCCESS, success)));
                series
            };
            let case = Case::new(state(0.0, None), state(1.0, Some(1.0)));
            let case = case.fires("fires when the last success is too old", state(1.0, Some(-3.0 * at - 60.0)));
            let Some(kind) = rule.targets_kind() else { return Some(case) };
            let lost = [state(0.0, None), vec![one(&TARGET_REACHABLE, 0.0).with("kind", kind)]].concat();
            Some(case.quiet("does not fire while its target cannot be reached", lost))
        }
        "ChecklistTargetUnreachable" | "ChecklistRecentOutage" | "ChecklistOutageToday" => {
            let kind = rule.labels.get("kind")?;
            Some(failing(rule.times.pending, |values| input(&TARGET_REACHABLE, values).with("kind", kind)))
        }
        "ChecklistTargetUnsteady" => {
            let reached = |values: String| input(&TARGET_REACHABLE, values).with("kind", "health");
            let times = usize::try_from(rule.times.pending.as_secs() / 240).unwrap_or(0) + 60;
            // After a good hour one look in four fails. The seventh failure is in the 84th minute.
            let one_of_four = reached(format!("1+0x59 {}", vec!["0 1+0x2"; times].join(" ")));
            let once = reached(vec!["1+0x18 0"; times].join(" "));
            let case = Case::new(vec![one_of_four], vec![once]).after(Duration::from_mins(84));
            Some(Case { sampled: Some(Duration::from_mins(1)), ..case })
        }
        "ChecklistCheckIncomplete" => {
            let unseen = |count| one(&UNSEEN, count).with("object", "node").with("reason", "connect");
            let case = Case::new(vec![unseen(1.0)], vec![one(&CHECK_INFO, 1.0)]);
            // The expression adds up the reasons, so the alert has no label `reason`.
            Some(Case { labels: vec![("object", "node".to_owned())], ..case })
        }
        "ChecklistCheckMissing" => {
            let gone = || input(&CHECK_INFO, format!("1+0x{} stale", TWO_HOURS.as_secs() / 60));
            let of = |fingerprint: &str, values: String| input(&CONFIG_INFO, values).with("fingerprint", fingerprint);
            let rules = steady(&RULES_INFO, 1.0).with("fingerprint", "1");
            let until = format!("1+0x{} stale", TWO_HOURS.as_secs() / 60);
            let reloaded = vec![gone(), rules, of("1", until), of("2", format!("_x121 1+0x{SAMPLES}"))];
            let case = Case::new(vec![gone()], vec![one(&CHECK_INFO, 1.0)]).after(TWO_HOURS + Duration::from_mins(1));
            // The series count minutes, however long `for` is.
            let case = Case { labels: Vec::new(), sampled: Some(Duration::from_mins(1)), ..case };
            Some(case.quiet("does not fire after a reload that removes the check", reloaded))
        }
        "ChecklistExporterMissing" => case(Vec::new(), vec![one(&BUILD_INFO, 1.0)]),
        "ChecklistExporterRestarts" => {
            // A restart every 21 minutes: the fourth is in the 84th minute.
            let times = rule.times.pending.as_secs() / 1_260 + 12;
            let restarts: Vec<String> = (0..times).map(|n| format!("{n}+0x20")).collect();
            let few = input(&STARTED, format!("0+0x20 1+0x20 2+0x20 3+0x{SAMPLES}"));
            let case = Case::new(
                vec![input(&STARTED, restarts.join(" ")), one(&BUILD_INFO, 1.0)],
                vec![few, one(&BUILD_INFO, 1.0)],
            );
            let others = vec![input(&STARTED, restarts.join(" "))];
            let case = case.after(Duration::from_mins(83)).quiet("does not fire on other programs", others);
            Some(Case { labels: Vec::new(), sampled: Some(Duration::from_mins(1)), ..case })
        }
        "ChecklistConfigBroken" => case(vec![one(&CONFIG_SUCCESSFUL, 0.0)], vec![one(&CONFIG_SUCCESSFUL, 1.0)]),
        "ChecklistWebConfigBroken" => {
            let pair = |one: f64, other: f64| vec![on_pod(&WEB_CONFIG, "a", one), on_pod(&WEB_CONFIG, "b", other)];
            case(pair(1.0, 0.0), pair(1.0, 1.0))
        }
        "ChecklistSeriesDropped" => case(vec![line(&SERIES_DROPPED, 0.0, 1.0)], vec![one(&SERIES_DROPPED, 5.0)]),
        "ChecklistRulesOutdated" => {
            let (ours, theirs) = (steady(&CONFIG_INFO, 1.0).with("fingerprint", "1"), steady(&RULES_INFO, 1.0));
            let silent = vec![ours.clone(), theirs.clone().with("fingerprint", "1")];
            let fires = Case::new(vec![ours, theirs.with("fingerprint", "2")], silent);
            Some(fires)
        }
        "ChecklistLeaseNotHeld" => {
            let pair = |one: f64, other: f64| vec![on_pod(&LEASE_HELD, "a", one), on_pod(&LEASE_HELD, "b", other)];
            case(pair(0.0, 0.0), pair(0.0, 1.0))
        }
        "ChecklistShardMissing" => {
            let shard = |pod: &str, index: f64| [on_pod(&SHARD, pod, index), on_pod(&SHARDS, pod, 3.0)];
            // Two replicas of one shard do not replace a missing shard.
            let firing = [shard("a", 0.0), shard("b", 0.0), shard("c", 2.0)].concat();
            let silent = [shard("a", 0.0), shard("b", 1.0), shard("c", 2.0), shard("d", 2.0)].concat();
            let unsplit = |pod: &str| [on_pod(&SHARD, pod, 0.0), on_pod(&SHARDS, pod, 1.0)];
            let case = Case { labels: Vec::new(), ..Case::new(firing, silent) };
            Some(case.quiet("does not fire with two replicas of everything", [unsplit("a"), unsplit("b")].concat()))
        }
        "ChecklistShardsDiffer" => case(
            vec![on_pod(&SHARDS, "a", 3.0), on_pod(&SHARDS, "b", 4.0)],
            vec![on_pod(&SHARDS, "a", 4.0), on_pod(&SHARDS, "b", 4.0)],
        ),
        "ChecklistEmergencyOverride" => case(vec![steady(&ACTIVE, 1.0)], vec![steady(&ACTIVE, 0.0)]),
        "ChecklistSourceMissing" => {
            let metric = rule.source?;
            source_missing(rule, metric)
        }
        "ChecklistWatchdog" => case(Vec::new(), Vec::new()),
        _ => None,
    }
}
