//! The generated files pass promtool and amtool, and the same input gives the same files.

use checklist::{Config, SIGNALS};
use rules_gen::outputs::file::{File, differences};
use std::io::Error;
use std::path::Path;
use std::process::{Command, Output};

const EXAMPLE: &str = include_str!("../../examples/checklist.yaml");
/// Several targets of one kind, changed limits, and no links.
const OTHER: &str = "
backups:
  - {name: daily, bucket: bkt, format: pg_dump}
  - {name: weekly, bucket: bkt, every: 7d}
postgres:
  - {name: one, host: h, database: d, user: u, thresholds: {connections.usage: {warning: 60%, critical: 75%}}}
  - {name: two, host: h, database: d, user: u, skip: [auth_failures]}
  - {name: three, host: h, database: d, user: u}
kubernetes:
  - {name: a, namespaces: [x, y]}
  - {name: b, namespaces: [z], thresholds: {disk.usage: {warning: 50%}}}
alerting:
  alerts: {ChecklistPodStuck: {enabled: false}, ChecklistBackupShrunk: {for: 1h}}
";

/// Metrics of other exporters are used wherever the catalog allows it.
const ELSEWHERE: &str = "
kubernetes:
  - name: prod
    namespaces: [app]
    sources: {pods: kube-state-metrics, restarts: kube-state-metrics, hpa: kube-state-metrics, pvc: kube-state-metrics, disk: kubelet}
    sourceSelector: cluster=\"prod\"
postgres:
  - name: db
    host: h
    database: d
    user: u
    sources: {connections: postgres_exporter, database_size: postgres_exporter, seq_scans: postgres_exporter}
health:
  - {name: web, url: 'https://web/', sources: {health: blackbox_exporter}, sourceSelector: 'instance=\"https://web/\"'}
thresholds: {database_size.limit: 1TiB}
queries:
  - {name: stuck_jobs, help: Jobs that wait, query: SELECT 1 AS value, above: {warning: 1, critical: 5}}
";

fn run(program: &str, arguments: &[&str], folder: &Path) -> Output {
    Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap_or_else(|error| panic!("{program} is needed (make test installs it): {error}"))
}

fn succeeds(program: &str, arguments: &[&str], folder: &Path) {
    let output = run(program, arguments, folder);
    let printed = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&printed));
}

fn generate(yaml: &str, folder: &Path) -> Vec<File> {
    let config = Config::parse("checklist.yaml", yaml).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let outputs = rules_gen::outputs::generate(&config, "checklist.yaml").unwrap_or_else(|error| panic!("{error:#}"));
    rules_gen::outputs::file::write(&outputs, folder).unwrap_or_else(|error| panic!("{error:#}"));
    outputs
}

#[test]
fn large_groups_of_targets_give_distinguishable_rules() -> std::io::Result<()> {
    use std::fmt::Write as _;
    let mut yaml = "health:\n".to_owned();
    for n in 0..75 {
        let (limit, url) = (n / 25 + 1, format!("https://{n}.example.com/"));
        let _ = writeln!(yaml, "  - {{name: service-{n}, url: '{url}', thresholds: {{health.duration: {limit}s}}}}");
    }
    let folder = tempfile::tempdir()?;
    let outputs = generate(&yaml, folder.path());
    let lint = ["check", "rules", "--lint=all", "--lint-fatal", "rules/checklist.yaml"];
    succeeds("promtool", &lint, folder.path());
    let health = outputs.iter().find(|file| file.path == Path::new("tests/health.test.yaml"));
    let health: serde_json::Value =
        serde_yaml::from_str(&health.ok_or_else(|| Error::other("no test of health"))?.content)
            .map_err(Error::other)?;
    let names = health["tests"].as_array().into_iter().flatten().filter_map(|test| test["name"].as_str());
    let fires = names.filter(|name| name.starts_with("ChecklistHealthSlow.warning") && name.ends_with(": fires"));
    assert_eq!(fires.count(), 3, "a rule for each limit");
    succeeds("promtool", &["test", "rules", "tests/health.test.yaml"], folder.path());
    Ok(())
}

