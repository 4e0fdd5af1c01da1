//! The capacity part of the quarterly report: current use, forecasts, and the day on which each limit is reached.

use super::forecast::{self, Forecast, HISTORY_DAYS, forecast};
use super::period::seconds;
use super::texts::{apart, steady, unit_word};
use crate::server::{Labels, NoVerdict, Series, Server};
use checklist::signals::utilization::{
    NODE_CPU, NODE_CPU_ALLOCATABLE, NODE_MEMORY, NODE_MEMORY_ALLOCATABLE, POD_CPU, POD_CPU_LIMIT, POD_MEMORY,
    POD_MEMORY_LIMIT,
};
use checklist::signals::{database_size, disk, requests};
use checklist::units::DAY;
use checklist::{Config, Metric, Scope, Severity, Unit};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::Serialize;
use std::collections::BTreeMap;

/// The largest number of resources of one kind in the report, the nearest to their limits first. A plan that lists
/// hundreds of volumes is not read.
const EACH: usize = 10;

/// The capacity part of a report.
#[derive(Debug, Clone, Serialize)]
pub struct Capacity {
    /// Days of history that each forecast uses.
    pub history_days: usize,
    /// The share of future values that lie within the interval, from 0 to 1.
    pub level: f64,
    pub resources: Vec<Resource>,
    /// The number of resources that the report leaves out because they are further from their limits.
    pub left_out: usize,
}

/// The use and the forecast of one resource.
#[derive(Debug, Clone, Serialize)]
pub struct Resource {
    /// `database`, `volume`, `requests`, `workload cpu`, `node cpu`, `workload memory` or `node memory`.
    pub kind: &'static str,
    /// The target of the signal.
    pub target: String,
    /// The labels that distinguish the resource from others of its target, such as `namespace=a pod=b`.
    pub of: String,
    /// `bytes`, or `count` for requests a second and CPU cores.
    pub unit: &'static str,
    /// The value on the last day of the history.
    pub current: Option<f64>,
    /// The slope of a straight line through the history (least squares), per day.
    pub growth_per_day: Option<f64>,
    /// The mean absolute percentage errors on the last two weeks, as ratios: of the seasonal model, then of the line.
    /// Both were fitted without these weeks.
    pub error: Option<(f64, f64)>,
    /// The reason why there is no forecast.
    pub refused: Option<String>,
    /// The forecasts for three, six and twelve months ahead.
    pub ahead: Vec<Ahead>,
    /// The limits and the days on which they are reached.
    pub limits: Vec<Limit>,
    /// The forecast with all its days, for the chart.
    #[serde(skip)]
    pub chart: Option<Forecast>,
    /// The unit for the chart, which `unit` says as text.
    #[serde(skip)]
    pub unit_kind: Unit,
    /// The time of the last day of the history.
    #[serde(skip)]
    pub until: Timestamp,
}

/// The forecast for one day.
#[derive(Debug, Clone, Serialize)]
pub struct Ahead {
    pub months: i32,
    pub day: Date,
    /// The seasonal model's value on the busiest day of the week that ends on `day`.
    pub seasonal: f64,
    /// The lower end of the seasonal model's interval.
    pub low: f64,
    /// The upper end of the seasonal model's interval.
    pub high: f64,
    /// The value of the straight line on `day`.
    pub linear: f64,
}

/// A limit of a resource.
#[derive(Debug, Clone, Serialize)]
pub struct Limit {
    /// `warning`, `critical` or `full`.
    pub name: String,
    pub value: f64,
    /// When the seasonal model reaches the limit.
    pub seasonal: Met,
    /// When the upper end of the interval reaches the limit: the earliest day to expect.
    pub earliest: Met,
    /// When the straight line reaches the limit.
    pub linear: Met,
}

/// When a limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Met {
    /// The current value is at or beyond the limit.
    Already,
    On(Date),
    /// The forecast stays below the limit for twelve months.
    NotWithinAYear,
    /// There is no forecast.
    Unknown,
}

impl std::fmt::Display for Met {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Already => f.write_str("already"),
            Self::On(day) => write!(f, "{day}"),
            Self::NotWithinAYear => f.write_str("not within 12 months"),
            Self::Unknown => f.write_str("cannot tell"),
        }
    }
}

/// A kind of resource and the metrics of its use and of its size.
struct Kind {
    name: &'static str,
    signal: &'static str,
    unit: Unit,
    used: &'static Metric,
    /// The function that makes one value of a day: the mean for storage, which fills up, and the 95th percentile for
    /// CPU and memory, where the peaks matter.
    day: &'static str,
    /// The metric of the whole size. `None` when the resource has none.
    whole: Option<&'static Metric>,
    /// The key of the threshold that gives the warning and critical levels.
    threshold: Option<&'static str>,
}

/// The mean of a day.
const MEAN: &str = "avg_over_time";
/// The 95th percentile of a day: the value is higher for 72 minutes of the day.
const PEAK: &str = "quantile_over_time(0.95, ";

