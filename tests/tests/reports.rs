//! Reports from a real Prometheus with ninety days of history, a firing alert, a failing probe, and task records with
//! hostile text.

use jiff::Timestamp;
use serde_json::{Value, json};
use stack::http::{Server, response, serve};
use stack::monitoring::Prometheus;
use stack::waiting::{eventually, found};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use tempfile::TempDir;

const HOSTILE: &str =
    "<script>alert(1)</script> | `rm` \n# a heading\n| a | row | ![x](http://x/) ]]> </svg> \u{1b}[31m";
const DAY: i64 = 86_400;

struct World {
    prometheus: Prometheus,
    at: Timestamp,
    folder: TempDir,
    _exporter: Server,
}

impl World {
    async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("checklist-reports").tempdir()?;
        let now = Timestamp::now();
        let yaml = yaml(folder.path(), now);
        std::fs::write(folder.path().join("checklist.yaml"), &yaml)?;
        put_records(folder.path(), now)?;
        let config = checklist::Config::parse("checklist.yaml", &yaml)?;
        rules_gen::outputs::file::write(&rules_gen::outputs::generate(&config, "checklist.yaml")?, folder.path())?;
        backfill(folder.path(), now)?;
        let text = exposition(&config, now);
        let exporter = serve(None, move |_| {
            let text = text.clone();
            async move { response(200, "text/plain; version=0.0.4", text) }
        })
        .await?;
        let (port, rules) = (stack::process::free_port()?, folder.path().join("rules/checklist.yaml"));
        let prometheus = Prometheus::start(port, &[exporter.port], &[], 9, &rules, folder.path()).await?;
        prometheus.wait("ChecklistVolumeFilling", "critical", true).await?;
        // The reported period ends when every series has a newer sample, so that later samples cannot change the
        // report.
        let fires = "ALERTS{alertname=\"ChecklistVolumeFilling\", severity=\"critical\", alertstate=\"firing\"}";
        let oldest = format!("min(timestamp({fires}) or timestamp(up))");
        let judged = async || anyhow::Ok(prometheus.query(&format!("timestamp({fires})")).await?.first().copied());
        let first = found("the alert fires", judged).await?;
        let at = Timestamp::from_duration(jiff::SignedDuration::from_secs_f64(first.ceil() + 1.0))?;
        let after = at.as_duration().as_secs_f64() + 1.0;
        eventually("everything is newer", || async {
            Ok(prometheus.query(&oldest).await?.first().is_some_and(|oldest| *oldest > after))
        })
        .await?;
        Ok(Self { prometheus, at, folder, _exporter: exporter })
    }

    fn report(&self, arguments: &[&str]) -> anyhow::Result<(Option<i32>, String, String)> {
        run(&self.folder, self.prometheus.port, &self.at.to_string(), arguments)
    }

    fn json(&self, kind: &str) -> anyhow::Result<Value> {
        let (code, out, err) = self.report(&[kind, "--format", "json"])?;
        anyhow::ensure!(code == Some(0), "{err}");
        Ok(serde_json::from_str(&out)?)
    }
}

fn run(folder: &TempDir, port: u16, at: &str, arguments: &[&str]) -> anyhow::Result<(Option<i32>, String, String)> {
    let output = Command::new(stack::stack::program("rules-gen")?)
        .arg("report")
        .args(arguments)
        .arg("--config")
        .arg(folder.path().join("checklist.yaml"))
        .args(["--prometheus", &format!("http://127.0.0.1:{port}"), "--at", at])
        .output()?;
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Ok((output.status.code(), text(&output.stdout), text(&output.stderr)))
}

