//! Each fault on the real stack reaches the right receiver, and its end does too.

use checklist::self_metrics::{PER_CHECK, PER_PROCESS, PER_SIGNAL, PER_TARGET, STANDARD};
use stack::faults::{FAULTS, Fault};
use stack::recorder::Message;
use stack::stack::Stack;
use stack::waiting::{PATIENCE, eventually, passes};
use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

/// Waits until the alert's receiver was notified after the first so many messages.
async fn notified(stack: &Stack, fault: Fault, resolved: bool, before: usize) -> anyhow::Result<()> {
    let about = |m: &Message| {
        m.receiver == fault.receiver() && if resolved { m.tells_the_end_of(fault.alert) } else { m.tells(fault.alert) }
    };
    let what = format!("{} is told of {} (resolved: {resolved})", fault.receiver(), fault.alert);
    eventually(&what, || async { Ok(stack.recorder.messages().iter().skip(before).any(about)) }).await
}

/// Breaks everything of a round at once, waits for every message, and mends it all.
async fn round(stack: &Stack, faults: Vec<Fault>) -> anyhow::Result<()> {
    let before = stack.recorder.messages().len();
    let injected = futures::future::try_join_all(faults.iter().map(|fault| stack.inject(*fault))).await?;
    let seen = faults.iter().map(|fault| async move {
        stack.prometheus.wait(fault.alert, fault.severity, true).await?;
        notified(stack, *fault, false, before).await?;
        same_verdict(stack, *fault).await
    });
    let mut wrong = failures(&faults, futures::future::join_all(seen).await);
    // All of them are there now. What would hold another one back, had it come first, belongs to another round.
    for fault in &faults {
        let held = stack.alertmanager.held_back(fault.alert, fault.severity).await?;
        wrong.extend(held.iter().map(|alert| format!("{}: held back by another fault: {alert}", fault.name)));
    }
    let before = stack.recorder.messages().len();
    for (fault, broken) in faults.iter().zip(injected) {
        stack.mend(*fault, broken).await?;
    }
    let seen = faults.iter().map(|fault| async move {
        stack.prometheus.wait(fault.alert, fault.severity, false).await?;
        notified(stack, *fault, true, before).await
    });
    wrong.extend(failures(&faults, futures::future::join_all(seen).await));
    anyhow::ensure!(wrong.is_empty(), "{wrong:#?}");
    Ok(())
}

fn failures(faults: &[Fault], seen: Vec<anyhow::Result<()>>) -> Vec<String> {
    let failed = |(fault, seen): (&Fault, anyhow::Result<()>)| Some(format!("{}: {}", fault.name, seen.err()?));
    faults.iter().zip(seen).filter_map(failed).collect()
}

/// Accounts and keys that nobody uses: their alerts wait a week, the verdict does not.
#[tokio::test(flavor = "multi_thread")]
async fn the_exporter_reports_a_finding_before_its_alert_fires() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    stack.postgres.execute("INSERT INTO users (email, created_at, last_login_at) VALUES ('stale@example.com', now() - interval '300 days', now() - interval '200 days')").await?;
    stack
        .postgres
        .execute(
            "INSERT INTO api_keys (user_id, name, created_at) VALUES (1, 'forgotten', now() - interval '200 days')",
        )
        .await?;
    for check in ["users", "api_keys"] {
        is_not_passed(&stack, check).await?;
    }
    for alert in ["ChecklistAccountsStale", "ChecklistApiKeysStale"] {
        // Longer than its own `for` here.
        stack.prometheus.judged_in(10, alert).await?;
        let fires = stack.prometheus.query(&format!("ALERTS{{alertname={alert:?}}}")).await?;
        assert!(fires.is_empty(), "{alert} does not wait");
    }
    Ok(())
}

/// Waits until the exporter has judged a check as not passed.
async fn is_not_passed(stack: &Stack, check: &str) -> anyhow::Result<()> {
    let query = format!("checklist_check_passed{{check={check:?}}}");
    eventually(&format!("{check} is not passed"), || async { Ok(stack.prometheus.query(&query).await? == [0.0]) }).await
}

