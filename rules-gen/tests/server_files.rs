//! Compares the checks of prometheus.yml, web configurations and rule tests with the oldest and newest promtool. What
//! both refuse must be refused, and what either accepts must be accepted.

use rules_gen::server_files::schema::Refusal;
use rules_gen::server_files::{prometheus_yml, rule_test, web_yml};
use std::path::{Path, PathBuf};
use std::process::Command;

const SCRAPES: &str = "job_name: a|job_name: ''|scrape_interval: 30s|scrape_interval: soon|scrape_interval: 30s, scrape_timeout: 1m|scrape_timeout: 2m|metrics_path: /m|scheme: https|honor_labels: true|honor_labels: maybe|params: {a: [b]}|sample_limit: 5|sample_limit: many|nonsense: 1|static_configs: [{targets: ['a:1'], labels: {b: c}}]|static_configs: [{targets: ['http://a:1/m']}]|static_configs: [{target: ['a:1']}]|static_configs: [{targets: 'a:1'}]|relabel_configs: [{source_labels: [a], target_label: b}]|relabel_configs: [{source_labels: [a], action: replace}]|relabel_configs: [{source_labels: [a], regex: '(', target_label: b}]|relabel_configs: [{source_labels: [a], regex: '(?<n>a)\\Q.', target_label: b}]|relabel_configs: [{source_labels: [a], regex: 'a{2000}', target_label: b}]|relabel_configs: [{source_labels: [a], regex: '(?=a)', target_label: b}]|relabel_configs: [{source_labels: [a], regex: '\\z', target_label: b}]|relabel_configs: [{source_labels: [a], regex: '[[:word:]]\\pN', target_label: b}]|relabel_configs: [{source_labels: [a], regex: '[a&&b]', target_label: b}]|relabel_configs: [{source_labels: [a], regex: '(?x) a', target_label: b}]|relabel_configs: [{action: labelmap, regex: 'a_(.+)'}]|relabel_configs: [{action: labeldrop, regex: a}]|relabel_configs: [{action: labeldrop, regex: a, target_label: b}]|relabel_configs: [{action: hashmod, source_labels: [a], target_label: b}]|relabel_configs: [{action: hashmod, source_labels: [a], target_label: b, modulus: 4}]|relabel_configs: [{action: Keep, source_labels: [a], regex: b}]|relabel_configs: [{action: remove, source_labels: [a]}]|relabel_configs: [{action: lowercase, source_labels: [a]}]|metric_relabel_configs: [{source_label: [a]}]|metric_relabel_configs: [null]|basic_auth: {username: a, password: b}|basic_auth: {username: a}, bearer_token: b|tls_config: {insecure_skip_verify: true}|tls_config: {ca: b, ca_file: c}|tls_config: {unknown: b}|proxy_url: 'http://p'|kubernetes_sd_configs: [{role: pod}]|file_sd_configs: [{files: [a.json]}]|enable_compression: false|body_size_limit: 10MB|track_timestamps_staleness: true|sample_limit: -5|sample_limit: 5.5|body_size_limit: 5|body_size_limit: 1GB500MB|params: [a]|params: {a: b}|scrape_protocols: []|scrape_protocols: [a]|scrape_protocols: [PrometheusProto]|fallback_scrape_protocol: a|http_headers: {a: b}|static_configs: [{targets: ['']}]|static_configs: [{labels: {'': a}}]|relabel_configs: [{source_labels: [a], target_label: b, action: ''}]|metric_name_validation_scheme: 5";

const WHOLES: &str = "global: {scrape_interval: 30s, evaluation_interval: 30s, external_labels: {a: b}}|global: {scrape_intervall: 30s}|global: {scrape_interval: 5s, scrape_timeout: 10s}|global: {scrape_timeout: 10m}|global: {external_labels: [a]}|global: {query_log_file: a}|rule_files: [a.yaml]|rule_files: a.yaml|rule_file: [a.yaml]|alerting: {alertmanagers: [{static_configs: [{targets: ['a:1']}]}]}|alerting: {alertmanagers: [{static_configs: [{targets: ['http://a:1']}]}]}|alerting: {alertmanagers: [{scheme: https, path_prefix: /a, timeout: 10s, api_version: v2}]}|alerting: {alertmanagers: [{api_version: v3}]}|alerting: {alertmanagers: [{url: a}]}|alerting: {alertmanager: []}|alerting: {alert_relabel_configs: [{action: labeldrop, regex: replica}]}|alerting: {alert_relabel_configs: [{regex: replica}]}|scrape_configs: [{job_name: a}, {job_name: a}]|scrape_configs: [{metrics_path: /m}]|scrape_configs: [null]|storage: {tsdb: {out_of_order_time_window: 30m}}|remote_write: [{url: 'http://a/'}]|tracing: {endpoint: 'a:1'}|tracing: {insecure: true}|storage: []|remote_write: {}|remote_read: a|global: {external_labels: {'': a}}|global: {body_size_limit: x}";

