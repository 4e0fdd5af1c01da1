//! The probes. Each module has the name of its signal; the signals that are answered by SQL share `sql`, and their
//! SELECTs are in `statements`.

pub mod alert_path;
pub mod alerts;
pub mod backup;
pub mod certificates;
pub mod dashboards;
pub mod disk;
pub mod health;
pub mod hpa;
pub mod pod_logs;
pub mod pods;
pub mod pvc;
pub mod query;
pub mod reports;
pub mod restarts;
pub mod restore;
pub mod rules;
pub mod secrets;
pub mod sql;
pub mod statements;
pub mod tasks;
pub mod utilization;
