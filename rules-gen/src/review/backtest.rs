//! Computes when alerts would have fired in the past, also with other limits and other values of `for`.

mod history;
pub mod html;
pub mod machine;
pub mod output;
mod recorded;
mod replay;
mod report;
pub mod settings;
mod sweep;

pub use machine::{Episode, Machine, State, UnixMillis, Waits};
pub use report::{Alert, Failed, Report};
pub use sweep::{Budget, Sweep};

use crate::promql;
use crate::review::rule_set::{Kind, ListedRule};
use crate::server::{NoVerdict, Past};
use crate::terminal::Progress;
use anyhow::{Context, ensure};
use jiff::tz::TimeZone;
use recorded::{Recorded, WrittenOut};
use replay::{Clock, Replay};
use settings::Settings;

/// The approximate number of points in one response, over all its series.
const POINTS: f64 = 500_000.0;
/// The largest number of steps. More are probably a mistake in `--range` or `--step`.
const MAX_STEPS: usize = 10_000_000;

/// Replays the alerts that the settings choose. With `draws` the curves are kept for charts.
pub async fn replay_all(
    settings: &Settings,
    rules: &[ListedRule],
    zone: &TimeZone,
    draws: bool,
) -> anyhow::Result<Report> {
    let wanted = settings.alert.as_deref().map(|text| regex::Regex::new(&format!("^(?:{text})$"))).transpose();
    let wanted = wanted.context("--alert is not a regular expression")?;
    let chosen: Vec<&ListedRule> = rules
        .iter()
        .filter(|rule| rule.kind == Kind::Alert)
        .filter(|rule| wanted.as_ref().is_none_or(|wanted| wanted.is_match(&rule.name)))
        .collect();
    ensure!(!chosen.is_empty(), "no alert matches; --alert must match the whole name");
    let clock = clock(&settings.past)?;
    let progress = Progress::new();
    progress.show("the start of the history");
    let records = rules.iter().filter(|rule| rule.kind == Kind::Record).map(|rule| rule.name.clone()).collect();
    let mut history = history::History::read(&settings.server, clock, records).await?;
    let recorded = Recorded::of(rules, settings.past.step.as_secs_f64());
    let (mut alerts, mut failed) = (Vec::new(), Vec::new());
    for (at, rule) in chosen.iter().enumerate() {
        let place = format!("{} of {}: {}", at + 1, chosen.len(), rule.name);
        progress.show(&place);
        if let Err(errors) = ::promql::parse(&rule.expr) {
            failed.push(Failed::new(rule, format!("it does not parse: {}", promql::mistakes(&errors, &rule.expr))));
            continue;
        }
        let written = recorded.written_out(&rule.expr);
        let show = |done, of| progress.show(&format!("{place}, slice {done} of {of}"));
        match replay((settings, draws), (rule, &written), &mut history, zone, &show).await {
            Ok(alert) => alerts.push(alert),
            // The server may be able to evaluate the other alerts.
            Err(error) if error.of_the_expression => failed.push(Failed::new(rule, error.why)),
            Err(error) => return Err(error.into()),
        }
    }
    progress.end();
    Ok(Report::new(settings, &history, zone, alerts, failed))
}

fn clock(past: &Past) -> anyhow::Result<Clock> {
    let (start, end) = past.milliseconds()?;
    let step = i64::try_from(past.step.as_millis())?;
    let count = usize::try_from((end - start) / step)?;
    ensure!(count < MAX_STEPS, "--range has more than {MAX_STEPS} steps");
    Ok(Clock { start, step, count: count + 1, missed: Vec::new() })
}

async fn replay(
    (settings, draws): (&Settings, bool),
    (rule, written): (&ListedRule, &WrittenOut),
    history: &mut history::History<'_>,
    zone: &TimeZone,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Alert, NoVerdict> {
    let mut warnings = history.warnings(&written.expr).await?;
    warnings.extend(written.warnings.iter().cloned());
    if !written.records.is_empty() {
        let records = written.records.join(", ");
        warnings.push(format!("recording rules of the same files are evaluated too: {records}"));
    }
    let compared = promql::limit_comparison(&written.expr);
    let sweeps = matches!(settings.sweep, Some(Sweep::Threshold(_)));
    if sweeps && compared.is_none() {
        warnings.push(
            "the expression does not have the form `expression op number`, so it has no threshold to sweep".to_owned(),
        );
    }
    if rule.labels.values().any(|value| value.contains("{{")) {
        warnings.push("a label of the rule is a template: the backtest does not distinguish its values".to_owned());
    }
    let (variants, ordered) = sweep::variants(settings.sweep.as_ref(), rule.pending, compared.as_ref());
    // The replay compares the values itself only where it needs them: for other limits and for curves. Otherwise the
    // server evaluates the whole expression.
    let values = compared.as_ref().filter(|_| sweeps || draws);
    let expr = values.map_or(&written.expr, |compared| &compared.lhs);
    let clock = &history.clock;
    let mut work = Replay::new(rule, clock, &variants, values.map(|compared| compared.comparison), draws);
    let (first, last) = (clock.start as f64 / 1000.0, clock.last() as f64 / 1000.0);
    let series = settings.server.query(&format!("count({expr})"), last).await;
    let series = series.ok().and_then(|rows| rows.first().map(|row| row.1)).unwrap_or(1.0).max(1.0);
    let step = clock.step as f64 / 1000.0;
    let mut take = |series| work.take(series);
    settings.server.each_slice(expr, (first, last), step, POINTS / series, &mut take, progress).await?;
    let (outcomes, curves) = work.finish();
    let (covered, sees) = (history.covered(&written.expr), history.sees(&written.expr));
    Ok(Alert::new(rule, compared, &variants, ordered, outcomes, curves)
        .judged_by(settings.budget.as_ref(), covered, sees, zone)
        .warned(warnings))
}