#[test]
fn promtool_and_amtool_accept_everything_and_every_rule_test_passes() -> std::io::Result<()> {
    for yaml in [EXAMPLE, OTHER, ELSEWHERE] {
        let folder = tempfile::tempdir()?;
        let outputs = generate(yaml, folder.path());
        succeeds("promtool", &["check", "rules", "rules/checklist.yaml"], folder.path());
        succeeds("amtool", &["check-config", "alertmanager/alertmanager.yaml"], folder.path());
        let tests: Vec<&str> = outputs
            .iter()
            .filter_map(|output| output.path.to_str())
            .filter(|path| path.ends_with(".test.yaml"))
            .collect();
        assert!(tests.len() > 20);
        succeeds("promtool", &[&["test", "rules"], tests.as_slice()].concat(), folder.path());
    }
    Ok(())
}

#[test]
fn critical_alerts_go_to_pagerduty_and_warnings_to_slack() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    generate(EXAMPLE, folder.path());
    for (severity, receiver) in [("critical", "pagerduty"), ("warning", "slack"), ("none", "nobody")] {
        let label = format!("severity={severity}");
        let arguments = ["config", "routes", "test", "--config.file=alertmanager/alertmanager.yaml", &label];
        let output = run("amtool", &arguments, folder.path());
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), receiver);
    }
    Ok(())
}

#[test]
fn generation_is_deterministic_and_check_lists_differences() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("checklist.yaml");
    std::fs::write(&config, EXAMPLE)?;
    let program = env!("CARGO_BIN_EXE_rules-gen");
    let base = ["generate", "--config", "checklist.yaml", "--out", "out"];
    let check = ["generate", "--config", "checklist.yaml", "--out", "out", "--check"];
    assert_eq!(run(program, &check, folder.path()).status.code(), Some(1), "nothing is there yet");
    succeeds(program, &base, folder.path());
    succeeds(program, &check, folder.path());
    std::fs::write(folder.path().join("out/rules/checklist.yaml"), "groups: []\n")?;
    let output = run(program, &check, folder.path());
    let printed = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(printed.contains("out/rules/checklist.yaml differs from line 1 on"), "{printed}");
    std::fs::write(&config, "nonsense: 1\n")?;
    assert_eq!(run(program, &check, folder.path()).status.code(), Some(2), "a bad configuration is no drift");
    Ok(())
}

#[test]
fn every_alert_has_a_section_in_a_runbook_and_every_signal_a_panel() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    let outputs = generate(EXAMPLE, folder.path());
    let content = |path: &str| {
        let file = outputs.iter().find(|file| file.path == Path::new(path));
        file.unwrap_or_else(|| panic!("{path} is not generated")).content.clone()
    };
    let rules: serde_json::Value = serde_yaml::from_str(&content("rules/checklist.yaml")).map_err(Error::other)?;
    let groups = rules["groups"].as_array().into_iter().flatten();
    let alerts = groups.flat_map(|group| group["rules"].as_array().into_iter().flatten());
    let alerts: Vec<_> = alerts.filter(|rule| rule.get("alert").is_some()).collect();
    assert!(alerts.len() > 150, "only {} alerts", alerts.len());
    for rule in alerts {
        let url = rule["annotations"]["runbook_url"].as_str().unwrap_or_else(|| panic!("{rule} has no runbook"));
        let page = url.rsplit('/').next().and_then(|page| page.split_once('#'));
        let (page, anchor) = page.unwrap_or_else(|| panic!("{url} names no page and no heading"));
        let text = content(&format!("runbooks/{page}"));
        let heading =
            text.lines().filter_map(|line| line.strip_prefix("### ")).any(|name| name.to_lowercase() == anchor);
        assert!(heading, "{} leads to {url}", rule["alert"]);
    }
    for signal in SIGNALS {
        let dashboard =
            content(&format!("dashboards/{}.json", rules_gen::rules::labels::dashboard_uid(signal.cadence)));
        let dashboard: serde_json::Value = serde_json::from_str(&dashboard)?;
        // Each query has a matcher of its check. Groups of targets with other limits have a panel of their own, named
        // `Title: targets`.
        let check = format!("check=\"{}\"", signal.id);
        for panel in signal.panels {
            // A panel may show only another check's metrics, such as the requests beside the audit events.
            let of_another = panel.query.metrics().iter().all(|metric| !signal.metrics.contains(metric));
            let is_drawn = |drawn: &serde_json::Value| {
                let title = drawn["title"].as_str().unwrap_or_default();
                let rest = title.strip_prefix(panel.title);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(": "))
                    && drawn["targets"].as_array().is_some_and(|targets| {
                        !targets.is_empty()
                            && targets
                                .iter()
                                .all(|one| one["expr"].as_str().is_some_and(|expr| expr.contains(&check) != of_another))
                    })
            };
            let drawn = dashboard["panels"].as_array().is_some_and(|panels| panels.iter().any(is_drawn));
            assert!(drawn, "{} has no panel {}", signal.id, panel.title);
        }
    }
    Ok(())
}

