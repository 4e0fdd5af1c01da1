//! The names that every file of a signal imports.

pub(crate) use crate::cadence::Cadence;
pub(crate) use crate::condition::When;
pub(crate) use crate::condition::history::{Case, History, input, line, steady, step};
pub(crate) use crate::condition::limits::{Limits, number};
pub(crate) use crate::condition::threshold::Threshold;
pub(crate) use crate::condition::value::{Scope, Value, of};
pub(crate) use crate::evidence::{Looks, Object};
pub(crate) use crate::metric::Metric;
pub(crate) use crate::panel::{Drawing, PANEL, Panel, PanelQuery};
pub(crate) use crate::signal::{
    Access, Alert, BASE, CRITICAL, ExternalSource, FAILOVER, Record, Signal, Stake, WARNING, hours, minutes, seconds,
};
pub(crate) use crate::targets::TargetKind;
pub(crate) use crate::units::{DAY, GIB, HOUR, MIB, MINUTE, Unit};

/// The verbs that a watch on Kubernetes objects needs.
pub(crate) const LIST_WATCH: &[&str] = &["list", "watch"];
