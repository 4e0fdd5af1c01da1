//! The configuration files of Prometheus and related programs: what these refuse, with the place of each mistake.

mod discovery;
pub mod http_client;
pub mod prometheus_yml;
mod relabel;
pub mod remote;
pub mod rule_test;
pub mod schema;
mod spelling;
pub mod target_groups;
pub mod web_yml;
