//! The commands of the generated cron jobs run unchanged.

use anyhow::Context;
use checklist::Config;
use jiff::Timestamp;
use rules_gen::outputs::kubernetes::Deployment;
use rules_gen::outputs::output::{Input, Output};
use serde_json::Value;
use stack::http::{response, serve};
use stack::peers::{Authority, acceptor};
use stack::stack::program;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

/// A successful response without series.
const NOTHING: &str = r#"{"status": "success", "data": {"resultType": "vector", "result": []}}"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_daily_report_job_authenticates_stores_and_posts_its_report() -> anyhow::Result<()> {
    let folder = tempfile::Builder::new().prefix("checklist-jobs").tempdir()?;
    std::fs::create_dir(folder.path().join("secrets"))?;
    let authority = Authority::new(&folder.path().join("secrets"))?;
    let prometheus = serve(Some(acceptor(authority.issue("localhost", 60)?)?.0), |request| {
        let known = request.headers().get("authorization").is_some_and(|login| login == "Bearer the-token");
        async move { response(if known { 200 } else { 401 }, "application/json", if known { NOTHING } else { "{}" }) }
    })
    .await?;
    let posted: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = Arc::clone(&posted);
    let slack = serve(None, move |request| {
        heard.lock().unwrap_or_else(PoisonError::into_inner).push(request.uri().path().to_owned());
        async { response(200, "text/plain", "ok") }
    })
    .await?;
    for (name, text) in
        [("token", "the-token".to_owned()), ("slack", format!("http://127.0.0.1:{}/services/T0/B0", slack.port))]
    {
        std::fs::write(folder.path().join("secrets").join(name), text)?;
    }
    let (at, file) = (folder.path().display(), folder.path().join("checklist.yaml"));
    let text = format!(
        "prometheus: [{{name: main, url: 'https://localhost:{}', bearerTokenFile: {at}/secrets/token, caFile: {}}}]
alerting: {{reports: {{webhookUrlFile: {at}/secrets/slack, directory: {at}/written}}}}
tasks: {{since: 2026-01-01, timeZone: Asia/Kolkata, directory: {at}/tasks}}
",
        prometheus.port,
        authority.ca_file.display()
    );
    std::fs::write(&file, &text)?;
    std::fs::create_dir(folder.path().join("tasks"))?;
    let config = Config::parse("checklist.yaml", &text)?;
    let files = Deployment.files(&Input::new(&config, "checklist.yaml", &text))?;
    let jobs = files.iter().find(|file| file.path.ends_with("cronjobs.yaml")).context("there are jobs")?;
    let jobs: Value = serde_yaml::from_str(&jobs.content)?;
    let daily = jobs["items"].as_array().into_iter().flatten();
    let daily =
        daily.clone().find(|job| job["metadata"]["name"] == "checklist-exporter-report-daily").context("a job")?;
    let command = &daily["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["command"];
    let words: Vec<&str> = command.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let place = file.to_string_lossy().into_owned();
    let arguments = words
        .iter()
        .skip(1)
        .map(|word| if *word == rules_gen::outputs::kubernetes::names::CONFIG_FILE { &place } else { *word });
    let mut command = Command::new(program(words.first().context("a program")?)?);
    command.args(arguments).env_remove("PROMETHEUS_URL").current_dir("/");
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(printed.starts_with("## Daily Operations Report"), "the log has it too: {printed}");
    assert_eq!(*posted.lock().unwrap_or_else(PoisonError::into_inner), ["/services/T0/B0"]);
    let kept = std::fs::read_dir(folder.path().join("written"))?.flatten().map(|entry| entry.path());
    let kept = kept.into_iter().find(|path| path.extension().is_some_and(|end| end == "json")).context("it is kept")?;
    // The report ends at the full hour of the checklist's time zone, which is half an hour off UTC's.
    let report: Value = serde_json::from_slice(&std::fs::read(kept)?)?;
    let until: Timestamp = report["until"].as_str().context("an end")?.parse()?;
    assert_eq!((until.as_second().rem_euclid(3600), until <= Timestamp::now()), (1800, true), "{until}");
    Ok(())
}