#[test]
fn committed_generated_files_are_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let config = Config::parse("checklist.yaml", EXAMPLE).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let outputs = rules_gen::outputs::generate(&config, "checklist.yaml").unwrap_or_else(|error| panic!("{error:#}"));
    let (dashboards, others): (Vec<File>, Vec<File>) =
        outputs.into_iter().partition(|file| file.path.starts_with("dashboards"));
    assert!(dashboards.len() > 5 && others.len() > 100);
    let docs = [
        rules_gen::outputs::configuration::configuration(),
        rules_gen::outputs::docs::signals(),
        rules_gen::outputs::docs::lints(),
    ];
    let folders = [(others.as_slice(), "deploy/generated"), (&dashboards, ""), (&docs, "docs")];
    let differences: Vec<String> =
        folders.into_iter().flat_map(|(files, folder)| differences(files, &root.join(folder))).collect();
    assert!(differences.is_empty(), "run make generate: {differences:#?}");
}

/// Series as kube-state-metrics, the kubelet, `postgres_exporter` and `blackbox_exporter` expose them, and the alert
/// that each must trigger.
#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn the_same_alerts_fire_on_metrics_of_other_exporters() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    generate(ELSEWHERE, folder.path());
    let k8s = "cluster=\"prod\", namespace=\"app\"";
    let cases = [
        (
            "ChecklistWorkloadDown",
            vec![
                (format!("kube_deployment_spec_replicas{{{k8s}, deployment=\"web\"}}"), "3+0x60"),
                (format!("kube_deployment_status_replicas_ready{{{k8s}, deployment=\"web\"}}"), "0+0x60"),
            ],
        ),
        (
            "ChecklistPodStuck",
            vec![
                (format!("kube_pod_status_phase{{{k8s}, pod=\"web-1\", phase=\"Running\"}}"), "1+0x60"),
                (
                    format!(
                        "kube_pod_container_status_waiting_reason{{{k8s}, pod=\"web-1\", container=\"main\", reason=\"CrashLoopBackOff\"}}"
                    ),
                    "1+0x60",
                ),
            ],
        ),
        (
            "ChecklistServiceWithoutEndpoints",
            vec![
                (format!("kube_service_info{{{k8s}, service=\"web\"}}"), "1+0x60"),
                (
                    format!("kube_endpointslice_info{{{k8s}, endpointslice=\"web-x2k4p\", addresstype=\"IPv4\"}}"),
                    "1+0x60",
                ),
                (
                    format!(
                        "kube_endpointslice_endpoints{{{k8s}, endpointslice=\"web-x2k4p\", ready=\"false\", targetref_kind=\"Pod\", address=\"10.1.0.1\"}}"
                    ),
                    "1+0x60",
                ),
            ],
        ),
        (
            "ChecklistContainerRestartsOften",
            vec![(
                format!("kube_pod_container_status_restarts_total{{{k8s}, pod=\"web-1\", container=\"main\"}}"),
                "0+1x60",
            )],
        ),
        (
            "ChecklistContainerOutOfMemory",
            vec![
                (
                    format!(
                        "kube_pod_container_status_last_terminated_timestamp{{{k8s}, pod=\"web-1\", container=\"main\"}}"
                    ),
                    "0+0x60",
                ),
                (
                    format!(
                        "kube_pod_container_status_last_terminated_reason{{{k8s}, pod=\"web-1\", container=\"main\", reason=\"OOMKilled\"}}"
                    ),
                    "1+0x60",
                ),
            ],
        ),
        (
            "ChecklistVolumeFilling",
            vec![
                (format!("kubelet_volume_stats_used_bytes{{{k8s}, persistentvolumeclaim=\"data\"}}"), "90+0x60"),
                (format!("kubelet_volume_stats_available_bytes{{{k8s}, persistentvolumeclaim=\"data\"}}"), "10+0x60"),
            ],
        ),
        (
            "ChecklistVolumeClaimNotBound",
            vec![(
                format!(
                    "kube_persistentvolumeclaim_status_phase{{{k8s}, persistentvolumeclaim=\"data\", phase=\"Bound\"}}"
                ),
                "0+0x60",
            )],
        ),
        (
            "ChecklistAutoscalerUnable",
            vec![(
                format!(
                    "kube_horizontalpodautoscaler_status_condition{{{k8s}, horizontalpodautoscaler=\"web\", condition=\"ScalingActive\", status=\"false\"}}"
                ),
                "1+0x60",
            )],
        ),
        (
            "ChecklistConnectionsHigh",
            vec![
                (
                    "pg_stat_activity_count{datname=\"d\", state=\"active\", instance=\"db:9187\", server=\"db:5432\"}"
                        .to_owned(),
                    "96+0x60",
                ),
                ("pg_settings_max_connections{instance=\"db:9187\", server=\"db:5432\"}".to_owned(), "100+0x60"),
                (
                    "pg_settings_superuser_reserved_connections{instance=\"db:9187\", server=\"db:5432\"}".to_owned(),
                    "3+0x60",
                ),
            ],
        ),
        ("ChecklistHealthFailed", vec![("probe_success{instance=\"https://web/\"}".to_owned(), "0+0x60")]),
    ];
    for (alert, series) in cases {
        let input: Vec<_> =
            series.iter().map(|(series, values)| serde_json::json!({"series": series, "values": values})).collect();
        let fires = format!("count(ALERTS{{alertname={alert:?}, alertstate=\"firing\"}}) > bool 0");
        let test = serde_json::json!({
            "rule_files": ["rules/checklist.yaml"],
            "evaluation_interval": "1m",
            "tests": [{"interval": "1m", "input_series": input, "promql_expr_test": [
                {"expr": fires, "eval_time": "40m", "exp_samples": [{"labels": "{}", "value": 1}]},
            ]}],
        });
        std::fs::write(folder.path().join("elsewhere.test.yaml"), test.to_string())?;
        succeeds("promtool", &["test", "rules", "elsewhere.test.yaml"], folder.path());
    }
    Ok(())
}

