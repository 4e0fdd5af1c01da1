//! The library of checklist-exporter: it runs every check of an operations checklist at its interval and exposes the
//! results as Prometheus metrics.

pub mod cli;
pub mod probe;
pub mod probes;
pub mod run;
pub mod server;
pub mod sources;
pub mod verify;