#[rustfmt::skip]
const KINDS: &[Kind] = &[
    Kind { name: "database", signal: "database_size", unit: Unit::Bytes, used: &database_size::BYTES, day: MEAN, whole: None, threshold: Some("database_size.limit") },
    Kind { name: "volume", signal: "disk", unit: Unit::Bytes, used: &disk::USED, day: MEAN, whole: Some(&disk::CAPACITY), threshold: Some("disk.usage") },
    Kind { name: "requests", signal: "requests", unit: Unit::Count, used: &requests::VOLUME, day: MEAN, whole: None, threshold: None },
    Kind { name: "workload cpu", signal: "utilization", unit: Unit::Count, used: &POD_CPU, day: PEAK, whole: Some(&POD_CPU_LIMIT), threshold: Some("utilization.usage") },
    Kind { name: "workload memory", signal: "utilization", unit: Unit::Bytes, used: &POD_MEMORY, day: PEAK, whole: Some(&POD_MEMORY_LIMIT), threshold: Some("utilization.usage") },
    Kind { name: "node cpu", signal: "utilization", unit: Unit::Count, used: &NODE_CPU, day: PEAK, whole: Some(&NODE_CPU_ALLOCATABLE), threshold: Some("utilization.usage") },
    Kind { name: "node memory", signal: "utilization", unit: Unit::Bytes, used: &NODE_MEMORY, day: PEAK, whole: Some(&NODE_MEMORY_ALLOCATABLE), threshold: Some("utilization.usage") },
];

/// Forecasts every configured resource as of the time `until`.
///
/// # Errors
/// When the server does not answer a query.
pub async fn capacity(
    server: &Server,
    config: &Config,
    until: Timestamp,
    zone: &TimeZone,
) -> Result<Capacity, NoVerdict> {
    let mut capacity =
        Capacity { history_days: HISTORY_DAYS, level: forecast::LEVEL, resources: Vec::new(), left_out: 0 };
    for kind in KINDS {
        let Some(signal) = config.signal(kind.signal).filter(|signal| !config.targets(signal).is_empty()) else {
            continue;
        };
        let scope = Scope::new(kind.signal, Vec::new());
        let now = seconds(until);
        let from = now - (HISTORY_DAYS - 1) as f64 * DAY;
        // Only the metric's own labels: within ninety days the same resource may have been scraped by different jobs.
        let labels: Vec<&str> = ["target"].into_iter().chain(kind.used.labels.iter().copied()).collect();
        let own = |expr: String| format!("max by ({}) ({expr})", labels.join(", "));
        let expr = own(scope.over(kind.day, kind.used, "1d"));
        let all = server.query_range(&expr, (from, now), DAY, &|_, _| {}).await?;
        let wholes: BTreeMap<Labels, f64> = match kind.whole {
            Some(metric) => server.query(&own(scope.max(metric)), now).await?.into_iter().collect(),
            None => BTreeMap::new(),
        };
        let as_resource = |series: &Series| {
            let target = series.labels.get("target").map_or("", String::as_str);
            let key = kind.threshold.and_then(|key| signal.thresholds.iter().find(|threshold| threshold.key == key));
            let levels = key.map(|threshold| config.limits(signal, target).of(threshold)).unwrap_or_default();
            let whole = wholes.get(&series.labels).copied();
            let limits = [Severity::Warning, Severity::Critical]
                .into_iter()
                .filter_map(|s| Some((s.as_str().to_owned(), levels.at(s)?)))
                .filter_map(|(name, level)| match kind.whole {
                    // The level is a share of the whole, so it is unknown while the whole is.
                    Some(_) => Some((name, steady(level * whole?))),
                    None => Some((name, level)),
                })
                .chain(whole.map(|whole| ("full".to_owned(), whole)));
            let limits: Vec<(String, f64)> = limits.collect();
            resource(kind, series, from, limits, (until, zone))
        };
        let mut resources: Vec<Resource> = all.iter().map(as_resource).collect();
        let near = |r: &Resource| {
            let least = r.limits.iter().map(|limit| limit.value).min_by(f64::total_cmp);
            r.current.unwrap_or(0.0) / least.unwrap_or(f64::INFINITY)
        };
        resources.sort_by(|a, b| near(b).total_cmp(&near(a)).then_with(|| (&a.target, &a.of).cmp(&(&b.target, &b.of))));
        capacity.left_out += resources.len().saturating_sub(EACH);
        resources.truncate(EACH);
        capacity.resources.extend(resources);
    }
    Ok(capacity)
}

