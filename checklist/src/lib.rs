//! The operations checklist as data: what is watched, how it is judged, shown and explained.
//!
//! No I/O and no async here: `checklist-exporter` probes what this crate declares, `rules-gen`
//! turns the same declarations into rules, routes, dashboards and runbooks.

pub mod cadence;
pub mod calendar;
pub mod condition;
pub mod config;
pub mod contract;
pub mod evidence;
pub mod lines;
pub mod metric;
pub mod panel;
mod prelude;
pub mod reader;
pub mod samples;
pub mod signal;
pub mod signals;
pub mod targets;
pub mod tasks;
pub mod units;
pub mod yaml;

pub use cadence::Cadence;
pub use condition::When;
pub use condition::history::{Also, Case, Course, Given, History};
pub use condition::limits::Limits;
pub use condition::threshold::{Levels, Severity, Threshold};
pub use condition::value::{Scope, Value};
pub use config::Config;
pub use contract::Reason;
pub use evidence::{Evidence, Looks, Object, Unseen, Verdict};
pub use metric::{Kind, Metric};
pub use panel::{Drawing, Panel, Shown};
pub use samples::{Samples, Series};
pub use signal::{Access, Alert, ExternalSource, FAILOVER, Finding, Reading, Record, Signal, Stake, spaced};
pub use signals::SIGNALS;
pub use targets::TargetKind;
pub use units::Unit;