/// What Prometheus judges bad, the exporter does too, unless it needs history.
async fn same_verdict(stack: &Stack, fault: Fault) -> anyhow::Result<()> {
    for signal in checklist::SIGNALS {
        let judged = |alert: &checklist::Alert| alert.name == fault.alert && !alert.when.needs_history();
        if signal.kind.is_probed() && signal.alerts.iter().any(judged) {
            is_not_passed(stack, signal.id).await?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_notifies_the_right_receiver_and_resolves() -> anyhow::Result<()> {
    let mut stack = Stack::start().await?;
    assert_eq!(stack.prometheus.broken_rules().await?, Vec::<String>::new());
    assert_eq!(stack.prometheus.remarks().await?, Vec::<String>::new());
    // Every check has passed with the generated roles; what they do not grant is refused.
    let api =
        format!("http://127.0.0.1:{}/api/v1/namespaces/{}", stack.kubernetes.server.port, stack::kubernetes::NAMESPACE);
    let bearer = format!("Bearer {}", stack::kubernetes::TOKEN);
    for path in ["secrets", "secrets/other", "configmaps", "events"] {
        let (status, _) = stack::http::request(&format!("{api}/{path}"), None, &[("authorization", &bearer)]).await?;
        assert_eq!(status, 403, "{path}");
    }
    stack.prometheus.wait("ChecklistWatchdog", "none", true).await?;
    for number in 1..=FAULTS.iter().map(|fault| fault.round).max().unwrap_or(0) {
        round(&stack, FAULTS.iter().copied().filter(|fault| fault.round == number).collect()).await?;
    }
    // The page about the disk held its own warning back.
    let has_received = |receiver| {
        stack.recorder.messages().iter().any(|m| m.receiver == receiver && m.tells("ChecklistVolumeFilling"))
    };
    assert!(has_received("pagerduty") && !has_received("slack"));
    assert!(stack.exporter.stop(), "SIGTERM ends the exporter with success");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn all_declared_metrics_and_no_others_are_exposed() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    // Without a client there is no connection to count, and no transaction to time.
    let client = stack.postgres.client().await?;
    client.batch_execute("BEGIN").await?;
    let own = "checklist_query_stuck_jobs";
    let signals = checklist::SIGNALS.iter().filter(|signal| signal.kind.is_probed()).flat_map(|signal| signal.metrics);
    let all: Vec<&checklist::Metric> = signals
        .chain(PER_CHECK)
        .chain(PER_SIGNAL)
        .chain(PER_TARGET)
        .chain(PER_PROCESS)
        .chain(STANDARD)
        .copied()
        .collect();
    let declared: BTreeSet<&str> = all.iter().map(|metric| metric.name).chain([own]).collect();
    let sparse: BTreeSet<&str> = all.iter().filter(|metric| metric.sparse).map(|metric| metric.name).collect();
    let names = passes(|| async {
        let metrics = stack.metrics().await?;
        let names = families(&metrics);
        let missing: Vec<_> =
            declared.iter().filter(|name| !names.contains(**name) && !sparse.contains(*name)).collect();
        anyhow::ensure!(missing.is_empty(), "declared and not exposed: {missing:?}");
        check_metrics(&metrics)?;
        Ok(names)
    })
    .await?;
    let undeclared: Vec<_> = names.iter().filter(|name| !declared.contains(name.as_str())).collect();
    assert!(undeclared.is_empty(), "exposed and not declared: {undeclared:?}");
    Ok(())
}

/// The metrics of an exposition; the parts of a histogram are one.
fn families(text: &str) -> BTreeSet<String> {
    let family = |name| {
        let mut parts = ["_bucket", "_sum", "_count"].into_iter().filter_map(|part| str::strip_suffix(name, part));
        parts.find(|family| PER_SIGNAL.iter().any(|metric| metric.name == *family)).unwrap_or(name)
    };
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split(['{', ' ']).next()).map(|name| family(name).to_owned()).collect()
}

fn check_metrics(text: &str) -> anyhow::Result<()> {
    use std::io::Write;
    let mut child = stack::monitoring::Release::chosen()
        .tool("promtool")
        .args(["check", "metrics"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(text.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    let printed = [output.stdout, output.stderr].concat();
    anyhow::ensure!(output.status.success(), "promtool check metrics: {}", String::from_utf8_lossy(&printed));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_override_suppresses_routine_warnings_and_never_a_critical_alert() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let fault =
        |name: &str| FAULTS.iter().copied().find(|fault| fault.name == name).unwrap_or_else(|| panic!("{name}"));
    let (routine, page) = (fault("roles"), fault("backup"));
    stack.command(&["override", "start", "--reason", "the region is down", "--until", "2h", "--by", "ann"])?;
    assert!(stack.command(&["override", "start", "--reason", "again", "--until", "2h", "--by", "bob"]).is_err());
    assert!(stack.command(&["override", "extend", "--reason", "for ever", "--until", "90d", "--by", "bob"]).is_err());
    eventually("Alertmanager knows of the emergency", || async {
        let all = stack.alertmanager.alerts().await?;
        Ok(all.iter().any(|alert| alert["labels"]["alertname"] == "ChecklistEmergencyOverride"))
    })
    .await?;
    let before = stack.recorder.messages().len();
    stack.inject(routine).await?;
    eventually("the routine warning is held back", || async {
        Ok(!stack.alertmanager.held_back(routine.alert, routine.severity).await?.is_empty())
    })
    .await?;
    // What comes later is sent, and what is held back was not sent before it.
    stack.inject(page).await?;
    notified(&stack, page, false, before).await?;
    let is_routine = |message: &Message| message.tells(routine.alert);
    assert!(!stack.recorder.messages().iter().any(is_routine), "a routine warning was sent");
    stack.command(&["override", "end", "--by", "ann"])?;
    stack.prometheus.wait("ChecklistEmergencyOverride", "none", false).await?;
    notified(&stack, routine, false, before).await
}

#[tokio::test(flavor = "multi_thread")]
async fn unreachable_targets_are_reported() -> anyhow::Result<()> {
    let mut stack = Stack::start().await?;
    let before = stack.recorder.messages().len();
    // A cluster that lets nobody look, and a health page that never ends.
    stack.kubernetes.refuse(Some(403));
    stack.health.say(stack::peers::Says::Large);
    stack.prometheus.wait("ChecklistCheckOverdue", "critical", true).await?;
    stack.prometheus.wait("ChecklistHealthUnreachable", "critical", true).await?;
    let overdue = "ALERTS{alertname=\"ChecklistCheckOverdue\", check=\"health\"}";
    eventually(overdue, || async { Ok(!stack.prometheus.query(overdue).await?.is_empty()) }).await?;
    // A metric that nobody has, as the check sees it.
    let config = stack.folder().join("checklist.yaml");
    let text = std::fs::read_to_string(&config)?;
    let ghost = "  - {name: ghost, help: Not there, query: SELECT 1 AS value, above: {warning: 1}}\n";
    let other = stack.folder().join("ghost.yaml");
    std::fs::write(&other, text.replace("queries:\n", &format!("queries:\n{ghost}")))?;
    let mut command = Command::new(stack::stack::program("checklist-exporter")?);
    let output = command.args(["check", "--only", "dashboards", "--config"]).arg(&other).output()?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.code() == Some(1) && printed.contains("metric=checklist_query_ghost"), "{printed}");
    // No exporter at all.
    stack.exporter.stop();
    stack.prometheus.wait("ChecklistExporterMissing", "critical", true).await?;
    eventually("somebody is notified that the exporter is gone", || async {
        Ok(stack.recorder.messages().iter().skip(before).any(|message| message.tells("ChecklistExporterMissing")))
    })
    .await
}

/// What `verify-backup` says of the stack's backup.
fn verify(stack: &Stack) -> anyhow::Result<(Option<i32>, String)> {
    let mut command = Command::new(stack::stack::program("checklist-exporter")?);
    let output = command
        .args(["verify-backup", "daily", "--config"])
        .arg(stack.folder().join("checklist.yaml"))
        .env("TMPDIR", stack.folder())
        .output()?;
    Ok((output.status.code(), String::from_utf8([output.stdout, output.stderr].concat())?))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_dump_is_restored_and_a_broken_one_is_detected_and_alerts() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let dump = stack.postgres.dump()?;
    let key = "daily/backup-real.dump.gz";
    let upload = |bytes: &[u8]| stack.s3.put("llm-orchestrator-backups", key, bytes);
    let gzip = |bytes: &[u8]| -> anyhow::Result<Vec<u8>> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, bytes)?;
        Ok(encoder.finish()?)
    };
    let good = gzip(&dump)?;
    upload(&good)?;
    let (code, printed) = verify(&stack)?;
    assert!(code == Some(0) && printed.contains("users 200"), "{printed}");
    let left = std::fs::read_dir(stack.folder())?
        .flatten()
        .filter(|e| e.file_name().to_string_lossy().starts_with("checklist-restore"));
    assert_eq!(left.count(), 0, "something temporary was left behind");
    let before = stack.recorder.messages().len();
    // Cut off in the middle, a byte flipped in the middle, and a dump of nothing.
    upload(&good[..good.len() / 2])?;
    let (code, printed) = verify(&stack)?;
    assert!(code == Some(1) && printed.contains("NOT good"), "{printed}");
    stack.prometheus.wait("ChecklistRestoreFailed", "critical", true).await?;
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0xff;
    upload(&flipped)?;
    let (code, printed) = verify(&stack)?;
    assert!(code == Some(1) && printed.contains("NOT good"), "{printed}");
    upload(&gzip(b"PGDMP and nothing behind it")?)?;
    let (code, printed) = verify(&stack)?;
    assert!(code == Some(1) && printed.contains("the dump cannot be read"), "{printed}");
    // A good dump with too few rows.
    stack.postgres.execute("DELETE FROM user_roles; DELETE FROM api_keys; DELETE FROM users WHERE id > 50").await?;
    upload(&gzip(&stack.postgres.dump()?)?)?;
    let (code, printed) = verify(&stack)?;
    assert!(code == Some(1) && printed.contains("check users returned 50, expected at least 100"), "{printed}");
    let fault = Fault { name: "restore", alert: "ChecklistRestoreFailed", severity: "critical", round: 1 };
    notified(&stack, fault, false, before).await?;
    upload(&good)?;
    assert_eq!(verify(&stack)?.0, Some(0));
    stack.prometheus.wait("ChecklistRestoreFailed", "critical", false).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_alert_path_is_verified_and_a_broken_receiver_is_detected() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let verify = || -> anyhow::Result<(Option<i32>, String)> {
        let mut command = Command::new(stack::stack::program("checklist-exporter")?);
        command.args(["verify-alerts", "--within", "120", "--config"]).arg(stack.folder().join("checklist.yaml"));
        let output = command.output()?;
        Ok((output.status.code(), String::from_utf8([output.stdout, output.stderr].concat())?))
    };
    let (code, printed) = verify()?;
    assert!(code == Some(0) && printed.matches(": delivered after").count() == 2, "{printed}");
    let arrived = |receiver: &'static str, text: &'static str| {
        stack.recorder.wait(text, move |message| message.receiver == receiver && message.has(text))
    };
    arrived("pagerduty", "ChecklistRoutingTest").await?;
    arrived("slack", "Test of the alert path.").await?;
    // The webhook's address is wrong: nobody would see a warning.
    std::fs::write(stack.folder().join("slack-url"), "http://127.0.0.1:9/nowhere")?;
    let (code, printed) = verify()?;
    assert!(code == Some(1) && printed.contains("main warning: NOT delivered"), "{printed}");
    stack.prometheus.wait("ChecklistAlertPathBroken", "critical", true).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_critical_alert_never_inhibits_a_warning_about_another_object() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let before = stack.recorder.messages().len();
    stack.kubernetes.ready_replicas(0);
    stack.prometheus.wait("ChecklistWorkloadDown", "critical", true).await?;
    notified(
        &stack,
        Fault { name: "down", alert: "ChecklistWorkloadDown", severity: "critical", round: 1 },
        false,
        before,
    )
    .await?;
    let before = stack.recorder.messages().len();
    stack.kubernetes.database_replicas(2);
    let missing = Fault { name: "missing", alert: "ChecklistWorkloadReplicasMissing", severity: "warning", round: 1 };
    notified(&stack, missing, false, before).await?;
    let messages = stack.recorder.messages();
    let about = |m: &&Message| m.receiver == "slack" && m.tells(missing.alert);
    let warnings: Vec<_> = messages.iter().skip(before).filter(about).collect();
    assert!(warnings.iter().all(|message| message.has("postgres has only")), "{warnings:#?}");
    assert!(!warnings.iter().any(|message| message.has("orchestrator has only")), "{warnings:#?}");
    Ok(())
}

/// The week before is written into Prometheus' own storage; the present requests are real.
#[tokio::test(flavor = "multi_thread")]
async fn a_drop_of_requests_since_last_week_alerts() -> anyhow::Result<()> {
    use std::fmt::Write;
    let folder = tempfile::tempdir()?;
    let traffic = stack::traffic::Traffic::start().await?;
    let yaml = "traffic:\n  - {name: orchestrator, selector: 'job=\"orchestrator\"'}\nalerting:\n  alerts: {ChecklistTrafficFell: {for: 2s}}\n";
    let config = checklist::Config::parse("checklist.yaml", yaml)?;
    rules_gen::outputs::file::write(&rules_gen::outputs::generate(&config, "checklist.yaml")?, folder.path())?;
    let mut text = "# TYPE checklist:http_requests:rate1d gauge\n".to_owned();
    let week_ago = jiff::Timestamp::now().as_second() - 7 * 86_400;
    for minute in -45..45 {
        let at = week_ago + 60 * minute;
        writeln!(
            text,
            "checklist:http_requests:rate1d{{check=\"requests\",target=\"orchestrator\",job=\"checklist-rules\",instance=\"rules\"}} 1000 {at}"
        )?;
    }
    text += "# EOF\n";
    stack::monitoring::backfill(folder.path(), &text)?;
    let (port, rules) = (stack::process::free_port()?, folder.path().join("rules/checklist.yaml"));
    let jobs = [("orchestrator", traffic.port)];
    let prometheus = stack::monitoring::Prometheus::start(port, &[], &jobs, 9, &rules, folder.path()).await?;
    prometheus.wait("ChecklistTrafficFell", "warning", true).await
}

/// Every query of every generated dashboard, as Grafana sends it with all choices open. Where nothing is wrong, a panel
/// of what is wrong is empty: then its values are there without the comparison, or its metric has none in a healthy world.
#[tokio::test(flavor = "multi_thread")]
async fn every_query_of_every_dashboard_returns_data() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let _client = stack.postgres.client().await?;
    let mut queries = Vec::new();
    for entry in std::fs::read_dir(stack.folder().join("generated/dashboards"))? {
        let path = entry?.path();
        if path.extension().is_none_or(|ending| ending != "json") {
            continue;
        }
        let dashboard: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path)?)?;
        for panel in dashboard["panels"].as_array().into_iter().flatten() {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let expr = target["expr"].as_str().unwrap_or_default();
                let open = ["job", "instance", "check", "target"]
                    .iter()
                    .fold(expr.replace("$__rate_interval", "1m"), |expr, name| expr.replace(&format!("${name}"), ".+"));
                queries.push((format!("{} {}", dashboard["uid"], panel["title"]), open));
            }
        }
    }
    assert!(queries.len() > 60, "only {} queries were found", queries.len());
    let own = || PER_CHECK.iter().chain(PER_TARGET).chain(PER_PROCESS);
    let sparse =
        || checklist::SIGNALS.iter().flat_map(|signal| signal.metrics).chain(own()).filter(|metric| metric.sparse);
    // This Prometheus has begun a minute ago: what a panel compares with the past is taken from the present, and what it
    // samples every few minutes is sampled every second.
    let at_present = |expr: &str| -> String {
        let expr = &expr.replace(":1m]", ":1s]").replace(":5m]", ":1s]");
        let (begin, rest) = expr.split_once(" offset ").unwrap_or((expr, ""));
        let of_duration = |c: char| c.is_ascii_digit() || "smhdw".contains(c);
        let rest = rest.split(" offset ").map(|part| part.trim_start_matches(of_duration));
        [begin].into_iter().chain(rest).collect()
    };
    let mut empty = Vec::new();
    let until = Instant::now() + PATIENCE;
    for (place, expr) in &queries {
        let bare = at_present(expr.strip_suffix(" > 0").unwrap_or(expr));
        if sparse().any(|metric| bare.contains(&format!("{metric}{{"))) {
            stack.prometheus.query(expr).await?;
            continue;
        }
        // Rates need two scrapes, and recorded series two evaluations.
        while stack.prometheus.query(&bare).await?.is_empty() {
            if Instant::now() > until {
                empty.push(format!("{place}: {expr}"));
                break;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    assert!(empty.is_empty(), "{empty:#?}");
    // Each check of checklist.yaml is once on the overview, whoever judges it.
    let text = std::fs::read_to_string(stack.folder().join("checklist.yaml"))?;
    let config = checklist::Config::parse("checklist.yaml", &text)?;
    let checks: usize = config.signals().map(|signal| config.targets(signal).len()).sum();
    let course = queries.iter().find(|(place, _)| place.contains("\"Every check\"")).map(|(_, expr)| expr);
    let course = course.map(String::as_str).unwrap_or_default();
    let shown = async || anyhow::Ok(stack.prometheus.query(course).await?.len());
    eventually("each check is once on the overview", || async { Ok(shown().await? == checks) }).await
}