fn resource(
    kind: &Kind,
    series: &Series,
    from: f64,
    limits: Vec<(String, f64)>,
    (until, zone): (Timestamp, &TimeZone),
) -> Resource {
    let mut days = vec![None; HISTORY_DAYS];
    for (at, value) in series.points.iter().filter(|(_, value)| value.is_finite()) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small integer")]
        let day = ((at - from) / DAY).round().max(0.0) as usize;
        if let Some(place) = days.get_mut(day) {
            *place = Some(steady(*value));
        }
    }
    let today = until.to_zoned_datetime(zone.clone()).date();
    let current = days.last().copied().flatten();
    let mut resource = Resource {
        kind: kind.name,
        target: series.labels.get("target").cloned().unwrap_or_default(),
        of: apart(&series.labels),
        unit: unit_word(kind.unit),
        current,
        growth_per_day: None,
        error: None,
        refused: None,
        ahead: Vec::new(),
        limits: Vec::new(),
        chart: None,
        unit_kind: kind.unit,
        until,
    };
    let seen = forecast(&days);
    let met = |values: Option<&Vec<f64>>, limit: f64| match (current, values) {
        (Some(current), _) if current >= limit => Met::Already,
        (_, None) => Met::Unknown,
        (_, Some(values)) => values
            .iter()
            .position(|value| *value >= limit)
            .map_or(Met::NotWithinAYear, |at| on(today, at + 1).map_or(Met::NotWithinAYear, Met::On)),
    };
    let good = seen.as_ref().ok();
    resource.limits = limits
        .into_iter()
        .map(|(name, value)| Limit {
            name,
            value,
            seasonal: met(good.map(|f| &f.seasonal), value),
            earliest: met(good.map(|f| &f.high), value),
            linear: met(good.map(|f| &f.linear), value),
        })
        .collect();
    match seen {
        Ok(forecast) => {
            resource.ahead = [3, 6, 12].into_iter().filter_map(|months| ahead(&forecast, today, months)).collect();
            resource.growth_per_day = Some(steady(forecast.slope));
            resource.error = forecast.error.map(|(seasonal, linear)| (steady(seasonal), steady(linear)));
            resource.chart = Some(forecast);
        }
        Err(why) => resource.refused = Some(why),
    }
    resource
}

fn ahead(forecast: &Forecast, today: Date, months: i32) -> Option<Ahead> {
    let day = today.checked_add(months.months()).ok()?;
    let days = usize::try_from(day.duration_since(today).as_hours() / 24).ok()?;
    let last = days.checked_sub(1)?;
    // The busiest day of the week that ends on `day`: the day itself may be a Sunday, when use is low.
    let week = last.saturating_sub(6)..=last.min(forecast.seasonal.len().checked_sub(1)?);
    let busiest = week.max_by(|a, b| forecast.seasonal[*a].total_cmp(&forecast.seasonal[*b]))?;
    let value = |values: &[f64], at: usize| values.get(at).copied().map(steady);
    Some(Ahead {
        months,
        day,
        seasonal: value(&forecast.seasonal, busiest)?,
        low: value(&forecast.low, busiest)?,
        high: value(&forecast.high, busiest)?,
        linear: value(&forecast.linear, last)?,
    })
}

fn on(today: Date, days: usize) -> Option<Date> {
    today.checked_add(i64::try_from(days).ok()?.days()).ok()
}

/// Returns the times of a forecast's history and of its future, in Unix seconds.
pub fn times(resource: &Resource, forecast: &Forecast) -> (Vec<f64>, Vec<f64>) {
    let last = seconds(resource.until);
    let count = forecast.history.len();
    let past = (0..count).map(|at| last - (count - 1 - at) as f64 * DAY).collect();
    (past, (1..=forecast.seasonal.len()).map(|at| last + at as f64 * DAY).collect())
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::period::timestamp;
    use super::*;

    fn growing(days: usize) -> Series {
        let first = (HISTORY_DAYS - days) as f64;
        let points = (0..days).map(|at| ((first + at as f64) * DAY, 100.0 + at as f64)).collect();
        let labels = [("target", "=cmd"), ("database", "a,\"b\"")].map(|(a, b)| (a.to_owned(), b.to_owned())).into();
        Series { labels, points }
    }

    pub(in crate::review::report) fn of(days: usize, limits: &[f64]) -> Resource {
        let until = timestamp((HISTORY_DAYS - 1) as f64 * DAY);
        let limits = limits.iter().map(|limit| ("warning".to_owned(), *limit)).collect();
        resource(&KINDS[0], &growing(days), 0.0, limits, (until, &TimeZone::UTC))
    }

    #[test]
    fn each_limit_has_the_date_on_which_the_forecast_reaches_it() {
        // The last day is 1970-03-31 with 189.
        let resource = of(90, &[150.0, 200.0, 1e6]);
        let met: Vec<Met> = resource.limits.iter().map(|limit| limit.linear).collect();
        let day = "1970-04-11".parse().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(met, [Met::Already, Met::On(day), Met::NotWithinAYear]);
        assert_eq!(
            resource.ahead.iter().map(|a| a.day.to_string()).collect::<Vec<_>>(),
            ["1970-06-30", "1970-09-30", "1971-03-31"]
        );
        assert!((resource.ahead[2].linear - 554.0).abs() < 0.01, "{:?}", resource.ahead[2]);
    }

    #[test]
    fn a_refused_forecast_has_no_dates() {
        let resource = of(30, &[200.0]);
        assert!(resource.ahead.is_empty() && resource.refused.as_deref().is_some_and(|why| why.contains("30 days")));
        assert_eq!(resource.limits[0].seasonal, Met::Unknown);
    }
}
