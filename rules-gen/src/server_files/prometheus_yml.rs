//! What Prometheus refuses in prometheus.yml: keys, intervals, jobs, targets, relabelling, Alertmanagers, remote
//! storage.

use super::discovery::{DISCOVERY, static_targets};
use super::http_client::{HTTP, TRACING};
use super::relabel::RELABEL;
use super::remote::{OTLP, READ, RUNTIME, SIGV4, STORAGE, WRITE, one_login};
use super::schema::{Findings, Kind, PLAIN, Refusal, Table, is_there, scalar};
use super::target_groups::{address, scraped_address};
use crate::promql::duration;
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
        (Kind::Table(&RUNTIME), "runtime"),
        (Kind::Table(&STORAGE), "storage"),
        (Kind::Table(&OTLP), "otlp"),
        (Kind::Tables(&WRITE), "remote_write"),
        (Kind::Tables(&READ), "remote_read"),
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
    values: &[
        ("metric_name_validation_scheme", "legacy utf8"),
        ("metric_name_escaping_scheme", "allow-utf-8 underscores dots values"),
    ],
    more: Some(common),
    ..PLAIN
};

static GLOBAL: Table = Table {
    keys: &[
        (Kind::Duration, "evaluation_interval rule_query_offset query_max_duration"),
        (Kind::Count, "query_max_series query_max_samples_read"),
        (Kind::Text, "query_log_file"),
        (Kind::TextMap, "external_labels"),
    ],
    inline: &[&COMMON],
    more: Some(external),
    ..PLAIN
};

static SCRAPE: Table = Table {
    keys: &[
        (Kind::Text, "job_name metrics_path scheme fallback_scrape_protocol"),
        (
            Kind::Bool,
            "honor_labels honor_timestamps track_timestamps_staleness enable_compression scrape_classic_histograms",
        ),
        (Kind::Count, "native_histogram_bucket_limit"),
        (Kind::MapOf(&Kind::Texts), "params"),
        (Kind::Number, "native_histogram_min_bucket_factor"),
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
        (Kind::Table(&SIGV4), "sigv4"),
    ],
    inline: &[&DISCOVERY, &HTTP],
    values: &[("api_version", "v1 v2")],
    more: Some(alertmanager),
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
    if of.get("scrape_protocols").and_then(Value::as_array).is_some_and(Vec::is_empty) {
        findings.under("scrape_protocols", |findings| findings.refuse("the value is empty: remove the key"));
    }
    let mut seen = BTreeSet::new();
    findings.each(of, "scrape_protocols", |item, findings| {
        let name = scalar(item).unwrap_or_default();
        if !seen.insert(name.to_lowercase()) {
            findings.refuse(format!("{name} is repeated"));
        }
        if !PROTOCOLS.split_whitespace().any(|known| known == name) {
            findings.refuse(format!("{name:?} is not one of {}", PROTOCOLS.replace(' ', ", ")));
        }
    });
    timeout(of, findings);
}

fn scrape(of: &Map<String, Value>, findings: &mut Findings) {
    static_targets(of, findings, scraped_address);
}

fn alertmanager(of: &Map<String, Value>, findings: &mut Findings) {
    static_targets(of, findings, address);
    one_login(of, findings);
}

fn external(of: &Map<String, Value>, findings: &mut Findings) {
    if of.get("external_labels").and_then(Value::as_object).is_some_and(|labels| labels.contains_key("")) {
        findings.under("external_labels", |findings| findings.refuse("a label has no name"));
    }
}

fn timeout(of: &Map<String, Value>, findings: &mut Findings) {
    if let (Some(interval), Some(timeout)) = (length(of, "scrape_interval"), length(of, "scrape_timeout"))
        && timeout > interval
    {
        findings.under("scrape_timeout", |findings| {
            findings.refuse("scrape_timeout must not be longer than scrape_interval");
        });
    }
}

/// Checks that no two entries of a list have the same name.
fn unique(of: &Map<String, Value>, list: &str, key: &str, findings: &mut Findings) {
    let mut names = BTreeSet::new();
    findings.each(of, list, |entry, findings| {
        let name = entry.get(key).and_then(scalar).unwrap_or_default();
        if !name.is_empty() && !names.insert(name.clone()) {
            findings.under(key, |findings| findings.refuse(format!("the name {name:?} is used twice in {list}")));
        }
    });
}

/// Checks the patterns of files, that names are unique, and that their timeouts are not longer than the intervals.
fn jobs(of: &Map<String, Value>, findings: &mut Findings) {
    for key in ["rule_files", "scrape_config_files"] {
        findings.each(of, key, |name, findings| {
            let name = scalar(name).unwrap_or_default();
            if name.split_once('*').is_some_and(|(_, after)| after.contains('/')) {
                findings.refuse(format!("{name:?}: a * is allowed in the file name only, not in the folder"));
            }
        });
    }
    let global = of.get("global").and_then(Value::as_object);
    let legacy = |of: Option<&Map<String, Value>>| {
        of.and_then(|of| of.get("metric_name_validation_scheme")).and_then(Value::as_str) == Some("legacy")
    };
    let strategy = of.get("otlp").and_then(|otlp| otlp["translation_strategy"].as_str()).unwrap_or_default();
    if legacy(global) && ["NoTranslation", "NoUTF8EscapingWithSuffixes"].contains(&strategy) {
        findings.under("otlp", |findings| {
            findings.refuse(format!("{strategy} produces names that metric_name_validation_scheme: legacy refuses"));
        });
    }
    let of_all = |key: &str, default: Duration| global.and_then(|global| length(global, key)).unwrap_or(default);
    let interval = of_all("scrape_interval", Duration::from_mins(1));
    if let Some(timeout) =
        global.filter(|global| !is_there(global, "scrape_interval")).and_then(|g| length(g, "scrape_timeout"))
        && timeout > interval
    {
        findings.under("global", |findings| findings.refuse("scrape_timeout is longer than the interval of 1m"));
    }
    for (list, key) in [("scrape_configs", "job_name"), ("remote_write", "name"), ("remote_read", "name")] {
        unique(of, list, key, findings);
    }
    findings.each(of, "scrape_configs", |job, findings| {
        let Some(job) = job.as_object() else { return };
        if legacy(Some(job)) && job.get("metric_name_escaping_scheme").is_some_and(|scheme| scheme == "allow-utf-8") {
            findings.under("metric_name_escaping_scheme", |findings| {
                findings.refuse("allow-utf-8 requests names that metric_name_validation_scheme: legacy refuses");
            });
        }
        let own = (length(job, "scrape_interval"), length(job, "scrape_timeout"));
        if let (None, Some(timeout)) = own
            && timeout > interval
        {
            findings.under("scrape_timeout", |findings| {
                findings.refuse("scrape_timeout must not be longer than the global scrape_interval");
            });
        }
    });
}
