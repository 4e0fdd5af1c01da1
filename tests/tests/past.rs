//! `backtest` and `noise` on a real Prometheus with thirty days of history with a known result.

use serde_json::Value;
use stack::http::{Server, request, response, serve};
use stack::monitoring::{Alertmanager, Prometheus};
use stack::waiting::eventually;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tempfile::TempDir;

const MINUTE: i64 = 60;
const DAY: i64 = 24 * 60 * MINUTE;

/// The value is 0.65 for ten minutes of every hour, and 0.85 for half an hour at noon. The alert `Kept` keeps firing
/// between them.
const RULES: &str = "
groups:
- name: g
  rules:
  - {alert: HighLoad, expr: load > 0.8, for: 5m, labels: {severity: critical}}
  - {alert: Warm, expr: load > 0.6}
  - {alert: Kept, expr: load > 0.6, keep_firing_for: 55m}
  - {alert: Noisy, expr: vector(1), labels: {severity: warning}}
";

struct World {
    prometheus: Prometheus,
    alertmanager: Alertmanager,
    folder: TempDir,
    end: jiff::Timestamp,
}

impl World {
    async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("checklist-past").tempdir()?;
        let rules = folder.path().join("rules.yaml");
        std::fs::write(&rules, RULES)?;
        // The history begins at midnight, so that its hours are hours of the day.
        let now = jiff::Timestamp::now().as_second();
        let end = now - now.rem_euclid(DAY);
        history(folder.path(), end)?;
        let routes = folder.path().join("alertmanager.yaml");
        std::fs::write(&routes, "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")?;
        let alertmanager = Alertmanager::start(stack::process::free_port()?, &routes, folder.path()).await?;
        let port = stack::process::free_port()?;
        let prometheus = Prometheus::start(port, &[], &[], alertmanager.port, &rules, folder.path()).await?;
        Ok(Self { prometheus, alertmanager, folder, end: jiff::Timestamp::from_second(end)? })
    }

    fn backtest(&self, port: u16, arguments: &[&str]) -> anyhow::Result<(Option<i32>, String, String)> {
        let (url, at) = (format!("http://127.0.0.1:{port}"), self.end.to_string());
        let own = ["backtest", "--prometheus", &url, "--rules", "rules.yaml", "--range", "30d", "--at", &at];
        rules_gen(self.folder.path(), &[&own[..], arguments].concat())
    }
}

fn rules_gen(folder: &Path, arguments: &[&str]) -> anyhow::Result<(Option<i32>, String, String)> {
    let mut command = Command::new(stack::stack::program("rules-gen")?);
    let output = tokio::task::block_in_place(|| command.args(arguments).current_dir(folder).output())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((output.status.code(), text(&output.stdout), text(&output.stderr)))
}

fn history(folder: &Path, end: i64) -> anyhow::Result<()> {
    let begin = end - 30 * DAY;
    let (mut load, mut up) = (String::new(), String::new());
    for minute in 0..=30 * DAY / MINUTE {
        let (at, of_hour, hour) = (begin + minute * MINUTE, minute % 60, minute / 60 % 24);
        // On the tenth day nothing is scraped from 12:05 to 12:15.
        if minute / 1440 == 10 && hour == 12 && (6..15).contains(&of_hour) {
            continue;
        }
        let value = if hour == 12 && of_hour < 30 {
            0.85
        } else if of_hour < 10 {
            0.65
        } else {
            0.5
        };
        writeln!(load, "load{{host=\"a\"}} {value} {at}")?;
        writeln!(up, "up{{job=\"a\"}} 1 {at}")?;
    }
    // Alerts in three nights and at noon, and one that fired again soon after it had ended. Imported history has no
    // staleness markers: a series exists until five minutes after its last value.
    let mut alerts = String::new();
    let labels = "alertname=\"HighLoad\",alertstate=\"firing\",severity=\"critical\",host=\"a\"";
    for (day, minute, length) in [(1, 180, 20), (2, 180, 20), (3, 180, 20), (4, 720, 20), (4, 749, 10)] {
        for at in minute..minute + length {
            writeln!(alerts, "ALERTS{{{labels}}} 1 {}", begin + day * DAY + at * MINUTE)?;
        }
    }
    let text = format!("# TYPE ALERTS gauge\n{alerts}# TYPE load gauge\n{load}# TYPE up gauge\n{up}# EOF\n");
    stack::monitoring::backfill(folder, &text)
}

/// Returns the alerts of a JSON report by name.
fn alerts(printed: &str) -> anyhow::Result<Vec<(String, Value)>> {
    let report: Value = serde_json::from_str(printed)?;
    let all = report["alerts"].as_array().cloned().unwrap_or_default();
    Ok(all.into_iter().map(|alert| (alert["alert"].as_str().unwrap_or_default().to_owned(), alert)).collect())
}