fn yaml(folder: &Path, now: Timestamp) -> String {
    let folder = folder.display();
    let now = now.to_zoned_datetime(jiff::tz::TimeZone::UTC);
    let weekday = now.strftime("%A");
    // A zone in which it is noon, so that all of the last hours are today. The sign of these names is inverted (POSIX).
    let zone = format!("Etc/GMT{:+}", now.hour() - 12);
    format!(
        "kubernetes: [{{name: production, namespaces: [app]}}]
health: [{{name: web, url: 'http://127.0.0.1:9/'}}]
backups: [{{name: daily, bucket: bkt, prefix: daily/}}]
postgres: [{{name: orchestrator, host: h, database: orchestrator, user: u, application: false}}]
traffic: [{{name: orchestrator, selector: 'job=\"orchestrator\"'}}]
tasks:
  timeZone: {zone}
  since: {}
  directory: {folder}/tasks
  add: [{{name: walk, title: 'A walk | <b>around</b>', when: {weekday}}}]
thresholds: {{database_size.limit: 60GiB}}
alerting:
  pagerduty: {{routingKeyFile: /x}}
  slack: {{webhookUrlFile: /x}}
  alerts: {{ChecklistVolumeFilling: {{for: 1s}}}}
",
        (now - jiff::SignedDuration::from_hours(24 * 60)).strftime("%Y-%m-%d")
    )
}

fn put_records(folder: &Path, now: Timestamp) -> anyhow::Result<()> {
    let ago = |hours: i64| (now - jiff::SignedDuration::from_hours(hours)).to_string();
    std::fs::create_dir_all(folder.join("tasks"))?;
    let records = [
        json!({"at": ago(8), "by": "eve <eve@x>", "act": "override", "reason": format!("region down {HOSTILE}"), "until": ago(4)}),
        json!({"at": ago(7), "by": "eve", "act": "skipped", "task": "capacity_sheet", "reason": HOSTILE}),
        json!({"at": ago(2), "by": HOSTILE, "act": "done", "task": "walk", "note": HOSTILE}),
        json!({"at": (now + jiff::SignedDuration::from_hours(9)).to_string(), "by": "later", "act": "done", "task": "walk"}),
    ];
    let mut text: String = records.iter().map(|record| format!("{record}\n")).collect();
    text += "{\"torn\n";
    Ok(std::fs::write(folder.join("tasks/records.jsonl"), text)?)
}

/// Returns the current exposition of an exporter: the disk is bad, a pod is not ready, and the check of the connections
/// fails.
fn exposition(config: &checklist::Config, now: Timestamp) -> String {
    let mut text = String::new();
    for check in config.checks() {
        let (id, target, at) = (check.signal.id, &check.target, now.as_second() - 30);
        let good = u8::from(id != "connections");
        let _ = writeln!(text, "checklist_probe_success{{check={id:?},target={target:?}}} {good}");
        let _ = writeln!(text, "checklist_probe_last_success_timestamp_seconds{{check={id:?},target={target:?}}} {at}");
        if good == 1 {
            // A pod that became unready just now: no alert is due yet.
            let passed = u8::from(id != "pods");
            let _ = writeln!(text, "checklist_check_passed{{check={id:?},target={target:?}}} {passed}");
        }
    }
    let pod = "check=\"pods\",target=\"production\",namespace=\"app\",pod=\"db-1\",reason=\"ContainersNotReady\"";
    let _ = writeln!(text, "checklist_pod_not_ready{{{pod}}} 1");
    let workload = "check=\"pods\",target=\"production\",namespace=\"app\",kind=\"Deployment\",workload=\"web\"";
    for what in ["desired", "ready"] {
        let _ = writeln!(text, "checklist_workload_replicas_{what}{{{workload}}} 1");
    }
    let disk = "check=\"disk\",target=\"production\",namespace=\"app\",persistentvolumeclaim=\"data-0\"";
    let _ =
        writeln!(text, "checklist_volume_used_bytes{{{disk}}} 92e9\nchecklist_volume_capacity_bytes{{{disk}}} 100e9");
    let backup = "check=\"backup\",target=\"daily\",backup=\"daily\"";
    let _ = writeln!(
        text,
        "checklist_backup_present{{{backup}}} 1\nchecklist_backup_last_timestamp_seconds{{{backup}}} {}",
        now.as_second() - 6 * 3_600
    );
    text
}