/// Healthy cases of kube-state-metrics: a service with endpoint slices, an `ExternalName` service, one without a
/// selector, workloads and autoscalers that are scaled to zero, pods that terminate, and finished pods.
#[test]
fn no_alert_fires_on_ordinary_pages_of_kube_state_metrics() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    generate(ELSEWHERE, folder.path());
    let series: Vec<(&str, &str)> = vec![
        ("kube_deployment_spec_replicas{K, deployment=\"web\"}", "2+0x90"),
        ("kube_deployment_status_replicas_ready{K, deployment=\"web\"}", "2+0x90"),
        ("kube_service_info{K, service=\"web\", cluster_ip=\"10.0.0.1\"}", "1+0x90"),
        ("kube_service_spec_type{K, service=\"web\", type=\"ClusterIP\"}", "1+0x90"),
        ("kube_endpointslice_info{K, endpointslice=\"web-x2k4p\", addresstype=\"IPv4\"}", "1+0x90"),
        (
            "kube_endpointslice_endpoints{K, endpointslice=\"web-x2k4p\", ready=\"true\", serving=\"true\", terminating=\"false\", targetref_kind=\"Pod\", address=\"10.1.0.1\"}",
            "1+0x90",
        ),
        // A pod that takes long to terminate, behind a service that is scaled to zero.
        ("kube_deployment_spec_replicas{K, deployment=\"sleeps\"}", "0+0x90"),
        ("kube_deployment_status_replicas_ready{K, deployment=\"sleeps\"}", "0+0x90"),
        ("kube_service_info{K, service=\"sleeps\", cluster_ip=\"10.0.0.2\"}", "1+0x90"),
        ("kube_endpointslice_info{K, endpointslice=\"sleeps-9xw2z\", addresstype=\"IPv4\"}", "1+0x90"),
        (
            "kube_endpointslice_endpoints{K, endpointslice=\"sleeps-9xw2z\", ready=\"false\", serving=\"true\", terminating=\"true\", targetref_kind=\"Pod\", address=\"10.1.0.2\"}",
            "1+0x90",
        ),
        // An ExternalName service, and a service whose endpoints are managed by somebody else.
        ("kube_service_info{K, service=\"elsewhere\", external_name=\"db.example.com\"}", "1+0x90"),
        ("kube_service_spec_type{K, service=\"elsewhere\", type=\"ExternalName\"}", "1+0x90"),
        ("kube_service_info{K, service=\"manual\", cluster_ip=\"10.0.0.3\"}", "1+0x90"),
        // An autoscaler that KEDA has deactivated.
        (
            "kube_horizontalpodautoscaler_status_condition{K, horizontalpodautoscaler=\"sleeps\", condition=\"ScalingActive\", status=\"false\"}",
            "1+0x90",
        ),
        ("kube_horizontalpodautoscaler_status_desired_replicas{K, horizontalpodautoscaler=\"sleeps\"}", "0+0x90"),
        ("kube_horizontalpodautoscaler_status_current_replicas{K, horizontalpodautoscaler=\"sleeps\"}", "0+0x90"),
        ("kube_horizontalpodautoscaler_spec_max_replicas{K, horizontalpodautoscaler=\"sleeps\"}", "4+0x90"),
        ("kube_horizontalpodautoscaler_spec_min_replicas{K, horizontalpodautoscaler=\"sleeps\"}", "1+0x90"),
        // At its maximum, without being limited by it.
        (
            "kube_horizontalpodautoscaler_status_condition{K, horizontalpodautoscaler=\"web\", condition=\"ScalingLimited\", status=\"true\"}",
            "0+0x90",
        ),
        (
            "kube_horizontalpodautoscaler_status_condition{K, horizontalpodautoscaler=\"web\", condition=\"ScalingActive\", status=\"true\"}",
            "1+0x90",
        ),
        ("kube_horizontalpodautoscaler_status_desired_replicas{K, horizontalpodautoscaler=\"web\"}", "8+0x90"),
        ("kube_horizontalpodautoscaler_status_current_replicas{K, horizontalpodautoscaler=\"web\"}", "8+0x90"),
        ("kube_horizontalpodautoscaler_spec_max_replicas{K, horizontalpodautoscaler=\"web\"}", "8+0x90"),
        ("kube_horizontalpodautoscaler_spec_min_replicas{K, horizontalpodautoscaler=\"web\"}", "2+0x90"),
        // A pod in its first minutes, a finished job, and a failed job that was run again.
        ("kube_pod_status_ready{K, pod=\"web-new\", condition=\"true\"}", "0+0x4 1+0x80"),
        (
            "kube_pod_container_status_waiting_reason{K, pod=\"web-new\", container=\"main\", reason=\"ContainerCreating\"}",
            "1+0x3 stale",
        ),
        (
            "kube_pod_init_container_status_waiting_reason{K, pod=\"web-new\", container=\"init\", reason=\"PodInitializing\"}",
            "1+0x3 stale",
        ),
        ("kube_pod_status_phase{K, pod=\"job-1\", phase=\"Succeeded\"}", "1+0x90"),
        ("kube_pod_status_ready{K, pod=\"job-1\", condition=\"true\"}", "0+0x90"),
        ("kube_persistentvolumeclaim_status_phase{K, persistentvolumeclaim=\"data\", phase=\"Bound\"}", "1+0x90"),
        ("kube_pod_container_status_restarts_total{K, pod=\"web-1\", container=\"main\"}", "3+0x90"),
    ];
    let own = "cluster=\"prod\", namespace=\"app\"";
    let input: Vec<_> = series
        .iter()
        .map(|(series, values)| serde_json::json!({"series": series.replace("{K,", &format!("{{{own},")), "values": values}))
        .collect();
    let fires =
        "ALERTS{alertstate=\"firing\", check=~\"pods|restarts|hpa|pvc\", alertname!~\".*(Source|Check)Missing\"}";
    let steps: Vec<_> = ["20m", "50m", "85m"]
        .iter()
        .map(|at| serde_json::json!({"expr": fires, "eval_time": at, "exp_samples": []}))
        .collect();
    let test = serde_json::json!({
        "rule_files": ["rules/checklist.yaml"],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": input, "promql_expr_test": steps}],
    });
    std::fs::write(folder.path().join("ordinary.test.yaml"), test.to_string())?;
    succeeds("promtool", &["test", "rules", "ordinary.test.yaml"], folder.path());
    Ok(())
}

