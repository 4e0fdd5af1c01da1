//! Runbooks: their commands contain the names in checklist.yaml, so that they can be copied unchanged.

#![expect(clippy::unwrap_used, reason = "a test fails by its panic")]

use checklist::Config;
use std::collections::BTreeSet;
use std::process::Command;

const EXAMPLE: &str = include_str!("../../examples/checklist.yaml");

/// Returns every page with its name.
fn pages(yaml: &str) -> Vec<(String, String)> {
    let config = Config::parse("checklist.yaml", yaml).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let outputs = rules_gen::outputs::generate(&config, "checklist.yaml").unwrap();
    let page = |output: rules_gen::outputs::file::File| {
        let name = output.path.to_str()?.strip_prefix("runbooks/")?.strip_suffix(".md")?.to_owned();
        Some((name, output.content))
    };
    outputs.into_iter().filter_map(page).collect()
}

fn page(yaml: &str, name: &str) -> String {
    pages(yaml).into_iter().find(|(known, _)| known == name).unwrap_or_else(|| panic!("no page {name}")).1
}

/// Returns the arguments that a program gets when a shell runs the command, one per line.
fn arguments(program: &str, command: &str) -> String {
    let script = format!("{program}() {{ printf '%s\\n' \"$@\"; }}; {command}");
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Returns the commands of a page that begin with a program's name.
fn commands<'a>(page: &'a str, program: &str) -> Vec<&'a str> {
    let spans = page.lines().flat_map(|line| line.split('`').skip(1).step_by(2).chain([line]));
    spans.filter(|span| span.starts_with(program)).collect()
}

