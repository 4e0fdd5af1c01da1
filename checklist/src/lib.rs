//! The operations checklist as data: what is watched, how it is judged, shown and explained.
//!
//! No I/O and no async here: `checklist-exporter` probes what this crate declares, `rules-gen`
//! turns the same declarations into rules, routes, dashboards and runbooks.

pub mod calendar;
pub mod condition;
pub mod config;
pub mod contract;
pub mod coverage;
pub mod evidence;
pub mod history;
pub mod metric;
pub mod panel;
pub mod samples;
pub mod signal;
pub mod signals;
pub mod tasks;
pub mod threshold;
pub mod value;
pub mod yaml;

pub use condition::{Limits, When};
pub use config::Config;
pub use contract::Reason;
pub use evidence::{Evidence, Looks, Object, Unseen, Verdict};
pub use history::{Also, Case, Course, Given, History};
pub use metric::{Kind, Metric};
pub use panel::{Drawing, Panel, Shown};
pub use samples::{Samples, Series};
pub use signal::{Access, Alert, Cadence, Elsewhere, FAILOVER, Finding, Reading, Record, Signal, TargetKind, spaced};
pub use signals::SIGNALS;
pub use threshold::{Levels, Severity, Threshold, Unit};
pub use value::{Scope, Value};

/// The words a signal's file is written in.
mod prelude {
    pub(crate) use crate::condition::{When, number};
    pub(crate) use crate::evidence::{Looks, Object};
    pub(crate) use crate::history::{Case, History, course, line, steady, step};
    pub(crate) use crate::metric::Metric;
    pub(crate) use crate::panel::{Drawing, PANEL, Panel, Shown};
    pub(crate) use crate::signal::{
        Access, Alert, BASE, CRITICAL, Cadence, Elsewhere, FAILOVER, Record, Signal, TargetKind, WARNING, hours,
        minutes, seconds,
    };
    pub(crate) use crate::threshold::{DAY, GIB, HOUR, MIB, MINUTE, Threshold, Unit};
    pub(crate) use crate::value::{Value, of};

    /// What a watch needs.
    pub(crate) const LIST_WATCH: &[&str] = &["list", "watch"];
}
