//! The results of queries, and how they are read from responses. What is in an unknown form is an error, and not an
//! empty result.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// A server gave no usable response, so the command has no verdict and exits with code 3.
#[derive(Debug)]
pub struct NoVerdict {
    /// The server and the reason.
    pub why: String,
    /// Whether the server answered that it cannot evaluate this expression. It may evaluate others.
    pub of_the_expression: bool,
    /// Whether the response would have been too large or too late. One for a shorter time may not be.
    pub too_much: bool,
}

impl NoVerdict {
    /// Returns the error for a missing or unusable answer.
    pub fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), of_the_expression: false, too_much: false }
    }
}

impl fmt::Display for NoVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for NoVerdict {}

/// Label values by name.
pub type Labels = BTreeMap<String, String>;

/// A series of a response.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub labels: Labels,
    /// Unix seconds and value of each point, ordered by time.
    pub points: Vec<(f64, f64)>,
}

/// The reason why a result cannot be read.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// There is no result, or it is in an unknown form.
    Form,
    /// The values are native histograms.
    Histograms,
}

impl Unreadable {
    /// Returns the error for the response of a server.
    pub(super) fn of(self, url: &str) -> NoVerdict {
        match self {
            Self::Form => NoVerdict::new(format!("{url}: the response has no result, or one in an unknown form")),
            Self::Histograms => NoVerdict {
                why: format!("{url}: the result has native histograms, which are not numbers"),
                of_the_expression: true,
                too_much: false,
            },
        }
    }

    /// Returns why a row has no numbers.
    fn row(row: &Value) -> Self {
        if row["histogram"].is_array() || row["histograms"].is_array() { Self::Histograms } else { Self::Form }
    }
}

/// Returns the rows of a result.
fn rows(data: &Value) -> Result<&[Value], Unreadable> {
    data["result"].as_array().map(Vec::as_slice).ok_or(Unreadable::Form)
}

/// Reads the result of an instant query. A scalar has no labels.
pub(super) fn values(data: &Value) -> Result<Vec<(Labels, f64)>, Unreadable> {
    if data["resultType"] == "scalar" {
        let (_, value) = point(&data["result"]).ok_or(Unreadable::Form)?;
        return Ok(vec![(Labels::new(), value)]);
    }
    let value = |row: &Value| {
        let (_, value) = point(&row["value"]).ok_or_else(|| Unreadable::row(row))?;
        Ok((labels(&row["metric"]), value))
    };
    rows(data)?.iter().map(value).collect()
}

/// Reads the result of a range query.
pub(super) fn series(data: &Value) -> Result<Vec<Series>, Unreadable> {
    let series = |row: &Value| {
        let points = row["values"].as_array().and_then(|points| points.iter().map(point).collect());
        let points = points.filter(|_| row["histograms"].is_null()).ok_or_else(|| Unreadable::row(row))?;
        Ok(Series { labels: labels(&row["metric"]), points })
    };
    rows(data)?.iter().map(series).collect()
}

/// Returns the reason why a successful answer is incomplete. Thanos and Mimir send a warning when a store did not
/// answer, Prometheus when a remote read failed. Warnings about the query itself begin with `PromQL ` and do not count.
pub(super) fn incomplete(warnings: &Value) -> Option<String> {
    let mut warnings = warnings.as_array().into_iter().flatten().filter_map(Value::as_str);
    let why = warnings.find(|warning| !warning.starts_with("PromQL "))?;
    Some(format!("the response is not complete: {why}"))
}

fn labels(metric: &Value) -> Labels {
    let entries = metric.as_object().into_iter().flatten();
    entries.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

/// Reads a point such as `[1712345678.9, "42"]`.
fn point(value: &Value) -> Option<(f64, f64)> {
    Some((value.get(0)?.as_f64()?, value.get(1)?.as_str()?.parse().ok()?))
}
