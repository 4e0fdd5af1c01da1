//! Trends: the values of panels over the period and the period before, and how much their means differ.

use super::collect::panel;
use super::model::{DayRow, Trend, Verdict};
use super::period::{Kind, Period, seconds, timestamp};
use super::texts::{apart, steady, unit_word};
use super::verdicts;
use crate::server::{NoVerdict, Series, Server};
use checklist::self_metrics::CHECK_PASSED;
use checklist::units::DAY;
use checklist::{Config, Drawing, Panel, PanelQuery, Severity, Signal, Unit, Value};

/// The number of samples that each check needs for a verdict on a day: nine tenths of one in five minutes.
const SEEN_ENOUGH: f64 = 0.9 * 288.0;
/// The number of points of a period, enough for a chart of 720 pixels that shows two periods.
const POINTS: f64 = 96.0;
/// The largest number of series of one panel, those with the highest means first.
const SHOWN: usize = 4;

/// Queries the trends of some signals.
///
/// # Errors
/// When the server does not answer a query.
pub async fn trends(
    server: &Server,
    config: &Config,
    signals: &[&'static Signal],
    period: &Period,
) -> Result<Vec<Trend>, NoVerdict> {
    let (before, from, until) = (seconds(period.before), seconds(period.from), seconds(period.until));
    let step = ((until - from) / POINTS / 60.0).ceil().max(1.0) * 60.0;
    let mut trends = Vec::new();
    for signal in signals.iter().filter(|signal| !config.targets(signal).is_empty()) {
        for (at, shown) in signal.panels.iter().enumerate().filter(|(_, panel)| has_trend(panel)) {
            let Some(expr) = panel(signal, at) else { continue };
            let all = server.query_range(&expr, (before, until), step, &|_, _| {}).await?;
            trends.extend(of_panel(config, signal, shown, all, from));
        }
    }
    Ok(trends)
}

/// Queries the result of the daily round for each of the last seven days.
///
/// # Errors
/// When the server does not answer a query.
pub async fn days(server: &Server, config: &Config, period: &Period) -> Result<Vec<DayRow>, NoVerdict> {
    let ids: Vec<&str> = verdicts::signals(config, Kind::Daily).iter().map(|signal| signal.id).collect();
    let passed = format!("{CHECK_PASSED}{{check=~{:?}}}", ids.join("|"));
    let until = seconds(period.until);
    // A check passed when it passed on one of the replicas.
    let of_day = format!("(max without (instance, pod) ({passed})[1d:5m])");
    let query = async |expr: String| server.query_range(&expr, (until - 6.0 * DAY, until), DAY, &|_, _| {}).await;
    let worst = query(format!("min(min_over_time{of_day})")).await?;
    let seen = query(format!("min(count_over_time{of_day})")).await?;
    let value = |all: &[Series], at: f64| {
        let points = all.iter().flat_map(|series| &series.points);
        points.copied().find(|(known, _)| (known - at).abs() < 1.0).map(|(_, value)| value)
    };
    let row = |ago: u8| {
        let at = until - f64::from(ago) * DAY;
        let verdict = match (value(&worst, at), value(&seen, at)) {
            (Some(passed), _) if passed < 1.0 => Verdict::Warning,
            (Some(_), Some(seen)) if seen >= SEEN_ENOUGH => Verdict::Ok,
            _ => Verdict::CannotTell,
        };
        DayRow { until: timestamp(at), verdict }
    };
    Ok((0..7).rev().map(row).collect())
}

/// Whether a panel's values are worth a trend. Ages and remaining times rise and fall by themselves, and tables and
/// yes-or-no panels show the moment.
fn has_trend(panel: &Panel) -> bool {
    let level = !matches!(panel.query, PanelQuery::Value(Value::Age(_) | Value::Until(_)));
    level && !matches!(panel.drawing, Drawing::Table | Drawing::Whether)
}

fn of_panel(config: &Config, signal: &'static Signal, panel: &Panel, all: Vec<Series>, from: f64) -> Vec<Trend> {
    let mut trends: Vec<Trend> = all
        .into_iter()
        .map(|series| {
            let target = series.labels.get("target").cloned().unwrap_or_default();
            let levels = panel.threshold.map(|threshold| config.limits(signal, &target).of(threshold));
            let points: Vec<(f64, f64)> =
                series.points.iter().filter(|(_, v)| v.is_finite()).map(|(at, v)| (*at, steady(*v))).collect();
            let level = |severity| levels.and_then(|levels| levels.at(severity));
            let limits = [level(Severity::Warning), level(Severity::Critical)];
            let (before, now): (Vec<_>, Vec<_>) = points.iter().partition(|(at, _)| *at <= from);
            let (mean, before) = (mean(&now), mean(&before));
            let change = change(mean, before);
            Trend {
                check: signal.id,
                title: panel.title,
                of: format!("{target} {}", apart(&series.labels)).trim().to_owned(),
                unit: unit_word(panel.unit()),
                mean,
                before,
                change,
                human: words(panel.unit(), mean, before, change),
                points,
                limits,
            }
        })
        .collect();
    let size = |trend: &Trend| trend.mean.unwrap_or(f64::MIN);
    trends.sort_by(|a, b| size(b).total_cmp(&size(a)).then_with(|| a.of.cmp(&b.of)));
    trends.truncate(SHOWN);
    trends
}

/// The mean, the mean before and the change as text.
fn words(unit: Unit, mean: Option<f64>, before: Option<f64>, change: Option<f64>) -> [String; 3] {
    let value = |value: Option<f64>| value.map_or_else(|| "no value".to_owned(), |value| unit.human(value));
    let change = change.map_or_else(|| "-".to_owned(), |change| format!("{:+.1}%", change * 100.0));
    // A change that rounds to zero has no sign of decrease.
    let change = if change == "-0.0%" { "+0.0%".to_owned() } else { change };
    [value(mean), value(before), change]
}

fn mean(points: &[(f64, f64)]) -> Option<f64> {
    (!points.is_empty()).then(|| steady(points.iter().map(|(_, value)| value).sum::<f64>() / points.len() as f64))
}

/// Returns the change as a ratio of the value before. `None` when that is missing or zero.
fn change(now: Option<f64>, before: Option<f64>) -> Option<f64> {
    let before = before.filter(|before| *before != 0.0)?;
    Some(steady((now? - before) / before.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(of: &str, values: &[f64]) -> Series {
        let labels = [("check", "requests"), ("target", of)].map(|(a, b)| (a.to_owned(), b.to_owned())).into();
        Series { labels, points: values.iter().enumerate().map(|(at, value)| (at as f64, *value)).collect() }
    }

    #[test]
    fn the_mean_of_the_period_is_compared_with_that_of_the_one_before() {
        let config = Config::parse("checklist.yaml", "traffic: [{name: t, selector: 'job=\"a\"'}]\n");
        let config = config.unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let signal = config.signal("requests").unwrap_or_else(|| panic!("requests"));
        let all = vec![series("small", &[1.0, 1.0, 1.0, 1.0]), series("great", &[100.0, 100.0, 150.0, 150.0])];
        let trends = of_panel(&config, signal, &signal.panels[0], all, 1.0);
        assert_eq!(trends[0].of, "great");
        assert_eq!(trends[0].human, ["150", "100", "+50.0%"]);
        assert_eq!(trends[1].human, ["1", "1", "+0.0%"]);
    }

    #[test]
    fn without_a_previous_value_there_is_no_change() {
        assert_eq!(change(Some(1.0), None), None);
        assert_eq!(change(Some(1.0), Some(0.0)), None);
        assert_eq!(change(Some(-1.0), Some(-2.0)), Some(0.5));
        assert_eq!(words(Unit::Count, None, Some(2.0), None), ["no value", "2", "-"]);
    }
}