#[test]
fn rights_are_the_least_that_the_configured_checks_need() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    let outputs = generate(EXAMPLE, folder.path());
    let content = |path: &str| {
        let output = outputs.iter().find(|output| output.path == Path::new(path));
        output.unwrap_or_else(|| panic!("{path} was not generated")).content.clone()
    };
    let list: serde_json::Value =
        serde_yaml::from_str(&content("access/kubernetes-production.yaml")).unwrap_or_default();
    let rules: Vec<_> = list["items"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|item| item["rules"].as_array().cloned().unwrap_or_default())
        .collect();
    assert!(rules.len() > 8);
    for rule in &rules {
        let resources = rule["resources"].to_string();
        for verb in rule["verbs"].as_array().into_iter().flatten() {
            // Only leases are written: they are created, and updated by name.
            let may = ["get", "list", "watch"].iter().any(|known| verb == known)
                || resources == "[\"leases\"]"
                    && (verb == "create" || verb == "update" && !rule["resourceNames"].is_null());
            assert!(may, "{rule}");
        }
        assert!(!resources.contains("nodes/proxy") && !resources.contains('*'), "{rule}");
        if resources.contains("secrets") {
            assert_eq!(
                (rule["verbs"].to_string(), rule["resourceNames"].as_array().map(Vec::len)),
                ("[\"get\"]".to_owned(), Some(3))
            );
        }
    }
    let sql = content("access/postgres-orchestrator.sql");
    for part in [
        // Two replicas with one connection each, twice for a change of processes, and three for checks by hand.
        "CONNECTION LIMIT 7",
        "GRANT pg_read_all_stats TO \"checklist\"",
        "GRANT SELECT (\"created_at\", \"disabled_at\", \"last_login_at\") ON \"public\".\"users\"",
    ] {
        assert!(sql.contains(part), "{part} is not in {sql}");
    }
    assert!(!sql.contains("email") && !sql.contains("PASSWORD '"), "{sql}");
    let policy = content("access/s3-policy.json");
    assert!(policy.contains("\"s3:prefix\": \"daily/*\"") && !policy.contains("archives/*\"\n    }\n  ]"), "{policy}");
    assert_eq!(policy.matches("s3:GetObject").count(), 2, "an archive of any format is only listed");
    Ok(())
}