const WEBS: &str = "{}|http_server_config: {http2: false}|http_server_config: {http3: false}|http_server_config: {headers: {X-Frame-Options: deny}}|http_server_config: {headers: {X-Frame-Options: allow}}|http_server_config: {headers: {X-Other: deny}}|basic_auth_users: {a: $2y$10$EYxs8IOG46m9CtpB/XlPxO1ei7E4BjAen0SUv6di7mD4keR/8JO6m}|basic_auth_users: {a: secret}|basic_auth_users: [a]|tls_config: {}|tls_server_config: {}|tls_server_config: {cert_file: ''}|tls_server_config: {cert_file: a}|tls_server_config: {certificate: a}|tls_server_config: {cert_file: a, key_file: b, client_auth_type: Maybe}";

const TESTS: &str = "name: a|interval: 1m|interval: soon|intervall: 1m|input_series: [{series: 'up{a=\"b\"}', values: 0x5}]|input_series: [{series: 'up{', values: 0x5}]|input_series: [{serie: up, values: 0x5}]|alert_rule_test: [{eval_time: 1m, alertname: X}]|alert_rule_test: [{eval_time: 1m, alertname: X, exp_alerts: []}]|alert_rule_test: [{eval_time: 1m, alertname: X, exp_alert: []}]|alert_rule_test: [{eval_time: soon, alertname: X}]|promql_expr_test: [{expr: vector(1) > 2, eval_time: 1m}]|promql_expr_test: [{expr: up ==, eval_time: 1m}]|promql_expr_test: [{expr: 'vector(1)', eval_time: 1m, exp_samples: [{value: 1}]}]|promql_expr_test: [{expr: vector(1) > 2, eval_time: 1m, exp_sample: []}]|external_labels: {a: b}|external_url: 'http://a'|external_label: {a: b}|input_series: [{values: '1'}]|input_series: [{series: 5, values: '1'}]|input_series: [~]|alert_rule_test: [{eval_time: 1m}]|alert_rule_test: [{}]|promql_expr_test: [{eval_time: 1m}]";

fn promtools() -> Vec<PathBuf> {
    let newest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/parts/bin/promtool");
    [PathBuf::from("promtool")].into_iter().chain(newest.exists().then_some(newest)).collect()
}

/// Compares each text with the verdicts of the tools. Returns how many were refused.
fn compare(
    command: &[&str],
    texts: &[String],
    own: fn(&serde_json::Value) -> Vec<Refusal>,
) -> Result<usize, Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("file.yml");
    let tools = promtools();
    let (mut wrong, mut refused) = (Vec::new(), 0);
    for text in texts {
        std::fs::write(&file, text)?;
        let mut taken = false;
        for tool in &tools {
            taken |= Command::new(tool).args(command).arg(&file).current_dir(&folder).output()?.status.success();
        }
        let found = serde_yaml::from_str(text).map_or_else(
            |error| vec![error.to_string()],
            |value| own(&value).iter().map(ToString::to_string).collect(),
        );
        // Without the newest promtool, a refusal of the old one proves nothing.
        if found.is_empty() != taken && (taken || tools.len() > 1) {
            wrong.push(format!("{text}\n  taken: {taken}; here: {found:?}"));
        }
        refused += usize::from(!taken);
    }
    println!("{}: {} texts, {refused} refused by {} tools", command.join(" "), texts.len(), tools.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(refused)
}

#[test]
fn prometheus_configurations_are_refused_as_by_promtool() -> Result<(), Box<dyn std::error::Error>> {
    let job = |keys: &str| {
        let name = if keys.contains("job_name") { "" } else { "job_name: a, " };
        format!("scrape_configs: [{{{name}{keys}}}]\n")
    };
    let texts: Vec<String> =
        SCRAPES.split('|').map(job).chain(WHOLES.split('|').map(|text| format!("{text}\n"))).collect();
    assert!(compare(&["check", "config", "--syntax-only"], &texts, prometheus_yml::check)? > 20);
    Ok(())
}

#[test]
fn web_configurations_are_refused_as_by_promtool() -> Result<(), Box<dyn std::error::Error>> {
    let texts: Vec<String> = WEBS.split('|').map(|text| format!("{text}\n")).collect();
    assert!(compare(&["check", "web-config"], &texts, web_yml::check)? > 6);
    Ok(())
}

#[test]
fn rule_tests_are_refused_as_by_promtool() -> Result<(), Box<dyn std::error::Error>> {
    let texts: Vec<String> = TESTS
        .split('|')
        .map(|keys| {
            let interval = if keys.starts_with("interval") { "" } else { "interval: 1m, " };
            format!("rule_files: []\nevaluation_interval: 1m\ntests: [{{{interval}{keys}}}]\n")
        })
        .collect();
    assert!(compare(&["test", "rules"], &texts, rule_test::check)? > 6);
    Ok(())
}
