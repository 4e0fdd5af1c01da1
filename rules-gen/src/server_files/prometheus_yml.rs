//! What Prometheus refuses in prometheus.yml, as far as rules and alerts depend on it: intervals, rule files, targets,
//! relabelling and Alertmanagers. Storage, remote read and remote write are left to promtool.

use super::http_client::{HTTP, TRACING};
use super::schema::{Findings, Kind, PLAIN, Refusal, Table, is_there, scalar};
use crate::promql::duration;
use promql::check_pattern;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::time::Duration;

static TOP: Table = Table {
    keys: &[
        (Kind::Table(&GLOBAL), "global"),
        (Kind::Table(&ALERTING), "alerting"),
        (Kind::Texts, "rule_files scrape_config_files"),
        (Kind::Tables(&SCRAPE), "scrape_configs"),
        (Kind::Table(&TRACING), "tracing"),
        (Kind::MapOf(&Kind::Any), "runtime storage otlp"),
        (Kind::ListOf(&Kind::MapOf(&Kind::Any)), "remote_write remote_read"),
    ],
    more: Some(jobs),
    ..PLAIN
};

/// The keys that `global` and scrape configurations share.
static COMMON: Table = Table {
    keys: &[
        (Kind::Duration, "scrape_interval scrape_timeout"),
        (Kind::Texts, "scrape_protocols"),
        (Kind::Bytes, "body_size_limit"),
        (Kind::Text, "scrape_failure_log_file metric_name_validation_scheme metric_name_escaping_scheme"),
        (
            Kind::Count,
            "sample_limit target_limit label_limit label_name_length_limit label_value_length_limit \
             keep_dropped_targets",
        ),
        (
            Kind::Bool,
            "scrape_native_histograms convert_classic_histograms_to_nhcb always_scrape_classic_histograms \
             extra_scrape_metrics",
        ),
    ],
    values: &[("metric_name_validation_scheme", "legacy utf8")],
    more: Some(common),
    ..PLAIN
};

static GLOBAL: Table = Table {
    keys: &[
        (Kind::Duration, "evaluation_interval rule_query_offset"),
        (Kind::Text, "query_log_file"),
        (Kind::TextMap, "external_labels"),
    ],
    inline: &[&COMMON],
    more: Some(external),
    ..PLAIN
};

/// The keys of service discovery.
static DISCOVERY: Table = Table {
    keys: &[
        (Kind::Tables(&STATIC), "static_configs"),
        (
            Kind::Any,
            "aws_sd_configs azure_sd_configs consul_sd_configs digitalocean_sd_configs dns_sd_configs docker_sd_configs \
             dockerswarm_sd_configs ec2_sd_configs eureka_sd_configs file_sd_configs gce_sd_configs hetzner_sd_configs \
             http_sd_configs ionos_sd_configs kubernetes_sd_configs kuma_sd_configs lightsail_sd_configs \
             linode_sd_configs marathon_sd_configs nerve_sd_configs nomad_sd_configs openstack_sd_configs \
             outscale_sd_configs ovhcloud_sd_configs puppetdb_sd_configs scaleway_sd_configs serverset_sd_configs \
             stackit_sd_configs triton_sd_configs uyuni_sd_configs vultr_sd_configs",
        ),
    ],
    ..PLAIN
};

static STATIC: Table =
    Table { keys: &[(Kind::Texts, "targets"), (Kind::TextMap, "labels")], more: Some(addresses), ..PLAIN };

static SCRAPE: Table = Table {
    keys: &[
        (Kind::Text, "job_name metrics_path scheme fallback_scrape_protocol"),
        (
            Kind::Bool,
            "honor_labels honor_timestamps track_timestamps_staleness enable_compression scrape_classic_histograms",
        ),
        (Kind::Count, "native_histogram_bucket_limit"),
        (Kind::MapOf(&Kind::Texts), "params"),
        (Kind::Any, "native_histogram_min_bucket_factor"),
        (Kind::Tables(&RELABEL), "relabel_configs metric_relabel_configs"),
    ],
    inline: &[&COMMON, &DISCOVERY, &HTTP],
    needs: &["job_name"],
    values: &[("fallback_scrape_protocol", PROTOCOLS)],
    more: Some(scrape),
    ..PLAIN
};

static ALERTING: Table = Table {
    keys: &[(Kind::Tables(&RELABEL), "alert_relabel_configs"), (Kind::Tables(&ALERTMANAGER), "alertmanagers")],
    ..PLAIN
};

static ALERTMANAGER: Table = Table {
    keys: &[
        (Kind::Text, "scheme path_prefix api_version"),
        (Kind::Duration, "timeout"),
        (Kind::Tables(&RELABEL), "relabel_configs alert_relabel_configs"),
        (Kind::Any, "sigv4"),
    ],
    inline: &[&DISCOVERY, &HTTP],
    values: &[("api_version", "v1 v2")],
    ..PLAIN
};

static RELABEL: Table = Table {
    keys: &[
        (Kind::Texts, "source_labels"),
        (Kind::Text, "separator target_label regex replacement action"),
        (Kind::Count, "modulus"),
    ],
    more: Some(relabel),
    ..PLAIN
};

/// The formats of an exposition.
const PROTOCOLS: &str = "OpenMetricsText0.0.1 OpenMetricsText1.0.0 OpenMetricsText2.0.0 PrometheusProto PrometheusText0.0.4 \
                         PrometheusText1.0.0";

