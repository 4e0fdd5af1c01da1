//! The noise report, as it is written in JSON.

use crate::review::statistics::Statistics;
use jiff::Timestamp;
use serde::Serialize;

/// The noise of all alerts that fired within a range.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The start of the range.
    pub start: Timestamp,
    /// The end of the range.
    pub end: Timestamp,
    /// The time zone of the business hours.
    pub time_zone: String,
    /// Limits of the report that the reader must know.
    pub warnings: Vec<String>,
    /// The alerts that fired, by noise, the highest first.
    pub alerts: Vec<Alert>,
}

/// The noise of all alerts with one name and severity.
#[derive(Debug, Serialize)]
pub struct Alert {
    /// The label `alertname`.
    pub alert: String,
    /// The label `severity`, or an empty text.
    pub severity: String,
    /// The number of episodes, flaps and episodes outside business hours, multiplied by the share of time that was not
    /// silenced.
    pub noise: f64,
    pub statistics: Statistics,
    /// The share of episodes that began outside business hours, from 0 to 1.
    pub outside_hours: f64,
    /// The share of the firing time that was silenced, from 0 to 1. `None` when no Alertmanager was asked.
    pub silenced: Option<f64>,
    /// Alerts that are active in Alertmanager now, including silenced and inhibited ones. `None` when no Alertmanager
    /// was asked.
    pub active: Option<usize>,
}
