//! The operations checklist as data: signals with their metrics, thresholds, alerts, panels and runbooks, and the
//! configuration file.
//!
//! This crate has no I/O and no async code. `checklist-exporter` probes what it declares, and `rules-gen` turns the
//! same declarations into rules, routes, dashboards and runbooks.

pub mod cadence;
pub mod calendar;
pub mod condition;
pub mod config;
pub mod evidence;
pub mod lines;
pub mod metric;
pub mod panel;
mod prelude;
pub mod reader;
mod reason;
pub mod samples;
pub mod self_metrics;
pub mod signal;
pub mod signals;
pub mod targets;
pub mod tasks;
pub mod units;
pub mod yaml;

pub use cadence::Cadence;
pub use condition::When;
pub use condition::history::{Also, Case, Given, History, InputSeries};
pub use condition::limits::Limits;
pub use condition::threshold::{Levels, Severity, Threshold};
pub use condition::value::{Scope, Value};
pub use config::Config;
pub use evidence::{Evidence, Looks, Object, Unseen, Verdict};
pub use metric::{Kind, Metric};
pub use panel::{Drawing, Panel, PanelQuery};
pub use reason::Reason;
pub use samples::{Samples, Series};
pub use signal::{Access, Alert, ExternalSource, FAILOVER, Finding, Reading, Record, Signal, Stake, spaced};
pub use signals::SIGNALS;
pub use targets::TargetKind;
pub use units::Unit;
