//! The watched signals, in the order of the written checklist.

pub mod auth_failures;
pub mod backup;
pub mod certificates;
pub mod connections;
pub mod disk;
pub mod health;
pub mod pods;
pub mod restarts;
pub mod seq_scans;

use crate::signal::Signal;

/// The order matters: it is that of dashboards, documents and the table of `check`.
pub static SIGNALS: &[&Signal] = &[
    &pods::SIGNAL,
    &health::SIGNAL,
    &restarts::SIGNAL,
    &disk::SIGNAL,
    &backup::SIGNAL,
    &connections::SIGNAL,
    &seq_scans::SIGNAL,
    &auth_failures::SIGNAL,
    &certificates::SIGNAL,
];

/// The signal with this id.
pub fn by_id(id: &str) -> Option<&'static Signal> {
    SIGNALS.iter().copied().find(|signal| signal.id == id)
}
