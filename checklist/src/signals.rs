//! The signals of the catalog, in the order of the written checklist.

pub mod advisories;
pub mod alert_path;
pub mod alerts;
pub mod api_keys;
pub mod audit_log;
pub mod auth_failures;
pub mod backup;
pub mod bloat;
pub mod certificates;
pub mod connections;
pub mod dashboards;
pub mod database_size;
pub mod dependencies;
pub mod disk;
pub mod error_rate;
pub mod health;
pub mod hpa;
pub mod images;
pub mod indexes;
pub mod latency;
pub mod maintenance;
pub mod r#override;
pub mod permission_denied;
pub mod pod_logs;
pub mod pods;
pub mod pvc;
pub mod requests;
pub mod restarts;
pub mod restore;
pub mod retention;
pub mod roles;
pub mod rules;
pub mod secrets;
pub mod seq_scans;
pub mod slow_queries;
pub mod tasks;
pub mod users;
pub mod utilization;
pub mod workflows;

use crate::signal::Signal;

/// Every signal. Dashboards, documents and the table of `check` use this order.
pub static SIGNALS: &[&Signal] = &[
    &pods::SIGNAL,
    &health::SIGNAL,
    &restarts::SIGNAL,
    &alerts::SIGNAL,
    &error_rate::SIGNAL,
    &disk::SIGNAL,
    &backup::SIGNAL,
    &connections::SIGNAL,
    &latency::SIGNAL,
    &seq_scans::SIGNAL,
    &slow_queries::SIGNAL,
    &utilization::SIGNAL,
    &workflows::SIGNAL,
    &auth_failures::SIGNAL,
    &permission_denied::SIGNAL,
    &audit_log::SIGNAL,
    &pod_logs::SIGNAL,
    &certificates::SIGNAL,
    &advisories::SIGNAL,
    &requests::SIGNAL,
    &database_size::SIGNAL,
    &hpa::SIGNAL,
    &pvc::SIGNAL,
    &maintenance::SIGNAL,
    &indexes::SIGNAL,
    &bloat::SIGNAL,
    &restore::SIGNAL,
    &retention::SIGNAL,
    &users::SIGNAL,
    &api_keys::SIGNAL,
    &roles::SIGNAL,
    &images::SIGNAL,
    &dependencies::SIGNAL,
    &rules::SIGNAL,
    &dashboards::SIGNAL,
    &alert_path::SIGNAL,
    &secrets::SIGNAL,
    &tasks::SIGNAL,
    &r#override::SIGNAL,
];

pub fn by_id(id: &str) -> Option<&'static Signal> {
    SIGNALS.iter().copied().find(|signal| signal.id == id)
}
