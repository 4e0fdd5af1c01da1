//! Evaluates a set of rules on the history in a real Prometheus. Recording rules are written back as series; alerts go
//! through the same state machine as in Prometheus, at a step of one minute.

use super::board::{Labels, Tracks};
use super::remote_write;
use anyhow::Context;
use futures::StreamExt;
use rules_gen::lint::expr::reach;
use rules_gen::promql::duration;
use rules_gen::review::backtest::{Machine, Waits};
use rules_gen::review::rule_set::{Kind, ListedRule};
use rules_gen::server::{Login, NoVerdict, Series, Server};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Seconds in a minute.
const MINUTE: f64 = 60.0;
/// Number of queries at a time. Prometheus evaluates each query on one core.
const AT_A_TIME: usize = 2;

/// A period in which one alert fired, in minutes of the simulation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firing {
    /// Labels of the alert, including `alertname`.
    pub labels: Labels,
    /// First minute.
    pub begin: usize,
    /// Minute after the last one.
    pub end: usize,
}

/// The period for which rules are evaluated.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// Unix milliseconds of minute 0.
    pub begin: i64,
    /// Number of minutes.
    pub minutes: usize,
    /// First minute at which alerts are evaluated. Recording rules are evaluated as much earlier as alerts look back.
    pub alerts_from: usize,
}

impl Span {
    fn seconds(self, from: usize) -> (f64, f64) {
        let begin = self.begin as f64 / 1000.0;
        ((from as f64).mul_add(MINUTE, begin), (self.minutes as f64 - 1.0).mul_add(MINUTE, begin))
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "minutes of a month")]
    fn minute(self, seconds: f64) -> usize {
        ((seconds - self.begin as f64 / 1000.0) / MINUTE).round() as usize
    }
}

/// What a set of rules gave.
#[derive(Debug, Default)]
pub struct Evaluated {
    /// Periods in which alerts fired.
    pub firing: Vec<Firing>,
    /// Rules that Prometheus could not evaluate, with its answer. It goes on without them.
    pub broken: Vec<String>,
}

/// Evaluates rules in order. The results of recording rules are written back, so that later rules can read them. A
/// recording rule that no alert depends on is left out: it is for dashboards. `report` gets the name of each rule and how long its query took.
///
/// # Errors
/// Fails when Prometheus does not answer or refuses recorded series.
pub async fn firing(
    port: u16,
    rules: &[ListedRule],
    span: Span,
    report: &(dyn Fn(&str, Duration) + Sync),
) -> anyhow::Result<Evaluated> {
    let server = Server { url: format!("http://127.0.0.1:{port}"), login: Login::default() };
    let (records, alerts): (Vec<&ListedRule>, Vec<&ListedRule>) =
        rules.iter().partition(|rule| matches!(rule.kind, Kind::Record));
    let mut broken = Vec::new();
    let from = beginnings(&records, &alerts, span.alerts_from);
    for (rule, from) in records.into_iter().zip(from) {
        let Some(from) = from else { continue };
        let all = match query(&server, rule, span, from, report).await {
            Ok(all) => all,
            Err(error) => {
                broken.push(broken_expression(error)?);
                continue;
            }
        };
        let tracks: Tracks = all.into_iter().map(|series| track(rule, series, span)).collect();
        remote_write::send(port, &tracks, span.begin, span.minutes).await?;
    }
    let server = &server;
    let queries = alerts.into_iter().map(|rule| async move {
        let all = query(server, rule, span, span.alerts_from, report).await;
        all.map(|all| fired(rule, all, span))
    });
    let results: Vec<anyhow::Result<Vec<Firing>>> = futures::stream::iter(queries).buffered(AT_A_TIME).collect().await;
    let mut firing = Vec::new();
    for result in results {
        match result {
            Ok(of_rule) => firing.extend(of_rule),
            Err(error) => broken.push(broken_expression(error)?),
        }
    }
    Ok(Evaluated { firing, broken })
}

/// Returns the words of an error if Prometheus cannot evaluate the expression. Any other error is none of the rule.
fn broken_expression(error: anyhow::Error) -> anyhow::Result<String> {
    let of_the_expression = error.downcast_ref::<NoVerdict>().is_some_and(|one| one.of_the_expression);
    if of_the_expression { Ok(format!("{error:#}")) } else { Err(error) }
}

/// Returns for each recording rule the first minute whose value an alert can depend on. `None` when no alert reads it,
/// also not through later recording rules.
fn beginnings(records: &[&ListedRule], alerts: &[&ListedRule], alerts_from: usize) -> Vec<Option<usize>> {
    let mut readers: Vec<Reader> = alerts.iter().map(|rule| Reader::new(&rule.expr, alerts_from)).collect();
    let mut all = Vec::new();
    for rule in records.iter().rev() {
        let from = readers.iter().filter(|reader| reader.reads(&rule.name)).map(|reader| reader.oldest).min();
        readers.extend(from.map(|from| Reader::new(&rule.expr, from)));
        all.push(from);
    }
    all.reverse();
    all
}

