//! The exposition of `/metrics`: the states of all checks in the formats that Prometheus negotiates, written by the
//! crate prometheus-client.

pub mod collector;
pub mod format;
pub mod publisher;
pub mod snapshot;
