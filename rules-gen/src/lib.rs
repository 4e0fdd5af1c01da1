//! rules-gen: turns the catalog and a checklist.yaml into everything that Prometheus, Alertmanager,
//! Grafana and people need. Deterministic: the same input gives the same bytes.

pub mod cli;
pub mod lint;
pub mod outputs;
pub mod promql;
pub mod review;
pub mod routing;
pub mod rules;
pub mod server;
pub mod server_files;
pub mod terminal;
