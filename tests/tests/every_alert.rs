//! Every alert of the example configuration fires in a real Prometheus and reaches its receiver through a real
//! Alertmanager, both with the generated files. The input of an alert is that of its own rule test; real faults are in
//! `e2e/main.rs`.

use checklist::Config;
use rules_gen::routing::Configuration;
use rules_gen::rules::{self, unit_tests};
use rules_gen::server::Labels;
use serde_json::{Value, json};
use stack::http::json as get_json;
use stack::monitoring::{Alertmanager, Prometheus};
use stack::recorder::{Message, Recorder};
use stack::replay::{Play, Role, plays};
use stack::waiting::PATIENCE;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

/// Alerts whose input also fires another alert that inhibits them on purpose. For these the test requires that they
/// fire and are inhibited.
const HELD_BACK: &[(&str, &str)] = &[
    // An autoscaler that was at its maximum for a day is at its maximum now.
    ("ChecklistAutoscalerOftenAtMax", "ChecklistAutoscalerAtMax"),
];

fn read(name: &str) -> anyhow::Result<String> {
    Ok(std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name))?)
}

/// Writes the example configuration with short waits, and with receivers that record their notifications.
fn configuration(folder: &Path, recorder: &Recorder) -> anyhow::Result<Config> {
    let text = read("examples/checklist.yaml")?;
    let names: BTreeSet<String> =
        groups(&Config::parse("checklist.yaml", &text)?).into_iter().map(|rule| rule.alert).collect();
    let mut yaml: Value = serde_yaml::from_str(&text)?;
    let alerting = &mut yaml["alerting"];
    let waits = names.iter().map(|name| (name.clone(), json!({"for": "2s", "keepFiringFor": "0s"})));
    alerting["alerts"] = Value::Object(waits.collect());
    alerting["grouping"] = json!({"wait": "1s", "interval": "1s", "repeat": "1h"});
    for (file, secret) in
        [("pagerduty-key", "0123456789abcdef0123456789abcdef".to_owned()), ("slack-url", recorder.slack_url())]
    {
        std::fs::write(folder.join(file), secret)?;
    }
    alerting["pagerduty"] = json!({"routingKeyFile": folder.join("pagerduty-key"), "url": recorder.pagerduty_url()});
    alerting["slack"] = json!({"webhookUrlFile": folder.join("slack-url")});
    Ok(Config::parse("checklist.yaml", &serde_yaml::to_string(&yaml)?)?)
}