/// What a rule reads.
struct Reader {
    /// The metrics. `None` when they are not known: the expression does not parse, or finds metrics by a pattern.
    metrics: Option<BTreeSet<String>>,
    /// The oldest minute that the rule reads.
    oldest: usize,
}

impl Reader {
    /// A rule with this expression that is evaluated from minute `from` on.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "minutes of a month")]
    fn new(expr: &str, from: usize) -> Self {
        let Ok(query) = promql::parse(expr) else { return Self { metrics: None, oldest: 0 } };
        let metrics = query.expr.selectors().into_iter().map(|one| one.metric().map(str::to_owned)).collect();
        // Prometheus takes values that are up to five minutes old as present ones.
        let back = (reach(&query.expr) / MINUTE).ceil() as usize + 5;
        Self { metrics, oldest: from.saturating_sub(back) }
    }

    fn reads(&self, metric: &str) -> bool {
        self.metrics.as_ref().is_none_or(|metrics| metrics.contains(metric))
    }
}

/// Returns the values of a rule's expression at each of its steps.
async fn query(
    server: &Server,
    rule: &ListedRule,
    span: Span,
    from: usize,
    report: &(dyn Fn(&str, Duration) + Sync),
) -> anyhow::Result<Vec<Series>> {
    let begun = Instant::now();
    let step = step(rule) as f64 * MINUTE;
    let all = server.query_range(&rule.expr, span.seconds(from), step, &|_, _| {}).await;
    report(&rule.name, begun.elapsed());
    all.with_context(|| format!("{}: {}", rule.name, rule.expr))
}

/// Returns the minutes between two evaluations of a rule. It is one, which is Prometheus' default interval. For a rule
/// with a range of a day or more it is ten, and a result holds until the next one: such a range changes little in ten
/// minutes, and evaluating it every minute of a month would take hours.
fn step(rule: &ListedRule) -> usize {
    let windows = rule.expr.split('[').skip(1).filter_map(|rest| rest.split([']', ':']).next());
    let longest = windows.filter_map(|window| duration::parse(window.trim()).ok()).max().unwrap_or_default();
    if longest >= Duration::from_hours(24) { 10 } else { 1 }
}

fn labels(rule: &ListedRule, mut labels: Labels) -> Labels {
    labels.remove("__name__");
    labels.extend(rule.labels.clone());
    labels
}

fn track(rule: &ListedRule, series: Series, span: Span) -> ((String, Labels), Vec<f64>) {
    let mut values = vec![f64::NAN; span.minutes];
    for (at, value) in series.points {
        for slot in values.iter_mut().skip(span.minute(at)).take(step(rule)) {
            *slot = value;
        }
    }
    ((rule.name.clone(), labels(rule, series.labels)), values)
}

fn fired(rule: &ListedRule, all: Vec<Series>, span: Span) -> Vec<Firing> {
    let milliseconds = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    let waits = Waits { pending: milliseconds(rule.pending), keep_firing: milliseconds(rule.keep_firing) };
    let mut sets: BTreeMap<Labels, Vec<bool>> = BTreeMap::new();
    for series in all {
        let mut labels = labels(rule, series.labels);
        labels.insert("alertname".to_owned(), rule.name.clone());
        let holds = sets.entry(labels).or_insert_with(|| vec![false; span.minutes]);
        for (at, _) in series.points {
            for slot in holds.iter_mut().skip(span.minute(at)).take(step(rule)) {
                *slot = true;
            }
        }
    }
    let mut all = Vec::new();
    for (labels, holds) in sets {
        let at = |minute: usize| i64::try_from(minute).unwrap_or(i64::MAX).saturating_mul(60_000);
        let mut machine = Machine::new(waits);
        for (minute, holds) in holds.iter().enumerate() {
            machine.evaluate(at(minute), *holds);
        }
        let minute = |at: i64| usize::try_from(at / 60_000).unwrap_or_default();
        let episodes = machine.finish(at(span.minutes));
        all.extend(episodes.into_iter().map(|episode| Firing {
            labels: labels.clone(),
            begin: minute(episode.begin),
            end: minute(episode.end),
        }));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recording_rules_begin_as_early_as_an_alert_looks_back_through_others() -> anyhow::Result<()> {
        let rules = rules_gen::review::rule_set::read(
            "groups:
- name: a
  rules:
  - {record: 'a:rate5m', expr: 'rate(a[5m])'}
  - {record: 'a:day', expr: 'avg_over_time(a:rate5m[1d])'}
  - {record: 'for_a_dashboard', expr: 'sum(a:rate5m)'}
  - {alert: A, expr: 'a:day offset 1h > 5'}
",
        )?;
        let (records, alerts): (Vec<&ListedRule>, Vec<&ListedRule>) =
            rules.iter().partition(|rule| matches!(rule.kind, Kind::Record));
        let day = 5000 - 60 - 5;
        assert_eq!(beginnings(&records, &alerts, 5000), [Some(day - 1440 - 5), Some(day), None]);
        Ok(())
    }
}
