//! The exposition: the states of all checks in the formats that Prometheus negotiates, written by prometheus-client.

pub mod collector;
pub mod format;
pub mod publisher;
pub mod snapshot;