fn groups(config: &Config) -> Vec<rules::model::Rule> {
    rules::groups(config).into_iter().flat_map(|group| group.rules).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_generated_alert_fires_and_reaches_its_receiver() -> anyhow::Result<()> {
    let folder = tempfile::Builder::new().prefix("checklist-alerts").tempdir()?;
    let recorder = Recorder::start().await?;
    let config = configuration(folder.path(), &recorder)?;
    rules_gen::outputs::file::write(&rules_gen::outputs::generate(&config, "checklist.yaml")?, folder.path())?;
    let routes = Configuration::parse(&std::fs::read_to_string(folder.path().join("alertmanager/alertmanager.yaml"))?)?;
    let tests = unit_tests::all(&rules::groups(&config))?;
    let roles: Vec<Vec<Role>> =
        tests.iter().enumerate().map(|(number, test)| Role::all(number, test)).collect::<anyhow::Result<_>>()?;
    let roles: Vec<Role> = roles.into_iter().flatten().collect();
    // The test has input for every shipped alert at every severity.
    let has = |alert: &Value| {
        let label = |role: &Role, name: &str| role.alert.get(name).cloned().unwrap_or_default();
        let plays = |role: &Role| {
            label(role, "alertname") == alert["alert"] && label(role, "severity") == alert["labels"]["severity"]
        };
        roles.iter().any(plays)
    };
    let shipped: Value = serde_yaml::from_str(&read("deploy/generated/rules/checklist.yaml")?)?;
    let shipped = shipped["groups"].as_array().into_iter().flatten().filter_map(|group| group["rules"].as_array());
    let alerts: Vec<&Value> = shipped.flatten().filter(|rule| rule["alert"].is_string()).collect();
    assert!(alerts.len() > 150, "only {} rules", alerts.len());
    let idle: Vec<&Value> = alerts.into_iter().filter(|alert| !has(alert)).collect();
    assert!(idle.is_empty(), "{idle:#?}");
    let plays = plays(roles, &routes);
    let mut unseen = Vec::new();
    for (number, play) in plays.iter().enumerate() {
        let others: Vec<&Role> = plays.iter().flatten().collect();
        unseen.extend(perform(play, &others, number, folder.path(), &recorder, &routes).await?);
    }
    assert!(unseen.is_empty(), "{unseen:#?}");
    Ok(())
}

/// Replays the input of these alerts. Returns those that did not fire or were not delivered.
async fn perform(
    play: &[Role],
    others: &[&Role],
    number: usize,
    folder: &Path,
    recorder: &Recorder,
    routes: &Configuration,
) -> anyhow::Result<Vec<String>> {
    let own = folder.join(format!("play-{number}"));
    std::fs::create_dir(&own)?;
    let before = recorder.messages().len();
    let played = Play::start(play, others).await?;
    played.write_history(&own)?;
    let (port, gate) = (stack::process::free_port()?, stack::process::free_port()?);
    let alertmanager = Alertmanager::start(gate, &folder.join("alertmanager/alertmanager.yaml"), &own).await?;
    let rules = folder.join("rules/checklist.yaml");
    let prometheus = Prometheus::start(port, &[played.page.port], &[], alertmanager.port, &rules, &own).await?;
    let begun = Instant::now();
    loop {
        let firing: Vec<Value> = prometheus.firing().await?;
        let kept = get_json(&format!("http://127.0.0.1:{gate}/api/v2/alerts")).await?;
        let messages = recorder.messages();
        let seen = |role: &&Role| -> Result<(), String> {
            let label = |name: &str| role.alert.get(name).map_or("", String::as_str);
            let one =
                format!("{} ({}) of {} {}", label("alertname"), label("severity"), label("check"), label("target"));
            if !firing.iter().any(|alert| is(&alert["labels"], &role.alert)) {
                return Err(format!("{one} does not fire"));
            }
            let at_gate = kept.as_array().into_iter().flatten().find(|alert| is(&alert["labels"], &role.alert));
            let at_gate = at_gate.ok_or_else(|| format!("{one} is not at Alertmanager"))?;
            let wanted: Vec<&str> =
                routes.receivers(&role.alert).iter().map(|receiver| receiver.name.as_str()).collect();
            let named: Vec<&str> =
                at_gate["receivers"].as_array().into_iter().flatten().filter_map(|one| one["name"].as_str()).collect();
            if named != wanted {
                return Err(format!("{one} is for {wanted:?}: {at_gate}"));
            }
            if let Some((_, other)) = HELD_BACK.iter().find(|(name, _)| *name == label("alertname")) {
                let by = at_gate["status"]["inhibitedBy"].as_array().into_iter().flatten();
                let by = by.filter_map(|id| kept.as_array()?.iter().find(|alert| alert["fingerprint"] == *id));
                let held = by.into_iter().any(|alert| alert["labels"]["alertname"] == *other);
                return if held { Ok(()) } else { Err(format!("{one} is not held back by {other}: {at_gate}")) };
            }
            if at_gate["status"]["state"] != "active" {
                return Err(format!("{one} is held back: {at_gate}"));
            }
            // If a message is about several alerts of a group, it contains the name of each.
            let message = |receiver: &str| {
                let about = |m: &Message| m.fires(label("alertname"));
                messages.iter().skip(before).any(|m| m.receiver == receiver && about(m))
            };
            match wanted.iter().find(|receiver| **receiver != "nobody" && !message(receiver)) {
                Some(receiver) => {
                    let named = |m: &&Message| m.fires(label("alertname")) && m.has(label("target"));
                    let last = messages.iter().skip(before).rev().find(named).map(|m| m.body.to_string());
                    Err(format!("{receiver} got no message about {one}; the last message that names it: {last:?}"))
                }
                None => Ok(()),
            }
        };
        let unseen: Vec<String> = play.iter().filter_map(|role| seen(&role).err()).collect();
        if unseen.is_empty() || begun.elapsed() > PATIENCE {
            // With this input every rule has data, so Prometheus could have warnings about it.
            let remarks = prometheus.remarks().await?;
            anyhow::ensure!(remarks.is_empty(), "{remarks:#?}");
            println!("{} alerts, {} not seen after {:.1} s", play.len(), unseen.len(), begun.elapsed().as_secs_f64());
            return Ok(unseen);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Whether an alert has at least these labels.
fn is(alert: &Value, labels: &Labels) -> bool {
    labels.iter().all(|(name, value)| alert[name] == *value)
}
