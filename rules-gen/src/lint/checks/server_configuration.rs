//! RG008: what Prometheus refuses in prometheus.yml, and servers in their web configuration. The readers in
//! `server_files` report it.

use crate::lint::definition::{Check, Example, Lint};
use crate::lint::report::Level;

pub(super) static LINT: Lint = Lint {
    id: "RG008",
    title: "invalid configuration of Prometheus or of its web server",
    level: Level::Error,
    text: "If Prometheus refuses its `prometheus.yml`, a reload keeps the old rules and a restart fails. Checked are keys, intervals, jobs, targets, service discovery, relabelling, Alertmanagers, remote storage and their HTTP clients. A web configuration (`--web.config.file`) is checked too: TLS, users and password hashes, headers. Rule files, certificates, keys and tokens that the configuration refers to must exist; if their folder does not exist on this machine, that is an info.",
    check: Check::Reader,
    found: &[
        Example::Rules(
            "
global: {scrape_interval: 30s, scrape_timeout: 1m}
rule_files: [rules/*.yaml]
scrape_configs:
- job_name: api
  static_configs: [{targets: [api:8080]}]
",
        ),
        Example::Rules("\nbasic_auth_users: {prometheus: secret}\n"),
    ],
    fine: &[Example::Rules(
        "
global: {scrape_interval: 30s, scrape_timeout: 10s, evaluation_interval: 30s}
rule_files: [rules/*.yaml]
alerting: {alertmanagers: [{static_configs: [{targets: ['alertmanager:9093']}]}]}
scrape_configs:
- job_name: api
  kubernetes_sd_configs: [{role: pod}]
  relabel_configs: [{source_labels: [__meta_kubernetes_namespace], target_label: namespace}]
",
    )],
};