/// Writes ninety days of a growing database with a weekly pattern, twenty days of a volume, and a critical alert at
/// night.
fn backfill(folder: &Path, now: Timestamp) -> anyhow::Result<()> {
    let (now, mut families) = (now.as_second() - 60, Vec::new());
    let mut noise = 1_u64;
    let mut database = String::new();
    let mut requests = String::new();
    for hour in (1..=91 * 24).rev() {
        let at = now - hour * 3_600;
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let random = (noise >> 11) as f64 / (1_u64 << 53) as f64;
        let week = if (at / DAY) % 7 >= 5 { 0.7 } else { 1.0 };
        let grown = (91 * 24 - hour) as f64 / 24.0;
        let bytes = (20.0 + 0.2 * grown + 0.3 * random) * 1_073_741_824.0;
        writeln!(
            database,
            "checklist_postgres_database_bytes{{check=\"database_size\",target=\"orchestrator\",database=\"orchestrator\"}} {bytes:.0} {at}"
        )?;
        writeln!(
            requests,
            "checklist:http_requests:rate1d{{check=\"requests\",target=\"orchestrator\"}} {:.3} {at}",
            (100.0 + grown) * week + 5.0 * random
        )?;
    }
    families.push(("checklist_postgres_database_bytes", database));
    families.push(("checklist:http_requests:rate1d", requests));
    let mut volume = String::new();
    for hour in (1..=20 * 24).rev() {
        writeln!(
            volume,
            "checklist_volume_used_bytes{{check=\"disk\",target=\"production\",namespace=\"app\",persistentvolumeclaim=\"data-0\"}} {}e9 {}",
            60 + (480 - hour) / 24,
            now - hour * 3_600
        )?;
    }
    families.push(("checklist_volume_used_bytes", volume));
    let mut alerts = String::new();
    for minute in 0..30 {
        let labels = "alertname=\"ChecklistBackupStale\",alertstate=\"firing\",severity=\"critical\",check=\"backup\",target=\"daily\",backup=\"daily\",cadence=\"daily\"";
        writeln!(alerts, "ALERTS{{{labels}}} 1 {}", now - 6 * 3_600 + 60 * minute)?;
    }
    // The rules have been evaluated for two days.
    for minute in (0..2 * 24 * 60).rev() {
        let labels = "alertname=\"ChecklistWatchdog\",alertstate=\"firing\",severity=\"none\"";
        writeln!(alerts, "ALERTS{{{labels}}} 1 {}", now - 60 * minute)?;
    }
    families.push(("ALERTS", alerts));
    let mut text = String::new();
    for (name, lines) in families {
        write!(text, "# TYPE {name} gauge\n{lines}")?;
    }
    text += "# EOF\n";
    stack::monitoring::backfill(folder, &text)
}

fn line<'a>(report: &'a Value, text: &str) -> &'a Value {
    let lines = report["lines"].as_array().map(Vec::as_slice).unwrap_or_default();
    lines.iter().find(|line| line["text"] == text).unwrap_or(&Value::Null)
}

