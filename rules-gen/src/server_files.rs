//! The configuration files of Prometheus and its kin: what their servers refuse of them, each thing with its place.

pub mod http_client;
pub mod prometheus_yml;
pub mod rule_test;
pub mod schema;
mod spelling;
pub mod web_yml;
