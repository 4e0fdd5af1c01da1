//! rules-gen generates from the catalog and a checklist.yaml the rules, routes, dashboards, runbooks and other files
//! for Prometheus, Alertmanager, Grafana and people. The output is deterministic: the same input gives the same bytes.

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