fn files(folder: &Path) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()? {
        if entry.file_type()?.is_dir() {
            files.extend(self::files(&entry.path())?);
        } else {
            files.push((entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path())?));
        }
    }
    files.sort();
    Ok(files)
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_show_true_states_and_what_cannot_be_known() -> anyhow::Result<()> {
    let world = World::start().await?;
    let daily = world.json("daily")?;
    let verdict = |text: &str| line(&daily, text)["verdict"].as_str().unwrap_or_default().to_owned();
    assert_eq!(verdict("Check disk space"), "critical", "{:#}", line(&daily, "Check disk space"));
    let reading = &line(&daily, "Check disk space")["readings"][0];
    assert_eq!(
        (reading["value"].as_f64(), reading["human"].as_str(), reading["critical"].as_f64()),
        (Some(0.92), Some("92%"), Some(0.85))
    );
    assert_eq!(verdict("Check database connections"), "cannot_tell");
    assert!(
        line(&daily, "Check database connections")["why"][0]
            .as_str()
            .is_some_and(|why| why.contains("the probe fails"))
    );
    assert_eq!(verdict("Check error rate (last 24h)"), "cannot_tell", "the application exposes nothing");
    let status = line(&daily, "Check system status");
    assert_eq!(status["verdict"], "warning", "{status:#}");
    assert!(status["why"].to_string().contains("the last run did not pass, and no alert is due yet"), "{status:#}");
    assert_eq!(verdict("Verify backups completed"), "warning", "it paged in the night and is over");
    let evidence = line(&daily, "Verify backups completed")["evidence"].as_str().unwrap_or_default().to_owned();
    assert!(evidence.parse::<Timestamp>().is_ok_and(|at| at < world.at), "{evidence}");
    // The alert of the night has a start, an end and a receiver.
    let alerts = daily["alerts"].as_array().cloned().unwrap_or_default();
    let page = alerts.iter().find(|alert| alert["alert"] == "ChecklistBackupStale").cloned().unwrap_or_default();
    let time = |key: &str| page[key].as_str().and_then(|at| at.parse::<Timestamp>().ok()).map(Timestamp::as_second);
    let lasted = time("end").zip(time("start")).map_or(0, |(end, start)| end - start);
    assert!((29 * 60..=31 * 60).contains(&lasted) && page["notified"] == "pagerduty", "{lasted} {page:#}");
    let fires =
        alerts.iter().find(|alert| alert["alert"] == "ChecklistVolumeFilling" && alert["severity"] == "critical");
    assert!(fires.is_some_and(|alert| alert["end"].is_null() && alert["notified"] == "pagerduty"), "{alerts:#?}");
    let night = line(&daily, "Review overnight alerts");
    assert!(night["why"].to_string().contains("alerts fired within the period"), "{night:#}");
    assert_eq!(daily["alerts_unknown"], Value::Null, "rules were judged all night");
    let unknown = world.json("monthly")?["alerts_unknown"].to_string();
    assert!(
        unknown.contains("ChecklistWatchdog, which should always fire, fired for 4"),
        "two days of a month: {unknown}"
    );
    let (code, _, messages) = run(&world.folder, world.prometheus.port, "2999-01-01T00:00:00Z", &["daily"])?;
    assert!(code == Some(2) && messages.contains("in the future"), "{code:?} {messages}");
    // Tasks and records of people.
    let tasks = daily["tasks"].as_array().cloned().unwrap_or_default();
    assert!(
        tasks.iter().any(|task| task["id"] == "walk" && task["state"] == "done" && task["note"] == HOSTILE),
        "{tasks:#?}"
    );
    assert_eq!(daily["actions"].as_array().map(Vec::len), Some(3), "what was recorded later is not known yet");
    assert_eq!(daily["overrides"][0]["skipped"][0]["task"], "capacity_sheet");
    assert_eq!(daily["remarks"][0], "1 task records are damaged or not ours, and were ignored");
    let weekly = world.json("weekly")?;
    let days = weekly["days"].as_array().cloned().unwrap_or_default();
    assert_eq!((days.len(), &days[0]["verdict"]), (7, &json!("cannot_tell")), "nobody looked a week ago");
    let size = line(&weekly, "Check database size");
    assert_eq!(size["verdict"], "cannot_tell", "its newest value is too old to be one: {size:#}");
    let trend = weekly["trends"].as_array().cloned().unwrap_or_default();
    let grew = trend.iter().find(|trend| trend["check"] == "requests").cloned().unwrap_or_default();
    assert!(grew["change"].as_f64().is_some_and(|change| (0.01..0.10).contains(&change)), "{:#}", grew["human"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_are_deterministic_and_escape_hostile_text() -> anyhow::Result<()> {
    let world = World::start().await?;
    for kind in ["daily", "weekly", "monthly", "quarterly"] {
        let (first, second) = (world.folder.path().join("first"), world.folder.path().join("second"));
        for out in [&first, &second] {
            let (code, _, err) = world.report(&[kind, "--out", &out.display().to_string()])?;
            assert_eq!(code, Some(0), "{err}");
        }
        assert!(files(&first)? == files(&second)?, "{kind} differs");
    }
    for (name, bytes) in files(&world.folder.path().join("first"))? {
        let text = String::from_utf8(bytes)?;
        let end = name.rsplit('.').next();
        if matches!(end, Some("html" | "svg")) {
            assert!(!text.contains("<script") && !text.contains("<b>around") && !text.contains("eve@x>"), "{name}");
        }
        if end == Some("md") {
            let bad = |line: &&str| {
                line.starts_with("# a heading")
                    || line.starts_with("| a | row")
                    || line.contains("<script")
                    || line.contains('\u{1b}')
            };
            assert_eq!(text.lines().find(bad), None, "{name}");
        }
        // `REPORTS_OUT=folder cargo test` keeps the reports, so that a person can look at them.
        if let Ok(folder) = std::env::var("REPORTS_OUT") {
            std::fs::create_dir_all(&folder)?;
            std::fs::write(Path::new(&folder).join(&name), &text)?;
        }
    }
    let daily = world.report(&["daily"])?.1;
    assert!(
        daily.contains("&lt;script&gt;")
            && daily.contains("- [✗] Check disk space")
            && daily.contains("- [?] Check database connections"),
        "{daily}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn forecasts_have_dates_or_the_reason_why_not() -> anyhow::Result<()> {
    let world = World::start().await?;
    let report = world.json("quarterly")?;
    let resources = report["capacity"]["resources"].as_array().cloned().unwrap_or_default();
    let of = |kind: &str| resources.iter().find(|r| r["kind"] == kind).cloned().unwrap_or_default();
    let database = of("database");
    // 20 GiB that grow by 0.2 GiB a day are 38 GiB today, and reach 60 GiB in about 110 days.
    let day = |met: &Value| met["on"].as_str().and_then(|day| day.parse::<jiff::civil::Date>().ok());
    let limit = &database["limits"][0];
    for model in ["seasonal", "linear"] {
        let today = world.at.to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
        let days = day(&limit[model]).map(|day| day.duration_since(today).as_hours() / 24);
        assert!(days.is_some_and(|days| (95..=125).contains(&days)), "{model} {days:?} {database:#}");
    }
    assert!(database["error"][0].as_f64().is_some_and(|error| error < 0.02), "{:#}", database["error"]);
    let volume = of("volume");
    assert!(volume["refused"].as_str().is_some_and(|why| why.contains("a forecast needs")), "{volume:#}");
    assert_eq!(volume["limits"][0]["seasonal"], "already");
    assert_eq!(of("requests")["limits"], json!([]), "nobody configured a limit of requests");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_prometheus_or_webhook_the_report_fails_without_printing_secrets() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (code, out, err) = run(&world.folder, 9, &world.at.to_string(), &["daily"])?;
    assert!(code == Some(3) && out.is_empty() && err.contains("127.0.0.1"), "{code:?} {out} {err}");
    let bodies: Arc<Mutex<Vec<Value>>> = Arc::default();
    let kept = Arc::clone(&bodies);
    let webhook = serve(None, move |request| {
        let kept = Arc::clone(&kept);
        async move {
            let good = request.uri().path() == "/services/SECRET";
            let body = http_body_util::BodyExt::collect(request.into_body()).await;
            let bytes = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
            kept.lock().unwrap_or_else(PoisonError::into_inner).extend(serde_json::from_slice::<Value>(&bytes));
            if good { response(200, "text/plain", "ok") } else { response(404, "text/plain", "no_team") }
        }
    })
    .await?;
    let file = world.folder.path().join("webhook");
    let post = |path: &str, rest: &[&str]| {
        std::fs::write(&file, format!("http://127.0.0.1:{}{path}\n", webhook.port))?;
        let file = file.display().to_string();
        let arguments: Vec<&str> = ["daily", "--webhook-file", &file].iter().chain(rest).copied().collect();
        world.report(&arguments)
    };
    let (code, out, err) = post("/services/SECRET", &[])?;
    assert!(code == Some(0) && out.is_empty() && err.is_empty(), "{code:?} {out} {err}");
    let posted = bodies.lock().unwrap_or_else(PoisonError::into_inner).clone();
    assert_eq!(posted.len(), 1);
    let (code, out, err) = post("/services/SECRET", &["--dry-run"])?;
    assert!(code == Some(0) && !out.contains("SECRET"), "{err}");
    assert_eq!(serde_json::from_str::<Value>(&out)?, posted[0], "what is printed is what is posted");
    assert_eq!(bodies.lock().unwrap_or_else(PoisonError::into_inner).len(), 1, "a dry run posts nothing");
    for path in ["/services/OTHERSECRET", "/OTHERSECRET?OTHERSECRET=OTHERSECRET"] {
        let (code, out, err) = post(path, &[])?;
        assert!(
            code == Some(3) && err.contains("404") && !err.contains("OTHERSECRET") && out.is_empty(),
            "{code:?} {err}"
        );
    }
    Ok(())
}
