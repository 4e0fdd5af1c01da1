//! RG008: what Prometheus refuses in prometheus.yml, and servers in their web configuration. The readers in
//! `server_files` report it.

use crate::lint::definition::{Check, Example, Lint};
use crate::lint::report::Level;

pub(super) static LINT: Lint = Lint {
    id: "RG008",
    title: "the server refuses its configuration",
    level: Level::Error,
    text: "A `prometheus.yml` that is refused at a reload leaves the old rules in place, and at a restart there is no Prometheus at all. Judged are keys, intervals, jobs, targets, service discovery, relabelling, Alertmanagers, remote storage, and how they are spoken to. A web configuration (`--web.config.file`) is judged too: TLS, users and their hashes, headers. Rule files, certificates, keys and tokens that these name must be there; in a folder that this machine does not have, that is an info.",
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