/// Returns everything that Prometheus refuses, in the order of the file.
pub fn check(whole: &Value) -> Vec<Refusal> {
    let mut findings = Findings::default();
    findings.table(whole, &TOP);
    findings.all
}

fn length(of: &Map<String, Value>, key: &str) -> Option<Duration> {
    duration::parse(of.get(key)?.as_str()?).ok().filter(|length| !length.is_zero())
}

fn common(of: &Map<String, Value>, findings: &mut Findings) {
    findings.each(of, "scrape_protocols", |item, findings| {
        let name = scalar(item).unwrap_or_default();
        if !PROTOCOLS.split_whitespace().any(|known| known == name) {
            findings.refuse(format!("{name:?} is none of {}", PROTOCOLS.replace(' ', ", ")));
        }
    });
    timeout(of, findings);
}

fn scrape(of: &Map<String, Value>, findings: &mut Findings) {
    if of.get("scrape_protocols").and_then(Value::as_array).is_some_and(Vec::is_empty) {
        findings.under("scrape_protocols", |findings| findings.refuse("it is empty: remove it"));
    }
}

fn external(of: &Map<String, Value>, findings: &mut Findings) {
    names(of, "external_labels", findings);
}

/// Refuses a label with an empty name.
fn names(of: &Map<String, Value>, key: &str, findings: &mut Findings) {
    if of.get(key).and_then(Value::as_object).is_some_and(|labels| labels.contains_key("")) {
        findings.under(key, |findings| findings.refuse("a label has no name"));
    }
}

fn timeout(of: &Map<String, Value>, findings: &mut Findings) {
    if let (Some(interval), Some(timeout)) = (length(of, "scrape_interval"), length(of, "scrape_timeout"))
        && timeout > interval
    {
        findings.under("scrape_timeout", |findings| findings.refuse("it must not be longer than scrape_interval"));
    }
}

/// Checks that names of jobs are unique, and that their timeouts are not longer than the intervals.
fn jobs(of: &Map<String, Value>, findings: &mut Findings) {
    let global = of.get("global").and_then(Value::as_object);
    let of_all = |key: &str, default: Duration| global.and_then(|global| length(global, key)).unwrap_or(default);
    let interval = of_all("scrape_interval", Duration::from_mins(1));
    if let Some(timeout) =
        global.filter(|global| !is_there(global, "scrape_interval")).and_then(|g| length(g, "scrape_timeout"))
        && timeout > interval
    {
        findings.under("global", |findings| findings.refuse("scrape_timeout is longer than the interval of 1m"));
    }
    let mut names = BTreeSet::new();
    findings.each(of, "scrape_configs", |job, findings| {
        let name = job["job_name"].as_str().unwrap_or_default();
        if !name.is_empty() && !names.insert(name.to_owned()) {
            findings.under("job_name", |findings| findings.refuse(format!("the job {name:?} is defined twice")));
        }
        let Some(job) = job.as_object() else { return };
        let own = (length(job, "scrape_interval"), length(job, "scrape_timeout"));
        if let (None, Some(timeout)) = own
            && timeout > interval
        {
            findings.under("scrape_timeout", |findings| {
                findings.refuse("it must not be longer than the global scrape_interval")
            });
        }
    });
}

fn addresses(of: &Map<String, Value>, findings: &mut Findings) {
    names(of, "labels", findings);
    findings.each(of, "targets", |target, findings| {
        let target = scalar(target).unwrap_or_default();
        if target.is_empty() {
            findings.refuse("a target is empty");
        }
        if target.contains('/') {
            findings.refuse(format!("{target:?} is not host:port; scheme and path have their own keys"));
        }
    });
}

fn relabel(of: &Map<String, Value>, findings: &mut Findings) {
    const ACTIONS: [&str; 11] = [
        "replace",
        "keep",
        "drop",
        "hashmod",
        "labelmap",
        "labeldrop",
        "labelkeep",
        "lowercase",
        "uppercase",
        "keepequal",
        "dropequal",
    ];
    let text = |key: &str| of.get(key).and_then(Value::as_str).unwrap_or_default();
    if of.contains_key("action") && !is_there(of, "action") {
        findings.under("action", |findings| findings.refuse("it is empty: remove it, or name an action"));
        return;
    }
    let action = if is_there(of, "action") { text("action").to_lowercase() } else { "replace".to_owned() };
    if !ACTIONS.contains(&action.as_str()) {
        findings.under("action", |findings| findings.refuse(format!("{action:?} is none of {}", ACTIONS.join(", "))));
        return;
    }
    if let Err(why) = check_pattern(&format!("^(?s:{})$", text("regex")).as_str().into()) {
        findings.under("regex", |findings| findings.refuse(format!("invalid regular expression: {why}")));
    }
    let to_label = ["replace", "hashmod", "lowercase", "uppercase", "keepequal", "dropequal"];
    if to_label.contains(&action.as_str()) && !is_there(of, "target_label") {
        findings.refuse(format!("{action} needs target_label"));
    }
    if action == "hashmod" && of.get("modulus").and_then(Value::as_u64).is_none_or(|modulus| modulus == 0) {
        findings.refuse("hashmod needs a modulus above 0");
    }
    if ["labeldrop", "labelkeep"].contains(&action.as_str())
        && ["source_labels", "target_label", "modulus", "separator", "replacement"].iter().any(|key| is_there(of, key))
    {
        findings.refuse(format!("{action} supports only regex"));
    }
}