#[test]
fn runbook_commands_contain_the_names_of_the_configuration() {
    for (name, text) in pages(EXAMPLE) {
        for left in ["NAMESPACE", "BUCKET", "HOST", "SELECTOR", "MARKER", "JOB"] {
            assert!(!text.contains(left), "{name} leaves {left} to the reader");
        }
    }
    for (name, part) in [
        ("backup", "`aws s3 ls s3://llm-orchestrator-backups/daily/ | tail -3`"),
        ("backup", "   - monthly: `aws s3 ls s3://llm-orchestrator-backups/monthly/ | tail -3`"),
        ("restore", "`checklist-exporter verify-backup monthly`"),
        ("certificates", "-servername orchestrator.example.com -connect orchestrator.example.com:443"),
        ("health", "`curl -sS -m 10 https://orchestrator.example.com/health | jq`"),
        ("pod_logs", "kubectl logs -n llm-orchestrator -l app=orchestrator --since=1h --tail=-1 | grep -F -- AUDIT:"),
        ("secrets", "   - production: `kubectl get secret postgres-credentials -n llm-orchestrator"),
        ("error_rate", "rate(http_requests_total{job=\"orchestrator\", status=~\"5..\"}[5m])"),
        ("latency", "sum by (le) (rate(http_request_duration_seconds_bucket{job=\"orchestrator\"}[5m]))"),
        ("exporter", "`kubectl get lease checklist-exporter -n llm-orchestrator`"),
        ("alerts", "`amtool --alertmanager.url=http://alertmanager.monitoring.svc:9093 alert query severity=critical`"),
    ] {
        let text = page(EXAMPLE, name);
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn runbook_commands_use_the_watched_namespaces() {
    let yaml = "
kubernetes:
  - name: one
    namespaces: [shop, billing]
    auditLogs: [{namespace: shop, selector: 'app in (web, api)', container: main, marker: it's audited}]
  - {name: two, namespaces: [lab], skip: [hpa]}
";
    for (name, program, lines) in [
        ("pods", "kubectl get pods,svc", 3),
        ("pvc", "kubectl get pvc -n", 3),
        ("utilization", "kubectl top pods", 3),
        ("hpa", "kubectl get hpa", 2),
    ] {
        let text = page(yaml, name);
        let found = commands(&text, program);
        let given: Vec<String> = found.iter().map(|command| arguments("kubectl", command)).collect();
        assert_eq!(found.len(), lines, "{found:?}");
        for (namespace, given) in ["shop", "billing", "lab"].iter().zip(given) {
            assert!(given.contains(&format!("-n\n{namespace}\n")), "{name}: {given}");
        }
        assert!(!text.contains("orchestrator"), "{text}");
    }
    let text = page(yaml, "pod_logs");
    let logs = commands(&text, "kubectl logs")[0].split(" | ").next().unwrap();
    assert!(arguments("kubectl", logs).starts_with("logs\n-n\nshop\n-l\napp in (web, api)\n-c\nmain\n"), "{logs}");
    assert!(text.contains(r"grep -F -- 'it'\''s audited'"), "{text}");
}

#[test]
fn names_are_shell_quoted_and_long_target_lists_are_shortened() {
    let one = |at: usize| {
        format!("  - {{name: b{at}, bucket: its, prefix: 'it''s $(id) b/{at}/', endpoint: 'http://minio:9000'}}\n")
    };
    let text = page(&format!("backups:\n{}", (0..8).map(one).collect::<String>()), "backup");
    let lists = commands(&text, "aws --endpoint-url http://minio:9000 s3 ls");
    // Two steps list the objects, each for five targets.
    assert_eq!(lists.len(), 10, "{text}");
    for (at, list) in (0..5).cycle().zip(&lists) {
        let list = list.split(" | ").next().unwrap();
        assert!(arguments("aws", list).ends_with(&format!("\ns3\nls\ns3://its/it's $(id) b/{at}/\n")), "{list}");
    }
    assert_eq!(text.matches("\n   - and 3 more\n").count(), 3, "{text}");
    assert!(text.contains("# and 3 more targets\n"), "{text}");
    // A value that inline code cannot contain is left as a placeholder.
    let odd = page("backups:\n  - {name: a, bucket: bkt, prefix: 'x`id`/'}\n", "backup");
    assert!(odd.contains("s3://BUCKET/PREFIX") && !odd.contains("`id`"), "{odd}");
}

#[test]
fn runbook_sql_uses_the_configured_table_and_column_names() {
    let yaml = "
postgres:
  - name: main
    host: h
    database: d
    user: u
    tables: {audit_events: {table: security.audit, columns: {timestamp: at}}}
  - {name: other, host: h, database: e, user: u}
";
    let text = page(yaml, "audit_log");
    assert!(text.contains("2. `SELECT max(\"at\") FROM \"security\".\"audit\";`\n   - other: `SELECT max(timestamp) FROM audit_events;`\n"), "{text}");
    assert!(page(yaml, "workflows").contains("2. `SELECT status, count(*) FROM workflows WHERE updated_at > now()"));
    let roles = page(EXAMPLE, "roles");
    assert!(
        roles.contains("array_agg(r.name) FROM users u JOIN user_roles ur ON u.id = ur.user_id JOIN roles r ON"),
        "{roles}"
    );
}

/// A configuration without clusters, and one with everything from the operator's own queries.
#[test]
fn unknown_values_in_runbook_commands_are_placeholders_in_capitals() {
    let yaml = "
postgres: [{name: db, host: h, database: d, user: u}]
traffic: [{name: app, selector: 'job=\"app\"'}]
prometheus: [{name: p, url: 'http://p'}]
queries: [{name: stuck_jobs, help: Jobs that wait for long., query: SELECT 1 AS value, above: {warning: 1}}]
";
    let pages = pages(yaml);
    for (name, text) in &pages {
        assert!(!text.contains("{audit_events") && !text.contains("{users"), "{text}");
        for left in ["namespace", "s3", "bucket", "logs", "marker", "amtool", "requests", "matchers", "lease", "rules"]
        {
            assert!(!text.contains(&format!("{{{left}}}")), "{name} has {{{left}}}");
        }
    }
    assert!(page(yaml, "connections").contains("`kubectl get pods -n NAMESPACE`"));
    let own = page(yaml, "stuck_jobs");
    assert!(own.contains("## Meaning\n\nJobs that wait for long.\n\n### "), "{own}");
}

#[test]
fn a_runbook_has_each_alert_once_and_no_empty_section() {
    for (name, text) in pages(EXAMPLE) {
        let headings: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("### ")).collect();
        let once: BTreeSet<&str> = headings.iter().copied().collect();
        assert_eq!(once.len(), headings.len(), "{name} repeats a heading");
        let lines = text.split_once("Lines of the written checklist:").map(|(_, rest)| rest.trim_start());
        assert!(lines.is_none_or(|rest| rest.starts_with("- ")), "{name} asks nothing");
    }
    let tasks = page(EXAMPLE, "tasks");
    assert!(!tasks.contains("Lines of the written checklist"), "{tasks}");
    let exporter = page(EXAMPLE, "exporter");
    assert!(
        exporter.contains("\nThe rules contain ") && exporter.matches("ChecklistCheckOverdue\n").count() == 1,
        "{exporter}"
    );
}

/// The commands that silence a page's alerts: one line for each target, with every alert that may be silenced.
#[test]
fn the_silence_command_contains_exactly_the_alerts_that_may_be_silenced() {
    let silences = |name: &str| -> Vec<String> {
        let text = page(EXAMPLE, name);
        let lines = text.lines().filter(|line| line.starts_with("amtool ") && line.contains("silence add"));
        lines.map(|line| arguments("amtool", line)).collect()
    };
    let backup = silences("backup");
    assert_eq!(backup.len(), 3);
    for (target, given) in ["daily", "monthly", "audit-archive"].iter().zip(&backup) {
        let alerts = "ChecklistBackupInFuture|ChecklistBackupMissing|ChecklistBackupNotADump|ChecklistBackupShrunk|ChecklistBackupStale|ChecklistBackupTooSmall";
        assert_eq!(
            *given,
            format!(
                "--alertmanager.url=http://alertmanager.monitoring.svc:9093\nsilence\nadd\n--comment\nwhy\n--duration\n1h\nalertname=~\"{alerts}\"\ntarget={target}\n"
            )
        );
    }
    for (name, never) in [
        ("alerts", "ChecklistAlertUnacknowledged"),
        ("certificates", "ChecklistCertificateNotVerified"),
        ("error_rate", "ChecklistErrorBudgetBurnsFast"),
        ("pods", "ChecklistWorkloadDown"),
        ("exporter", "ChecklistWatchdog"),
        ("exporter", "ChecklistEmergencyOverride"),
    ] {
        let given = silences(name).concat();
        assert!(
            given.contains("alertname") && !given.split(['"', '=', '|', '\n', '~']).any(|word| word == never),
            "{given}"
        );
    }
    for name in ["alert_path", "override", "tasks"] {
        assert_eq!(silences(name), [] as [String; 0], "{name} must not be silenced");
    }
    let exporter = silences("exporter").concat();
    assert!(
        exporter.contains(
            "ChecklistCheckIncomplete|ChecklistCheckMissing|ChecklistCheckOverdue|ChecklistSourceMissing\"\ncheck=CHECK\ntarget=TARGET\n"
        ),
        "{exporter}"
    );
    let whole = "alertname=~\"ChecklistTargetUnreachable|ChecklistTargetUnsteady\"\nkind=KIND\ntarget=TARGET\n";
    assert!(exporter.contains(whole), "{exporter}");
    assert!(exporter.contains("ChecklistConfigBroken|"), "{exporter}");
}
