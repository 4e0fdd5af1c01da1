//! What the noise report says.

use crate::review::statistics::Statistics;
use jiff::Timestamp;
use serde::Serialize;

/// Everything.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The begin of the range.
    pub start: Timestamp,
    /// Its end.
    pub end: Timestamp,
    /// The time zone of business hours.
    pub time_zone: String,
    /// What is to be known.
    pub warnings: Vec<String>,
    /// Each alert that fired, the noisiest first.
    pub alerts: Vec<Alert>,
}

/// One alert name at one severity.
#[derive(Debug, Serialize)]
pub struct Alert {
    /// Its name.
    pub alert: String,
    /// Its severity, if it has one.
    pub severity: String,
    /// How much it interrupts.
    pub noise: f64,
    /// What it did.
    pub statistics: Statistics,
    /// The share of episodes that began outside business hours.
    pub outside_hours: f64,
    /// The share of firing time that was silenced, when Alertmanager was asked.
    pub silenced: Option<f64>,
    /// Alerts active in Alertmanager now, silenced and inhibited ones included.
    pub active: Option<usize>,
}
