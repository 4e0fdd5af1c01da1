//! `rules-gen lint` on configurations of servers, and on keys and documents that only some servers read.

#![expect(clippy::unwrap_used, reason = "a test fails by its panic")]

mod verdict;

use verdict::{RULES, of, verdict};

/// A part of a configuration is enough for a file that is named. In a folder it may belong to another program.
#[test]
fn a_named_file_with_keys_of_prometheus_alone_is_its_configuration() {
    for text in [
        "rule_files: ['*.rules']\n",
        "remote_write: [{url: 'http://a/'}]\n",
        "global:\n",
        "storage: {tsdb: {out_of_order_time_window: 5m}}\n",
        "rate_limit: {burst: 5, interval: 1s}\n",
    ] {
        let (code, printed) = of("a.yml", text, &[]);
        assert_eq!(code, Some(0), "{text}: {printed}");
    }
    let (code, printed) = of("a.yml", "remote_write: [{url: 'http://a/', queue_configs: {}}]\n", &[]);
    assert!(code == Some(1) && printed.contains("RG008") && printed.contains("queue_configs"), "{printed}");
}

/// Folders with rules often contain configurations of servers too.
#[test]
fn server_configurations_in_folders_are_recognized() {
    for (name, text, code, word) in [
        ("prometheus.yml", "global: {scrape_intervall: 30s}\nrule_files: [a.yaml]\n", 1, "RG008"),
        ("prometheus.yml", "global: {scrape_interval: 30s}\nrule_files: ['*.rules']\n", 0, "0 errors"),
        ("prometheus.yml", "global: {scrape_interval: 30s}\nrule_files: [a.yaml]\n", 1, "there is no file a.yaml"),
        ("prometheus.yml", "scrape_configs:\n- job_name: a\n  relabel_configs: [\n", 1, "RG001"),
        ("prometheus.yml", "alerting:\n  alertmanagers:\n  - static_configs: {{ x }}\n", 1, "3:22"),
        ("web.yaml", "tls_server_config: {certificate: a}\n", 1, "RG008"),
        ("web.yaml", "basic_auth_users:\n  a: {{ password }}\n", 1, "2:7"),
        ("web.yaml", "basic_auth_users:\n  a: {% password %}\n", 1, "RG001"),
        ("web.yaml", "http_server_config: {http2: false}\n", 0, "0 errors"),
        ("promtail.yaml", "clients: []\nscrape_configs:\n- job_name: {{ name }}\n", 2, "contains no rules"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), text).unwrap();
        let (found, printed) = verdict(folder.path(), &["."]);
        assert!(found == Some(code) && printed.contains(word), "{text}: {found:?} {printed}");
    }
}

#[test]
fn a_document_separator_before_or_after_hides_no_finding() {
    let test = "rule_files: []\ntests:\n- {interval: soon}\n";
    let prometheus = "scrape_configs: [{metrics_path: /m}]\n";
    let routes = "route: {receiver: a}\nreceivers: [{name: b}]\n";
    for (text, id) in [(test, "RG041"), (prometheus, "RG008"), (routes, "RG036")] {
        for whole in [
            format!("---\n{text}"),
            format!("{text}---\n"),
            format!("# c\n---\n{text}...\n"),
            format!("{text}---\n# c\n"),
            format!("{text}---\na: b\n"),
        ] {
            let (code, printed) = of("file.yaml", &whole, &[]);
            assert!(code == Some(1) && printed.contains(id), "{whole}: {printed}");
        }
        let (code, printed) = of("file.yaml", format!("groups: []\n---\n{text}"), &[]);
        assert!(code == Some(1) && printed.contains("only the first document of a file is loaded"), "{printed}");
        // No server reads the mistakes of a later document.
        let (code, printed) = of("file.yaml", format!("{RULES}---\n{text}"), &[]);
        assert!(code == Some(1) && printed.contains(" 0 errors, 1 warning"), "{printed}");
        let indented: String = text.lines().map(|line| format!("    {line}\n")).collect();
        let map = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\ndata:\n  a.yaml: |\n    ---\n{indented}    ---\n"
        );
        let (code, printed) = of("map.yaml", &map, &[]);
        assert!(code == Some(1) && printed.contains(id), "{map}: {printed}");
    }
}