fn one(printed: &str, name: &str) -> anyhow::Result<Value> {
    let found = alerts(printed)?.into_iter().find(|(alert, _)| alert == name);
    found.map(|(_, alert)| alert).ok_or_else(|| anyhow::anyhow!("{name} is not in {printed}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backtest_of_thirty_days_finds_the_incidents_and_recommends_thresholds_within_the_budget()
-> anyhow::Result<()> {
    let world = World::start().await?;
    let port = world.prometheus.port;
    let (code, printed, complaint) = world.backtest(port, &["--alert", "HighLoad|Warm|Kept", "--output", "json"])?;
    assert_eq!(code, Some(0), "{complaint}");
    let statistics = |name: &str| -> anyhow::Result<Value> { Ok(one(&printed, name)?["statistics"].clone()) };
    let high_load = statistics("HighLoad")?;
    assert_eq!(
        (&high_load["episodes"], &high_load["firing_seconds"], &high_load["flaps"]),
        (&30.into(), &45_000.0.into(), &0.into())
    );
    assert_eq!(high_load["pages_by_hour"][12], 30);
    assert_eq!((&statistics("Warm")?["episodes"], &statistics("Warm")?["still_firing"]), (&721.into(), &1.into()));
    let kept = statistics("Kept")?;
    assert_eq!((&kept["episodes"], &kept["still_firing"]), (&1.into(), &1.into()), "kept over every pause");
    assert!(printed.contains("Prometheus has no samples for"), "the outage is reported: {printed}");

    let sweep = ["--alert", "HighLoad", "--sweep", "threshold=0.6:0.9:0.1", "--output", "json", "--budget"];
    for (budget, best) in [("10/week", "0.7"), ("2/week", "0.9"), ("200/week", "0.6")] {
        let (code, printed, complaint) = world.backtest(port, &[&sweep[..], &[budget]].concat())?;
        let high_load = one(&printed, "HighLoad")?;
        let tried: Vec<i64> = high_load["sweep"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|one| one["statistics"]["episodes"].as_i64())
            .collect();
        assert_eq!(
            (code, tried.as_slice(), &high_load["recommendation"]),
            (Some(0), &[720, 30, 30, 0][..], &best.into()),
            "{complaint}"
        );
    }
    let waits = ["--alert", "Warm", "--sweep", "for=5m,15m,1h", "--output", "json"];
    let (_, printed, complaint) = world.backtest(port, &waits)?;
    let tried: Vec<i64> = one(&printed, "Warm")?["sweep"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one["statistics"]["episodes"].as_i64())
        .collect();
    assert_eq!(tried, [720, 30, 0], "{complaint}");
    let (code, printed, _) = world.backtest(port, &["--alert", "HighLoad", "--budget", "2/week"])?;
    assert!(code == Some(1) && printed.contains("more pages than 2/week"), "{printed}");
    let (_, page, _) = world.backtest(port, &["--alert", "HighLoad", "--output", "html"])?;
    assert!(page.contains("<svg") && !page.contains("src="), "one page, nothing loaded");
    what_is_recorded_is_evaluated_and_what_cannot_be_is_named(&world)
}

/// The server has never recorded `host:load:double`, and cannot evaluate `Broken`.
fn what_is_recorded_is_evaluated_and_what_cannot_be_is_named(world: &World) -> anyhow::Result<()> {
    let rules = r#"
groups:
- name: g
  interval: 1m
  rules:
  - {record: 'host:load:double', expr: load * 2, labels: {kind: double}}
  - {alert: Broken, expr: 'load / on (host) (load or label_replace(load, "b", "c", "", ""))'}
  - {alert: Wrong, expr: 'load >> 1'}
  - {alert: Doubled, expr: 'host:load:double{kind="double", host=~"a|b"} > 1.6', for: 5m}
  - {alert: Other, expr: 'host:load:double{kind!="double"} > 1.6'}
  - {alert: Lately, expr: 'max_over_time(host:load:double[5m]) > 1.6 and host:load:double offset 1h'}
"#;
    std::fs::write(world.folder.path().join("recorded.yaml"), rules)?;
    let (url, at) = (format!("http://127.0.0.1:{}", world.prometheus.port), world.end.to_string());
    let own = ["backtest", "--prometheus", &url, "--rules", "recorded.yaml", "--range", "30d", "--at", &at];
    let (code, message, complaint) = rules_gen(world.folder.path(), &[&own[..], &["--output", "json"]].concat())?;
    assert_eq!(code, Some(1), "{complaint}");
    for (name, episodes) in [("Doubled", 30), ("Other", 0), ("Lately", 30)] {
        assert_eq!(one(&message, name)?["statistics"]["episodes"], episodes, "{name}: {message}");
    }
    let report: Value = serde_json::from_str(&message)?;
    let failed: Vec<&str> =
        report["failed"].as_array().into_iter().flatten().filter_map(|one| one["alert"].as_str()).collect();
    assert_eq!(failed, ["Broken", "Wrong"], "{message}");
    let (code, message, _) = rules_gen(world.folder.path(), &own)?;
    assert!(
        code == Some(1) && message.contains("Broken was not replayed: ") && message.contains("duplicate series"),
        "{message}"
    );
    nothing_seen_is_not_within_the_budget(world, &url, &at)
}

fn nothing_seen_is_not_within_the_budget(world: &World, url: &str, at: &str) -> anyhow::Result<()> {
    let rules = "groups: [{name: g, rules: [{alert: Misspelt, expr: laod > 0.8}, {alert: Healthy, expr: \
                 'checklist_pod_not_ready > 0'}, {alert: Idle, expr: load > 100}]}]";
    std::fs::write(world.folder.path().join("unseen.yaml"), rules)?;
    let own = ["backtest", "--prometheus", url, "--rules", "unseen.yaml", "--range", "30d", "--at", at];
    let (code, message, complaint) =
        rules_gen(world.folder.path(), &[&own[..], &["--output", "json", "--budget", "2/week"]].concat())?;
    assert_eq!(code, Some(1), "{complaint}");
    for (name, within) in [("Misspelt", Value::Null), ("Healthy", true.into()), ("Idle", true.into())] {
        let alert = one(&message, name)?;
        assert_eq!((&alert["within_budget"], &alert["unjudged"]), (&within, &within.is_null().into()), "{name}");
    }
    let (_, message, _) = rules_gen(world.folder.path(), &[&own[..], &["--budget", "2/week"]].concat())?;
    assert!(message.contains("Misspelt: not compared with 2/week"), "{message}");
    Ok(())
}

/// The behaviour of the proxy between rules-gen and Prometheus.
#[derive(Clone, Copy, PartialEq)]
enum Between {
    /// Forwards everything.
    Faithful,
    /// Refuses ranges of more than two thousand points, like a server with a limit on samples.
    Small,
    /// Closes the connection in the middle of a response.
    Breaks,
    /// Adds a warning that a part of the data was unavailable.
    Partial,
}

/// The number of points of every requested range that was forwarded.
type Ranges = Arc<Mutex<Vec<f64>>>;

async fn between(port: u16, how: Between) -> anyhow::Result<(Server, Ranges)> {
    let ranges = Ranges::default();
    let recorded = Arc::clone(&ranges);
    let server = serve(None, move |incoming| {
        let ranges = Arc::clone(&recorded);
        async move {
            let path = incoming.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
            let parameters: Vec<(String, String)> =
                url::form_urlencoded::parse(incoming.uri().query().unwrap_or_default().as_bytes()).into_owned().collect();
            let number = |name: &str| {
                parameters.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.parse::<f64>().ok())
            };
            if let (Some(start), Some(end), Some(step)) = (number("start"), number("end"), number("step")) {
                let points = ((end - start) / step).round() + 1.0;
                if how == Between::Small && points > 2_000.0 {
                    let error = r#"{"status":"error","errorType":"execution","error":"query processing would load too many samples into memory in query execution"}"#;
                    return response(422, "application/json", error);
                }
                let mut ranges = ranges.lock().unwrap_or_else(PoisonError::into_inner);
                ranges.push(points);
                if how == Between::Breaks && ranges.len() > 6 {
                    return response(503, "text/plain", "upstream is gone");
                }
            }
            match request(&format!("http://127.0.0.1:{port}{path}"), None, &[]).await {
                Ok((status, body)) if how == Between::Partial => {
                    let text = String::from_utf8_lossy(&body);
                    let warned = text.replacen("\"status\":\"success\"", "\"status\":\"success\",\"warnings\":[\"store-1: no answer\"]", 1);
                    response(status, "application/json", warned)
                }
                Ok((status, body)) => response(status, "application/json", body),
                Err(_) => response(502, "text/plain", "no answer"),
            }
        }
    })
    .await?;
    Ok((server, ranges))
}

#[tokio::test(flavor = "multi_thread")]
async fn long_ranges_are_queried_in_slices_and_partial_responses_are_no_verdict() -> anyhow::Result<()> {
    let world = World::start().await?;
    let run = async |how| -> anyhow::Result<_> {
        let (server, ranges) = between(world.prometheus.port, how).await?;
        let arguments = ["--alert", "HighLoad", "--step", "30s", "--output", "json"];
        let outcome = world.backtest(server.port, &arguments)?;
        let ranges = ranges.lock().unwrap_or_else(PoisonError::into_inner).clone();
        anyhow::Ok((outcome, ranges))
    };
    let ((code, printed, complaint), ranges) = run(Between::Faithful).await?;
    assert_eq!((code, &one(&printed, "HighLoad")?["statistics"]["episodes"]), (Some(0), &30.into()), "{complaint}");
    assert!(ranges.len() >= 16 && ranges.iter().all(|points| *points <= 11_000.0), "{ranges:?}");
    let ((code, small, complaint), ranges) = run(Between::Small).await?;
    assert_eq!(code, Some(0), "{complaint}");
    assert_eq!(one(&small, "HighLoad")?["episodes"], one(&printed, "HighLoad")?["episodes"], "halves give the same");
    assert!(ranges.len() >= 80, "{ranges:?}");
    for how in [Between::Breaks, Between::Partial] {
        let ((code, printed, complaint), _) = run(how).await?;
        assert!(code == Some(3) && printed.is_empty(), "{code:?} {printed} {complaint}");
    }
    let (code, printed, complaint) = world.backtest(9, &["--alert", "HighLoad"])?;
    assert!(code == Some(3) && printed.is_empty(), "{complaint}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn noise_counts_notifications_outside_of_hours_and_silenced_time() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (url, gate) = (
        format!("http://127.0.0.1:{}", world.prometheus.port),
        format!("http://127.0.0.1:{}", world.alertmanager.port),
    );
    let silenced_since = jiff::Timestamp::now();
    world.alertmanager.silence("Noisy", Duration::from_hours(1)).await?;
    let at = world.end.to_string();
    let noise = |arguments: &[&str]| {
        let own = ["noise", "--prometheus", &url, "--business-hours", "Mon-Sun:9-18", "--output", "json"];
        rules_gen(world.folder.path(), &[&own[..], arguments].concat())
    };
    let (code, printed, complaint) = noise(&["--range", "30d", "--at", &at])?;
    assert_eq!(code, Some(0), "{complaint}");
    let high_load = one(&printed, "HighLoad")?;
    assert_eq!(
        (&high_load["statistics"]["episodes"], &high_load["statistics"]["flaps"]),
        (&5.into(), &1.into()),
        "{printed}"
    );
    assert_eq!(
        (&high_load["outside_hours"], &high_load["noise"]),
        (&0.6.into(), &9.0.into()),
        "five, one flap, three at night"
    );
    assert_eq!(high_load["silenced"], Value::Null, "nobody asked Alertmanager");
    // The active alert is silenced now.
    eventually("one alert fires, and was silenced for longer than is asked about", || async {
        let age = jiff::Timestamp::now().duration_since(silenced_since).as_secs();
        Ok(age > 15 && world.prometheus.firing().await?.len() == 1)
    })
    .await?;
    let (code, printed, complaint) = noise(&["--range", "10s", "--step", "1s", "--alertmanager", &gate])?;
    assert_eq!(code, Some(0), "{complaint}");
    let noisy = one(&printed, "Noisy")?;
    assert_eq!((&noisy["silenced"], &noisy["active"]), (&1.0.into(), &1.into()), "{printed}");
    // What the server cannot know of the range.
    let warnings =
        |printed: &str| Ok::<_, serde_json::Error>(serde_json::from_str::<Value>(printed)?["warnings"].to_string());
    let (_, printed, _) = noise(&["--range", "29d", "--at", &at])?;
    assert_eq!(warnings(&printed)?, "[]");
    let (code, printed, complaint) = noise(&["--range", "60d", "--step", "5m", "--at", &at])?;
    assert_eq!(code, Some(0), "{complaint}");
    assert!(warnings(&printed)?.contains("the server has samples of 30d of 60d only"), "{printed}");
    let before = (world.end - jiff::SignedDuration::from_hours(24 * 100)).to_string();
    let (code, printed, complaint) = noise(&["--range", "1d", "--at", &before])?;
    assert_eq!(code, Some(0), "{complaint}");
    for word in ["no samples of the range", "no series ALERTS"] {
        assert!(warnings(&printed)?.contains(word), "{printed}");
    }
    let quiet = (world.end - jiff::SignedDuration::from_hours(24 * 10)).to_string();
    let (_, printed, _) = noise(&["--range", "1d", "--at", &quiet])?;
    let said = warnings(&printed)?;
    assert!(said.contains("no series ALERTS") && !said.contains("samples of"), "{said}");
    let (code, _, complaint) = noise(&["--alertmanager", "http://127.0.0.1:9"])?;
    assert_eq!(code, Some(3), "{complaint}");
    Ok(())
}