/// A factor times a limit may leave seventeen digits in a float, which nobody chose.
#[test]
fn numbers_in_rules_and_runbooks_have_at_most_twelve_decimals() {
    for yaml in [EXAMPLE, OTHER, ELSEWHERE] {
        let config = Config::parse("checklist.yaml", yaml).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let outputs =
            rules_gen::outputs::generate(&config, "checklist.yaml").unwrap_or_else(|error| panic!("{error:#}"));
        for output in
            outputs.iter().filter(|output| output.path.starts_with("rules") || output.path.starts_with("runbooks"))
        {
            let long = |word: &&str| {
                word.parse::<f64>().is_ok() && word.split_once('.').is_some_and(|(_, behind)| behind.len() > 12)
            };
            let found: Vec<&str> = output.content.split_whitespace().filter(long).collect();
            assert!(found.is_empty(), "{}: {found:?}", output.path.display());
        }
    }
}

/// First Mondays are four or five weeks apart, so a limit of a month would be too short.
#[test]
fn a_backup_on_every_first_monday_never_alerts_in_the_example() -> Result<(), String> {
    let config = Config::parse("checklist.yaml", EXAMPLE).map_err(|mistakes| mistakes.to_string())?;
    let backup = checklist::signals::by_id("backup").ok_or("no backups")?;
    let stale = &checklist::signals::backup::MAX_AGE;
    let rule = checklist::calendar::Rule::parse("first Monday")?;
    let mut day = rule.next(jiff::civil::date(2026, 1, 1)).ok_or("no Monday")?;
    for _ in 0..120 {
        let next = rule.next(day).ok_or("no Monday")?;
        let apart = f64::from((next - day).get_days()) * 86_400.0;
        for name in ["monthly", "audit-archive"] {
            let warns = config.limits(backup, name).of(stale).warning.ok_or("no limit")?;
            assert!(apart < warns, "{name} of {day} is late before {next}");
        }
        day = next;
    }
    Ok(())
}