#[test]
fn a_configuration_without_any_integration_is_one_finding_however_many_alerts_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let alert = |n: usize| format!("  - {{alert: A{n}, expr: up == 0, for: 5m, labels: {{severity: critical}}}}\n");
    let rules: String = (0..20).map(alert).collect();
    std::fs::write(folder.path().join("rules.yaml"), format!("groups:\n- name: g\n  rules:\n{rules}")).unwrap();
    let routes = "route: {receiver: nobody}\nreceivers:\n- name: nobody\n";
    std::fs::write(folder.path().join("alertmanager.yaml"), routes).unwrap();
    let (code, printed) = verdict(folder.path(), &["."]);
    assert!(code == Some(1) && printed.matches("RG036").count() == 1, "{printed}");
    assert!(printed.contains("no receiver has an integration: the 20 alerts notify nobody"), "{printed}");
    assert!(printed.contains("alertmanager.yaml:2:1"), "{printed}");
    // With an integration on one of two receivers, each alert that the other one takes is reported.
    let routes = "route: {receiver: nobody}\nreceivers:\n- name: nobody\n- name: pager\n  webhook_configs: [{url: 'http://localhost:9093/'}]\n";
    std::fs::write(folder.path().join("alertmanager.yaml"), routes).unwrap();
    assert_eq!(verdict(folder.path(), &["."]).1.matches("which has no integration").count(), 20);
}

#[test]
fn keys_of_other_servers_are_accepted_unless_another_server_is_given() {
    let with = |key: &str| RULES.replace("  rules", &format!("  {key}\n  rules"));
    for (text, server, key) in [
        (with("source_tenants: [a, b]"), "mimir", "source_tenants"),
        (with("align_evaluation_time_on_interval: true"), "mimir", "align_evaluation_time_on_interval"),
        (with("evaluation_delay: 1m"), "mimir", "evaluation_delay"),
        (with("partial_response_strategy: warn"), "thanos", "partial_response_strategy"),
        (format!("namespace: n\n{RULES}"), "mimir", "namespace"),
        (with("type: prometheus"), "vmalert", "type"),
        (with("concurrency: 2"), "vmalert", "concurrency"),
        (with("eval_offset: 5m"), "vmalert", "eval_offset"),
        (with("params: {nocache: ['1']}"), "vmalert", "params"),
        (with("notifier_headers: ['A: b']"), "vmalert", "notifier_headers"),
        (RULES.replace("expr: up", "expr: up, debug: true"), "vmalert", "debug"),
        (RULES.replace("expr: up", "expr: up, update_entries_limit: 5"), "vmalert", "update_entries_limit"),
        // The expressions are in another language.
        (with("type: graphite").replace("expr: up", "expr: 'a.*.b(c)[x'"), "vmalert", "type"),
    ] {
        assert_eq!(of("rules.yaml", &text, &[]).0, Some(0), "{text}");
        assert_eq!(of("rules.yaml", &text, &["--server", server]).0, Some(0), "{text}");
        for other in [["--server", "prometheus"], ["--prometheus-version", "2.42"]] {
            let (code, printed) = of("rules.yaml", &text, &other);
            assert!(code == Some(1) && printed.contains(&format!("accepts the key {key}")), "{printed}");
        }
    }
    let (code, printed) = of("rules.yaml", with("partial_response_strategy: maybe"), &[]);
    assert!(code == Some(1) && printed.contains("must be warn or abort"), "{printed}");
    assert_eq!(of("rules.yaml", with("source_tenant: [a]"), &[]).0, Some(1), "a key of nobody");
}

/// vmalert has variables, fields and templates of its own.
#[test]
fn templates_of_vmalert_are_not_judged_as_those_of_prometheus() {
    let rules = "groups:\n- name: g\n  rules:\n  - alert: Down\n    expr: up == 0\n    for: 5m\n    labels: {severity: warning}\n    annotations: {summary: It is down., description: '{{ $expr }} {{ .ActiveAt }} {{ template \"x\" . }}'}\n";
    assert_eq!(of("rules.yaml", rules, &["--server", "vmalert"]).0, Some(0));
    let (code, printed) = of("rules.yaml", rules, &[]);
    assert!(code == Some(1) && printed.contains("undefined variable \"$expr\""), "{printed}");
}

/// The secrets of Alertmanager are on its server, even if the machine that lints has such a folder.
#[test]
fn a_secret_of_alertmanager_that_is_not_here_is_an_info() {
    let folder = tempfile::tempdir().unwrap();
    let config = |file: &str| {
        let slack = format!("slack_configs: [{{api_url_file: {file}, channel: a}}]");
        std::fs::write(
            folder.path().join("am.yml"),
            format!("route: {{receiver: a}}\nreceivers:\n- name: a\n  {slack}\n"),
        )
        .unwrap();
        verdict(folder.path(), &["am.yml", "--level", "info"])
    };
    let here = folder.path().join("nosuch").display().to_string();
    let (code, printed) = config(&here);
    assert!(
        code == Some(0) && printed.contains("info[RG036]") && printed.contains("is not on this machine"),
        "{printed}"
    );
    let (code, printed) = config("nosuch");
    assert!(code == Some(1) && printed.contains("there is no file nosuch"), "{printed}");
}
